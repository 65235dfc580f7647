//! Calls of webhooks: those that were made, one to try, and those to be made again.

use super::{model::AttemptRow, outbox_error, webhook};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    page::Page,
    request::body,
    server::AppState,
    time::read_time,
};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

type Ids = web::Path<(String, String)>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplayBody {
    from: String,
    to: String,
}

/// `GET webhooks/{id}/attempts`: the newest hundred, the newest first.
pub(super) async fn list(
    http: HttpRequest,
    caller: Caller,
    ids: Ids,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let found = webhook(&caller, &state, &ids)?;
    let attempts = state.outbox.attempts(&found.id).await.map_err(|error| outbox_error(&error))?;
    Ok(Page::of(&http)?.of_all(attempts.into_iter().map(AttemptRow::from)))
}

/// `POST webhooks/{id}/test`: calls it now, with no events, and tells what it answered.
pub(super) async fn test(
    caller: Caller,
    ids: Ids,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let found = webhook(&caller, &state, &ids)?;
    let attempt = state.webhooks.try_call(found).await;
    let attempt = attempt
        .ok_or_else(|| ApiError::unavailable("The server is stopping; try again after its restart."))?;
    Ok(answer::success(AttemptRow::from(attempt)))
}

/// `POST webhooks/{id}/replay {from, to}`: tells it the events of that time again.
pub(super) async fn replay(
    http: HttpRequest,
    caller: Caller,
    ids: Ids,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let found = webhook(&caller, &state, &ids)?;
    let ReplayBody { from, to } = body(&http, &state, payload).await?;
    let (from, to) = (read_time("from", &from)?, read_time("to", &to)?);
    if to <= from {
        return Err(ApiError::schema("to", "The range ends before it begins."));
    }
    if !found.is_enabled() {
        return Err(ApiError::schema("", "The webhook is disabled; enable it before it is told anything."));
    }
    let replayed = state.outbox.replay(&found.id, from, to).await.map_err(|error| outbox_error(&error))?;
    Ok(answer::success(json!({ "replayed": replayed })))
}
