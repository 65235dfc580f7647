//! Journal and queue behind one handle. `questions` is what is asked of the queue, `set_aside` what becomes of damaged
//! messages.

mod questions;
mod set_aside;

use crate::{
    content::{Content, MemoryBudget, StoredMessage},
    disk::{Disk, RealDisk},
    error::StorageError,
    fail_point::FailPoint,
    journal::{
        committer::{Append, CommitLimits, CommitListener, Committer, RESERVE, Request, Waiter},
        record::Record,
        scan::{self, LoadedBody},
        segment::Segments,
    },
    limits::Limits,
    metrics as names,
    queue::{
        change::Change,
        entry::{EntryKey, Outcome, QueueEntry},
        feed::Feed,
        reclaim::Reclaimer,
        worker::{Command, Worker, WorkerFeed},
    },
    recovery,
    recovery::RecentChange,
    state_dir::StateDir,
};
use crossbeam_channel::{Sender, unbounded};
use mailwright_engine::{envelope::Envelope, id::QueueId, time::UnixMillis};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};
use tokio::sync::oneshot;

pub use crate::recovery::Recovery;

/// The size of most messages at most: while one finds room, mail is taken.
const COMMON_MESSAGE: u64 = 64 << 10;

/// How the spool uses the disk and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolSettings {
    /// Octets of one journal segment.
    pub segment_size: u64,
    /// Octets the file system must keep free; below that, mail is refused for now.
    pub min_free: u64,
    /// Octets of fresh message content kept in memory for their first delivery.
    pub memory: u64,
    /// Entries with which the queue is full; 0: no limit.
    pub max_entries: u64,
}

/// A committed entry on its way to its first delivery.
#[derive(Debug)]
pub struct Fresh {
    /// The entry.
    pub entry: QueueEntry,
    /// Its message, unless the memory budget was spent; then [`Spool::load`] reads it back.
    pub message: Option<Arc<StoredMessage>>,
}

/// Where committed entries go, batch by batch, on the committer's thread: must not block.
pub type DeliverySink = Box<dyn FnMut(Vec<Fresh>) + Send>;

/// What the threads share with the handles.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Below zero for a moment when an entry was settled twice.
    entries: AtomicI64,
    /// Whether journal or queue state failed and need a restart.
    failed: AtomicBool,
    last_id: AtomicU64,
    /// The id of the message that has waited longest, as of the last checkpoint; 0 when none waits.
    oldest: AtomicU64,
}

impl Shared {
    /// Counts entries in and out. First as a batch is committed, so that whoever was told that a message is
    /// accepted finds it counted; the queue worker corrects what did not turn out so.
    pub(crate) fn count(&self, change: i64) {
        let before = self.entries.fetch_add(change, Ordering::Relaxed);
        metrics::gauge!(names::QUEUE_ENTRIES).set(before.saturating_add(change).max(0) as f64);
    }

    /// Notes a failure that only a restart mends; returns whether there was one before.
    fn fail(&self) -> bool {
        metrics::gauge!(names::FAILED).set(1.0);
        self.failed.swap(true, Ordering::Relaxed)
    }

    /// Notes which message has waited longest.
    pub(crate) fn note_oldest(&self, oldest: Option<QueueId>) {
        self.oldest.store(oldest.map_or(0, QueueId::as_raw), Ordering::Relaxed);
    }

    /// Notes that the queue state failed: it stays behind the journal, and the next start rebuilds it.
    pub(crate) fn queue_failed(&self, error: &StorageError) {
        if !self.fail() {
            tracing::error!(%error, "the queue state failed; it is rebuilt from the journal at the next start");
        }
    }
}

/// Handle to journal and queue; clones are cheap and share everything.
#[derive(Debug, Clone)]
pub struct Spool {
    journal: Sender<Request>,
    segments: Arc<Segments>,
    memory: MemoryBudget,
    max_entries: u64,
    commits: CommitLimits,
    limits: Option<Limits>,
    shared: Arc<Shared>,
}

