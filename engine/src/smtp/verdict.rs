//! Verdicts: what one delivery attempt meant for one recipient, and whose fault it was.
//!
//! A verdict is a value decided in one place and kept: the journal stores it, the retry schedule reads its
//! [`Outcome`], suppression reads its [`Fault`], bounces and logs print it. Replies of the peer become
//! verdicts in [`judge()`] ([`mod@judge`]); everything that is not a reply has a constructor here.

pub mod judge;
pub mod phase;

pub use judge::judge;
pub use phase::Phase;

use super::reply::{EnhancedCode, Reply, ReplyError, printable};
use crate::tls::{HostRefusal, OnFailure};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most bytes of a peer's text kept in a verdict; one is stored for every recipient.
pub const MAX_KEPT_REPLY: usize = 1_000;
/// Most characters of [`Verdict::detail`].
pub const MAX_DETAIL_CHARS: usize = 500;

/// What becomes of the recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// The peer took responsibility.
    Delivered,
    /// Not now; another attempt may succeed.
    Soft,
    /// Never; the sender is told.
    Hard,
}

/// Whose fault a failure was; decides on suppression (recipient), on feedback to the sender (message,
/// sender), on slowing down (remote, us) and on trying another host (network).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fault {
    /// Nothing failed.
    None,
    /// The address: it does not exist, is disabled, full, or its domain takes no mail.
    Recipient,
    /// The content: too large, of a wrong form, or taken for spam.
    Message,
    /// The sender's address or domain, its authentication included.
    Sender,
    /// The receiving system: overloaded, misconfigured, or not speaking SMTP.
    Remote,
    /// This installation: its IP address, host name, rate or conduct.
    Us,
    /// What is between: name service, routing, broken connections.
    Network,
    /// The reply does not tell, as with most refusals by policy.
    Unknown,
}

/// How a connection ended without a reply.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Loss {
    /// The peer closed its side.
    Eof,
    /// The connection broke, with the system's words for it.
    Reset(String),
    /// Nothing came within the time-out of the phase.
    TimedOut,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eof => f.write_str("the peer closed the connection"),
            Self::Reset(why) => write!(f, "connection lost: {why}"),
            Self::TimedOut => f.write_str("timed out"),
        }
    }
}

/// What one delivery attempt meant for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Verdict {
    /// What becomes of the recipient.
    pub outcome: Outcome,
    /// Whose fault it was.
    pub fault: Fault,
    /// Where in the delivery it was decided.
    pub phase: Phase,
    /// The status for delivery reports (RFC 3464 section 2.3.4): the peer's enhanced code, else our own.
    /// Its class can differ from the outcome: an expired message is [`Outcome::Hard`] with 4.4.7.
    pub status: EnhancedCode,
    /// The peer's reply, its text cut to [`MAX_KEPT_REPLY`] bytes; `None` when there was none.
    pub reply: Option<Reply>,
    /// Our own words in one line of at most [`MAX_DETAIL_CHARS`] characters; may be empty beside a reply.
    pub detail: String,
}

impl Verdict {
    /// The connection ended in `phase` without the reply that was due: soft, 4.4.2.
    pub fn lost(phase: Phase, loss: &Loss) -> Self {
        Self::own(Outcome::Soft, Fault::Network, phase, EnhancedCode::new(4, 4, 2), loss.to_string())
    }

    /// What came in `phase` was no SMTP reply: soft, 4.5.0.
    pub fn protocol_error(phase: Phase, error: &ReplyError) -> Self {
        Self::own(Outcome::Soft, Fault::Remote, phase, EnhancedCode::new(4, 5, 0), error.to_string())
    }

    /// The TLS handshake failed: soft, 4.7.5.
    pub fn tls_failed(why: &str) -> Self {
        let detail = format!("TLS handshake failed: {why}");
        Self::own(Outcome::Soft, Fault::Remote, Phase::Tls, EnhancedCode::new(4, 7, 5), detail)
    }

    /// TLS is required, by the recipient's domain, the configuration or the message, and the server does not
    /// offer it: soft, 4.7.4 (RFC 3463 section 3.8), since a server that offered it yesterday may tomorrow.
    pub fn tls_not_offered() -> Self {
        let detail = "TLS is required and the receiving server does not offer STARTTLS";
        Self::own(Outcome::Soft, Fault::Remote, Phase::StartTls, EnhancedCode::new(4, 7, 4), detail)
    }

