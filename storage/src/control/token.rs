//! API tokens: who may do what. Of a secret only its hash is kept.

use super::{
    By, Control, ControlError, ObjectId,
    account::named,
    audit::Configured,
    not_found,
    secret::{hash_secret, random_secret},
};
use mailwright_engine::{class::Priority, time::UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::HashMap,
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// When each token was last used, as far as it was written down.
const USED: &str = "used/";
/// A token's use is written down no more often: what a power cut takes of it is at most so much.
const USED_EVERY: Duration = Duration::from_secs(300);

/// What a token lets its holder do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Send mail.
    Send,
    /// See how mail is routed.
    RoutingRead,
    /// Change how mail is routed.
    RoutingEdit,
    /// See the suppression list.
    SuppressionRead,
    /// Change the suppression list.
    SuppressionEdit,
    /// See what became of messages.
    AnalyticsRead,
    /// See Workers, what they keep, and what they say while they run.
    WorkersRead,
    /// Change Workers and what they keep.
    WorkersEdit,
    /// Everything in its account.
    Admin,
    /// Everything in every account, and the server itself.
    Operator,
}

impl Permission {
    /// Every permission. Clients know each by its place here: what is new comes last.
    pub const ALL: [Self; 10] = [
        Self::Send,
        Self::RoutingRead,
        Self::RoutingEdit,
        Self::SuppressionRead,
        Self::SuppressionEdit,
        Self::AnalyticsRead,
        Self::Admin,
        Self::Operator,
        Self::WorkersRead,
        Self::WorkersEdit,
    ];

    /// Its name: `suppression_read`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::RoutingRead => "routing_read",
            Self::RoutingEdit => "routing_edit",
            Self::SuppressionRead => "suppression_read",
            Self::SuppressionEdit => "suppression_edit",
            Self::AnalyticsRead => "analytics_read",
            Self::WorkersRead => "workers_read",
            Self::WorkersEdit => "workers_edit",
            Self::Admin => "admin",
            Self::Operator => "operator",
        }
    }

    /// Whether who has this may do what `other` is for.
    pub fn covers(self, other: Self) -> bool {
        match self {
            Self::Operator => true,
            Self::Admin => other != Self::Operator,
            Self::RoutingEdit => matches!(other, Self::RoutingEdit | Self::RoutingRead),
            Self::SuppressionEdit => matches!(other, Self::SuppressionEdit | Self::SuppressionRead),
            Self::WorkersEdit => matches!(other, Self::WorkersEdit | Self::WorkersRead),
            _ => self == other,
        }
    }
}

/// Text that is no [`Permission`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no permission; there are {names}", names = Permission::ALL.map(Permission::as_str).join(", "))]
pub struct InvalidPermission(String);

impl FromStr for Permission {
    type Err = InvalidPermission;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|permission| permission.as_str() == text);
        found.ok_or_else(|| InvalidPermission(text.chars().take(80).collect()))
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An API token; its secret is known to its holder only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its name to clients.
    pub id: ObjectId,
    /// Its name to people.
    pub name: String,
    /// Whose it is.
    pub account_id: ObjectId,
    /// What it is good for.
    pub permissions: Vec<Permission>,
    /// The zones it is good for; `None` for all of its account.
    #[serde(default)]
    pub zones: Option<Vec<ObjectId>>,
    /// SHA-256 of the secret, in hexadecimal digits. The secret has 238 bits of randomness, so a plain hash
    /// is as good as a slow one.
    pub hash: String,
    /// The secret before, while it is still good.
    #[serde(default)]
    pub previous: Option<PreviousSecret>,
    /// How urgent the mail it sends is when nobody says.
    #[serde(default)]
    pub priority: Priority,
    /// When it was made.
    pub created: UnixMillis,
    /// When it was last changed.
    #[serde(default)]
    pub modified: UnixMillis,
    /// When it begins to be good.
    #[serde(default)]
    pub not_before: Option<UnixMillis>,
    /// When it is good no more.
    #[serde(default)]
    pub expires: Option<UnixMillis>,
}

/// A secret that was replaced, and is good for a while so that its holders can change over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// As [`Token::hash`].
    pub hash: String,
    /// Until when it is good.
    pub until: UnixMillis,
}

impl Token {
    /// Whether the token is good for `permission` in `account_id`.
    pub fn allows(&self, permission: Permission, account_id: &str) -> bool {
        let is_mine =
            |granted: &Permission| *granted == Permission::Operator || self.account_id.as_str() == account_id;
        self.permissions.iter().any(|granted| granted.covers(permission) && is_mine(granted))
    }

    /// Whether its holder may know that there is an account `account_id`.
    pub fn sees(&self, account_id: &str) -> bool {
        self.account_id.as_str() == account_id || self.may_operate()
    }

    /// Whether it is good for what is in this zone, as far as its account allows.
    pub fn reaches(&self, zone_id: &ObjectId) -> bool {
        self.zones.as_ref().is_none_or(|zones| zones.contains(zone_id))
    }