/// A recovered spool that waits for its delivery sink.
pub struct SpoolStarter {
    recovered: recovery::Recovered,
    settings: SpoolSettings,
    before_checkpoint: BeforeCheckpoint,
    when_accepted: WhenAccepted,
    limits: Option<Limits>,
}

/// Who is told of each message that is safe, before the queue knows of it.
type WhenAccepted = Box<dyn FnMut(QueueId) + Send>;

/// What is done before the queue state is stored.
pub(crate) type BeforeCheckpoint = Box<dyn Fn() + Send>;

/// The spool's threads, to be closed at the end.
#[derive(Debug)]
pub struct SpoolThreads {
    journal: Sender<Request>,
    handles: Vec<JoinHandle<()>>,
}

impl SpoolThreads {
    /// Writes and syncs what was handed in, stores the queue state and ends the threads; whatever is handed
    /// in later is refused with [`StorageError::Closed`]. Blocks.
    pub fn close(self) {
        // A journal thread that is gone already has closed itself.
        let _ = self.journal.send(Request::Close);
        for handle in self.handles {
            if handle.join().is_err() {
                tracing::error!("a storage thread panicked");
            }
        }
    }
}

impl SpoolStarter {
    /// Reads journal and queue state back; see [`Recovery`] for what it found. Blocks.
    ///
    /// # Errors
    /// When the folder cannot be read or written. Damage to records or to the queue state is not an error:
    /// it is mended and reported.
    pub fn recover(state: &StateDir, settings: SpoolSettings) -> Result<(Self, Recovery), StorageError> {
        Self::recover_on(Arc::new(RealDisk), state, settings)
    }

    /// The same, and tells `recall` of every message in the part of the journal that the queue state did not reflect;
    /// of some perhaps again, and of some that are delivered long since.
    ///
    /// # Errors
    /// As [`SpoolStarter::recover`].
    pub fn recover_and_recall(
        state: &StateDir,
        settings: SpoolSettings,
        mut recall: impl FnMut(&Envelope),
    ) -> Result<(Self, Recovery), StorageError> {
        Self::recover_with(Arc::new(RealDisk), state, settings, &mut recall, None)
    }

    /// The same, with what is accepted counted in `limits`.
    ///
    /// # Errors
    /// As [`SpoolStarter::recover`].
    pub fn recover_counting(
        state: &StateDir,
        settings: SpoolSettings,
        limits: Limits,
        mut recall: impl FnMut(&Envelope),
    ) -> Result<(Self, Recovery), StorageError> {
        Self::recover_with(Arc::new(RealDisk), state, settings, &mut recall, Some(limits))
    }

    /// The same with the journal on `disk`.
    ///
    /// # Errors
    /// As [`SpoolStarter::recover`].
    pub fn recover_on(
        disk: Arc<dyn Disk>,
        state: &StateDir,
        settings: SpoolSettings,
    ) -> Result<(Self, Recovery), StorageError> {
        Self::recover_with(disk, state, settings, &mut |_| {}, None)
    }

    fn recover_with(
        disk: Arc<dyn Disk>,
        state: &StateDir,
        settings: SpoolSettings,
        recall: recovery::Recall<'_>,
        limits: Option<Limits>,
    ) -> Result<(Self, Recovery), StorageError> {
        let (recovered, report) = recovery::recover(state, disk, recall, limits.as_ref())?;
        let (before_checkpoint, when_accepted) = (Box::new(|| {}), Box::new(|_| {}));
        Ok((Self { recovered, settings, before_checkpoint, when_accepted, limits }, report))
    }

    /// Takes what happened to mail of accounts shortly before the last process ended, unless it stopped in good order;
    /// in the order of the journal.
    pub fn take_recent(&mut self) -> Vec<RecentChange> {
        std::mem::take(&mut self.recovered.recent)
    }

