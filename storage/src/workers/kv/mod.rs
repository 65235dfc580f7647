//! Keys and values of Workers, in namespaces of accounts.
//!
//! **Bounds.** [`MAX_NAMESPACES`] an account and [`KvSettings::account_octets`] in all of them; keys of [`MAX_KEY`] octets,
//! values of [`MAX_VALUE`], metadata of [`MAX_METADATA`].
//!
//! What has expired is seen by nobody from that second on; its room comes back with [`KvStore::purge`]. A namespace that
//! is removed is gone at once, its entries go step by step.

mod entries;
mod list;
mod model;
mod namespaces;

#[cfg(test)]
mod tests;

pub use entries::MAX_BULK;
pub use list::{KvKey, KvList, KvPage, MAX_LISTED};
pub use model::{
    KvEntry, KvError, KvNamespace, KvPut, KvSettings, MAX_KEY, MAX_METADATA, MAX_VALUE, MIN_EXPIRATION,
};
pub use namespaces::MAX_NAMESPACES;

use super::database::{Database, STEP, Schema};
use crate::{control::ObjectId, error::StorageError};
use mailwright_engine::time::UnixMillis;
use rusqlite::params;
use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, RwLock},
};

/// `octets` is the sum of what a namespace's entries take, so that nobody has to count. `expires` is a second since 1970.
/// An entry's value comes last: what is listed is read without it.
const SCHEMA: Schema = Schema {
    name: "kv",
    number: 1,
    tables: "
    CREATE TABLE namespaces (
        n INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        account TEXT NOT NULL,
        title TEXT NOT NULL,
        created INTEGER NOT NULL,
        octets INTEGER NOT NULL,
        removed INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX namespaces_of_account ON namespaces (account);
    CREATE INDEX removed_namespaces ON namespaces (n) WHERE removed;
    CREATE TABLE entries (
        n INTEGER PRIMARY KEY,
        namespace INTEGER NOT NULL,
        key BLOB NOT NULL,
        octets INTEGER NOT NULL,
        expires INTEGER,
        metadata TEXT,
        value BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX entries_by_key ON entries (namespace, key);
    CREATE INDEX entries_by_end ON entries (expires) WHERE expires IS NOT NULL;
",
};

/// The keys and values of all accounts; clones share everything.
#[derive(Debug, Clone)]
pub struct KvStore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    db: Database,
    settings: KvSettings,
    /// The namespaces by their ids, with their numbers.
    namespaces: RwLock<HashMap<ObjectId, (i64, Arc<KvNamespace>)>>,
    /// Held by whoever makes, renames or removes a namespace.
    changes: Mutex<()>,
}

impl KvStore {
    /// Opens the database in the folder `dir`, making both if missing.
    ///
    /// # Errors
    /// When the file system or SQLite refuses, or a newer version wrote the database.
    pub fn open(dir: &Path, settings: KvSettings) -> Result<Self, StorageError> {
        let db = Database::open(dir, SCHEMA)?;
        let namespaces = RwLock::new(db.read(namespaces::read).map_err(KvError::into_storage)?);
        Ok(Self(Arc::new(Shared { db, settings, namespaces, changes: Mutex::default() })))
    }

    /// Removes entries that have expired and those of namespaces that are gone; others get in between its steps.
    ///
    /// # Errors
    /// When the database cannot be changed; what was removed until then is.
    pub fn purge(&self, now: UnixMillis) -> Result<(), StorageError> {
        let until = entries::seconds(now);
        let expired = move |db: &rusqlite::Connection| {
            let mut gone = db.prepare_cached(
                "DELETE FROM entries WHERE n IN
                 (SELECT n FROM entries WHERE expires IS NOT NULL AND expires <= ?1 LIMIT ?2)
                 RETURNING namespace, octets",
            )?;
            let gone = gone.query_map(params![until, STEP], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let gone = gone.collect::<rusqlite::Result<Vec<(i64, i64)>>>()?;
            let less = "UPDATE namespaces SET octets = octets - ?2 WHERE n = ?1";
            for (namespace, octets) in &gone {
                db.prepare_cached(less)?.execute(params![namespace, octets])?;
            }
            Ok::<_, KvError>(gone.len())
        };
        self.0.db.remove_all(expired).map_err(KvError::into_storage)?;
        self.purge_removed().map_err(KvError::into_storage)
    }
}
