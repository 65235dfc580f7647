//! `send`, `send_raw`, `send/batch` and `send/preflight`: from a request to a message on disk, and what became of it
//! so far.
//!
//! `draft` makes a message of a request, `handover` has it accepted and waits for outcomes.

pub(crate) mod batch;
mod draft;
mod handover;
pub(crate) mod preflight;

pub(crate) use batch::batch;
pub(crate) use preflight::preflight;

use crate::{
    access::Caller,
    answer::{self, ApiError},
    body::Body,
    openapi::{self, Answer, Known, Lookup},
    prefer, request,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use draft::{Draft, Sender};
use handover::hand_in;
use mailwright_storage::{control::Permission, fail_point::FailPoint};
use serde::Serialize;
use utoipa::ToSchema;

/// What became of each recipient by the time of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct SendResult {
    /// Its server took the message.
    pub delivered: Vec<String>,
    /// It was refused for good.
    pub permanent_bounces: Vec<String>,
    /// It waits for its first or next attempt.
    pub queued: Vec<String>,
    /// It was left out because it is suppressed.
    pub suppressed_recipients: Vec<String>,
    /// The message's Message-ID, without the angle brackets.
    pub message_id: String,
}

/// `POST /accounts/{account_id}/email/sending/send`
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/email/sending/send",
    tag = "Sending", operation_id = "send_message",
    params(("prefer" = Option<String>, Header, description = prefer::DESCRIPTION)),
    request_body = request::SendBody,
    responses((status = 200, body = Answer<SendResult>), Known, Lookup, openapi::Body),
)]
pub(crate) async fn send(
    http: HttpRequest,
    caller: Caller,
    account: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account, Permission::Send)?;
    let body = state.bodies.read(&http, payload).await?;
    let (request, asked) = request::read_send(body.as_ref())?;
    let draft = Sender { state: &state, caller: &caller, account: &account }.draft(&request, asked)?;
    dispatch(&http, &state, &caller, draft, body).await
}

/// `POST /accounts/{account_id}/email/sending/send_raw`
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/email/sending/send_raw",
    tag = "Sending", operation_id = "send_raw_message",
    params(("prefer" = Option<String>, Header, description = prefer::DESCRIPTION)),
    request_body = request::SendRawBody,
    responses((status = 200, body = Answer<SendResult>), Known, Lookup, openapi::Body),
)]
pub(crate) async fn send_raw(
    http: HttpRequest,
    caller: Caller,
    account: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account, Permission::Send)?;
    let body = state.bodies.read(&http, payload).await?;
    let request = request::read_send_raw(body.as_ref())?;
    let draft = Sender { state: &state, caller: &caller, account: &account }.draft_raw(&request)?;
    dispatch(&http, &state, &caller, draft, body).await
}

/// Has the message accepted, which frees the room of the `body` it was made from, and waits for what becomes of it.
async fn dispatch(
    http: &HttpRequest,
    state: &AppState,
    caller: &Caller,
    draft: Draft,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let mut accepted = hand_in(state, caller, draft).await?;
    FailPoint::BeforeAnswer.reached();
    drop(body);
    let patience = prefer::wait(http.headers(), state.settings.wait);
    tokio::select! {
        () = accepted.wait(patience) => {}
        // Cut short by the end of the process, the client would not learn that its message is safe.
        () = state.stops() => {}
    }
    Ok(answer::success(accepted.result()))
}
