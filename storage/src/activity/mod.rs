//! The activity log: every message and recipient of the last days, found by what they are and what became of them.
//!
//! An index over the [event log](crate::events), made behind it: one thread of the lowest rank ([`ActivityLog::start`])
//! follows the log's files and writes what it meets into SQLite, one database a day, by the day on which a message was
//! accepted. Delivery neither waits for it nor knows of it. When it falls behind, lists do, and say how far they are
//! complete ([`ActivityLog::complete_until`]).
//!
//! **Exact, and worth nothing.** A database notes in the transaction that has the rows how far it has come, so that
//! after a kill each event counts once. All of it can be made again from the log's files: a database that is missing,
//! damaged or of another version is thrown away and its day read again, from its first event on.
//!
//! **Found soon.** Rows lie in the order of acceptance and are read from the newest back. Indexes begin with the hour, so
//! that writing touches little and reading a filter costs 24 look-ups a day. Where no index helps, as for text in
//! replies, a page ends after 20,000 lines looked at, and the next goes on from there. Mail that is sent and mail from the
//! world have tables of their own ([`Direction`]): however much there is of one, lists of the other do not go through it.
//!
//! **Counted as it is written.** Recipients are counted by what they are counted by ([`analytics`]) in the transaction that
//! writes their rows.
//!
//! **Memory.** A batch of 20,000 events or 8 MiB of log, four open databases with caches of 8 MiB, and 2 MiB for each
//! call that reads.

pub mod analytics;
mod change;
mod counts;
mod day;
mod filter;
mod indexer;
mod list;
mod marks;
mod model;
mod shelf;
mod standing;
mod statements;
mod tables;
mod told;
mod write;

#[cfg(test)]
mod tests;

pub use crate::cursor::InvalidCursor;
pub use counts::LastEvent;
pub use filter::{ActivityCursor, ActivityFilter, ListStart, Scope};
pub use list::ListPage;
pub use model::{Activity, Arrival, Direction, InvalidStatus, MAX_REPLY, Message, Recipient, Status};

use crate::{
    error::StorageError,
    events::{EventKind, EventReader, LoggedEvent, Place, files::Day},
};
use crossbeam_channel::{Sender, bounded, unbounded};
use day::{day_of, key_of, number_of};
use indexer::{Indexer, Order, Shared};
use mailwright_engine::{id::QueueId, time::UnixMillis};
use rusqlite::{Connection, OptionalExtension, params};
use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
};

/// Most recipients told with a message; lists have all of them, by Message-ID.
pub const RECIPIENTS_SHOWN: usize = 1_000;

/// The activity log. Clones share everything; every call blocks: make it off the actors' threads.
#[derive(Debug, Clone)]
pub struct ActivityLog {
    dir: PathBuf,
    reader: EventReader,
    retention_days: u64,
    now: fn() -> UnixMillis,
    shared: Arc<Shared>,
    orders: Sender<Order>,
}

/// The thread that follows the event log, to be closed at the end.
#[derive(Debug)]
pub struct ActivityThread {
    orders: Sender<Order>,
    handle: JoinHandle<()>,
}

/// A message with its recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageReport {
    /// The message, with its preview.
    pub message: Message,
    /// Its recipients, at most [`RECIPIENTS_SHOWN`].
    pub recipients: Vec<Recipient>,
}

/// A part of a message's timeline, in the order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelinePage {
    /// The events.
    pub events: Vec<LoggedEvent>,
    /// Where the next part begins; `None` after the last one.
    pub next: Option<Place>,
}

