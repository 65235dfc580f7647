use super::*;
use crate::disk::RealDisk;
use mailwright_engine::dsn::DelayWarning;

use mailwright_engine::{
    class::{Priority, TenantName},
    id::QueueId,
};
use std::path::Path;

const KEY: EntryKey = EntryKey { id: QueueId::from_raw(7), group: 0 };

fn index(dir: &Path, mode: Mode) -> QueueIndex {
    let segments = Arc::new(Segments::open(Arc::new(RealDisk), &dir.join("spool")).unwrap());
    let store = QueueStore::open(&dir.join("queue")).unwrap();
    let reflects = store.reflects().unwrap().unwrap_or_default();
    QueueIndex::new(store, reflects, segments, mode)
}

/// The entry after some attempts, with its message at `lsn`.
fn entry(attempts: u32, pending: &[u16], lsn: u64) -> QueueEntry {
    let due = UnixMillis::new(1_000 + u64::from(attempts));
    QueueEntry {
        place: EntryPlace {
            key: KEY,
            domain: Domain::parse("one.example").unwrap(),
            class: QueueClass::default(),
            due,
        },
        attempts,
        accepted_at: UnixMillis::new(1_000),
        expires_at: None,
        pending: pending.to_vec(),
        location: Location { lsn, len: 10 },
        last: None,
        warning: DelayWarning::NotSent,
        revision: attempts,
    }
}

fn accepted(entry: &QueueEntry) -> Change {
    Change::Accepted { entries: vec![entry.clone()], replaces: Vec::new(), message: None, counted: None }
}

fn outcome(before: &QueueEntry, after: Option<&QueueEntry>) -> Change {
    Change::Outcome(Box::new(Outcome {
        before: before.place.clone(),
        results: Vec::new(),
        after: after.cloned(),
        by: ChangedBy::Delivery,
    }))
}

fn copied(entry: &QueueEntry) -> Change {
    Change::Relocated(vec![entry.clone()])
}

fn apply(index: &mut QueueIndex, changes: impl IntoIterator<Item = Change>) {
    for change in changes {
        index.apply(change).unwrap();
    }
}

#[test]
fn a_rebuild_does_not_take_back_what_was_settled_before_its_copy() {
    for stored_between in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let mut index = index(dir.path(), Mode::Rebuild);
        let old = entry(0, &[0], 0);
        apply(&mut index, [accepted(&old)]);
        if stored_between {
            index.checkpoint(10).unwrap();
        }
        apply(&mut index, [outcome(&old, None), copied(&entry(0, &[0], 500))]);
        assert_eq!(index.get(KEY).unwrap(), None);
        assert_eq!(index.count(), 0);
        assert!(index.take_uncorrected().gone.contains(&KEY));
        index.checkpoint(600).unwrap();
    }
}

#[test]
fn a_message_in_the_place_of_another_leaves_nothing_of_that_and_no_copy_brings_it_back() {
    for mode in [Mode::Live, Mode::Replay, Mode::Rebuild] {
        let dir = tempfile::tempdir().unwrap();
        let mut index = index(dir.path(), mode);
        let old = entry(0, &[0, 1], 0);
        let mut new = entry(0, &[0], 100);
        new.place.key.group = 1;
        new.place.due = UnixMillis::new(9_000);
        let replacing = Change::Accepted {
            entries: vec![new.clone()],
            replaces: vec![old.key()],
            message: None,
            counted: None,
        };
        assert_eq!(replacing.entries(), 0);
        apply(&mut index, [accepted(&old)]);
        index.checkpoint(50).unwrap();
        // A copy of the old message may be on its way when the new one is accepted.
        apply(&mut index, [replacing.clone(), copied(&entry(0, &[0, 1], 500))]);
        if mode == Mode::Replay {
            apply(&mut index, [replacing, copied(&entry(0, &[0, 1], 500))]);
        }
        assert_eq!((index.get(KEY).unwrap(), index.get(new.key()).unwrap()), (None, Some(new)), "{mode:?}");
        assert_eq!(index.count(), 1, "{mode:?}");
        assert!(index.take_uncorrected().gone.contains(&KEY), "{mode:?}");
        index.checkpoint(600).unwrap();
        assert_eq!(index.entries_of(KEY.id).unwrap().len(), 1, "{mode:?}");
    }
}

