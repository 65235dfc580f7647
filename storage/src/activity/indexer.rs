//! The thread that follows the log and writes the databases.

use super::{
    change::MessageChange,
    day::{self, Progress, day_of, number_of},
    write::write,
};
use crate::{
    error::StorageError,
    events::{
        Place, Tail,
        files::{self, Day},
    },
    metrics as names,
};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use mailwright_engine::time::UnixMillis;
use metrics::{counter, gauge};
use rusqlite::{Connection, TransactionBehavior};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Most events of a batch.
const BATCH_EVENTS: usize = 20_000;
/// Octets of log after which a batch ends.
const BATCH_OCTETS: u64 = 8 << 20;
/// How long it waits at the end of the log: events of so long are written together.
const PAUSE: Duration = Duration::from_secs(1);
/// How much younger than its newest event the log may be: events wait to be written.
const MARGIN: Duration = Duration::from_secs(1);
/// Databases that are kept open: today's, and those of messages that are retried.
const OPEN: usize = 4;
/// Milliseconds of a second, of which the lag is told.
const MILLIS: f64 = 1_000.0;
/// What a thread may be at its lowest: it runs when nobody else wants to.
const NICE: i32 = 19;

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Order {
    /// Say when everything is indexed that is in the log now.
    CatchUp(Sender<()>),
    /// End.
    Close,
}

/// What the thread and those who read share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Milliseconds since 1970 up to which everything is indexed.
    pub(super) complete_until: AtomicU64,
    /// Days whose databases were found damaged.
    damaged: Mutex<BTreeSet<Day>>,
}

impl Shared {
    /// What somebody who reads the database of a day met. One that is damaged is made anew.
    pub(super) fn fault(&self, day: Day, error: &rusqlite::Error) -> StorageError {
        if day::is_damage(error) {
            self.damaged.lock().unwrap_or_else(PoisonError::into_inner).insert(day);
        }
        day::failed(error)
    }
}

/// Why a batch was not written.
#[derive(Debug, thiserror::Error)]
enum BatchError {
    #[error(transparent)]
    Log(#[from] StorageError),
    #[error("the database of {0}: {1}")]
    Database(Day, rusqlite::Error),
}

pub(super) struct Indexer {
    log_dir: PathBuf,
    dir: PathBuf,
    retention_days: u64,
    now: fn() -> UnixMillis,
    tail: Tail,
    /// The end of the log when it was opened: a database that has come further knows what a power cut has taken.
    end: Place,
    /// How far a database that is made now must be read before it has all that its day should have.
    made_whole_at: Place,
    progress: BTreeMap<Day, Progress>,
    /// The last used comes last.
    open: Vec<(Day, Connection)>,
    shared: Arc<Shared>,
    /// Whether the last batch failed: said once, not for each.
    failing: bool,
}

/// What a batch brought.
struct Batch {
    /// Whether the end of the log was reached.
    at_end: bool,
    /// When its last event happened.
    newest: Option<UnixMillis>,
}

impl Indexer {
    /// An indexer of the log in `log_dir` that goes on where the databases in `dir` have ended.
    pub(super) fn open(
        log_dir: &Path,
        dir: &Path,
        retention_days: u64,
        now: fn() -> UnixMillis,
        shared: Arc<Shared>,
    ) -> Result<Self, StorageError> {
        let days = files::days(log_dir)?;
        let end = end_of_log(log_dir, &days)?;
        let mut indexer = Self {
            log_dir: log_dir.to_path_buf(),
            dir: dir.to_path_buf(),
            retention_days,
            now,
            tail: Tail::new(log_dir, end),
            end,
            made_whole_at: end,
            progress: BTreeMap::new(),
            open: Vec::new(),
            shared,
            failing: false,
        };
        let mut from = None;
        for day in day::days(dir)?.into_iter().chain(days).collect::<BTreeSet<_>>() {
            let progress = indexer.progress(day).map_err(|error| day::failed(&error))?;
            from = from.max(Some(progress.began).filter(|_| progress.is_whole()));
        }
        // Whatever is not whole yet has been read by nobody else.
        let behind = indexer.progress.values().filter(|progress| !progress.is_whole());
        let from = behind.map(|progress| progress.reached).chain(from).min().unwrap_or(end);
        indexer.made_whole_at = Place::start(Day::numbered(0));
        indexer.tail = Tail::new(log_dir, from);
        Ok(indexer)
    }