impl ActivityLog {
    /// Starts an index in `dir` (made if missing) of the event log in `log_dir`, of the last `retention_days` days and
    /// the current one. To be called before the event log is started: what a power cut has taken from its files must be
    /// seen before they grow again.
    ///
    /// # Errors
    /// When a folder or a database cannot be read or made, or there is no thread to be had.
    pub fn start(
        log_dir: &Path,
        dir: &Path,
        retention_days: u64,
        now: fn() -> UnixMillis,
    ) -> Result<(Self, ActivityThread), StorageError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|error| StorageError::io("create", dir, error))?;
        let shared = Arc::<Shared>::default();
        let mut indexer = Indexer::open(log_dir, dir, retention_days, now, Arc::clone(&shared))?;
        // Whoever asks waits for the answer: there are never more orders than callers.
        let (orders, arriving) = unbounded();
        let handle = std::thread::Builder::new()
            .name("activity".to_owned())
            .spawn(move || indexer.run(&arriving))
            .map_err(|error| StorageError::io("start the thread", "activity", error))?;
        let (dir, reader) = (dir.to_path_buf(), EventReader::new(log_dir));
        let log = Self { dir, reader, retention_days, now, shared, orders: orders.clone() };
        Ok((log, ActivityThread { orders, handle }))
    }

    /// Up to when everything is known that happened.
    pub fn complete_until(&self) -> UnixMillis {
        UnixMillis::new(self.shared.complete_until.load(Ordering::Relaxed))
    }

    /// Waits until everything is known that is in the event log's files now. Blocks for up to a second when the
    /// index is not behind.
    pub fn catch_up(&self) {
        let (done, caught_up) = bounded(1);
        if self.orders.send(Order::CatchUp(done)).is_ok() {
            // An error means that the thread has ended.
            let _ = caught_up.recv();
        }
    }

    /// A page of at most `limit` lines that `scope` may see, the newest message first: the first one of a filter, or the
    /// one at a cursor, which has its own filter.
    ///
    /// # Errors
    /// When a database cannot be read.
    pub fn list(&self, scope: &Scope, from: ListStart, limit: usize) -> Result<ListPage, StorageError> {
        let oldest = Day::of((self.now)()).before(self.retention_days);
        list::Walk { dir: &self.dir, shared: &self.shared, scope, limit: limit.max(1), oldest }.page(from)
    }

    /// A message with its recipients; `None` if there is none that `scope` may see.
    ///
    /// # Errors
    /// When its database cannot be read.
    pub fn message(&self, scope: &Scope, id: QueueId) -> Result<Option<MessageReport>, StorageError> {
        self.read(id, |db| {
            let Some(message) = message(db, id)?.filter(|message| scope.sees(message)) else {
                return Ok(None);
            };
            Ok(Some(MessageReport { recipients: recipients(db, id, message.direction())?, message }))
        })
    }

    /// A message alone, whoever asks.
    ///
    /// # Errors
    /// When its database cannot be read.
    pub fn find(&self, id: QueueId) -> Result<Option<Message>, StorageError> {
        self.read(id, |db| message(db, id))
    }

    /// A part of at most `limit` events of what happened to a message, from `from` on or from the beginning; `None` if
    /// there is no message that `scope` may see.
    ///
    /// # Errors
    /// When its database or the event log cannot be read.
    pub fn timeline(
        &self,
        scope: &Scope,
        id: QueueId,
        from: Option<Place>,
        limit: usize,
    ) -> Result<Option<TimelinePage>, StorageError> {
        let places = self.read(id, |db| {
            let may_see = message(db, id)?.is_some_and(|message| scope.sees(&message));
            if may_see { places(db, id, from, limit.saturating_add(1)).map(Some) } else { Ok(None) }
        })?;
        let Some(mut places) = places else { return Ok(None) };
        let next = places.get(limit).copied();
        places.truncate(limit);
        let mut events = self.reader.read_at(id, &places)?;
        // An attempt may be written before the acceptance, whose thread was slower, but it was not before it.
        events.sort_by_key(|logged| (logged.at, logged.event.kind() != EventKind::Accepted));
        Ok(Some(TimelinePage { events, next }))
    }

    /// Reads the database of a message's day, if there is one.
    fn read<T>(
        &self,
        id: QueueId,
        read: impl FnOnce(&Connection) -> rusqlite::Result<Option<T>>,
    ) -> Result<Option<T>, StorageError> {
        let day = day_of(id);
        let opened = day::open_to_read(&self.dir, day);
        let found = opened.and_then(|db| db.map_or(Ok(None), |db| read(&*db.unchecked_transaction()?)));
        found.map_err(|error| self.shared.fault(day, &error))
    }
}

fn message(db: &Connection, id: QueueId) -> rusqlite::Result<Option<Message>> {
    let found = db.query_row(tables::MESSAGE, [number_of(id)], |row| {
        let message = list::message(row, day_of(id), number_of(id), 1)?;
        Ok(Message { preview: row.get(0)?, ..message })
    });
    found.optional()
}

fn recipients(db: &Connection, id: QueueId, direction: Direction) -> rusqlite::Result<Vec<Recipient>> {
    let number = number_of(id);
    let (from, to) = (key_of(number, 0), key_of(number + 1, 0));
    let mut select = db.prepare(&tables::recipients(direction))?;
    let rows = select
        .query_map(params![from, to, RECIPIENTS_SHOWN as i64], |row| list::recipient(row, direction))?;
    rows.collect()
}

fn places(db: &Connection, id: QueueId, from: Option<Place>, limit: usize) -> rusqlite::Result<Vec<Place>> {
    let select = "SELECT place FROM places WHERE message = ? AND place >= ? ORDER BY place LIMIT ?";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut select = db.prepare(select)?;
    let rows = select.query_map(params![number_of(id), from.map_or(0, Place::packed), limit], |row| {
        row.get(0).map(Place::unpacked)
    });
    rows?.collect()
}

impl ActivityThread {
    /// Ends the thread. What it has not read yet it reads after the next start. Blocks.
    pub fn close(self) {
        // A thread that is gone has closed itself.
        let _ = self.orders.send(Order::Close);
        if self.handle.join().is_err() {
            tracing::error!("the thread of the activity log panicked");
        }
    }
}