    /// Has `work` done, beside what was asked for before, each time before the queue state is stored. What the stored
    /// state reflects is not told again at the next start ([`take_recent`](Self::take_recent)), so whoever is told of it
    /// must have it safe by then.
    pub fn before_checkpoint(&mut self, work: impl Fn() + Send + 'static) {
        let earlier = std::mem::replace(&mut self.before_checkpoint, Box::new(|| {}));
        self.before_checkpoint = Box::new(move || {
            earlier();
            work();
        });
    }

    /// Has `told` told of each message that is safe, on the committer's thread and before any stored queue state can
    /// reflect it: must not block.
    pub fn when_accepted(&mut self, told: impl FnMut(QueueId) + Send + 'static) {
        self.when_accepted = Box::new(told);
    }

    /// Starts the threads; committed entries go to `sink`.
    ///
    /// # Errors
    /// When the first segment or a thread cannot be made.
    pub fn start(self, sink: DeliverySink) -> Result<(Spool, SpoolThreads), StorageError> {
        let Self { mut recovered, settings, before_checkpoint, when_accepted, limits } = self;
        recovered.index.go_live();
        let (journal, appends) = unbounded();
        let (queue, commands) = unbounded();
        let segments = recovered.segments;
        metrics::gauge!(names::QUEUE_ENTRIES).set(recovered.index.count() as f64);
        metrics::gauge!(names::DISK_MIN_FREE).set(settings.min_free as f64);
        let shared = Arc::new(Shared {
            entries: AtomicI64::new(recovered.index.count().cast_signed()),
            failed: AtomicBool::new(false),
            last_id: AtomicU64::new(recovered.index.last_id()),
            oldest: AtomicU64::new(0),
        });
        let commits = CommitLimits { segment_size: settings.segment_size, min_free: settings.min_free };
        let feed = Arc::new(Feed::default());
        let (told, shared_too) = (Arc::clone(&feed), Arc::clone(&shared));
        let listener = Listener { feed: told, queue, shared: shared_too, when_accepted, sink };
        let committer = Committer::new(Arc::clone(&segments), commits, recovered.position, listener)?;
        let reclaimer = Reclaimer::new(Arc::clone(&segments), settings.segment_size);
        let corrections = journal.clone();
        let index = recovered.index;
        let worker = Worker::new(
            index,
            WorkerFeed { feed, position: recovered.position, before_checkpoint, limits: limits.clone() },
            reclaimer,
            corrections,
            Arc::clone(&shared),
        );
        let handles = vec![
            spawn("journal", move || committer.run(&appends))?,
            spawn("queue", move || worker.run(&commands))?,
        ];
        let memory = MemoryBudget::new(settings.memory);
        settle_doubts(&journal, recovered.in_doubt)?;
        let threads = SpoolThreads { journal: journal.clone(), handles };
        let max_entries = if settings.max_entries == 0 { u64::MAX } else { settings.max_entries };
        Ok((Spool { journal, segments, memory, max_entries, commits, limits, shared }, threads))
    }
}

/// Journals that these doubts were counted, so that the next start does not count them again.
fn settle_doubts(journal: &Sender<Request>, keys: Vec<EntryKey>) -> Result<(), StorageError> {
    if keys.is_empty() {
        return Ok(());
    }
    let meta = Record::DoubtSettled(keys.clone()).encode()?;
    let append = Append::bare(meta, Change::DoubtSettled(keys), Waiter::Nobody);
    journal.send(Request::Append(append)).map_err(|_| StorageError::Closed)
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StorageError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|e| StorageError::io("start the thread", name, e))
}

/// Passes committed changes to the queue worker and fresh entries to delivery.
struct Listener {
    feed: Arc<Feed>,
    queue: Sender<Command>,
    shared: Arc<Shared>,
    when_accepted: WhenAccepted,
    sink: DeliverySink,
}

