//! The server side of an SMTP session (RFC 5321) as a pure state machine: bytes in, replies and questions out.
//!
//! [`ServerSession`] is fed what the socket gave and answers the protocol by itself. What only the caller can
//! know it asks with a [`Step`]: may this sender speak, is this recipient ours, is there room for a message,
//! is the message safe on disk. While a question is open nothing more is consumed, so a client may pipeline as
//! far ahead as it likes (RFC 2920) and is still answered in order.
//!
//! # States and their order
//!
//! A session begins *unknown* until EHLO or HELO, is then *ready*, and goes round:
//! `ready → MAIL → envelope → RCPT… → DATA → content → dot → committing → ready`, or with BDAT (RFC 3030)
//! `envelope → chunk → between chunks → chunk … LAST → committing → ready`. EHLO, HELO and RSET lead from any
//! point between commands back to *ready*; STARTTLS leads through *handshake* back to *unknown*. Where AUTH (RFC
//! 4954) is wanted, *ready* has a round `exchange → … → credentials → ready` of its own, which MAIL waits for.
//!
//! # Invariants
//!
//! - Only CRLF ends a command line and only CRLF `.` CRLF ends DATA (RFC 5321 sections 2.3.8 and 4.1.1.4). A
//!   CR or LF alone is never a line end: in a command it is a syntax error, in a message it refuses the
//!   message after its true end. This is what stops SMTP smuggling, in and (through us) out.
//! - The replies and questions do not depend on how the network cut the input into reads.
//! - [`Step::NeedInput`] means that the input is used up; everything else leaves the rest for the next call.
//! - Memory is bounded by the configuration: a line or message that is too long is swallowed, not kept.
//! - Every octet of a BDAT chunk is consumed even when the command is refused, for else its content would be
//!   read as commands.
//! - Bytes that arrived in plain text after STARTTLS are dropped (RFC 3207 section 4.2), and with them what the
//!   client said and proved before.
//! - A password is asked for, and taken, only under TLS, or where the caller says that the connection cannot be
//!   overheard ([`ServerSession::allow_plain_auth`]).
//! - A [`ReceivedMessage`] has at least one recipient and no NUL, lone CR or lone LF in its content.
//!
//! # Time-outs
//!
//! The session has no clock; [`ServerSession::phase`] says what a silent peer is waited for, and how long:
//!
//! | Phase | Time-out | In words | Source |
//! |---|---|---|---|
//! | [`Greeting`](ServerPhase::Greeting) | 5 min | waiting for EHLO | RFC 5321 4.5.3.2.7 |
//! | [`Ready`](ServerPhase::Ready) | 5 min | waiting for MAIL | RFC 5321 4.5.3.2.7 |
//! | [`Login`](ServerPhase::Login) | 5 min | waiting for the answer to a challenge | RFC 4954 has none; as for a command |
//! | [`Envelope`](ServerPhase::Envelope) | 5 min | waiting for RCPT or DATA | RFC 5321 4.5.3.2.7 |
//! | [`Content`](ServerPhase::Content) | 3 min | receiving the message | RFC 5321 4.5.3.2.5, the client's figure |
//! | [`Deciding`](ServerPhase::Deciding) | 2 min | deciding about a command | RFC 5321 4.5.3.2.4, the client's patience |
//! | [`Committing`](ServerPhase::Committing) | 10 min | storing the message -- it may be sent again | RFC 5321 4.5.3.2.6, the client's patience |
//! | [`Handshake`](ServerPhase::Handshake) | 5 min | negotiating TLS | RFC 3207 has none; as for a command |
//! | [`Closing`](ServerPhase::Closing) | 10 s | closing | none; nothing is lost by closing early |
//!
//! The figures are for silence. A client that trickles bytes needs a deadline for the whole message besides,
//! which is the caller's.

mod auth;
mod bdat;
mod command;
mod config;
mod content;
mod data;
mod dispatch;
mod help;
mod input;
mod line;
mod login;
mod params;
mod path;
mod phase;
mod replies;
mod session;
mod step;
mod transaction;

pub use auth::{Credentials, Mechanism, Secret};
pub use config::{Auth, Dsn, Limits, RequireTls, ServerConfig, StartTls, Utf8Recipients};
pub use phase::ServerPhase;
pub use session::ServerSession;
pub use step::{Answer, Step};
pub use transaction::{MailCommand, ReceivedMessage};

#[cfg(test)]
mod tests;
