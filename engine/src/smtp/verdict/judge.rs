//! From a reply to a verdict: the one place where codes are given meaning.
//!
//! The outcome is the class of the code, 4xx soft and 5xx hard (RFC 5321 section 4.2.1), but for the
//! exceptions that `exception` lists with their sources. The fault comes from the enhanced code (RFC 3463,
//! with the registry of RFC 5248), else from the code and the command it answers.

use super::{Fault, MAX_KEPT_REPLY, Outcome, Phase, Verdict};
use crate::smtp::reply::{EnhancedCode, Reply, ReplyClass, SmtpCode};

/// What `reply`, received in `phase`, means for the recipients it applies to.
///
/// Only a 2xx after the end of data is a delivery. A 2xx or 3xx that ends a transaction anywhere else is
/// out of place, and soft: the peer has lost its thread.
pub fn judge(phase: Phase, reply: &Reply) -> Verdict {
    let (outcome, fault, detail) = match reply.class() {
        ReplyClass::Success if phase == Phase::Dot => (Outcome::Delivered, Fault::None, ""),
        ReplyClass::Success | ReplyClass::Intermediate => {
            (Outcome::Soft, Fault::Remote, "a reply out of place")
        }
        ReplyClass::Transient => (Outcome::Soft, fault(phase, reply), ""),
        ReplyClass::Permanent => match exception(phase, reply) {
            Some(why) => (Outcome::Soft, fault(phase, reply), why),
            None => (Outcome::Hard, fault(phase, reply), ""),
        },
    };
    let status = status(outcome, reply);
    let reply = Some(reply.clone().shortened(MAX_KEPT_REPLY));
    Verdict { outcome, fault, phase, status, reply, detail: detail.to_owned() }
}

/// Why a 5xx reply is nevertheless soft, if it is.
fn exception(phase: Phase, reply: &Reply) -> Option<&'static str> {
    let condition = reply.enhanced().map(EnhancedCode::condition);
    match (reply.code(), condition) {
        // RFC 3463 section 3.3: "this code should be used as a persistent transient failure".
        (_, Some((2, 2))) => Some("a full mailbox is tried again"),
        // RFC 5321 section 4.5.3.1.10: a 552 to RCPT for too many recipients is to be treated as 452; the
        // next attempt carries only those left over. Without an enhanced code a 552 to RCPT means either
        // that or a full mailbox, both temporary; 5.3.4 and the like are about size and stay hard.
        (SmtpCode::STORAGE_EXCEEDED, None) | (_, Some((5, 3))) if phase == Phase::Rcpt => {
            Some("too many recipients at once or a full mailbox is tried again")
        }
        // RFC 7504 section 3: a host that says 521, and a domain behind 556, never take mail.
        (SmtpCode::NEVER_ACCEPTS | SmtpCode::DOMAIN_NEVER_ACCEPTS, _) => None,
        // A refusal before MAIL is about our host and theirs, not about the message: another host or
        // another day may take it. Postfix does the same (smtp_skip_5xx_greeting).
        _ if phase.precedes_transaction() => Some("the connection was refused, not the message"),
        // RFC 3207 section 4: TLS is demanded; we would have used it had it been offered and worked.
        (SmtpCode::AUTH_REQUIRED, _) => Some("the server demands TLS or authentication"),
        _ => None,
    }
}

/// The status for delivery reports: subject and detail as the peer gave them, else x.0.0 (RFC 3463
/// section 2), in the class of the outcome, so that a report never says 5 of what is tried again.
fn status(outcome: Outcome, reply: &Reply) -> EnhancedCode {
    let class = match outcome {
        Outcome::Delivered => 2,
        Outcome::Soft => 4,
        Outcome::Hard => 5,
    };
    let (subject, detail) = reply.enhanced().map_or((0, 0), EnhancedCode::condition);
    EnhancedCode::new(class, subject, detail)
}

/// Whose fault a 4xx or 5xx is.
fn fault(phase: Phase, reply: &Reply) -> Fault {
    match reply.enhanced().map(EnhancedCode::condition) {
        Some((7, detail)) => fault_of_policy(detail).unwrap_or_else(|| fault_of_refusal(phase)),
        Some(condition) => {
            fault_of_condition(condition).unwrap_or_else(|| fault_of_code(phase, reply.code()))
        }
        None => fault_of_code(phase, reply.code()),
    }
}

