//! Tokens.

use crate::{
    delivery::model::Moment,
    openapi::text::{Id, PermissionName},
};
use mailwright_engine::class::Priority;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A permission as policies name it.
#[derive(Debug, ToSchema)]
pub struct PermissionGroup {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: PermissionName,
    /// What it can be about.
    pub scopes: Vec<String>,
}

/// Whether a token is good.
#[derive(Debug, ToSchema)]
pub struct TokenStatus {
    /// Its id.
    pub id: Id,
    /// `active`.
    pub status: String,
    /// From when on it is good.
    pub not_before: Option<Moment>,
    /// Until when.
    pub expires_on: Option<Moment>,
}

/// A token; its value is shown once.
#[derive(Debug, ToSchema)]
pub struct Token {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// `active` or `expired`.
    pub status: String,
    /// How urgent its mail is when nobody says.
    #[schema(value_type = super::mail::Priority)]
    pub priority: Priority,
    /// When it was made.
    pub issued_on: Moment,
    /// When it was changed last.
    pub modified_on: Moment,
    /// When it was used last.
    pub last_used_on: Option<Moment>,
    /// From when on it is good.
    pub not_before: Option<Moment>,
    /// Until when.
    pub expires_on: Option<Moment>,
    /// Until when the value before is good.
    pub previous_value_until: Option<Moment>,
    /// What it may do.
    #[schema(min_items = 1, max_items = 1)]
    pub policies: Vec<TokenPolicy>,
    /// The token itself, in the answer that makes it.
    #[schema(nullable = false)]
    pub value: Option<String>,
}

/// What a token may do.
#[derive(Debug, ToSchema)]
pub struct TokenPolicy {
    /// The token's id.
    pub id: Id,
    /// `allow`.
    pub effect: String,
    /// What.
    pub permission_groups: Vec<PermissionGroup>,
    /// With what: the resource's name, and `*`.
    pub resources: BTreeMap<String, String>,
}
