//! What Workers are and what they keep: their code, their keys and values, their queues, their data points.
//!
//! **Scripts** ([`ScriptStore`]) have versions that never change and deployments that say which of them runs. All that an
//! event needs to know of a Worker is in memory; its modules are in files, read when a process starts.
//! **Keys and values** ([`KvStore`]), **queues** ([`QueueStore`]) and **data points** ([`PointStore`]) are each a SQLite
//! database of their own, so that none waits for another's syncs and none grows into another's file.
//!
//! What was written is safe from a power cut on return, but for data points. Writers that come together share a sync. All
//! calls block and may be made from any thread.

mod commits;
mod database;
mod kv;
mod points;
mod queues;
mod scripts;

pub use kv::{
    KvEntry, KvError, KvKey, KvList, KvNamespace, KvPage, KvPut, KvSettings, KvStore, MAX_BULK, MAX_KEY,
    MAX_LISTED, MAX_METADATA, MAX_NAMESPACES, MAX_VALUE, MIN_EXPIRATION,
};
pub use points::{
    DataPoint, MAX_BLOB_OCTETS, MAX_FIELDS, MAX_INDEX_OCTETS, PointError, PointSettings, PointStore,
    StoredPoint,
};
pub use queues::{
    BodyKind, Consumer, ConsumerDraft, Leased, MAX_BATCH, MAX_BATCH_OCTETS, MAX_DELAY, MAX_MESSAGE,
    MAX_QUEUES, MAX_RETENTION, NewMessage, Queue, QueueDraft, QueueError, QueueSettings, QueueStatus,
    QueueStore, Settled, Settlement, Settling,
};
pub use scripts::{
    Code, Deployment, DeploymentId, Host, InvalidVersionId, MAX_BINDINGS, MAX_MODULES, MAX_OCTETS,
    MAX_SCRIPTS, MAX_VARIABLE, ModuleInfo, NewDeployment, NewVersion, Origin, Script, ScriptError,
    ScriptStore, Version, VersionId,
};

use crate::{
    control::{ControlError, ObjectId},
    error::StorageError,
    private_folder::PrivateFolder,
};
use mailwright_engine::time::UnixMillis;
use std::path::Path;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkerStoreSettings {
    /// Of keys and values.
    pub kv: KvSettings,
    /// Of queues.
    pub queues: QueueSettings,
    /// Of data points.
    pub points: PointSettings,
}

/// All that is kept for Workers; clones share everything.
#[derive(Debug, Clone)]
pub struct WorkerStores {
    /// Their code.
    pub scripts: ScriptStore,
    /// Their keys and values.
    pub kv: KvStore,
    /// Their queues.
    pub queues: QueueStore,
    /// Their data points.
    pub points: PointStore,
}

impl WorkerStores {
    /// Opens everything in the folder `dir`, making what is missing
    /// ([`StateDir::workers_dir`](crate::StateDir::workers_dir)).
    ///
    /// # Errors
    /// When the file system or a database refuses, or a newer version wrote one.
    pub fn open(dir: &Path, settings: WorkerStoreSettings) -> Result<Self, StorageError> {
        PrivateFolder::open(dir)?;
        Ok(Self {
            scripts: ScriptStore::open(&dir.join("scripts"))?,
            kv: KvStore::open(&dir.join("kv"), settings.kv)?,
            queues: QueueStore::open(&dir.join("queues"), settings.queues)?,
            points: PointStore::open(&dir.join("points"), settings.points)?,
        })
    }

    /// Removes what is over: expired keys, messages and data points that are too old, what is left of removals that were
    /// cut short. To be called every minute, on a thread that may block; others get in between its steps.
    ///
    /// # Errors
    /// When a database cannot be changed; what was removed until then is.
    pub fn purge(&self, now: UnixMillis) -> Result<(), StorageError> {
        self.kv.purge(now)?;
        self.queues.purge(now)?;
        self.points.purge(now)
    }

    /// Removes everything of an account that is gone.
    ///
    /// # Errors
    /// When something cannot be removed; what was removed until then is, and it can be tried again.
    pub fn remove_account(&self, account: &ObjectId) -> Result<(), StorageError> {
        self.scripts.remove_account(account)?;
        self.kv.remove_account(account)?;
        self.queues.remove_account(account)?;
        self.points.remove_account(account)
    }
}

/// A fresh random id.
fn random_id() -> Result<ObjectId, StorageError> {
    ObjectId::random().map_err(|error| match error {
        ControlError::Storage(error) => error,
        error => StorageError::database("workers", error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> UnixMillis {
        UnixMillis::new(1_800_000_000_000)
    }

    /// Puts something into keys and values, a queue and a dataset of an account.
    fn fill(stores: &WorkerStores, account: &ObjectId) -> ObjectId {
        let namespace = stores.kv.create(account, "n", now()).unwrap().id.clone();
        let (key, value) = ("k".to_owned(), b"v".to_vec());
        let put = KvPut { key, value, metadata: None, expiration: None };
        stores.kv.put(account, &namespace, put, now()).unwrap();
        stores.queues.create(account, "q", QueueDraft::default(), now()).unwrap();
        let message = NewMessage { kind: BodyKind::Text, body: b"m".to_vec(), delay: None };
        stores.queues.send(account, "q", vec![message], now()).unwrap();
        stores.points.write(account, "d", vec![DataPoint::default()], now()).unwrap();
        namespace
    }

    /// What an account has: namespaces, queues and datasets.
    fn count(stores: &WorkerStores, account: &ObjectId) -> (usize, usize, usize) {
        let (namespaces, queues) = (stores.kv.namespaces(account), stores.queues.queues(account));
        (namespaces.len(), queues.len(), stores.points.datasets(account).unwrap().len())
    }

    #[test]
    fn with_an_account_goes_what_its_workers_kept_and_nothing_of_others() {
        let dir = tempfile::tempdir().unwrap();
        let open =
            || WorkerStores::open(&dir.path().join("workers"), WorkerStoreSettings::default()).unwrap();
        let (gone, stays) = (ObjectId::random().unwrap(), ObjectId::random().unwrap());
        let stores = open();
        fill(&stores, &gone);
        let namespace = fill(&stores, &stays);
        stores.points.close();
        let stores = open();
        assert_eq!(count(&stores, &gone), (1, 1, 1));
        stores.remove_account(&gone).unwrap();
        stores.remove_account(&gone).unwrap();
        let stores = open();
        assert_eq!((count(&stores, &gone), count(&stores, &stays)), ((0, 0, 0), (1, 1, 1)));
        assert_eq!(stores.kv.get(&stays, &namespace, "k", now()).unwrap().unwrap().value, b"v");
        stores.purge(now()).unwrap();
        assert_eq!(stores.queues.status(&stays, "q", now()).unwrap().ready, 1);
    }
}
