//! Namespaces.

use super::{KvError, KvNamespace, KvStore};
use crate::{
    control::ObjectId,
    error::StorageError,
    workers::{
        commits::lock,
        database::{STEP, millis, time},
        random_id,
    },
};
use mailwright_engine::time::UnixMillis;
use rusqlite::{Connection, params};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
};

/// Most namespaces of an account.
pub const MAX_NAMESPACES: usize = 1_000;
/// Most octets of a title.
const MAX_TITLE: usize = 512;

/// The namespaces that there are.
pub(super) fn read(db: &Connection) -> Result<HashMap<ObjectId, (i64, Arc<KvNamespace>)>, KvError> {
    let mut select = db.prepare("SELECT n, id, account, title, created FROM namespaces WHERE NOT removed")?;
    let mut rows = select.query([])?;
    let mut namespaces = HashMap::new();
    let unread = |error| StorageError::format("KV namespace", error);
    while let Some(row) = rows.next()? {
        let namespace = KvNamespace {
            id: row.get::<_, String>("id")?.parse().map_err(unread)?,
            account: row.get::<_, String>("account")?.parse().map_err(unread)?,
            title: row.get("title")?,
            created: time(row.get("created")?),
        };
        namespaces.insert(namespace.id.clone(), (row.get("n")?, Arc::new(namespace)));
    }
    Ok(namespaces)
}

impl KvStore {
    /// Makes a namespace. Blocks for a sync.
    ///
    /// # Errors
    /// [`KvError::Invalid`] for what is no title, [`KvError::Taken`], [`KvError::Full`] when the account has
    /// [`MAX_NAMESPACES`]; when it cannot be stored.
    pub fn create(
        &self,
        account: &ObjectId,
        title: &str,
        now: UnixMillis,
    ) -> Result<Arc<KvNamespace>, KvError> {
        let _changing = lock(&self.0.changes);
        let others = self.namespaces(account);
        check_title(title, &others)?;
        if others.len() >= MAX_NAMESPACES {
            return Err(KvError::Full { what: "KV namespaces", most: MAX_NAMESPACES as u64 });
        }
        let (id, account, title) = (random_id()?, account.clone(), title.to_owned());
        let namespace = Arc::new(KvNamespace { id, account, title, created: now });
        let stored = Arc::clone(&namespace);
        let n = self.0.db.change(move |db| {
            let KvNamespace { id, account, title, created } = &*stored;
            let put = "INSERT INTO namespaces (id, account, title, created, octets, removed)
                       VALUES (?, ?, ?, ?, 0, false)";
            db.execute(put, params![id.as_str(), account.as_str(), title, millis(*created)])?;
            Ok::<_, KvError>(db.last_insert_rowid())
        })?;
        self.learn(|known| known.insert(namespace.id.clone(), (n, Arc::clone(&namespace))));
        Ok(namespace)
    }

    /// The namespaces of an account, in the order of titles. Reads from memory only.
    pub fn namespaces(&self, account: &ObjectId) -> Vec<Arc<KvNamespace>> {
        let of_account = |(_, namespace): &(i64, Arc<KvNamespace>)| {
            (namespace.account == *account).then(|| Arc::clone(namespace))
        };
        let mut namespaces: Vec<_> = self.known(|known| known.values().filter_map(of_account).collect());
        namespaces.sort_by(|one, other| one.title.cmp(&other.title));
        namespaces
    }

    /// A namespace of an account. Reads from memory only.
    pub fn namespace(&self, account: &ObjectId, id: &ObjectId) -> Option<Arc<KvNamespace>> {
        self.known(|known| known.get(id).map(|(_, namespace)| Arc::clone(namespace)))
            .filter(|namespace| namespace.account == *account)
    }

