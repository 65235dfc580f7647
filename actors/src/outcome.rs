//! What an attempt's verdicts do to a queue entry: a pure function.

use mailwright_engine::{
    retry::{RetryDecision, RetryPolicy},
    smtp::verdict::{Outcome as Fate, Verdict},
    time::UnixMillis,
};
use mailwright_storage::{Outcome, QueueEntry, RecipientResult};

/// The outcome of one attempt at `entry`: recipients with a final verdict leave it; those deferred wait by the
/// policy's schedule, or bounce when it gives up; those not tried stay due.
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
    let mut after = QueueEntry { attempts, ..entry.clone() };
    after
        .pending
        .retain(|index| results.iter().all(|r| r.recipient != *index || r.verdict.outcome == Fate::Soft));
    let untried = after.pending.iter().any(|index| results.iter().all(|r| r.recipient != *index));
    after.place.due = match decision {
        RetryDecision::At(at) if !untried => at,
        // Some were not part of this attempt: they go on at once, the deferred ones with them.
        _ => now,
    };
    let after = (!after.pending.is_empty()).then_some(after);
    Outcome { before: entry.place, results, after }
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
    use mailwright_engine::{address::Domain, id::QueueId};
    use mailwright_storage::{EntryKey, EntryPlace, Location};
    use std::time::Duration;

    const NOW: UnixMillis = UnixMillis::new(1_000_000);

    fn entry(pending: &[u16]) -> QueueEntry {
        let key = EntryKey { id: QueueId::from_raw(7), group: 0 };
        QueueEntry {
            place: EntryPlace { key, domain: Domain::parse("example.com").unwrap(), due: NOW },
            attempts: 0,
            accepted_at: NOW,
            pending: pending.to_vec(),
            location: Location::default(),
        }
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
    fn an_attempt_past_the_maximum_age_bounces_what_it_deferred() {
        let policy = RetryPolicy { max_age: Duration::from_secs(1), ..RetryPolicy::default() };
        let late = NOW.saturating_add(Duration::from_secs(2));
        let outcome = settle(entry(&[0]), vec![(0, verdict(Fate::Soft))], &policy, late);
        assert_eq!(outcome.after, None);
        assert_eq!(outcome.results[0].verdict.outcome, Fate::Hard);
    }
}
