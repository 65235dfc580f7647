//! `/accounts/{account_id}/email/sending/limits`: how much an account may send, and how much of it is used.
//!
//! The account sees its own; who operates the server sets them.

use super::change;
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Body, Known, Lookup,
        objects::limits::{self as objects, LimitsSetting},
    },
    request::{body, typed},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::clock;
use mailwright_engine::{
    class::TenantName,
    id::ObjectKey,
    limits::{CountKey, Rates, Window},
    time::UnixMillis,
};
use mailwright_storage::{
    control::{Account, AccountLimits, ObjectId, Permission, SendingDomain, Token},
    limits::Limits,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// Most days of a ramp.
const LONGEST_RAMP: usize = 366;
/// Most domains, and most tokens, with limits of their own.
const MOST_OF_THEIR_OWN: usize = 10_000;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LimitsBody {
    account: Rates,
    domain: Rates,
    recipient: Rates,
    token: Rates,
    domains: BTreeMap<ObjectId, Rates>,
    tokens: BTreeMap<ObjectId, Rates>,
    ramp: Option<Vec<u64>>,
    verified_recipients_only: bool,
}

impl LimitsBody {
    fn read(self, account_id: ObjectId) -> Result<AccountLimits, ApiError> {
        let ramp = self.ramp.as_deref().unwrap_or_default();
        if ramp.len() > LONGEST_RAMP || ramp.contains(&0) {
            let why = format!(
                "A ramp has a quota of at least 1 for each of its days, which are {LONGEST_RAMP} at most."
            );
            return Err(ApiError::schema("ramp", why));
        }
        for (field, number) in [("domains", self.domains.len()), ("tokens", self.tokens.len())] {
            if number > MOST_OF_THEIR_OWN {
                let why = format!("At most {MOST_OF_THEIR_OWN} {field} have limits of their own.");
                return Err(ApiError::schema(field, why));
            }
        }
        Ok(AccountLimits {
            account_id,
            account: self.account,
            domain: self.domain,
            recipient: self.recipient,
            token: self.token,
            domains: self.domains,
            tokens: self.tokens,
            ramp: self.ramp,
            verified_recipients_only: self.verified_recipients_only,
        })
    }
}

/// `GET /accounts/{account_id}/email/sending/limits`: what holds, what is used of it, and what was set.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/sending/limits", tag = "Accounts", operation_id = "show_limits",
    responses((status = 200, body = Answer<objects::AccountLimits>), Known, Lookup),
)]
pub(super) async fn get(
    caller: Caller,
    account_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account_id, Permission::AnalyticsRead)?;
    Ok(answer::success(shown(&state, &caller, &account)?))
}

/// `PUT /accounts/{account_id}/email/sending/limits`: in place of all that was set. For who operates the server.
#[utoipa::path(
    put, path = "/client/v4/accounts/{account_id}/email/sending/limits", tag = "Accounts", operation_id = "set_limits",
    request_body = LimitsSetting,
    responses((status = 200, body = Answer<objects::AccountLimits>), Known, Lookup, Body),
)]
pub(super) async fn put(
    http: HttpRequest,
    caller: Caller,
    account_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account_id, Permission::Operator)?;
    // A list, too, would be read as a structure.
    let fields: Map<String, Value> = body(&http, &state, payload).await?;
    let wanted: LimitsBody = typed(fields.into())?;
    let (limits, by) = (wanted.read(account.id.clone())?, caller.by());
    change(&state, move |control| control.set_limits(limits, &by)).await?;
    Ok(answer::success(shown(&state, &caller, &account)?))
}

