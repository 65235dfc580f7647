//! Sending, and what of it is there to be handled.

use super::{
    Leased, MAX_BATCH, MAX_BATCH_OCTETS, MAX_DELAY, MAX_MESSAGE, NewMessage, QueueError, QueueStatus,
    QueueStore,
    model::seconds,
    rows::{self, OVERHEAD},
};
use crate::{
    control::ObjectId,
    error::StorageError,
    workers::{
        commits::lock,
        database::{millis, number, time},
        random_id,
    },
};
use mailwright_engine::time::UnixMillis;
use rusqlite::{Connection, OptionalExtension, params};
use std::time::Duration;

impl QueueStore {
    /// Sends messages, all or none: at most [`MAX_BATCH`] of [`MAX_BATCH_OCTETS`] in all. Safe from a power cut on return.
    /// Returns their names.
    ///
    /// # Errors
    /// [`QueueError::NoQueue`], [`QueueError::Invalid`] or [`QueueError::TooLong`] for what cannot be sent,
    /// [`QueueError::Backlog`] when there is no room; when it cannot be stored.
    pub fn send(
        &self,
        account: &ObjectId,
        name: &str,
        messages: Vec<NewMessage>,
        now: UnixMillis,
    ) -> Result<Vec<ObjectId>, QueueError> {
        check(&messages)?;
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let slot = self.slot(account, name)?;
        let (n, wait, settings) = (slot.n, slot.queue().draft.delivery_delay, self.0.settings);
        let ids = messages.iter().map(|_| random_id()).collect::<Result<Vec<_>, _>>()?;
        let (named, of, called) = (ids.clone(), account.clone(), slot.queue().name.clone());
        self.0.db.change(move |db| {
            let mut octets = 0;
            for (id, message) in named.iter().zip(&messages) {
                let due = now.saturating_add(seconds(message.delay.unwrap_or(wait)));
                octets += insert(db, n, id, message, due, now)?;
            }
            let count = number(messages.len());
            let grow = "UPDATE queues SET messages = messages + ?2, sent = sent + ?2, octets = octets + ?3
                        WHERE n = ?1 AND NOT removed RETURNING octets";
            let waiting = db.prepare_cached(grow)?.query_row(params![n, count, octets], |row| row.get(0));
            let waiting: i64 = waiting.optional()?.ok_or(QueueError::NoQueue(called))?;
            if waiting.unsigned_abs() > settings.queue_octets {
                return Err(QueueError::Backlog { what: "the queue", most: settings.queue_octets });
            }
            let all = "SELECT sum(octets) FROM queues WHERE account = ?";
            let all: i64 = db.prepare_cached(all)?.query_row([of.as_str()], |row| row.get(0))?;
            if all.unsigned_abs() > settings.account_octets {
                let most = settings.account_octets;
                return Err(QueueError::Backlog { what: "the account's queues", most });
            }
            Ok(())
        })?;
        slot.arrivals.notify_one();
        Ok(ids)
    }

    /// Leases the messages that have been due for longest, at most `most` and [`MAX_BATCH_OCTETS`] (but one, if there is
    /// one), until they are [settled](Self::settle) or `lease` is over. None are leased of a queue that is paused. Does
    /// not wait for a sync.
    ///
    /// # Errors
    /// [`QueueError::NoQueue`]; when they cannot be read.
    pub fn lease(
        &self,
        account: &ObjectId,
        name: &str,
        most: usize,
        lease: Duration,
        now: UnixMillis,
    ) -> Result<Vec<Leased>, QueueError> {
        let slot = self.slot(account, name)?;
        let until = now.saturating_add(lease);
        if slot.queue().draft.paused {
            return Ok(Vec::new());
        }
        // Held while the database is read: what is settled meanwhile is still leased.
        let mut leases = lock(&slot.leases);
        let numbered = self.0.db.read(|db| {
            let select = "SELECT n, id, sent, failures, kind, octets, body FROM messages
                          WHERE queue = ? AND due <= ? ORDER BY due, n LIMIT ?";
            let mut select = db.prepare_cached(select)?;
            let most_read = number(most.saturating_add(leases.len()));
            let mut rows = select.query(params![slot.n, millis(now), most_read])?;
            let (mut found, mut octets) = (Vec::new(), 0);
            while let Some(row) = rows.next()? {
                let n: i64 = row.get("n")?;
                if leases.holds(n, now) {
                    continue;
                }
                octets += row.get::<_, i64>("octets")?.unsigned_abs();
                let is_enough = !found.is_empty() && octets > MAX_BATCH_OCTETS as u64;
                if found.len() >= most || is_enough {
                    break;
                }
                found.push((n, read(row)?));
            }
            Ok::<_, QueueError>(found)
        })?;
        let give = |(n, mut leased): (i64, Leased)| {
            leased.lease = leases.give(n, leased.id.clone(), until);
            leased
        };
        Ok(numbered.into_iter().map(give).collect())
    }

