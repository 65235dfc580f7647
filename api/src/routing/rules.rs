//! The rules of a zone, and those of all zones of an account.

use super::rule_model::{MatcherKind, RuleBody, RuleRow};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    delivery::blocking,
    manage::change,
    openapi::{Answer, Body, Input, Known, Lookup, PageOf},
    page::{Page, PageQuery},
    request::{body, query},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_storage::control::{Control, Permission, RouteAction, RoutingRule, Zone};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those that are, or are not.
    enabled: Option<bool>,
}

/// `GET /zones/{zone_id}/email/routing/rules?enabled=&page=&per_page=`: in the order in which they were made, the
/// catch-all last, if it was set.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/routing/rules",
    tag = "Routing rules", operation_id = "list_routing_rules",
    params(ListQuery, PageQuery), responses((status = 200, body = PageOf<RuleRow>), Known, Lookup, Input),
)]
pub(super) async fn list(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::RoutingRead)?;
    page(&http, &state, &[zone])
}

/// `GET /accounts/{account_id}/email/routing/rules?enabled=&page=&per_page=`: zone by zone.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/routing/rules",
    tag = "Routing rules", operation_id = "list_routing_rules_of_account",
    params(ListQuery, PageQuery), responses((status = 200, body = PageOf<RuleRow>), Known, Lookup, Input),
)]
pub(super) async fn of_account(
    http: HttpRequest,
    caller: Caller,
    account_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account_id, Permission::RoutingRead)?;
    let mut zones = state.control.zones();
    zones.retain(|zone| zone.account_id == account.id);
    page(&http, &state, &zones)
}

fn page(http: &HttpRequest, state: &AppState, zones: &[Zone]) -> Result<HttpResponse, ApiError> {
    let ListQuery { enabled } = query(http)?;
    let of_zone = |zone| {
        let rules = state.control.rules(zone).into_iter();
        rules.filter(|rule| enabled.is_none_or(|enabled| enabled == rule.says.enabled))
    };
    let rules: Vec<_> =
        zones.iter().flat_map(|zone| of_zone(&zone.id).map(move |rule| (zone, rule))).collect();
    let row = |(zone, rule): &(&Zone, Arc<RoutingRule>)| RuleRow::new(&state.control, zone, rule);
    Ok(Page::of(http)?.of_all(rules.iter().map(row)))
}

/// `POST /zones/{zone_id}/email/routing/rules {matchers, actions, enabled?, name?, priority?}`
#[utoipa::path(
    post, path = "/client/v4/zones/{zone_id}/email/routing/rules",
    tag = "Routing rules", operation_id = "make_routing_rule",
    request_body = RuleBody, responses((status = 200, body = Answer<RuleRow>), Known, Lookup, Body),
)]
pub(super) async fn create(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::RoutingEdit)?;
    let body: RuleBody = body(&http, &state, payload).await?;
    if body.matchers.iter().any(|matcher| matcher.kind == MatcherKind::All) {
        let why = "A zone has one catch-all: set it with PUT …/email/routing/rules/catch_all.";
        return Err(ApiError::schema("matchers[0].type", why));
    }
    let (says, by, id) = (body.read()?, caller.by(), zone.id.clone());
    let rule = change(&state, move |control| control.create_rule(&id, says, &by)).await?;
    Ok(shown(&state, &zone, &rule).await)
}

/// `GET /zones/{zone_id}/email/routing/rules/{rule_id}`
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/routing/rules/{rule_id}",
    tag = "Routing rules", operation_id = "show_routing_rule",
    responses((status = 200, body = Answer<RuleRow>), Known, Lookup),
)]
pub(super) async fn get(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &path.0, Permission::RoutingRead)?;
    Ok(shown(&state, &zone, &*found(&state.control, &zone, &path.1)?).await)
}