/// Whose fault an enhanced code says it is; `None` when the condition alone does not tell.
fn fault_of_condition(condition: (u16, u16)) -> Option<Fault> {
    let fault = match condition {
        (1, 7 | 8) => Fault::Sender,
        (1, 9) => Fault::Remote,
        (1, _) => Fault::Recipient,
        // Message length exceeds the recipient's limit.
        (2, 3) => Fault::Message,
        (2, _) => Fault::Recipient,
        // Message too big for the system.
        (3, 4) => Fault::Message,
        (3, _) => Fault::Remote,
        // System congestion and routing loops are the receiver's.
        (4, 5 | 6) => Fault::Remote,
        (4, _) => Fault::Network,
        (5, _) => Fault::Us,
        (6, _) => Fault::Message,
        _ => return None,
    };
    Some(fault)
}

/// Whose fault a code of subject 7 (security or policy) says it is; `None` for those used for everything.
fn fault_of_policy(detail: u16) -> Option<Fault> {
    match detail {
        // Account disabled (RFC 5248 registry), mailbox or domain changed owner (RFC 7293).
        13 | 17 | 18 => Some(Fault::Recipient),
        // No passing, acceptable or matching DKIM signature; SPF failed or in error (RFC 7372).
        20..=24 => Some(Fault::Sender),
        // Reverse DNS validation failed (RFC 7372).
        25 => Some(Fault::Us),
        // Multiple authentication checks failed (RFC 7372); the sender's domain has a null MX (RFC 7505).
        26 | 27 => Some(Fault::Sender),
        // Mail flood detected (RFC 5248 registry).
        28 => Some(Fault::Us),
        // ARC validation failure (RFC 8617).
        29 => Some(Fault::Message),
        // Cryptography and required encryption (RFC 3463, RFC 8689).
        4..=7 | 10 | 30 => Some(Fault::Remote),
        _ => None,
    }
}

/// Whose fault an unexplained refusal by policy (5.7.0, 5.7.1) most likely is. At RCPT it must not count
/// against the address: blocklists answer there as well.
fn fault_of_refusal(phase: Phase) -> Fault {
    match phase {
        Phase::Data | Phase::Body | Phase::Dot => Fault::Message,
        _ if phase.precedes_transaction() => Fault::Us,
        _ => Fault::Unknown,
    }
}

