//! Queues of Workers: messages that wait for a consumer, in the order in which they are due.
//!
//! A message is leased to whoever handles it; until the lease is over nobody else gets it. **Settled**, it is gone, or due
//! again later; what has failed more often than its consumer allows goes to another queue, the consumer's dead letters, or
//! is gone if it has none. Leases are in memory only: with the process ends who holds them, and the next finds all messages
//! waiting. So a message is handled at least once, and only what its consumer says counts as a failure of it.
//!
//! **Law.** `sent = acknowledged + dead + dropped + expired + purged + waiting` ([`QueueStatus`]), each change of which is
//! one transaction. Moved to another queue, a message counts as sent to that one.
//!
//! **Bounds.** [`MAX_QUEUES`] an account; [`QueueSettings::queue_octets`] in each and [`QueueSettings::account_octets`] in
//! all of them, beyond which sending is refused and dead letters stay where they are.

mod checks;
mod leases;
mod manage;
mod model;
mod purge;
mod rows;
mod send;
mod settle;

#[cfg(test)]
mod tests;

pub use manage::MAX_QUEUES;
pub use model::{
    BodyKind, Consumer, ConsumerDraft, Leased, MAX_BATCH, MAX_BATCH_OCTETS, MAX_DELAY, MAX_MESSAGE,
    MAX_RETENTION, NewMessage, Queue, QueueDraft, QueueError, QueueSettings, QueueStatus, Settled,
    Settlement,
};
pub use settle::Settling;

use super::database::Database;
use crate::{control::ObjectId, error::StorageError};
use leases::Leases;
use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
};
use tokio::sync::Notify;

/// The queues of each account, by name.
type Known = HashMap<ObjectId, BTreeMap<String, Arc<Slot>>>;

/// The queues of all accounts; clones share everything.
#[derive(Debug, Clone)]
pub struct QueueStore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    db: Database,
    settings: QueueSettings,
    known: RwLock<Known>,
    /// Told when a queue is made, changed or removed.
    changed: Arc<Notify>,
    /// Held by whoever makes, changes or removes a queue.
    changes: Mutex<()>,
}

/// A queue in memory.
#[derive(Debug)]
struct Slot {
    n: i64,
    queue: RwLock<Arc<Queue>>,
    leases: Mutex<Leases>,
    /// Told when there may be something to lease that was not there before.
    arrivals: Arc<Notify>,
}

impl QueueStore {
    /// Opens the database in the folder `dir`, making both if missing.
    ///
    /// # Errors
    /// When the file system or SQLite refuses, or a newer version wrote the database.
    pub fn open(dir: &Path, settings: QueueSettings) -> Result<Self, StorageError> {
        let db = Database::open(dir, rows::SCHEMA)?;
        let mut known = Known::new();
        for (n, queue) in db.read(rows::queues).map_err(QueueError::into_storage)? {
            let of_account = known.entry(queue.account.clone()).or_default();
            of_account.insert(queue.name.clone(), Arc::new(Slot::new(n, queue)));
        }
        let (known, changed) = (RwLock::new(known), Arc::default());
        Ok(Self(Arc::new(Shared { db, settings, known, changed, changes: Mutex::default() })))
    }

    /// The queue of this name. Reads from memory only.
    pub fn queue(&self, account: &ObjectId, name: &str) -> Option<Arc<Queue>> {
        self.known(|known| known.get(account)?.get(name).map(|slot| slot.queue()))
    }

    /// The queue of this id. Reads from memory only.
    pub fn queue_by_id(&self, account: &ObjectId, id: &ObjectId) -> Option<Arc<Queue>> {
        self.queues(account).into_iter().find(|queue| queue.id == *id)
    }

    /// The queues of an account, in the order of names. Reads from memory only.
    pub fn queues(&self, account: &ObjectId) -> Vec<Arc<Queue>> {
        let of_account = |known: &Known| {
            known.get(account).map(|queues| queues.values().map(|slot| slot.queue()).collect())
        };
        self.known(of_account).unwrap_or_default()
    }

    /// The queues that have a consumer, in no order. Reads from memory only.
    pub fn consumed(&self) -> Vec<Arc<Queue>> {
        let all: Vec<_> =
            self.known(|known| known.values().flat_map(BTreeMap::values).map(|slot| slot.queue()).collect());
        all.into_iter().filter(|queue| queue.consumer.is_some()).collect()
    }

    /// What is told, by a permit kept for one who waits, when a queue is made, changed or removed.
    pub fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.0.changed)
    }

    /// What is told, by a permit kept for one who waits, when there may be something new to lease in a queue: messages
    /// came or came back, or the queue was changed or removed. `None` if there is no such queue.
    pub fn arrivals(&self, account: &ObjectId, name: &str) -> Option<Arc<Notify>> {
        self.known(|known| known.get(account)?.get(name).map(|slot| Arc::clone(&slot.arrivals)))
    }

    fn slot(&self, account: &ObjectId, name: &str) -> Result<Arc<Slot>, QueueError> {
        let found = self.known(|known| known.get(account)?.get(name).cloned());
        found.ok_or_else(|| QueueError::NoQueue(name.chars().take(80).collect()))
    }

    fn known<T>(&self, read: impl FnOnce(&Known) -> T) -> T {
        read(&self.0.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn learn<T>(&self, write: impl FnOnce(&mut Known) -> T) -> T {
        write(&mut self.0.known.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Slot {
    fn new(n: i64, queue: Queue) -> Self {
        let queue = RwLock::new(Arc::new(queue));
        Self { n, queue, leases: Mutex::default(), arrivals: Arc::default() }
    }

    fn queue(&self) -> Arc<Queue> {
        Arc::clone(&self.queue.read().unwrap_or_else(PoisonError::into_inner))
    }
}
