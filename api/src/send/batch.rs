//! `send/batch`: many messages in one request, each accepted or refused by itself.

use super::{
    draft::Sender,
    handover::{Accepted, hand_in},
    once::{self, Begun},
};
use crate::{
    access::Caller,
    answer::ApiError,
    openapi::{Answer, Body, Known, Lookup, Once, objects::mail::BatchReport},
    prefer,
    request::{self, ReadMessage},
    served,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::{StreamExt, stream};
use mailwright_storage::{
    control::{Account, Permission},
    fail_point::FailPoint,
    requests::Ticket,
};
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
    params(
        ("prefer" = Option<String>, Header, description = prefer::DESCRIPTION),
        ("idempotency-key" = Option<String>, Header, description = once::DESCRIPTION),
    ),
    request_body = request::BatchBody,
    responses((status = 200, body = Answer<BatchReport>), Known, Lookup, Body, Once),
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
    let ticket = match once::begin(&http, &state, &account, &body).await? {
        Begun::First(ticket) => ticket,
        Begun::Repeated(answer) => return Ok(answer),
    };
    let messages = request::read_batch(body.as_ref())?;
    let has_key = ticket.is_some();
    let batch = Batch { state: state.clone(), caller, account, ticket };
    let handed_in = batch.hand_in(messages);
    let (mut accepted, ticket) = if has_key { once::to_its_end(handed_in).await? } else { handed_in.await? };
    served::accepted(&http, &state, accepted.iter().flatten().map(Accepted::id));
    FailPoint::BeforeAnswer.reached();
    drop(body);
    let patience = prefer::wait(http.headers(), Duration::ZERO);
    tokio::select! {
        () = wait(&mut accepted, patience) => {}
        // Cut short by the end of the process, the client would not learn which messages are safe.
        () = state.stops() => {}
    }
    once::answer(ticket, &report(accepted))
}

/// A batch, with all that it takes to carry it out though its client hangs up.
struct Batch {
    state: web::Data<AppState>,
    caller: Caller,
    account: Account,
    ticket: Option<Ticket>,
}

impl Batch {
    /// Hands all messages in; what was accepted when the batch came before is not sent again.
    async fn hand_in(self, messages: Vec<ReadMessage>) -> Result<HandedIn, ApiError> {
        let items = (0u16..).zip(messages).map(|(item, message)| self.one(item, message));
        let accepted = stream::iter(items).buffered(ABREAST).collect().await;
        Ok((accepted, self.ticket))
    }

    async fn one(&self, item: u16, message: ReadMessage) -> Result<Accepted, ApiError> {
        if let Some(before) = self.ticket.as_ref().and_then(|ticket| ticket.accepted(item)) {
            return Ok(Accepted::before(before));
        }
        let (request, asked) = message?;
        let sender = Sender::of(&self.state, &self.caller, &self.account);
        let draft = sender.draft_noted(&request, asked)?;
        drop(request);
        let request = self.ticket.as_ref().map(|ticket| (ticket, item));
        hand_in(&self.state, draft, request).await
    }
}

/// What became of each message of a batch, and the right to answer it.
type HandedIn = (Vec<Result<Accepted, ApiError>>, Option<Ticket>);

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
