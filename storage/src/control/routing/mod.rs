//! Email routing: which zones take mail from the world, and what becomes of it.
//!
//! Rules are of a zone; only those of a zone with routing on are looked at.

mod change;
mod route;
mod rule;
mod zone;

pub use route::{Matched, Route};
pub use rule::{RouteAction, RoutingRule, RuleDraft, RuleError, RuleMatcher, RuleSource};
pub use zone::{RoutedSubdomain, RoutingZone};

pub(super) use {route::Routing, rule::TABLE as RULES, zone::TABLE as ZONES};

#[cfg(test)]
mod tests;
