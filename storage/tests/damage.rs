//! Damage to the journal costs the damaged message and nothing else, and is told.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod common;

use common::{SMALL, Server, envelope, journal, key};
use journal::RecordAt;
use mailwright_storage::StorageError;
use proptest::{prelude::*, sample::Index};
use std::path::{Path, PathBuf};

const TO: [&str; 2] = ["a@one.example", "b@two.example"];
const SIZE: usize = 3_000;
const MESSAGES: u64 = 12;

/// Twelve messages in one segment, as a kill leaves it; with the queue state or without.
fn killed(home: &Path, queue: Queue) -> PathBuf {
    let server = Server::start(&home.join("running"), SMALL);
    for id in 1..=MESSAGES {
        server.accept(id, &TO, SIZE).unwrap();
    }
    if queue == Queue::Stored {
        server.checkpoint();
    }
    let copy = home.join("killed");
    server.close();
    common::copy_dir(&home.join("running"), &copy);
    if queue == Queue::Lost {
        std::fs::remove_dir_all(copy.join("queue")).unwrap();
    }
    copy
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Queue {
    Stored,
    Lost,
}

fn assert_intact(server: &Server, ids: impl IntoIterator<Item = u64>) {
    for id in ids {
        for group in 0..2 {
            server.assert_loads(&server.entry(id, group), &envelope(id, &TO), SIZE);
        }
    }
}

/// The record of message `id` as it lies on disk.
fn record(state: &Path, id: u64) -> RecordAt {
    let at = usize::try_from(id - 1).unwrap();
    journal::records(state).swap_remove(at)
}

#[test]
fn a_flipped_bit_anywhere_in_a_record_costs_that_message_only_and_is_told() {
    let home = tempfile::tempdir().unwrap();
    let state = killed(home.path(), Queue::Lost);
    let cases = if common::long() { 500 } else { 24 };
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut round = 0;
    let strategy = (1..MESSAGES, any::<Index>(), 0u8..8);
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let copies = std::cell::RefCell::new(&mut round);
    runner
        .run(&strategy, |(id, at, bit)| {
            **copies.borrow_mut() += 1;
            let copy = home.path().join(format!("copy{}", copies.borrow()));
            common::copy_dir(&state, &copy);
            let hit = record(&copy, id);
            let at = at.index(usize::try_from(hit.len()).unwrap()) as u64;
            journal::flip_bit(&hit.path, hit.at + at, bit);
            let server = Server::start(&copy, SMALL);
            // Octets 4 to 8 of a header mean nothing yet.
            if !(4..8).contains(&at) {
                let [range] = server.recovery.damaged[..] else {
                    panic!("damage at {at} of message {id}: {:?}", server.recovery.damaged)
                };
                prop_assert_eq!((range.from, range.to), (hit.lsn, hit.lsn + hit.len()));
                prop_assert_eq!(server.get(key(id, 0)), None);
                prop_assert_eq!(server.recovery.entries, 2 * (MESSAGES - 1));
            }
            assert_intact(&server, (1..=MESSAGES).filter(|other| *other != id));
            // The journal goes on behind the damage.
            server.accept(100, &TO, SIZE).unwrap();
            let server = server.restart();
            assert_intact(&server, [100]);
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_damaged_body_behind_a_stored_queue_state_is_found_when_it_is_read() {
    let home = tempfile::tempdir().unwrap();
    let state = killed(home.path(), Queue::Stored);
    let hit = record(&state, 5);
    journal::flip_bit(&hit.path, hit.body_at() + 1_000, 3);
    let server = Server::start(&state, SMALL);
    assert_eq!((server.recovery.replayed, server.recovery.entries), (0, 2 * MESSAGES));
    let entry = server.entry(5, 1);
    match server.spool.load(&entry) {
        Err(StorageError::Damaged { key: found, lsn }) => assert_eq!((found, lsn), (key(5, 1), hit.lsn)),
        other => panic!("{other:?}"),
    }
    assert_intact(&server, (1..=MESSAGES).filter(|id| *id != 5));
    // Its delivery gives it up, and nothing of it is left.
    server.deliver(server.entry(5, 0));
    server.deliver(entry);
    assert_eq!(server.restart().recovery.entries, 2 * (MESSAGES - 1));
}

#[test]
fn a_damaged_outcome_brings_its_message_back_rather_than_lose_another() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(&home.path().join("state"), SMALL);
    server.accept(1, &TO, SIZE).unwrap();
    server.deliver(server.entry(1, 0));
    server.settle_down();
    server.accept(2, &TO, SIZE).unwrap();
    server.close();
    let state = home.path().join("state");
    let outcome = journal::records(&state).swap_remove(1);
    journal::flip_bit(&outcome.path, outcome.meta_at(), 0);
    std::fs::remove_dir_all(state.join("queue")).unwrap();
    let server = Server::start(&state, SMALL);
    assert_eq!((server.recovery.entries, server.recovery.damaged.len()), (4, 1));
    assert_intact(&server, [1, 2]);
}

#[test]
fn a_record_cut_off_at_any_octet_is_a_torn_tail_and_the_journal_goes_on_before_it() {
    let home = tempfile::tempdir().unwrap();
    let state = killed(home.path(), Queue::Lost);
    let last = record(&state, MESSAGES);
    let step = if common::long() { 7 } else { 307 };
    let cuts = (0..40).chain((40..last.len()).step_by(step)).chain([last.len() - 1]);
    for (round, cut) in cuts.enumerate() {
        let copy = home.path().join(format!("copy{round}"));
        common::copy_dir(&state, &copy);
        journal::cut(&record(&copy, MESSAGES).path, last.at + cut);
        let server = Server::start(&copy, SMALL);
        assert_eq!(server.recovery.damaged, [], "cut at {cut}");
        assert_eq!(server.recovery.entries, 2 * (MESSAGES - 1), "cut at {cut}");
        if round % 8 == 0 {
            server.accept(50, &TO, SIZE).unwrap();
            let server = server.restart();
            assert_intact(&server, (1..MESSAGES).chain([50]));
        }
    }
}

#[test]
fn a_record_whose_body_was_torn_does_not_come_back_when_its_segment_is_no_longer_the_last() {
    let home = tempfile::tempdir().unwrap();
    let state = killed(home.path(), Queue::Lost);
    let torn = record(&state, MESSAGES);
    journal::overwrite(&torn.path, torn.body_at() + 1_000, &[0; 2_000]);
    let server = Server::start(&state, SMALL);
    server.accept(50, &TO, SIZE).unwrap();
    server.close();
    std::fs::remove_dir_all(state.join("queue")).unwrap();
    let server = Server::start(&state, SMALL);
    assert_eq!((server.recovery.entries, &server.recovery.damaged[..]), (2 * MESSAGES, &[][..]));
    assert_intact(&server, (1..MESSAGES).chain([50]));
    assert_eq!(server.get(key(MESSAGES, 0)), None);
}

#[test]
fn a_queue_state_ahead_of_a_journal_that_lost_its_end_is_rebuilt() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path(), SMALL);
    for id in 1..=10 {
        server.accept(id, &TO, 20_000).unwrap();
    }
    server.close();
    let lost = journal::segments(home.path()).pop().unwrap();
    let kept = journal::records(home.path()).iter().filter(|record| record.path != lost).count() as u64;
    std::fs::remove_file(lost).unwrap();
    let server = Server::start(home.path(), SMALL);
    assert_eq!((server.recovery.entries, server.recovery.replayed), (2 * kept, kept));
    assert!(
        server
            .recovery
            .rebuilt
            .as_deref()
            .is_some_and(|why| why.contains("the journal is not what the queue state reflects"))
    );
    for id in 1..=kept {
        server.assert_loads(&server.entry(id, 1), &envelope(id, &TO), 20_000);
    }
}
