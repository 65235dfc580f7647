//! Where in a delivery something happens: one name for time-outs, verdicts, logs and metrics.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A step of a delivery, in the order they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Waiting in the queue, outside any attempt.
    Queue,
    /// Looking up the domain's mail hosts and their addresses.
    Lookup,
    /// Opening the connection.
    Connect,
    /// Waiting for the 220 greeting.
    Greeting,
    /// EHLO sent.
    Ehlo,
    /// HELO sent, after EHLO was refused.
    Helo,
    /// STARTTLS sent.
    StartTls,
    /// TLS handshake.
    Tls,
    /// Between transactions, nothing outstanding.
    Idle,
    /// RSET sent.
    Rset,
    /// MAIL FROM sent.
    Mail,
    /// RCPT TO sent.
    Rcpt,
    /// DATA sent.
    Data,
    /// Sending the content.
    Body,
    /// Content and end of data sent. Until the answer comes the peer may have taken the message without our
    /// knowing (RFC 1047).
    Dot,
    /// QUIT sent.
    Quit,
}

impl Phase {
    /// Whether it is decided here what TLS comes to.
    pub const fn is_about_tls(self) -> bool {
        matches!(self, Self::StartTls | Self::Tls)
    }

    /// The phase in words that follow "while".
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Queue => "waiting in the queue",
            Self::Lookup => "looking up the mail hosts",
            Self::Connect => "connecting",
            Self::Greeting => "receiving the greeting",
            Self::Ehlo => "sending EHLO",
            Self::Helo => "sending HELO",
            Self::StartTls => "sending STARTTLS",
            Self::Tls => "performing the TLS handshake",
            Self::Idle => "keeping the connection for reuse",
            Self::Rset => "sending RSET",
            Self::Mail => "sending MAIL FROM",
            Self::Rcpt => "sending RCPT TO",
            Self::Data => "sending DATA",
            Self::Body => "sending the message",
            Self::Dot => "sending end of data -- message may be sent more than once",
            Self::Quit => "sending QUIT",
        }
    }

    /// A stable lower-case word for log fields and metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Lookup => "lookup",
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Ehlo => "ehlo",
            Self::Helo => "helo",
            Self::StartTls => "starttls",
            Self::Tls => "tls",
            Self::Idle => "idle",
            Self::Rset => "rset",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Body => "body",
            Self::Dot => "dot",
            Self::Quit => "quit",
        }
    }

    /// Whether replies in this phase are about the connection and not yet about any message.
    pub const fn precedes_transaction(self) -> bool {
        matches!(
            self,
            Self::Greeting
                | Self::Ehlo
                | Self::Helo
                | Self::StartTls
                | Self::Tls
                | Self::Idle
                | Self::Rset
                | Self::Quit
        )
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