    /// The TLS policies of the recipient's domain or of the message keep the message from the server: soft, or hard
    /// where they could never be met, with the status that the refusal names.
    pub fn tls_policy(refusal: &HostRefusal) -> Self {
        let (outcome, fault) = match refusal.on_failure() {
            OnFailure::Bounce => (Outcome::Hard, Fault::Message),
            OnFailure::Defer | OnFailure::FallBack => (Outcome::Soft, Fault::Remote),
        };
        Self::own(outcome, fault, Phase::Tls, refusal.status(), refusal.to_string())
    }

    /// An operator took the message out of the queue: hard, 5.4.0, nobody's fault that anybody could mend.
    pub fn cancelled(by: &str) -> Self {
        let detail = format!("the message was cancelled by {by}");
        Self::own(Outcome::Hard, Fault::Us, Phase::Queue, EnhancedCode::new(5, 4, 0), detail)
    }

    /// The message needs SMTPUTF8 and the peer does not offer it: hard, 5.6.7 (RFC 6531 section 3.5).
    pub fn smtputf8_not_offered() -> Self {
        let detail = "the message needs SMTPUTF8 and the receiving server does not offer it";
        Self::own(Outcome::Hard, Fault::Message, Phase::Mail, EnhancedCode::new(5, 6, 7), detail)
    }

    /// The message needs REQUIRETLS and the peer does not offer it: hard, 5.7.30 (RFC 8689 section 4.2.1).
    pub fn requiretls_not_offered() -> Self {
        let detail = "the message must only travel over TLS and the receiving server does not promise that";
        Self::own(Outcome::Hard, Fault::Message, Phase::Mail, EnhancedCode::new(5, 7, 30), detail)
    }

    /// The message needs REQUIRETLS, and TLS with the server failed as `failed` says: hard, 5.7.30 (RFC 8689
    /// section 4.2.1).
    pub fn requiretls_not_met(failed: &Self) -> Self {
        let detail = format!("the message must only travel over verified TLS: {failed}");
        Self::own(Outcome::Hard, Fault::Message, Phase::Tls, EnhancedCode::new(5, 7, 30), detail)
    }

    /// The message is larger than the peer's announced limit, both in bytes: hard, 5.3.4 (RFC 1870
    /// section 6).
    pub fn too_large(size: u64, limit: u64) -> Self {
        let detail = format!("the message of {size} bytes exceeds the receiving server's limit of {limit}");
        Self::own(Outcome::Hard, Fault::Message, Phase::Mail, EnhancedCode::new(5, 3, 4), detail)
    }

    /// The domain does not exist in the DNS: hard, 5.1.2.
    pub fn no_such_domain(domain: &str) -> Self {
        let detail = format!("the domain {domain} does not exist");
        Self::own(Outcome::Hard, Fault::Recipient, Phase::Lookup, EnhancedCode::new(5, 1, 2), detail)
    }

    /// The domain exists and has neither MX nor address records: hard, 5.4.4 (unable to route).
    pub fn no_mail_host(domain: &str) -> Self {
        let detail = format!("the domain {domain} has no mail host (neither MX nor address records)");
        Self::own(Outcome::Hard, Fault::Recipient, Phase::Lookup, EnhancedCode::new(5, 4, 4), detail)
    }

    /// The domain publishes a null MX: hard, 5.1.10 (RFC 7505 section 4.1).
    pub fn null_mx(domain: &str) -> Self {
        let detail = format!("the domain {domain} accepts no mail (null MX)");
        Self::own(Outcome::Hard, Fault::Recipient, Phase::Lookup, EnhancedCode::new(5, 1, 10), detail)
    }

    /// The best mail host of the domain that is left is ourselves: hard, 5.4.6 (routing loop, RFC 3463
    /// section 3.5). Our own configuration or their DNS is wrong.
    pub fn mail_loop(domain: &str) -> Self {
        let detail =
            format!("mail for {domain} loops back to this server, which is not configured to keep it");
        Self::own(Outcome::Hard, Fault::Us, Phase::Lookup, EnhancedCode::new(5, 4, 6), detail)
    }

    /// The DNS gave no answer: soft, 4.4.3.
    pub fn dns_failure(why: &str) -> Self {
        let detail = format!("DNS look-up failed: {why}");
        Self::own(Outcome::Soft, Fault::Network, Phase::Lookup, EnhancedCode::new(4, 4, 3), detail)
    }

    /// No host of the domain could be connected to: soft, 4.4.1.
    pub fn connect_failure(why: &str) -> Self {
        let detail = format!("cannot connect: {why}");
        Self::own(Outcome::Soft, Fault::Network, Phase::Connect, EnhancedCode::new(4, 4, 1), detail)
    }

    /// The stored message cannot be read back: hard, 5.3.0, our own fault.
    pub fn damaged(why: &str) -> Self {
        let detail = format!("the message was damaged while it was queued: {why}");
        Self::own(Outcome::Hard, Fault::Us, Phase::Queue, EnhancedCode::new(5, 3, 0), detail)
    }

