//! Entries: one by one, and many together.

use super::{KvEntry, KvError, KvPut, KvStore, MAX_KEY, MAX_METADATA, MAX_VALUE, MIN_EXPIRATION};
use crate::control::ObjectId;
use mailwright_engine::time::UnixMillis;
use rusqlite::{Connection, OptionalExtension, params};
use serde::de::IgnoredAny;

/// Most entries that are read, written or removed together.
pub const MAX_BULK: usize = 10_000;
/// Octets that an entry takes beside its key, its metadata and its value.
const OVERHEAD: usize = 64;

impl KvStore {
    /// The entry of a key; `None` if there is none, or it has expired.
    ///
    /// # Errors
    /// [`KvError::NoNamespace`], [`KvError::Invalid`] or [`KvError::TooLong`] for what is no key; when it cannot be read.
    pub fn get(
        &self,
        account: &ObjectId,
        namespace: &ObjectId,
        key: &str,
        now: UnixMillis,
    ) -> Result<Option<KvEntry>, KvError> {
        check_key(key)?;
        let n = self.number(account, namespace)?;
        self.0.db.read(|db| get(db, n, key, now))
    }

    /// The entries of keys in one view, in the order of the keys: at most [`MAX_BULK`] keys, and [`MAX_VALUE`] octets of
    /// values.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`KvError::TooLong`] when there is more than that.
    pub fn get_many(
        &self,
        account: &ObjectId,
        namespace: &ObjectId,
        keys: &[String],
        now: UnixMillis,
    ) -> Result<Vec<Option<KvEntry>>, KvError> {
        check_count(keys.len())?;
        keys.iter().try_for_each(|key| check_key(key))?;
        let n = self.number(account, namespace)?;
        self.0.db.read(|db| {
            let (mut entries, mut octets) = (Vec::with_capacity(keys.len()), 0);
            for key in keys {
                let entry = get(db, n, key, now)?;
                octets += entry.as_ref().map_or(0, |entry| entry.value.len());
                if octets > MAX_VALUE {
                    return Err(KvError::TooLong { what: "all that is asked for", octets, most: MAX_VALUE });
                }
                entries.push(entry);
            }
            Ok(entries)
        })
    }

    /// Sets an entry, in place of one that has its key. Safe from a power cut on return.
    ///
    /// # Errors
    /// [`KvError::NoNamespace`], [`KvError::Invalid`] or [`KvError::TooLong`] for what can be no entry, [`KvError::Full`]
    /// when the account has no more room; when it cannot be stored.
    pub fn put(
        &self,
        account: &ObjectId,
        namespace: &ObjectId,
        put: KvPut,
        now: UnixMillis,
    ) -> Result<(), KvError> {
        self.put_many(account, namespace, vec![put], now)
    }

    /// Sets entries, all or none: at most [`MAX_BULK`]. Safe from a power cut on return.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn put_many(
        &self,
        account: &ObjectId,
        namespace: &ObjectId,
        puts: Vec<KvPut>,
        now: UnixMillis,
    ) -> Result<(), KvError> {
        check_count(puts.len())?;
        puts.iter().try_for_each(|put| check(put, now))?;
        let (n, id, most) =
            (self.number(account, namespace)?, namespace.clone(), self.0.settings.account_octets);
        self.0.db.change(move |db| {
            let mut more = 0;
            for one in &puts {
                more += put(db, n, one)?;
            }
            grow(db, n, &id, more, most)
        })
    }

    /// Removes an entry; says whether there was one that had not expired. Safe from a power cut on return.
    ///
    /// # Errors
    /// [`KvError::NoNamespace`], [`KvError::Invalid`] or [`KvError::TooLong`] for what is no key; when that cannot be
    /// stored.
    pub fn delete(
        &self,
        account: &ObjectId,
        namespace: &ObjectId,
        key: &str,
        now: UnixMillis,
    ) -> Result<bool, KvError> {
        Ok(self.delete_many(account, namespace, vec![key.to_owned()], now)? > 0)
    }

    /// Removes entries, all or none: at most [`MAX_BULK`]. Says how many there were that had not expired. Safe from a
    /// power cut on return.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_many(
        &self,
        account: &ObjectId,
        namespace: &ObjectId,
        keys: Vec<String>,
        now: UnixMillis,
    ) -> Result<usize, KvError> {
        check_count(keys.len())?;
        keys.iter().try_for_each(|key| check_key(key))?;
        let (n, id) = (self.number(account, namespace)?, namespace.clone());
        self.0.db.change(move |db| {
            let (mut deleted, mut less) = (0, 0);
            let delete = "DELETE FROM entries WHERE namespace = ? AND key = ? RETURNING octets, expires";
            for key in &keys {
                let mut delete = db.prepare_cached(delete)?;
                let gone = delete.query_row(params![n, key.as_bytes()], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?))
                });
                if let Some((octets, expires)) = gone.optional()? {
                    less += octets;
                    deleted += usize::from(expires.is_none_or(|expires| expires > seconds(now)));
                }
            }
            grow(db, n, &id, -less, u64::MAX)?;
            Ok(deleted)
        })
    }
}

