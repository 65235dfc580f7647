//! Calls of webhooks: those that were made, one to try, and those to be made again.

use super::{model::AttemptRow, outbox_error, webhook};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{Answer, Body, Input, Known, Lookup, PageOf, objects::mail::Replayed},
    page::{Page, PageQuery},
    request::body,
    server::AppState,
    time::read_time,
};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

type Ids = web::Path<(String, String)>;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventRange)]
struct ReplayBody {
    /// Events from then on.
    #[schema(format = DateTime)]
    from: String,
    /// Events before then.
    #[schema(format = DateTime)]
    to: String,
}

/// `GET webhooks/{id}/attempts`: the newest hundred, the newest first.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/sending/webhooks/{id}/attempts",
    tag = "Webhooks", operation_id = "list_webhook_attempts",
    params(PageQuery), responses((status = 200, body = PageOf<AttemptRow>), Known, Lookup, Input),
)]
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
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/email/sending/webhooks/{id}/test",
    tag = "Webhooks", operation_id = "test_webhook",
    responses((status = 200, body = Answer<AttemptRow>), Known, Lookup),
)]
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
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/email/sending/webhooks/{id}/replay",
    tag = "Webhooks", operation_id = "replay_webhook_events",
    request_body = ReplayBody, responses((status = 200, body = Answer<Replayed>), Known, Lookup, Body),
)]
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
