//! Domains that are set up for sending, and their keys.

use super::{By, Control, ControlError, ObjectId, Token, Zone, audit::Configured, not_found};
use crate::error::StorageError;
use mailwright_engine::{
    address::Domain,
    dkim::{DkimKey, KeyAlgorithm},
    time::UnixMillis,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

/// How far a signing key has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStage {
    /// It is to be published, and signs once it was found to be.
    Waiting,
    /// It signs.
    #[default]
    Signing,
    /// It signs no more; mail it signed is still under way, so its record stays.
    Retiring,
}

/// A DKIM key pair as it is stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKey {
    /// The selector it is published under.
    pub selector: String,
    /// Which algorithm it is for.
    pub algorithm: KeyAlgorithm,
    /// PKCS#8, DER in base64. Secret.
    pub pkcs8: String,
    /// The TXT record to publish at `<selector>._domainkey.<domain>`.
    pub public_record: String,
    /// How far it has come.
    #[serde(default)]
    pub stage: KeyStage,
    /// Since when it is at that stage.
    #[serde(default)]
    pub since: UnixMillis,
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredKey")
            .field("selector", &self.selector)
            .field("algorithm", &self.algorithm)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

impl StoredKey {
    pub(super) fn of(
        selector: &str,
        key: &DkimKey,
        stage: KeyStage,
        since: UnixMillis,
    ) -> Result<Self, ControlError> {
        Ok(Self {
            selector: selector.to_owned(),
            algorithm: key.algorithm(),
            pkcs8: data_encoding::BASE64.encode(&key.to_pkcs8_der()?),
            public_record: key.public_record()?,
            stage,
            since,
        })
    }

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

/// A domain set up for sending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendingDomain {
    /// Its name to clients.
    pub tag: ObjectId,
    /// The zone it is in.
    pub zone_id: ObjectId,
    /// Whose it is.
    pub account_id: ObjectId,
    /// The domain; of a wildcard, the domain below which it is for.
    pub name: Domain,
    /// Whether it is for all domains below `name` that are not set up themselves, and not for `name`.
    #[serde(default)]
    pub wildcard: bool,
    /// Whether mail may be sent from it.
    pub enabled: bool,
    /// When it was shown to be the account's own, by a published key or an operator's word.
    #[serde(default)]
    pub verified: Option<UnixMillis>,
    /// Where bounces go: the domain of the envelope sender.
    pub return_path_domain: Domain,
    /// Its keys, the oldest first.
    pub keys: Vec<StoredKey>,
    /// Whether suppressed recipients of a message are left out, instead of the message being refused.
    #[serde(default)]
    pub drop_suppressed_recipients: bool,
    /// Whether the activity log keeps the beginning of messages.
    #[serde(default)]
    pub preview_enabled: bool,
    /// When it was made.
    pub created: UnixMillis,
    /// When it was last changed.
    pub modified: UnixMillis,
}

impl SendingDomain {
    /// Its name as clients write it: `example.com` or `*.example.com`.
    pub fn pattern(&self) -> String {
        if self.wildcard { format!("*.{}", self.name) } else { self.name.to_string() }
    }

    /// Whether mail may be sent from it now.
    pub fn is_open(&self) -> bool {
        self.enabled && self.verified.is_some()
    }

    /// The keys that sign.
    pub fn signing_keys(&self) -> impl Iterator<Item = &StoredKey> {
        self.keys.iter().filter(|key| key.stage == KeyStage::Signing)
    }
}

impl Configured for SendingDomain {
    const TABLE: &'static str = "sending/";
    const KIND: &'static str = "sending_domain";

    fn id(&self) -> String {
        self.tag.to_string()
    }

    fn account_id(&self) -> Option<&ObjectId> {
        Some(&self.account_id)
    }

