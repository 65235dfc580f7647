//! How rules come, change and go.

use super::{
    super::{By, Control, ControlError, DestinationAddress, ObjectId, Zone, not_found},
    RoutingRule, RuleDraft, RuleError, RuleMatcher,
};
use crate::suppressions::AddressKey;
use std::{collections::HashSet, sync::Arc};

impl Control {
    /// Makes a rule of a zone. Blocks for a sync.
    ///
    /// # Errors
    /// When there is no such zone, it has as many rules as it may, the rule cannot be or cannot be stored.
    pub fn create_rule(
        &self,
        zone_id: &ObjectId,
        says: RuleDraft,
        by: &By,
    ) -> Result<Arc<RoutingRule>, ControlError> {
        if says.matcher == RuleMatcher::All {
            return Err(RuleError::CatchAll.into());
        }
        let _changing = self.changing();
        let zone = self.zone_for(zone_id, &says)?;
        let count =
            self.read(|state| state.routing.rules_of(zone_id).map_or(0, super::route::ZoneRules::literals));
        if count >= RoutingRule::MAX_PER_ZONE {
            let what = "routing rules in this zone";
            return Err(ControlError::Full { what, most: RoutingRule::MAX_PER_ZONE });
        }
        self.keep_rule(by, None, self.new_rule(zone, ObjectId::random()?, says, by))
    }

    /// Has a rule say something else. Blocks for a sync.
    ///
    /// # Errors
    /// When there is no such rule, it cannot be so or cannot be stored.
    pub fn update_rule(
        &self,
        zone_id: &ObjectId,
        id: &str,
        says: RuleDraft,
        by: &By,
    ) -> Result<Arc<RoutingRule>, ControlError> {
        if says.matcher == RuleMatcher::All {
            return Err(RuleError::CatchAll.into());
        }
        let _changing = self.changing();
        let before = self.known_rule(zone_id, id)?;
        if before.says.matcher == RuleMatcher::All {
            return Err(RuleError::CatchAll.into());
        }
        self.zone_for(zone_id, &says)?;
        self.change_rule(by, &before, says)
    }

    /// Sets what the catch-all of a zone does, and whether it does; its priority is always the last. Blocks for a sync.
    ///
    /// # Errors
    /// When there is no such zone, it cannot be so or cannot be stored.
    pub fn set_catch_all(
        &self,
        zone_id: &ObjectId,
        says: RuleDraft,
        by: &By,
    ) -> Result<Arc<RoutingRule>, ControlError> {
        if says.matcher != RuleMatcher::All {
            return Err(RuleError::CatchAll.into());
        }
        let says = RuleDraft { priority: RoutingRule::CATCH_ALL_PRIORITY, ..says };
        let _changing = self.changing();
        let zone = self.zone_for(zone_id, &says)?;
        match self.rule(zone_id, zone_id.as_str()) {
            Some(before) => self.change_rule(by, &before, says),
            None => self.keep_rule(by, None, self.new_rule(zone, zone_id.clone(), says, by)),
        }
    }

    /// Removes a rule; the catch-all is then as nobody set it. Blocks for a sync.
    ///
    /// # Errors
    /// When there is no such rule or that cannot be stored.
    pub fn delete_rule(
        &self,
        zone_id: &ObjectId,
        id: &str,
        by: &By,
    ) -> Result<Arc<RoutingRule>, ControlError> {
        let _changing = self.changing();
        let rule = self.known_rule(zone_id, id)?;
        self.change(by, Some(&*rule), None)?;
        self.write(|state| state.routing.remove_rule(&rule));
        Ok(rule)
    }

    /// The rules of a zone in the order in which they were made, the catch-all last, if it was set.
    pub fn rules(&self, zone_id: &ObjectId) -> Vec<Arc<RoutingRule>> {
        let rules = |rules: &super::route::ZoneRules| rules.all().cloned().collect();
        let mut rules: Vec<Arc<RoutingRule>> =
            self.read(|state| state.routing.rules_of(zone_id).map(rules).unwrap_or_default());
        rules.sort_by_key(|rule| (rule.says.matcher == RuleMatcher::All, rule.number));
        rules
    }

    /// A rule of a zone.
    pub fn rule(&self, zone_id: &ObjectId, id: &str) -> Option<Arc<RoutingRule>> {
        let id = id.parse().ok()?;
        self.read(|state| state.routing.rules_of(zone_id)?.get(&id).cloned())
    }