    /// The retry schedule gave up: hard, 4.4.7 (RFC 3463 section 3.5), with the last failure's fault and
    /// reply, because these are what the sender can act on.
    pub fn expired(last: &Verdict) -> Self {
        let mut expired = Self::own(
            Outcome::Hard,
            last.fault,
            Phase::Queue,
            EnhancedCode::new(4, 4, 7),
            format!("delivery time expired; last failure: {last}"),
        );
        expired.reply.clone_from(&last.reply);
        expired
    }

    /// A verdict without a reply.
    fn own(
        outcome: Outcome,
        fault: Fault,
        phase: Phase,
        status: EnhancedCode,
        detail: impl AsRef<str>,
    ) -> Self {
        let detail = printable(detail.as_ref(), MAX_DETAIL_CHARS);
        Self { outcome, fault, phase, status, reply: None, detail }
    }
}

impl fmt::Display for Verdict {
    /// One line as a person reads it in a log or a bounce: the reply or our status and words, then when.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reply {
            // The words of an expired message already end with the last reply.
            Some(reply) if self.phase != Phase::Queue => {
                write!(f, "{reply} (while {})", self.phase.phrase())?;
                if !self.detail.is_empty() {
                    write!(f, "; {}", self.detail)?;
                }
                Ok(())
            }
            _ if self.phase == Phase::Queue => write!(f, "{} {}", self.status, self.detail),
            _ => write!(f, "{} {} (while {})", self.status, self.detail, self.phase.phrase()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::reply::SmtpCode;

    #[test]
    fn own_verdicts_carry_their_registered_status() {
        let cases = [
            (Verdict::no_such_domain("x.example"), Outcome::Hard, "5.1.2"),
            (Verdict::no_mail_host("x.example"), Outcome::Hard, "5.4.4"),
            (Verdict::null_mx("x.example"), Outcome::Hard, "5.1.10"),
            (Verdict::dns_failure("SERVFAIL"), Outcome::Soft, "4.4.3"),
            (Verdict::connect_failure("refused"), Outcome::Soft, "4.4.1"),
            (Verdict::lost(Phase::Dot, &Loss::Eof), Outcome::Soft, "4.4.2"),
            (Verdict::protocol_error(Phase::Mail, &ReplyError::LineTooLong), Outcome::Soft, "4.5.0"),
            (Verdict::tls_failed("no common cipher"), Outcome::Soft, "4.7.5"),
            (Verdict::smtputf8_not_offered(), Outcome::Hard, "5.6.7"),
            (Verdict::too_large(11, 10), Outcome::Hard, "5.3.4"),
        ];
        for (verdict, outcome, status) in cases {
            assert_eq!(
                (verdict.outcome, verdict.status.to_string().as_str()),
                (outcome, status),
                "{verdict}"
            );
            assert!(verdict.to_string().starts_with(status), "{verdict}");
        }
    }

    #[test]
    fn prints_the_reply_and_the_phase_on_one_line() {
        let reply =
            Reply::new(SmtpCode::MAILBOX_UNAVAILABLE, Some(EnhancedCode::new(5, 1, 1)), "no such\nuser");
        let verdict = judge(Phase::Rcpt, &reply);
        assert_eq!(verdict.to_string(), "550 5.1.1 no such user (while sending RCPT TO)");
    }

    #[test]
    fn prints_that_a_lost_end_of_data_may_be_sent_twice() {
        assert_eq!(
            Verdict::lost(Phase::Dot, &Loss::TimedOut).to_string(),
            "4.4.2 timed out (while sending end of data -- message may be sent more than once)"
        );
    }

    #[test]
    fn expiry_keeps_fault_and_reply_of_the_last_failure() {
        let reply = Reply::new(SmtpCode::INSUFFICIENT_STORAGE, Some(EnhancedCode::new(4, 2, 2)), "full");
        let expired = Verdict::expired(&judge(Phase::Rcpt, &reply));
        assert_eq!((expired.outcome, expired.fault), (Outcome::Hard, Fault::Recipient));
        assert_eq!(expired.reply, Some(reply));
        assert_eq!(
            expired.to_string(),
            "4.4.7 delivery time expired; last failure: 452 4.2.2 full (while sending RCPT TO)"
        );
    }

    #[test]
    fn hostile_details_are_bounded_and_escaped() {
        let verdict = Verdict::dns_failure(&"\r\n".repeat(10_000));
        assert_eq!(verdict.detail.chars().count(), MAX_DETAIL_CHARS);
        assert!(!verdict.detail.contains(char::is_control));
    }
}
