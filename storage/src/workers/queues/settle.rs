//! What becomes of messages that were leased.

use super::{ConsumerDraft, MAX_DELAY, QueueError, QueueStore, Settled, Settlement, Slot, model::seconds};
use crate::{
    control::ObjectId,
    workers::{commits::lock, database::millis},
};
use mailwright_engine::time::UnixMillis;
use rusqlite::{Connection, OptionalExtension, params};
use std::{sync::Arc, time::Duration};

/// How long a message waits that failed too often, while there is no room for it with the dead letters.
const DEAD_LETTERS_FULL: Duration = Duration::from_secs(60);

/// What was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settling {
    /// Messages that were handled.
    pub acknowledged: u64,
    /// Messages that are tried again.
    pub retried: u64,
    /// Messages that went to the dead letters.
    pub dead: u64,
    /// Messages that failed too often and had nowhere to go.
    pub dropped: u64,
}

/// What settling needs to know.
struct Rules {
    queue: i64,
    /// `None` if the queue has no consumer any more: then nothing fails too often.
    consumer: Option<ConsumerDraft>,
    /// The queue for dead letters, and the seconds that messages wait there.
    dead_letters: Option<(i64, u32)>,
    most: u64,
    now: UnixMillis,
}

/// What changes in the counts of a queue.
#[derive(Default)]
struct Less {
    messages: i64,
    octets: i64,
}

impl QueueStore {
    /// Settles messages that were [leased](Self::lease), all or none. One whose lease is somebody else's by now, or that
    /// is gone, is left out. Safe from a power cut on return.
    ///
    /// # Errors
    /// [`QueueError::NoQueue`]; when it cannot be stored: then all are still leased.
    pub fn settle(
        &self,
        account: &ObjectId,
        name: &str,
        settlements: &[Settlement],
        now: UnixMillis,
    ) -> Result<Settling, QueueError> {
        let slot = self.slot(account, name)?;
        let found: Vec<_> = {
            let leases = lock(&slot.leases);
            let number = |one: &Settlement| leases.number(&one.id, one.lease).map(|n| (n, one.outcome));
            settlements.iter().filter_map(number).collect()
        };
        let (rules, dead_letters) = self.rules(account, &slot, now);
        let settling = if found.iter().all(|(_, outcome)| *outcome == Settled::Return) {
            Settling::default()
        } else {
            self.0.db.change(move |db| settle(db, &rules, &found))?
        };
        {
            let mut leases = lock(&slot.leases);
            for one in settlements {
                if leases.number(&one.id, one.lease).is_some() {
                    leases.end(&one.id);
                }
            }
        }
        slot.arrivals.notify_one();
        if let Some(dead_letters) = dead_letters.filter(|_| settling.dead > 0) {
            dead_letters.arrivals.notify_one();
        }
        Ok(settling)
    }

    fn rules(&self, account: &ObjectId, slot: &Slot, now: UnixMillis) -> (Rules, Option<Arc<Slot>>) {
        let consumer = slot.queue().consumer.as_ref().map(|consumer| consumer.draft.clone());
        let named = consumer.as_ref().and_then(|consumer| consumer.dead_letter_queue.as_deref());
        let letters = named.and_then(|name| self.slot(account, name).ok());
        let dead_letters = letters.as_ref().map(|slot| (slot.n, slot.queue().draft.delivery_delay));
        let most = self.0.settings.queue_octets;
        (Rules { queue: slot.n, consumer, dead_letters, most, now }, letters)
    }
}

