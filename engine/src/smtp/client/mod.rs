//! The client side of SMTP (RFC 5321) as a pure state machine: replies, losses and the driver's progress
//! in; bytes to write, time-outs and verdicts for each recipient out. No socket, no clock.
//!
//! # A connection
//! ```text
//! Greeting ─ Ehlo ─┬─ (StartTls ─ handshake ─ Ehlo) ─┬─ Ready ─ transaction ─ Ready ─ … ─ Quit ─ Closed
//!                  └─ Helo ─────────────────────────┘
//! transaction: (Rset) ─ Envelope: Mail, Rcpt…, Data ─┬─ Body ─ Dot
//!                                                    └─ lone dot
//! ```
//! The driver asks [`ClientSession::poll`] what to do, does it, tells the session what happened, and asks
//! again until [`Action::Closed`]. The bytes that `poll` appends are written before anything else is done.
//!
//! - **Envelope** is the three waits for the replies to MAIL, RCPT and DATA in one state with two cursors over
//!   the same commands: *sent* and *answered*. With PIPELINING (RFC 2920) *sent* runs ahead, by at most
//!   [`MAX_IN_FLIGHT`] commands; without, by one. A reply always belongs to the command at *answered*.
//! - With CHUNKING (RFC 3030) DATA is left out: once every RCPT is answered and one was accepted, one
//!   `BDAT size LAST` carries the content.
//! - **Lone dot**: DATA was pipelined, every recipient was refused and the peer says 354 all the same. An
//!   empty message ends what it began, and its reply is ignored (RFC 2920 section 3.1).
//! - A transaction abandoned after MAIL was accepted is followed by RSET, answered, before the next one.
//!
//! # Invariants
//! 1. Every transaction that [`ClientSession::begin`] takes ends in exactly one [`Action::Finished`], with
//!    one verdict for each recipient, whatever the peer does.
//! 2. A verdict once given stands: a recipient refused at RCPT stays refused when the connection dies later.
//! 3. Nothing learned or received in plain text survives the switch to TLS (RFC 3207 section 4.2).
//! 4. A recipient is [`Outcome::Delivered`](super::verdict::Outcome::Delivered) only by a 2xx to the end of
//!    data. Between end of data and its reply the outcome is unknown; a loss there is
//!    [`Attempt::InDoubt`], because the message may be sent more than once (RFC 1047).
//! 5. A failure before the first reply to a transaction on a connection used before says nothing about the
//!    message: [`Attempt::NotAttempted`].
//!
//! # Waits and their time-outs
//! | phase | default | while | source |
//! |---|---|---|---|
//! | Greeting | 5 min | receiving the greeting | RFC 5321 4.5.3.2.1 |
//! | Ehlo, Helo | 5 min | sending EHLO, sending HELO | as MAIL |
//! | StartTls | 1 min | sending STARTTLS | own choice |
//! | Tls | 1 min | performing the TLS handshake | own choice |
//! | Idle | 5 s | keeping the connection for reuse | own choice |
//! | Rset | 1 min | sending RSET | own choice |
//! | Mail | 5 min | sending MAIL FROM | RFC 5321 4.5.3.2.2 |
//! | Rcpt | 5 min | sending RCPT TO | RFC 5321 4.5.3.2.3 |
//! | Data | 2 min | sending DATA | RFC 5321 4.5.3.2.4 |
//! | Body | 3 min for each write | sending the message | RFC 5321 4.5.3.2.5 |
//! | Dot | 10 min | sending end of data -- message may be sent more than once | RFC 5321 4.5.3.2.6 |
//! | Quit | 10 s | sending QUIT | own choice: nothing depends on the answer |

mod capabilities;
mod config;
mod dot_stuff;
mod exchange;
mod failure;
mod session;

pub use capabilities::{Capabilities, Extension};
pub use config::{Chunking, ClientConfig, ClientTls, Timeouts};
pub use dot_stuff::dot_stuff;
pub use exchange::MAX_IN_FLIGHT;
pub use failure::{CloseReason, Failure};
pub use session::ClientSession;

use super::verdict::{Phase, Verdict};
use crate::{
    address::{EmailAddress, ReversePath},
    class::TransportSecurity,
    dsn::{DsnDuty, DsnRequest, RecipientDsn},
    envelope::{BodyType, SmtpUtf8},
};
use std::time::Duration;

pub use super::verdict::Loss;

/// One message for some recipients at one destination: what MAIL and RCPT need to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// The sender, for MAIL FROM.
    pub reverse_path: ReversePath,
    /// The recipients; verdicts name them by their index here.
    pub recipients: Vec<EmailAddress>,
    /// Exact size of the content in bytes, without dot-stuffing; SIZE and BDAT announce it.
    pub size: u64,
    /// Whether the content is 7-bit.
    pub body_type: BodyType,
    /// Whether the peer must offer SMTPUTF8.
    pub smtputf8: SmtpUtf8,
    /// Whether the peer must offer REQUIRETLS. That the connection is encrypted and the peer authenticated is the
    /// driver's part.
    pub security: TransportSecurity,
    /// RET and ENVID, passed on to a server that offers DSN (RFC 3461 section 5.2.1).
    pub dsn: DsnRequest,
    /// NOTIFY and ORCPT of each recipient, by its index, passed on likewise; a recipient beyond the end has
    /// neither.
    pub recipients_dsn: Vec<RecipientDsn>,
}

/// What the driver of a [`ClientSession`] must do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Write what `poll` appended, then read, and give the bytes to [`ClientSession::receive`]. When the reply
    /// is not complete after [`Wait::timeout`]: [`ClientSession::lost`].
    Read(Wait),
    /// Perform the TLS handshake, then call [`ClientSession::tls_established`] or
    /// [`ClientSession::tls_failed`]. Plain text received after the reply to STARTTLS was dropped.
    StartTls,
    /// Nothing outstanding: [`ClientSession::begin`] or [`ClientSession::quit`].
    Ready,
    /// Write what `poll` appended, then the content in this framing, then call
    /// [`ClientSession::body_sent`].
    WriteBody(Framing),
    /// The transaction is over; returned once, the next poll gives [`Action::Ready`] or [`Action::Closed`].
    Finished(Box<TransactionResult>),
    /// The connection is of no more use: close it.
    Closed(CloseReason),
}

/// What is waited for, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// The command whose reply is due.
    pub phase: Phase,
    /// How many replies came before it: the next one has its whole time-out again.
    pub reply: u64,
    /// Longest time until it is complete.
    pub timeout: Duration,
}

/// How the content is put on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Everything [`dot_stuff`] yields (RFC 5321 section 4.5.2).
    Dot,
    /// The content as it is, [`Transaction::size`] bytes; the BDAT line comes from `poll` (RFC 3030).
    Bdat,
}

/// How a transaction ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionResult {
    /// A verdict for each recipient, by its index in [`Transaction::recipients`], in that order.
    pub verdicts: Vec<(usize, Verdict)>,
    /// What the transaction counts as.
    pub attempt: Attempt,
    /// Who reports on the recipients delivered.
    pub duty: DsnDuty,
}

/// What a transaction counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// An attempt with a known end.
    Counted,
    /// The connection ended after the end of data and before its reply: the peer may have taken the message,
    /// and another attempt may deliver it twice. The verdicts are soft.
    InDoubt,
    /// The connection, used before, failed before the first reply to this transaction, which says nothing
    /// about the message: send it over a new connection and count no attempt. The verdicts tell the cause.
    NotAttempted,
}
