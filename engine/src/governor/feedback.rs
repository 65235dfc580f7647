//! What replies say about how a site is sent to.

use crate::{
    classify::{BounceClass, Judged},
    smtp::{
        reply::{Reply, SmtpCode},
        verdict::{Fault, Outcome, Phase, Verdict},
    },
};

/// What a reply to an attempt says about the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Feedback {
    /// It takes mail.
    Takes,
    /// It answers; that it refused says something about the message, not about how we send.
    Answers,
    /// It wants less, or is in trouble.
    Refuses,
}

/// Whether the peer was there and did not want one more connection.
pub(super) fn turned_away(verdict: &Verdict) -> bool {
    match &verdict.reply {
        Some(reply) => reply.code().to_string().starts_with('4'),
        None => matches!(verdict.phase, Phase::Greeting | Phase::Connect),
    }
}

/// Whether the site is there: it said what becomes of the message, or that it gets too many. Of those that
/// are refused for their number many are refused at once, as goodbyes; they are for the rules to answer.
pub(super) fn shows_life(judged: &Judged) -> bool {
    judged.class == Some(BounceClass::RateLimited) || !ends_session(&judged.verdict)
}

/// Whether the peer ended the session instead of saying what becomes of the message.
fn ends_session(verdict: &Verdict) -> bool {
    let is_goodbye = |reply: &Reply| reply.code() == SmtpCode::SHUTTING_DOWN;
    verdict.outcome == Outcome::Soft && verdict.reply.as_ref().is_none_or(is_goodbye)
}

pub(super) fn feedback(judged: &Judged) -> Feedback {
    match (judged.verdict.outcome, judged.verdict.fault) {
        (Outcome::Delivered, _) => Feedback::Takes,
        // A server that greylists does so to everybody, however slowly they come.
        _ if judged.class == Some(BounceClass::Greylisted) => Feedback::Answers,
        (Outcome::Soft, Fault::Us | Fault::Remote | Fault::Network) => Feedback::Refuses,
        (Outcome::Soft | Outcome::Hard, _) => Feedback::Answers,
    }
}

/// A message that was taken for one recipient says more than a refusal for another.
pub(super) fn strongest(one: Feedback, other: Feedback) -> Feedback {
    let rank = |feedback| match feedback {
        Feedback::Takes => 2,
        Feedback::Refuses => 1,
        Feedback::Answers => 0,
    };
    if rank(one) >= rank(other) { one } else { other }
}
