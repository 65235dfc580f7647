//! `send`, `send_raw`, `send/batch` and `send/preflight`: from a request to a message on disk, and what became of it
//! so far.
//!
//! `draft` makes a message of a request, `handover` has it accepted and waits for outcomes, `once` knows requests again.
//! `worker` sends what Workers send.

pub(crate) mod batch;
mod draft;
mod handover;
mod once;
pub(crate) mod preflight;
mod refused;
mod worker;

pub(crate) use batch::batch;
pub(crate) use draft::later;
pub(crate) use preflight::preflight;
pub use worker::WorkerMailer;

use crate::{
    access::Caller,
    answer::ApiError,
    body::Body,
    openapi::{self, Answer, Known, Limited, Lookup, Once},
    prefer, request, served,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use draft::{Draft, Sender};
use handover::{Accepted, accept, hand_in};
use mailwright_storage::{control::Permission, fail_point::FailPoint, requests::Ticket};
use once::Begun;
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
    /// What the message is called while it waits for the time that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub scheduled_id: Option<String>,
    /// That time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub scheduled_for: Option<String>,
}

/// `POST /accounts/{account_id}/email/sending/send`
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/email/sending/send",
    tag = "Sending", operation_id = "send_message",
    params(
        ("prefer" = Option<String>, Header, description = prefer::DESCRIPTION),
        ("idempotency-key" = Option<String>, Header, description = once::DESCRIPTION),
    ),
    request_body = request::SendBody,
    responses((status = 200, body = Answer<SendResult>), Known, Lookup, openapi::Body, Once, Limited),
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
    let ticket = match once::begin(&http, &state, &account, &body).await? {
        Begun::First(ticket) => ticket,
        Begun::Repeated(answer) => return Ok(answer),
    };
    let (request, asked) = request::read_send(body.as_ref())?;
    let draft = Sender::of(&state, &caller, &account).draft_noted(&request, asked)?;
    dispatch(&http, &state, Work { draft, body, ticket }).await
}

/// `POST /accounts/{account_id}/email/sending/send_raw`
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/email/sending/send_raw",
    tag = "Sending", operation_id = "send_raw_message",
    params(
        ("prefer" = Option<String>, Header, description = prefer::DESCRIPTION),
        ("idempotency-key" = Option<String>, Header, description = once::DESCRIPTION),
    ),
    request_body = request::SendRawBody,
    responses((status = 200, body = Answer<SendResult>), Known, Lookup, openapi::Body, Once, Limited),
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
    let ticket = match once::begin(&http, &state, &account, &body).await? {
        Begun::First(ticket) => ticket,
        Begun::Repeated(answer) => return Ok(answer),
    };
    let request = request::read_send_raw(body.as_ref())?;
    let draft = Sender::of(&state, &caller, &account).draft_raw_noted(&request)?;
    dispatch(&http, &state, Work { draft, body, ticket }).await
}

/// A request for one message, read.
struct Work {
    draft: Draft,
    body: Body,
    ticket: Option<Ticket>,
}

/// Has the message accepted, which frees the room of the body it was made from, and waits for what becomes of it.
async fn dispatch(
    http: &HttpRequest,
    state: &web::Data<AppState>,
    Work { draft, body, ticket }: Work,
) -> Result<HttpResponse, ApiError> {
    if let Some(message) = ticket.as_ref().and_then(|ticket| ticket.accepted(0)) {
        served::accepted(http, state, [message.id]);
        return Ok(once::repeated(Accepted::before(message).result()));
    }
    let (mut accepted, ticket) = match ticket {
        None => (hand_in(state, draft, None).await?, None),
        Some(ticket) => {
            let state = state.clone();
            once::to_its_end(async move {
                let accepted = hand_in(&state, draft, Some((&ticket, 0))).await;
                accepted.map(|accepted| (accepted, Some(ticket)))
            })
            .await?
        }
    };
    served::accepted(http, state, [accepted.id()]);
    FailPoint::BeforeAnswer.reached();
    drop(body);
    let patience = prefer::wait(http.headers(), state.settings.wait);
    tokio::select! {
        () = accepted.wait(patience) => {}
        // Cut short by the end of the process, the client would not learn that its message is safe.
        () = state.stops() => {}
    }
    once::answer(ticket, &accepted.result())
}
