//! What becomes of mail to an address: zones and rules as they are looked up.
//!
//! First come the rules for the very address; then, where the zone wants it so, those for the address without its
//! subaddress; then the catch-all. Among several for one address the lowest priority is first, and of equal ones the
//! newest, as the service has it. A rule that is disabled, or that has nowhere to forward to because nobody has agreed,
//! is as if it were not there: it hides neither an older rule for the address nor the catch-all.

use super::{
    super::{Control, ObjectId, State},
    RouteAction, RoutingRule, RoutingZone,
};
use crate::suppressions::AddressKey;
use mailwright_engine::address::{Domain, EmailAddress};
use std::{
    cmp::Reverse,
    collections::{HashMap, hash_map},
    sync::Arc,
};

/// What becomes of mail to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// No zone with routing on has this domain.
    Foreign,
    /// The zone is ours; nobody has the address.
    Unknown(Arc<RoutingZone>),
    /// There is a rule, but none of the addresses it forwards to is verified.
    Inactive(Arc<RoutingZone>, Arc<RoutingRule>),
    /// A rule takes it.
    Take(Matched),
}

/// The rule that takes mail to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// The zone it is of.
    pub zone: Arc<RoutingZone>,
    /// The rule.
    pub rule: Arc<RoutingRule>,
    /// What becomes of the mail: of destinations those that are verified, at least one.
    pub action: RouteAction,
    /// The subaddress that was left out to find the rule: `detail` of `user+detail`.
    pub detail: Option<String>,
}

/// Zones and rules as they are looked up.
#[derive(Debug, Default)]
pub(in super::super) struct Routing {
    zones: HashMap<ObjectId, Arc<RoutingZone>>,
    by_name: HashMap<Domain, Arc<RoutingZone>>,
    /// The rules of each zone that has any.
    rules: HashMap<ObjectId, ZoneRules>,
}

/// The rules of a zone.
#[derive(Debug, Default)]
pub(super) struct ZoneRules {
    by_id: HashMap<ObjectId, Arc<RoutingRule>>,
    /// Those for each address, in the order in which they are looked at.
    by_address: HashMap<AddressKey, Vec<Arc<RoutingRule>>>,
    catch_all: Option<Arc<RoutingRule>>,
    /// The highest number of any so far.
    last: u64,
}

impl Routing {
    pub(in super::super) fn put_zone(&mut self, zone: Arc<RoutingZone>) {
        self.by_name.insert(zone.name.clone(), Arc::clone(&zone));
        self.zones.insert(zone.zone_id.clone(), zone);
    }

    pub(in super::super) fn put_rule(&mut self, rule: Arc<RoutingRule>) {
        self.rules.entry(rule.zone_id.clone()).or_default().put(rule);
    }

    pub(super) fn remove_rule(&mut self, rule: &RoutingRule) {
        if let hash_map::Entry::Occupied(mut rules) = self.rules.entry(rule.zone_id.clone()) {
            rules.get_mut().remove(&rule.id);
            if rules.get().by_id.is_empty() {
                rules.remove();
            }
        }
    }

    /// Forgets a zone and its rules.
    pub(in super::super) fn remove_zone(&mut self, id: &ObjectId) {
        self.rules.remove(id);
        if let Some(zone) = self.zones.remove(id) {
            self.by_name.remove(&zone.name);
        }
    }

    pub(super) fn zone(&self, id: &ObjectId) -> Option<&Arc<RoutingZone>> {
        self.zones.get(id)
    }

    pub(super) fn zones(&self) -> impl Iterator<Item = &Arc<RoutingZone>> {
        self.zones.values()
    }