/// What holds, what is used of it, and what was set, in the form that a PUT takes.
fn shown(state: &AppState, caller: &Caller, account: &Account) -> Result<Value, ApiError> {
    let missing = || ApiError::internal("The server does not count what accounts send.");
    let limits = state.spool.limits().ok_or_else(missing)?;
    let tenant = account.id.tenant().ok_or_else(missing)?;
    let (now, holds) = (clock::now(), limits.effective(&account.id));
    let usage = Usage { limits, now };
    let domains = domains(state, caller, account);
    let tokens = tokens(state, caller, account);
    Ok(json!({
        "account": usage.of(holds.account, Some(&CountKey::Account(tenant.clone()))),
        "domain": holds.domain, "recipient": holds.recipient, "token": holds.token,
        "domains": domains.iter().map(|domain| usage.of_domain(&holds, domain)).collect::<Vec<_>>(),
        "tokens": tokens.iter().map(|token| usage.of_token(&holds, token)).collect::<Vec<_>>(),
        "ramp": usage.of_ramp(&holds, &tenant),
        "verified_recipients_only": holds.verified_recipients_only,
        "set": state.control.limits_of_account(&account.id).map(|set| shown_set(state, &set)),
    }))
}

/// What was set, without what is no longer there.
fn shown_set(state: &AppState, set: &AccountLimits) -> Value {
    let mut domains = set.domains.clone();
    domains.retain(|tag, _| state.control.sending_domain_tagged(tag).is_some());
    let mut tokens = set.tokens.clone();
    tokens.retain(|id, _| state.control.token(id).is_some());
    json!({
        "account": set.account, "domain": set.domain, "recipient": set.recipient, "token": set.token,
        "domains": domains, "tokens": tokens, "ramp": set.ramp,
        "verified_recipients_only": set.verified_recipients_only,
    })
}

/// The sending domains of an account that the caller may know of.
fn domains(state: &AppState, caller: &Caller, account: &Account) -> Vec<Arc<SendingDomain>> {
    let reaches = |domain: &SendingDomain| caller.token().is_none_or(|own| own.reaches(&domain.zone_id));
    let mut domains = state.control.sending_domains();
    domains.retain(|domain| domain.account_id == account.id && reaches(domain));
    domains.sort_by_key(|domain| domain.pattern());
    domains
}

/// The tokens of an account that the caller may know of: all, or its own only.
fn tokens(state: &AppState, caller: &Caller, account: &Account) -> Vec<Arc<Token>> {
    let sees = |token: &Token| {
        caller.token().is_none_or(|own| {
            own.id == token.id || (own.zones.is_none() && own.allows(Permission::Admin, account.id.as_str()))
        })
    };
    let mut tokens = state.control.tokens();
    tokens.retain(|token| token.account_id == account.id && sees(token));
    tokens
}

/// What is used at a moment.
struct Usage<'a> {
    limits: &'a Limits,
    now: UnixMillis,
}

impl Usage<'_> {
    /// Each window: its limit, what is used of it, and when it is free again if nothing more is sent.
    fn of(&self, rates: Rates, key: Option<&CountKey>) -> Value {
        let mut windows = Map::new();
        for window in Window::ALL {
            let used = key.map(|key| self.limits.used(key, window, self.now));
            windows.insert(
                window.as_str().to_owned(),
                json!({
                    "limit": rates.most(window), "used": used.map_or(0, |used| used.used),
                    "free_at": used.and_then(|used| used.free_at).map(|at| at.to_string()),
                }),
            );
        }
        windows.into()
    }

    fn of_domain(&self, holds: &AccountLimits, domain: &SendingDomain) -> Value {
        let key = ObjectKey::parse(domain.tag.as_str()).map(CountKey::Domain);
        let mut shown = self.of(holds.of_domain(&domain.tag), key.as_ref());
        shown["tag"] = json!(domain.tag);
        shown["name"] = domain.pattern().into();
        shown
    }

    fn of_token(&self, holds: &AccountLimits, token: &Token) -> Value {
        let key = ObjectKey::parse(token.id.as_str()).map(CountKey::Token);
        let mut shown = self.of(holds.of_token(&token.id), key.as_ref());
        shown["id"] = json!(token.id);
        shown["name"] = token.name.as_str().into();
        shown
    }

    /// The ramp, on how many days before today the account has sent, and what that allows today.
    fn of_ramp(&self, holds: &AccountLimits, tenant: &TenantName) -> Value {
        let (ramp, days) =
            (holds.ramp.as_deref().unwrap_or_default(), self.limits.earlier_days(tenant, self.now));
        json!({ "quotas": ramp, "days_before": days, "today": ramp.get(days) })
    }
}
