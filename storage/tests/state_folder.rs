//! The state folder belongs to one process and says which version wrote it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use mailwright_storage::{StateDir, StorageError};
use std::{
    os::unix::fs::PermissionsExt,
    sync::atomic::{AtomicBool, Ordering},
};

#[test]
fn a_second_opening_in_one_process_is_refused_with_the_process_id() {
    let home = tempfile::tempdir().unwrap();
    let held = StateDir::open(home.path()).unwrap();
    match StateDir::open(home.path()) {
        Err(StorageError::InUse { path, holder }) => {
            assert_eq!((path.as_path(), holder), (home.path(), std::process::id().to_string()));
        }
        other => panic!("{other:?}"),
    }
    drop(held);
    StateDir::open(home.path()).unwrap();
}

#[test]
fn a_folder_of_a_newer_version_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    drop(StateDir::open(home.path()).unwrap());
    std::fs::write(home.path().join("format"), "6\n").unwrap();
    let refused = StateDir::open(home.path()).map(drop);
    assert!(matches!(refused, Err(StorageError::TooNew { found: 6, known: 5, .. })), "{refused:?}");
    assert_eq!(std::fs::read_to_string(home.path().join("format")).unwrap(), "6\n");
    std::fs::write(home.path().join("format"), "new\n").unwrap();
    assert!(matches!(StateDir::open(home.path()), Err(StorageError::Format { .. })));
}

#[test]
fn a_folder_from_before_the_first_release_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    drop(StateDir::open(home.path()).unwrap());
    std::fs::write(home.path().join("format"), "1\n").unwrap();
    let refused = StateDir::open(home.path()).map(drop);
    assert!(matches!(refused, Err(StorageError::TooOld { found: 1, known: 5, .. })), "{refused:?}");
    assert_eq!(std::fs::read_to_string(home.path().join("format")).unwrap(), "1\n");
}

#[test]
fn folder_and_files_are_for_their_owner_only() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("deep/state");
    let state = StateDir::open(&path).unwrap();
    state.write_file("admin-token", b"secret").unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.clone()), 0o700);
    assert_eq!(mode(path.join("admin-token")), 0o600);
}

#[test]
fn a_reader_sees_the_old_content_or_the_new_never_a_part() {
    let home = tempfile::tempdir().unwrap();
    let state = StateDir::open(home.path()).unwrap();
    let contents = [vec![b'a'; 300_000], vec![b'b'; 200_000]];
    state.write_file("file", &contents[0]).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 0..40 {
                state.write_file("file", &contents[turn % 2]).unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        while !done.load(Ordering::Relaxed) {
            let read = std::fs::read(home.path().join("file")).unwrap();
            assert!(contents.contains(&read), "{} octets", read.len());
        }
    });
}
