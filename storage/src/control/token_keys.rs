//! The keys of return-path addresses, hosted unsubscribe links and complaint ids.
//!
//! There is always one: the first opening of the control data makes it. Later ones take over as time goes by, and those
//! before them are believed for as long as something made with them may come back.

use super::{By, Control, ControlError, ObjectId, audit::Configured, random_bytes};
use crate::error::StorageError;
use mailwright_engine::{
    return_path::token::{TokenKey, TokenKeys},
    time::UnixMillis,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const TABLE: &str = "token_keys/";
/// There is one set of them.
const ID: &str = "return_path";
/// Octets of a key: as many as the hash of HMAC-SHA256 has.
const KEY_OCTETS: usize = 32;

/// How long keys are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenKeyRules {
    /// How long a key makes tokens; zero for ever.
    pub lifetime: Duration,
    /// How long a key is believed once another has taken over.
    pub memory: Duration,
}

impl Default for TokenKeyRules {
    /// A new key each year; what the old one made is good for ten years, since links in old mail must still work.
    fn default() -> Self {
        let year = Duration::from_secs(365 * 86_400);
        Self { lifetime: year, memory: 10 * year }
    }
}

/// A key as it is stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredTokenKey {
    /// The octets, in base64. Secret.
    secret: String,
    /// Since when it makes tokens.
    since: UnixMillis,
}

impl StoredTokenKey {
    fn random(since: UnixMillis) -> Result<Self, ControlError> {
        Ok(Self { secret: data_encoding::BASE64.encode(&random_bytes::<KEY_OCTETS>()?), since })
    }

    fn key(&self) -> Result<TokenKey, StorageError> {
        let octets = data_encoding::BASE64.decode(self.secret.as_bytes());
        let octets = octets.map_err(|error| StorageError::format("token key", error))?;
        TokenKey::new(&octets).map_err(|error| StorageError::format("token key", error))
    }
}

/// The keys, the newest first; never empty.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredTokenKeys {
    keys: Vec<StoredTokenKey>,
}

impl StoredTokenKeys {
    fn to_keys(&self) -> Result<TokenKeys, StorageError> {
        let mut keys = self.keys.iter().map(StoredTokenKey::key);
        let missing = || StorageError::format("token keys", "there is none");
        let first = keys.next().ok_or_else(missing)??;
        Ok(TokenKeys::new(first, keys.collect::<Result<_, _>>()?))
    }

    /// What is to be kept at `now`, with a new key if the first is too old.
    fn renewed(&self, rules: &TokenKeyRules, now: UnixMillis) -> Result<Self, ControlError> {
        let is_old = |key: &StoredTokenKey| {
            !rules.lifetime.is_zero() && now >= key.since.saturating_add(rules.lifetime)
        };
        let mut keys = self.keys.clone();
        if keys.first().is_none_or(is_old) {
            keys.insert(0, StoredTokenKey::random(now)?);
        }
        // A key is believed from when the one before it in the list took over.
        let successors: Vec<_> = keys.iter().map(|key| key.since).collect();
        let mut at = successors.into_iter();
        let mut replaced = None;
        keys.retain(|_| {
            let since = std::mem::replace(&mut replaced, at.next());
            since.is_none_or(|since| now < since.saturating_add(rules.memory))
        });
        Ok(Self { keys })
    }
}

impl Configured for StoredTokenKeys {
    const TABLE: &'static str = TABLE;
    const KIND: &'static str = "token_keys";

    fn id(&self) -> String {
        ID.to_owned()
    }

    fn account_id(&self) -> Option<&ObjectId> {
        None
    }

    fn shown(&self) -> Value {
        json!({ "since": self.keys.iter().map(|key| key.since).collect::<Vec<_>>() })
    }
}

/// The keys as they are stored and as they are used.
pub(super) struct KeptTokenKeys {
    stored: StoredTokenKeys,
    keys: Arc<TokenKeys>,
}

impl KeptTokenKeys {
    fn of(stored: StoredTokenKeys) -> Result<Self, ControlError> {
        let keys = Arc::new(stored.to_keys()?);
        Ok(Self { stored, keys })
    }

    /// What is stored in `db`; `None` if nothing is.
    pub(super) fn read(db: &sled::Db) -> Result<Option<Self>, ControlError> {
        super::table::<StoredTokenKeys>(db, TABLE)?.into_iter().next().map(Self::of).transpose()
    }

