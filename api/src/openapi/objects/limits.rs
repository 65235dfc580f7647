//! How much accounts may send.

use crate::{delivery::model::Moment, openapi::text::Id};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Most recipients in each window. `null` says nothing, so that what is more general holds; 0 is no limit.
#[derive(Debug, ToSchema)]
pub struct Rates {
    /// In any second.
    pub second: Option<u64>,
    /// In any hour.
    pub hour: Option<u64>,
    /// In a day of UTC.
    pub day: Option<u64>,
}

/// What is set for an account; what is left out is as the server's configuration says.
#[derive(Debug, ToSchema)]
pub struct LimitsSetting {
    /// Of all that it sends.
    #[schema(nullable = false)]
    pub account: Option<Rates>,
    /// Of each sending domain that is not in `domains`.
    #[schema(nullable = false)]
    pub domain: Option<Rates>,
    /// Of each address that it sends to.
    #[schema(nullable = false)]
    pub recipient: Option<Rates>,
    /// Of each token that is not in `tokens`.
    #[schema(nullable = false)]
    pub token: Option<Rates>,
    /// Of single sending domains, by their tags.
    #[schema(nullable = false)]
    pub domains: Option<BTreeMap<String, Rates>>,
    /// Of single tokens, by their ids.
    #[schema(nullable = false)]
    pub tokens: Option<BTreeMap<String, Rates>>,
    /// Quotas of the first days on which it sends; an empty list ends the ramp.
    #[schema(max_items = 366)]
    pub ramp: Option<Vec<u64>>,
    /// Whether it may send to its own verified addresses and domains only.
    #[schema(nullable = false)]
    pub verified_recipients_only: Option<bool>,
}

/// What is used of a window.
#[derive(Debug, ToSchema)]
pub struct UsedWindow {
    /// Most recipients; `null` for no limit.
    pub limit: Option<u64>,
    /// Recipients in the window that ends now.
    pub used: u64,
    /// When all of it is free, if nothing more is sent; `null` if it is.
    pub free_at: Option<Moment>,
}

/// What is used of each window.
#[derive(Debug, ToSchema)]
pub struct UsedWindows {
    /// Of any second.
    pub second: UsedWindow,
    /// Of any hour.
    pub hour: UsedWindow,
    /// Of a day of UTC.
    pub day: UsedWindow,
}

/// A sending domain by its limits.
#[derive(Debug, ToSchema)]
pub struct UsedByDomain {
    /// Its tag.
    pub tag: Id,
    /// Its name.
    pub name: String,
    /// Of any second.
    pub second: UsedWindow,
    /// Of any hour.
    pub hour: UsedWindow,
    /// Of a day of UTC.
    pub day: UsedWindow,
}

/// A token by its limits.
#[derive(Debug, ToSchema)]
pub struct UsedByToken {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Of any second.
    pub second: UsedWindow,
    /// Of any hour.
    pub hour: UsedWindow,
    /// Of a day of UTC.
    pub day: UsedWindow,
}

/// What a new account may send.
#[derive(Debug, ToSchema)]
pub struct Ramp {
    /// On the first, second, third … day on which it sends.
    pub quotas: Vec<u64>,
    /// On how many days before today it has sent.
    pub days_before: u64,
    /// What it may send today; `null` once the ramp is behind it.
    pub today: Option<u64>,
}

/// How much an account may send, and how much of it is used.
#[derive(Debug, ToSchema)]
pub struct AccountLimits {
    /// All of it.
    pub account: UsedWindows,
    /// What holds for each sending domain that has none of its own.
    pub domain: Rates,
    /// What holds for each address.
    pub recipient: Rates,
    /// What holds for each token that has none of its own.
    pub token: Rates,
    /// Its sending domains.
    pub domains: Vec<UsedByDomain>,
    /// Its tokens.
    pub tokens: Vec<UsedByToken>,
    /// What it may send while it is new.
    pub ramp: Ramp,
    /// Whether it may send to its own verified addresses and domains only.
    pub verified_recipients_only: bool,
    /// What was set, as it can be set again; `null` if nothing was.
    pub set: Option<LimitsSetting>,
}
