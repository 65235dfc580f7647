//! What was acknowledged is there again after the end of the process, orderly or not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod common;

use common::{NOW, SMALL, Server, block_on, content, envelope, key};
use mailwright_engine::{
    address::Domain,
    envelope::{Envelope, Schedule},
    request_mark::{RequestDigest, RequestKey, RequestMark},
    time::UnixMillis,
};
use mailwright_storage::{Content, Outcome, SpoolStarter, StateDir, StorageError};
use std::path::Path;

const TO: [&str; 3] = ["a@one.example", "b@two.example", "c@one.example"];
const LATER: UnixMillis = UnixMillis::new(NOW.as_millis() + 3_600_000);

/// Ten messages of two entries each: the first is settled, the second put off, the third half delivered.
fn with_history(dir: &Path) -> Server {
    let server = Server::start(dir, SMALL);
    server.accept_all(1..=10, &TO, 2_000);
    for group in 0..2 {
        server.intend(key(1, group)).unwrap();
        server.deliver(server.entry(1, group));
        server.defer(server.entry(2, group), LATER);
    }
    let half = server.entry(3, 0);
    server.spool.record(vec![common::attempted(half, LATER, vec![2])]).unwrap();
    server.intend(key(4, 1)).unwrap();
    server.settle_down();
    server
}

/// The doubt is told by the first start after it, and by that one only.
const DOUBT: [(u64, u16); 1] = [(4, 1)];

fn assert_history(server: &Server, in_doubt: &[(u64, u16)]) {
    assert_eq!((server.recovery.entries, server.spool.entries()), (18, 18));
    let told: Vec<_> = in_doubt.iter().map(|(id, group)| key(*id, *group)).collect();
    assert_eq!(server.recovery.in_doubt, told);
    assert_eq!(server.recovery.damaged, []);
    for group in 0..2 {
        assert_eq!(server.get(key(1, group)), None);
        let put_off = server.entry(2, group);
        assert_eq!((put_off.place.due, put_off.attempts), (LATER, 1));
    }
    let half = server.entry(3, 0);
    assert_eq!((half.pending.as_slice(), half.attempts, half.place.due), (&[2][..], 1, LATER));
    for id in 2..=10 {
        let entry = server.entry(id, 1);
        assert_eq!(entry.place.domain, Domain::parse("two.example").unwrap());
        assert_eq!((entry.pending.as_slice(), entry.accepted_at), (&[1][..], NOW));
        server.assert_loads(&entry, &envelope(id, &TO), 2_000);
    }
}

#[test]
fn a_closed_spool_is_taken_up_where_it_was_without_replay() {
    let home = tempfile::tempdir().unwrap();
    let server = with_history(home.path()).restart();
    assert_history(&server, &DOUBT);
    assert_eq!((server.recovery.replayed, &server.recovery.rebuilt), (0, &None));
}

#[test]
fn a_spool_killed_before_its_first_checkpoint_is_rebuilt_from_the_journal() {
    let home = tempfile::tempdir().unwrap();
    let server = with_history(&home.path().join("running"));
    server.killed_copy(&home.path().join("killed"));
    let server = Server::start(&home.path().join("killed"), SMALL);
    assert_history(&server, &DOUBT);
    assert!(server.recovery.replayed > 0);
}

#[test]
fn a_spool_killed_after_a_checkpoint_is_mended_by_replay() {
    let home = tempfile::tempdir().unwrap();
    Server::start(&home.path().join("running"), SMALL).close();
    let server = with_history(&home.path().join("running"));
    server.checkpoint();
    server.accept(11, &TO, 10).unwrap();
    server.deliver(server.entry(11, 0));
    server.deliver(server.entry(11, 1));
    server.settle_down();
    server.killed_copy(&home.path().join("killed"));
    assert_history(&Server::start(&home.path().join("killed"), SMALL), &DOUBT);
}

#[test]
fn a_spool_without_queue_folder_is_rebuilt_from_the_journal() {
    let home = tempfile::tempdir().unwrap();
    with_history(home.path()).close();
    std::fs::remove_dir_all(home.path().join("queue")).unwrap();
    let server = Server::start(home.path(), SMALL);
    assert_history(&server, &DOUBT);
    assert!(server.recovery.rebuilt.is_some());
    // What was rebuilt is stored: the next start does without.
    let server = server.restart();
    assert_history(&server, &[]);
    assert_eq!((server.recovery.replayed, &server.recovery.rebuilt), (0, &None));
}

#[test]
fn an_unused_spool_starts_again_without_a_rebuild() {
    let home = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let server = Server::start(home.path(), SMALL);
        assert_eq!(server.recovery, mailwright_storage::Recovery::default());
    }
    assert_eq!(common::journal::segments(home.path()).len(), 1);
}

#[test]
fn ids_rise_over_every_restart_even_when_the_clock_stands_still() {
    let home = tempfile::tempdir().unwrap();
    let mut server = Server::start(home.path(), SMALL);
    let mut last = server.spool.next_id(1_000);
    for restart in 0..4 {
        let id = server.spool.next_id(1_000);
        assert!(id > last);
        server.accept(id.as_raw(), &TO, 10).unwrap();
        last = id;
        server.close();
        if restart % 2 == 1 {
            std::fs::remove_dir_all(home.path().join("queue")).unwrap();
        }
        server = Server::start(home.path(), SMALL);
    }
}

