//! `send/preflight`: what would become of a request, without sending it.

use super::draft::{Draft, Sender};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{Answer, Body, Known, Lookup, objects::mail::Preflight},
    request,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_engine::message::{SendRequest, advice, hints::SendingHints};
use mailwright_storage::control::Permission;
use serde_json::{Value, json};
use std::sync::Arc;

/// `POST /accounts/{account_id}/email/sending/send/preflight`, with a body of `send`.
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/email/sending/send/preflight",
    tag = "Sending", operation_id = "preflight_message",
    request_body = request::SendBody,
    responses((status = 200, body = Answer<Preflight>), Known, Lookup, Body),
)]
pub(crate) async fn preflight(
    http: HttpRequest,
    caller: Caller,
    account: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account, Permission::Send)?;
    let body = state.bodies.read(&http, payload).await?;
    let sender = Sender::of(&state, &caller, &account);
    let report = match request::read_send(body.as_ref()) {
        Ok((request, asked)) => examined(sender, &request, asked),
        Err(error) => {
            json!({ "acceptable": false, "errors": [error.entry()], "advice": [], "message": null })
        }
    };
    Ok(answer::success(report))
}

fn examined(sender: Sender<'_>, request: &SendRequest, asked: SendingHints) -> Value {
    let advice: Vec<_> = advice(request)
        .into_iter()
        .map(|advice| json!({ "code": advice, "detail": advice.sentence() }))
        .collect();
    let draft = sender.draft(request, asked).and_then(|draft| allowed(sender, draft));
    match draft {
        Ok(draft) => {
            json!({ "acceptable": true, "errors": [], "advice": advice, "message": shown(&draft, request) })
        }
        Err(error) => {
            json!({ "acceptable": false, "errors": [error.entry()], "advice": advice, "message": null })
        }
    }
}

/// The message, if it would be taken as far as recipients and limits go.
fn allowed(sender: Sender<'_>, draft: Draft) -> Result<Draft, ApiError> {
    let token = sender.token.map(Arc::as_ref);
    sender.intake.check(&draft.domain, token, &draft.recipients)?;
    Ok(draft)
}

/// The message as receivers would see it. What we sign is aligned with its author by DKIM, and by SPF where the
/// return path is below the author's domain (RFC 9989, relaxed alignment).
fn shown(draft: &Draft, request: &SendRequest) -> Value {
    let (author, signer) = (request.from.address().domain(), &draft.domain.name);
    let return_path = &draft.domain.return_path_domain;
    let aligned =
        |domain| author == domain || author.is_subdomain_of(domain) || domain.is_subdomain_of(author);
    json!({
        "size": draft.content.len(), "recipients": draft.recipients.len(),
        "suppressed_recipients": draft.left_out,
        "signed_by": signer, "return_path_domain": return_path,
        "dkim_aligned": aligned(signer), "spf_aligned": aligned(return_path),
    })
}