    fn shown(&self) -> Value {
        let keys: Vec<_> =
            self.keys.iter().map(|key| json!({ "selector": key.selector, "stage": key.stage })).collect();
        json!({
            "tag": self.tag, "name": self.pattern(), "enabled": self.enabled, "verified": self.verified,
            "return_path_domain": self.return_path_domain, "keys": keys,
            "drop_suppressed_recipients": self.drop_suppressed_recipients,
            "preview_enabled": self.preview_enabled,
        })
    }
}

/// What a new sending domain is called, and what its records are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSendingDomain {
    /// The zone it is in.
    pub zone_id: ObjectId,
    /// The zone's own domain or one below.
    pub name: Domain,
    /// Whether it is for what is below `name`.
    pub wildcard: bool,
    /// Whether it needs no proof that the domain is the account's.
    pub vouched_for: bool,
    /// What the records beside it are called.
    pub names: SendingNames,
}

/// What the records of sending domains are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendingNames {
    /// The label that makes a return-path domain.
    pub return_path_label: String,
    /// What selectors begin with.
    pub selector_prefix: String,
}

impl Default for SendingNames {
    /// `cf-bounce.example.com`; `mw-rsa` and `mw-ed25519`.
    fn default() -> Self {
        Self { return_path_label: "cf-bounce".to_owned(), selector_prefix: "mw".to_owned() }
    }
}

/// Why mail is not sent from a domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SenderError {
    /// It is not set up, or not in this account, or not for this token: which of these is nobody's business.
    #[error("the domain {0} is not set up for sending in this account")]
    NotAvailable(Domain),
    /// Sending from it was turned off.
    #[error("sending from the domain {0} is disabled")]
    Disabled(Domain),
    /// Nothing has shown yet that it is the account's own.
    #[error("the domain {0} is not verified: publish its DNS records, then have them checked")]
    NotVerified(Domain),
}

/// Sending domains as they are looked up.
#[derive(Debug, Default)]
pub(super) struct SendingDomains {
    by_tag: HashMap<ObjectId, Arc<SendingDomain>>,
    exact: HashMap<Domain, Arc<SendingDomain>>,
    wildcard: HashMap<Domain, Arc<SendingDomain>>,
}

impl SendingDomains {
    pub(super) fn insert(&mut self, domain: Arc<SendingDomain>) {
        let names = if domain.wildcard { &mut self.wildcard } else { &mut self.exact };
        names.insert(domain.name.clone(), Arc::clone(&domain));
        self.by_tag.insert(domain.tag.clone(), domain);
    }

    pub(super) fn remove(&mut self, domain: &SendingDomain) {
        let names = if domain.wildcard { &mut self.wildcard } else { &mut self.exact };
        names.remove(&domain.name);
        self.by_tag.remove(&domain.tag);
    }

    /// The domain itself, as it is set up.
    pub(super) fn exactly(&self, name: &Domain) -> Option<&Arc<SendingDomain>> {
        self.exact.get(name)
    }

    /// The domain itself, or the nearest wildcard above it.
    fn find(&self, name: &Domain) -> Option<&Arc<SendingDomain>> {
        self.exact.get(name).or_else(|| name.parents().find_map(|parent| self.wildcard.get(parent)))
    }
}