#[test]
fn a_rebuild_takes_the_newest_of_what_outcomes_and_copies_say() {
    let newer = entry(1, &[1], 0);
    let at = |lsn, of: &QueueEntry| QueueEntry { location: Location { lsn, len: 10 }, ..of.clone() };
    let old = entry(0, &[0, 1], 0);
    let histories = [
        // The acceptance is there.
        vec![accepted(&old), outcome(&old, Some(&newer)), copied(&at(500, &old))],
        // Its segment is gone, the outcome's is not.
        vec![outcome(&old, Some(&newer)), copied(&at(500, &old))],
        // Both are gone; the second copy corrects the first.
        vec![copied(&at(300, &old)), copied(&at(500, &newer))],
    ];
    for (case, history) in histories.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let mut index = index(dir.path(), Mode::Rebuild);
        apply(&mut index, history);
        assert_eq!(index.get(KEY).unwrap(), Some(at(500, &newer)), "history {case}");
        assert_eq!(index.is_corrected(), case == 2, "history {case}");
        index.checkpoint(600).unwrap();
        assert_eq!((index.count(), index.last_id()), (1, 7));
    }
}

#[test]
fn what_the_journal_must_still_correct_is_known_after_a_restart_until_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let (old, newer) = (entry(0, &[0, 1], 0), entry(1, &[1], 0));
    let mut live = index(dir.path(), Mode::Replay);
    live.go_live();
    apply(&mut live, [accepted(&old)]);
    apply(&mut live, [outcome(&old, Some(&newer)), copied(&entry(0, &[0, 1], 300))]);
    live.checkpoint(400).unwrap();
    drop(live);

    let mut resumed = index(dir.path(), Mode::Replay);
    assert_eq!(
        resumed.take_uncorrected().stale.into_iter().collect::<Vec<_>>(),
        [Location { lsn: 300, len: 10 }]
    );
    assert!(!resumed.is_corrected());
    let kept = resumed.get(KEY).unwrap().unwrap();
    assert_eq!((kept.pending.as_slice(), kept.attempts, kept.location.lsn), (&[1][..], 1, 300));
    apply(&mut resumed, [copied(&entry(1, &[1], 500))]);
    assert!(resumed.is_corrected());

    // Settled while a third copy was on its way.
    let kept = resumed.get(KEY).unwrap().unwrap();
    apply(&mut resumed, [outcome(&kept, None), copied(&entry(1, &[1], 700))]);
    resumed.checkpoint(800).unwrap();
    drop(resumed);
    let mut resumed = index(dir.path(), Mode::Replay);
    assert!(resumed.take_uncorrected().gone.contains(&KEY));
    apply(&mut resumed, [Change::Dropped(vec![KEY])]);
    assert!(resumed.is_corrected());
    assert_eq!(resumed.count(), 0);
}

#[test]
fn an_outcome_follows_a_message_that_moved_while_it_was_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let old = entry(0, &[0], 0);
    let mut index = index(dir.path(), Mode::Replay);
    index.go_live();
    apply(&mut index, [accepted(&old)]);
    index.checkpoint(10).unwrap();
    apply(&mut index, [copied(&entry(0, &[0], 300))]);
    // The delivery began before the copy: its outcome names the old position.
    apply(&mut index, [outcome(&old, Some(&entry(1, &[0], 0)))]);
    assert_eq!(index.get(KEY).unwrap(), Some(entry(1, &[0], 300)));
    index.checkpoint(400).unwrap();
    assert_eq!(index.get(KEY).unwrap(), Some(entry(1, &[0], 300)));
}

#[test]
fn a_second_outcome_for_one_delivery_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let old = entry(0, &[0], 0);
    let mut index = index(dir.path(), Mode::Replay);
    index.go_live();
    apply(&mut index, [accepted(&old)]);
    index.checkpoint(10).unwrap();
    apply(&mut index, [outcome(&old, None), outcome(&old, None)]);
    assert_eq!((index.count(), index.get(KEY).unwrap()), (0, None));
    index.checkpoint(20).unwrap();
    apply(&mut index, [outcome(&old, None), outcome(&old, Some(&entry(1, &[0], 0)))]);
    assert_eq!((index.count(), index.get(KEY).unwrap()), (0, None));
    index.checkpoint(30).unwrap();
}

