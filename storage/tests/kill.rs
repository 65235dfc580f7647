//! A real process, killed at any moment: what it acknowledged is there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod common;

use common::{NOW, SMALL, Server, block_on, content, delivered, envelope, key};
use mailwright_engine::time::UnixMillis;
use mailwright_storage::Content;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

/// Names the state folder to the process that is going to be killed.
const FOLDER: &str = "MAILWRIGHT_TEST_KILL_FOLDER";
const TO: [&str; 2] = ["a@one.example", "b@two.example"];
const SIZE: usize = 6_000;
const LATER: UnixMillis = UnixMillis::new(NOW.as_millis() + 1_000_000);

/// What the killed process said.
#[derive(Default)]
struct Said {
    accepted: BTreeSet<u64>,
    /// Messages whose final dot, at the first destination, has a safe intent.
    intended: BTreeSet<u64>,
    /// Messages about to be recorded as delivered everywhere.
    settling: BTreeSet<u64>,
    /// Messages handed in; they may or may not be there.
    tried: BTreeSet<u64>,
}

#[test]
fn a_killed_process_loses_nothing_it_acknowledged_and_knows_its_doubts() {
    let rounds = if common::long() { 100 } else { 12 };
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("state");
    let mut said = Said::default();
    for round in 0..rounds {
        let run = run_and_kill(&folder, Duration::from_millis(40 + round * 37 % 500));
        said.accepted.extend(run.accepted);
        said.tried.extend(run.tried);
        said.settling.extend(run.settling);
        if round % 4 == 3 {
            // What is garbage to sled must not be worse than no queue state at all.
            std::fs::remove_dir_all(folder.join("queue")).unwrap();
        }
        let server = Server::start(&folder, SMALL);
        check(&server, &said, &run.intended);
        server.close();
    }
    assert!(said.accepted.len() > 100, "{} messages prove little", said.accepted.len());
}

fn check(server: &Server, said: &Said, intended: &BTreeSet<u64>) {
    assert_eq!(server.recovery.damaged, []);
    let in_doubt: BTreeMap<_, _> =
        server.recovery.in_doubt.iter().map(|k| (k.id.as_raw(), k.group)).collect();
    for id in &said.accepted {
        for group in 0..2 {
            match server.get(key(*id, group)) {
                Some(entry) => server.assert_loads(&entry, &envelope(*id, &TO), SIZE),
                None => assert!(said.settling.contains(id), "{id}/{group} is lost"),
            }
        }
    }
    for id in intended {
        let queued = server.get(key(*id, 0)).is_some();
        assert_eq!(queued, in_doubt.contains_key(id), "{id} is queued and not in doubt, or the reverse");
    }
    assert!(in_doubt.keys().all(|id| said.tried.contains(id)));
}

/// Runs a server on `folder`, kills it after `life` and tells what it said.
fn run_and_kill(folder: &Path, life: Duration) -> Said {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "serve_until_killed", "--nocapture"])
        .env(FOLDER, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reader = std::thread::spawn(move || {
        let mut said = Said::default();
        for line in lines {
            let line = line.unwrap();
            let Some((what, id)) = line.split_once(' ') else { continue };
            let Ok(id) = id.parse() else { continue };
            match what {
                "tried" => said.tried.insert(id),
                "accepted" => said.accepted.insert(id),
                "intended" => said.intended.insert(id),
                "settling" => said.settling.insert(id),
                _ => false,
            };
        }
        said
    });
    std::thread::sleep(life);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

#[test]
#[ignore = "the process that another test kills"]
fn serve_until_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let server = Server::start(&PathBuf::from(folder), SMALL);
    let say = |what: &str, id: u64| {
        let mut out = std::io::stdout().lock();
        // The parent may have stopped listening; then the end is near anyway.
        let _ = writeln!(out, "{what} {id}").and_then(|()| out.flush());
    };
    block_on(async {
        for turn in 0u64.. {
            let id = server.spool.next_id(0).as_raw();
            say("tried", id);
            let content = Content::whole(content(id, SIZE));
            server.spool.accept(envelope(id, &TO), content, NOW).await.unwrap();
            say("accepted", id);
            let first = server.spool.get(key(id, 0)).await.unwrap().unwrap();
            let second = server.spool.get(key(id, 1)).await.unwrap().unwrap();
            // One in eight is put off, so that most of the journal dies and the rest is copied forward.
            if id.is_multiple_of(8) {
                server.defer(first, LATER);
                server.defer(second, LATER);
            } else {
                server.spool.intend(first.key()).unwrap().await.unwrap();
                say("intended", id);
                say("settling", id);
                server.spool.record(vec![delivered(first), delivered(second)]).unwrap();
            }
            if turn % 50 == 49 {
                server.spool.domains().await.unwrap();
            }
        }
    });
}