impl CommitListener for Listener {
    fn committed(&mut self, mut changes: Vec<Change>, position: u64) {
        let mut fresh = Vec::new();
        for change in &mut changes {
            if let Change::Accepted { entries, message, .. } = change {
                let message = message.take();
                if let Some(first) = entries.first() {
                    (self.when_accepted)(first.key().id);
                }
                fresh.extend(entries.iter().map(|e| Fresh { entry: e.clone(), message: message.clone() }));
            }
        }
        self.shared.count(changes.iter().map(Change::entries).sum());
        // The queue first: what delivery reports about an entry must find it there.
        if self.feed.put(changes, position) {
            let _ = self.queue.send(Command::TakeIn);
        }
        if !fresh.is_empty() {
            (self.sink)(fresh);
        }
    }

    fn asked(&mut self, question: Command) {
        let _ = self.queue.send(question);
    }

    fn failed(&mut self) {
        self.shared.fail();
    }

    fn closed(&mut self) {
        let _ = self.queue.send(Command::Close);
    }
}

impl Spool {
    /// A fresh message id at `unix_micros`.
    pub fn next_id(&self, unix_micros: u64) -> QueueId {
        let next = |last| Some(QueueId::successor(QueueId::from_raw(last), unix_micros).as_raw());
        let last = self.shared.last_id.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        QueueId::successor(QueueId::from_raw(last.unwrap_or_else(|last| last)), unix_micros)
    }

    /// Entries in the queue, as of the last commit.
    pub fn entries(&self) -> u64 {
        self.shared.entries.load(Ordering::Relaxed).max(0).cast_unsigned()
    }

    /// How much accounts may send, if that is counted.
    pub fn limits(&self) -> Option<&Limits> {
        self.limits.as_ref()
    }

    /// Whether there are as many entries as there may be. [`Spool::accept`] takes more all the same: reports on what
    /// is in the queue must find room.
    pub fn is_full(&self) -> bool {
        self.entries() >= self.max_entries
    }

    /// Whether the disk has room for a message of common size: in the segment being written, or for the next segment.
    /// Asks the file system, if the first has none.
    ///
    /// # Errors
    /// When the file system does not say.
    pub fn has_disk_room(&self) -> Result<bool, StorageError> {
        let CommitLimits { segment_size, min_free } = self.commits;
        if self.segments.room() >= COMMON_MESSAGE + RESERVE {
            return Ok(true);
        }
        Ok(self.segments.free_space()? >= min_free.saturating_add(segment_size))
    }

    /// When the message that has waited longest came in; `None` when none waits. As of the last checkpoint, some
    /// two seconds ago at most, and by the clock that ids are made from.
    pub fn oldest(&self) -> Option<UnixMillis> {
        let micros = self.shared.oldest.load(Ordering::Relaxed);
        (micros > 0).then(|| UnixMillis::new(micros / 1000))
    }

    /// Whether journal or queue state failed, so that a restart is needed.
    pub fn is_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// Takes responsibility for a message: returns once it is safe from a power cut. Its entries are due at
    /// `due` and on their way to the delivery sink.
    ///
    /// Cancel-safe in the sense of SMTP: a caller that stops waiting may or may not have handed it in.
    ///
    /// # Errors
    /// [`StorageError::DiskFull`] for now, [`StorageError::JournalFailed`] until a restart.
    pub async fn accept(
        &self,
        envelope: Envelope,
        content: Content,
        due: UnixMillis,
    ) -> Result<(), StorageError> {
        self.accept_instead(envelope, content, due, Vec::new()).await
    }

