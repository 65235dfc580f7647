//! The database of one day: its file, and connections to it.

use super::tables::{SCHEMA, TABLES};
use crate::{
    error::StorageError,
    events::{Place, files::Day},
};
use mailwright_engine::id::QueueId;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, config::DbConfig, params};
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// KiB of the page cache of a connection that writes: the part of the day that is written to.
const WRITER_CACHE: i64 = 8 << 10;
/// KiB of the page cache of a connection that reads.
const READER_CACHE: i64 = 2 << 10;
/// Pages of write-ahead log after which it is written back, which syncs: 32 MiB.
const CHECKPOINT: i64 = 8 << 10;
/// Octets that the write-ahead log keeps once it is written back.
const LOG_KEPT: i64 = 32 << 20;
/// How long to wait for another connection, which happens only while the log of a killed process is read back.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bits of a recipient's key that hold its index.
const INDEX_BITS: u32 = 14;
/// Microseconds of a day.
const DAY_MICROS: u64 = 86_400_000_000;
/// Microseconds of an hour.
const HOUR_MICROS: i64 = 3_600_000_000;
/// Microseconds of a minute.
pub(super) const MINUTE_MICROS: i64 = 60_000_000;

/// The day that a message was accepted on, as its name says.
pub(super) fn day_of(id: QueueId) -> Day {
    Day::numbered(id.as_raw() / DAY_MICROS)
}

/// A message within its day.
pub(super) fn number_of(id: QueueId) -> i64 {
    i64::try_from(id.as_raw() % DAY_MICROS).unwrap_or_default()
}

/// The inverse of [`day_of`] and [`number_of`].
pub(super) fn id_of(day: Day, number: i64) -> QueueId {
    let start = day.number().saturating_mul(DAY_MICROS);
    QueueId::from_raw(start.saturating_add(u64::try_from(number).unwrap_or_default()))
}

/// The key of a message's recipient; `None` for an index beyond what a message can have.
pub(super) fn key_of(number: i64, recipient: u16) -> Option<i64> {
    let index = i64::from(recipient);
    (index < 1 << INDEX_BITS).then_some(number << INDEX_BITS | index)
}

/// The message and the index in a recipient's key.
pub(super) fn of_key(key: i64) -> (i64, u16) {
    (key >> INDEX_BITS, u16::try_from(key & ((1 << INDEX_BITS) - 1)).unwrap_or_default())
}

/// The hour of a message within its day, from 0.
pub(super) fn hour_of(number: i64) -> i64 {
    number / HOUR_MICROS
}

/// The minute of a message within its day, from 0.
pub(super) fn minute_of(number: i64) -> i64 {
    number / MINUTE_MICROS
}

/// What an index holds of a text.
pub(super) fn hash(text: &str) -> i64 {
    crc32fast::hash(text.as_bytes()).into()
}

/// Where the database of a day is.
pub(super) fn file(dir: &Path, day: Day) -> PathBuf {
    dir.join(format!("{day}.sqlite"))
}

/// The days that have a database.
pub(super) fn days(dir: &Path) -> Result<Vec<Day>, StorageError> {
    let failed = |error| StorageError::io("read", dir, error);
    let mut days = Vec::new();
    for item in std::fs::read_dir(dir).map_err(failed)? {
        let path = item.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        days.extend(name.strip_suffix(".sqlite").and_then(Day::parse));
    }
    days.sort_unstable();
    Ok(days)
}

/// Removes the database of a day, if there is one.
pub(super) fn remove(dir: &Path, day: Day) -> Result<(), StorageError> {
    let main = file(dir, day);
    for suffix in ["-wal", "-shm", ""] {
        let mut path = main.clone().into_os_string();
        path.push(suffix);
        remove_file(Path::new(&path)).map_err(|error| StorageError::io("remove", &main, error))?;
    }
    Ok(())
}

fn remove_file(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })
}

