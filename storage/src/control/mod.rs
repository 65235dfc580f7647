//! Control data: few, precious and read on every request.
//!
//! Everything is in memory; sled keeps it over restarts, as JSON so that later versions can add fields. A
//! write returns after sled has written and the file is synced here, because sled's own flush does not
//! survive a power cut.

mod kept;
mod model;
mod source_days;
mod suspension;

pub use kept::StoredReroute;
pub use model::{Account, ObjectId, Permission, SendingDomain, StoredKey, Token, TokenSecret, Zone};
pub use source_days::SourceDay;
pub use suspension::{InvalidScope, Suspension, SuspensionScope};

use crate::{error::StorageError, queue::store::open_unlocked};
use mailwright_engine::{
    address::{AddressError, Domain},
    class::{Priority, SourceName},
    dkim::{DkimError, DkimKey},
    time::UnixMillis,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

/// Octets of a token's secret: 40 letters and digits.
const SECRET_LEN: usize = 40;
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
    /// The system gave no randomness.
    #[error("the system's random number generator failed")]
    Randomness,
}

#[derive(Debug, Default)]
struct State {
    accounts: HashMap<ObjectId, Account>,
    zones: HashMap<ObjectId, Zone>,
    sending: HashMap<Domain, Arc<SendingDomain>>,
    tokens_by_hash: HashMap<String, Arc<Token>>,
    suspensions: BTreeMap<SuspensionScope, Suspension>,
    /// What each source sent, by day.
    sent: BTreeMap<(u64, SourceName), u64>,
}

/// The control data.
#[derive(Debug)]
pub struct Control {
    db: sled::Db,
    dir: PathBuf,
    state: RwLock<State>,
}

impl Control {
    /// Opens the control data in `dir`.
    ///
    /// # Errors
    /// When the database does not open or a record does not read.
    pub fn open(dir: &Path) -> Result<Self, ControlError> {
        let config = sled::Config::new().path(dir).cache_capacity(CACHE).flush_every_ms(None);
        let db = open_unlocked(|| config.open().map_err(database))?;
        let mut state = State::default();
        for account in table::<Account>(&db, "account/")? {
            state.accounts.insert(account.id.clone(), account);
        }
        for zone in table::<Zone>(&db, "zone/")? {
            state.zones.insert(zone.id.clone(), zone);
        }
        for sending in table::<SendingDomain>(&db, "sending/")? {
            state.sending.insert(sending.name.clone(), Arc::new(sending));
        }
        for token in table::<Token>(&db, "token/")? {
            state.tokens_by_hash.insert(token.hash.clone(), Arc::new(token));
        }
        for suspension in table::<Suspension>(&db, suspension::TABLE)? {
            state.suspensions.insert(suspension.scope.clone(), suspension);
        }
        for SourceDay { source, day, sent } in table(&db, source_days::TABLE)? {
            state.sent.insert((day, source), sent);
        }
        Ok(Self { db, dir: dir.to_path_buf(), state: RwLock::new(state) })
    }

