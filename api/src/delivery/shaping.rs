//! Traffic shaping: what holds, why, and what another file would have done.

use super::{ask, blocking};
use crate::{
    access::Operator,
    answer::{self, ApiError},
    openapi::{
        Answer, Body, Input, Known,
        objects::{
            accounts::NoFields,
            delivery::{Explanation, ReplayReport},
        },
    },
    request::{body, query},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, http::header, web};
use mailwright_actors::{
    clock,
    control::{ExplainShaping, OrderError, ReloadShaping, past_attempts},
};
use mailwright_engine::{address::Domain, shaping::Shaping, time::UnixMillis};
use mailwright_storage::events::EventReader;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExplainQuery {
    /// A domain.
    #[param(min_length = 1)]
    domain: String,
    /// A source.
    source: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ShapingReplay)]
struct ReplayBody {
    /// The text of a shaping file.
    shaping: String,
    /// How far back to go, as `2h`; a day when nobody says.
    #[serde(default = "a_day", with = "humantime_serde")]
    #[schema(value_type = String)]
    since: Duration,
}

const fn a_day() -> Duration {
    Duration::from_secs(24 * 3600)
}

/// `POST shaping/reload`
#[utoipa::path(
    post, path = "/client/v4/delivery/shaping/reload",
    tag = "Delivery", operation_id = "reload_shaping",
    responses((status = 200, body = Answer<NoFields>), Known, Input),
)]
pub(super) async fn reload(
    _operator: Operator,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    ask(&state, ReloadShaping).await?;
    Ok(answer::success(json!({})))
}

/// `GET shaping/explain?domain=&source=`: JSON, or tables for whoever accepts `text/plain`.
#[utoipa::path(
    get, path = "/client/v4/delivery/shaping/explain",
    tag = "Delivery", operation_id = "explain_shaping",
    params(ExplainQuery),
    responses(
        (status = 200, content((Answer<Explanation> = "application/json"), (String = "text/plain"))),
        Known, Input
    ),
)]
pub(super) async fn explain(
    http: HttpRequest,
    _operator: Operator,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let ExplainQuery { domain, source } = query(&http)?;
    let domain =
        Domain::parse(&domain).map_err(|error| ApiError::senseless("domain", format!("{error}.")))?;
    let explanation = ask(&state, ExplainShaping { domain, source }).await?;
    let accepted = http.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if accepted.is_some_and(|accepted| accepted.starts_with("text/plain")) {
        return Ok(HttpResponse::Ok()
            .content_type("text/plain; charset=utf-8")
            .body(explanation.to_string()));
    }
    Ok(answer::success(explanation))
}

/// `POST shaping/replay {shaping, since}`: tries a file on what happened; nothing changes.
#[utoipa::path(
    post, path = "/client/v4/delivery/shaping/replay",
    tag = "Delivery", operation_id = "replay_shaping",
    request_body = ReplayBody, responses((status = 200, body = Answer<ReplayReport>), Known, Body),
)]
pub(super) async fn replay(
    http: HttpRequest,
    _operator: Operator,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let ReplayBody { shaping, since } = body(&http, &state, payload).await?;
    let shaping =
        Shaping::parse(&shaping).map_err(|error| ApiError::senseless("shaping", error.to_string()))?;
    let reader = EventReader::new(&state.events_dir);
    let report = blocking(move || {
        let now = clock::now();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let from = UnixMillis::new(now.as_millis().saturating_sub(millis));
        Ok(shaping.replay(past_attempts(&reader, from, now).map_err(OrderError::from)?))
    });
    Ok(answer::success(report.await?))
}
