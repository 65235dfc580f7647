//! The database file: its tables, and connections to it.

use crate::error::StorageError;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, config::DbConfig};
use std::{io, path::Path, time::Duration};

/// The schema this version reads and writes, kept in `user_version`.
const SCHEMA: u32 = 1;
/// KiB of a look-up connection's page cache: the inner pages of the index for ten million rows (some 5 MiB).
const LOOKUP_CACHE: i64 = 8 << 10;
/// KiB of the page cache of the connection for lists.
const LIST_CACHE: i64 = 2 << 10;
/// KiB of the writer's page cache.
const WRITER_CACHE: i64 = 8 << 10;
/// Octets that the write-ahead log keeps once it is written back.
const LOG_KEPT: i64 = 16 << 20;
/// Statements kept ready by a connection: all that there are.
const STATEMENTS: usize = 48;
/// How long to wait for another connection, which happens only while the log of a killed process is read back.
const PATIENCE: Duration = Duration::from_secs(30);

/// An account is a small number in every row and index. `row` only grows, so that it orders rows by age and a cursor
/// is never overtaken by a number used again. `email` is folded; `given` is the address as it was given, where that
/// differs. `scope` is a sending domain, or empty for the account. Times are milliseconds since 1970.
const TABLES: &str = "
    CREATE TABLE accounts (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE suppressions (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        id BLOB NOT NULL,
        account INTEGER NOT NULL REFERENCES accounts (n),
        email TEXT NOT NULL,
        given TEXT,
        scope TEXT NOT NULL,
        by_domain INTEGER NOT NULL AS (scope <> '') VIRTUAL,
        reason INTEGER NOT NULL,
        read_only INTEGER NOT NULL,
        created INTEGER NOT NULL,
        modified INTEGER NOT NULL,
        expires INTEGER,
        note TEXT
    ) STRICT;
    CREATE UNIQUE INDEX by_email ON suppressions (account, email, scope);
    CREATE UNIQUE INDEX by_id ON suppressions (id);
    CREATE INDEX by_place ON suppressions (account, by_domain);
    CREATE INDEX by_reason ON suppressions (account, by_domain, reason);
    CREATE INDEX by_scope ON suppressions (account, scope) WHERE scope <> '';
    CREATE INDEX by_end ON suppressions (expires) WHERE expires IS NOT NULL;
    CREATE TABLE soft_bounces (
        account INTEGER NOT NULL REFERENCES accounts (n),
        email TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (account, email, at)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX soft_bounces_by_age ON soft_bounces (at);
    CREATE TABLE complaint_removals (account INTEGER NOT NULL REFERENCES accounts (n), at INTEGER NOT NULL) STRICT;
    CREATE INDEX complaint_removals_by_age ON complaint_removals (account, at);
";

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The one that writes; it makes the tables.
    Writer,
    /// One that only reads lists and single rows.
    Lists,
    /// One that only looks addresses up.
    LookUps,
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
    // Otherwise a statement is planned anew for every value it is given, which takes longer than running it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Answers with the mode, which is not asked for: a file system that cannot do it says so at the first read.
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "temp_store", "memory")?;
    match role {
        Role::Writer => {
            connection.pragma_update(None, "synchronous", "full")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
            connection.pragma_update(None, "cache_size", -WRITER_CACHE)
        }
        Role::Lists => {
            connection.pragma_update(None, "query_only", true)?;
            connection.pragma_update(None, "cache_size", -LIST_CACHE)
        }
        Role::LookUps => {
            connection.pragma_update(None, "query_only", true)?;
            connection.pragma_update(None, "cache_size", -LOOKUP_CACHE)
        }
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
    StorageError::database("suppressions", error)
}

impl From<rusqlite::Error> for super::SuppressionError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(failed(&error))
    }
}