impl Control {
    /// Sets a domain up for sending, with an RSA and an Ed25519 key of its own. Blocks for a sync.
    ///
    /// # Errors
    /// When it is set up already, is not in the zone, there is no such zone, keys cannot be made or it cannot be stored.
    pub fn create_sending_domain(
        &self,
        new: NewSendingDomain,
        by: &By,
    ) -> Result<Arc<SendingDomain>, ControlError> {
        // Takes a while, so before anybody else has to wait.
        let keys = [DkimKey::generate_rsa_2048()?, DkimKey::generate_ed25519()?];
        let _changing = self.changing();
        let zone: Zone = self.zone(new.zone_id.as_str()).ok_or_else(|| not_found("zone", &new.zone_id))?;
        if !zone.holds(&new.name) {
            return Err(ControlError::OutsideZone { name: new.name, zone: zone.name });
        }
        let taken = |domain: &SendingDomain| domain.name == new.name && domain.wildcard == new.wildcard;
        if self.sending_domains_of(&zone.id).iter().any(|domain| taken(domain)) {
            return Err(ControlError::Taken(new.name));
        }
        let domain = Arc::new(SendingDomain {
            tag: ObjectId::random()?,
            return_path_domain: Domain::parse(&format!("{}.{}", new.names.return_path_label, new.name))?,
            keys: self.stored_keys(&new.name, &new.names, &keys, (KeyStage::Signing, by.at))?,
            zone_id: zone.id,
            account_id: zone.account_id,
            name: new.name,
            wildcard: new.wildcard,
            enabled: true,
            verified: new.vouched_for.then_some(by.at),
            drop_suppressed_recipients: false,
            preview_enabled: false,
            created: by.at,
            modified: by.at,
        });
        self.change(by, None, Some(&*domain))?;
        self.write(|state| state.sending.insert(Arc::clone(&domain)));
        Ok(domain)
    }

    /// Changes a sending domain. Blocks for a sync.
    ///
    /// # Errors
    /// When there is no such domain or it cannot be stored.
    pub fn update_sending_domain(
        &self,
        tag: &ObjectId,
        by: &By,
        change: impl FnOnce(&mut SendingDomain),
    ) -> Result<Arc<SendingDomain>, ControlError> {
        let _changing = self.changing();
        let before = self.sending_domain_tagged(tag).ok_or_else(|| not_found("sending domain", tag))?;
        let mut after = SendingDomain::clone(&before);
        change(&mut after);
        if after == *before {
            return Ok(before);
        }
        after.modified = by.at;
        let after = Arc::new(after);
        self.change(by, Some(&*before), Some(&*after))?;
        self.write(|state| state.sending.insert(Arc::clone(&after)));
        Ok(after)
    }

    /// Makes a sending domain a pair of new keys, which wait to be published. While others wait none are made.
    /// Blocks for a sync.
    ///
    /// # Errors
    /// When there is no such domain, keys cannot be made or stored.
    pub fn begin_key_rotation(
        &self,
        tag: &ObjectId,
        names: &SendingNames,
        by: &By,
    ) -> Result<Arc<SendingDomain>, ControlError> {
        let keys = [DkimKey::generate_rsa_2048()?, DkimKey::generate_ed25519()?];
        let domain = self.sending_domain_tagged(tag).ok_or_else(|| not_found("sending domain", tag))?;
        let fresh = self.stored_keys(&domain.name, names, &keys, (KeyStage::Waiting, by.at))?;
        self.update_sending_domain(tag, by, |domain| {
            if domain.keys.iter().all(|key| key.stage != KeyStage::Waiting) {
                domain.keys.extend(fresh);
            }
        })
    }

    /// Keys with selectors of their own.
    fn stored_keys(
        &self,
        name: &Domain,
        names: &SendingNames,
        keys: &[DkimKey],
        (stage, since): (KeyStage, UnixMillis),
    ) -> Result<Vec<StoredKey>, ControlError> {
        let make = |key: &DkimKey| {
            let selector = self.free_selector(name, &names.selector_prefix, key.algorithm(), (stage, since));
            StoredKey::of(&selector, key, stage, since)
        };
        keys.iter().map(make).collect()
    }

    /// A selector that no key of the domain has. It is not used again for another key, which receivers would take for a
    /// forgery while they remember the first: those of later keys have the day in them.
    pub(super) fn free_selector(
        &self,
        name: &Domain,
        prefix: &str,
        algorithm: KeyAlgorithm,
        (stage, since): (KeyStage, UnixMillis),
    ) -> String {
        let (domains, zones) = (self.sending_domains(), self.routing_zones());
        let of_sending = domains.iter().filter(|domain| domain.name == *name).flat_map(|domain| &domain.keys);
        let of_routing = zones.iter().filter(|zone| zone.name == *name).flat_map(|zone| &zone.keys);
        let taken: HashSet<_> = of_sending.chain(of_routing).map(|key| key.selector.as_str()).collect();
        let day = since.to_string().get(..10).unwrap_or_default().replace('-', "");
        let plain = format!("{prefix}-{}", algorithm.as_str());
        let dated = format!("{plain}-{day}");
        let first = (stage == KeyStage::Signing).then_some(plain);
        let numbered = (2u32..).map(|n| format!("{dated}-{n}"));
        let mut candidates = first.into_iter().chain([dated.clone()]).chain(numbered);
        candidates.find(|selector| !taken.contains(selector.as_str())).unwrap_or_else(|| dated.clone())
    }

