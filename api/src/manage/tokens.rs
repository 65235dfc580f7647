//! `/user/tokens`: tokens as the service's clients make them, with policies of permission groups and resources.
//!
//! A policy names resources as `com.cloudflare.api.account.<id>` or `com.cloudflare.api.account.zone.<id>`; all of
//! them are of one account. Beside what the service has, a token may have a `priority`, and a roll an `overlap`.

use super::change;
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Body, Input, Known, Lookup, PageOf,
        objects::{
            self,
            accounts::Removed,
            tokens::{PermissionGroup, TokenStatus},
        },
    },
    page::{Page, PageQuery},
    request::{body, optional_body},
    server::AppState,
    time::read_time,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::clock;
use mailwright_engine::{class::Priority, time::UnixMillis};
use mailwright_storage::control::{NewToken, ObjectId, Permission, Token};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use utoipa::ToSchema;

const ACCOUNT: &str = "com.cloudflare.api.account.";
const ZONE: &str = "com.cloudflare.api.account.zone.";

/// How long the secret before stays good when nobody says.
const OVERLAP: Duration = Duration::from_secs(86_400);
/// Longest time that two secrets are good.
const OVERLAP_MAX: Duration = Duration::from_secs(30 * 86_400);

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewToken)]
struct TokenBody {
    /// Its name.
    name: String,
    /// What it may do.
    policies: Vec<Policy>,
    /// From when on it is good.
    #[schema(format = DateTime)]
    not_before: Option<String>,
    /// Until when.
    #[schema(format = DateTime)]
    expires_on: Option<String>,
    /// How urgent its mail is when nobody says: `high`, `normal` or `bulk`.
    priority: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewTokenPolicy)]
struct Policy {
    /// `allow`: what is not allowed is denied.
    #[schema(pattern = "^allow$")]
    effect: String,
    /// What.
    permission_groups: Vec<GroupRef>,
    /// With what: names of an account or of zones, each with `*`.
    resources: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = PermissionGroupRef)]
struct GroupRef {
    /// The permission group's id.
    id: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = TokenRoll)]
struct RollBody {
    /// How long the value before stays good, as `2h`.
    #[serde(default, with = "humantime_serde")]
    #[schema(value_type = Option<String>)]
    overlap: Option<Duration>,
}

/// `GET /user/tokens/verify`
#[utoipa::path(
    get, path = "/client/v4/user/tokens/verify", tag = "Tokens", operation_id = "verify_token",
    responses((status = 200, body = Answer<TokenStatus>), Known),
)]
pub(super) async fn verify(caller: Caller) -> Result<HttpResponse, ApiError> {
    let token = caller.token().ok_or_else(ApiError::unauthenticated)?;
    Ok(answer::success(json!({
        "id": token.id, "status": "active", "not_before": time(token.not_before), "expires_on": time(token.expires),
    })))
}

/// `GET /user/tokens/permission_groups`
#[utoipa::path(
    get, path = "/client/v4/user/tokens/permission_groups", tag = "Tokens", operation_id = "list_permission_groups",
    responses((status = 200, body = Answer<Vec<PermissionGroup>>), Known),
)]
pub(super) async fn permission_groups(_caller: Caller) -> HttpResponse {
    answer::success(Permission::ALL.map(group).to_vec())
}

/// `GET /user/tokens?page=&per_page=`: those that the caller may manage.
#[utoipa::path(
    get, path = "/client/v4/user/tokens", tag = "Tokens", operation_id = "list_tokens",
    params(PageQuery), responses((status = 200, body = PageOf<objects::tokens::Token>), Known, Input),
)]
pub(super) async fn list(
    http: HttpRequest,
    caller: Caller,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let tokens: Vec<_> =
        state.control.tokens().into_iter().filter(|token| manages(&caller, token).is_ok()).collect();
    Ok(Page::of(&http)?.of_all(tokens.iter().map(|token| shown(&state, token))))
}

/// `POST /user/tokens {name, policies, not_before?, expires_on?, priority?}`
#[utoipa::path(
    post, path = "/client/v4/user/tokens", tag = "Tokens", operation_id = "make_token",
    request_body = TokenBody,
    responses((status = 200, body = Answer<objects::tokens::Token>), Known, Lookup, Body),
)]
pub(super) async fn create(
    http: HttpRequest,
    caller: Caller,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let new = wanted(&state, &caller, body(&http, &state, payload).await?)?;
    let account = caller.account(&state, new.account_id.as_str(), Permission::Admin)?;
    grants(&caller, &new)?;
    let new = NewToken { account_id: account.id, ..new };
    let (token, secret) = change(&state, move |control| control.create_token(new, &caller.by())).await?;
    let mut answer = shown(&state, &token);
    answer["value"] = secret.reveal().into();
    Ok(answer::success(answer))
}

