//! The return path: the addresses where news about sent mail arrives, and what that news says.
//!
//! - [`token`]: references to a message that nobody else can make up: VERP addresses, hosted unsubscribe links
//!   and complaint ids.
//! - [`inbound`]: what arrives there, read: delivery reports and bounces in prose, complaints, auto-replies.
//!
//! Whoever learns an address can write to it, so a report is evidence and never proof. The token says which
//! message it is about; what it says of that message is the word of a stranger.

pub mod inbound;
pub mod token;