    /// Whether its holder may operate the server: see and order whatever account's mail.
    pub fn may_operate(&self) -> bool {
        self.permissions.contains(&Permission::Operator)
    }

    /// Whether it is good at `now`.
    pub fn is_active(&self, now: UnixMillis) -> bool {
        self.not_before.is_none_or(|from| from <= now) && self.expires.is_none_or(|until| now < until)
    }

    /// Whether this is the hash of a secret that is good at `now`.
    pub(super) fn is_hash(&self, hash: &str, now: UnixMillis) -> bool {
        let previous = self.previous.as_ref();
        self.hash == hash || previous.is_some_and(|previous| previous.hash == hash && now < previous.until)
    }
}

impl Configured for Token {
    const TABLE: &'static str = "token/";
    const KIND: &'static str = "token";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn account_id(&self) -> Option<&ObjectId> {
        Some(&self.account_id)
    }

    fn shown(&self) -> Value {
        serde_json::json!({
            "id": self.id, "name": self.name, "permissions": self.permissions, "zones": self.zones,
            "priority": self.priority, "not_before": self.not_before, "expires": self.expires,
            "previous_secret_until": self.previous.as_ref().map(|previous| previous.until),
        })
    }
}

/// A token's secret, shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSecret(String);

impl TokenSecret {
    /// The secret itself, for its holder's eyes.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(…)")
    }
}

/// What a new token is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Whose it is.
    pub account_id: ObjectId,
    /// Its name to people.
    pub name: String,
    /// What it is good for; at least one.
    pub permissions: Vec<Permission>,
    /// The zones it is good for; `None` for all of its account.
    pub zones: Option<Vec<ObjectId>>,
    /// How urgent the mail it sends is when nobody says.
    pub priority: Priority,
    /// When it begins to be good.
    pub not_before: Option<UnixMillis>,
    /// When it is good no more.
    pub expires: Option<UnixMillis>,
}

impl NewToken {
    /// A token for all zones of an account and for ever.
    pub fn new(account_id: &ObjectId, name: &str, permissions: Vec<Permission>) -> Self {
        Self {
            account_id: account_id.clone(),
            name: name.to_owned(),
            permissions,
            zones: None,
            priority: Priority::default(),
            not_before: None,
            expires: None,
        }
    }
}

/// Tokens as they are looked up.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    by_id: HashMap<ObjectId, Known>,
    /// By every hash that may be good, be it of the secret before.
    by_hash: HashMap<String, ObjectId>,
}

/// A token and when it was used.
#[derive(Debug, Clone)]
struct Known {
    token: Arc<Token>,
    used: Arc<Used>,
}

#[derive(Debug, Default)]
pub(super) struct Used {
    last: AtomicU64,
    written: AtomicU64,
}

impl Tokens {
    pub(super) fn insert(&mut self, token: Arc<Token>) {
        let used = self.remove(&token.id).unwrap_or_default();
        self.by_hash.insert(token.hash.clone(), token.id.clone());
        if let Some(previous) = &token.previous {
            self.by_hash.insert(previous.hash.clone(), token.id.clone());
        }
        self.by_id.insert(token.id.clone(), Known { token, used });
    }

    pub(super) fn remove(&mut self, id: &ObjectId) -> Option<Arc<Used>> {
        let Known { token, used } = self.by_id.remove(id)?;
        self.by_hash.remove(&token.hash);
        if let Some(previous) = &token.previous {
            self.by_hash.remove(&previous.hash);
        }
        Some(used)
    }

    pub(super) fn set_used(&self, id: &ObjectId, at: u64) {
        if let Some(known) = self.by_id.get(id) {
            known.used.last.store(at, Relaxed);
            known.used.written.store(at, Relaxed);
        }
    }

    fn find(&self, hash: &str) -> Option<&Known> {
        self.by_id.get(self.by_hash.get(hash)?)
    }
}

impl Control {
    /// Makes a token; its secret is returned here and never again. Blocks for a sync.
    ///
    /// # Errors
    /// When its account or a zone of it is not there, it has no name or permission, or it cannot be stored.
    pub fn create_token(&self, new: NewToken, by: &By) -> Result<(Arc<Token>, TokenSecret), ControlError> {
        let secret = random_secret()?;
        let _changing = self.changing();
        self.check_token(&new)?;
        let token = Arc::new(Token {
            id: ObjectId::random()?,
            name: named(&new.name)?,
            account_id: new.account_id,
            permissions: new.permissions,
            zones: new.zones,
            hash: hash_secret(&secret),
            previous: None,
            priority: new.priority,
            created: by.at,
            modified: by.at,
            not_before: new.not_before,
            expires: new.expires,
        });
        self.change(by, None, Some(&*token))?;
        self.write(|state| state.tokens.insert(Arc::clone(&token)));
        Ok((token, TokenSecret(secret)))
    }