#[test]
fn a_closed_spool_refuses_what_comes_after() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path(), SMALL);
    let spool = server.spool.clone();
    server.close();
    let accepted = block_on(spool.accept(envelope(1, &TO), Content::whole(content(1, 9)), NOW));
    assert!(matches!(accepted, Err(StorageError::Closed)));
    assert!(matches!(spool.intend(key(1, 0)).map(block_on), Err(StorageError::Closed)));
    assert!(matches!(block_on(spool.domains()), Err(StorageError::Closed)));
}

#[test]
fn committed_messages_go_to_delivery_with_their_content_while_memory_lasts() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path(), mailwright_storage::SpoolSettings { memory: 3_000, ..SMALL });
    server.accept(1, &TO, 2_000).unwrap();
    server.accept(2, &TO, 2_000).unwrap();
    let fresh = server.fresh.lock().unwrap();
    let keys: Vec<_> = fresh.iter().map(|f| f.entry.key()).collect();
    assert_eq!(keys, [key(1, 0), key(1, 1), key(2, 0), key(2, 1)]);
    for first in &fresh[..2] {
        assert_eq!(first.message.as_ref().map(|m| m.content.body.clone()), Some(content(1, 2_000)));
    }
    for second in &fresh[2..] {
        assert!(second.message.is_none());
        server.assert_loads(&second.entry, &envelope(2, &TO), 2_000);
    }
}

#[test]
fn questions_with_an_empty_stretch_of_time_have_empty_answers() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path(), SMALL);
    server.accept(1, &TO, 10).unwrap();
    assert_eq!(block_on(server.spool.due_between(LATER, NOW, 10)).unwrap(), []);
    assert_eq!(block_on(server.spool.due_between(NOW, NOW, 10)).unwrap(), []);
    assert_eq!(block_on(server.spool.due_between(NOW, LATER, 1)).unwrap().len(), 1);
}

#[test]
fn an_entry_that_is_cancelled_while_it_is_delivered_is_counted_out_once() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path(), SMALL);
    server.accept_all(1..=2, &["a@one.example"], 10);
    let entry = server.entry(1, 0);
    server.spool.record(vec![Outcome::by_operator(entry.place.clone(), None)]).unwrap();
    server.deliver(entry);
    server.settle_down();
    assert_eq!(server.spool.entries(), 1);
}

#[test]
fn the_message_that_has_waited_longest_is_known_before_and_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path(), SMALL);
    // Ids are microseconds.
    let [older, newer] = [5_000_000, 9_000_000];
    server.accept_all([newer, older], &TO[..1], 100);
    server.checkpoint();
    assert_eq!(server.spool.oldest(), Some(UnixMillis::new(5_000)));
    let server = server.restart();
    server.checkpoint();
    assert_eq!(server.spool.oldest(), Some(UnixMillis::new(5_000)));
    for (id, left) in [(older, Some(UnixMillis::new(9_000))), (newer, None)] {
        server.deliver(server.entry(id, 0));
        server.checkpoint();
        assert_eq!(server.spool.oldest(), left);
    }
}

/// A message whose request had a key.
fn marked(id: u64) -> Envelope {
    let key = RequestKey::new([7; 16]);
    let (digest, message_id) = (RequestDigest::new([1; 16]), format!("{id}@example.com"));
    let mark = RequestMark { key, digest, item: 0, message_id, left_out: Vec::new() };
    Envelope { request: Some(Box::new(mark)), ..envelope(id, &TO) }
}

#[test]
fn what_no_checkpoint_reflects_is_recalled_with_its_request_and_told_of_before_the_queue_is_stored() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(&home.path().join("running"), SMALL);
    block_on(server.spool.accept(marked(1), Content::whole(content(1, 100)), NOW)).unwrap();
    server.killed_copy(&home.path().join("killed"));
    let state = StateDir::open(&home.path().join("killed")).unwrap();
    let mut recalled = Vec::new();
    let recall = |envelope: &Envelope| recalled.push(envelope.clone());
    let (starter, _) = SpoolStarter::recover_and_recall(&state, SMALL, recall).unwrap();
    drop(starter);
    assert_eq!(recalled, [marked(1)]);
}

#[test]
fn a_message_in_the_place_of_another_is_there_alone_after_any_end() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(&home.path().join("running"), SMALL);
    server.accept(1, &TO, 100).unwrap();
    let schedule = Some(Schedule { at: LATER, on_top: 0, first_group: 2 });
    let later = Envelope { schedule, ..envelope(1, &TO) };
    let replaces = vec![key(1, 0), key(1, 1)];
    block_on(server.spool.accept_instead(later, Content::whole(content(1, 50)), LATER, replaces)).unwrap();
    server.killed_copy(&home.path().join("killed"));
    for server in [server.restart(), Server::start(&home.path().join("killed"), SMALL)] {
        assert_eq!((server.spool.entries(), server.get(key(1, 0)), server.get(key(1, 1))), (2, None, None));
        let entry = server.entry(1, 2);
        assert_eq!((entry.place.due, entry.accepted_at), (LATER, LATER));
        assert_eq!(server.entry(1, 3).pending, [1]);
    }
}
