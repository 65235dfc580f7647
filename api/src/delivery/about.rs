//! How the server is set up, beside what `/version` says.

use crate::{
    access::Operator,
    answer,
    openapi::{Answer, Known},
    server::AppState,
};
use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

/// How the server is set up.
#[derive(Debug, Serialize, ToSchema)]
struct ServerFacts {
    /// `dev` or `serve`: how it was started.
    mode: &'static str,
    /// What it calls itself.
    hostname: String,
    /// For how many days it keeps what happened to messages.
    retention_days: u64,
    /// Whether Workers run here.
    workers: bool,
    /// Whether nothing is sent from a domain before the DNS shows that it is the account's own.
    verifies_domains: bool,
}

/// `GET server`: how the server is set up; `/version` says what runs and since when.
#[utoipa::path(
    get, path = "/client/v4/delivery/server", tag = "Delivery", operation_id = "get_server",
    responses((status = 200, body = Answer<ServerFacts>), Known),
)]
pub(super) async fn server(_operator: Operator, state: web::Data<AppState>) -> HttpResponse {
    answer::success(ServerFacts {
        mode: state.mode(),
        hostname: state.settings.hostname.clone(),
        retention_days: state.settings.retention_days,
        workers: state.workers.is_some(),
        verifies_domains: state.settings.sending.verify,
    })
}