    fn check_token(&self, new: &NewToken) -> Result<(), ControlError> {
        if self.account(new.account_id.as_str()).is_none() {
            return Err(not_found("account", &new.account_id));
        }
        if new.permissions.is_empty() {
            return Err(ControlError::NoPermission);
        }
        let is_there =
            |id: &ObjectId| self.zone(id.as_str()).is_some_and(|zone| zone.account_id == new.account_id);
        match new.zones.iter().flatten().find(|id| !is_there(id)) {
            Some(missing) => Err(not_found("zone", missing)),
            None => Ok(()),
        }
    }

    /// Gives a token another secret, which is returned here and never again. The one before stays good for `overlap`,
    /// and the one before that not at all. Blocks for a sync.
    ///
    /// # Errors
    /// When there is no such token or it cannot be stored.
    pub fn roll_token(
        &self,
        id: &ObjectId,
        overlap: Duration,
        by: &By,
    ) -> Result<(Arc<Token>, TokenSecret), ControlError> {
        let secret = random_secret()?;
        let _changing = self.changing();
        let before = self.token(id).ok_or_else(|| not_found("token", id))?;
        let previous = PreviousSecret { hash: before.hash.clone(), until: by.at.saturating_add(overlap) };
        let after = Arc::new(Token {
            hash: hash_secret(&secret),
            previous: (!overlap.is_zero()).then_some(previous),
            modified: by.at,
            ..Token::clone(&before)
        });
        self.change(by, Some(&*before), Some(&*after))?;
        self.write(|state| state.tokens.insert(Arc::clone(&after)));
        Ok((after, TokenSecret(secret)))
    }

    /// Removes a token: it is good no more. Blocks for a sync.
    ///
    /// # Errors
    /// When there is no such token or that cannot be stored.
    pub fn delete_token(&self, id: &ObjectId, by: &By) -> Result<(), ControlError> {
        let _changing = self.changing();
        let token = self.token(id).ok_or_else(|| not_found("token", id))?;
        self.change(by, Some(&*token), None)?;
        self.write(|state| state.tokens.remove(id));
        Ok(())
    }

    /// The token that this is the secret of, if it is good at `now`; counts as its use.
    pub fn authenticate(&self, secret: &str, now: UnixMillis) -> Option<Arc<Token>> {
        let hash = hash_secret(secret);
        let Known { token, used } = self.read(|state| state.tokens.find(&hash).cloned())?;
        if !token.is_active(now) || !token.is_hash(&hash, now) {
            return None;
        }
        self.note_use(&token.id, &used, now);
        Some(token)
    }

    /// Counts a use of the token with this id.
    pub(super) fn use_token(&self, id: &ObjectId, now: UnixMillis) {
        if let Some(used) = self.read(|state| state.tokens.by_id.get(id).map(|known| Arc::clone(&known.used)))
        {
            self.note_use(id, &used, now);
        }
    }

    fn note_use(&self, id: &ObjectId, used: &Used, now: UnixMillis) {
        used.last.fetch_max(now.as_millis(), Relaxed);
        let written = used.written.load(Relaxed);
        let is_due = now.since(UnixMillis::new(written)) >= USED_EVERY;
        // Whoever comes first writes; nobody waits for it.
        if is_due && used.written.compare_exchange(written, now.as_millis(), Relaxed, Relaxed).is_ok() {
            let stored = self.db.insert(format!("{USED}{id}"), &now.as_millis().to_be_bytes());
            if let Err(error) = stored {
                tracing::warn!(%error, "the use of a token was not written down");
            }
        }
    }

    /// When each token was used, as it was written down.
    pub(super) fn read_uses(&self) {
        for item in self.db.scan_prefix(USED).flatten() {
            let (key, value) = item;
            let id = std::str::from_utf8(&key[USED.len()..]).ok().and_then(|id| id.parse().ok());
            let at = <[u8; 8]>::try_from(&*value).map(u64::from_be_bytes);
            if let (Some(id), Ok(at)) = (id, at) {
                self.read(|state| state.tokens.set_used(&id, at));
            }
        }
    }

    /// The token with this id.
    pub fn token(&self, id: &ObjectId) -> Option<Arc<Token>> {
        self.read(|state| state.tokens.by_id.get(id).map(|known| Arc::clone(&known.token)))
    }

    /// When a token was last used, to within five minutes over a restart; `None` if it never was.
    pub fn last_used(&self, id: &ObjectId) -> Option<UnixMillis> {
        let at = self.read(|state| state.tokens.by_id.get(id).map(|known| known.used.last.load(Relaxed)))?;
        (at > 0).then(|| UnixMillis::new(at))
    }

    /// Every token, oldest first.
    pub fn tokens(&self) -> Vec<Arc<Token>> {
        let mut tokens: Vec<_> =
            self.read(|state| state.tokens.by_id.values().map(|known| Arc::clone(&known.token)).collect());
        tokens.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
        tokens
    }
}
