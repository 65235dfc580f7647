//! Removing messages: on demand, because they are too old, and with their queues.

use super::{QueueError, QueueStore, Slot, model::seconds};
use crate::{
    control::ObjectId,
    error::StorageError,
    workers::{
        commits::lock,
        database::{STEP, millis, number},
    },
};
use mailwright_engine::time::UnixMillis;
use rusqlite::{Connection, params};
use std::{collections::BTreeMap, sync::Arc};

impl QueueStore {
    /// Removes all messages that wait in a queue now, leased ones too. Says how many there were. Blocks for syncs.
    ///
    /// # Errors
    /// [`QueueError::NoQueue`]; when that cannot be stored: what was removed until then is.
    pub fn empty(&self, account: &ObjectId, name: &str) -> Result<u64, QueueError> {
        let slot = self.slot(account, name)?;
        let n = slot.n;
        let last: Option<i64> = self.0.db.read(|db| {
            let last = "SELECT max(n) FROM messages WHERE queue = ?";
            Ok::<_, QueueError>(db.query_row(last, [n], |row| row.get(0))?)
        })?;
        let Some(last) = last else { return Ok(0) };
        let purged = self.0.db.remove_all(move |db| {
            let which = "queue = ?1 AND n <= ?2";
            Ok::<_, QueueError>(remove_messages(db, n, which, last, "purged")?.len())
        })?;
        lock(&slot.leases).end_until(last);
        Ok(purged)
    }

    /// Removes messages that are older than their queues keep them, and those of queues that are gone; others get in
    /// between its steps.
    ///
    /// # Errors
    /// When the database cannot be changed; what was removed until then is.
    pub fn purge(&self, now: UnixMillis) -> Result<(), StorageError> {
        let slots: Vec<Arc<Slot>> =
            self.known(|known| known.values().flat_map(BTreeMap::values).cloned().collect());
        let expired = slots.iter().try_for_each(|slot| self.expire(slot, now));
        expired.and_then(|()| self.purge_removed()).map_err(QueueError::into_storage)
    }

    fn expire(&self, slot: &Arc<Slot>, now: UnixMillis) -> Result<(), QueueError> {
        let until = millis(now.saturating_sub(seconds(slot.queue().draft.retention)));
        loop {
            let n = slot.n;
            let gone = self.0.db.change(move |db| {
                Ok::<_, QueueError>(remove_messages(db, n, "queue = ?1 AND arrived <= ?2", until, "expired")?)
            })?;
            if gone.is_empty() {
                return Ok(());
            }
            let mut leases = lock(&slot.leases);
            gone.iter().filter_map(|id| id.parse().ok()).for_each(|id| leases.end(&id));
        }
    }

    /// Removes the messages of queues that are gone, then the last trace of these.
    pub(super) fn purge_removed(&self) -> Result<(), QueueError> {
        self.0.db.remove_all(|db| {
            let gone = "DELETE FROM messages WHERE n IN (SELECT m.n FROM messages m WHERE m.queue IN
                        (SELECT n FROM queues WHERE removed) LIMIT ?)";
            Ok::<_, QueueError>(db.prepare_cached(gone)?.execute([STEP])?)
        })?;
        let traces = "DELETE FROM queues WHERE removed
                      AND NOT EXISTS (SELECT 1 FROM messages WHERE queue = queues.n)";
        self.0.db.remove_all(move |db| Ok::<_, QueueError>(db.prepare_cached(traces)?.execute([])?))?;
        Ok(())
    }
}

/// Removes at most [`STEP`] messages of a queue and counts them in `column`. Returns their names.
fn remove_messages(
    db: &Connection,
    queue: i64,
    which: &str,
    until: i64,
    column: &str,
) -> rusqlite::Result<Vec<String>> {
    let sql = format!(
        "DELETE FROM messages WHERE n IN (SELECT n FROM messages WHERE {which} LIMIT {STEP}) RETURNING id, octets"
    );
    let mut remove = db.prepare_cached(&sql)?;
    let gone = remove.query_map(params![queue, until], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let gone = gone.collect::<rusqlite::Result<Vec<(String, i64)>>>()?;
    if !gone.is_empty() {
        let octets: i64 = gone.iter().map(|(_, octets)| octets).sum();
        let count = format!(
            "UPDATE queues SET messages = messages - ?2, octets = octets - ?3, {column} = {column} + ?2 WHERE n = ?1"
        );
        let messages = number(gone.len());
        db.prepare_cached(&count)?.execute(params![queue, messages, octets])?;
    }
    Ok(gone.into_iter().map(|(id, _)| id).collect())
}
