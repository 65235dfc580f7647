//! The database file: its tables, and connections to it.

use crate::error::StorageError;
use mailwright_engine::time::UnixMillis;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use std::{io, path::Path, time::Duration};

/// The schema this version reads and writes, kept in `user_version`.
const SCHEMA: u32 = 1;
/// KiB of a connection's page cache.
const CACHE: i64 = 4 << 10;
/// Octets that the write-ahead log keeps once it is written back.
const LOG_KEPT: i64 = 16 << 20;
/// Statements kept ready by a connection: all that there are.
const STATEMENTS: usize = 32;
/// How long to wait for another connection, which happens only while the log of a killed process is read back.
const PATIENCE: Duration = Duration::from_secs(30);

/// `periods` has a row for each domain and period of which something was judged; `due` is when it is to be reported, and
/// none once it was. `kind` is a hash of `record`. `day` is a day since 1970; times are milliseconds since then. A source
/// without an address is the empty text.
const TABLES: &str = "
    CREATE TABLE periods (
        n INTEGER PRIMARY KEY,
        begin INTEGER NOT NULL,
        domain TEXT NOT NULL,
        policy TEXT NOT NULL,
        kinds INTEGER NOT NULL,
        due INTEGER,
        UNIQUE (begin, domain)
    ) STRICT;
    CREATE INDEX periods_by_due ON periods (due) WHERE due IS NOT NULL;
    CREATE TABLE judged (
        period INTEGER NOT NULL REFERENCES periods (n) ON DELETE CASCADE,
        kind BLOB NOT NULL,
        record TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (period, kind)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE reports (
        n INTEGER PRIMARY KEY,
        zone TEXT NOT NULL,
        kind TEXT NOT NULL,
        organization TEXT NOT NULL,
        id TEXT NOT NULL,
        email TEXT NOT NULL,
        domain TEXT NOT NULL,
        policy TEXT NOT NULL,
        day INTEGER NOT NULL,
        begin INTEGER NOT NULL,
        end INTEGER NOT NULL,
        received INTEGER NOT NULL,
        total INTEGER NOT NULL,
        good INTEGER NOT NULL,
        UNIQUE (zone, kind, organization, id)
    ) STRICT;
    CREATE INDEX reports_by_day ON reports (zone, kind, day);
    CREATE INDEX reports_by_age ON reports (day);
    CREATE TABLE sources (
        zone TEXT NOT NULL,
        day INTEGER NOT NULL,
        ip TEXT NOT NULL,
        name TEXT NOT NULL,
        total INTEGER NOT NULL,
        aligned INTEGER NOT NULL,
        dkim INTEGER NOT NULL,
        spf INTEGER NOT NULL,
        quarantined INTEGER NOT NULL,
        rejected INTEGER NOT NULL,
        PRIMARY KEY (zone, day, ip)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sources_by_age ON sources (day);
    CREATE TABLE tls (
        zone TEXT NOT NULL,
        day INTEGER NOT NULL,
        policy TEXT NOT NULL,
        result TEXT NOT NULL,
        sessions INTEGER NOT NULL,
        PRIMARY KEY (zone, day, policy, result)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX tls_by_age ON tls (day);
";

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The one that writes; it makes the tables.
    Writer,
    /// One that only reads.
    Reader,
}

/// Opens the database.
pub(super) fn open(file: &Path, role: Role) -> Result<Connection, StorageError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let flags = if role == Role::Writer { flags | OpenFlags::SQLITE_OPEN_CREATE } else { flags };
    let mut connection = Connection::open_with_flags(file, flags).map_err(|e| failed(&e))?;
    prepare(&connection, role).map_err(|e| failed(&e))?;
    if role == Role::Writer {
        make_tables(&mut connection, file)?;
    }
    Ok(connection)
}

fn prepare(connection: &Connection, role: Role) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "cache_size", -CACHE)?;
    match role {
        Role::Writer => {
            connection.pragma_update(None, "synchronous", "full")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.pragma_update(None, "journal_size_limit", LOG_KEPT)
        }
        Role::Reader => connection.pragma_update(None, "query_only", true),
    }
}

/// Makes the tables of a new database, all or none; refuses one that a newer version wrote.
fn make_tables(connection: &mut Connection, file: &Path) -> Result<(), StorageError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let transaction = transaction.map_err(|e| failed(&e))?;
    let found = transaction.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0));
    match found.map_err(|e| failed(&e))? {
        SCHEMA => return Ok(()),
        0 => {}
        found => return Err(StorageError::TooNew { path: file.to_path_buf(), found, known: SCHEMA }),
    }
    transaction.execute_batch(TABLES).map_err(|e| failed(&e))?;
    transaction.pragma_update(None, "user_version", SCHEMA).map_err(|e| failed(&e))?;
    transaction.commit().map_err(|e| failed(&e))
}

/// What SQLite said, as an error of storage.
pub(super) fn failed(error: &rusqlite::Error) -> StorageError {
    if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        return StorageError::io("write", super::FILE, full);
    }
    StorageError::database("reports", error)
}

/// A time as a column has it.
pub(super) fn millis(at: UnixMillis) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

/// A time out of a column.
pub(super) fn time(millis: i64) -> UnixMillis {
    UnixMillis::new(millis.unsigned_abs())
}

/// A count as a column has it. Sums stay far from the end of what it holds.
pub(super) fn number(count: u64) -> i64 {
    const MOST: i64 = 1 << 50;
    i64::try_from(count).unwrap_or(MOST).min(MOST)
}

/// The day of UTC, counted from 1970.
pub(super) fn day(at: UnixMillis) -> i64 {
    millis(at) / 86_400_000
}
