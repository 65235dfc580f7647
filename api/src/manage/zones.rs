//! `/zones`

use super::change;
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Body, Input, Known, Lookup, PageOf,
        objects::{self, accounts::Removed},
    },
    page::{Page, PageQuery},
    request::{body, query},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_engine::address::Domain;
use mailwright_storage::control::{Permission, Zone};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, ToSchema)]
struct ZoneBody {
    /// The domain.
    #[schema(min_length = 1)]
    name: String,
    /// Whose it is to be.
    account: AccountRef,
}

#[derive(Debug, Deserialize, ToSchema)]
struct AccountRef {
    /// The account's id.
    id: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ZoneQuery {
    /// Only the zone of this name.
    name: Option<String>,
    /// Only zones of this account.
    #[serde(rename = "account.id")]
    account_id: Option<String>,
}

/// `GET /zones?name=&account.id=&page=&per_page=`
#[utoipa::path(
    get, path = "/client/v4/zones", tag = "Zones", operation_id = "list_zones",
    params(ZoneQuery, PageQuery),
    responses((status = 200, body = PageOf<objects::accounts::Zone>), Known, Input),
)]
pub(super) async fn list(
    http: HttpRequest,
    caller: Caller,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let ZoneQuery { name, account_id } = query(&http)?;
    // What is no domain is the name of no zone.
    let name = name.map(|name| Domain::parse(&name).ok());
    let is_wanted = |zone: &Zone| {
        caller.sees(zone)
            && name.as_ref().is_none_or(|name| name.as_ref() == Some(&zone.name))
            && account_id.as_ref().is_none_or(|id| id == zone.account_id.as_str())
    };
    let zones: Vec<_> = state.control.zones().into_iter().filter(is_wanted).collect();
    Ok(Page::of(&http)?.of_all(zones.iter().map(|zone| shown(&state, zone))))
}

/// `POST /zones {name, account: {id}}`
#[utoipa::path(
    post, path = "/client/v4/zones", tag = "Zones", operation_id = "make_zone",
    request_body = ZoneBody,
    responses((status = 200, body = Answer<objects::accounts::Zone>), Known, Lookup, Body),
)]
pub(super) async fn create(
    http: HttpRequest,
    caller: Caller,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let ZoneBody { name, account } = body(&http, &state, payload).await?;
    let account = caller.account(&state, &account.id, Permission::Admin)?;
    let name = Domain::parse(&name).map_err(|error| ApiError::schema("name", format!("{error}.")))?;
    let zone = change(&state, move |control| control.create_zone(&account.id, name, &caller.by())).await?;
    Ok(answer::success(shown(&state, &zone)))
}

/// `GET /zones/{zone_id}`
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}", tag = "Zones", operation_id = "get_zone",
    responses((status = 200, body = Answer<objects::accounts::Zone>), Known, Lookup),
)]
pub(super) async fn get(
    caller: Caller,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let zone = state.control.zone(&id).filter(|zone| caller.sees(zone));
    Ok(answer::success(shown(&state, &zone.ok_or_else(|| ApiError::no_object("zone"))?)))
}

/// `DELETE /zones/{zone_id}`
#[utoipa::path(
    delete, path = "/client/v4/zones/{zone_id}", tag = "Zones", operation_id = "remove_zone",
    responses((status = 200, body = Answer<Removed>), Known, Lookup, Input),
)]
pub(super) async fn delete(
    caller: Caller,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &id, Permission::Admin)?;
    let deleted = json!({ "id": zone.id });
    change(&state, move |control| control.delete_zone(&zone.id, &caller.by())).await?;
    Ok(answer::success(deleted))
}

/// A zone as the service shows it. What it says about things that there are not here says so.
fn shown(state: &AppState, zone: &Zone) -> Value {
    let account = state.control.account(zone.account_id.as_str());
    let created = zone.created.to_string();
    json!({
        "id": zone.id, "name": zone.name,
        "account": { "id": zone.account_id, "name": account.map(|account| account.name) },
        "owner": { "id": null, "name": null, "type": "user" },
        "plan": { "id": "self_hosted", "name": "Self-hosted" },
        "meta": { "dns_only": true, "phishing_detected": false, "step": 0 },
        "status": "active", "paused": false, "type": "partial", "development_mode": 0,
        "name_servers": [], "original_name_servers": null, "original_registrar": null, "original_dnshost": null,
        "permissions": ["#zone:read", "#zone:edit"],
        "created_on": created, "modified_on": created, "activated_on": created,
    })
}
