//! The tables.

use super::database;
use crate::error::StorageError;
use rusqlite::Connection;

/// Number of the layout below. Raised when it changes.
pub(super) const LAYOUT: i64 = 1;
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS endpoints (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    told INTEGER NOT NULL DEFAULT 0,        -- its place: the number of the last event that it was told
    batch TEXT,                             -- the id of the batch under way
    batch_end INTEGER NOT NULL DEFAULT 0,   -- the number of the last event in it
    failures INTEGER NOT NULL DEFAULT 0,    -- attempts at it
    failing_since INTEGER,                  -- milliseconds since the epoch, as all times
    due INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS events (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint INTEGER NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    again INTEGER NOT NULL,                 -- 1 for one that is told again
    body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS events_once ON events (endpoint, id) WHERE again = 0;
CREATE INDEX IF NOT EXISTS events_in_order ON events (endpoint, no);
CREATE INDEX IF NOT EXISTS events_in_time ON events (endpoint, at);
CREATE TABLE IF NOT EXISTS attempts (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint INTEGER NOT NULL,
    at INTEGER NOT NULL,
    batch TEXT NOT NULL,
    events INTEGER NOT NULL,
    status INTEGER,
    error TEXT NOT NULL,
    answer TEXT NOT NULL,
    took INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS attempts_in_order ON attempts (endpoint, no);
";

/// Sets the database up: commits are safe from a power cut, and its layout is ours.
pub(super) fn prepare(db: &Connection) -> Result<(), StorageError> {
    db.pragma_update(None, "journal_mode", "WAL").map_err(database)?;
    db.pragma_update(None, "synchronous", "FULL").map_err(database)?;
    // Twice what is used at once: claims, additions, pruning.
    db.set_prepared_statement_cache_capacity(64);
    let layout: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(database)?;
    if layout > LAYOUT {
        let why = format!("its layout {layout} is that of a newer version; upgrade mailwright");
        return Err(StorageError::database("webhooks", why));
    }
    db.execute_batch(TABLES).map_err(database)?;
    db.pragma_update(None, "user_version", LAYOUT).map_err(database)
}
