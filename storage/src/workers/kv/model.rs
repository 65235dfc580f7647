//! What is said of keys and values.

use crate::{control::ObjectId, error::StorageError, workers::database::failed};
use mailwright_engine::time::UnixMillis;

/// Most octets of a key.
pub const MAX_KEY: usize = 512;
/// Most octets of a value.
pub const MAX_VALUE: usize = 25 << 20;
/// Most octets of metadata.
pub const MAX_METADATA: usize = 1_024;
/// The least number of seconds for which an entry is kept, if not for ever.
pub const MIN_EXPIRATION: u64 = 60;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KvSettings {
    /// Most octets of all entries of an account.
    pub account_octets: u64,
}

impl Default for KvSettings {
    fn default() -> Self {
        Self { account_octets: 10 << 30 }
    }
}

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvNamespace {
    /// Its name to clients and in bindings.
    pub id: ObjectId,
    /// Whose it is.
    pub account: ObjectId,
    /// Its name to people, once in an account.
    pub title: String,
    /// When it was made.
    pub created: UnixMillis,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvEntry {
    /// Its value.
    pub value: Vec<u8>,
    /// What is said of it: JSON.
    pub metadata: Option<String>,
    /// The second since 1970 from which on it is gone.
    pub expiration: Option<u64>,
}

/// An entry to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvPut {
    /// Its key: 1 to [`MAX_KEY`] octets, neither `.` nor `..`.
    pub key: String,
    /// Its value, at most [`MAX_VALUE`] octets.
    pub value: Vec<u8>,
    /// What is said of it: JSON of at most [`MAX_METADATA`] octets.
    pub metadata: Option<String>,
    /// The second since 1970 from which on it is gone, at least [`MIN_EXPIRATION`] ahead.
    pub expiration: Option<u64>,
}

/// Why keys and values cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KvError {
    /// The database refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// No such namespace, or that of another account.
    #[error("there is no KV namespace {0}")]
    NoNamespace(ObjectId),
    /// Another namespace of the account has the title.
    #[error("the account has a KV namespace of the title {0:?} already")]
    Taken(String),
    /// What is given cannot be stored or asked for.
    #[error("{0}")]
    Invalid(String),
    /// What is given is longer than it may be.
    #[error("{what} has {octets} octets, of at most {most}")]
    TooLong {
        /// What: the key, the value, the metadata.
        what: &'static str,
        /// Its octets.
        octets: usize,
        /// How many it may have.
        most: usize,
    },
    /// There are as many as there may be.
    #[error("the account has {most} {what}, as many as it may have")]
    Full {
        /// What there are so many of.
        what: &'static str,
        /// How many.
        most: u64,
    },
}

impl From<rusqlite::Error> for KvError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(failed(super::SCHEMA.name, &error))
    }
}

impl KvError {
    /// This, where only storage can fail.
    pub(super) fn into_storage(self) -> StorageError {
        match self {
            Self::Storage(error) => error,
            error => StorageError::format("KV namespace", error),
        }
    }
}
