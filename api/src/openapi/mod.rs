//! The description of the API (OpenAPI 3.1), made of what stands at its routes.
//!
//! A handler says with `#[utoipa::path]` what it takes and answers, and the module that routes to it names it in its
//! `Described`. The first line of attributes is the route, the second its chapter and its name; path parameters, summary
//! and the refusals' texts are added here (`finish`). The types of bodies and queries describe themselves;
//! what handlers write as JSON is described in [`objects`]. A test compares the description with the routes.

pub mod answers;
mod finish;
pub mod objects;
pub mod text;

pub(crate) use answers::{
    Answer, Body, Guarded, Input, Known, Limited, Lookup, Moving, Once, PageOf, Stretch,
};

use crate::{
    activity, dashboard, delivery, graphql, health, inbox, manage, routing, scheduled, send, suppressions,
    unsubscribe, webhooks, workers,
};
use actix_web::{HttpResponse, http::header::ContentType};
use serde_json::Value;
use std::sync::LazyLock;
use utoipa::OpenApi;

/// Where it is served.
pub(crate) const PATH: &str = "/client/v4/openapi.json";

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| finish::finished(described()));
static TEXT: LazyLock<String> = LazyLock::new(|| DOCUMENT.to_string());

/// What is routed to by the server itself.
#[derive(OpenApi)]
#[openapi(paths(
    send::send,
    send::send_raw,
    send::batch::batch,
    send::preflight::preflight,
    health::health,
    health::ready::ready,
    health::version::version,
    health::metrics,
    unsubscribe::ask,
    unsubscribe::unsubscribe,
    describe,
))]
struct Described;

/// The descriptions of all modules that route.
fn parts() -> Vec<utoipa::openapi::OpenApi> {
    vec![
        Described::openapi(),
        activity::Described::openapi(),
        activity::routing::Described::openapi(),
        activity::contents::Described::openapi(),
        inbox::Described::openapi(),
        dashboard::Described::openapi(),
        delivery::Described::openapi(),
        graphql::Described::openapi(),
        manage::Described::openapi(),
        routing::Described::openapi(),
        scheduled::Described::openapi(),
        suppressions::Described::openapi(),
        webhooks::Described::openapi(),
        workers::Described::openapi(),
    ]
}

fn described() -> utoipa::openapi::OpenApi {
    parts().into_iter().fold(utoipa::openapi::OpenApi::default(), utoipa::openapi::OpenApi::merge_from)
}

/// The description of every route, as an OpenAPI 3.1 document.
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// The methods that a path takes, the path as its route has it.
pub(crate) fn methods(path: &str) -> Vec<String> {
    let routes = DOCUMENT["paths"][path].as_object();
    routes.into_iter().flatten().map(|(method, _)| method.to_ascii_uppercase()).collect()
}

/// `GET /client/v4/openapi.json`: this document. It says nothing of this server that is not in its source, so anybody
/// may read it.
#[utoipa::path(
    get, path = "/client/v4/openapi.json", tag = "Server", operation_id = "describe_api", security(()),
    responses((status = 200, body = Object, content_type = "application/json")),
)]
pub(crate) async fn describe() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(TEXT.as_str())
}

#[cfg(test)]
mod tests;
