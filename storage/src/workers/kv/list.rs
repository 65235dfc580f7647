//! Lists of keys, in the order of their octets.

use super::{
    KvError, KvStore, MAX_KEY,
    entries::{at_most, seconds},
};
use crate::{control::ObjectId, cursor, workers::database::number};
use mailwright_engine::time::UnixMillis;
use rusqlite::params;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most keys of a page.
pub const MAX_LISTED: usize = 1_000;

/// Which keys are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KvList {
    /// What they begin with; may be empty.
    pub prefix: String,
    /// Most keys of a page, 1 to [`MAX_LISTED`]; `None` for that.
    pub limit: Option<usize>,
    /// The cursor of the page before.
    pub cursor: Option<String>,
}

/// A page of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvPage {
    /// The keys.
    pub keys: Vec<KvKey>,
    /// With what the next page is asked for; `None` after the last.
    pub cursor: Option<String>,
}

/// A key in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvKey {
    /// The key.
    pub name: String,
    /// The second since 1970 from which on its entry is gone.
    pub expiration: Option<u64>,
    /// What is said of its entry: JSON.
    pub metadata: Option<String>,
}

/// The key after which a page begins.
#[derive(Debug, Serialize, Deserialize)]
struct After(String);

impl After {
    fn read(text: &str) -> Result<Self, KvError> {
        cursor::read(text).map_err(|error| KvError::Invalid(error.to_string()))
    }
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        cursor::write(self, f)
    }
}

impl KvStore {
    /// A page of the keys of a namespace whose entries have not expired.
    ///
    /// # Errors
    /// [`KvError::NoNamespace`], [`KvError::Invalid`] or [`KvError::TooLong`] for what cannot be asked for; when they
    /// cannot be read.
    pub fn list(
        &self,
        account: &ObjectId,
        namespace: &ObjectId,
        list: &KvList,
        now: UnixMillis,
    ) -> Result<KvPage, KvError> {
        at_most("the prefix", list.prefix.len(), MAX_KEY)?;
        let limit = list.limit.unwrap_or(MAX_LISTED);
        if !(1..=MAX_LISTED).contains(&limit) {
            return Err(KvError::Invalid(format!("a page has 1 to {MAX_LISTED} keys, not {limit}")));
        }
        let after =
            list.cursor.as_deref().filter(|cursor| !cursor.is_empty()).map(After::read).transpose()?;
        let after = after.map(|After(key)| key).unwrap_or_default();
        let n = self.number(account, namespace)?;
        let mut keys = self.0.db.read(|db| {
            let select = "SELECT key, expires, metadata FROM entries
                          WHERE namespace = ?1 AND key >= ?2 AND key < ?3 AND key > ?4
                          AND (expires IS NULL OR expires > ?5) ORDER BY key LIMIT ?6";
            let (prefix, after) = (list.prefix.as_bytes(), after.as_bytes());
            let mut select = db.prepare_cached(select)?;
            let wanted = params![n, prefix, beyond(prefix), after, seconds(now), number(limit + 1)];
            let keys = select.query_map(wanted, |row| {
                Ok(KvKey {
                    name: String::from_utf8_lossy(&row.get::<_, Vec<u8>>(0)?).into_owned(),
                    expiration: row.get::<_, Option<i64>>(1)?.map(i64::unsigned_abs),
                    metadata: row.get(2)?,
                })
            })?;
            Ok::<_, KvError>(keys.collect::<rusqlite::Result<Vec<_>>>()?)
        })?;
        let more = keys.len() > limit;
        keys.truncate(limit);
        let last = keys.last().filter(|_| more);
        let cursor = last.map(|last| After(last.name.clone()).to_string());
        Ok(KvPage { keys, cursor })
    }
}

/// The first key that is behind all that begin with `prefix`. No octet of UTF-8 is 255.
fn beyond(prefix: &[u8]) -> Vec<u8> {
    let mut beyond = prefix.to_vec();
    beyond.push(u8::MAX);
    beyond
}
