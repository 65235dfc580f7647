//! How the server is, for machines: load balancers, orchestrators, monitoring. Anybody may ask.
//!
//! `/health` is about the process: does a restart help? `ready` is about mail: is it taken now? `version` says what
//! runs.

pub(crate) mod ready;
pub(crate) mod version;

pub use ready::{Check, Ready};
pub(crate) use version::Started;
pub use version::Version;

use crate::{answer, openapi::objects::delivery::Health, server::AppState};
use actix_web::{
    HttpResponse, Route, guard,
    http::header::{CACHE_CONTROL, HeaderValue},
    web,
};
use serde_json::json;

/// What can be asked for with HEAD, too: load balancers do.
pub(crate) const PATHS: [&str; 4] = ["/health", "/ready", "/version", "/metrics"];

/// The routes.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    let [health_path, ready_path, version_path, metrics_path] = PATHS;
    config
        .service(answer::resource(health_path).route(read().to(health)))
        .service(answer::resource(ready_path).route(read().to(ready::ready)))
        .service(answer::resource(version_path).route(read().to(version::version)))
        .service(answer::resource(metrics_path).route(read().to(metrics)));
}

/// GET and HEAD; the answer to the latter goes out without its body (RFC 9110 section 9.3.2).
fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// An answer that is true at this moment only.
fn now(mut response: HttpResponse) -> HttpResponse {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// `GET /health`: 503 when only a restart helps.
#[utoipa::path(
    get, path = "/health", tag = "Server", operation_id = "get_health", security(()),
    responses((status = 200, body = Health), (status = 503, body = Health)),
)]
pub(crate) async fn health(state: web::Data<AppState>) -> HttpResponse {
    let mut response =
        if state.spool.is_failed() { HttpResponse::ServiceUnavailable() } else { HttpResponse::Ok() };
    let status = if state.spool.is_failed() { "failed" } else { "ok" };
    now(response.json(json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "queue": { "entries": state.spool.entries() },
    })))
}

/// `GET /metrics`, in Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", tag = "Server", operation_id = "get_metrics", security(()),
    responses((status = 200, body = String, content_type = "text/plain")),
)]
pub(crate) async fn metrics(state: web::Data<AppState>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(state.metrics.render())
}