    pub(super) fn rules_of(&self, zone_id: &ObjectId) -> Option<&ZoneRules> {
        self.rules.get(zone_id)
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = &Arc<RoutingRule>> {
        self.rules.values().flat_map(ZoneRules::all)
    }

    pub(super) fn zone_of(&self, domain: &Domain) -> Option<&Arc<RoutingZone>> {
        let names = std::iter::once(domain.as_str()).chain(domain.parents());
        names.filter_map(|name| self.by_name.get(name)).find(|zone| zone.takes(domain))
    }
}

impl ZoneRules {
    fn put(&mut self, rule: Arc<RoutingRule>) {
        self.remove(&rule.id);
        self.last = self.last.max(rule.number);
        match rule.key() {
            Some(key) => {
                let same = self.by_address.entry(key).or_default();
                same.push(Arc::clone(&rule));
                same.sort_by_key(|rule| (rule.says.priority, Reverse(rule.number)));
            }
            None => self.catch_all = Some(Arc::clone(&rule)),
        }
        self.by_id.insert(rule.id.clone(), rule);
    }

    fn remove(&mut self, id: &ObjectId) {
        let Some(rule) = self.by_id.remove(id) else { return };
        let Some(key) = rule.key() else {
            self.catch_all = None;
            return;
        };
        if let hash_map::Entry::Occupied(mut same) = self.by_address.entry(key) {
            same.get_mut().retain(|other| other.id != *id);
            if same.get().is_empty() {
                same.remove();
            }
        }
    }

    fn of_address(&self, key: Option<&AddressKey>) -> &[Arc<RoutingRule>] {
        key.and_then(|key| self.by_address.get(key)).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn get(&self, id: &ObjectId) -> Option<&Arc<RoutingRule>> {
        self.by_id.get(id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<RoutingRule>> {
        self.by_id.values()
    }

    /// How many there are besides the catch-all.
    pub(super) fn literals(&self) -> usize {
        self.by_id.len() - usize::from(self.catch_all.is_some())
    }

    /// The number of the next.
    pub(super) fn next_number(&self) -> u64 {
        self.last.saturating_add(1)
    }
}

impl State {
    pub(super) fn route(&self, recipient: &EmailAddress) -> Route {
        let Some(zone) = self.routing.zone_of(recipient.domain()) else { return Route::Foreign };
        let Some(rules) = self.routing.rules_of(&zone.zone_id) else {
            return Route::Unknown(Arc::clone(zone));
        };
        let key = AddressKey::of(recipient);
        let base = zone.support_subaddress.then(|| key.base()).flatten();
        let mut inactive = None;
        for (rules, is_without_detail) in [
            (rules.of_address(Some(&key)), false),
            (rules.of_address(base.as_ref()), true),
            (rules.catch_all.as_slice(), false),
        ] {
            for rule in rules.iter().filter(|rule| rule.says.enabled) {
                let Some(action) = self.action_now(rule) else {
                    inactive.get_or_insert(rule);
                    continue;
                };
                let detail = is_without_detail.then(|| detail_of(recipient)).flatten();
                let (zone, rule) = (Arc::clone(zone), Arc::clone(rule));
                return Route::Take(Matched { zone, rule, action, detail });
            }
        }
        match inactive {
            Some(rule) => Route::Inactive(Arc::clone(zone), Arc::clone(rule)),
            None => Route::Unknown(Arc::clone(zone)),
        }
    }

    /// What a rule does with mail now; `None` if it is inactive.
    fn action_now(&self, rule: &RoutingRule) -> Option<RouteAction> {
        let RouteAction::Forward(destinations) = &rule.says.action else {
            return Some(rule.says.action.clone());
        };
        let account = rule.account_id.tenant()?;
        let verified = destinations.iter().filter(|address| self.is_verified_destination(&account, address));
        let verified: Vec<_> = verified.cloned().collect();
        (!verified.is_empty()).then_some(RouteAction::Forward(verified))
    }
}

/// What stands behind the first plus sign of a local part.
fn detail_of(address: &EmailAddress) -> Option<String> {
    address.local().split_once('+').map(|(_, detail)| detail.to_owned())
}

impl Control {
    /// What becomes of mail to an address.
    pub fn route(&self, recipient: &EmailAddress) -> Route {
        self.read(|state| state.route(recipient))
    }

    /// Whether a rule would take mail now, if its zone does: it is enabled, and whoever it forwards to has agreed.
    pub fn is_active(&self, rule: &RoutingRule) -> bool {
        rule.says.enabled && self.read(|state| state.action_now(rule).is_some())
    }
}
