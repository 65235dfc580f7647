//! Zones that take mail from the world.

use super::super::{
    By, Control, ControlError, KeyStage, ObjectId, StoredKey, Zone, audit::Configured, not_found,
};
use mailwright_engine::{address::Domain, dkim::DkimKey, spam::Score, time::UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

pub(in super::super) const TABLE: &str = "routing_zone/";

/// What selectors of routing begin with: its keys are apart from those of sending.
const SELECTOR_PREFIX: &str = "mwr";

/// How a zone takes mail from the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingZone {
    /// The zone.
    pub zone_id: ObjectId,
    /// Whose it is.
    pub account_id: ObjectId,
    /// Its domain.
    pub name: Domain,
    /// Whether it takes mail.
    pub enabled: bool,
    /// Whether its DNS records are held to be ours to say.
    pub locked: bool,
    /// Whether its owner wants no guide through setting it up.
    #[serde(default)]
    pub skip_wizard: bool,
    /// Whether `user+detail` is looked for as `user`, too (RFC 5233).
    #[serde(default)]
    pub support_subaddress: bool,
    /// Above which spam score its mail is refused, in place of the server's limit; zero: never.
    #[serde(default)]
    pub spam_limit: Option<Score>,
    /// Domains below it that take mail, too.
    #[serde(default)]
    pub subdomains: Vec<RoutedSubdomain>,
    /// Its keys for sealing what is forwarded, the oldest first.
    pub keys: Vec<StoredKey>,
    /// When it was made.
    pub created: UnixMillis,
    /// When it was last changed.
    pub modified: UnixMillis,
}

/// A domain below a zone's own, and whether it takes mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutedSubdomain {
    /// The domain.
    pub name: Domain,
    /// Whether it takes mail.
    pub enabled: bool,
    /// When it was made.
    pub created: UnixMillis,
    /// When it was last changed.
    pub modified: UnixMillis,
}

impl RoutingZone {
    /// Most subdomains of a zone: one look at the DNS has to have room for all of them
    /// ([`MAX_QUESTIONS`](mailwright_engine::domain_dns::MAX_QUESTIONS)).
    pub const MAX_SUBDOMAINS: usize = 40;

    /// Whether mail to `domain` is the zone's to take now.
    pub fn takes(&self, domain: &Domain) -> bool {
        let is_subdomain = || self.subdomains.iter().any(|below| below.enabled && below.name == *domain);
        self.enabled && (self.name == *domain || is_subdomain())
    }

    /// The keys that seal.
    pub fn signing_keys(&self) -> impl Iterator<Item = &StoredKey> {
        self.keys.iter().filter(|key| key.stage == KeyStage::Signing)
    }

    fn check(&self) -> Result<(), ControlError> {
        if self.subdomains.len() > Self::MAX_SUBDOMAINS {
            return Err(ControlError::Full { what: "subdomains in the zone", most: Self::MAX_SUBDOMAINS });
        }
        match self.subdomains.iter().find(|below| !below.name.is_subdomain_of(&self.name)) {
            Some(below) => {
                Err(ControlError::OutsideZone { name: below.name.clone(), zone: self.name.clone() })
            }
            None => Ok(()),
        }
    }
}

impl Configured for RoutingZone {
    const TABLE: &'static str = TABLE;
    const KIND: &'static str = "email_routing";

    fn id(&self) -> String {
        self.zone_id.to_string()
    }

    fn account_id(&self) -> Option<&ObjectId> {
        Some(&self.account_id)
    }

    fn shown(&self) -> Value {
        let key = |key: &StoredKey| json!({ "selector": key.selector, "stage": key.stage });
        let subdomain = |below: &RoutedSubdomain| json!({ "name": below.name, "enabled": below.enabled });
        json!({
            "zone_id": self.zone_id,
            "name": self.name,
            "enabled": self.enabled,
            "locked": self.locked,
            "skip_wizard": self.skip_wizard,
            "support_subaddress": self.support_subaddress,
            "spam_limit": self.spam_limit,
            "subdomains": self.subdomains.iter().map(subdomain).collect::<Vec<_>>(),
            "keys": self.keys.iter().map(key).collect::<Vec<_>>(),
        })
    }
}

