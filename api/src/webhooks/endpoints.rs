//! The webhooks themselves.

use super::{model::WebhookRow, outbox_error, webhook};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    manage::change as change_control,
    openapi::{Answer, Body, Input, Known, Lookup, PageOf, objects::accounts::Removed, text::EventName},
    page::{Page, PageQuery},
    request::{body, optional_body},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::clock;
use mailwright_engine::webhook::{EndpointUrl, EventKind};
use mailwright_storage::control::{NewWebhook, Permission, Webhook, WebhookChange, WebhookState};
use serde::Deserialize;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use utoipa::ToSchema;

/// Most characters of a name.
const NAME_MAX: usize = 100;
/// How long an old secret signs on when nobody says.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);
/// The longest that one may be made to: a secret that was rotated away should end.
const OVERLAP_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

type Ids = web::Path<(String, String)>;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWebhook)]
struct CreateBody {
    /// Where it is called.
    url: String,
    /// Its name.
    #[serde(default)]
    #[schema(max_length = 100)]
    name: String,
    /// What it is told of; none: of everything.
    #[serde(default)]
    #[schema(value_type = Vec<EventName>)]
    events: Vec<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookEdit)]
struct ChangeBody {
    /// Where it is called.
    url: Option<String>,
    /// Its name.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// What it is told of; none: of everything.
    #[schema(value_type = Option<Vec<EventName>>)]
    events: Option<Vec<String>>,
    /// Whether it is called.
    enabled: Option<bool>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = SecretRotation)]
struct RotateBody {
    /// How long the secret before signs on, as `2h`.
    #[serde(with = "humantime_serde::option")]
    #[schema(value_type = Option<String>)]
    overlap: Option<Duration>,
}

/// `GET webhooks`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/sending/webhooks",
    tag = "Webhooks", operation_id = "list_webhooks",
    params(PageQuery), responses((status = 200, body = PageOf<WebhookRow>), Known, Lookup, Input),
)]
pub(super) async fn list(
    http: HttpRequest,
    caller: Caller,
    account_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account_id, Permission::Admin)?;
    let webhooks = state.control.webhooks(account.id.as_str());
    let page = Page::of(&http)?;
    Ok(page.of_all(rows(&state, &webhooks).await?.into_iter()))
}

/// `POST webhooks {url, name?, events?}`: the answer has the secret, for the only time.
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/email/sending/webhooks",
    tag = "Webhooks", operation_id = "make_webhook",
    request_body = CreateBody, responses((status = 200, body = Answer<WebhookRow>), Known, Lookup, Body),
)]
pub(super) async fn create(
    http: HttpRequest,
    caller: Caller,
    account_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account_id, Permission::Admin)?;
    let CreateBody { url, name, events } = body(&http, &state, payload).await?;
    let new = NewWebhook {
        name: read_name(name)?,
        url: read_url(&state, &url).await?,
        events: read_events(&events)?,
    };
    let by = caller.by();
    let made = change_control(&state, move |control| control.create_webhook(&account, new, &by)).await?;
    Ok(answer::success(row(&state, &made).await?.with_secret(newest(&made))))
}

/// `GET webhooks/{id}`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/sending/webhooks/{id}",
    tag = "Webhooks", operation_id = "get_webhook",
    responses((status = 200, body = Answer<WebhookRow>), Known, Lookup),
)]
pub(super) async fn get(
    caller: Caller,
    ids: Ids,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let found = webhook(&caller, &state, &ids)?;
    Ok(answer::success(row(&state, &found).await?))
}

/// `PATCH webhooks/{id} {url?, name?, events?, enabled?}`
#[utoipa::path(
    patch, path = "/client/v4/accounts/{account_id}/email/sending/webhooks/{id}",
    tag = "Webhooks", operation_id = "change_webhook",
    request_body = ChangeBody, responses((status = 200, body = Answer<WebhookRow>), Known, Lookup, Body),
)]
pub(super) async fn change(
    http: HttpRequest,
    caller: Caller,
    ids: Ids,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let found = webhook(&caller, &state, &ids)?;
    let ChangeBody { url, name, events, enabled } = body(&http, &state, payload).await?;
    let change = WebhookChange {
        url: match &url {
            Some(url) => Some(read_url(&state, url).await?),
            None => None,
        },
        name: name.map(read_name).transpose()?,
        events: events.as_deref().map(read_events).transpose()?,
        state: enabled.filter(|enabled| *enabled != found.is_enabled()).map(wanted),
    };
    let resumes = change.state.is_some() || change.url.is_some();
    let (id, by) = (found.id.clone(), caller.by());
    let account = found.account_id.clone();
    let changed = change_control(&state, move |control| {
        control.change_webhook(account.as_str(), id.as_str(), change, &by)
    });
    let changed = changed.await?;
    if resumes && changed.is_enabled() {
        state.outbox.resume(&changed.id).await.map_err(|error| outbox_error(&error))?;
    }
    Ok(answer::success(row(&state, &changed).await?))
}

