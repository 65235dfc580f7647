//! `send` and `send_raw`: from a request to a message on disk, and what became of it so far.

use crate::{
    access::Caller,
    answer::{self, ApiError},
    body::Body,
    prefer,
    request::{self, RawRequest},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::{intake::NewMessage, watch::Watch};
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    envelope::{Origin, SmtpUtf8},
    id::QueueId,
    message::{
        BuildContext, FeedbackId, MAX_RECIPIENTS, PlatformFields, RawDefaults, ReceivedHeader, ReceivedWith,
        SendError, SendErrorCode, SendRequest, build, check_raw, hints::SendingHints,
    },
    smtp::verdict::Outcome,
    time::UnixMillis,
};
use mailwright_storage::{
    control::{Account, Permission, SendingDomain},
    fail_point::FailPoint,
};
use serde::Serialize;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

/// What became of each recipient by the time of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
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

/// A message ready for intake, apart from its trace and signature.
struct Draft {
    id: QueueId,
    now: UnixMillis,
    domain: Arc<SendingDomain>,
    recipients: Vec<EmailAddress>,
    content: Vec<u8>,
    smtputf8: SmtpUtf8,
    message_id: String,
    asked: SendingHints,
}

/// `POST /accounts/{account_id}/email/sending/send`
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
    let draft = Draft { asked, ..draft(&state, &caller, &account, &request)? };
    dispatch(&http, &state, &caller, draft, body).await
}

/// `POST /accounts/{account_id}/email/sending/send_raw`
pub(crate) async fn send_raw(
    http: HttpRequest,
    caller: Caller,
    account: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account, Permission::Send)?;
    let body = state.bodies.read(&http, payload).await?;
    let draft = draft_raw(&state, &caller, &account, &request::read_send_raw(body.as_ref())?)?;
    dispatch(&http, &state, &caller, draft, body).await
}

fn draft(
    state: &AppState,
    caller: &Caller,
    account: &Account,
    request: &SendRequest,
) -> Result<Draft, ApiError> {
    let domain = sending_domain(state, caller, account, request.from.address())?;
    let (id, now) = state.intake.next_id();
    let message_id = message_id(id, &domain)?;
    let platform = PlatformFields {
        feedback_id: FeedbackId::new(["", account.id.as_str(), "api"], "mailwright").ok(),
        ..PlatformFields::default()
    };
    let context =
        BuildContext { date: now, message_id: &message_id, platform: &platform, boundary_seed: id.as_raw() };
    let content = build(request, &context);
    let recipients: Vec<_> = distinct(request.recipients().map(|mailbox| mailbox.address().clone()));
    let mut addresses = request.recipients().chain([&request.from]).chain(&request.reply_to);
    let utf8 = addresses.any(|mailbox| mailbox.address().needs_smtputf8());
    let smtputf8 = if utf8 { SmtpUtf8::Needed } else { SmtpUtf8::NotNeeded };
    let asked = SendingHints::default();
    Ok(Draft { id, now, domain, recipients, content, smtputf8, message_id, asked })
}

fn draft_raw(
    state: &AppState,
    caller: &Caller,
    account: &Account,
    request: &RawRequest,
) -> Result<Draft, ApiError> {
    let domain = sending_domain(state, caller, account, request.from.address())?;
    let recipients = distinct(request.recipients.iter().cloned());
    if recipients.len() > MAX_RECIPIENTS {
        let why = format!("{} recipients given, maximum is {MAX_RECIPIENTS}.", recipients.len());
        return Err(SendError::new(SendErrorCode::TooManyRecipients, "recipients", why).into());
    }
    let (id, now) = state.intake.next_id();
    let fresh = message_id(id, &domain)?;
    let raw = check_raw(&request.mime, &RawDefaults { date: now, message_id: &fresh })?;
    let author = sending_domain(state, caller, account, raw.from())?;
    let utf8 = raw.has_utf8_header() || recipients.iter().any(EmailAddress::needs_smtputf8);
    let smtputf8 = if utf8 { SmtpUtf8::Needed } else { SmtpUtf8::NotNeeded };
    let message_id = raw.message_id().to_owned();
    let (content, asked) = (raw.into_content(), request.asked.clone());
    Ok(Draft { id, now, domain: author, recipients, content, smtputf8, message_id, asked })
}

