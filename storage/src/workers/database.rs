//! A database of Workers: a file, what is written to it by [`Commits`], and connections that read.

use super::commits::{Commits, lock};
use crate::{disk::sync_dir, error::StorageError, private_folder::PrivateFolder};
use mailwright_engine::time::UnixMillis;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{
        Mutex, MutexGuard, TryLockError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Connections that read at the same time.
const READERS: usize = 3;
/// KiB of a connection's page cache.
const CACHE: i64 = 2 << 10;
/// Octets that the write-ahead log keeps once it is written back.
const LOG_KEPT: i64 = 16 << 20;
/// Statements kept ready by a connection: all that there are.
const STATEMENTS: usize = 48;
/// How long to wait for another connection, which happens only while the log of a killed process is read back.
const PATIENCE: Duration = Duration::from_secs(30);
/// Rows removed in one step, so that others get in between.
pub(super) const STEP: i64 = 1_000;

/// What a database is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schema {
    /// What it is called, in errors and as a file.
    pub(super) name: &'static str,
    /// The number that this version reads and writes, kept in `user_version`.
    pub(super) number: u32,
    /// Makes the tables.
    pub(super) tables: &'static str,
}

/// An open database. Every call may block for the disk and may be made from any thread.
#[derive(Debug)]
pub(super) struct Database {
    commits: Commits,
    readers: Vec<Mutex<Connection>>,
    /// Where the next reader begins to look for a free connection.
    turn: AtomicUsize,
}

impl Database {
    /// Opens the database in the folder `dir`, making both, for their owner only, if they are missing.
    pub(super) fn open(dir: &Path, schema: Schema) -> Result<Self, StorageError> {
        PrivateFolder::open(dir)?;
        let file = dir.join(format!("{}.sqlite", schema.name));
        // The files beside it get the rights of this one.
        let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&file);
        made.and_then(|_| sync_dir(dir)).map_err(|error| StorageError::io("create", &file, error))?;
        let failed = |error: rusqlite::Error| failed(schema.name, &error);
        let mut writer = connect(&file).map_err(failed)?;
        make_tables(&mut writer, &file, schema)?;
        let reader = || connect(&file).and_then(|db| db.pragma_update(None, "query_only", true).map(|()| db));
        let readers =
            (0..READERS).map(|_| reader().map(Mutex::new).map_err(failed)).collect::<Result<_, _>>()?;
        Ok(Self { commits: Commits::new(schema.name, writer), readers, turn: AtomicUsize::new(0) })
    }

    /// As [`Commits::change`].
    pub(super) fn change<T, E, F>(&self, change: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: Send + From<StorageError> + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        self.commits.change(change)
    }

    /// Reads one view of everything.
    pub(super) fn read<T, E>(&self, read: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StorageError> + From<rusqlite::Error>,
    {
        let mut reader = self.reader()?;
        let transaction = reader.transaction()?;
        read(&transaction)
    }

    /// Runs a statement that removes at most [`STEP`] rows until there is nothing left for it.
    pub(super) fn remove_all<E>(
        &self,
        remove: impl Fn(&Connection) -> Result<usize, E> + Clone + Send + 'static,
    ) -> Result<u64, E>
    where
        E: Send + From<StorageError> + 'static,
    {
        let mut removed = 0;
        loop {
            let step = self.change(remove.clone())?;
            removed += step as u64;
            if step == 0 {
                return Ok(removed);
            }
        }
    }

    /// A connection that is free, or the next in turn.
    fn reader(&self) -> Result<MutexGuard<'_, Connection>, StorageError> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let in_turn = || self.readers.iter().cycle().skip(turn % READERS).take(READERS);
        let free = in_turn().find_map(|connection| match connection.try_lock() {
            Ok(free) => Some(free),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        free.or_else(|| in_turn().next().map(lock)).ok_or(StorageError::Closed)
    }
}

fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
    connection.pragma_update(None, "cache_size", -CACHE)?;
    Ok(connection)
}

/// Makes the tables of a new database, all or none; refuses one that a newer version wrote.
fn make_tables(connection: &mut Connection, file: &Path, schema: Schema) -> Result<(), StorageError> {
    let failed = |error: rusqlite::Error| failed(schema.name, &error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let found = transaction.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0));
    match found.map_err(failed)? {
        found if found == schema.number => return Ok(()),
        0 => {}
        found => return Err(StorageError::TooNew { path: file.to_path_buf(), found, known: schema.number }),
    }
    transaction.execute_batch(schema.tables).map_err(failed)?;
    transaction.pragma_update(None, "user_version", schema.number).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// What SQLite said, as an error of storage.
pub(super) fn failed(name: &'static str, error: &rusqlite::Error) -> StorageError {
    if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
        return StorageError::io("write", name, io::Error::from(io::ErrorKind::StorageFull));
    }
    StorageError::database(name, error)
}

/// A time as a column has it.
pub(super) fn millis(at: UnixMillis) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

/// A time out of a column.
pub(super) fn time(millis: i64) -> UnixMillis {
    UnixMillis::new(millis.unsigned_abs())
}

/// A count as a column has it.
pub(super) fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