    /// The very first.
    pub(super) fn first() -> Result<Self, ControlError> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since = UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or(0));
        Self::of(StoredTokenKeys { keys: vec![StoredTokenKey::random(since)?] })
    }
}

impl fmt::Debug for KeptTokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptTokenKeys").field("keys", &self.stored.keys.len()).finish_non_exhaustive()
    }
}

impl Control {
    /// The keys of return-path addresses, unsubscribe links and complaint ids.
    pub fn token_keys(&self) -> Arc<TokenKeys> {
        self.read(|state| Arc::clone(&state.token_keys.keys))
    }

    /// Stores the very first, which nobody has used yet. Blocks for a sync.
    pub(super) fn store_first_token_keys(&self) -> Result<(), ControlError> {
        self.store(TABLE, ID, &self.read(|state| state.token_keys.stored.clone()))
    }

    /// Has a new key take over from one that has served its time, and forgets those that are believed no more. Whether
    /// there was anything to do comes back. Blocks for a sync if there was.
    ///
    /// # Errors
    /// When a key cannot be made or stored; then all is as it was.
    pub fn renew_token_keys(&self, rules: &TokenKeyRules, by: &By) -> Result<bool, ControlError> {
        let _changing = self.changing();
        let before = self.read(|state| state.token_keys.stored.clone());
        let after = before.renewed(rules, by.at)?;
        if after == before {
            return Ok(false);
        }
        let kept = KeptTokenKeys::of(after)?;
        self.change(by, Some(&before), Some(&kept.stored))?;
        self.write(|state| state.token_keys = kept);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_engine::{
        id::QueueId,
        return_path::token::{ComplaintId, MessageRef, TokenError},
    };

    const DAY: Duration = Duration::from_secs(86_400);
    const RULES: TokenKeyRules =
        TokenKeyRules { lifetime: Duration::from_secs(86_400), memory: Duration::from_secs(2 * 86_400) };

    fn id() -> ComplaintId {
        ComplaintId(MessageRef { id: QueueId::from_raw(7), recipient: None })
    }

    fn since(control: &Control) -> UnixMillis {
        control.read(|state| state.token_keys.stored.keys[0].since)
    }

    #[test]
    fn a_restart_keeps_the_key_of_the_first_start() {
        let dir = tempfile::tempdir().unwrap();
        let made = id().to_text(&Control::open(dir.path()).unwrap().token_keys());
        let control = Control::open(dir.path()).unwrap();
        assert_eq!(ComplaintId::read(&made, &control.token_keys()), Ok(id()));
    }

    #[test]
    fn a_new_key_takes_over_and_the_old_one_is_believed_for_a_while() {
        let dir = tempfile::tempdir().unwrap();
        let control = Control::open(dir.path()).unwrap();
        let made = id().to_text(&control.token_keys());
        let renew = |control: &Control, days: u32| {
            control.renew_token_keys(&RULES, &By::server(since(control).saturating_add(DAY * days))).unwrap()
        };
        assert!(!renew(&control, 0) && renew(&control, 1));
        assert_ne!(id().to_text(&control.token_keys()), made);
        drop(control);

        let control = Control::open(dir.path()).unwrap();
        assert_eq!(ComplaintId::read(&made, &control.token_keys()), Ok(id()));
        assert!(renew(&control, 1) && renew(&control, 1));
        assert_eq!(ComplaintId::read(&made, &control.token_keys()), Err(TokenError::Forged));
    }

    #[test]
    fn keys_are_on_record_without_their_secrets() {
        let dir = tempfile::tempdir().unwrap();
        let control = Control::open(dir.path()).unwrap();
        let at = since(&control).saturating_add(DAY);
        control.renew_token_keys(&RULES, &By::server(at)).unwrap();
        let (records, _) = control.audit_log(&super::super::AuditFilter::default(), 0, 10).unwrap();
        let secret = control.read(|state| state.token_keys.stored.keys[0].secret.clone());
        let told = serde_json::to_string(&records).unwrap();
        assert!(told.contains("token_keys") && !told.contains(&secret), "{told}");
        assert!(!format!("{control:?}").contains(&secret));
    }
}
