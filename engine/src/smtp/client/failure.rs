//! How connections end.

use crate::smtp::{
    reply::{Reply, ReplyError},
    verdict::{Loss, Phase, Verdict, judge},
};
use std::fmt;

/// Why a connection is of no more use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// We said QUIT.
    Quit,
    /// The connection failed, before, between or in transactions.
    Failed(Failure),
}

/// What made a connection fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The peer refused to go on: 421 in any phase, 4xx or 5xx before the first transaction or to RSET, a
    /// refusal while the content was being sent.
    Refused {
        /// The command it answered.
        phase: Phase,
        /// The peer's words.
        reply: Reply,
    },
    /// TLS is required, and the peer does not offer STARTTLS.
    TlsNotOffered,
    /// The peer offered STARTTLS and refused it.
    StartTlsRefused(Reply),
    /// The TLS handshake failed, for this reason.
    TlsFailed(String),
    /// The connection was lost.
    Lost {
        /// Where the session was.
        phase: Phase,
        /// How.
        loss: Loss,
    },
    /// What the peer sent is no SMTP reply.
    Protocol {
        /// Where the session was.
        phase: Phase,
        /// What is wrong with it.
        error: ReplyError,
    },
    /// A reply out of place, such as 250 to DATA, or one that nothing asked for.
    Unexpected {
        /// Where the session was.
        phase: Phase,
        /// The peer's words.
        reply: Reply,
    },
}

impl Failure {
    /// What the failure means for a message that depended on the connection.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Refused { phase, reply } | Self::Unexpected { phase, reply } => judge(*phase, reply),
            Self::TlsNotOffered => Verdict::tls_not_offered(),
            Self::StartTlsRefused(reply) => judge(Phase::StartTls, reply),
            Self::TlsFailed(why) => Verdict::tls_failed(why),
            Self::Lost { phase, loss } => Verdict::lost(*phase, loss),
            Self::Protocol { phase, error } => Verdict::protocol_error(*phase, error),
        }
    }

    /// Whether TLS is what failed: where it is opportunistic, the same host may be tried again without
    /// (RFC 7435: plain text rather than no delivery). Some servers drop the connection where TLS should begin.
    pub fn is_about_tls(&self) -> bool {
        match self {
            Self::TlsNotOffered | Self::StartTlsRefused(_) | Self::TlsFailed(_) => true,
            Self::Lost { phase, .. } | Self::Protocol { phase, .. } => {
                matches!(phase, Phase::StartTls | Phase::Tls)
            }
            Self::Refused { .. } | Self::Unexpected { .. } => false,
        }
    }

    /// Whether the peer itself said how it stands; if not, what it did with the last command is unknown.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::StartTlsRefused(_))
    }
}

impl fmt::Display for CloseReason {
    /// One line, as of [`Verdict`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quit => f.write_str("closed by us"),
            Self::Failed(failure) => failure.verdict().fmt(f),
        }
    }
}