impl Control {
    /// Changes how a zone takes mail from the world. Before the first change it takes none, and is not locked; with it
    /// it gets an RSA key. Blocks for a sync.
    ///
    /// # Errors
    /// When there is no such zone, a subdomain is not in it or one too many, the key cannot be made, or it cannot be
    /// stored.
    pub fn update_routing_zone(
        &self,
        zone_id: &ObjectId,
        by: &By,
        change: impl FnOnce(&mut RoutingZone),
    ) -> Result<Arc<RoutingZone>, ControlError> {
        // Takes a while, so before anybody else has to wait.
        let key = match self.routing_zone(zone_id) {
            Some(_) => None,
            None => Some(DkimKey::generate_rsa_2048()?),
        };
        let _changing = self.changing();
        let zone = self.zone(zone_id.as_str()).ok_or_else(|| not_found("zone", zone_id))?;
        let before = self.routing_zone(zone_id);
        let mut after = match (&before, key) {
            (Some(before), _) => RoutingZone::clone(before),
            (None, Some(key)) => self.first(zone, &key, by)?,
            // Its zone was removed meanwhile and made anew; but then it has another id.
            (None, None) => return Err(not_found("zone", zone_id)),
        };
        change(&mut after);
        after.check()?;
        if let Some(before) = before.as_ref().filter(|before| ***before == after) {
            return Ok(Arc::clone(before));
        }
        after.modified = by.at;
        let after = Arc::new(after);
        self.change(by, before.as_deref(), Some(&*after))?;
        self.write(|state| state.routing.put_zone(Arc::clone(&after)));
        Ok(after)
    }

    fn first(&self, zone: Zone, key: &DkimKey, by: &By) -> Result<RoutingZone, ControlError> {
        let keys = vec![self.routing_key(&zone.name, key, KeyStage::Signing, by.at)?];
        Ok(RoutingZone {
            zone_id: zone.id,
            account_id: zone.account_id,
            name: zone.name,
            enabled: false,
            locked: false,
            skip_wizard: false,
            support_subaddress: false,
            spam_limit: None,
            subdomains: Vec::new(),
            keys,
            created: by.at,
            modified: by.at,
        })
    }

    /// Makes a zone a new key, which waits to be published. While another waits none is made. Blocks for a sync.
    ///
    /// # Errors
    /// When there is no such zone with routing, the key cannot be made or it cannot be stored.
    pub fn begin_routing_key_rotation(
        &self,
        zone_id: &ObjectId,
        by: &By,
    ) -> Result<Arc<RoutingZone>, ControlError> {
        let zone = self.routing_zone(zone_id).ok_or_else(|| not_found("zone", zone_id))?;
        let fresh = self.routing_key(&zone.name, &DkimKey::generate_rsa_2048()?, KeyStage::Waiting, by.at)?;
        self.update_routing_zone(zone_id, by, |zone| {
            if zone.keys.iter().all(|key| key.stage != KeyStage::Waiting) {
                zone.keys.push(fresh);
            }
        })
    }

    fn routing_key(
        &self,
        name: &Domain,
        key: &DkimKey,
        stage: KeyStage,
        since: UnixMillis,
    ) -> Result<StoredKey, ControlError> {
        let selector = self.free_selector(name, SELECTOR_PREFIX, key.algorithm(), (stage, since));
        StoredKey::of(&selector, key, stage, since)
    }

    /// How a zone takes mail from the world; `None` before that was first said.
    pub fn routing_zone(&self, zone_id: &ObjectId) -> Option<Arc<RoutingZone>> {
        self.read(|state| state.routing.zone(zone_id).cloned())
    }

    /// Every zone of which was said how it takes mail from the world, in the order of names.
    pub fn routing_zones(&self) -> Vec<Arc<RoutingZone>> {
        let mut zones: Vec<_> = self.read(|state| state.routing.zones().cloned().collect());
        zones.sort_by(|one, other| one.name.cmp(&other.name));
        zones
    }

    /// The zone that takes mail to `domain` now. Where zones lie in one another, the nearest that does.
    pub fn routing_zone_of_domain(&self, domain: &Domain) -> Option<Arc<RoutingZone>> {
        self.read(|state| state.routing.zone_of(domain).cloned())
    }

    /// Whether any zone takes mail from the world.
    pub fn has_routing(&self) -> bool {
        self.read(|state| state.routing.zones().any(|zone| zone.enabled))
    }
}