fn settle(db: &Connection, rules: &Rules, found: &[(i64, Settled)]) -> Result<Settling, QueueError> {
    let (mut settling, mut less, mut moved) = (Settling::default(), Less::default(), Less::default());
    for (n, outcome) in found {
        let message = "SELECT failures, octets FROM messages WHERE n = ? AND queue = ?";
        let message = db
            .prepare_cached(message)?
            .query_row(params![n, rules.queue], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)?)));
        let Some((failures, octets)) = message.optional()? else { continue };
        match outcome {
            Settled::Return => {}
            Settled::Ack => {
                remove(db, *n)?;
                settling.acknowledged += 1;
                less.add(octets);
            }
            Settled::Retry { delay } if !rules.is_too_often(failures) => {
                again(db, *n, failures + 1, rules.after(*delay))?;
                settling.retried += 1;
            }
            Settled::Retry { .. } => match rules.dead_letters {
                Some((letters, _)) if !has_room(db, letters, moved.octets + octets, rules.most)? => {
                    again(db, *n, failures, rules.now.saturating_add(DEAD_LETTERS_FULL))?;
                    settling.retried += 1;
                }
                Some((letters, wait)) => {
                    bury(db, *n, letters, rules.now.saturating_add(seconds(wait)), rules.now)?;
                    settling.dead += 1;
                    less.add(octets);
                    moved.add(octets);
                }
                None => {
                    remove(db, *n)?;
                    settling.dropped += 1;
                    less.add(octets);
                }
            },
        }
    }
    count(db, rules, &settling, &less, &moved)?;
    Ok(settling)
}

impl Rules {
    /// Whether a message that has failed `failures` times and then once more is not tried again.
    fn is_too_often(&self, failures: u32) -> bool {
        self.consumer.as_ref().is_some_and(|consumer| failures >= consumer.max_retries)
    }

    fn after(&self, delay: Option<u32>) -> UnixMillis {
        let usual = || self.consumer.as_ref().map_or(0, |consumer| consumer.retry_delay);
        self.now.saturating_add(seconds(delay.unwrap_or_else(usual).min(MAX_DELAY)))
    }
}

impl Less {
    fn add(&mut self, octets: i64) {
        self.messages += 1;
        self.octets += octets;
    }
}

fn remove(db: &Connection, n: i64) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM messages WHERE n = ?")?.execute([n])?;
    Ok(())
}

fn again(db: &Connection, n: i64, failures: u32, due: UnixMillis) -> rusqlite::Result<()> {
    let again = "UPDATE messages SET failures = ?, due = ? WHERE n = ?";
    db.prepare_cached(again)?.execute(params![failures, millis(due), n])?;
    Ok(())
}

/// Moves a message to the dead letters, where it has not failed yet.
fn bury(db: &Connection, n: i64, letters: i64, due: UnixMillis, now: UnixMillis) -> rusqlite::Result<()> {
    let bury = "UPDATE messages SET queue = ?, due = ?, arrived = ?, failures = 0 WHERE n = ?";
    db.prepare_cached(bury)?.execute(params![letters, millis(due), millis(now), n])?;
    Ok(())
}

fn has_room(db: &Connection, letters: i64, more: i64, most: u64) -> rusqlite::Result<bool> {
    let room = "SELECT octets FROM queues WHERE n = ? AND NOT removed";
    let waiting = db.prepare_cached(room)?.query_row([letters], |row| row.get::<_, i64>(0)).optional()?;
    Ok(waiting.is_some_and(|waiting| (waiting + more).unsigned_abs() <= most))
}

fn count(
    db: &Connection,
    rules: &Rules,
    settling: &Settling,
    less: &Less,
    moved: &Less,
) -> rusqlite::Result<()> {
    let counts = [settling.acknowledged, settling.dead, settling.dropped].map(u64::cast_signed);
    let [acknowledged, dead, dropped] = counts;
    db.prepare_cached(
        "UPDATE queues SET messages = messages - ?2, octets = octets - ?3,
         acknowledged = acknowledged + ?4, dead = dead + ?5, dropped = dropped + ?6 WHERE n = ?1",
    )?
    .execute(params![rules.queue, less.messages, less.octets, acknowledged, dead, dropped])?;
    if let Some((letters, _)) = rules.dead_letters.filter(|_| moved.messages > 0) {
        db.prepare_cached(
            "UPDATE queues SET messages = messages + ?2, sent = sent + ?2, octets = octets + ?3 WHERE n = ?1",
        )?
        .execute(params![letters, moved.messages, moved.octets])?;
    }
    Ok(())
}
