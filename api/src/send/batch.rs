//! `send/batch`: many messages in one request, each accepted or refused by itself.

use super::{
    draft::Sender,
    handover::{Accepted, hand_in},
};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{Answer, Body, Known, Lookup, objects::mail::BatchReport},
    prefer,
    request::{self, ReadMessage},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::{StreamExt, stream};
use mailwright_storage::{control::Permission, fail_point::FailPoint};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// Messages of a batch that wait for the disk together; more would take memory and save no sync.
const ABREAST: usize = 64;

/// `POST /accounts/{account_id}/email/sending/send/batch {messages: [...]}`: bodies of `send`, up to 1,000 of them.
///
/// Waits for no outcomes unless `Prefer: wait=N` asks for that.
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/email/sending/send/batch",
    tag = "Sending", operation_id = "send_batch",
    params(("prefer" = Option<String>, Header, description = prefer::DESCRIPTION)),
    request_body = request::BatchBody,
    responses((status = 200, body = Answer<BatchReport>), Known, Lookup, Body),
)]
pub(crate) async fn batch(
    http: HttpRequest,
    caller: Caller,
    account: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account, Permission::Send)?;
    let body = state.bodies.read(&http, payload).await?;
    let messages = request::read_batch(body.as_ref())?;
    let sender = Sender { state: &state, caller: &caller, account: &account };
    let accepted = stream::iter(messages).map(|message| one(sender, message)).buffered(ABREAST);
    let mut accepted: Vec<_> = accepted.collect().await;
    FailPoint::BeforeAnswer.reached();
    drop(body);
    let patience = prefer::wait(http.headers(), Duration::ZERO);
    tokio::select! {
        () = wait(&mut accepted, patience) => {}
        // Cut short by the end of the process, the client would not learn which messages are safe.
        () = state.stops() => {}
    }
    Ok(answer::success(report(accepted)))
}

async fn one(sender: Sender<'_>, message: ReadMessage) -> Result<Accepted, ApiError> {
    let (request, asked) = message?;
    let draft = sender.draft(&request, asked)?;
    drop(request);
    hand_in(sender.state, sender.caller, draft).await
}

/// Waits for the outcomes of all, as far as they come within `patience`.
async fn wait(accepted: &mut [Result<Accepted, ApiError>], patience: Duration) {
    let until = Instant::now() + patience;
    for message in accepted.iter_mut().flatten() {
        message.wait(until.saturating_duration_since(Instant::now())).await;
    }
}

fn report(accepted: Vec<Result<Accepted, ApiError>>) -> Value {
    let (total, refused) = (accepted.len(), accepted.iter().filter(|one| one.is_err()).count());
    let row = |(index, message): (usize, Result<Accepted, ApiError>)| match message {
        Ok(message) => json!({ "index": index, "success": true, "errors": [], "result": message.result() }),
        Err(error) => json!({ "index": index, "success": false, "errors": [error.entry()], "result": null }),
    };
    let rows: Vec<_> = accepted.into_iter().enumerate().map(row).collect();
    json!({ "total": total, "accepted": total - refused, "refused": refused, "messages": rows })
}
