//! What runs.

use super::now;
use crate::{delivery::model::Moment, server::AppState};
use actix_web::{HttpResponse, web};
use mailwright_actors::clock;
use mailwright_engine::time::UnixMillis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The commit that the program was built from, if whoever built it said so.
const COMMIT: Option<&str> = option_env!("MAILWRIGHT_COMMIT");

/// What runs, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Version {
    /// The version.
    pub version: String,
    /// The commit that it was built from, if whoever built it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub commit: Option<String>,
    /// The compiler's version.
    pub rustc: String,
    /// The machine that it was built for.
    pub target: String,
    /// What is turned on: `relay`, `submission`, `inbound`, `policy_host`, `workers`.
    pub features: Vec<String>,
    /// When it began to serve.
    pub started_at: Moment,
    /// For how many seconds it has.
    pub uptime_seconds: u64,
}

/// When the server began to serve.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Started {
    /// By the clock on the wall.
    at: UnixMillis,
    /// By the time that is never set.
    since: UnixMillis,
}

impl Started {
    /// Now.
    pub(crate) fn now() -> Self {
        Self { at: clock::wall(), since: clock::now() }
    }
}

/// `GET /version`: what runs, and since when.
#[utoipa::path(
    get, path = "/version", tag = "Server", operation_id = "get_version", security(()),
    responses((status = 200, body = Version)),
)]
pub(crate) async fn version(state: web::Data<AppState>) -> HttpResponse {
    let Started { at, since } = state.started;
    now(HttpResponse::Ok().json(Version {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: COMMIT.filter(|commit| !commit.is_empty()).map(str::to_owned),
        rustc: env!("MAILWRIGHT_RUSTC").to_owned(),
        target: env!("MAILWRIGHT_TARGET").to_owned(),
        features: state.settings.features.iter().map(|feature| (*feature).to_owned()).collect(),
        started_at: at.into(),
        uptime_seconds: clock::now().since(since).as_secs(),
    }))
}
