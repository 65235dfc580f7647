//! The thread that follows the log and writes the databases.

use super::{
    change::MessageChange,
    day::{self, day_of, number_of},
    shelf::Shelf,
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
    retention_days: u64,
    now: fn() -> UnixMillis,
    tail: Tail,
    shelf: Shelf,
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
        let shelf = Shelf::new(dir, days, end)?;
        let tail = Tail::new(log_dir, shelf.begin());
        Ok(Self { log_dir: log_dir.to_path_buf(), retention_days, now, tail, shelf, shared, failing: false })
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
                asked.iter().for_each(answer);
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
        self.shelf.make_anew(day, self.tail.place());
        let start = Place::start(day.before(1));
        if start < self.tail.place() {
            self.tail = Tail::new(&self.log_dir, start);
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
                changes.entry(day).or_default().entry(number_of(id)).or_default().note(id, placed);
            }
        }
        let reached = self.tail.place();
        for day in self.shelf.behind() {
            changes.entry(day).or_default();
        }
        for (day, messages) in changes {
            self.shelf
                .write(day, &messages, began, reached)
                .map_err(|error| BatchError::Database(day, error))?;
        }
        if began.day() < reached.day() {
            self.shelf.delete_before(reached.day().before(self.retention_days));
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
        let progress = self.shelf.progress(day).map_err(|error| BatchError::Database(day, error))?;
        Ok(progress.reached <= place)
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

fn answer(done: &Sender<()>) {
    // Whoever asked may be gone.
    let _ = done.send(());
}
