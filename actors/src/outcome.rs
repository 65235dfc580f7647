//! What an attempt does to a queue entry: a pure function.

use mailwright_engine::{
    class::SourceName,
    classify::{BounceClass, Judged},
    retry::{FailedAttempt, RetryClass, RetryDecision, RetrySchedule},
    smtp::verdict::{Outcome as Fate, Verdict},
    time::UnixMillis,
};
use mailwright_storage::{LastAttempt, Outcome, QueueEntry, RecipientResult};

/// What an attempt came to, and what decides on the next.
pub struct Settlement<'a> {
    /// What each recipient that was tried got.
    pub attempt: Vec<(u16, Judged)>,
    /// When to try again.
    pub retry: &'a RetrySchedule,
    /// Where it left from; `None` if it never came to a connection.
    pub source: Option<SourceName>,
    /// Name and address of the server.
    pub remote: Option<String>,
    /// When the attempt ended.
    pub now: UnixMillis,
}

/// An attempt with its consequences.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The entry as the attempt was given it.
    pub entry: QueueEntry,
    /// What each recipient got in the end: what would be tried too late is given up.
    pub attempt: Vec<(u16, Judged)>,
    /// Recipients among them that were given up for their age.
    pub expired: Vec<u16>,
    /// What the journal is told.
    pub outcome: Outcome,
    /// When the attempt ended.
    pub now: UnixMillis,
}

/// What follows from an attempt at `entry`: recipients with a final verdict leave it; those deferred wait by the
/// schedule of what they failed of, or bounce when it gives up. Those that found no place in the attempt go
/// first next time: at once, as long as attempts settle anybody, else by the schedule too.
pub fn settle(entry: QueueEntry, settlement: Settlement<'_>) -> Settled {
    let Settlement { attempt, retry, source, remote, now } = settlement;
    let attempts = entry.attempts.saturating_add(1);
    let decide = |judged: &Judged| retry.next(&failed(&entry, judged, attempts, now));
    let (mut expired, mut due) = (Vec::new(), None);
    let mut last = None;
    let mut given = Vec::with_capacity(attempt.len());
    for (recipient, judged) in attempt {
        if judged.verdict.outcome != Fate::Soft {
            given.push((recipient, judged));
            continue;
        }
        last = Some(last_attempt(&judged, source.clone(), remote.clone(), now));
        match decide(&judged) {
            RetryDecision::At(next) => {
                due = Some(due.map_or(next, |due: UnixMillis| due.min(next)));
                given.push((recipient, judged));
            }
            RetryDecision::GiveUp(_) => {
                expired.push(recipient);
                given.push((recipient, Judged { verdict: Verdict::expired(&judged.verdict), ..judged }));
            }
        }
    }
    let after = waits_on(&entry, &given, Next { attempts, due, last, now });
    let results = given
        .iter()
        .map(|(recipient, judged)| RecipientResult { recipient: *recipient, verdict: judged.verdict.clone() })
        .collect();
    let outcome = Outcome::new(entry.place.clone(), results, after);
    Settled { entry, attempt: given, expired, outcome, now }
}

/// What is known of the next attempt.
struct Next {
    attempts: u32,
    /// The first time that a recipient that was deferred may be tried.
    due: Option<UnixMillis>,
    last: Option<LastAttempt>,
    now: UnixMillis,
}

/// The entry as it waits on; `None` when every recipient is settled.
fn waits_on(entry: &QueueEntry, given: &[(u16, Judged)], next: Next) -> Option<QueueEntry> {
    let was_tried = |index: &u16| given.iter().any(|(recipient, _)| recipient == index);
    let is_deferred = |judged: &Judged| judged.verdict.outcome == Fate::Soft;
    let mut pending: Vec<u16> = entry.pending.iter().copied().filter(|index| !was_tried(index)).collect();
    let settles = given.iter().any(|(_, judged)| !is_deferred(judged));
    let goes_on = !pending.is_empty() && settles;
    pending.extend(given.iter().filter(|(_, judged)| is_deferred(judged)).map(|(recipient, _)| *recipient));
    if pending.is_empty() {
        return None;
    }
    let mut after = QueueEntry { pending, ..entry.clone() };
    after.place.due = next.now;
    if let Some(due) = next.due.filter(|_| !goes_on) {
        after.attempts = next.attempts;
        after.place.due = due;
    }
    after.last = next.last.map(Box::new).or(after.last);
    Some(after)
}

fn failed(entry: &QueueEntry, judged: &Judged, attempts_made: u32, now: UnixMillis) -> FailedAttempt {
    FailedAttempt {
        class: judged.class.map_or(RetryClass::Default, BounceClass::retry_class),
        attempts_made,
        accepted_at: entry.accepted_at,
        now,
        retry_after: judged.retry_after,
        expires_at: entry.expires_at,
        seed: entry.key().id.as_raw() ^ u64::from(attempts_made) << 32,
    }
}

