//! What the scenarios share: a spool one can start, close and kill, and builders for what goes into it.

#![allow(dead_code, reason = "each scenario uses its own part of this module")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must fail")]

pub(crate) mod journal;
pub(crate) mod memory_disk;

use bytes::Bytes;
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    class::TenantName,
    envelope::{BodyType, Envelope, Origin},
    id::QueueId,
    smtp::verdict::Verdict,
    time::UnixMillis,
};
use mailwright_storage::{
    Content, EntryKey, Fresh, Outcome, QueueEntry, RecipientResult, Recovery, Spool, SpoolSettings,
    SpoolStarter, SpoolThreads, StateDir, StorageError,
    disk::{Disk, RealDisk},
};
use rustix::fs::{FlockOperation, flock};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

/// Small segments: the 256 KiB kept for intents and outcomes, and 64 KiB for mail.
pub(crate) const SMALL: SpoolSettings =
    SpoolSettings { segment_size: 320 << 10, min_free: 0, memory: 1 << 20, max_entries: 0 };

/// When every message of the tests is accepted and first due.
pub(crate) const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

/// A folder for spools, in memory where the system offers that: tests that start one after the other would mostly
/// wait for the disk, and none of them can see whether it was synced.
pub(crate) fn home() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Runs the async API to its end.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// A started spool over a folder of its own; closed when dropped.
pub(crate) struct Server {
    pub(crate) dir: PathBuf,
    pub(crate) spool: Spool,
    pub(crate) recovery: Recovery,
    /// What went to delivery.
    pub(crate) fresh: Arc<Mutex<Vec<Fresh>>>,
    settings: SpoolSettings,
    threads: Option<SpoolThreads>,
    _state: StateDir,
}

impl Server {
    /// Recovers and starts the spool in `dir`.
    pub(crate) fn start(dir: &Path, settings: SpoolSettings) -> Self {
        Self::start_on(Arc::new(RealDisk), dir, settings)
    }

    /// The same with the journal on `disk`.
    pub(crate) fn start_on(disk: Arc<dyn Disk>, dir: &Path, settings: SpoolSettings) -> Self {
        let state = open_state(dir);
        let (starter, recovery) = SpoolStarter::recover_on(disk, &state, settings).unwrap();
        let fresh = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&fresh);
        let (spool, threads) =
            starter.start(Box::new(move |batch| sink.lock().unwrap().extend(batch))).unwrap();
        Self {
            dir: dir.to_path_buf(),
            spool,
            recovery,
            fresh,
            settings,
            threads: Some(threads),
            _state: state,
        }
    }

    /// Ends the spool in good order.
    pub(crate) fn close(mut self) {
        self.close_threads();
    }

    /// Ends the spool in good order and starts it again.
    pub(crate) fn restart(self) -> Self {
        let (dir, settings) = (self.dir.clone(), self.settings);
        self.close();
        Self::start(&dir, settings)
    }

    /// Copies the folder to `to`, as a process killed at this moment would leave it. The queue goes first:
    /// a copy is not made in an instant, and the journal never is behind the queue state.
    pub(crate) fn killed_copy(&self, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        copy_dir(&self.dir.join("queue"), &to.join("queue"));
        copy_dir(&self.dir.join("spool"), &to.join("spool"));
    }

    /// Waits until everything handed in so far is written.
    pub(crate) fn settle_down(&self) {
        block_on(self.spool.get(key(0, 0))).unwrap();
    }

    /// Has the queue state stored and the journal reclaimed, as happens every two seconds.
    pub(crate) fn checkpoint(&self) {
        block_on(self.spool.domains()).unwrap();
    }

    /// Accepts a message to `recipients`, with [`content`] of `size` octets.
    pub(crate) fn accept(&self, id: u64, recipients: &[&str], size: usize) -> Result<(), StorageError> {
        self.accept_as(envelope(id, recipients), size)
    }

    /// Accepts a message with this envelope.
    pub(crate) fn accept_as(&self, envelope: Envelope, size: usize) -> Result<(), StorageError> {
        let content = content(envelope.id.as_raw(), size);
        block_on(self.spool.accept(envelope, Content::whole(content), NOW))
    }

    /// Accepts many messages at once, so that they share their syncs.
    pub(crate) fn accept_all(&self, ids: impl IntoIterator<Item = u64>, recipients: &[&str], size: usize) {
        block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for id in ids {
                let (spool, envelope) = (self.spool.clone(), envelope(id, recipients));
                tasks.spawn(
                    async move { spool.accept(envelope, Content::whole(content(id, size)), NOW).await },
                );
            }
            for result in tasks.join_all().await {
                result.unwrap();
            }
        });
    }

    /// The entry as the queue has it.
    pub(crate) fn get(&self, key: EntryKey) -> Option<QueueEntry> {
        block_on(self.spool.get(key)).unwrap()
    }

    /// The entry, which must be there.
    pub(crate) fn entry(&self, id: u64, group: u16) -> QueueEntry {
        self.get(key(id, group)).unwrap_or_else(|| panic!("{id}/{group} is not queued"))
    }

    /// Journals the intent to send the final dot.
    pub(crate) fn intend(&self, key: EntryKey) -> Result<(), StorageError> {
        block_on(async { self.spool.intend(key)?.await })
    }

    /// Settles the entry as delivered.
    pub(crate) fn deliver(&self, entry: QueueEntry) {
        self.spool.record(vec![delivered(entry)]).unwrap();
    }

    /// Puts the entry off until `due`.
    pub(crate) fn defer(&self, entry: QueueEntry, due: UnixMillis) {
        self.spool.record(vec![deferred(entry, due)]).unwrap();
    }

    /// Asserts that the message of `entry` reads back as it was accepted with `size` octets.
    pub(crate) fn assert_loads(&self, entry: &QueueEntry, envelope: &Envelope, size: usize) {
        let message = self.spool.load(entry).unwrap();
        assert_eq!(&message.envelope, envelope);
        assert!(message.content.body == content(entry.key().id.as_raw(), size), "content of {}", entry.key());
    }

    fn close_threads(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.close();
            wait_for_unlock(&self.dir.join("queue/db"));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.close_threads();
    }
}

