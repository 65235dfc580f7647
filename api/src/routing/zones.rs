//! The zones of an account that take mail from the world.

use crate::{
    access::Caller,
    answer::ApiError,
    openapi::{Input, Known, Lookup, PageOf, objects::routing::RoutingZone as Shown},
    page::{Page, PageQuery},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_storage::control::{Permission, RoutingZone};
use serde_json::{Value, json};

/// `GET /accounts/{account_id}/email/routing/zones?page=&per_page=`: those of which somebody said whether they do.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/routing/zones",
    tag = "Routing rules", operation_id = "list_routing_zones",
    params(PageQuery), responses((status = 200, body = PageOf<Shown>), Known, Lookup, Input),
)]
pub(super) async fn list(
    http: HttpRequest,
    caller: Caller,
    account_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account_id, Permission::RoutingRead)?;
    let mut zones = state.control.routing_zones();
    zones.retain(|zone| zone.account_id == account.id);
    Ok(Page::of(&http)?.of_all(zones.iter().map(|zone| shown(zone))))
}

fn shown(zone: &RoutingZone) -> Value {
    json!({
        "id": zone.zone_id, "tag": zone.zone_id, "name": zone.name, "enabled": zone.enabled,
        "support_subaddress": zone.support_subaddress,
        "created": zone.created.to_string(), "modified": zone.modified.to_string(),
    })
}
