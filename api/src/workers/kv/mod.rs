//! `…/storage/kv/namespaces`: keys and values that Workers keep, from outside.

pub(super) mod bulk;
mod key;
pub(super) mod keys;
pub(super) mod namespaces;
pub(super) mod values;

use super::stored;
use crate::{answer::ApiError, delivery::blocking, server::AppState};
use mailwright_storage::{
    control::Account,
    workers::{KvError, KvNamespace, KvStore},
};
use std::sync::Arc;

/// The namespace of this id in an account.
fn found(state: &AppState, account: &Account, id: &str) -> Result<Arc<KvNamespace>, ApiError> {
    let namespace = id.parse().ok().and_then(|id| state.stores.kv.namespace(&account.id, &id));
    namespace.ok_or_else(ApiError::no_namespace)
}

/// Reads or changes what is kept. Waits for the disk, so not on the worker's thread.
async fn work<T: Send + 'static>(
    state: &AppState,
    work: impl FnOnce(&KvStore) -> Result<T, KvError> + Send + 'static,
) -> Result<T, ApiError> {
    let kv = state.stores.kv.clone();
    blocking(move || Ok(work(&kv)?)).await
}

impl From<KvError> for ApiError {
    fn from(error: KvError) -> Self {
        match error {
            KvError::NoNamespace(_) => Self::no_namespace(),
            // The number by which the service's tool knows it.
            KvError::Taken(_) => Self::name_taken(10014, "title", super::sentence(&error.to_string())),
            KvError::Invalid(_) | KvError::TooLong { .. } | KvError::Full { .. } => {
                Self::schema("", super::sentence(&error.to_string()))
            }
            KvError::Storage(error) => stored(&error),
        }
    }
}