    /// The catch-all of a zone; a disabled one where nobody has set it.
    pub fn catch_all(&self, zone: &Zone) -> Arc<RoutingRule> {
        self.rule(&zone.id, zone.id.as_str()).unwrap_or_else(|| {
            Arc::new(RoutingRule {
                id: zone.id.clone(),
                zone_id: zone.id.clone(),
                account_id: zone.account_id.clone(),
                number: 0,
                says: RuleDraft::no_catch_all(),
                created: zone.created,
                modified: zone.created,
            })
        })
    }

    /// Disables the rules that forward to an address that is removed; they come back as they are to be.
    pub(in super::super) fn put_disabling_of_rules(
        &self,
        batch: &mut sled::Batch,
        address: &DestinationAddress,
        by: &By,
    ) -> Result<Vec<Arc<RoutingRule>>, ControlError> {
        let key = AddressKey::of(&address.email);
        let goes_there = |rule: &&Arc<RoutingRule>| {
            rule.says.enabled
                && rule.account_id == address.account_id
                && rule.destinations().iter().any(|to| AddressKey::of(to) == key)
        };
        let rules: Vec<_> = self.read(|state| state.routing.rules().filter(goes_there).cloned().collect());
        let disable = |before: &Arc<RoutingRule>| {
            let says = RuleDraft { enabled: false, ..before.says.clone() };
            let after = Arc::new(RoutingRule { says, modified: by.at, ..RoutingRule::clone(before) });
            self.put_change(batch, by, Some(&**before), Some(&*after))?;
            Ok(after)
        };
        rules.iter().map(disable).collect()
    }

    /// Takes what a zone says of routing away with it.
    pub(in super::super) fn put_removal_of_routing(
        &self,
        batch: &mut sled::Batch,
        zone_id: &ObjectId,
        by: &By,
    ) -> Result<(), ControlError> {
        for rule in self.rules(zone_id) {
            self.put_change(batch, by, Some(&*rule), None)?;
        }
        match self.routing_zone(zone_id) {
            Some(zone) => self.put_change(batch, by, Some(&*zone), None),
            None => Ok(()),
        }
    }

    /// The zone, if it can have such a rule. To be called under [`Control::changing`].
    fn zone_for(&self, zone_id: &ObjectId, says: &RuleDraft) -> Result<Zone, ControlError> {
        let zone = self.zone(zone_id.as_str()).ok_or_else(|| not_found("zone", zone_id))?;
        says.check(&zone.name)?;
        let super::RouteAction::Forward(destinations) = &says.action else { return Ok(zone) };
        let known = self.destinations(&zone.account_id);
        let known: HashSet<_> = known.iter().map(|known| AddressKey::of(&known.email)).collect();
        match destinations.iter().find(|to| !known.contains(&AddressKey::of(to))) {
            Some(stranger) => Err(RuleError::Destination(stranger.clone()).into()),
            None => Ok(zone),
        }
    }

    fn new_rule(&self, zone: Zone, id: ObjectId, says: RuleDraft, by: &By) -> RoutingRule {
        let next = |rules: &super::route::ZoneRules| rules.next_number();
        let number = self.read(|state| state.routing.rules_of(&zone.id).map_or(1, next));
        RoutingRule {
            id,
            zone_id: zone.id,
            account_id: zone.account_id,
            number,
            says,
            created: by.at,
            modified: by.at,
        }
    }

    fn change_rule(
        &self,
        by: &By,
        before: &Arc<RoutingRule>,
        says: RuleDraft,
    ) -> Result<Arc<RoutingRule>, ControlError> {
        if before.says == says {
            return Ok(Arc::clone(before));
        }
        self.keep_rule(by, Some(before), RoutingRule { says, modified: by.at, ..RoutingRule::clone(before) })
    }

    fn keep_rule(
        &self,
        by: &By,
        before: Option<&RoutingRule>,
        after: RoutingRule,
    ) -> Result<Arc<RoutingRule>, ControlError> {
        self.change(by, before, Some(&after))?;
        let after = Arc::new(after);
        self.write(|state| state.routing.put_rule(Arc::clone(&after)));
        Ok(after)
    }

    fn known_rule(&self, zone_id: &ObjectId, id: &str) -> Result<Arc<RoutingRule>, ControlError> {
        let missing = || ControlError::NotFound { kind: "rule", id: id.to_owned() };
        self.rule(zone_id, id).ok_or_else(missing)
    }
}