#[test]
fn a_replay_over_a_state_that_is_partly_newer_ends_where_the_journal_does() {
    let dir = tempfile::tempdir().unwrap();
    let (first, later) = (entry(0, &[0, 1], 0), entry(1, &[1], 0));
    let history = || [accepted(&first), outcome(&first, Some(&later))];
    let mut live = index(dir.path(), Mode::Replay);
    live.go_live();
    apply(&mut live, history());
    live.checkpoint(100).unwrap();
    drop(live);
    // As after a kill in the middle of a checkpoint: the entries are stored, the position is not.
    let mut resumed = index(dir.path(), Mode::Replay);
    apply(&mut resumed, history());
    assert_eq!((resumed.count(), resumed.get(KEY).unwrap()), (1, Some(later.clone())));
    apply(&mut resumed, [outcome(&later, None)]);
    resumed.checkpoint(200).unwrap();
    assert_eq!((resumed.count(), resumed.get(KEY).unwrap()), (0, None));
}

#[test]
fn classes_are_found_whether_stored_or_newer_and_those_without_due_mail_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = index(dir.path(), Mode::Replay);
    index.go_live();
    let of = |id, priority, tenant: &str, due| {
        let mut entry = entry(0, &[0], 0);
        entry.place.key.id = QueueId::from_raw(id);
        entry.place.class.priority = priority;
        entry.place.class.tenant = TenantName::parse(tenant).ok();
        entry.place.due = UnixMillis::new(due);
        entry
    };
    let settled = of(1, Priority::High, "a", 1);
    let later = of(2, Priority::High, "b", 900);
    let both = [of(3, Priority::Normal, "a", 30), of(4, Priority::Normal, "a", 20)];
    let stored = of(5, Priority::Bulk, "", 40);
    apply(&mut index, [&settled, &later, &both[0], &stored].map(accepted));
    index.checkpoint(10).unwrap();
    let newer = of(6, Priority::Normal, "b", 50);
    apply(&mut index, [accepted(&both[1]), accepted(&newer), outcome(&settled, None)]);

    let one = Domain::parse("one.example").unwrap();
    let due = |after: Option<&QueueClass>, limit| {
        let due = index.classes_due(&one, after, UnixMillis::new(100), limit).unwrap();
        due.into_iter().map(|(class, due)| (class, due.as_millis())).collect::<Vec<_>>()
    };
    let class = |entry: &QueueEntry| entry.place.class.clone();
    let expected = [(class(&both[0]), 20), (class(&newer), 50), (class(&stored), 40)];
    assert_eq!(due(None, 10), expected);
    assert_eq!(due(None, 2), expected[..2]);
    assert_eq!(due(Some(&class(&both[0])), 10), expected[1..]);
    assert_eq!(due(Some(&class(&stored)), 10), []);
    let entries = index.due_in_domain(&one, &class(&both[0]), UnixMillis::new(100), 10).unwrap();
    assert_eq!(entries.iter().map(|entry| entry.key().id.as_raw()).collect::<Vec<_>>(), [4, 3]);
}

#[test]
fn what_an_operator_does_leaves_a_delivery_in_doubt_and_a_cancelled_entry_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = index(dir.path(), Mode::Replay);
    index.go_live();
    let old = entry(0, &[0], 0);
    let by_operator = |after| Change::Outcome(Box::new(Outcome::by_operator(old.place.clone(), after)));
    apply(&mut index, [accepted(&old), Change::Intent(vec![KEY]), by_operator(Some(entry(0, &[0], 0)))]);
    assert_eq!(index.open_intents(), [KEY]);
    apply(&mut index, [by_operator(None)]);
    assert_eq!((index.open_intents(), index.count()), (Vec::new(), 0));
    // The delivery that was under way.
    apply(&mut index, [outcome(&old, Some(&entry(1, &[0], 0)))]);
    assert_eq!((index.count(), index.get(KEY).unwrap()), (0, None));
}
