//! What a sender hears of the next hop while he still waits.

use crate::metrics::{self, InSession as Word};
use mailwright_actors::watch::Watch;
use mailwright_engine::{
    address::EmailAddress,
    smtp::{
        reply::{EnhancedCode, Reply, SmtpCode},
        verdict::{Outcome, Verdict},
    },
};
use std::{collections::BTreeMap, time::Duration};

/// Most octets of another server's words that are passed on.
const MAX_WORDS: usize = 400;

/// A message that is safe and on its way.
pub(super) struct UnderWay {
    pub(super) watch: Watch,
    /// Where it goes, and the address of ours that it was written to.
    pub(super) recipients: Vec<(EmailAddress, EmailAddress)>,
}

/// What is known when the sender has to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum InSession {
    /// Somebody took it.
    Delivered,
    /// Nobody did so far, and somebody may.
    Queued,
    /// Nobody will.
    Refused(Reply),
}

impl UnderWay {
    /// Waits for the first word about each recipient, for at most `patience`. Stopping early is no loss: the message is
    /// in the queue.
    pub(super) async fn outcome(mut self, patience: Duration) -> InSession {
        let mut verdicts = BTreeMap::new();
        let collect = async {
            while verdicts.len() < self.recipients.len() {
                let Some(result) = self.watch.next().await else { break };
                verdicts.insert(result.recipient, result.verdict);
            }
        };
        // Running out of patience is no error: what is missing is queued.
        let _ = tokio::time::timeout(patience, collect).await;
        let late = self.recipients.len().saturating_sub(verdicts.len());
        (0..late).for_each(|_| metrics::in_session(Word::Late));
        verdicts.values().for_each(|verdict| metrics::in_session(word(verdict.outcome)));
        judge(&verdicts, &self.recipients)
    }
}

fn word(outcome: Outcome) -> Word {
    match outcome {
        Outcome::Delivered => Word::Delivered,
        Outcome::Soft => Word::Deferred,
        Outcome::Hard => Word::Refused,
    }
}

/// One answer for all: SMTP has no other.
fn judge(verdicts: &BTreeMap<u16, Verdict>, recipients: &[(EmailAddress, EmailAddress)]) -> InSession {
    let is = |outcome| move |verdict: &&Verdict| verdict.outcome == outcome;
    if verdicts.values().any(|verdict| is(Outcome::Delivered)(&verdict)) {
        return InSession::Delivered;
    }
    let mut refused = verdicts.iter().filter(|(_, verdict)| is(Outcome::Hard)(verdict));
    let refused_all = verdicts.values().filter(is(Outcome::Hard)).count() == recipients.len();
    match refused.next() {
        Some((_, verdict)) if refused_all => InSession::Refused(reply(verdict, recipients)),
        _ => InSession::Queued,
    }
}

/// The next hop's refusal as ours. Where the mail was to go is not the sender's business: it hears of the address that it
/// wrote to.
fn reply(verdict: &Verdict, recipients: &[(EmailAddress, EmailAddress)]) -> Reply {
    let is_permanent = |code: &SmtpCode| code.as_u16() / 100 == 5;
    let code = verdict.reply.as_ref().map(Reply::code).filter(is_permanent);
    let code = code.unwrap_or(SmtpCode::MAILBOX_UNAVAILABLE);
    let status = Some(verdict.status).filter(|status| status.agrees_with(code));
    let words =
        verdict.reply.as_ref().map_or_else(|| verdict.detail.clone(), |reply| reply.lines().join(" "));
    let mut words: String = words.chars().filter(char::is_ascii).collect();
    for (destination, addressed) in recipients {
        words = replaced(&words, destination.as_str(), addressed.as_str());
    }
    words.truncate(MAX_WORDS);
    let text = format!("the next server refused it: {words}");
    Reply::new(code, Some(status.unwrap_or(EnhancedCode::new(5, 0, 0))), text)
}

/// `text` with `to` wherever it has `from`, in any case.
fn replaced(text: &str, from: &str, to: &str) -> String {
    let (lower, from) = (text.to_ascii_lowercase(), from.to_ascii_lowercase());
    let (mut out, mut end) = (String::with_capacity(text.len()), 0);
    for (at, found) in lower.match_indices(&from) {
        out.push_str(text.get(end..at).unwrap_or_default());
        out.push_str(to);
        end = at + found.len();
    }
    out.push_str(text.get(end..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_engine::smtp::verdict::{Phase, judge as verdict_of};

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    fn said(text: &str) -> Verdict {
        let (code, text) = text.split_once(' ').unwrap();
        let code = SmtpCode::new(code.parse().unwrap()).unwrap();
        verdict_of(Phase::Dot, &Reply::new(code, None, text))
    }

    fn verdicts(said: &[(u16, Verdict)]) -> BTreeMap<u16, Verdict> {
        said.iter().cloned().collect()
    }

    fn two() -> Vec<(EmailAddress, EmailAddress)> {
        vec![
            (address("ann.private@big.example"), address("ann@zone.example")),
            (address("bob@big.example"), address("bob@zone.example")),
        ]
    }

    #[test]
    fn one_who_takes_it_is_enough_and_one_who_may_take_it_too() {
        let (ok, later, never) = (said("250 ok"), said("451 later"), said("550 no"));
        assert_eq!(judge(&verdicts(&[(0, never.clone()), (1, ok)]), &two()), InSession::Delivered);
        assert_eq!(judge(&verdicts(&[(0, never.clone()), (1, later)]), &two()), InSession::Queued);
        assert_eq!(
            judge(&verdicts(&[(0, never)]), &two()),
            InSession::Queued,
            "of the other nothing is known"
        );
        assert_eq!(judge(&BTreeMap::new(), &two()), InSession::Queued);
    }

    #[test]
    fn a_refusal_names_no_address_but_the_one_that_was_written_to() {
        let never = said("552 5.2.2 <Ann.Private@BIG.example>: mailbox full");
        let InSession::Refused(reply) = judge(&verdicts(&[(0, never.clone()), (1, never)]), &two()) else {
            panic!("not refused");
        };
        let text = reply.to_string();
        assert_eq!(reply.code().as_u16(), 552);
        assert!(text.contains("<ann@zone.example>: mailbox full"), "{text}");
        assert!(!text.to_lowercase().contains("private"), "{text}");
    }
}