/// Whose fault it most likely is when only the code and the command are known (RFC 5321 section 4.2.2).
fn fault_of_code(phase: Phase, code: SmtpCode) -> Fault {
    let permanent = code.class() == ReplyClass::Permanent;
    match (phase, code.as_u16()) {
        (_, 556) | (Phase::Rcpt, 550 | 551 | 553) => Fault::Recipient,
        (_, 421 | 451 | 452 | 521) => Fault::Remote,
        (_, 503 | 530) => Fault::Us,
        (Phase::Mail, 552) => Fault::Message,
        (Phase::Mail, _) if permanent => Fault::Sender,
        (Phase::Data | Phase::Body | Phase::Dot, _) if permanent => Fault::Message,
        _ if phase.precedes_transaction() && permanent => Fault::Us,
        _ if phase.precedes_transaction() => Fault::Remote,
        _ => Fault::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Fault::*;
    use Outcome::*;
    use proptest::prelude::*;

    /// A reply from its text on the wire, `550 5.1.1 text`.
    fn reply(text: &str) -> Reply {
        let mut parser = crate::smtp::reply::ReplyParser::default();
        parser.feed(format!("{text}\r\n").as_bytes());
        parser.next_reply().unwrap().unwrap()
    }

    fn check(cases: &[(Phase, &str, Outcome, Fault, &str)]) {
        for &(phase, text, outcome, fault, status) in cases {
            let verdict = judge(phase, &reply(text));
            let got = (verdict.outcome, verdict.fault, verdict.status.to_string());
            assert_eq!(got, (outcome, fault, status.to_owned()), "{phase}: {text}");
        }
    }

    #[test]
    fn the_first_digit_decides() {
        check(&[
            (Phase::Dot, "250 2.0.0 queued", Delivered, None, "2.0.0"),
            (Phase::Dot, "250 queued", Delivered, None, "2.0.0"),
            (Phase::Dot, "451 try later", Soft, Remote, "4.0.0"),
            (Phase::Dot, "554 no", Hard, Message, "5.0.0"),
            (Phase::Rcpt, "450 greylisted", Soft, Unknown, "4.0.0"),
            (Phase::Rcpt, "550 5.1.1 no such user", Hard, Recipient, "5.1.1"),
            (Phase::Rcpt, "550 no such user", Hard, Recipient, "5.0.0"),
            (Phase::Mail, "553 5.1.8 no such domain", Hard, Sender, "5.1.8"),
        ]);
    }

    #[test]
    fn success_anywhere_but_after_the_dot_is_no_delivery() {
        check(&[
            (Phase::Rcpt, "250 ok", Soft, Remote, "4.0.0"),
            (Phase::Data, "250 2.0.0 ok", Soft, Remote, "4.0.0"),
            (Phase::Dot, "354 go on", Soft, Remote, "4.0.0"),
        ]);
    }

    #[test]
    fn a_full_mailbox_is_soft_whatever_the_code() {
        check(&[
            (Phase::Rcpt, "552 5.2.2 over quota", Soft, Recipient, "4.2.2"),
            (Phase::Dot, "550 5.2.2 over quota", Soft, Recipient, "4.2.2"),
            (Phase::Rcpt, "452 4.2.2 over quota", Soft, Recipient, "4.2.2"),
        ]);
    }

    #[test]
    fn too_many_recipients_is_soft_and_too_large_is_hard() {
        check(&[
            (Phase::Rcpt, "552 too many", Soft, Unknown, "4.0.0"),
            (Phase::Rcpt, "550 5.5.3 too many", Soft, Us, "4.5.3"),
            (Phase::Rcpt, "552 5.3.4 too big", Hard, Message, "5.3.4"),
            (Phase::Mail, "552 5.3.4 too big", Hard, Message, "5.3.4"),
            (Phase::Mail, "552 too big", Hard, Message, "5.0.0"),
            (Phase::Dot, "552 too big", Hard, Message, "5.0.0"),
        ]);
    }

    #[test]
    fn a_refused_connection_says_nothing_about_the_message() {
        check(&[
            (Phase::Greeting, "554 5.7.1 blocked", Soft, Us, "4.7.1"),
            (Phase::Greeting, "421 too busy", Soft, Remote, "4.0.0"),
            (Phase::Ehlo, "550 5.7.25 no reverse name", Soft, Us, "4.7.25"),
            (Phase::StartTls, "454 no TLS today", Soft, Remote, "4.0.0"),
            (Phase::Mail, "530 5.7.0 STARTTLS first", Soft, Unknown, "4.7.0"),
            (Phase::Greeting, "521 no mail here", Hard, Remote, "5.0.0"),
            (Phase::Rcpt, "556 5.1.10 null MX", Hard, Recipient, "5.1.10"),
        ]);
    }

    #[test]
    fn policy_at_rcpt_never_counts_against_the_address() {
        check(&[
            (Phase::Rcpt, "550 5.7.1 blocklisted", Hard, Unknown, "5.7.1"),
            (Phase::Dot, "550 5.7.1 spam", Hard, Message, "5.7.1"),
            (Phase::Dot, "550 5.7.26 unauthenticated", Hard, Sender, "5.7.26"),
            (Phase::Rcpt, "550 5.7.13 account disabled", Hard, Recipient, "5.7.13"),
            (Phase::Rcpt, "421 4.7.28 rate", Soft, Us, "4.7.28"),
        ]);
    }

    #[test]
    fn says_why_a_permanent_reply_is_soft() {
        let verdict = judge(Phase::Rcpt, &reply("552 5.2.2 over quota"));
        assert_eq!(
            verdict.to_string(),
            "552 5.2.2 over quota (while sending RCPT TO); a full mailbox is tried again"
        );
    }

    #[test]
    fn keeps_only_the_beginning_of_a_long_reply() {
        let long = Reply::new(SmtpCode::TRANSACTION_FAILED, Option::None, "x".repeat(60_000));
        let kept = judge(Phase::Dot, &long).reply.unwrap();
        assert_eq!(kept.lines().concat().len(), MAX_KEPT_REPLY);
    }

    proptest! {
        #[test]
        fn a_4xx_is_always_soft_and_only_2xx_after_the_dot_delivers(
            code in 200_u16..=599, subject in 0_u16..10, detail in 0_u16..40, with_enhanced: bool,
            phase in prop::sample::select(&[Phase::Greeting, Phase::Mail, Phase::Rcpt, Phase::Data, Phase::Dot][..])
        ) {
            let code = SmtpCode::new(code).unwrap();
            let class = (code.as_u16() / 100).to_le_bytes()[0];
            let enhanced = (with_enhanced && class != 3).then(|| EnhancedCode::new(class, subject, detail));
            let verdict = judge(phase, &Reply::new(code, enhanced, "text"));
            prop_assert!(class != 4 || verdict.outcome == Soft);
            prop_assert_eq!(verdict.outcome == Delivered, class == 2 && phase == Phase::Dot);
            prop_assert_eq!(verdict.outcome == Delivered, verdict.fault == None);
            prop_assert!(class != 5 || verdict.outcome != Delivered);
        }
    }
}
