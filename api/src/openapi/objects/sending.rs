//! Sending domains.

use crate::{delivery::model::Moment, openapi::text::Id};
use utoipa::ToSchema;

/// A zone by what it sends: its own domain.
#[derive(Debug, ToSchema)]
pub struct SendingZone {
    /// The zone's id.
    pub id: Id,
    /// The same.
    pub tag: Id,
    /// Its domain.
    pub name: String,
    /// `unconfigured`, `misconfigured` or `ready`.
    pub status: String,
    /// Whether it may send.
    pub enabled: bool,
    /// When its domain was onboarded.
    pub created: Option<Moment>,
    /// When that was changed last.
    pub modified: Option<Moment>,
}

/// A zone and all its sending domains.
#[derive(Debug, ToSchema)]
pub struct SendingSettings {
    /// The zone's id.
    pub id: Id,
    /// The same.
    pub tag: Id,
    /// Its domain.
    pub name: String,
    /// `unconfigured`, `misconfigured` or `ready`.
    pub status: String,
    /// Whether its own domain may send.
    pub enabled: bool,
    /// When its own domain was onboarded.
    pub created: Option<Moment>,
    /// When that was changed last.
    pub modified: Option<Moment>,
    /// Its sending domains, its own among them.
    pub subdomains: Vec<SendingDomain>,
}

/// A domain that mail can be sent from.
#[derive(Debug, ToSchema)]
pub struct SendingDomain {
    /// Its id.
    pub tag: Id,
    /// The domain, with `*.` for a wildcard.
    pub name: String,
    /// Whether it may send.
    pub enabled: bool,
    /// The selector of the key that signs.
    pub dkim_selector: Option<String>,
    /// Where its bounces go.
    pub return_path_domain: String,
    /// Whether suppressed recipients are left out, not refused.
    pub drop_suppressed_recipients: bool,
    /// Whether the beginning of messages is kept for looking at.
    pub preview_enabled: bool,
    /// Since when it is known to be the account's own.
    pub verified: Option<Moment>,
    /// Its keys.
    pub dkim_keys: Vec<DkimKey>,
    /// When it was onboarded.
    pub created: Moment,
    /// When it was changed last.
    pub modified: Moment,
}

/// A key that signs or will or did.
#[derive(Debug, ToSchema)]
pub struct DkimKey {
    /// Its selector.
    pub selector: String,
    /// Its algorithm.
    pub algorithm: String,
    /// `waiting`, `signing` or `retiring`.
    pub stage: String,
    /// Since when.
    pub since: Moment,
}

/// What is left of a sending domain that was removed.
#[derive(Debug, ToSchema)]
pub struct RemovedDomain {
    /// What its id was.
    pub tag: Id,
}
