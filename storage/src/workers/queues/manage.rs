//! Making, changing and removing queues and their consumers.

use super::{Consumer, ConsumerDraft, Queue, QueueDraft, QueueError, QueueStore, Slot, checks, rows::About};
use crate::{
    control::ObjectId,
    error::StorageError,
    workers::{commits::lock, database::millis, random_id},
};
use mailwright_engine::time::UnixMillis;
use rusqlite::params;
use std::sync::{Arc, PoisonError};

/// Most queues of an account.
pub const MAX_QUEUES: usize = 1_000;

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
        checks::name(name)?;
        checks::queue(&draft)?;
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
        checks::queue(&draft)?;
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
        checks::consumer(draft)?;
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
}

fn consumer_of(queue: &Queue, id: &ObjectId) -> Result<Consumer, QueueError> {
    let consumer = queue.consumer.clone().filter(|consumer| consumer.id == *id);
    consumer.ok_or_else(|| QueueError::NoConsumer(queue.name.clone()))
}
