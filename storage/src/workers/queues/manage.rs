//! Making, changing and removing queues and their consumers.

use super::{
    Consumer, ConsumerDraft, MAX_BATCH, MAX_DELAY, MAX_RETENTION, Queue, QueueDraft, QueueError, QueueStore,
    Slot, rows::About,
};
use crate::{
    control::ObjectId,
    error::StorageError,
    workers::{
        commits::lock,
        database::{STEP, millis},
        random_id,
    },
};
use mailwright_engine::time::UnixMillis;
use rusqlite::{Connection, params};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

/// Most queues of an account.
pub const MAX_QUEUES: usize = 1_000;
/// Most octets of a name.
const MAX_NAME: usize = 63;

impl QueueStore {
    /// Makes a queue. Blocks for a sync.
    ///
    /// # Errors
    /// [`QueueError::Invalid`] for what can be no queue, [`QueueError::Taken`], [`QueueError::Full`] when the account has
    /// [`MAX_QUEUES`]; when it cannot be stored.
    pub fn create(
        &self,
        account: &ObjectId,
        name: &str,
        draft: QueueDraft,
        now: UnixMillis,
    ) -> Result<Arc<Queue>, QueueError> {
        let _changing = lock(&self.0.changes);
        self.add(account, name, draft, now)
    }

    fn add(
        &self,
        account: &ObjectId,
        name: &str,
        draft: QueueDraft,
        now: UnixMillis,
    ) -> Result<Arc<Queue>, QueueError> {
        check_name(name)?;
        check_queue(&draft)?;
        if self.queue(account, name).is_some() {
            return Err(QueueError::Taken(name.to_owned()));
        }
        if self.queues(account).len() >= MAX_QUEUES {
            return Err(QueueError::Full { most: MAX_QUEUES });
        }
        let queue = Queue {
            id: random_id()?,
            account: account.clone(),
            name: name.to_owned(),
            created: now,
            modified: now,
            draft,
            consumer: None,
        };
        let stored = queue.clone();
        let n = self.0.db.change(move |db| {
            let insert = "INSERT INTO queues (id, account, name, created, modified, about)
                          VALUES (?1, ?2, ?3, ?4, ?4, ?5)";
            let Queue { id, account, name, created, .. } = &stored;
            let about = About::of(&stored)?;
            db.execute(insert, params![id.as_str(), account.as_str(), name, millis(*created), about])?;
            Ok::<_, QueueError>(db.last_insert_rowid())
        })?;
        let slot = Arc::new(Slot::new(n, queue));
        let made = slot.queue();
        self.learn(|known| known.entry(account.clone()).or_default().insert(name.to_owned(), slot));
        self.0.changed.notify_one();
        Ok(made)
    }

    /// Changes how a queue treats messages that are sent from now on. Blocks for a sync.
    ///
    /// # Errors
    /// [`QueueError::NoQueue`], [`QueueError::Invalid`]; when it cannot be stored.
    pub fn update(
        &self,
        account: &ObjectId,
        name: &str,
        draft: QueueDraft,
        now: UnixMillis,
    ) -> Result<Arc<Queue>, QueueError> {
        check_queue(&draft)?;
        let _changing = lock(&self.0.changes);
        let slot = self.slot(account, name)?;
        self.put(&slot, Queue { draft, modified: now, ..(*slot.queue()).clone() })
    }

    /// Gives a queue a consumer; its dead letters get a queue if there is none of the name. Blocks for syncs.
    ///
    /// # Errors
    /// [`QueueError::NoQueue`], [`QueueError::Consumed`], [`QueueError::Invalid`] for what can be no consumer,
    /// [`QueueError::Full`] when the account may have no queue for the dead letters; when it cannot be stored.
    pub fn add_consumer(
        &self,
        account: &ObjectId,
        name: &str,
        draft: ConsumerDraft,
        now: UnixMillis,
    ) -> Result<Arc<Queue>, QueueError> {
        let _changing = lock(&self.0.changes);
        let slot = self.slot(account, name)?;
        if let Some(consumer) = &slot.queue().consumer {
            let (queue, script) = (name.to_owned(), consumer.draft.script.clone());
            return Err(QueueError::Consumed { queue, script });
        }
        self.prepare(account, name, &draft, now)?;
        let consumer = Some(Consumer { id: random_id()?, created: now, draft });
        self.put(&slot, Queue { consumer, modified: now, ..(*slot.queue()).clone() })
    }

    /// Changes how a consumer wants messages. Blocks for syncs.
    ///
    /// # Errors
    /// As [`add_consumer`](Self::add_consumer); [`QueueError::NoConsumer`].
    pub fn change_consumer(
        &self,
        account: &ObjectId,
        name: &str,
        consumer: &ObjectId,
        draft: ConsumerDraft,
        now: UnixMillis,
    ) -> Result<Arc<Queue>, QueueError> {
        let _changing = lock(&self.0.changes);
        let slot = self.slot(account, name)?;
        let old = consumer_of(&slot.queue(), consumer)?;
        self.prepare(account, name, &draft, now)?;
        let consumer = Some(Consumer { draft, ..old });
        self.put(&slot, Queue { consumer, modified: now, ..(*slot.queue()).clone() })
    }

    /// Takes the consumer of a queue away; messages wait from now on. Blocks for a sync.
    ///
    /// # Errors
    /// [`QueueError::NoQueue`], [`QueueError::NoConsumer`]; when it cannot be stored.
    pub fn remove_consumer(
        &self,
        account: &ObjectId,
        name: &str,
        consumer: &ObjectId,
        now: UnixMillis,
    ) -> Result<Arc<Queue>, QueueError> {
        let _changing = lock(&self.0.changes);
        let slot = self.slot(account, name)?;
        consumer_of(&slot.queue(), consumer)?;
        self.put(&slot, Queue { consumer: None, modified: now, ..(*slot.queue()).clone() })
    }

