//! The database of the outbox.

use crate::{control::ObjectId, error::StorageError, metrics as names};
use mailwright_engine::time::UnixMillis;
use metrics::counter;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt, path::Path, time::Duration};

/// Most events in a batch.
const BATCH_EVENTS: i64 = 500;
/// Octets of events after which no further one is put into a batch.
const BATCH_OCTETS: usize = 256 << 10;
/// How many attempts are remembered of each endpoint.
const ATTEMPTS_KEPT: i64 = 100;

/// Number of the layout below. Raised when it changes.
const LAYOUT: i64 = 1;
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

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxSettings {
    /// How long an event is kept, told or not.
    pub keep: Duration,
    /// How many events of an endpoint are kept, the newest.
    pub max_events: u64,
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self { keep: Duration::from_secs(3 * 24 * 3600), max_events: 1_000_000 }
    }
}

/// An event on its way into the database.
#[derive(Debug)]
pub(super) struct NewEvent {
    pub(super) endpoints: Vec<ObjectId>,
    pub(super) id: String,
    pub(super) at: UnixMillis,
    pub(super) body: String,
}

/// What an endpoint is to be sent next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nothing.
    Nothing,
    /// Something, but not before then.
    Later(UnixMillis),
    /// This.
    Now(Batch),
}

/// Events that are sent together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its name, the same each time it is sent.
    pub id: String,
    /// The events as JSON, in order.
    pub events: Vec<String>,
    /// How often it was sent in vain.
    pub failures: u32,
    /// Since when the endpoint fails, if it does.
    pub failing_since: Option<UnixMillis>,
}

/// A call of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: UnixMillis,
    /// The name of what was sent.
    pub batch: String,
    /// How many events that was.
    pub events: u64,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why it failed; empty if it did not.
    pub error: String,
    /// The beginning of the answer's body.
    pub answer: String,
    /// How long it took.
    pub took: Duration,
}

/// How an endpoint stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EndpointStatus {
    /// Events that it was not told yet.
    pub waiting: u64,
    /// Since when it fails, if it does.
    pub failing_since: Option<UnixMillis>,
    /// When it is called again, if it fails.
    pub due: Option<UnixMillis>,
}

/// The database. Used on one thread, in transactions.
#[derive(Debug)]
pub(super) struct Store {
    db: Connection,
    settings: OutboxSettings,
    /// Events that endpoints were not told yet; exact after a pruning.
    waiting: i64,
    /// What it was when the transaction began.
    waiting_before: i64,
}

/// A row of `endpoints`.
struct Endpoint {
    no: i64,
    told: i64,
    batch: Option<String>,
    batch_end: i64,
    failures: u32,
    failing_since: Option<i64>,
    due: i64,
}

impl Endpoint {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            no: row.get("no")?,
            told: row.get("told")?,
            batch: row.get("batch")?,
            batch_end: row.get("batch_end")?,
            failures: row.get("failures")?,
            failing_since: row.get("failing_since")?,
            due: row.get("due")?,
        })
    }
}