    /// Gives a namespace another title. Blocks for a sync.
    ///
    /// # Errors
    /// [`KvError::NoNamespace`], [`KvError::Invalid`], [`KvError::Taken`]; when it cannot be stored.
    pub fn rename(
        &self,
        account: &ObjectId,
        id: &ObjectId,
        title: &str,
    ) -> Result<Arc<KvNamespace>, KvError> {
        let _changing = lock(&self.0.changes);
        let n = self.number(account, id)?;
        let old = self.namespace(account, id).ok_or_else(|| KvError::NoNamespace(id.clone()))?;
        let others: Vec<_> = self.namespaces(account).into_iter().filter(|other| other.id != *id).collect();
        check_title(title, &others)?;
        let namespace = Arc::new(KvNamespace { title: title.to_owned(), ..(*old).clone() });
        let title = title.to_owned();
        self.0.db.change(move |db| {
            db.execute("UPDATE namespaces SET title = ? WHERE n = ?", params![title, n])?;
            Ok::<_, KvError>(())
        })?;
        self.learn(|known| known.insert(id.clone(), (n, Arc::clone(&namespace))));
        Ok(namespace)
    }

    /// Removes a namespace with its entries: on return nobody sees them, and they do not come back. Blocks for syncs.
    ///
    /// # Errors
    /// [`KvError::NoNamespace`]; when that cannot be stored.
    pub fn remove(&self, account: &ObjectId, id: &ObjectId) -> Result<(), KvError> {
        {
            let _changing = lock(&self.0.changes);
            let n = self.number(account, id)?;
            self.0.db.change(move |db| {
                db.execute("UPDATE namespaces SET removed = true WHERE n = ?", [n])?;
                Ok::<_, KvError>(())
            })?;
            self.learn(|known| known.remove(id));
        }
        self.purge_removed()
    }

    /// Removes all namespaces of an account.
    pub(in crate::workers) fn remove_account(&self, account: &ObjectId) -> Result<(), StorageError> {
        let removed = self.namespaces(account).iter().try_for_each(|one| self.remove(account, &one.id));
        removed.map_err(KvError::into_storage)
    }

    /// Removes the entries of namespaces that are gone, then the last trace of these.
    pub(super) fn purge_removed(&self) -> Result<(), KvError> {
        self.0.db.remove_all(|db| {
            let gone = "DELETE FROM entries WHERE n IN (SELECT e.n FROM entries e WHERE e.namespace IN
                        (SELECT n FROM namespaces WHERE removed) LIMIT ?)";
            Ok::<_, KvError>(db.prepare_cached(gone)?.execute([STEP])?)
        })?;
        let traces = "DELETE FROM namespaces WHERE removed
                      AND NOT EXISTS (SELECT 1 FROM entries WHERE namespace = namespaces.n)";
        self.0.db.remove_all(move |db| Ok::<_, KvError>(db.prepare_cached(traces)?.execute([])?))?;
        Ok(())
    }

    /// The number of a namespace of an account.
    pub(super) fn number(&self, account: &ObjectId, id: &ObjectId) -> Result<i64, KvError> {
        let found = |known: &HashMap<ObjectId, (i64, Arc<KvNamespace>)>| {
            known.get(id).filter(|(_, namespace)| namespace.account == *account).map(|(n, _)| *n)
        };
        self.known(found).ok_or_else(|| KvError::NoNamespace(id.clone()))
    }

    fn known<T>(&self, read: impl FnOnce(&HashMap<ObjectId, (i64, Arc<KvNamespace>)>) -> T) -> T {
        read(&self.0.namespaces.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn learn<T>(&self, write: impl FnOnce(&mut HashMap<ObjectId, (i64, Arc<KvNamespace>)>) -> T) -> T {
        write(&mut self.0.namespaces.write().unwrap_or_else(PoisonError::into_inner))
    }
}

fn check_title(title: &str, others: &[Arc<KvNamespace>]) -> Result<(), KvError> {
    if title.is_empty() || title.len() > MAX_TITLE || title.chars().any(char::is_control) {
        return Err(KvError::Invalid(format!(
            "a KV namespace has a title of 1 to {MAX_TITLE} printable octets"
        )));
    }
    if others.iter().any(|other| other.title == title) {
        return Err(KvError::Taken(title.to_owned()));
    }
    Ok(())
}
