//! The state folder is another process's until that ends, however it ends.
//!
//! A program of its own: a child between fork and exec holds every lock of its parent for a moment.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use mailwright_storage::{StateDir, StorageError};
use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

/// Names the folder to the other process of
/// [`a_folder_that_another_process_holds_is_in_use_until_it_dies`].
const FOLDER: &str = "MAILWRIGHT_TEST_STATE_FOLDER";

#[test]
fn a_folder_that_another_process_holds_is_in_use_until_it_dies() {
    let home = tempfile::tempdir().unwrap();
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "hold_the_folder_named_by_the_environment", "--nocapture"])
        .env(FOLDER, home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("held")));
    match StateDir::open(home.path()) {
        Err(StorageError::InUse { holder, .. }) => assert_eq!(holder, other.id().to_string()),
        other => panic!("{other:?}"),
    }
    other.kill().unwrap();
    other.wait().unwrap();
    StateDir::open(home.path()).unwrap();
}

#[test]
#[ignore = "the other process of another test"]
fn hold_the_folder_named_by_the_environment() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let _held = StateDir::open(folder.as_ref()).unwrap();
    println!("held");
    std::io::stdout().flush().unwrap();
    // Until killed, or the parent is gone.
    let _ = std::io::stdin().read_line(&mut String::new());
}