/// Opens the folder. A child process of another test holds every lock of this process for a moment, between
/// its fork and its exec.
fn open_state(dir: &Path) -> StateDir {
    for _ in 0..2_000 {
        match StateDir::open(dir) {
            Err(StorageError::InUse { .. }) => std::thread::sleep(Duration::from_millis(1)),
            opened => return opened.unwrap(),
        }
    }
    panic!("{} stays in use", dir.display())
}

/// Waits until sled has let go of its file. Its own threads hold the lock a little longer than the database
/// is open, which only matters to a second opening in the same process.
fn wait_for_unlock(file: &Path) {
    let Ok(file) = std::fs::File::open(file) else { return };
    while flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The name of a queue entry.
pub(crate) fn key(id: u64, group: u16) -> EntryKey {
    EntryKey { id: QueueId::from_raw(id), group }
}

/// An envelope to these recipients.
pub(crate) fn envelope(id: u64, recipients: &[&str]) -> Envelope {
    let sender = ReversePath::Address(EmailAddress::parse("sender@example.com").unwrap());
    let recipients = recipients.iter().map(|r| EmailAddress::parse(r).unwrap()).collect();
    Envelope {
        body: BodyType::EightBitMime,
        account: Some(TenantName::parse("shop").unwrap()),
        ..Envelope::new(QueueId::from_raw(id), NOW, sender, recipients, Origin::Api)
    }
}

/// Octets that belong to one message only and look random (xorshift seeded by the id).
pub(crate) fn content(id: u64, size: usize) -> Bytes {
    let mut state = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut octet = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(&mut octet).take(size).collect()
}

/// The outcome that settles the entry.
pub(crate) fn delivered(entry: QueueEntry) -> Outcome {
    Outcome::new(entry.place, Vec::new(), None)
}

/// The outcome of a failed attempt: every recipient waits until `due`.
pub(crate) fn deferred(entry: QueueEntry, due: UnixMillis) -> Outcome {
    let pending = entry.pending.clone();
    attempted(entry, due, pending)
}

/// The outcome of an attempt after which `pending` wait until `due`.
pub(crate) fn attempted(entry: QueueEntry, due: UnixMillis, pending: Vec<u16>) -> Outcome {
    let verdict = Verdict::connect_failure("refused");
    let results = pending
        .iter()
        .map(|recipient| RecipientResult { recipient: *recipient, verdict: verdict.clone() })
        .collect();
    let before = entry.place.clone();
    let mut after = QueueEntry { attempts: entry.attempts + 1, pending, ..entry };
    after.place.due = due;
    Outcome::new(before, results, Some(after))
}

/// Copies a folder; files that vanish meanwhile are left out, as they would be after a kill.
pub(crate) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for item in std::fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy_dir(&item.path(), &target);
        } else if let Err(error) = std::fs::copy(item.path(), &target) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "copy {}", item.path().display());
        }
    }
}

/// Every file below `dir`, in a fixed order.
pub(crate) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for item in std::fs::read_dir(dir).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// Whether the long form of the tests was asked for.
pub(crate) fn long() -> bool {
    std::env::var_os("MAILWRIGHT_LONG").is_some()
}