/// `GET /user/tokens/{token_id}`
#[utoipa::path(
    get, path = "/client/v4/user/tokens/{token_id}", tag = "Tokens", operation_id = "get_token",
    responses((status = 200, body = Answer<objects::tokens::Token>), Known, Lookup),
)]
pub(super) async fn get(
    caller: Caller,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let token = find(&caller, &state, &id)?;
    Ok(answer::success(shown(&state, &token)))
}

/// `DELETE /user/tokens/{token_id}`
#[utoipa::path(
    delete, path = "/client/v4/user/tokens/{token_id}", tag = "Tokens", operation_id = "remove_token",
    responses((status = 200, body = Answer<Removed>), Known, Lookup),
)]
pub(super) async fn delete(
    caller: Caller,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let token = find(&caller, &state, &id)?;
    let deleted = json!({ "id": token.id });
    change(&state, move |control| control.delete_token(&token.id, &caller.by())).await?;
    Ok(answer::success(deleted))
}

/// `PUT /user/tokens/{token_id}/value {overlap?}`: another secret; the one before stays good for a day, or as long as
/// `overlap` says (`"0s"`: not at all). The answer is the secret.
#[utoipa::path(
    put, path = "/client/v4/user/tokens/{token_id}/value",
    tag = "Tokens", operation_id = "roll_token",
    request_body = Option<RollBody>, responses((status = 200, body = Answer<String>), Known, Lookup, Body),
)]
pub(super) async fn roll(
    http: HttpRequest,
    caller: Caller,
    id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let token = find(&caller, &state, &id)?;
    let overlap = optional_body::<RollBody>(&http, &state, payload).await?.overlap.unwrap_or(OVERLAP);
    if overlap > OVERLAP_MAX {
        return Err(ApiError::schema("overlap", "Two secrets are good for 30 days at most."));
    }
    let (_, secret) =
        change(&state, move |control| control.roll_token(&token.id, overlap, &caller.by())).await?;
    Ok(answer::success(secret.reveal()))
}

/// The token with this id, if the caller may manage it.
fn find(caller: &Caller, state: &AppState, id: &str) -> Result<Arc<Token>, ApiError> {
    let token = id.parse().ok().and_then(|id: ObjectId| state.control.token(&id));
    let token = token.filter(|token| caller.token().is_none_or(|own| own.sees(token.account_id.as_str())));
    let token = token.ok_or_else(|| ApiError::no_object("token"))?;
    manages(caller, &token)?;
    Ok(token)
}

/// Whether the caller may see, change and remove this token: who has all that it has.
fn manages(caller: &Caller, token: &Token) -> Result<(), ApiError> {
    let Some(own) = caller.token() else { return Ok(()) };
    let may = own.allows(Permission::Admin, token.account_id.as_str())
        && own.zones.is_none()
        && (own.may_operate() || !token.may_operate());
    if may { Ok(()) } else { Err(ApiError::forbidden()) }
}

/// Refuses to give away more than the caller has.
fn grants(caller: &Caller, new: &NewToken) -> Result<(), ApiError> {
    let Some(own) = caller.token() else { return Ok(()) };
    let covers = |wanted: &Permission| own.permissions.iter().any(|granted| granted.covers(*wanted));
    if new.permissions.iter().all(covers) { Ok(()) } else { Err(ApiError::forbidden()) }
}