    /// Removes a sending domain: nothing is sent from it any more. Blocks for a sync.
    ///
    /// # Errors
    /// When there is no such domain or that cannot be stored.
    pub fn delete_sending_domain(&self, tag: &ObjectId, by: &By) -> Result<Arc<SendingDomain>, ControlError> {
        let _changing = self.changing();
        let domain = self.sending_domain_tagged(tag).ok_or_else(|| not_found("sending domain", tag))?;
        self.change(by, Some(&*domain), None)?;
        self.write(|state| state.sending.remove(&domain));
        Ok(domain)
    }

    /// What mail from `name` is sent by: the domain as it is set up, or else the nearest wildcard above it.
    pub fn sending_domain(&self, name: &Domain) -> Option<Arc<SendingDomain>> {
        self.read(|state| state.sending.find(name).cloned())
    }

    /// A sending domain whose bounces go to `name`. There may be another: a domain and the wildcard below it share theirs.
    pub fn domain_of_return_path(&self, name: &Domain) -> Option<Arc<SendingDomain>> {
        let below = Domain::parse(name.as_str().split_once('.')?.1).ok()?;
        self.read(|state| {
            let SendingDomains { exact, wildcard, .. } = &state.sending;
            let mut found = [exact.get(&below), wildcard.get(&below)].into_iter().flatten();
            found.find(|domain| domain.return_path_domain == *name).cloned()
        })
    }

    /// What mail from `name` is sent by in an account, for the holder of a token.
    ///
    /// # Errors
    /// See [`SenderError`].
    pub fn sender(
        &self,
        account_id: &str,
        token: Option<&Token>,
        name: &Domain,
    ) -> Result<Arc<SendingDomain>, SenderError> {
        let is_theirs = |domain: &Arc<SendingDomain>| {
            domain.account_id.as_str() == account_id
                && token.is_none_or(|token| token.reaches(&domain.zone_id))
        };
        match self.sending_domain(name).filter(is_theirs) {
            None => Err(SenderError::NotAvailable(name.clone())),
            Some(domain) if !domain.enabled => Err(SenderError::Disabled(name.clone())),
            Some(domain) if domain.verified.is_none() => Err(SenderError::NotVerified(name.clone())),
            Some(domain) => Ok(domain),
        }
    }

    /// The sending domain with this tag.
    pub fn sending_domain_tagged(&self, tag: &ObjectId) -> Option<Arc<SendingDomain>> {
        self.read(|state| state.sending.by_tag.get(tag).cloned())
    }

    /// The sending domains of a zone, in the order of names, the zone's own first.
    pub fn sending_domains_of(&self, zone_id: &ObjectId) -> Vec<Arc<SendingDomain>> {
        let mut domains: Vec<_> = self.read(|state| {
            state.sending.by_tag.values().filter(|domain| domain.zone_id == *zone_id).cloned().collect()
        });
        domains.sort_by_key(|domain| (domain.name.as_str().len(), domain.pattern()));
        domains
    }

    /// Every sending domain.
    pub fn sending_domains(&self) -> Vec<Arc<SendingDomain>> {
        self.read(|state| state.sending.by_tag.values().cloned().collect())
    }

    /// Whether any domain is set up for sending.
    pub fn has_sending_domains(&self) -> bool {
        self.read(|state| !state.sending.by_tag.is_empty())
    }
}
