//! The word for where a routing zone stands.

use crate::domain_dns::check::DomainState;
use serde::Serialize;

/// Where a routing zone stands, in the words of the service's settings. A locked zone is one whose records we look
/// after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum RoutingStatus {
    /// All that is needed is there, and locked.
    #[serde(rename = "ready")]
    Ready,
    /// Nothing is published, or routing is off.
    #[serde(rename = "unconfigured")]
    Unconfigured,
    /// Something must be mended, and the records are not locked.
    #[serde(rename = "misconfigured")]
    Misconfigured,
    /// Something must be mended although the records are locked: somebody else has put something in their way.
    #[serde(rename = "misconfigured/locked")]
    MisconfiguredLocked,
    /// All that is needed is there, and not locked.
    #[serde(rename = "unlocked")]
    Unlocked,
}

impl RoutingStatus {
    /// The word for a zone with routing on, whose records are locked or not, of which the DNS says `state`. Where it
    /// said nothing, nothing can be vouched for.
    pub const fn of(state: DomainState, is_locked: bool) -> Self {
        match (state, is_locked) {
            (DomainState::Ready, true) => Self::Ready,
            (DomainState::Ready, false) => Self::Unlocked,
            (DomainState::Unconfigured, _) => Self::Unconfigured,
            (DomainState::Misconfigured | DomainState::Unknown, true) => Self::MisconfiguredLocked,
            (DomainState::Misconfigured | DomainState::Unknown, false) => Self::Misconfigured,
        }
    }
}
