//! Journal segments are given back, and giving them back loses and repeats nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod common;

use common::{NOW, SMALL, Server, attempted, delivered, envelope, journal, key};
use mailwright_engine::time::UnixMillis;
use mailwright_storage::{QueueEntry, StorageError};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

const TO: [&str; 1] = ["r@one.example"];
const LATER: UnixMillis = UnixMillis::new(NOW.as_millis() + 86_400_000);
/// Octets of a filler message: three fit a segment.
const FILLER: usize = 20_000;
const FIRST_SEGMENT: &str = "0000000000000000.journal";

/// Takes and delivers `messages` messages.
fn mail_passes_through(server: &Server, first_id: u64, messages: u64) {
    for id in first_id..first_id + messages {
        server.accept(id, &TO, FILLER).unwrap();
        server.deliver(server.entry(id, 0));
    }
}

/// Stores the state until nothing moves any more. A step may show in the files only with the next one.
fn reclaim_all(server: &Server) {
    let (mut before, mut unchanged) = (Vec::new(), 0);
    while unchanged < 4 {
        server.checkpoint();
        server.settle_down();
        let segments = journal::segments(&server.dir);
        unchanged = if segments == before { unchanged + 1 } else { 0 };
        before = segments;
    }
}

fn restart_without_queue(server: Server) -> Server {
    let dir = server.dir.clone();
    server.close();
    std::fs::remove_dir_all(dir.join("queue")).unwrap();
    Server::start(&dir, SMALL)
}

#[test]
fn segments_of_settled_mail_are_removed() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path(), SMALL);
    mail_passes_through(&server, 1, 100);
    server.checkpoint();
    server.settle_down();
    let left = journal::segments(home.path());
    assert_eq!(left.len(), 1);
    assert!(!left[0].ends_with(FIRST_SEGMENT));
}

#[test]
fn nothing_is_copied_while_most_of_the_journal_is_live() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path(), SMALL);
    server.accept_all(1..=60, &TO, FILLER);
    let before: Vec<_> = (1..=60).map(|id| server.entry(id, 0).location).collect();
    for id in 2..=20 {
        server.deliver(server.entry(id, 0));
    }
    reclaim_all(&server);
    assert_eq!(server.entry(1, 0).location, before[0]);
    assert!(journal::segments(home.path())[0].ends_with(FIRST_SEGMENT));
}

/// Ten put-off messages, each followed by enough passing mail that their segments are mostly dead.
fn with_survivors(dir: &Path) -> (Server, Vec<QueueEntry>) {
    let server = Server::start(dir, SMALL);
    for id in 1..=10 {
        server.accept(id, &TO, 5_000).unwrap();
        server.defer(server.entry(id, 0), LATER);
        mail_passes_through(&server, id * 1_000, 12);
    }
    let before = (1..=10).map(|id| server.entry(id, 0)).collect();
    (server, before)
}

fn assert_survivors(server: &Server) {
    assert_eq!(server.spool.entries(), 10);
    for id in 1..=10 {
        let entry = server.entry(id, 0);
        assert_eq!((entry.place.due, entry.attempts), (LATER, 1));
        server.assert_loads(&entry, &envelope(id, &TO), 5_000);
    }
}

#[test]
fn long_deferred_messages_are_copied_forward_and_stay_what_they_were() {
    let home = tempfile::tempdir().unwrap();
    let (server, before) = with_survivors(home.path());
    reclaim_all(&server);
    // 2.4 MB came and went; left is what the ten need twice, and four segments.
    let left: u64 = journal::segments(home.path()).iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(left < 2 * 10 * 5_200 + 4 * SMALL.segment_size, "{left} octets left");
    assert_survivors(&server);
    assert!(server.entry(1, 0).location.lsn > before[9].location.lsn);
    // Who still holds the old position learns that it moved.
    assert!(matches!(server.spool.load(&before[0]), Err(StorageError::Missing { .. })));

    let server = server.restart();
    assert_survivors(&server);
    let server = restart_without_queue(server);
    assert!(server.recovery.rebuilt.is_some());
    assert_survivors(&server);
    assert!(server.spool.next_id(0).as_raw() > 10);
}