fn get(db: &Connection, n: i64, key: &str, now: UnixMillis) -> Result<Option<KvEntry>, KvError> {
    let select = "SELECT expires, metadata, value FROM entries
                  WHERE namespace = ? AND key = ? AND (expires IS NULL OR expires > ?)";
    let found = db.prepare_cached(select)?.query_row(params![n, key.as_bytes(), seconds(now)], |row| {
        let expiration = row.get::<_, Option<i64>>(0)?.map(i64::unsigned_abs);
        Ok(KvEntry { expiration, metadata: row.get(1)?, value: row.get(2)? })
    });
    Ok(found.optional()?)
}

/// Sets an entry; says how many octets more there are.
fn put(db: &Connection, n: i64, put: &KvPut) -> Result<i64, KvError> {
    let KvPut { key, value, metadata, expiration } = put;
    let octets = OVERHEAD + key.len() + value.len() + metadata.as_ref().map_or(0, String::len);
    let octets = crate::workers::database::number(octets);
    let expires = expiration.map(|expires| i64::try_from(expires).unwrap_or(i64::MAX));
    let old = "SELECT octets FROM entries WHERE namespace = ? AND key = ?";
    let old = db.prepare_cached(old)?.query_row(params![n, key.as_bytes()], |row| row.get::<_, i64>(0));
    let old = old.optional()?;
    let put = "INSERT INTO entries (namespace, key, octets, expires, metadata, value) VALUES (?, ?, ?, ?, ?, ?)
               ON CONFLICT (namespace, key) DO UPDATE SET
               octets = excluded.octets, expires = excluded.expires, metadata = excluded.metadata, value = excluded.value";
    db.prepare_cached(put)?.execute(params![n, key.as_bytes(), octets, expires, metadata, value])?;
    Ok(octets - old.unwrap_or_default())
}

/// Notes that a namespace has `more` octets, if it is there and its account has the room.
fn grow(db: &Connection, n: i64, id: &ObjectId, more: i64, most: u64) -> Result<(), KvError> {
    let grow = "UPDATE namespaces SET octets = octets + ? WHERE n = ? AND NOT removed RETURNING account";
    let account = db.prepare_cached(grow)?.query_row(params![more, n], |row| row.get::<_, String>(0));
    let account = account.optional()?.ok_or_else(|| KvError::NoNamespace(id.clone()))?;
    if more > 0 {
        let all = "SELECT sum(octets) FROM namespaces WHERE account = ?";
        let all: i64 = db.prepare_cached(all)?.query_row([account], |row| row.get(0))?;
        if all.unsigned_abs() > most {
            return Err(KvError::Full { what: "octets of keys and values", most });
        }
    }
    Ok(())
}

fn check(put: &KvPut, now: UnixMillis) -> Result<(), KvError> {
    check_key(&put.key)?;
    at_most("the value", put.value.len(), MAX_VALUE)?;
    if let Some(metadata) = &put.metadata {
        at_most("the metadata", metadata.len(), MAX_METADATA)?;
        if serde_json::from_str::<IgnoredAny>(metadata).is_err() {
            return Err(KvError::Invalid("the metadata is not JSON".to_owned()));
        }
    }
    match put.expiration {
        Some(expiration) if expiration < now.as_secs().saturating_add(MIN_EXPIRATION) => {
            Err(KvError::Invalid(format!(
                "an expiration of {expiration} is too early: it must be at least {MIN_EXPIRATION} seconds ahead"
            )))
        }
        _ => Ok(()),
    }
}

fn check_key(key: &str) -> Result<(), KvError> {
    match key {
        "" => Err(KvError::Invalid("a key must not be empty".to_owned())),
        "." | ".." => Err(KvError::Invalid(format!("{key:?} cannot be a key"))),
        _ => at_most("the key", key.len(), MAX_KEY),
    }
}

pub(super) fn at_most(what: &'static str, octets: usize, most: usize) -> Result<(), KvError> {
    if octets > most { Err(KvError::TooLong { what, octets, most }) } else { Ok(()) }
}

fn check_count(count: usize) -> Result<(), KvError> {
    if count > MAX_BULK {
        return Err(KvError::Invalid(format!("{count} keys are too many at a time: at most {MAX_BULK}")));
    }
    Ok(())
}

/// A time as entries have it.
pub(super) fn seconds(now: UnixMillis) -> i64 {
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}