/// `DELETE webhooks/{id}`
#[utoipa::path(
    delete, path = "/client/v4/accounts/{account_id}/email/sending/webhooks/{id}",
    tag = "Webhooks", operation_id = "remove_webhook",
    responses((status = 200, body = Answer<Removed>), Known, Lookup),
)]
pub(super) async fn delete(
    caller: Caller,
    ids: Ids,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let found = webhook(&caller, &state, &ids)?;
    let (account, id, by) = (found.account_id.clone(), found.id.clone(), caller.by());
    change_control(&state, move |control| control.remove_webhook(account.as_str(), id.as_str(), &by)).await?;
    state.outbox.forget(&found.id).await.map_err(|error| outbox_error(&error))?;
    Ok(answer::success(serde_json::json!({ "id": found.id })))
}

/// `POST webhooks/{id}/rotate-secret {overlap?}`: the answer has the new secret, for the only time.
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/email/sending/webhooks/{id}/rotate-secret",
    tag = "Webhooks", operation_id = "rotate_webhook_secret",
    request_body = Option<RotateBody>,
    responses((status = 200, body = Answer<WebhookRow>), Known, Lookup, Body),
)]
pub(super) async fn rotate_secret(
    http: HttpRequest,
    caller: Caller,
    ids: Ids,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let found = webhook(&caller, &state, &ids)?;
    let RotateBody { overlap } = optional_body(&http, &state, payload).await?;
    let overlap = overlap.unwrap_or(OVERLAP);
    if overlap > OVERLAP_MAX {
        return Err(ApiError::schema("overlap", "An old secret can sign on for 30 days at most."));
    }
    let (account, id, by) = (found.account_id.clone(), found.id.clone(), caller.by());
    let rotated = change_control(&state, move |control| {
        control.rotate_webhook_secret(account.as_str(), id.as_str(), overlap, &by)
    });
    let rotated = rotated.await?;
    Ok(answer::success(row(&state, &rotated).await?.with_secret(newest(&rotated))))
}

fn newest(webhook: &Webhook) -> Option<&mailwright_engine::webhook::WebhookSecret> {
    webhook.secrets.first().map(|signing| &signing.secret)
}

fn wanted(enabled: bool) -> WebhookState {
    if enabled {
        WebhookState::Enabled
    } else {
        WebhookState::Disabled { reason: "It was switched off.".to_owned(), since: clock::now() }
    }
}

async fn row(state: &AppState, webhook: &Arc<Webhook>) -> Result<WebhookRow, ApiError> {
    let mut rows = rows(state, std::slice::from_ref(webhook)).await?;
    rows.pop().ok_or_else(|| ApiError::internal("The webhook is gone."))
}

async fn rows(state: &AppState, webhooks: &[Arc<Webhook>]) -> Result<Vec<WebhookRow>, ApiError> {
    let ids = webhooks.iter().map(|webhook| webhook.id.clone()).collect();
    let statuses = state.outbox.status(ids).await.map_err(|error| outbox_error(&error))?;
    let now = clock::now();
    let rows = webhooks.iter().zip(statuses);
    Ok(rows.map(|(webhook, status)| WebhookRow::new(webhook, status, now)).collect())
}

fn read_name(name: String) -> Result<String, ApiError> {
    if name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        let why = format!("A name has at most {NAME_MAX} printable characters.");
        return Err(ApiError::schema("name", why));
    }
    Ok(name)
}

/// Reads an address and looks whether it may be called.
async fn read_url(state: &AppState, text: &str) -> Result<EndpointUrl, ApiError> {
    let url = EndpointUrl::parse(text)
        .map_err(|error| ApiError::schema("url", format!("The URL cannot be used: {error}.")))?;
    let allowed = state.webhooks.may_call(url.clone()).await;
    allowed.map_err(|refusal| ApiError::schema("url", format!("The URL cannot be used: {refusal}.")))?;
    Ok(url)
}

fn read_events(names: &[String]) -> Result<BTreeSet<EventKind>, ApiError> {
    let event = |(index, name): (usize, &String)| {
        name.parse::<EventKind>()
            .map_err(|error| ApiError::schema(format!("events[{index}]"), format!("{error}.")))
    };
    names.iter().enumerate().map(event).collect()
}
