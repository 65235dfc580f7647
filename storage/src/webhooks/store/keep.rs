//! What is kept: told again, forgotten, or too old.

use super::{Endpoint, Store, millis};
use crate::{control::ObjectId, error::StorageError, metrics as names};
use mailwright_engine::time::UnixMillis;
use metrics::counter;
use rusqlite::params;

impl Store {
    pub(in crate::webhooks) fn replay(
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

    pub(in crate::webhooks) fn forget(&mut self, id: &ObjectId) -> Result<(), StorageError> {
        if let Some(endpoint) = self.endpoint(id)? {
            self.waiting = (self.waiting - self.waiting_for(&endpoint)?).max(0);
            self.run("DELETE FROM events WHERE endpoint = ?", params![endpoint.no])?;
            self.run("DELETE FROM attempts WHERE endpoint = ?", params![endpoint.no])?;
            self.run("DELETE FROM endpoints WHERE no = ?", params![endpoint.no])?;
        }
        Ok(())
    }

    /// Deletes what is too old or too much.
    pub(in crate::webhooks) fn prune(&mut self, now: UnixMillis) -> Result<(), StorageError> {
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

    pub(super) fn count_waiting(&mut self) -> Result<(), StorageError> {
        let all = self.all()?;
        self.waiting = all.iter().map(|endpoint| self.waiting_for(endpoint)).sum::<Result<_, _>>()?;
        Ok(())
    }

    pub(super) fn waiting_for(&self, endpoint: &Endpoint) -> Result<i64, StorageError> {
        let untold = "SELECT count(*) FROM events WHERE endpoint = ? AND no > ?";
        self.number_of(untold, params![endpoint.no, endpoint.told])
    }
}

fn dropped(reason: &'static str, count: i64) {
    if count > 0 {
        counter!(names::WEBHOOK_DROPPED, "reason" => reason).increment(count.unsigned_abs());
        tracing::warn!(count, reason, "events for webhooks were dropped untold");
    }
}
