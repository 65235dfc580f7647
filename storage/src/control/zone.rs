//! Zones: the domains that accounts own.

use super::{By, Control, ControlError, ObjectId, audit::Configured, not_found};
use mailwright_engine::{address::Domain, time::UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A domain that an account owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Its name to clients.
    pub id: ObjectId,
    /// Whose it is.
    pub account_id: ObjectId,
    /// The domain.
    pub name: Domain,
    /// When it was made.
    pub created: UnixMillis,
}

impl Zone {
    /// Whether `domain` is the zone's own or below it.
    pub fn holds(&self, domain: &Domain) -> bool {
        *domain == self.name || domain.is_subdomain_of(&self.name)
    }
}

impl Configured for Zone {
    const TABLE: &'static str = "zone/";
    const KIND: &'static str = "zone";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn account_id(&self) -> Option<&ObjectId> {
        Some(&self.account_id)
    }

    fn shown(&self) -> Value {
        serde_json::json!({ "id": self.id, "name": self.name })
    }
}

impl Control {
    /// Makes a zone of an account. Blocks for a sync.
    ///
    /// # Errors
    /// When the domain is an address, or in a zone of another account (whoever owned a part of a domain could send
    /// in the name of the rest), or a zone already; when there is no such account or it cannot be stored.
    pub fn create_zone(&self, account: &ObjectId, name: Domain, by: &By) -> Result<Zone, ControlError> {
        if name.literal().is_some() {
            return Err(ControlError::NoName(name));
        }
        let _changing = self.changing();
        if self.account(account.as_str()).is_none() {
            return Err(not_found("account", account));
        }
        let overlaps = |zone: &Zone| zone.holds(&name) || zone.name.is_subdomain_of(&name);
        let taken = |zone: &Zone| zone.name == name || (overlaps(zone) && zone.account_id != *account);
        if self.zones().iter().any(taken) {
            return Err(ControlError::Taken(name));
        }
        let zone = Zone { id: ObjectId::random()?, account_id: account.clone(), name, created: by.at };
        self.change(by, None, Some(&zone))?;
        self.write(|state| state.zones.insert(zone.id.clone(), zone.clone()));
        Ok(zone)
    }

    /// Removes a zone and what is set up in it. Blocks for a sync.
    ///
    /// # Errors
    /// When there is no such zone or that cannot be stored.
    pub fn delete_zone(&self, id: &ObjectId, by: &By) -> Result<Zone, ControlError> {
        let _changing = self.changing();
        let zone = self.zone(id.as_str()).ok_or_else(|| not_found("zone", id))?;
        let mut batch = sled::Batch::default();
        let sending = self.sending_domains_of(id);
        for domain in &sending {
            self.put_change(&mut batch, by, Some(&**domain), None)?;
        }
        let reports = self.dmarc_reports(id)?;
        if let Some(reports) = &reports {
            self.put_change(&mut batch, by, Some(reports), None)?;
        }
        self.put_removal_of_routing(&mut batch, id, by)?;
        self.put_change(&mut batch, by, Some(&zone), None)?;
        self.commit(batch)?;
        self.write(|state| {
            state.zones.remove(id);
            state.routing.remove_zone(id);
            reports.iter().for_each(|reports| state.remove_reports(reports));
            sending.iter().for_each(|domain| state.sending.remove(domain));
        });
        Ok(zone)
    }

    /// The zone with this id.
    pub fn zone(&self, id: &str) -> Option<Zone> {
        let id = id.parse().ok()?;
        self.read(|state| state.zones.get(&id).cloned())
    }

    /// Every zone, in the order of names.
    pub fn zones(&self) -> Vec<Zone> {
        let mut zones: Vec<_> = self.read(|state| state.zones.values().cloned().collect());
        zones.sort_by(|one, other| one.name.cmp(&other.name));
        zones
    }
}
