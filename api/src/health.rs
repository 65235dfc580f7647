//! Whether all is well, for load balancers and dashboards.

use crate::{openapi::objects::delivery::Health, server::AppState};
use actix_web::{HttpResponse, web};
use serde_json::json;

/// `GET /health`.
#[utoipa::path(
    get, path = "/health", tag = "Server", operation_id = "get_health", security(()),
    responses((status = 200, body = Health), (status = 503, body = Health)),
)]
pub(crate) async fn health(state: web::Data<AppState>) -> HttpResponse {
    let mut response =
        if state.spool.is_failed() { HttpResponse::ServiceUnavailable() } else { HttpResponse::Ok() };
    let status = if state.spool.is_failed() { "failed" } else { "ok" };
    response.json(json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "queue": { "entries": state.spool.entries() },
    }))
}

/// `GET /metrics`, in Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", tag = "Server", operation_id = "get_metrics", security(()),
    responses((status = 200, body = String, content_type = "text/plain")),
)]
pub(crate) async fn metrics(state: web::Data<AppState>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(state.metrics.render())
}