impl Store {
    pub(super) fn open(dir: &Path, settings: OutboxSettings) -> Result<Self, StorageError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|e| StorageError::io("create", dir, e))?;
        let db = Connection::open(dir.join("outbox.sqlite")).map_err(database)?;
        prepare(&db)?;
        let mut store = Self { db, settings, waiting: 0, waiting_before: 0 };
        store.count_waiting()?;
        Ok(store)
    }

    pub(super) fn begin(&mut self) -> Result<(), StorageError> {
        self.waiting_before = self.waiting;
        self.db.execute_batch("BEGIN IMMEDIATE").map_err(database)
    }

    pub(super) fn commit(&self) -> Result<(), StorageError> {
        self.db.execute_batch("COMMIT").map_err(database)
    }

    pub(super) fn roll_back(&mut self) {
        self.waiting = self.waiting_before;
        // Without a transaction there is nothing to roll back.
        if !self.db.is_autocommit() && self.db.execute_batch("ROLLBACK").is_err() {
            tracing::error!("a transaction of the webhooks' outbox was not rolled back");
        }
    }

    pub(super) const fn waiting(&self) -> i64 {
        self.waiting
    }

    /// Adds an event for its endpoints, except where it is already.
    pub(super) fn add(&mut self, event: &NewEvent) -> Result<(), StorageError> {
        for id in &event.endpoints {
            let endpoint = self.number(id)?;
            let added = self.run(
                "INSERT OR IGNORE INTO events (endpoint, id, at, again, body) VALUES (?, ?, ?, 0, ?)",
                params![endpoint, event.id, millis(event.at), event.body],
            )?;
            self.waiting += i64::try_from(added).unwrap_or_default();
            counter!(names::WEBHOOK_EVENTS).increment(added as u64);
        }
        Ok(())
    }

    pub(super) fn claim(&mut self, id: &ObjectId, now: UnixMillis) -> Result<Claim, StorageError> {
        let Some(endpoint) = self.endpoint(id)? else { return Ok(Claim::Nothing) };
        if endpoint.due > millis(now) {
            return Ok(Claim::Later(time(endpoint.due)));
        }
        let open = endpoint.batch.clone();
        let end = if open.is_some() { endpoint.batch_end } else { i64::MAX };
        let (events, last) = self.events_between(&endpoint, end)?;
        let Some(last) = last else {
            if open.is_none() {
                return Ok(Claim::Nothing);
            }
            // All of the batch has grown too old.
            self.run(
                "UPDATE endpoints SET batch = NULL, told = batch_end WHERE no = ?",
                params![endpoint.no],
            )?;
            return self.claim(id, now);
        };
        let batch = match open {
            Some(batch) => batch,
            None => self.put_batch_down(&endpoint, last)?,
        };
        let (failures, failing_since) = (endpoint.failures, endpoint.failing_since.map(time));
        Ok(Claim::Now(Batch { id: batch, events, failures, failing_since }))
    }

    /// The events after the endpoint's place, up to number `end` and as many as a batch may have, and the number of the
    /// last.
    fn events_between(
        &self,
        endpoint: &Endpoint,
        end: i64,
    ) -> Result<(Vec<String>, Option<i64>), StorageError> {
        let select =
            "SELECT no, body FROM events WHERE endpoint = ? AND no > ? AND no <= ? ORDER BY no LIMIT ?";
        let mut select = self.db.prepare_cached(select).map_err(database)?;
        let mut rows =
            select.query(params![endpoint.no, endpoint.told, end, BATCH_EVENTS]).map_err(database)?;
        let (mut events, mut last, mut octets) = (Vec::new(), None, 0);
        while octets < BATCH_OCTETS
            && let Some(row) = rows.next().map_err(database)?
        {
            let body: String = row.get(1).map_err(database)?;
            octets += body.len();
            last = Some(row.get(0).map_err(database)?);
            events.push(body);
        }
        Ok((events, last))
    }

    /// Begins a batch that ends with the event `last`.
    fn put_batch_down(&self, endpoint: &Endpoint, last: i64) -> Result<String, StorageError> {
        let batch = fresh_batch_id()?;
        self.run(
            "UPDATE endpoints SET batch = ?, batch_end = ? WHERE no = ?",
            params![batch, last, endpoint.no],
        )?;
        Ok(batch)
    }

    pub(super) fn delivered(&mut self, id: &ObjectId, attempt: &Attempt) -> Result<(), StorageError> {
        self.note(id, attempt)?;
        let told = self.run(
            "UPDATE endpoints SET told = batch_end, batch = NULL, failures = 0, failing_since = NULL, due = 0
             WHERE id = ? AND batch = ?",
            params![id.as_str(), attempt.batch],
        )?;
        if told == 1 {
            self.waiting = (self.waiting - i64::try_from(attempt.events).unwrap_or_default()).max(0);
        }
        Ok(())
    }

    pub(super) fn failed(
        &mut self,
        id: &ObjectId,
        attempt: &Attempt,
        due: UnixMillis,
    ) -> Result<(), StorageError> {
        self.note(id, attempt)?;
        self.run(
            "UPDATE endpoints SET failures = failures + 1, failing_since = coalesce(failing_since, ?), due = ?
             WHERE id = ? AND batch = ?",
            params![millis(attempt.at), millis(due), id.as_str(), attempt.batch],
        )?;
        Ok(())
    }

    pub(super) fn note(&mut self, id: &ObjectId, attempt: &Attempt) -> Result<(), StorageError> {
        let endpoint = self.number(id)?;
        let Attempt { at, batch, events, status, error, answer, took } = attempt;
        let took = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        let events = i64::try_from(*events).unwrap_or(i64::MAX);
        self.run(
            "INSERT INTO attempts (endpoint, at, batch, events, status, error, answer, took)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            params![endpoint, millis(*at), batch, events, status, error, answer, took],
        )?;
        self.run(
            "DELETE FROM attempts WHERE endpoint = ?1 AND no <= (SELECT no FROM attempts WHERE endpoint = ?1
             ORDER BY no DESC LIMIT 1 OFFSET ?2)",
            params![endpoint, ATTEMPTS_KEPT],
        )?;
        Ok(())
    }

    pub(super) fn attempts(&self, id: &ObjectId) -> Result<Vec<Attempt>, StorageError> {
        let select = "SELECT a.at, a.batch, a.events, a.status, a.error, a.answer, a.took FROM attempts a
             JOIN endpoints e ON e.no = a.endpoint WHERE e.id = ? ORDER BY a.no DESC";
        let mut select = self.db.prepare_cached(select).map_err(database)?;
        let rows = select.query_map(params![id.as_str()], |row| {
            let unsigned = |number: i64| u64::try_from(number).unwrap_or_default();
            Ok(Attempt {
                at: time(row.get(0)?),
                batch: row.get(1)?,
                events: unsigned(row.get(2)?),
                status: row.get(3)?,
                error: row.get(4)?,
                answer: row.get(5)?,
                took: Duration::from_millis(unsigned(row.get(6)?)),
            })
        });
        rows.map_err(database)?.collect::<Result<_, _>>().map_err(database)
    }

    pub(super) fn resume(&self, id: &ObjectId) -> Result<(), StorageError> {
        self.run(
            "UPDATE endpoints SET failures = 0, failing_since = NULL, due = 0 WHERE id = ?",
            params![id.as_str()],
        )?;
        Ok(())
    }

    pub(super) fn replay(
        &mut self,
        id: &ObjectId,
        from: UnixMillis,
        to: UnixMillis,
    ) -> Result<u64, StorageError> {
        let Some(endpoint) = self.endpoint(id)? else { return Ok(0) };
        let count = self.run(
            "INSERT INTO events (endpoint, id, at, again, body)
             SELECT endpoint, id, at, 1, body FROM events
             WHERE endpoint = ? AND at >= ? AND at < ? AND again = 0 AND no <= ? ORDER BY no",
            params![endpoint.no, millis(from), millis(to), endpoint.told],
        )?;
        self.waiting += i64::try_from(count).unwrap_or_default();
        Ok(count as u64)
    }

    pub(super) fn forget(&mut self, id: &ObjectId) -> Result<(), StorageError> {
        if let Some(endpoint) = self.endpoint(id)? {
            self.waiting = (self.waiting - self.waiting_for(&endpoint)?).max(0);
            self.run("DELETE FROM events WHERE endpoint = ?", params![endpoint.no])?;
            self.run("DELETE FROM attempts WHERE endpoint = ?", params![endpoint.no])?;
            self.run("DELETE FROM endpoints WHERE no = ?", params![endpoint.no])?;
        }
        Ok(())
    }

    pub(super) fn endpoints(&self) -> Result<Vec<ObjectId>, StorageError> {
        let mut select = self.db.prepare_cached("SELECT id FROM endpoints").map_err(database)?;
        let ids = select.query_map([], |row| row.get::<_, String>(0)).map_err(database)?;
        let ids: Vec<_> = ids.collect::<Result<_, _>>().map_err(database)?;
        Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
    }

    pub(super) fn status(&self, id: &ObjectId) -> Result<EndpointStatus, StorageError> {
        let Some(endpoint) = self.endpoint(id)? else { return Ok(EndpointStatus::default()) };
        let due = endpoint.failing_since.is_some().then(|| time(endpoint.due));
        let waiting = u64::try_from(self.waiting_for(&endpoint)?).unwrap_or_default();
        Ok(EndpointStatus { waiting, failing_since: endpoint.failing_since.map(time), due })
    }

    /// Deletes what is too old or too much.
    pub(super) fn prune(&mut self, now: UnixMillis) -> Result<(), StorageError> {
        let keep = i64::try_from(self.settings.keep.as_millis()).unwrap_or(i64::MAX);
        let oldest = millis(now).saturating_sub(keep);
        let most = i64::try_from(self.settings.max_events).unwrap_or(i64::MAX);
        for endpoint in self.all()? {
            let place = params![endpoint.no, oldest, endpoint.told];
            let untold = "SELECT count(*) FROM events WHERE endpoint = ? AND at < ? AND no > ?";
            dropped("age", self.number_of(untold, place)?);
            self.run("DELETE FROM events WHERE endpoint = ? AND at < ?", params![endpoint.no, oldest])?;
            let last = "SELECT no FROM events WHERE endpoint = ? ORDER BY no DESC LIMIT 1 OFFSET ?";
            if let Some(last) = self.found(last, params![endpoint.no, most])? {
                let untold = "SELECT count(*) FROM events WHERE endpoint = ? AND no <= ? AND no > ?";
                dropped("number", self.number_of(untold, params![endpoint.no, last, endpoint.told])?);
                self.run("DELETE FROM events WHERE endpoint = ? AND no <= ?", params![endpoint.no, last])?;
            }
        }
        self.count_waiting()
    }

    fn count_waiting(&mut self) -> Result<(), StorageError> {
        let all = self.all()?;
        self.waiting = all.iter().map(|endpoint| self.waiting_for(endpoint)).sum::<Result<_, _>>()?;
        Ok(())
    }

    fn waiting_for(&self, endpoint: &Endpoint) -> Result<i64, StorageError> {
        let untold = "SELECT count(*) FROM events WHERE endpoint = ? AND no > ?";
        self.number_of(untold, params![endpoint.no, endpoint.told])
    }

    fn all(&self) -> Result<Vec<Endpoint>, StorageError> {
        let mut select = self.db.prepare_cached("SELECT * FROM endpoints").map_err(database)?;
        let rows = select.query_map([], Endpoint::read).map_err(database)?;
        rows.collect::<Result<_, _>>().map_err(database)
    }

    fn endpoint(&self, id: &ObjectId) -> Result<Option<Endpoint>, StorageError> {
        let mut select = self.db.prepare_cached("SELECT * FROM endpoints WHERE id = ?").map_err(database)?;
        select.query_row(params![id.as_str()], Endpoint::read).optional().map_err(database)
    }

    /// The number of an endpoint, new if it has none yet.
    fn number(&self, id: &ObjectId) -> Result<i64, StorageError> {
        if let Some(endpoint) = self.endpoint(id)? {
            return Ok(endpoint.no);
        }
        self.run("INSERT INTO endpoints (id) VALUES (?)", params![id.as_str()])?;
        Ok(self.db.last_insert_rowid())
    }

    fn run(&self, sql: &str, values: impl rusqlite::Params) -> Result<usize, StorageError> {
        let mut statement = self.db.prepare_cached(sql).map_err(database)?;
        statement.execute(values).map_err(database)
    }

    fn found(&self, sql: &str, values: impl rusqlite::Params) -> Result<Option<i64>, StorageError> {
        let mut select = self.db.prepare_cached(sql).map_err(database)?;
        select.query_row(values, |row| row.get(0)).optional().map_err(database)
    }

    fn number_of(&self, sql: &str, values: impl rusqlite::Params) -> Result<i64, StorageError> {
        Ok(self.found(sql, values)?.unwrap_or_default())
    }
}

/// A name for a batch that no other has.
///
/// # Errors
/// When the system gives no randomness.
pub fn fresh_batch_id() -> Result<String, StorageError> {
    let mut random = [0; 12];
    let filled = aws_lc_rs::rand::fill(&mut random);
    filled.map_err(|_| StorageError::database("webhooks", "the system gave no randomness"))?;
    Ok(format!("msg_{}", data_encoding::HEXLOWER.encode(&random)))
}

/// Sets the database up: commits are safe from a power cut, and its layout is ours.
fn prepare(db: &Connection) -> Result<(), StorageError> {
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

fn dropped(reason: &'static str, count: i64) {
    if count > 0 {
        counter!(names::WEBHOOK_DROPPED, "reason" => reason).increment(count.unsigned_abs());
        tracing::warn!(count, reason, "events for webhooks were dropped untold");
    }
}

fn millis(time: UnixMillis) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn time(millis: i64) -> UnixMillis {
    UnixMillis::new(u64::try_from(millis).unwrap_or_default())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn database(error: rusqlite::Error) -> StorageError {
    StorageError::database("webhooks", error)
}

#[cfg(test)]
mod tests;
