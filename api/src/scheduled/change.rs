//! Changing scheduled messages, as long as nothing of them is under way.

use super::found::{Scheduled, find};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    delivery::ask,
    openapi::{Answer, Body, Known, Lookup, Moving, objects::mail::ScheduledMessage},
    request::body,
    send,
    server::AppState,
    time::read_time,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::{
    clock,
    control::{Cancel, OrderError},
    intake::Rescheduled,
};
use mailwright_engine::id::QueueId;
use mailwright_storage::{
    IdPrefix, ListFilter,
    control::{Account, Permission},
};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use utoipa::ToSchema;

/// How long before its time a message can no longer be changed: what was ordered must be on disk by then.
const MARGIN: Duration = Duration::from_secs(5);
/// How often it is looked whether what was cancelled is out of the queue.
const LOOK: Duration = Duration::from_millis(10);
/// How many times; it takes one or two.
const LOOKS: usize = 300;

/// Another time for a message.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Rescheduling)]
pub(super) struct ChangeBody {
    /// When it is to go.
    #[schema(format = DateTime, required)]
    send_at: Option<String>,
}

/// `PATCH …/scheduled/{id} {send_at}`: another time, for which the message is dated and signed anew.
#[utoipa::path(
    patch, path = "/client/v4/accounts/{account_id}/email/sending/scheduled/{id}",
    tag = "Sending", operation_id = "reschedule_message",
    request_body = ChangeBody,
    responses((status = 200, body = Answer<ScheduledMessage>), Known, Lookup, Body, Moving),
)]
pub(super) async fn reschedule(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let (account, id) = &*path;
    let account = caller.account(&state, account, Permission::Send)?;
    let ChangeBody { send_at } = body(&http, &state, payload).await?;
    let bad = |why: String| ApiError::schema("send_at", format!("'send_at': {why}."));
    let send_at = send_at.ok_or_else(|| bad("say when the message is to go".to_owned()))?;
    let at = send::later(Some(read_time("send_at", &send_at)?), clock::wall())?;
    let at = at.ok_or_else(|| bad("this time is over".to_owned()))?;
    let _changing = state.rescheduling.lock().await;
    let Scheduled { entries, message, author } = changeable(&state, &caller, &account, id).await?;
    let author = author.ok_or_else(|| ApiError::internal("The message has lost its author."))?;
    let token = caller.token().map(Arc::as_ref);
    let signed_by = state.control.sender(account.id.as_str(), token, author.domain())?;
    let by = caller.name();
    state.intake.reschedule(Rescheduled { message, entries, at, signed_by, by }).await?;
    Ok(answer::success(find(&state, &caller, &account, id).await?.shown()))
}

/// `DELETE …/scheduled/{id}`: it does not go at all.
#[utoipa::path(
    delete, path = "/client/v4/accounts/{account_id}/email/sending/scheduled/{id}",
    tag = "Sending", operation_id = "cancel_scheduled_message",
    responses((status = 200, body = Answer<ScheduledMessage>), Known, Lookup, Moving),
)]
pub(super) async fn cancel(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (account, id) = &*path;
    let account = caller.account(&state, account, Permission::Send)?;
    let _changing = state.rescheduling.lock().await;
    let scheduled = changeable(&state, &caller, &account, id).await?;
    let id = scheduled.message.envelope.id;
    let filter = ListFilter { id: Some(IdPrefix::from(id)), ..ListFilter::default() };
    let ordered = ask(&state, Cancel { filter, by: caller.name() }).await?;
    if ordered.in_flight > 0 || ordered.changed < scheduled.entries.len() as u64 {
        return Err(under_way());
    }
    settled(&state, id).await?;
    Ok(answer::success(scheduled.shown()))
}

/// The message, if it can still be changed.
async fn changeable(
    state: &AppState,
    caller: &Caller,
    account: &Account,
    id: &str,
) -> Result<Scheduled, ApiError> {
    let scheduled = find(state, caller, account, id).await?;
    let is_far = scheduled.waits_until(clock::now().saturating_add(MARGIN));
    if is_far { Ok(scheduled) } else { Err(under_way()) }
}

fn under_way() -> ApiError {
    let seconds = MARGIN.as_secs();
    ApiError::too_late(format!(
        "The message is on its way: it can be changed or cancelled until {seconds} seconds before its time."
    ))
}

/// Waits until the message is out of the queue, and that is safe from a power cut.
async fn settled(state: &AppState, id: QueueId) -> Result<(), ApiError> {
    for _ in 0..LOOKS {
        if state.spool.entries_of(id).await.map_err(OrderError::from)?.is_empty() {
            return Ok(state.spool.settled().await.map_err(OrderError::from)?);
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(ApiError::unavailable("The message is being cancelled; ask again in a moment."))
}