    /// Does the same, in the place of entries that are gone with it: both or neither.
    ///
    /// # Errors
    /// As [`Spool::accept`].
    pub async fn accept_instead(
        &self,
        envelope: Envelope,
        content: Content,
        due: UnixMillis,
        replaces: Vec<EntryKey>,
    ) -> Result<(), StorageError> {
        let entries = QueueEntry::for_envelope(&envelope, due);
        // What takes the place of another was counted with that.
        let limits = self.limits.as_ref().filter(|_| replaces.is_empty());
        let counted = limits.and_then(|limits| limits.counted(&envelope)).map(Box::new);
        let record = Record::Accepted { envelope, due, replaces };
        let meta = record.encode()?;
        let Record::Accepted { envelope, replaces, .. } = record else { return Err(StorageError::Closed) };
        let body_crc = content.checksum();
        let message = self.memory.take(content.len()).map(|share| {
            Arc::new(StoredMessage { envelope, content: content.clone(), _memory: Some(share) })
        });
        let (waiter, done) = oneshot::channel();
        let change = Change::Accepted { entries, replaces, message, counted };
        self.append(Append { meta, content, body_crc, change, waiter: Waiter::Acceptance(waiter) })?;
        done.await.map_err(|_| StorageError::Closed)?
    }

    /// Journals that the final dot of `key` is about to go out. Handed in at once; the future is ready once it
    /// is safe from a power cut.
    ///
    /// # Errors
    /// As [`Spool::accept`]; then the dot must not be sent.
    pub fn intend(
        &self,
        key: EntryKey,
    ) -> Result<impl Future<Output = Result<(), StorageError>> + use<>, StorageError> {
        FailPoint::BeforeIntent.reached();
        let meta = Record::Intent(vec![key]).encode()?;
        let (waiter, done) = oneshot::channel();
        self.append(Append::bare(meta, Change::Intent(vec![key]), Waiter::Intent(waiter)))?;
        Ok(async { done.await.map_err(|_| StorageError::Closed)? })
    }

    /// Journals what attempts did; the queue follows. Returns at once: an outcome lost to a power cut is a
    /// delivery in doubt, which its intent already names.
    ///
    /// # Errors
    /// When the journal has closed.
    pub fn record(&self, outcomes: Vec<Outcome>) -> Result<(), StorageError> {
        for outcome in outcomes {
            FailPoint::BeforeOutcome.reached();
            let record = Record::Outcome(outcome);
            let meta = record.encode()?;
            let Record::Outcome(outcome) = record else { return Err(StorageError::Closed) };
            self.append(Append::bare(meta, Change::Outcome(Box::new(outcome)), Waiter::Nobody))?;
        }
        Ok(())
    }

    /// Returns once all that was [recorded](Spool::record) before is safe from a power cut.
    ///
    /// # Errors
    /// As [`Spool::accept`].
    pub async fn settled(&self) -> Result<(), StorageError> {
        let (waiter, done) = oneshot::channel();
        let meta = Record::DoubtSettled(Vec::new()).encode()?;
        self.append(Append::bare(meta, Change::DoubtSettled(Vec::new()), Waiter::Intent(waiter)))?;
        done.await.map_err(|_| StorageError::Closed)?
    }

    /// Reads a queued message back from the journal. Blocks: call it off the actors' thread.
    ///
    /// # Errors
    /// [`StorageError::Damaged`] when the content does not match its checksum, [`StorageError::Missing`] when
    /// it is not where `entry` says (it may have been copied forward: ask [`Spool::get`]).
    pub fn load(&self, entry: &QueueEntry) -> Result<StoredMessage, StorageError> {
        let missing = StorageError::Missing { lsn: entry.location.lsn };
        match scan::load(&self.segments, entry.location)? {
            (
                Record::Accepted { envelope, .. } | Record::Relocated { envelope, .. },
                LoadedBody::Whole(body),
            ) if envelope.id == entry.key().id => {
                Ok(StoredMessage { envelope, content: Content::whole(body), _memory: None })
            }
            (_, LoadedBody::Damaged(_)) => {
                Err(StorageError::Damaged { key: entry.key(), lsn: entry.location.lsn })
            }
            _ => Err(missing),
        }
    }

    fn append(&self, append: Append) -> Result<(), StorageError> {
        self.journal.send(Request::Append(append)).map_err(|_| StorageError::Closed)
    }
}
