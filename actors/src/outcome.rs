//! What an attempt's verdicts do to a queue entry: a pure function.

use mailwright_engine::{
    retry::{RetryDecision, RetryPolicy},
    smtp::verdict::{Outcome as Fate, Verdict},
    time::UnixMillis,
};
use mailwright_storage::{Outcome, QueueEntry, RecipientResult};

/// The outcome of one attempt at `entry`: recipients with a final verdict leave it; those deferred wait by the
/// policy's schedule, or bounce when it gives up. Those that found no place in the attempt go first next time:
/// at once, as long as attempts settle anybody, else by the schedule too.
pub fn settle(
    entry: QueueEntry,
    verdicts: Vec<(u16, Verdict)>,
    policy: &RetryPolicy,
    now: UnixMillis,
) -> Outcome {
    let attempts = entry.attempts.saturating_add(1);
    let seed = entry.key().id.as_raw() ^ u64::from(attempts) << 32;
    let decision = policy.next(attempts, entry.accepted_at, now, seed);
    let results: Vec<_> = verdicts
        .into_iter()
        .map(|(recipient, verdict)| RecipientResult { recipient, verdict: given_up(verdict, &decision) })
        .collect();
    let tried = |index: &u16| results.iter().any(|r| r.recipient == *index);
    let deferred = |r: &&RecipientResult| r.verdict.outcome == Fate::Soft;
    let mut pending: Vec<u16> = entry.pending.iter().copied().filter(|index| !tried(index)).collect();
    let goes_on = !pending.is_empty() && results.iter().any(|r| !deferred(&r));
    pending.extend(results.iter().filter(deferred).map(|r| r.recipient));
    let mut after = QueueEntry { pending, ..entry.clone() };
    match decision {
        RetryDecision::At(due) if !goes_on => {
            after.attempts = attempts;
            after.place.due = due;
        }
        _ => after.place.due = now,
    }
    let after = (!after.pending.is_empty()).then_some(after);
    Outcome::new(entry.place, results, after)
}

/// A soft verdict becomes a hard one when there is no next attempt.
fn given_up(verdict: Verdict, decision: &RetryDecision) -> Verdict {
    match decision {
        RetryDecision::GiveUp(_) if verdict.outcome == Fate::Soft => Verdict::expired(&verdict),
        _ => verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_engine::{
        address::{EmailAddress, ReversePath},
        envelope::{Envelope, Origin},
        id::QueueId,
    };
    use std::time::Duration;

    const NOW: UnixMillis = UnixMillis::new(1_000_000);

    fn entry(pending: &[u16]) -> QueueEntry {
        let recipients = vec![EmailAddress::parse("a@example.com").unwrap()];
        let envelope = Envelope::new(QueueId::from_raw(7), NOW, ReversePath::Null, recipients, Origin::Relay);
        let entry = QueueEntry::for_envelope(&envelope, NOW).remove(0);
        QueueEntry { pending: pending.to_vec(), ..entry }
    }

    fn verdict(outcome: Fate) -> Verdict {
        let mut verdict = Verdict::connect_failure("refused");
        verdict.outcome = outcome;
        verdict
    }

    #[test]
    fn final_verdicts_settle_the_entry() {
        let verdicts = vec![(0, verdict(Fate::Delivered)), (1, verdict(Fate::Hard))];
        assert_eq!(settle(entry(&[0, 1]), verdicts, &RetryPolicy::default(), NOW).after, None);
    }

    #[test]
    fn a_deferred_recipient_waits_alone_by_the_schedule() {
        let verdicts = vec![(0, verdict(Fate::Delivered)), (1, verdict(Fate::Soft))];
        let after = settle(entry(&[0, 1]), verdicts, &RetryPolicy::default(), NOW).after.unwrap();
        assert_eq!((after.pending, after.attempts), (vec![1], 1));
        assert!(after.place.due > NOW);
    }

    #[test]
    fn a_recipient_that_was_not_tried_stays_due() {
        let after = settle(entry(&[0, 1]), vec![(0, verdict(Fate::Delivered))], &RetryPolicy::default(), NOW);
        assert_eq!(after.after.map(|a| (a.pending, a.place.due)), Some((vec![1], NOW)));
    }

    #[test]
    fn recipients_that_are_all_deferred_make_way_and_wait() {
        let verdicts = vec![(0, verdict(Fate::Soft)), (1, verdict(Fate::Soft))];
        let after = settle(entry(&[0, 1, 2]), verdicts, &RetryPolicy::default(), NOW).after.unwrap();
        assert_eq!((after.pending, after.attempts), (vec![2, 0, 1], 1));
        assert!(after.place.due > NOW);
    }

    #[test]
    fn an_attempt_past_the_maximum_age_bounces_what_it_deferred() {
        let policy = RetryPolicy { max_age: Duration::from_secs(1), ..RetryPolicy::default() };
        let late = NOW.saturating_add(Duration::from_secs(2));
        let outcome = settle(entry(&[0]), vec![(0, verdict(Fate::Soft))], &policy, late);
        assert_eq!(outcome.after, None);
        assert_eq!(outcome.results[0].verdict.outcome, Fate::Hard);
    }
}
