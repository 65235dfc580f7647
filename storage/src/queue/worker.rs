//! The thread that owns the queue state.

use super::{
    change::Change,
    entry::{DueClasses, DueEntries, EntryKey, EntryPlace, QueueEntry},
    feed::{Committed, Feed},
    index::QueueIndex,
    reclaim::Reclaimer,
    store::Closed,
    view::QueueView,
};
use crate::{
    error::StorageError,
    fail_point::FailPoint,
    journal::{
        committer::{Append, Request, Waiter},
        record::Record,
    },
    limits::Limits,
    metrics as names,
    spool::{BeforeCheckpoint, Shared},
};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use mailwright_engine::{address::Domain, class::QueueClass, id::QueueId, limits::Counted, time::UnixMillis};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// How often the state in memory is stored: bounds what a restart replays.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(2);
/// How many changes make a checkpoint due early: bounds memory to a few megabytes.
const CHECKPOINT_CHANGES: usize = 16_384;

/// An answer on its way back.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StorageError>>;

/// What the queue worker is asked.
pub(crate) enum Command {
    /// Take in what the feed has.
    TakeIn,
    /// The entries of a class of a domain due at a time.
    DueInDomain { domain: Domain, class: QueueClass, now: UnixMillis, limit: usize, reply: Reply<DueEntries> },
    /// The classes of a domain with entries due at a time.
    ClassesDue {
        domain: Domain,
        after: Option<QueueClass>,
        now: UnixMillis,
        limit: usize,
        reply: Reply<DueClasses>,
    },
    /// The places due in a stretch of time.
    DueBetween { from: UnixMillis, to: UnixMillis, limit: usize, reply: Reply<Vec<EntryPlace>> },
    /// The stored state, complete as of now.
    View { reply: Reply<QueueView> },
    /// One entry as it is now.
    Get { key: EntryKey, reply: Reply<Option<QueueEntry>> },
    /// The entries of a message as they are now.
    EntriesOf { id: QueueId, reply: Reply<Vec<QueueEntry>> },
    /// The journal has ended: store and stop.
    Close,
}

/// What a worker takes changes from, and how far these have come.
pub(crate) struct WorkerFeed {
    /// Where changes come from.
    pub(crate) feed: Arc<Feed>,
    /// The position in the journal up to which they are in already.
    pub(crate) position: u64,
    /// What is done before the state is stored.
    pub(crate) before_checkpoint: BeforeCheckpoint,
    /// Where accepted messages count, if they do.
    pub(crate) limits: Option<Limits>,
}

/// The worker's state; [`Worker::run`] is its thread.
pub(crate) struct Worker {
    index: QueueIndex,
    feed: Arc<Feed>,
    position: u64,
    before_checkpoint: BeforeCheckpoint,
    limits: Option<Limits>,
    /// What the stored state reflects; `None` until this process has stored one, so that even a spool that
    /// took no mail leaves a state for the next start to take up.
    stored_at: Option<u64>,
    last_checkpoint: Instant,
    reclaimer: Reclaimer,
    journal: Option<Sender<Request>>,
    shared: Arc<Shared>,
}

impl Worker {
    /// A worker over a state that reflects the feed's position; `journal` is where it sends records of its own.
    pub(crate) fn new(
        index: QueueIndex,
        feed: WorkerFeed,
        reclaimer: Reclaimer,
        journal: Sender<Request>,
        shared: Arc<Shared>,
    ) -> Self {
        let last_checkpoint = Instant::now();
        let journal = Some(journal);
        let WorkerFeed { feed, position, before_checkpoint, limits } = feed;
        Self {
            index,
            feed,
            position,
            before_checkpoint,
            limits,
            stored_at: None,
            last_checkpoint,
            reclaimer,
            journal,
            shared,
        }
    }