/// The token that a request describes.
fn wanted(state: &AppState, caller: &Caller, body: TokenBody) -> Result<NewToken, ApiError> {
    let mut permissions = Vec::new();
    let mut resources = Resources::default();
    for (index, policy) in body.policies.iter().enumerate() {
        if policy.effect != "allow" {
            let why = "A policy's effect is 'allow': what is not allowed is denied.";
            return Err(ApiError::schema(format!("policies[{index}].effect"), why));
        }
        for group in &policy.permission_groups {
            permissions.push(permission(&group.id).ok_or_else(|| no_group(index, &group.id))?);
        }
        for (name, scope) in &policy.resources {
            if scope != "*" {
                return Err(no_scope(index));
            }
            resources.take(state, caller, name).ok_or_else(|| no_resource(index, name))?;
        }
    }
    permissions.sort_unstable();
    permissions.dedup();
    let account_id = resources.account.ok_or_else(|| {
        ApiError::schema(
            "policies",
            format!("The policies must name an account: {ACCOUNT}<id>, or zones of it."),
        )
    })?;
    let priority = body.priority.map(|text| text.parse::<Priority>()).transpose();
    Ok(NewToken {
        account_id,
        name: body.name,
        permissions,
        zones: (!resources.zones.is_empty()).then_some(resources.zones),
        priority: priority
            .map_err(|error| ApiError::schema("priority", format!("{error}.")))?
            .unwrap_or_default(),
        not_before: body.not_before.map(|text| read_time("not_before", &text)).transpose()?,
        expires: body.expires_on.map(|text| read_time("expires_on", &text)).transpose()?,
    })
}

/// What the policies of a token are about.
#[derive(Debug, Default)]
struct Resources {
    account: Option<ObjectId>,
    zones: Vec<ObjectId>,
}

impl Resources {
    /// `None` for what there is not, as far as the caller may know, and for a second account.
    fn take(&mut self, state: &AppState, caller: &Caller, name: &str) -> Option<()> {
        let account = if let Some(id) = name.strip_prefix(ZONE) {
            let zone = state.control.zone(id).filter(|zone| caller.sees(zone))?;
            if !self.zones.contains(&zone.id) {
                self.zones.push(zone.id);
            }
            zone.account_id
        } else {
            let account = state.control.account(name.strip_prefix(ACCOUNT)?);
            account.filter(|account| caller.sees_account(account))?.id
        };
        if self.account.as_ref().is_some_and(|known| *known != account) {
            return None;
        }
        self.account = Some(account);
        Some(())
    }
}

fn no_group(index: usize, id: &str) -> ApiError {
    let id: String = id.chars().take(80).collect();
    let why = format!("There is no permission group {id:?}: GET /user/tokens/permission_groups lists them.");
    ApiError::schema(format!("policies[{index}].permission_groups"), why)
}

fn no_scope(index: usize) -> ApiError {
    let why = "A resource's value is '*', all of it; name zones instead of a part of an account.";
    ApiError::schema(format!("policies[{index}].resources"), why)
}

fn no_resource(index: usize, name: &str) -> ApiError {
    let name: String = name.chars().take(120).collect();
    let why = format!(
        "{name:?} is no resource of this token's account: name {ACCOUNT}<id>, or {ZONE}<id>, all of one account."
    );
    ApiError::schema(format!("policies[{index}].resources"), why)
}

/// The permission of a group's id: its place in the list of permissions, in 32 digits.
fn permission(id: &str) -> Option<Permission> {
    Permission::ALL.into_iter().find(|permission| group_id(*permission) == id)
}

fn group_id(permission: Permission) -> String {
    let place = Permission::ALL.iter().position(|one| *one == permission).unwrap_or_default();
    format!("{:032x}", place + 1)
}

/// A permission group as the service shows it.
fn group(permission: Permission) -> Value {
    json!({ "id": group_id(permission), "name": permission.as_str(), "scopes": [ACCOUNT.trim_end_matches('.')] })
}

/// A token as the service shows it.
fn shown(state: &AppState, token: &Token) -> Value {
    let status = if token.expires.is_some_and(|until| until <= clock::now()) { "expired" } else { "active" };
    let resources: Map<String, Value> = match &token.zones {
        None => [(format!("{ACCOUNT}{}", token.account_id), "*".into())].into_iter().collect(),
        Some(zones) => zones.iter().map(|id| (format!("{ZONE}{id}"), "*".into())).collect(),
    };
    let groups: Vec<_> = token.permissions.iter().copied().map(group).collect();
    json!({
        "id": token.id, "name": token.name, "status": status, "priority": token.priority,
        "issued_on": token.created.to_string(), "modified_on": token.modified.to_string(),
        "last_used_on": time(state.control.last_used(&token.id)),
        "not_before": time(token.not_before), "expires_on": time(token.expires),
        "previous_value_until": time(token.previous.as_ref().map(|previous| previous.until)),
        "policies": [{
            "id": token.id, "effect": "allow", "permission_groups": groups, "resources": resources,
        }],
    })
}

fn time(at: Option<UnixMillis>) -> Option<String> {
    at.map(|at| at.to_string())
}
