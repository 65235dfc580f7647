//! Changes of one entry that crossed: made from the same state of it, journalled one after the other.

use super::{
    entry::{EntryPlace, QueueEntry},
    last::LastAttempt,
};

/// How a merge counts revisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counting {
    /// Each change once.
    Each,
    /// The change may be in the entry already, as in a replay over a state that is partly newer.
    Seen,
}

/// `current` after a change that was made from the entry as it stood at `before` and says `after`; `None` when
/// nobody is left to be served. The message stays where `current` says: it may have been copied meanwhile.
pub(super) fn merge(
    current: QueueEntry,
    before: &EntryPlace,
    after: QueueEntry,
    counting: Counting,
) -> Option<QueueEntry> {
    if after.revision == current.revision.saturating_add(1) {
        return Some(QueueEntry { location: current.location, ..after });
    }
    let pending = common(after.pending, &current.pending);
    let class = if after.place.class == before.class { current.place.class } else { after.place.class };
    let due = if after.place.due == before.due { current.place.due } else { after.place.due };
    let revision = match counting {
        Counting::Each => after.revision.max(current.revision.saturating_add(1)),
        Counting::Seen => after.revision.max(current.revision),
    };
    let merged = QueueEntry {
        place: EntryPlace { class, due, ..after.place },
        attempts: after.attempts.max(current.attempts),
        accepted_at: current.accepted_at,
        expires_at: current.expires_at,
        pending,
        location: current.location,
        last: later(current.last, after.last),
        warning: after.warning.max(current.warning),
        revision,
    };
    (!merged.pending.is_empty()).then_some(merged)
}

/// What is in both, in the order of the first.
fn common(first: Vec<u16>, second: &[u16]) -> Vec<u16> {
    if first == second {
        return first;
    }
    let mut sorted = second.to_vec();
    sorted.sort_unstable();
    first.into_iter().filter(|index| sorted.binary_search(index).is_ok()).collect()
}

fn later(one: Option<Box<LastAttempt>>, other: Option<Box<LastAttempt>>) -> Option<Box<LastAttempt>> {
    [one, other].into_iter().flatten().max_by_key(|last| last.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::entry::{EntryKey, Location, Outcome};
    use mailwright_engine::dsn::DelayWarning;
    use mailwright_engine::{
        address::Domain,
        class::{PoolName, QueueClass},
        id::QueueId,
        time::UnixMillis,
    };

    fn entry(pending: &[u16]) -> QueueEntry {
        let key = EntryKey { id: QueueId::from_raw(1), group: 0 };
        let domain = Domain::parse("one.example").unwrap();
        QueueEntry {
            place: EntryPlace { key, domain, class: QueueClass::default(), due: UnixMillis::new(10) },
            attempts: 0,
            accepted_at: UnixMillis::new(10),
            expires_at: None,
            pending: pending.to_vec(),
            location: Location { lsn: 5, len: 5 },
            last: None,
            warning: DelayWarning::NotSent,
            revision: 0,
        }
    }

    fn rerouted(from: &QueueEntry) -> Outcome {
        let mut after = from.clone();
        after.place.class.pool = Some(PoolName::parse("warm").unwrap());
        Outcome::by_operator(from.place.clone(), Some(after))
    }

    fn attempted(from: &QueueEntry, pending: &[u16]) -> Outcome {
        let mut after = QueueEntry { attempts: from.attempts + 1, pending: pending.to_vec(), ..from.clone() };
        after.place.due = UnixMillis::new(99);
        Outcome::new(from.place.clone(), Vec::new(), Some(after))
    }

    fn apply(current: QueueEntry, outcome: Outcome) -> Option<QueueEntry> {
        merge(current, &outcome.before, outcome.after?, Counting::Each)
    }

    #[test]
    fn an_attempt_and_a_new_route_that_cross_both_count_in_either_order() {
        let old = entry(&[0, 1, 2]);
        for [first, second] in
            [[rerouted(&old), attempted(&old, &[2, 1])], [attempted(&old, &[2, 1]), rerouted(&old)]]
        {
            let both = apply(apply(old.clone(), first).unwrap(), second).unwrap();
            assert_eq!(both.place.class.pool, PoolName::parse("warm").ok());
            assert_eq!((both.place.due.as_millis(), both.attempts, both.revision), (99, 1, 2));
            let mut pending = both.pending;
            pending.sort_unstable();
            assert_eq!(pending, [1, 2]);
        }
    }

    #[test]
    fn nobody_settled_comes_back_and_nobody_left_is_nobody() {
        let old = entry(&[0, 1]);
        let left = apply(old.clone(), attempted(&old, &[1])).unwrap();
        assert_eq!(apply(left.clone(), rerouted(&old)).unwrap().pending, [1]);
        assert_eq!(apply(left, attempted(&old, &[0])), None);
    }

    #[test]
    fn a_change_of_the_newest_state_is_taken_as_it_is_but_for_its_position() {
        let mut old = entry(&[0, 1]);
        let change = attempted(&old, &[1]);
        old.location = Location { lsn: 70, len: 5 };
        let expected = QueueEntry { location: old.location, ..change.after.clone().unwrap() };
        assert_eq!(apply(old, change), Some(expected));
    }

    #[test]
    fn a_change_that_is_in_the_state_already_changes_nothing() {
        let old = entry(&[0, 1]);
        let outcome = attempted(&old, &[1]);
        let state = apply(old, outcome.clone()).unwrap();
        let again = merge(state.clone(), &outcome.before, outcome.after.unwrap(), Counting::Seen);
        assert_eq!(again, Some(state));
    }
}
