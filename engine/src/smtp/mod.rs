//! SMTP (RFC 5321) as pure state machines: bytes in, bytes and decisions out.

pub mod client;
pub mod reply;
pub mod server;
pub mod verdict;
