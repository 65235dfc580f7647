//! Control data: few, precious and read on every request.
//!
//! Everything but the audit log is in memory; sled keeps it over restarts, as JSON so that later versions can add
//! fields. A write returns after sled has written and the file is synced here, because sled's own flush does not
//! survive a power cut. Who changes the configuration does so one after the other, and leaves an [`AuditRecord`].

mod account;
mod audit;
mod destination;
mod dmarc_reports;
mod id;
mod kept;
mod limits;
mod routing;
mod secret;
mod sending;
mod session;
mod source_days;
mod suspension;
mod token;
mod token_keys;
mod webhook;
mod zone;

pub use account::Account;
pub use audit::{Action, Actor, AuditFilter, AuditRecord, By, Noted};
pub use destination::{DestinationAddress, LinkSecret, VerificationLink};
pub use dmarc_reports::DmarcReports;
pub use id::{InvalidId, ObjectId};
pub use kept::StoredReroute;
pub use limits::AccountLimits;
pub use routing::{
    Matched, Route, RouteAction, RoutedSubdomain, RoutingRule, RoutingZone, RuleDraft, RuleError,
    RuleMatcher, RuleSource,
};
pub use sending::{KeyStage, NewSendingDomain, SenderError, SendingDomain, SendingNames, StoredKey};
pub use session::{SESSION_LONGEST, SessionSecret};
pub use source_days::SourceDay;
pub use suspension::{InvalidScope, Suspension, SuspensionScope};
pub use token::{InvalidPermission, NewToken, Permission, PreviousSecret, Token, TokenSecret};
pub use token_keys::TokenKeyRules;
pub use webhook::{NewWebhook, SigningSecret, Webhook, WebhookChange, WebhookState};
pub use zone::Zone;

use crate::{error::StorageError, queue::store::open_unlocked};
use destination::Destinations;
use mailwright_engine::{
    address::{AddressError, Domain},
    class::{SourceName, TenantName},
    dkim::DkimError,
};
use routing::Routing;
use secret::random_bytes;
use sending::SendingDomains;
use serde::{Serialize, de::DeserializeOwned};
use session::Sessions;
use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, atomic::AtomicU64},
};
use token::Tokens;
use token_keys::KeptTokenKeys;

/// sled's page cache for control data, in octets.
const CACHE: u64 = 2 << 20;

/// Why control data could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The database or file system refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The domain belongs to somebody already.
    #[error("{0} is already set up")]
    Taken(Domain),
    /// An address, where a domain name is needed.
    #[error("{0} is an address; a zone is a domain name")]
    NoName(Domain),
    /// The domain is not in the zone.
    #[error("{name} is not in the zone {zone}")]
    OutsideZone {
        /// The domain.
        name: Domain,
        /// The zone.
        zone: Domain,
    },
    /// Something depends on it.
    #[error("{0}")]
    InUse(String),
    /// A name for people is empty, too long or not printable.
    #[error("a name has 1 to {max} printable characters", max = Account::MAX_NAME)]
    Name,
    /// A token that is good for nothing.
    #[error("a token needs at least one permission")]
    NoPermission,
    /// No such object.
    #[error("there is no {kind} {id}")]
    NotFound {
        /// What kind of object.
        kind: &'static str,
        /// Its id as given.
        id: String,
    },
    /// A signing key could not be made or read.
    #[error(transparent)]
    Key(#[from] DkimError),
    /// A derived domain name is not valid.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A rule of routing cannot be.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// The account has as many as it may.
    #[error("the account has {most} {what}, as many as it may have")]
    Full {
        /// What it has so many of.
        what: &'static str,
        /// How many.
        most: usize,
    },
    /// The system gave no randomness.
    #[error("the system's random number generator failed")]
    Randomness,
}

#[derive(Debug)]
struct State {
    accounts: HashMap<ObjectId, Account>,
    zones: HashMap<ObjectId, Zone>,
    sending: SendingDomains,
    tokens: Tokens,
    suspensions: BTreeMap<SuspensionScope, Suspension>,
    /// What each source sent, by day.
    sent: BTreeMap<(u64, SourceName), u64>,
    destinations: Destinations,
    routing: Routing,
    /// The zones whose owners want reports, by what the addresses for them begin with.
    reported_zones: HashMap<ObjectId, ObjectId>,
    /// What accounts may send, where it was set.
    limits: HashMap<TenantName, Arc<AccountLimits>>,
    /// The endpoints of each account that has any, the oldest first.
    webhooks: HashMap<TenantName, Vec<Arc<Webhook>>>,
    token_keys: KeptTokenKeys,
    sessions: Sessions,
}

impl State {
    /// Nothing but keys.
    fn new(token_keys: KeptTokenKeys) -> Self {
        Self {
            accounts: HashMap::new(),
            zones: HashMap::new(),
            sending: SendingDomains::default(),
            tokens: Tokens::default(),
            suspensions: BTreeMap::new(),
            sent: BTreeMap::new(),
            destinations: Destinations::default(),
            routing: Routing::default(),
            reported_zones: HashMap::new(),
            limits: HashMap::new(),
            webhooks: HashMap::new(),
            token_keys,
            sessions: Sessions::default(),
        }
    }
}

