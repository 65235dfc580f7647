//! The zones of an account that take mail from the world.

use super::state;
use crate::{
    access::Caller,
    answer::ApiError,
    openapi::{Input, Known, Lookup, PageOf, objects::routing::RoutingSettings},
    page::{Page, PageQuery},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_storage::control::Permission;

/// `GET /accounts/{account_id}/email/routing/zones?page=&per_page=`: those of which somebody said whether they do.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/routing/zones",
    tag = "Routing rules", operation_id = "list_routing_zones",
    params(PageQuery), responses((status = 200, body = PageOf<RoutingSettings>), Known, Lookup, Input),
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
    let page = Page::of(&http)?;
    let mut rows = Vec::new();
    for zone in zones.iter().skip(page.skip()).take(page.most()) {
        rows.push(state::row(&state, zone).await?);
    }
    Ok(page.answer(&rows, zones.len()))
}
