//! Suppressions: addresses that an account, or one of its sending domains, must not send to.
//!
//! A row says that one address is suppressed for one account, either for all its mail or for that of one sending
//! domain ([`Scope`]); there is one row for each account, scope and address. Customers make and remove rows; bounces,
//! complaints and unsubscribes add them ([`Automatic`], [`SoftBounce`]). A row whose time is over counts as gone at
//! once, everywhere; [`Suppressions::purge`] only gives its room back.
//!
//! **Which addresses are one.** Addresses are compared folded ([`AddressKey`]): lower case as a whole, quotes only where
//! needed, domain as A-labels. A row for `ann@example.org` also holds for its sub-addresses (`ann+news@example.org`,
//! RFC 5233), since they reach the same person; a row for a sub-address holds for that alone.
//!
//! **On disk.** One SQLite database in WAL mode with `synchronous = FULL`: what a call has returned survives a power
//! cut. One connection writes, behind a lock. Look-ups have connections of their own, which neither the writer nor
//! lists make wait.
//!
//! **Memory.** Page caches: 8 MiB for the writer and for each of the [`LOOKUP_CONNECTIONS`], 2 MiB for lists; 42 MiB in
//! all. A filter that knows who is surely not suppressed, so that mail to others needs no look-up: 2 MiB, and 4 octets for each
//! row that there was at the start, at most 128 MiB.

mod automatic;
mod cursor;
mod database;
mod feed;
mod filter;
mod key;
mod list;
mod lookup;
mod model;
mod purge;
mod row;
mod write;

#[cfg(test)]
mod scale;
#[cfg(test)]
mod tests;

pub use crate::cursor::InvalidCursor;
pub use automatic::{Automatic, AutomaticCause, SoftBounce};
pub use cursor::ListCursor;
pub use feed::{Fate, SuppressionFeed, SuppressionThread, What};
pub use key::AddressKey;
pub use list::{ListFilter, ListPage, ListStart, MAX_SEARCH, ScopeFilter, Search};
pub use lookup::Sender;
pub use model::{
    Change, Edit, InvalidId, NewSuppression, Reason, Recorded, Scope, Stored, Suppression, SuppressionError,
    SuppressionId, SuppressionSettings,
};
pub use purge::Purged;

use crate::{disk::sync_dir, error::StorageError};
use database::Role;
use filter::Filter;
use rusqlite::Connection;
use std::{
    os::unix::fs::DirBuilderExt,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Look-ups that can go on at the same time; each costs microseconds, so that a fifth waits hardly at all.
pub const LOOKUP_CONNECTIONS: usize = 4;
/// The database in its folder.
const FILE: &str = "suppressions.sqlite";

/// The suppressions of all accounts. Clones share the database; every call may be made from any thread.
///
/// Calls that change something wait for each other and for a sync of the disk. [`Suppressions::suppressed`] waits for
/// neither, but may read from disk.
#[derive(Debug, Clone)]
pub struct Suppressions {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    writer: Mutex<Connection>,
    /// For lists, which may take milliseconds, and single rows.
    pages: Mutex<Connection>,
    lookups: Vec<Mutex<Connection>>,
    /// Where the next look-up begins to look for a free connection.
    turn: AtomicUsize,
    filter: Arc<Filter>,
    settings: SuppressionSettings,
}

impl Suppressions {
    /// Opens the database in the folder `dir`, making both if missing
    /// ([`StateDir::suppressions_dir`](crate::StateDir::suppressions_dir)).
    ///
    /// # Errors
    /// When the file system or SQLite refuses, or a newer version wrote the database.
    pub fn open(dir: &Path, settings: SuppressionSettings) -> Result<Self, StorageError> {
        make(dir)?;
        let file = dir.join(FILE);
        let writer = database::open(&file, Role::Writer)?;
        let reader = |role| database::open(&file, role).map(Mutex::new);
        let lookups = (0..LOOKUP_CONNECTIONS).map(|_| reader(Role::LookUps)).collect::<Result<_, _>>()?;
        let shared = Shared {
            filter: filter(&writer, database::open(&file, Role::Lists)?)?,
            writer: Mutex::new(writer),
            pages: reader(Role::Lists)?,
            lookups,
            turn: AtomicUsize::new(0),
            settings,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The rules it goes by.
    pub fn settings(&self) -> &SuppressionSettings {
        &self.shared.settings
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        lock(&self.shared.writer)
    }

    fn pages(&self) -> MutexGuard<'_, Connection> {
        lock(&self.shared.pages)
    }

    /// A connection for a look-up: one that is free, or the next in turn.
    fn lookup(&self) -> Result<MutexGuard<'_, Connection>, StorageError> {
        let lookups = &self.shared.lookups;
        let turn = self.shared.turn.fetch_add(1, Ordering::Relaxed);
        let in_turn = || lookups.iter().cycle().skip(turn % lookups.len().max(1)).take(lookups.len());
        let free = in_turn().find_map(|connection| match connection.try_lock() {
            Ok(free) => Some(free),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        free.or_else(|| in_turn().next().map(lock)).ok_or(StorageError::Closed)
    }
}

/// A filter for what `writer` shows, which a thread of its own fills: ten million rows take seconds.
fn filter(writer: &Connection, reader: Connection) -> Result<Arc<Filter>, StorageError> {
    let rows = "SELECT ifnull(max(row) - min(row) + 1, 0) FROM suppressions";
    let rows: i64 = writer.query_row(rows, [], |row| row.get(0)).map_err(|error| database::failed(&error))?;
    let filter = Arc::new(Filter::new(rows.unsigned_abs()));
    let filled = Arc::clone(&filter);
    let fill = move || {
        if let Err(error) = filled.fill(&reader) {
            tracing::warn!(%error, "the filter of suppressions stays empty: each look-up asks the database");
        }
    };
    let thread = std::thread::Builder::new().name("suppr-filter".to_owned()).spawn(fill);
    thread.map_err(|error| StorageError::io("start the thread of", Path::new("suppressions"), error))?;
    Ok(filter)
}

/// A panic leaves a connection as it was: an open transaction is rolled back when it is dropped.
fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn make(dir: &Path) -> Result<(), StorageError> {
    if dir.is_dir() {
        return Ok(());
    }
    let made = std::fs::DirBuilder::new().mode(0o700).create(dir);
    let safe = made.and_then(|()| dir.parent().map_or(Ok(()), sync_dir));
    safe.map_err(|error| StorageError::io("create", dir, error))
}