fn last_attempt(
    judged: &Judged,
    source: Option<SourceName>,
    remote: Option<String>,
    now: UnixMillis,
) -> LastAttempt {
    let mut last = LastAttempt::new(now, &judged.verdict, judged.class_name());
    last.source = source;
    last.remote = remote;
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_engine::{
        address::{EmailAddress, ReversePath},
        envelope::{Envelope, Origin},
        id::QueueId,
        retry::RetryPolicy,
    };
    use std::time::Duration;

    const NOW: UnixMillis = UnixMillis::new(1_000_000);

    fn entry(pending: &[u16]) -> QueueEntry {
        let recipients = vec![EmailAddress::parse("a@example.com").unwrap()];
        let envelope = Envelope::new(QueueId::from_raw(7), NOW, ReversePath::Null, recipients, Origin::Relay);
        let entry = QueueEntry::for_envelope(&envelope, NOW).remove(0);
        QueueEntry { pending: pending.to_vec(), ..entry }
    }

    fn of_class(outcome: Fate, class: BounceClass) -> Judged {
        let verdict = Verdict { outcome, ..Verdict::connect_failure("refused") };
        Judged { verdict, class: (outcome != Fate::Delivered).then_some(class), retry_after: None }
    }

    fn judged(outcome: Fate) -> Judged {
        of_class(outcome, BounceClass::Connection)
    }

    fn settle_with(
        entry: QueueEntry,
        attempt: Vec<(u16, Judged)>,
        retry: &RetrySchedule,
        now: UnixMillis,
    ) -> Settled {
        let (source, remote) = (Some(SourceName::unnamed()), Some("mx [192.0.2.1]".to_owned()));
        settle(entry, Settlement { attempt, retry, source, remote, now })
    }

    fn after(entry: QueueEntry, attempt: Vec<(u16, Judged)>) -> Option<QueueEntry> {
        settle_with(entry, attempt, &RetrySchedule::default(), NOW).outcome.after
    }

    #[test]
    fn final_verdicts_settle_the_entry() {
        assert_eq!(after(entry(&[0, 1]), vec![(0, judged(Fate::Delivered)), (1, judged(Fate::Hard))]), None);
    }

    #[test]
    fn a_deferred_recipient_waits_alone_by_the_schedule_and_says_why() {
        let after =
            after(entry(&[0, 1]), vec![(0, judged(Fate::Delivered)), (1, judged(Fate::Soft))]).unwrap();
        assert_eq!((after.pending, after.attempts), (vec![1], 1));
        assert!(after.place.due > NOW);
        let last = after.last.unwrap();
        assert_eq!((last.class.as_str(), last.remote.as_deref()), ("connection", Some("mx [192.0.2.1]")));
    }

    #[test]
    fn the_first_recipient_that_may_be_tried_decides_when() {
        let full = of_class(Fate::Soft, BounceClass::MailboxFull);
        let slow = after(entry(&[0]), vec![(0, full.clone())]).unwrap().place.due;
        let grey = of_class(Fate::Soft, BounceClass::Greylisted);
        let both = after(entry(&[0, 1]), vec![(0, full), (1, grey)]).unwrap().place.due;
        assert!(both < slow, "{both} {slow}");
    }

    #[test]
    fn a_recipient_that_was_not_tried_stays_due() {
        let after = after(entry(&[0, 1]), vec![(0, judged(Fate::Delivered))]);
        assert_eq!(after.map(|a| (a.pending, a.place.due)), Some((vec![1], NOW)));
    }

    #[test]
    fn recipients_that_are_all_deferred_make_way_and_wait() {
        let after = after(entry(&[0, 1, 2]), vec![(0, judged(Fate::Soft)), (1, judged(Fate::Soft))]).unwrap();
        assert_eq!((after.pending, after.attempts), (vec![2, 0, 1], 1));
        assert!(after.place.due > NOW);
    }

    #[test]
    fn an_attempt_past_the_maximum_age_bounces_what_it_deferred() {
        let policy = RetryPolicy { max_age: Duration::from_secs(1), ..RetryPolicy::default() };
        let late = NOW.saturating_add(Duration::from_secs(2));
        let settled = settle_with(entry(&[0]), vec![(0, judged(Fate::Soft))], &policy.into(), late);
        assert_eq!((settled.outcome.after, settled.expired), (None, vec![0]));
        assert_eq!(settled.outcome.results[0].verdict.outcome, Fate::Hard);
    }
}