#[test]
fn a_delivery_that_began_before_its_message_was_copied_settles_it() {
    let home = tempfile::tempdir().unwrap();
    let (server, before) = with_survivors(home.path());
    reclaim_all(&server);
    for entry in before {
        server.deliver(entry);
    }
    reclaim_all(&server);
    assert_eq!((server.spool.entries(), journal::segments(home.path()).len()), (0, 1));
    let server = restart_without_queue(server);
    assert_eq!(server.recovery.entries, 0);
}

#[test]
fn a_message_in_doubt_is_still_in_doubt_after_its_neighbours_were_copied() {
    let home = tempfile::tempdir().unwrap();
    let (server, _) = with_survivors(home.path());
    server.intend(key(3, 0)).unwrap();
    for round in 1..=5 {
        mail_passes_through(&server, round * 50_000, 30);
        reclaim_all(&server);
    }
    let server = restart_without_queue(server);
    assert_eq!(server.recovery.in_doubt, [key(3, 0)]);
    assert_survivors(&server);
}

/// How a contested entry was last seen to be left.
type Left = BTreeMap<u64, Option<QueueEntry>>;

/// Settles, puts off and half delivers the messages `ids`, whose entries were `taken`, while copying goes on.
fn contest(server: &Server, taken: Vec<QueueEntry>) -> Left {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                server.checkpoint();
            }
        });
        let mut left = Left::new();
        for (turn, entry) in taken.into_iter().enumerate() {
            let id = entry.key().id.as_raw();
            let due = UnixMillis::new(LATER.as_millis() + id);
            let outcome = match turn % 3 {
                0 => delivered(entry),
                1 => attempted(entry, due, vec![2]),
                _ => attempted(entry, due, vec![0, 1, 2]),
            };
            left.insert(id, outcome.after.clone());
            server.spool.record(vec![outcome]).unwrap();
            std::thread::sleep(Duration::from_micros(20));
        }
        done.store(true, Ordering::Relaxed);
        left
    })
}

fn assert_left(server: &Server, left: &Left) {
    for (id, expected) in left {
        let state = |entry: &QueueEntry| (entry.place.due, entry.attempts, entry.pending.clone());
        let found = server.get(key(*id, 0));
        assert_eq!(found.as_ref().map(state), expected.as_ref().map(state), "message {id}");
    }
}

#[test]
fn an_outcome_that_races_the_copying_wins_over_every_kind_of_restart() {
    let to = ["a@one.example", "b@one.example", "c@one.example"];
    let rounds = if common::long() { 60 } else { 4 };
    for round in 0..rounds {
        let home = tempfile::tempdir().unwrap();
        let server = Server::start(&home.path().join("running"), SMALL);
        for group in 0..10 {
            server.accept_all(group * 40 + 1..=group * 40 + 40, &to, 500);
            mail_passes_through(&server, group * 1_000 + 10_000, 8);
        }
        let taken = (1..=400).map(|id| server.entry(id, 0)).collect();
        let left = contest(&server, taken);
        server.settle_down();
        assert_left(&server, &left);
        for (name, keep_queue) in [("killed", true), ("rebuilt", false)] {
            let copy = home.path().join(name);
            server.killed_copy(&copy);
            if !keep_queue {
                std::fs::remove_dir_all(copy.join("queue")).unwrap();
            }
            assert_left(&Server::start(&copy, SMALL), &left);
        }
        // Once more after everything that can be reclaimed has been.
        mail_passes_through(&server, 900_000, 30);
        reclaim_all(&server);
        let server = restart_without_queue(server);
        assert_left(&server, &left);
        assert!(server.recovery.damaged.is_empty(), "round {round}");
    }
}