/// The sender's domain as it is set up in this account.
fn sending_domain(
    state: &AppState,
    caller: &Caller,
    account: &Account,
    from: &EmailAddress,
) -> Result<Arc<SendingDomain>, ApiError> {
    let token = caller.token().map(Arc::as_ref);
    Ok(state.control.sender(account.id.as_str(), token, from.domain())?)
}

/// Each address once, in order.
fn distinct(addresses: impl Iterator<Item = EmailAddress>) -> Vec<EmailAddress> {
    let mut seen = HashSet::new();
    addresses.filter(|address| seen.insert(address.clone())).collect()
}

fn message_id(id: QueueId, domain: &SendingDomain) -> Result<String, ApiError> {
    let mut random = [0; 8];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| ApiError::internal("No randomness is available."))?;
    Ok(format!("{id}.{}@{}", data_encoding::HEXLOWER.encode(&random), domain.name))
}

/// Hands the message in, which frees the room of the `body` it was made from, and waits for what becomes of it.
async fn dispatch(
    http: &HttpRequest,
    state: &AppState,
    caller: &Caller,
    draft: Draft,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let mut watch = state.board.watch(draft.id);
    let trace = trace(state, &draft);
    let bounces = format!("bounce-{}@{}", draft.id, draft.domain.return_path_domain);
    let bounces = EmailAddress::parse(&bounces).map_err(|error| ApiError::internal(error.to_string()))?;
    let (from, to) = (ReversePath::Address(bounces), draft.recipients.clone());
    let message = NewMessage {
        smtputf8: draft.smtputf8,
        asked: draft.asked,
        default_priority: caller.priority(),
        account: draft.domain.account_id.tenant(),
        trace,
        signed_by: Some(draft.domain),
        ..NewMessage::new(draft.id, from, to, Origin::Api, draft.content)
    };
    state.intake.accept(message).await?;
    FailPoint::BeforeAnswer.reached();
    drop(body);
    let patience = prefer::wait(http.headers(), state.settings.wait);
    let outcomes = tokio::select! {
        outcomes = outcomes(&mut watch, draft.recipients.len(), patience) => outcomes,
        // Cut short by the end of the process, the client would not learn that its message is safe.
        () = state.stops() => HashMap::new(),
    };
    Ok(answer::success(result(&draft.recipients, &outcomes, draft.message_id)))
}

/// Where it came in. The address of the application that sent it is nobody else's business.
fn trace(state: &AppState, draft: &Draft) -> String {
    let (helo, by) = (draft.domain.name.as_str(), state.settings.hostname.as_str());
    let (with, id, date) = (ReceivedWith::Http, draft.id, draft.now);
    ReceivedHeader { helo, peer: None, by, with, tls: None, id, date }.to_string()
}

/// The first outcome of each recipient, as far as they come within `patience`.
async fn outcomes(watch: &mut Watch, recipients: usize, patience: Duration) -> HashMap<u16, Outcome> {
    let mut outcomes = HashMap::new();
    let collect = async {
        while outcomes.len() < recipients {
            let Some(result) = watch.next().await else { break };
            outcomes.insert(result.recipient, result.verdict.outcome);
        }
    };
    // Running out of patience is no error: what is missing is queued.
    let _ = tokio::time::timeout(patience, collect).await;
    outcomes
}

fn result(recipients: &[EmailAddress], outcomes: &HashMap<u16, Outcome>, message_id: String) -> SendResult {
    let mut result = SendResult { message_id, ..SendResult::default() };
    for (index, recipient) in (0u16..).zip(recipients) {
        let list = match outcomes.get(&index) {
            Some(Outcome::Delivered) => &mut result.delivered,
            Some(Outcome::Hard) => &mut result.permanent_bounces,
            Some(Outcome::Soft) | None => &mut result.queued,
        };
        list.push(recipient.to_string());
    }
    result
}