/// How far a database has come in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// Where the last batch began that changed it: every database has all that comes before.
    pub(super) began: Place,
    /// It has all about its own messages up to here.
    pub(super) reached: Place,
    /// How far it must have come to be as good as the others: further than the beginning if it was made anew.
    pub(super) whole_at: Place,
}

impl Progress {
    /// Whether it has all that it should have.
    pub(super) fn is_whole(&self) -> bool {
        self.reached >= self.whole_at
    }

    /// The same, but no further than the `end` of the log: what a power cut has taken comes again, as something else.
    pub(super) fn up_to(self, end: Place) -> Self {
        Self { began: self.began.min(end), reached: self.reached.min(end), whole_at: self.whole_at.min(end) }
    }
}

/// The progress of a day's database, for whoever writes; `None` if it is missing, of another version or damaged.
pub(super) fn progress(connection: &Connection) -> rusqlite::Result<Option<Progress>> {
    if connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))? != SCHEMA {
        return Ok(None);
    }
    let place = |row: &rusqlite::Row<'_>, column| row.get(column).map(Place::unpacked);
    let select = "SELECT began, reached, whole_at FROM progress";
    let found = connection.query_row(select, [], |row| {
        Ok(Progress { began: place(row, 0)?, reached: place(row, 1)?, whole_at: place(row, 2)? })
    });
    found.optional()
}

/// Notes how far the database has come.
pub(super) fn set_progress(connection: &Connection, progress: Progress) -> rusqlite::Result<()> {
    let Progress { began, reached, whole_at } = progress;
    let mut update = connection.prepare_cached("UPDATE progress SET began = ?, reached = ?, whole_at = ?")?;
    update.execute(params![began.packed(), reached.packed(), whole_at.packed()]).map(drop)
}

/// Opens the database of a day to write.
pub(super) fn open(dir: &Path, day: Day) -> rusqlite::Result<Connection> {
    let connection = connect(&file(dir, day), OpenFlags::empty())?;
    // Safe from a kill at once; a power cut may take the newest, which the log has.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    connection.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE)?;
    Ok(connection)
}

/// Makes the database of a day, which must have none. Under another name until it is complete: one who read it while its
/// journal mode is changed would be told that it is locked, however long he waits.
pub(super) fn make(dir: &Path, day: Day, progress: Progress) -> rusqlite::Result<()> {
    let new = dir.join(format!("{day}.new"));
    remove_file(&new).map_err(|error| no_file(&error))?;
    fill(&new, progress)?;
    std::fs::rename(&new, file(dir, day)).map_err(|error| no_file(&error))
}

/// What the file system said, as SQLite would say it.
fn no_file(error: &io::Error) -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
    rusqlite::Error::SqliteFailure(code, Some(error.to_string()))
}

/// Makes the tables of a new database. Once it is closed, all is in one file.
fn fill(path: &Path, progress: Progress) -> rusqlite::Result<()> {
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_CREATE)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    let Progress { began, reached, whole_at } = progress;
    let places = params![began.packed(), reached.packed(), whole_at.packed()];
    transaction.execute("INSERT INTO progress VALUES (?, ?, ?)", places)?;
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)
}

/// Opens the database of a day to read; `None` if there is none.
pub(super) fn open_to_read(dir: &Path, day: Day) -> rusqlite::Result<Option<Connection>> {
    if !file(dir, day).exists() {
        return Ok(None);
    }
    let opened = connect(&file(dir, day), OpenFlags::empty()).and_then(|connection| {
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "cache_size", -READER_CACHE)?;
        let version = connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))?;
        Ok((version == SCHEMA).then_some(connection))
    });
    match opened {
        // It was deleted for its age meanwhile.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) => Ok(None),
        opened => opened,
    }
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    // Otherwise a statement is planned anew for every value it is given, which takes longer than running it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(connection)
}

/// Whether the database itself is at fault, and not the disk.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// What SQLite said, as an error of storage.
pub(super) fn failed(error: &rusqlite::Error) -> StorageError {
    StorageError::database("activity", error)
}
