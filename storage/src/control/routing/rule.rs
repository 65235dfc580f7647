//! Rules: for whom mail is, and what becomes of it.

use super::super::{ObjectId, audit::Configured};
use crate::suppressions::AddressKey;
use mailwright_engine::{
    address::{Domain, EmailAddress},
    time::UnixMillis,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(in super::super) const TABLE: &str = "routing_rule/";

/// A rule of a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingRule {
    /// Its name to clients. The catch-all's is the zone's id, so that it has one before anybody set it.
    pub id: ObjectId,
    /// The zone it is of.
    pub zone_id: ObjectId,
    /// Whose it is.
    pub account_id: ObjectId,
    /// Its place in the order in which the zone's rules were made. Times do not tell: several may be made in one
    /// millisecond, and clocks are set back.
    pub number: u64,
    /// What it says.
    #[serde(flatten)]
    pub says: RuleDraft,
    /// When it was made.
    pub created: UnixMillis,
    /// When it was last changed.
    pub modified: UnixMillis,
}

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleDraft {
    /// Its name to people; may be empty.
    pub name: String,
    /// Whether it is looked at.
    pub enabled: bool,
    /// Of rules for one address, that with the lowest comes first.
    pub priority: u32,
    /// For which mail it is.
    pub matcher: RuleMatcher,
    /// What becomes of that mail.
    pub action: RouteAction,
    /// Who keeps it.
    #[serde(default)]
    pub source: RuleSource,
    /// The worker that it belongs to.
    #[serde(default)]
    pub owner_worker_tag: Option<String>,
}

/// For which mail a rule is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum RuleMatcher {
    /// For one address. Upper and lower case are the same, dots count.
    Literal(EmailAddress),
    /// For every address that no other rule takes: the catch-all.
    All,
}

/// What becomes of mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum RouteAction {
    /// It goes to these destination addresses.
    Forward(Vec<EmailAddress>),
    /// It is taken and thrown away.
    Drop,
    /// It is handed to the worker of this name.
    Worker(String),
}

/// Who keeps a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleSource {
    /// Whoever uses the API.
    #[default]
    Api,
    /// The configuration of a worker.
    Wrangler,
}

/// Why a rule cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Mail to the address is another zone's.
    #[error("{address} is not an address at {zone} or below it, as those of the zone's rules are")]
    OutsideZone {
        /// The address.
        address: EmailAddress,
        /// The zone's domain.
        zone: Domain,
    },
    /// The local part is not ASCII (RFC 6531).
    #[error("the part of {0} before the @ is not ASCII; mail to such addresses is not routed")]
    LocalPart(EmailAddress),
    /// Mail goes only where its reader may have agreed to it.
    #[error("{0} is not a destination address of the account; make it one first, and have its owner agree")]
    Destination(EmailAddress),
    /// Nowhere to forward to, or to too many.
    #[error("a rule forwards to 1 to {max} addresses", max = RoutingRule::MAX_DESTINATIONS)]
    Destinations,
    /// No name of a worker.
    #[error("a worker's name has 1 to {max} printable characters", max = RoutingRule::MAX_NAME)]
    Worker,
    /// The tag of the worker is too long or not printable.
    #[error("the tag of a rule's worker has at most {max} printable characters", max = RoutingRule::MAX_NAME)]
    OwnerTag,
    /// The name for people is too long or not printable.
    #[error("the name of a rule has at most {max} printable characters", max = RoutingRule::MAX_NAME)]
    Name,
    /// Another rule for everything, or a catch-all for something.
    #[error("the catch-all is the zone's one rule for all addresses; every other is for one address")]
    CatchAll,
}

impl RoutingRule {
    /// Most rules of a zone, the catch-all not counted.
    pub const MAX_PER_ZONE: usize = 10_000;
    /// Most addresses that one rule forwards to.
    pub const MAX_DESTINATIONS: usize = 20;
    /// Longest name of a rule or worker, and longest tag, in characters.
    pub const MAX_NAME: usize = 256;
    /// The priority that a catch-all is shown with: it comes after every other rule.
    pub const CATCH_ALL_PRIORITY: u32 = i32::MAX.unsigned_abs();

    /// The address that it is for; `None` for the catch-all.
    pub(super) fn key(&self) -> Option<AddressKey> {
        match &self.says.matcher {
            RuleMatcher::Literal(address) => Some(AddressKey::of(address)),
            RuleMatcher::All => None,
        }
    }

    /// Where it forwards to.
    pub fn destinations(&self) -> &[EmailAddress] {
        match &self.says.action {
            RouteAction::Forward(destinations) => destinations,
            RouteAction::Drop | RouteAction::Worker(_) => &[],
        }
    }
}

impl RuleDraft {
    /// What a catch-all says that nobody set: it is disabled.
    pub(super) fn no_catch_all() -> Self {
        Self {
            name: String::new(),
            enabled: false,
            priority: RoutingRule::CATCH_ALL_PRIORITY,
            matcher: RuleMatcher::All,
            action: RouteAction::Drop,
            source: RuleSource::Api,
            owner_worker_tag: None,
        }
    }

    /// Finds what cannot be, whatever else there is in the zone.
    pub(super) fn check(&self, zone: &Domain) -> Result<(), RuleError> {
        let is_printable =
            |text: &str| text.chars().count() <= RoutingRule::MAX_NAME && !text.chars().any(char::is_control);
        if !is_printable(&self.name) {
            return Err(RuleError::Name);
        }
        if self.owner_worker_tag.as_deref().is_some_and(|tag| !is_printable(tag)) {
            return Err(RuleError::OwnerTag);
        }
        match &self.action {
            RouteAction::Forward(to) if !(1..=RoutingRule::MAX_DESTINATIONS).contains(&to.len()) => {
                return Err(RuleError::Destinations);
            }
            RouteAction::Worker(name) if name.trim().is_empty() || !is_printable(name) => {
                return Err(RuleError::Worker);
            }
            _ => {}
        }
        match &self.matcher {
            RuleMatcher::Literal(address) => check_literal(address, zone),
            RuleMatcher::All => Ok(()),
        }
    }
}

fn check_literal(address: &EmailAddress, zone: &Domain) -> Result<(), RuleError> {
    if address.needs_smtputf8() {
        return Err(RuleError::LocalPart(address.clone()));
    }
    let domain = address.domain();
    if *domain == *zone || domain.is_subdomain_of(zone) {
        return Ok(());
    }
    Err(RuleError::OutsideZone { address: address.clone(), zone: zone.clone() })
}

impl Configured for RoutingRule {
    const TABLE: &'static str = TABLE;
    const KIND: &'static str = "routing_rule";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn account_id(&self) -> Option<&ObjectId> {
        Some(&self.account_id)
    }

    fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "zone_id": self.zone_id,
            "name": self.says.name,
            "enabled": self.says.enabled,
            "priority": self.says.priority,
            "matcher": self.says.matcher,
            "action": self.says.action,
            "source": self.says.source,
        })
    }
}