    /// Serves commands until the journal closes.
    pub(crate) fn run(mut self, commands: &Receiver<Command>) {
        self.correct_copies();
        loop {
            let command = commands.recv_timeout(self.until_checkpoint());
            // What was committed before a question was asked is there when the question is.
            self.take_in();
            match command {
                Ok(Command::Close) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(command) => self.serve(command),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.until_checkpoint().is_zero() || self.index.unstored() >= CHECKPOINT_CHANGES {
                self.checkpoint();
            }
        }
        self.journal = None;
        self.checkpoint();
        if let Err(error) = self.close() {
            tracing::warn!(%error, "queue state not closed; the next start reads and compares all of it");
        }
    }

    /// Leaves the stored state with word that it is whole, if it is.
    fn close(&self) -> Result<(), StorageError> {
        if self.stored_at != Some(self.position) {
            return self.index.store().flush();
        }
        let live = self.index.live().clone();
        self.index.store().close(&Closed { position: self.position, live })
    }

    fn until_checkpoint(&self) -> Duration {
        CHECKPOINT_EVERY.saturating_sub(self.last_checkpoint.elapsed())
    }

    fn serve(&mut self, command: Command) {
        match command {
            Command::DueInDomain { domain, class, now, limit, reply } => {
                let position = self.position;
                let due = self.index.due_in_domain(&domain, &class, now, limit);
                answer(reply, due.map(|entries| DueEntries { entries, position }));
            }
            Command::ClassesDue { domain, after, now, limit, reply } => {
                let position = self.position;
                let due = self.index.classes_due(&domain, after.as_ref(), now, limit);
                answer(reply, due.map(|classes| DueClasses { classes, position }));
            }
            Command::DueBetween { from, to, limit, reply } => {
                self.checkpoint();
                answer(reply, self.index.store().due_between(from, to, limit));
            }
            Command::View { reply } => {
                self.checkpoint();
                answer(reply, Ok(QueueView::new(self.index.store().clone())));
            }
            Command::Get { key, reply } => answer(reply, self.index.get(key)),
            Command::EntriesOf { id, reply } => answer(reply, self.index.entries_of(id)),
            Command::TakeIn | Command::Close => {}
        }
    }

    fn take_in(&mut self) {
        let Some(Committed { changes, position }) = self.feed.take() else { return };
        let before = self.index.count();
        let mut told = 0;
        for mut change in changes {
            match &mut change {
                Change::Relocated(_) => self.reclaimer.copied(1),
                Change::Accepted { counted, .. } => self.note(counted.take()),
                _ => {}
            }
            told += change.entries();
            if let Err(error) = self.index.apply(change) {
                self.shared.queue_failed(&error);
            }
        }
        // Changes that crossed count otherwise than each of them alone, as when a cancelled entry is delivered.
        let made = self.index.count().cast_signed().saturating_sub_unsigned(before);
        self.shared.count(made - told);
        self.position = position;
        self.correct_copies();
    }

    fn note(&self, counted: Option<Box<Counted>>) {
        if let (Some(limits), Some(counted)) = (&self.limits, counted) {
            limits.note(*counted);
        }
    }

    /// Tells what only the stored state, complete at this moment, and the disk know.
    fn report(&self) {
        match self.index.store().oldest() {
            Ok(oldest) => self.shared.note_oldest(oldest),
            Err(error) => tracing::warn!(%error, "the oldest message could not be found"),
        }
        match self.reclaimer.free_space() {
            Ok(free) => metrics::gauge!(names::DISK_FREE).set(free as f64),
            Err(error) => tracing::warn!(%error, "free space not known"),
        }
    }

    /// Has the journal say what is so where a copy crossed an outcome.
    fn correct_copies(&mut self) {
        let Some(journal) = &self.journal else { return };
        let crossed = self.index.take_uncorrected();
        if !crossed.gone.is_empty() {
            drop_entries(crossed.gone.into_iter().collect(), journal);
        }
        for location in crossed.stale {
            if let Err(error) = self.reclaimer.copy_again(location, &mut self.index, journal) {
                // Nobody can deliver from a copy that does not read either.
                tracing::error!(%error, "a copy in the journal was not corrected");
                self.index.corrected(location);
            }
        }
    }

    fn checkpoint(&mut self) {
        self.last_checkpoint = Instant::now();
        if self.stored_at != Some(self.position) {
            (self.before_checkpoint)();
            FailPoint::BeforeCounts.reached();
            if let Some(limits) = &self.limits {
                limits.store(self.position);
            }
            FailPoint::BeforeCheckpoint.reached();
            if let Err(error) = self.index.checkpoint(self.position) {
                return self.shared.queue_failed(&error);
            }
            FailPoint::AfterCheckpoint.reached();
            self.stored_at = Some(self.position);
            metrics::histogram!(names::CHECKPOINT_SECONDS).record(self.last_checkpoint.elapsed());
        }
        self.report();
        if let Some(journal) = &self.journal
            && let Err(error) = self.reclaimer.step(&mut self.index, self.position, journal)
        {
            tracing::warn!(%error, "journal space not reclaimed");
        }
    }
}

/// Journals that these entries were settled, so that no rebuild brings them back.
fn drop_entries(keys: Vec<EntryKey>, journal: &Sender<Request>) {
    match Record::Dropped(keys.clone()).encode() {
        Ok(meta) => {
            let append = Append::bare(meta, Change::Dropped(keys), Waiter::Correction);
            // A closed journal means the process ends: the next start finds them in the queue state.
            let _ = journal.send(Request::Append(append));
        }
        Err(error) => tracing::error!(%error, "dropped entries not journalled; no more space is reclaimed"),
    }
}

fn answer<T>(reply: Reply<T>, result: Result<T, StorageError>) {
    // Whoever asked may be gone; then nobody needs the answer.
    let _ = reply.send(result);
}
