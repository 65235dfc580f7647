//! The database of requests.

use super::{KeptMessage, KeptRequest, RequestSettings};
use crate::{error::StorageError, metrics as names};
use mailwright_engine::{
    request_mark::{RequestDigest, RequestKey},
    time::UnixMillis,
};
use metrics::{counter, gauge};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::{
    collections::{BTreeMap, HashMap},
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::Path,
    time::{Duration, Instant},
};

const FILE: &str = "requests.sqlite";
/// The schema this version reads and writes, kept in `user_version`.
const SCHEMA: u32 = 1;
/// KiB of the page cache of each of the two connections.
const CACHE: i64 = 4 << 10;
/// Octets that the write-ahead log keeps once it is written back.
const LOG_KEPT: i64 = 16 << 20;
/// How often what is too old or too much is deleted.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// Times are milliseconds since 1970.
const TABLES: &str = "
    CREATE TABLE requests (
        key BLOB PRIMARY KEY,
        digest BLOB NOT NULL,
        at INTEGER NOT NULL,
        answer TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX by_age ON requests (at);
    CREATE TABLE messages (
        key BLOB NOT NULL REFERENCES requests (key) ON DELETE CASCADE,
        item INTEGER NOT NULL,
        message TEXT NOT NULL,
        PRIMARY KEY (key, item)
    ) STRICT, WITHOUT ROWID;
";

/// The connection that looks requests up.
#[derive(Debug)]
pub(super) struct Reader(Connection);

/// The connection that writes.
#[derive(Debug)]
pub(super) struct Writer {
    db: Connection,
    pruned: Option<Instant>,
}

impl Reader {
    /// A reader of what [`Writer::open`] made in `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self, StorageError> {
        let db = connect(dir).map_err(failed)?;
        db.pragma_update(None, "query_only", true).map_err(failed)?;
        Ok(Self(db))
    }

    /// The request `key`, if it is younger than `oldest`.
    pub(super) fn find(
        &self,
        key: RequestKey,
        oldest: UnixMillis,
    ) -> Result<Option<KeptRequest>, StorageError> {
        let select = "SELECT digest, at, answer FROM requests WHERE key = ? AND at > ?";
        let mut select = self.0.prepare_cached(select).map_err(failed)?;
        let row = select.query_row(params![key.as_bytes(), millis(oldest)], |row| {
            Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, i64>(1)?, row.get::<_, Option<String>>(2)?))
        });
        let Some((digest, at, answer)) = row.optional().map_err(failed)? else { return Ok(None) };
        let at = UnixMillis::new(u64::try_from(at).unwrap_or_default());
        let messages = if answer.is_some() { BTreeMap::new() } else { self.messages(key)? };
        Ok(Some(KeptRequest { digest: RequestDigest::new(digest), at, messages, answer }))
    }

    fn messages(&self, key: RequestKey) -> Result<BTreeMap<u16, KeptMessage>, StorageError> {
        let select = "SELECT item, message FROM messages WHERE key = ?";
        let mut select = self.0.prepare_cached(select).map_err(failed)?;
        let rows =
            select.query_map(params![key.as_bytes()], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
        let mut messages = BTreeMap::new();
        for row in rows.map_err(failed)? {
            let (item, message) = row.map_err(failed)?;
            let message = serde_json::from_str(&message);
            messages.insert(item, message.map_err(|e| StorageError::format("request", e))?);
        }
        Ok(messages)
    }
}

impl Writer {
    /// Opens the database in `dir`, made if missing.
    pub(super) fn open(dir: &Path) -> Result<Self, StorageError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|e| StorageError::io("create", dir, e))?;
        let mut db = connect(dir).map_err(failed)?;
        make_tables(&mut db, dir)?;
        db.pragma_update(None, "synchronous", "full").map_err(failed)?;
        db.pragma_update(None, "foreign_keys", true).map_err(failed)?;
        db.pragma_update(None, "journal_size_limit", LOG_KEPT).map_err(failed)?;
        Ok(Self { db, pruned: None })
    }

    /// Adds what is known of requests; safe from a power cut on return.
    pub(super) fn write(
        &mut self,
        requests: &HashMap<RequestKey, KeptRequest>,
        now: UnixMillis,
        settings: &RequestSettings,
    ) -> Result<(), StorageError> {
        let prune = self.pruned.is_none_or(|last| last.elapsed() >= PRUNE_EVERY);
        if requests.is_empty() && !prune {
            return Ok(());
        }
        let oldest = now.saturating_sub(settings.keep);
        let transaction = self.db.transaction().map_err(failed)?;
        for (key, kept) in requests {
            put(&transaction, *key, kept, oldest)?;
        }
        if prune {
            delete(&transaction, oldest, settings.most).map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        if prune {
            self.pruned = Some(Instant::now());
        }
        Ok(())
    }
}

fn put(
    transaction: &Transaction<'_>,
    key: RequestKey,
    kept: &KeptRequest,
    oldest: UnixMillis,
) -> Result<(), StorageError> {
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        transaction.prepare_cached(sql).and_then(|mut run| run.execute(values)).map_err(failed)
    };
    let (key, digest) = (key.as_bytes(), kept.digest.as_bytes());
    // A key that was used long ago may be used again.
    run("DELETE FROM requests WHERE key = ? AND at <= ?", &[key, &millis(oldest)])?;
    run(
        "INSERT INTO requests (key, digest, at, answer) VALUES (?, ?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET at = min(at, excluded.at), answer = coalesce(answer, excluded.answer)",
        &[key, digest, &millis(kept.at), &kept.answer],
    )?;
    for (item, message) in &kept.messages {
        let message = serde_json::to_string(message).map_err(|e| StorageError::format("request", e))?;
        run("INSERT OR IGNORE INTO messages (key, item, message) VALUES (?, ?, ?)", &[key, item, &message])?;
    }
    Ok(())
}

/// Deletes what is as old as `oldest`, and the oldest of what is more than `most`.
fn delete(transaction: &Transaction<'_>, oldest: UnixMillis, most: u64) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM requests WHERE at <= ?", params![millis(oldest)])?;
    let count: i64 = transaction.query_row("SELECT count(*) FROM requests", [], |row| row.get(0))?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let excess = (count - most).max(0);
    if excess > 0 {
        let oldest = "DELETE FROM requests WHERE key IN (SELECT key FROM requests ORDER BY at LIMIT ?)";
        let gone = transaction.execute(oldest, params![excess])?;
        counter!(names::REQUESTS_DROPPED).increment(gone as u64);
    }
    gauge!(names::REQUESTS_KEPT).set((count - excess) as f64);
    Ok(())
}

fn connect(dir: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open(dir.join(FILE))?;
    // A reader waits only while the log of a killed process is read back.
    db.busy_timeout(Duration::from_secs(30))?;
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "cache_size", -CACHE)?;
    Ok(db)
}

/// Makes the tables of a new database, all or none; refuses one that a newer version wrote.
fn make_tables(db: &mut Connection, dir: &Path) -> Result<(), StorageError> {
    let transaction = db.transaction().map_err(failed)?;
    let found = transaction.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0));
    match found.map_err(failed)? {
        SCHEMA => return Ok(()),
        0 => {}
        found => return Err(StorageError::TooNew { path: dir.join(FILE), found, known: SCHEMA }),
    }
    transaction.execute_batch(TABLES).map_err(failed)?;
    transaction.pragma_update(None, "user_version", SCHEMA).map_err(failed)?;
    transaction.commit().map_err(failed)
}

fn millis(time: UnixMillis) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn failed(error: rusqlite::Error) -> StorageError {
    StorageError::database("requests", error)
}