    /// When there is next something to lease: `now` or before if there is already. `None` if nothing waits.
    ///
    /// # Errors
    /// [`QueueError::NoQueue`]; when it cannot be read.
    pub fn next_due(
        &self,
        account: &ObjectId,
        name: &str,
        now: UnixMillis,
    ) -> Result<Option<UnixMillis>, QueueError> {
        let slot = self.slot(account, name)?;
        let leases = lock(&slot.leases);
        let free = self.0.db.read(|db| {
            let select = "SELECT n, due FROM messages WHERE queue = ? ORDER BY due, n LIMIT ?";
            let mut select = db.prepare_cached(select)?;
            let mut rows = select.query(params![slot.n, number(leases.len() + 1)])?;
            while let Some(row) = rows.next()? {
                if !leases.holds(row.get(0)?, now) {
                    return Ok::<_, QueueError>(Some(time(row.get(1)?)));
                }
            }
            Ok(None)
        })?;
        Ok(free.into_iter().chain(leases.next_end(now)).min())
    }

    /// How a queue stands.
    ///
    /// # Errors
    /// [`QueueError::NoQueue`]; when it cannot be read.
    pub fn status(&self, account: &ObjectId, name: &str, now: UnixMillis) -> Result<QueueStatus, QueueError> {
        let slot = self.slot(account, name)?;
        let leased = lock(&slot.leases).count(now) as u64;
        self.0.db.read(|db| {
            let later = "SELECT count(*) FROM messages WHERE queue = ? AND due > ?";
            let later = db.prepare_cached(later)?.query_row(params![slot.n, millis(now)], |row| row.get(0));
            let later: i64 = later?;
            let oldest = "SELECT sent FROM messages WHERE queue = ? ORDER BY arrived LIMIT 1";
            let oldest =
                db.prepare_cached(oldest)?.query_row([slot.n], |row| row.get::<_, i64>(0)).optional()?;
            let counts = "SELECT messages, octets, sent, acknowledged, dead, dropped, expired, purged
                          FROM queues WHERE n = ?";
            let counts = db.prepare_cached(counts)?.query_row([slot.n], |row| {
                let count = |column: &str| row.get::<_, i64>(column).map(i64::unsigned_abs);
                let (waiting, delayed) = (count("messages")?, later.unsigned_abs());
                Ok(QueueStatus {
                    ready: waiting.saturating_sub(delayed).saturating_sub(leased),
                    delayed,
                    leased,
                    octets: count("octets")?,
                    oldest: oldest.map(time),
                    sent: count("sent")?,
                    acknowledged: count("acknowledged")?,
                    dead: count("dead")?,
                    dropped: count("dropped")?,
                    expired: count("expired")?,
                    purged: count("purged")?,
                })
            });
            counts.optional()?.ok_or_else(|| QueueError::NoQueue(name.to_owned()))
        })
    }
}

/// Puts a message in its place. Returns its octets.
fn insert(
    db: &Connection,
    queue: i64,
    id: &ObjectId,
    message: &NewMessage,
    due: UnixMillis,
    now: UnixMillis,
) -> Result<i64, QueueError> {
    let octets = number(message.body.len() + OVERHEAD);
    let insert = "INSERT INTO messages (queue, due, sent, arrived, failures, octets, id, kind, body)
                  VALUES (?1, ?2, ?3, ?3, 0, ?4, ?5, ?6, ?7)";
    let (due, now, kind) = (millis(due), millis(now), message.kind.as_str());
    db.prepare_cached(insert)?.execute(params![queue, due, now, octets, id.as_str(), kind, message.body])?;
    Ok(octets)
}

fn read(row: &rusqlite::Row<'_>) -> Result<Leased, QueueError> {
    let id = row.get::<_, String>("id")?;
    let failures: u32 = row.get("failures")?;
    Ok(Leased {
        id: id.parse().map_err(|error| StorageError::format("queue", error))?,
        lease: 0,
        sent: time(row.get("sent")?),
        attempts: failures.saturating_add(1),
        kind: rows::kind(&row.get::<_, String>("kind")?)?,
        body: row.get("body")?,
    })
}

fn check(messages: &[NewMessage]) -> Result<(), QueueError> {
    if messages.len() > MAX_BATCH {
        let count = messages.len();
        return Err(QueueError::Invalid(format!(
            "{count} messages are too many at a time: at most {MAX_BATCH}"
        )));
    }
    let mut all = 0;
    for message in messages {
        let octets = message.body.len();
        if octets > MAX_MESSAGE {
            return Err(QueueError::TooLong { what: "the message", octets, most: MAX_MESSAGE });
        }
        all += octets;
        if let Some(delay) = message.delay.filter(|delay| *delay > MAX_DELAY) {
            let why = format!("a delay of {delay} seconds is too long: at most {MAX_DELAY}");
            return Err(QueueError::Invalid(why));
        }
    }
    if all > MAX_BATCH_OCTETS {
        return Err(QueueError::TooLong { what: "the batch", octets: all, most: MAX_BATCH_OCTETS });
    }
    Ok(())
}
