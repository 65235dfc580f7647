//! The database of the outbox: what comes in and what is to be sent. `attempts` has the calls that were made, `keep` what
//! is kept and for how long.

mod attempts;
mod keep;
mod schema;

pub use attempts::Attempt;

use crate::{control::ObjectId, error::StorageError, metrics as names};
use mailwright_engine::time::UnixMillis;
use metrics::counter;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt, path::Path, time::Duration};

/// Most events in a batch.
const BATCH_EVENTS: i64 = 500;
/// Octets of events after which no further one is put into a batch.
const BATCH_OCTETS: usize = 256 << 10;

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
        schema::prepare(&db)?;
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

    pub(super) fn resume(&self, id: &ObjectId) -> Result<(), StorageError> {
        self.run(
            "UPDATE endpoints SET failures = 0, failing_since = NULL, due = 0 WHERE id = ?",
            params![id.as_str()],
        )?;
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

fn millis(time: UnixMillis) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn time(millis: i64) -> UnixMillis {
    UnixMillis::new(u64::try_from(millis).unwrap_or_default())
}

fn database(error: rusqlite::Error) -> StorageError {
    StorageError::database("webhooks", error)
}

#[cfg(test)]
mod tests;