    /// Looks at a consumer, and makes a queue for its dead letters.
    fn prepare(
        &self,
        account: &ObjectId,
        name: &str,
        draft: &ConsumerDraft,
        now: UnixMillis,
    ) -> Result<(), QueueError> {
        check_consumer(draft)?;
        let Some(letters) = &draft.dead_letter_queue else { return Ok(()) };
        if letters == name {
            return Err(QueueError::Invalid(format!("the queue {name:?} cannot take its own dead letters")));
        }
        if self.queue(account, letters).is_none() {
            self.add(account, letters, QueueDraft::default(), now)?;
        }
        Ok(())
    }

    fn put(&self, slot: &Slot, queue: Queue) -> Result<Arc<Queue>, QueueError> {
        let (n, about, modified) = (slot.n, About::of(&queue)?, millis(queue.modified));
        self.0.db.change(move |db| {
            let put = "UPDATE queues SET about = ?, modified = ? WHERE n = ?";
            db.execute(put, params![about, modified, n])?;
            Ok::<_, QueueError>(())
        })?;
        let queue = Arc::new(queue);
        *slot.queue.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&queue);
        slot.arrivals.notify_one();
        self.0.changed.notify_one();
        Ok(queue)
    }

    /// Removes a queue with all that waits in it. Blocks for syncs.
    ///
    /// # Errors
    /// [`QueueError::NoQueue`], [`QueueError::InUse`] when it takes the dead letters of another; when that cannot be
    /// stored.
    pub fn remove(&self, account: &ObjectId, name: &str) -> Result<(), QueueError> {
        {
            let _changing = lock(&self.0.changes);
            let slot = self.slot(account, name)?;
            let is_needed = |queue: &Arc<Queue>| {
                let consumer = queue.consumer.as_ref();
                consumer.and_then(|consumer| consumer.draft.dead_letter_queue.as_deref()) == Some(name)
            };
            if let Some(other) = self.queues(account).iter().find(|queue| is_needed(queue)) {
                let why = format!(
                    "the queue {name:?} takes the dead letters of {:?}; change that first",
                    other.name
                );
                return Err(QueueError::InUse(why));
            }
            self.forget(account, &slot)?;
        }
        self.purge_removed()
    }

    /// Removes all queues of an account.
    pub(in crate::workers) fn remove_account(&self, account: &ObjectId) -> Result<(), StorageError> {
        let removed = {
            let _changing = lock(&self.0.changes);
            let slots = |known: &super::Known| known.get(account).cloned().unwrap_or_default();
            self.known(slots).values().try_for_each(|slot| self.forget(account, slot))
        };
        removed.and_then(|()| self.purge_removed()).map_err(QueueError::into_storage)
    }

    fn forget(&self, account: &ObjectId, slot: &Slot) -> Result<(), QueueError> {
        let n = slot.n;
        self.0.db.change(move |db| {
            db.execute("UPDATE queues SET removed = true WHERE n = ?", [n])?;
            Ok::<_, QueueError>(())
        })?;
        self.learn(|known| known.get_mut(account).map(|queues| queues.remove(&slot.queue().name)));
        slot.arrivals.notify_one();
        self.0.changed.notify_one();
        Ok(())
    }

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
        let until = millis(now.saturating_sub(super::model::seconds(slot.queue().draft.retention)));
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
    fn purge_removed(&self) -> Result<(), QueueError> {
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
        let messages = crate::workers::database::number(gone.len());
        db.prepare_cached(&count)?.execute(params![queue, messages, octets])?;
    }
    Ok(gone.into_iter().map(|(id, _)| id).collect())
}

fn consumer_of(queue: &Queue, id: &ObjectId) -> Result<Consumer, QueueError> {
    let consumer = queue.consumer.clone().filter(|consumer| consumer.id == *id);
    consumer.ok_or_else(|| QueueError::NoConsumer(queue.name.clone()))
}

fn check_name(name: &str) -> Result<(), QueueError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let ends = [name.bytes().next(), name.bytes().next_back()];
    let are_plain = ends.iter().flatten().all(u8::is_ascii_alphanumeric);
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(fits) && are_plain {
        return Ok(());
    }
    let shown: String = name.chars().take(80).collect();
    Err(QueueError::Invalid(format!(
        "{shown:?} is no name for a queue: 1 to {MAX_NAME} letters, digits, - and _, beginning and ending with a letter or digit"
    )))
}

fn check_queue(draft: &QueueDraft) -> Result<(), QueueError> {
    within("the delivery delay", draft.delivery_delay, 0..=MAX_DELAY, "seconds")?;
    within("the retention", draft.retention, 60..=MAX_RETENTION, "seconds")
}

fn check_consumer(draft: &ConsumerDraft) -> Result<(), QueueError> {
    within("the batch size", draft.batch_size, 1..=MAX_BATCH as u32, "messages")?;
    within("the batch timeout", draft.batch_timeout_ms, 0..=60_000, "milliseconds")?;
    within("the number of retries", draft.max_retries, 0..=100, "retries")?;
    within("the retry delay", draft.retry_delay, 0..=MAX_DELAY, "seconds")?;
    draft.max_concurrency.map_or(Ok(()), |most| within("the concurrency", most, 1..=250, "batches"))
}

fn within(
    what: &str,
    value: u32,
    bounds: std::ops::RangeInclusive<u32>,
    unit: &str,
) -> Result<(), QueueError> {
    if bounds.contains(&value) {
        return Ok(());
    }
    let (least, most) = (bounds.start(), bounds.end());
    Err(QueueError::Invalid(format!("{what} is {least} to {most} {unit}, not {value}")))
}
