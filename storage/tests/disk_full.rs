//! A full disk refuses new mail, lets the rest leave, and loses nothing.
//!
//! Needs a small file system of its own, so permission to mount one; says so and passes where there is none.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

mod common;

use common::{SMALL, Server, block_on, envelope, journal, key};
use mailwright_storage::{SpoolSettings, StorageError};
use rustix::fs::FallocateFlags;
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

const TO: [&str; 1] = ["a@one.example"];

/// A mounted file system in memory; unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    /// Mounts one of `mebibytes` at `at`, if that is permitted.
    fn mount(at: &Path, mebibytes: u32) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let size = format!("size={mebibytes}m");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(Self(at.to_path_buf()));
        }
        println!("skipped: mounting a file system is not permitted here");
        None
    }

    /// Takes all room but `left` octets with a file that has nothing to do with mail.
    fn fill_up(&self, left: u64) {
        let room = self.room();
        let file = File::options().append(true).create(true).open(self.filler()).unwrap();
        let end = file.metadata().unwrap().len();
        rustix::fs::fallocate(&file, FallocateFlags::empty(), end, room - left).unwrap();
    }

    fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn room(&self) -> u64 {
        let stat = rustix::fs::statvfs(&self.0).unwrap();
        stat.f_bavail * stat.f_frsize
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Sends mail until the disk is full; the ids of what was accepted.
fn accept_until_full(server: &Server, first: u64, size: usize) -> Vec<u64> {
    for id in first.. {
        match server.accept(id, &TO, size) {
            Ok(()) => {}
            Err(StorageError::DiskFull { .. }) => return (first..id).collect(),
            Err(error) => panic!("{error}"),
        }
    }
    unreachable!("a disk without end")
}

fn assert_queued(server: &Server, ids: &[u64], size: usize) {
    assert_eq!(server.spool.entries(), ids.len() as u64);
    for id in ids {
        server.assert_loads(&server.entry(*id, 0), &envelope(*id, &TO), size);
    }
}

/// Delivers a message as the engine does: final dot and outcome.
fn deliver(server: &Server, id: u64) {
    let entry = server.entry(id, 0);
    server.intend(entry.key()).unwrap();
    server.deliver(entry);
}

#[test]
fn below_the_minimum_mail_is_refused_and_thousands_of_messages_still_leave() {
    let home = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(&home.path().join("state"), 48) else { return };
    let settings = SpoolSettings { segment_size: 1 << 20, min_free: 24 << 20, ..SMALL };
    let server = Server::start(&disk.0, settings);
    assert!(server.spool.has_disk_room().unwrap());
    let mut ids = accept_until_full(&server, 1, 2_400);
    assert!(ids.len() > 6_000, "{} messages accepted", ids.len());
    assert!(!server.spool.has_disk_room().unwrap());
    assert!(disk.room() >= settings.min_free);
    let refused = server.accept(1_000_000, &TO, 2_400).unwrap_err();
    assert!(refused.is_disk_full() && refused.is_retryable());

    // Others take some of what was to stay free. More leaves than the reserve has intents and outcomes for.
    // What is left is for the queue state, which lives on the same disk.
    disk.fill_up(8 << 20);
    let mut left = ids.split_off(6_000);
    for id in &ids {
        deliver(&server, *id);
    }
    server.settle_down();
    assert!(matches!(server.accept(1_000_001, &TO, 2_400), Err(StorageError::DiskFull { .. })));
    assert_queued(&server, &left, 2_400);

    assert!(!server.spool.has_disk_room().unwrap());

    disk.make_room();
    server.checkpoint();
    assert!(server.spool.has_disk_room().unwrap());
    server.accept(2_000_000, &TO, 2_400).unwrap();
    left.push(2_000_000);
    let copy = home.path().join("killed");
    server.killed_copy(&copy);
    assert_queued(&Server::start(&copy, settings), &left, 2_400);
    std::fs::remove_dir_all(copy.join("queue")).unwrap();
    let rebuilt = Server::start(&copy, settings);
    assert_queued(&rebuilt, &left, 2_400);
    assert_eq!(rebuilt.recovery.in_doubt, []);
}

#[test]
fn with_no_octet_left_the_reserve_carries_outcomes_and_the_rest_waits_for_room() {
    let home = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(&home.path().join("state/spool"), 9) else { return };
    let state = home.path().join("state");
    let settings = SpoolSettings { segment_size: 512 << 10, ..SMALL };
    let server = Server::start(&state, settings);
    disk.fill_up(5 << 20);
    let ids = accept_until_full(&server, 1, 1_000);
    assert!(ids.len() > 3_000, "{} messages accepted", ids.len());
    disk.fill_up(0);
    // Some of every segment, so that none becomes free.
    let (leaving, rest): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| id.is_multiple_of(4));
    for id in leaving.iter().take(1_000) {
        deliver(&server, *id);
    }
    let rest: Vec<_> = rest.into_iter().chain(leaving.into_iter().skip(1_000)).collect();

    // Far more outcomes than the reserve has room for: some wait, none fails, and intents are refused.
    for id in rest.iter().filter(|id| !id.is_multiple_of(10)) {
        let later = mailwright_engine::time::UnixMillis::new(common::NOW.as_millis() + id);
        server.defer(server.entry(*id, 0), later);
    }
    assert!(matches!(server.intend(key(rest[0], 0)), Err(StorageError::DiskFull { .. })));
    disk.make_room();
    std::thread::sleep(Duration::from_millis(300));
    assert_left(&server, &rest);
    let copy = home.path().join("killed");
    server.killed_copy(&copy);
    assert_left(&Server::start(&copy, settings), &rest);
    std::fs::remove_dir_all(copy.join("queue")).unwrap();
    assert_left(&Server::start(&copy, settings), &rest);
}

/// What was not delivered is there; nine in ten of it put off.
fn assert_left(server: &Server, rest: &[u64]) {
    assert_eq!(server.spool.entries(), rest.len() as u64);
    for id in rest {
        let entry = server.entry(*id, 0);
        server.assert_loads(&entry, &envelope(*id, &TO), 1_000);
        let put_off = u64::from(!id.is_multiple_of(10));
        let due = common::NOW.as_millis() + put_off * id;
        assert_eq!((u64::from(entry.attempts), entry.place.due.as_millis()), (put_off, due), "{id}");
    }
}

#[test]
fn a_message_larger_than_a_segment_is_taken_when_there_is_room_and_refused_when_not() {
    let home = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(&home.path().join("state/spool"), 4) else { return };
    let state = home.path().join("state");
    let server = Server::start(&state, SMALL);
    assert!(matches!(server.accept(1, &TO, 5 << 20), Err(StorageError::DiskFull { .. })));
    server.accept(2, &TO, 1 << 20).unwrap();
    assert!(matches!(server.accept(3, &TO, 3 << 20), Err(StorageError::DiskFull { .. })));
    server.accept(4, &TO, 1_000).unwrap();
    let server = server.restart();
    server.assert_loads(&server.entry(2, 0), &envelope(2, &TO), 1 << 20);
    server.assert_loads(&server.entry(4, 0), &envelope(4, &TO), 1_000);
    assert_eq!(block_on(server.spool.domains()).unwrap().len(), 1);
    assert!(disk.room() > 0 && !journal::segments(&state).is_empty());
}
