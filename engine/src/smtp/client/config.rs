//! Settings of the client session.

use crate::smtp::verdict::Phase;
use std::time::Duration;

/// Whether to use STARTTLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientTls {
    /// Plain text even where TLS is offered.
    Never,
    /// TLS wherever the peer offers it (RFC 7435).
    #[default]
    Opportunistic,
    /// TLS, or no delivery.
    Required,
}

/// Whether to send content with BDAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Chunking {
    /// DATA even where CHUNKING is offered.
    Never,
    /// BDAT wherever the peer offers CHUNKING (RFC 3030).
    #[default]
    WhenOffered,
}

/// Settings of a [`ClientSession`](super::ClientSession), shared by the sessions of one origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientConfig {
    /// The name or address literal to greet with (RFC 5321 section 4.1.1.1); no spaces or controls.
    pub ehlo_name: String,
    /// Whether to use STARTTLS.
    pub tls: ClientTls,
    /// Whether to send content with BDAT.
    pub chunking: Chunking,
    /// How long to wait for what.
    pub timeouts: Timeouts,
}

impl ClientConfig {
    /// The defaults with the given name.
    pub fn new(ehlo_name: impl Into<String>) -> Self {
        Self {
            ehlo_name: ehlo_name.into(),
            tls: ClientTls::default(),
            chunking: Chunking::default(),
            timeouts: Timeouts::default(),
        }
    }
}

/// How long to wait for the next bytes in each phase. [`Timeouts::default`] holds the values of RFC 5321
/// section 4.5.3.2 where it has one; the table is in the [module documentation](super).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the greeting.
    pub greeting: Duration,
    /// For the replies to EHLO and HELO.
    pub hello: Duration,
    /// For the reply to STARTTLS, and again for the handshake.
    pub tls: Duration,
    /// For an idle connection to be used again.
    pub idle: Duration,
    /// For the reply to RSET.
    pub rset: Duration,
    /// For the reply to MAIL.
    pub mail: Duration,
    /// For the reply to each RCPT.
    pub rcpt: Duration,
    /// For the reply to DATA.
    pub data: Duration,
    /// For the peer to take the next part of the content.
    pub body: Duration,
    /// For the reply to the end of data. Not to be shortened lightly: giving up early is how messages
    /// arrive twice (RFC 5321 section 4.5.3.2.6).
    pub dot: Duration,
    /// For the reply to QUIT.
    pub quit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        Self {
            greeting: Duration::from_secs(5 * MINUTE),
            hello: Duration::from_secs(5 * MINUTE),
            tls: Duration::from_secs(MINUTE),
            idle: Duration::from_secs(5),
            rset: Duration::from_secs(MINUTE),
            mail: Duration::from_secs(5 * MINUTE),
            rcpt: Duration::from_secs(5 * MINUTE),
            data: Duration::from_secs(2 * MINUTE),
            body: Duration::from_secs(3 * MINUTE),
            dot: Duration::from_secs(10 * MINUTE),
            quit: Duration::from_secs(10),
        }
    }
}

impl Timeouts {
    /// The time-out of a phase of the session; zero for the phases outside it, which have their own.
    pub const fn of(&self, phase: Phase) -> Duration {
        match phase {
            Phase::Queue | Phase::Lookup | Phase::Connect => Duration::ZERO,
            Phase::Greeting => self.greeting,
            Phase::Ehlo | Phase::Helo => self.hello,
            Phase::StartTls | Phase::Tls => self.tls,
            Phase::Idle => self.idle,
            Phase::Rset => self.rset,
            Phase::Mail => self.mail,
            Phase::Rcpt => self.rcpt,
            Phase::Data => self.data,
            Phase::Body => self.body,
            Phase::Dot => self.dot,
            Phase::Quit => self.quit,
        }
    }
}
