//! The calls that were made.

use super::{Store, database, millis, time};
use crate::{control::ObjectId, error::StorageError};
use mailwright_engine::time::UnixMillis;
use rusqlite::params;
use std::time::Duration;

/// How many attempts are remembered of each endpoint.
const ATTEMPTS_KEPT: i64 = 100;

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

impl Store {
    pub(in crate::webhooks) fn note(&mut self, id: &ObjectId, attempt: &Attempt) -> Result<(), StorageError> {
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

    pub(in crate::webhooks) fn attempts(&self, id: &ObjectId) -> Result<Vec<Attempt>, StorageError> {
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
}
