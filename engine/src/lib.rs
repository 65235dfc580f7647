//! Mail logic as pure code: addresses, messages, signatures, SMTP sessions, verdicts and schedules.
//!
//! Nothing here opens a socket, reads a clock, touches a disk or draws a random number: time, randomness
//! and input arrive as arguments, and results are values. The crates above this one perform the effects.

pub mod address;
pub mod authentication;
pub mod class;
pub mod classify;
pub mod dkim;
pub mod dmarc_report;
pub mod domain_dns;
pub mod dsn;
pub mod envelope;
pub mod fair;
pub mod governor;
pub mod id;
pub mod limits;
pub mod message;
pub mod milter;
pub mod mx;
pub mod public_ip;
pub mod report_in;
pub mod request_mark;
pub mod retry;
pub mod return_path;
pub mod roster;
pub mod sandbox;
pub mod shaping;
pub mod smtp;
pub mod source;
pub mod spam;
pub mod time;
pub mod tls;
pub mod webhook;
pub mod worker;