/// `PUT /zones/{zone_id}/email/routing/rules/{rule_id} {matchers, actions, enabled?, name?, priority?}`
#[utoipa::path(
    put, path = "/client/v4/zones/{zone_id}/email/routing/rules/{rule_id}",
    tag = "Routing rules", operation_id = "replace_routing_rule",
    request_body = RuleBody, responses((status = 200, body = Answer<RuleRow>), Known, Lookup, Body),
)]
pub(super) async fn update(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &path.0, Permission::RoutingEdit)?;
    let known = found(&state.control, &zone, &path.1)?;
    let (by, zone_id) = (caller.by(), zone.id.clone());
    let says = body::<RuleBody>(&http, &state, payload).await?.read()?;
    let changed = change(&state, move |control| {
        if known.id == zone_id {
            control.set_catch_all(&zone_id, says, &by)
        } else {
            control.update_rule(&zone_id, known.id.as_str(), says, &by)
        }
    });
    Ok(shown(&state, &zone, &*changed.await?).await)
}

/// `DELETE /zones/{zone_id}/email/routing/rules/{rule_id}`: the catch-all is then as if nobody had set it.
#[utoipa::path(
    delete, path = "/client/v4/zones/{zone_id}/email/routing/rules/{rule_id}",
    tag = "Routing rules", operation_id = "remove_routing_rule",
    responses((status = 200, body = Answer<RuleRow>), Known, Lookup),
)]
pub(super) async fn delete(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &path.0, Permission::RoutingEdit)?;
    let (zone_id, id, by) = (zone.id.clone(), path.into_inner().1, caller.by());
    let deleted = change(&state, move |control| control.delete_rule(&zone_id, &id, &by)).await?;
    Ok(shown(&state, &zone, &deleted).await)
}

/// `GET /zones/{zone_id}/email/routing/rules/catch_all`: a disabled one where nobody has set it.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/routing/rules/catch_all",
    tag = "Routing rules", operation_id = "show_catch_all",
    responses((status = 200, body = Answer<RuleRow>), Known, Lookup),
)]
pub(super) async fn catch_all(
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::RoutingRead)?;
    Ok(shown(&state, &zone, &state.control.catch_all(&zone)).await)
}

/// `PUT /zones/{zone_id}/email/routing/rules/catch_all {matchers, actions, enabled?, name?}`
#[utoipa::path(
    put, path = "/client/v4/zones/{zone_id}/email/routing/rules/catch_all",
    tag = "Routing rules", operation_id = "set_catch_all",
    request_body = RuleBody, responses((status = 200, body = Answer<RuleRow>), Known, Lookup, Body),
)]
pub(super) async fn set_catch_all(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::RoutingEdit)?;
    let says = body::<RuleBody>(&http, &state, payload).await?.read()?;
    let (by, id) = (caller.by(), zone.id.clone());
    let rule = change(&state, move |control| control.set_catch_all(&id, says, &by)).await?;
    Ok(shown(&state, &zone, &rule).await)
}

/// The zone's rule of this id.
fn found(control: &Control, zone: &Zone, id: &str) -> Result<Arc<RoutingRule>, ApiError> {
    let catch_all = || (id == zone.id.as_str()).then(|| control.catch_all(zone));
    control.rule(&zone.id, id).or_else(catch_all).ok_or_else(|| ApiError::no_object("rule"))
}

async fn shown(state: &AppState, zone: &Zone, rule: &RoutingRule) -> HttpResponse {
    let note = waits_for(state, zone, rule).await;
    answer::success_noting(RuleRow::new(&state.control, zone, rule), note)
}

/// What mail of a rule waits for whose Worker cannot have it.
async fn waits_for(state: &AppState, zone: &Zone, rule: &RoutingRule) -> Option<String> {
    let RouteAction::Worker(name) = &rule.says.action else { return None };
    let script = name.parse().ok().and_then(|name| state.stores.scripts.script(&zone.account_id, &name));
    if script.is_none_or(|script| script.deployed.is_none()) {
        return Some(format!(
            "The Worker {name} is not deployed: until it is, mail of this rule waits for it."
        ));
    }
    let Some(workers) = state.workers.clone() else {
        return Some(
            "Workers are turned off on this server: mail of this rule waits until they are not.".to_owned(),
        );
    };
    // It may have to be started to know that it runs.
    let is_missing = blocking(move || Ok(workers.runtime().is_err())).await.unwrap_or_default();
    is_missing.then(|| {
        "Workers need workerd, which `mailwright worker setup` installs: mail of this rule waits for it."
            .to_owned()
    })
}