    /// Follows the log until it is told to end.
    pub(super) fn run(&mut self, orders: &Receiver<Order>) {
        // It can be done at any time, delivery cannot: without a lower rank it would still work.
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::warn!(%error, "the thread of the activity log competes with delivery");
        }
        let mut waiting = Vec::new();
        loop {
            let asked = std::mem::take(&mut waiting);
            let at_end = self.turn();
            let order = if at_end {
                asked.into_iter().for_each(answer);
                orders.recv_timeout(PAUSE)
            } else {
                waiting = asked;
                orders.try_recv().map_err(|_| RecvTimeoutError::Timeout)
            };
            match order {
                Ok(Order::CatchUp(done)) => waiting.push(done),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Order::Close) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Indexes a batch. Returns whether there is no more to do for now.
    fn turn(&mut self) -> bool {
        let damaged =
            std::mem::take(&mut *self.shared.damaged.lock().unwrap_or_else(PoisonError::into_inner));
        for day in damaged {
            self.make_anew(day);
        }
        let (began_at, began) = ((self.now)(), self.tail.place());
        match self.batch(began) {
            Ok(batch) => {
                self.failing = false;
                self.tell(&batch, began_at);
                batch.at_end
            }
            Err(error) => {
                self.tail = Tail::new(&self.log_dir, began);
                self.failed(&error);
                true
            }
        }
    }

    fn tell(&self, batch: &Batch, began_at: UnixMillis) {
        let until = if batch.at_end { Some(began_at) } else { batch.newest };
        let Some(until) = until.map(|until| until.saturating_sub(MARGIN)) else { return };
        self.shared.complete_until.store(until.as_millis(), Ordering::Relaxed);
        let lag = if batch.at_end { Duration::ZERO } else { began_at.since(until) };
        gauge!(names::ACTIVITY_LAG).set(lag.as_millis() as f64 / MILLIS);
    }

    fn failed(&mut self, error: &BatchError) {
        match error {
            BatchError::Database(day, fault) if day::is_damage(fault) => self.make_anew(*day),
            _ if !std::mem::replace(&mut self.failing, true) => {
                tracing::error!(%error, "the activity log stands still until this is mended; mail does not");
            }
            _ => {}
        }
    }

    /// Throws the database of a day away and goes back to where its messages begin; the others have what follows.
    fn make_anew(&mut self, day: Day) {
        tracing::warn!(%day, "the index of a day's messages is damaged: it is made anew from the event log");
        counter!(names::ACTIVITY_REBUILDS).increment(1);
        let reached = self.progress.values().map(|progress| progress.reached);
        self.made_whole_at = reached.chain([self.tail.place()]).max().unwrap_or(self.end);
        self.forget(day);
        if let Err(error) = self.progress(day) {
            tracing::warn!(%day, %error, "the index of a day's messages was not made anew");
        }
        self.made_whole_at = Place::start(Day::numbered(0));
        let start = Place::start(day.before(1));
        if start < self.tail.place() {
            self.tail = Tail::new(&self.log_dir, start);
        }
    }

    fn forget(&mut self, day: Day) {
        self.open.retain(|(open, _)| *open != day);
        self.progress.remove(&day);
        if let Err(error) = day::remove(&self.dir, day) {
            tracing::warn!(%error, "the index of a day's messages was not removed");
        }
    }

    fn batch(&mut self, began: Place) -> Result<Batch, BatchError> {
        let mut changes: BTreeMap<Day, BTreeMap<i64, MessageChange>> = BTreeMap::new();
        let (mut events, mut octets, mut newest, mut at_end) = (0, 0, None, false);
        while events < BATCH_EVENTS && octets < BATCH_OCTETS {
            let Some(placed) = self.tail.next_event()? else {
                at_end = true;
                break;
            };
            let place = placed.place;
            (events, newest) = (events + 1, Some(placed.logged.at));
            octets += self.tail.place().offset().saturating_sub(place.offset());
            // So that there is one for each day of the log, and it is known how far it was read.
            changes.entry(place.day()).or_default();
            let Some(id) = placed.logged.about else { continue };
            let day = day_of(id);
            if self.is_kept(day, place.day()) && self.lacks(day, place)? {
                changes.entry(day).or_default().entry(number_of(id)).or_default().note(placed);
            }
        }
        let reached = self.tail.place();
        for (day, _) in self.progress.iter().filter(|(_, progress)| !progress.is_whole()) {
            changes.entry(*day).or_default();
        }
        for (day, messages) in changes {
            self.write(day, &messages, began, reached).map_err(|error| BatchError::Database(day, error))?;
        }
        if began.day() < reached.day() {
            self.delete_old(reached.day());
        }
        counter!(names::ACTIVITY_EVENTS).increment(events as u64);
        Ok(Batch { at_end, newest })
    }

    /// Whether messages of `day` are kept on the day `today`. A clock may be a little ahead.
    fn is_kept(&self, day: Day, today: Day) -> bool {
        (today.before(self.retention_days)..=today.next()).contains(&day)
    }

    /// Whether the database of `day` has not come as far as `place`.
    fn lacks(&mut self, day: Day, place: Place) -> Result<bool, BatchError> {
        let progress = self.progress(day).map_err(|error| BatchError::Database(day, error))?;
        Ok(progress.reached <= place)
    }

    fn write(
        &mut self,
        day: Day,
        messages: &BTreeMap<i64, MessageChange>,
        began: Place,
        reached: Place,
    ) -> rusqlite::Result<()> {
        let progress = Progress { began, reached, ..self.progress(day)? };
        // While another is made anew, this one has read further.
        if self.progress(day)?.reached > reached {
            return Ok(());
        }
        let db = self.database(day)?;
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        write(&transaction, messages)?;
        day::set_progress(&transaction, progress)?;
        transaction.commit()?;
        self.progress.insert(day, progress);
        Ok(())
    }

    /// How far the database of a day has come. One that cannot be used is made anew.
    fn progress(&mut self, day: Day) -> rusqlite::Result<Progress> {
        if let Some(progress) = self.progress.get(&day) {
            return Ok(*progress);
        }
        let found = self.database(day).and_then(|db| day::progress(db));
        let progress = match found {
            Ok(Some(progress)) => progress.up_to(self.end),
            Err(error) if !day::is_damage(&error) => return Err(error),
            _ => {
                let had = day::file(&self.dir, day).metadata().is_ok_and(|file| file.len() > 0);
                if had {
                    tracing::warn!(%day, "the index of a day's messages cannot be used: it is made anew");
                    counter!(names::ACTIVITY_REBUILDS).increment(1);
                }
                self.forget(day);
                // The id of a message may be of a day later than the file that tells of its acceptance.
                let start = Place::start(day.before(1));
                let progress = Progress { began: start, reached: start, whole_at: self.made_whole_at };
                day::make_tables(self.database(day)?, progress)?;
                progress
            }
        };
        self.progress.insert(day, progress);
        Ok(progress)
    }

    /// The database of a day, made if there is none.
    fn database(&mut self, day: Day) -> rusqlite::Result<&mut Connection> {
        let connection = match self.open.iter().position(|(open, _)| *open == day) {
            Some(at) => self.open.remove(at).1,
            None => day::open(&self.dir, day)?,
        };
        if self.open.len() >= OPEN {
            self.open.remove(0);
        }
        self.open.push((day, connection));
        // It was added just now.
        let last = self.open.last_mut().map(|(_, connection)| connection);
        last.ok_or(rusqlite::Error::InvalidQuery)
    }

    /// Deletes the databases of days that are not kept any more.
    fn delete_old(&mut self, today: Day) {
        let oldest = today.before(self.retention_days);
        match day::days(&self.dir) {
            Ok(days) => days.into_iter().filter(|day| *day < oldest).for_each(|day| self.forget(day)),
            Err(error) => tracing::warn!(%error, "old messages stay in the activity log"),
        }
    }
}

/// Where the log ends now.
fn end_of_log(log_dir: &Path, days: &[Day]) -> Result<Place, StorageError> {
    let mut end = Place::start(Day::numbered(0));
    if let Some(last) = days.last() {
        let path = last.log(log_dir);
        let file = std::fs::metadata(&path).map_err(|error| StorageError::io("read", &path, error))?;
        end = Place::new(*last, file.len());
    }
    Ok(end)
}

fn answer(done: Sender<()>) {
    // Whoever asked may be gone.
    let _ = done.send(());
}