/// The control data.
#[derive(Debug)]
pub struct Control {
    db: sled::Db,
    dir: PathBuf,
    state: RwLock<State>,
    /// Held by whoever changes the configuration, from what he looks at to what he stores.
    changes: Mutex<()>,
    /// The place of the last change on record; changed under `changes`.
    recorded: AtomicU64,
}

impl Control {
    /// Opens the control data in `dir`.
    ///
    /// # Errors
    /// When the database does not open or a record does not read.
    pub fn open(dir: &Path) -> Result<Self, ControlError> {
        let config = sled::Config::new().path(dir).cache_capacity(CACHE).flush_every_ms(None);
        let db = open_unlocked(|| config.open().map_err(database))?;
        let stored_keys = KeptTokenKeys::read(&db)?;
        let has_keys = stored_keys.is_some();
        let mut state = State::new(stored_keys.map_or_else(KeptTokenKeys::first, Ok)?);
        for account in table::<Account>(&db, "account/")? {
            state.accounts.insert(account.id.clone(), account);
        }
        for zone in table::<Zone>(&db, "zone/")? {
            state.zones.insert(zone.id.clone(), zone);
        }
        for sending in table::<SendingDomain>(&db, "sending/")? {
            state.sending.insert(Arc::new(sending));
        }
        for token in table::<Token>(&db, "token/")? {
            state.tokens.insert(Arc::new(token));
        }
        for suspension in table::<Suspension>(&db, suspension::TABLE)? {
            state.suspensions.insert(suspension.scope.clone(), suspension);
        }
        for SourceDay { source, day, sent } in table(&db, source_days::TABLE)? {
            state.sent.insert((day, source), sent);
        }
        for webhook in table::<Webhook>(&db, webhook::TABLE)? {
            state.put_webhook(Arc::new(webhook));
        }
        for limits in table::<AccountLimits>(&db, limits::TABLE)? {
            state.put_limits(Arc::new(limits));
        }
        for address in table::<DestinationAddress>(&db, destination::TABLE)? {
            state.destinations.insert(Arc::new(address));
        }
        for zone in table::<RoutingZone>(&db, routing::ZONES)? {
            state.routing.put_zone(Arc::new(zone));
        }
        for rule in table::<RoutingRule>(&db, routing::RULES)? {
            state.routing.put_rule(Arc::new(rule));
        }
        for reports in table::<DmarcReports>(&db, dmarc_reports::TABLE)? {
            state.put_reports(&reports);
        }
        for session in table(&db, session::TABLE)? {
            state.sessions.insert(session);
        }
        let recorded = AtomicU64::new(audit::last_place(&db)?);
        let (dir, state) = (dir.to_path_buf(), RwLock::new(state));
        let control = Self { db, dir, state, changes: Mutex::default(), recorded };
        control.read_uses();
        if !has_keys {
            control.store_first_token_keys()?;
        }
        Ok(control)
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, write: impl FnOnce(&mut State) -> T) -> T {
        write(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Stores one object, safe from a power cut on return.
    fn store(&self, table: &str, id: &str, value: &impl Serialize) -> Result<(), ControlError> {
        let mut batch = sled::Batch::default();
        put(&mut batch, table, id, value)?;
        self.commit(batch)
    }

    /// Puts down what was only kept so far ([`keep`](Self::keep), uses of tokens): to be called when the process stops,
    /// since other threads may hold the control data to its very end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&self) -> Result<(), ControlError> {
        self.commit(sled::Batch::default())
    }

    /// Makes changes together, safe from a power cut on return.
    fn commit(&self, batch: sled::Batch) -> Result<(), ControlError> {
        self.db.apply_batch(batch).map_err(database)?;
        self.db.flush().map_err(database)?;
        let file = self.dir.join("db");
        File::open(&file).and_then(|db| db.sync_all()).map_err(|e| StorageError::io("sync", &file, e))?;
        Ok(())
    }
}

fn put(batch: &mut sled::Batch, table: &str, id: &str, value: &impl Serialize) -> Result<(), StorageError> {
    batch.insert(format!("{table}{id}").as_str(), encode(value)?);
    Ok(())
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>, StorageError> {
    serde_json::to_vec(value).map_err(|e| StorageError::format("control record", e))
}

fn table<T: DeserializeOwned>(db: &sled::Db, prefix: &str) -> Result<Vec<T>, ControlError> {
    let mut rows = Vec::new();
    for item in db.scan_prefix(prefix) {
        let (_, value) = item.map_err(database)?;
        rows.push(serde_json::from_slice(&value).map_err(|e| StorageError::format("control record", e))?);
    }
    Ok(rows)
}

fn database(error: sled::Error) -> StorageError {
    StorageError::database("control", error)
}

fn not_found(kind: &'static str, id: &ObjectId) -> ControlError {
    ControlError::NotFound { kind, id: id.as_str().to_owned() }
}

#[cfg(test)]
mod tests;