    /// Makes an account.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn create_account(&self, name: &str, now: UnixMillis) -> Result<Account, ControlError> {
        let account = Account { id: ObjectId::random()?, name: name.to_owned(), created: now };
        self.store("account/", account.id.as_str(), &account)?;
        self.write(|state| state.accounts.insert(account.id.clone(), account.clone()));
        Ok(account)
    }

    /// Makes a zone of an account.
    ///
    /// # Errors
    /// When the domain is a zone already, there is no such account or it cannot be stored.
    pub fn create_zone(
        &self,
        account: &ObjectId,
        name: Domain,
        now: UnixMillis,
    ) -> Result<Zone, ControlError> {
        if !self.read(|state| state.accounts.contains_key(account)) {
            return Err(not_found("account", account));
        }
        if self.read(|state| state.zones.values().any(|zone| zone.name == name)) {
            return Err(ControlError::Taken(name));
        }
        let zone = Zone { id: ObjectId::random()?, account_id: account.clone(), name, created: now };
        self.store("zone/", zone.id.as_str(), &zone)?;
        self.write(|state| state.zones.insert(zone.id.clone(), zone.clone()));
        Ok(zone)
    }

    /// Sets a zone's own domain up for sending, with an RSA and an Ed25519 key of its own.
    ///
    /// # Errors
    /// When it is set up already, there is no such zone, keys cannot be made or it cannot be stored.
    pub fn enable_sending(
        &self,
        zone_id: &ObjectId,
        now: UnixMillis,
    ) -> Result<Arc<SendingDomain>, ControlError> {
        let zone =
            self.read(|state| state.zones.get(zone_id).cloned()).ok_or_else(|| not_found("zone", zone_id))?;
        if self.sending_domain(&zone.name).is_some() {
            return Err(ControlError::Taken(zone.name));
        }
        let sending = Arc::new(SendingDomain {
            tag: ObjectId::random()?,
            return_path_domain: Domain::parse(&format!("cf-bounce.{}", zone.name))?,
            keys: vec![
                stored_key("mw-rsa", &DkimKey::generate_rsa_2048()?)?,
                stored_key("mw-ed25519", &DkimKey::generate_ed25519()?)?,
            ],
            zone_id: zone.id,
            account_id: zone.account_id,
            name: zone.name,
            enabled: true,
            created: now,
            modified: now,
        });
        self.store("sending/", sending.tag.as_str(), &*sending)?;
        self.write(|state| state.sending.insert(sending.name.clone(), Arc::clone(&sending)));
        Ok(sending)
    }

    /// Makes a token, whose mail is of `priority` when nobody says; its secret is returned here and never again.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn create_token(
        &self,
        account: &ObjectId,
        name: &str,
        permissions: Vec<Permission>,
        priority: Priority,
        now: UnixMillis,
    ) -> Result<(Arc<Token>, TokenSecret), ControlError> {
        let secret = random_secret()?;
        let token = Arc::new(Token {
            id: ObjectId::random()?,
            name: name.to_owned(),
            account_id: account.clone(),
            permissions,
            hash: hash_secret(&secret),
            priority,
            created: now,
        });
        self.store("token/", token.id.as_str(), &*token)?;
        self.write(|state| state.tokens_by_hash.insert(token.hash.clone(), Arc::clone(&token)));
        Ok((token, TokenSecret::new(secret)))
    }

    /// The token with this secret.
    pub fn authenticate(&self, secret: &str) -> Option<Arc<Token>> {
        self.read(|state| state.tokens_by_hash.get(&hash_secret(secret)).cloned())
    }

    /// The domain as it is set up for sending.
    pub fn sending_domain(&self, name: &Domain) -> Option<Arc<SendingDomain>> {
        self.read(|state| state.sending.get(name).cloned())
    }

    /// Whether any domain is set up for sending.
    pub fn has_sending_domains(&self) -> bool {
        self.read(|state| !state.sending.is_empty())
    }

    /// The account with this id.
    pub fn account(&self, id: &str) -> Option<Account> {
        self.read(|state| state.accounts.values().find(|account| account.id.as_str() == id).cloned())
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

fn stored_key(selector: &str, key: &DkimKey) -> Result<StoredKey, ControlError> {
    Ok(StoredKey {
        selector: selector.to_owned(),
        algorithm: key.algorithm(),
        pkcs8: data_encoding::BASE64.encode(&key.to_pkcs8_der()?),
        public_record: key.public_record()?,
    })
}

impl StoredKey {
    /// The key pair itself.
    ///
    /// # Errors
    /// When the stored octets are not a key.
    pub fn key(&self) -> Result<DkimKey, ControlError> {
        let der = data_encoding::BASE64
            .decode(self.pkcs8.as_bytes())
            .map_err(|e| StorageError::format("signing key", e))?;
        Ok(DkimKey::from_pkcs8_der(self.algorithm, &der)?)
    }
}

fn database(error: sled::Error) -> StorageError {
    StorageError::database("control", error)
}

fn not_found(kind: &'static str, id: &ObjectId) -> ControlError {
    ControlError::NotFound { kind, id: id.as_str().to_owned() }
}

fn hash_secret(secret: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret.as_bytes());
    data_encoding::HEXLOWER.encode(digest.as_ref())
}

/// `N` octets from the system's generator.
fn random_bytes<const N: usize>() -> Result<[u8; N], ControlError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ControlError::Randomness)?;
    Ok(bytes)
}

/// A secret of [`SECRET_LEN`] letters and digits, every one equally likely.
fn random_secret() -> Result<String, ControlError> {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut secret = String::with_capacity(SECRET_LEN);
    while secret.len() < SECRET_LEN {
        let octets = random_bytes::<64>()?;
        // 248 is the largest multiple of 62 in an octet: what is above would favour the first letters.
        let letters = octets.iter().filter(|b| **b < 248).map(|b| char::from(ALPHABET[usize::from(b % 62)]));
        secret.extend(letters.take(SECRET_LEN - secret.len()));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests;
