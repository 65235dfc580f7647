//! What answers look like.

use crate::{
    delivery::model::Moment,
    openapi::text::{EventName, Id},
};
use mailwright_engine::{
    time::UnixMillis,
    webhook::{EventKind, WebhookSecret},
};
use mailwright_storage::{
    control::{Webhook, WebhookState},
    webhooks::{Attempt, EndpointStatus},
};
use serde::Serialize;
use utoipa::ToSchema;

/// A webhook.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(super) struct WebhookRow {
    #[schema(value_type = Id)]
    id: String,
    name: String,
    url: String,
    /// Empty: all there are.
    #[schema(value_type = Vec<EventName>)]
    events: Vec<EventKind>,
    enabled: bool,
    disabled_reason: Option<String>,
    disabled_at: Option<Moment>,
    /// Since when calls fail, if they do, and when the next is made.
    failing_since: Option<Moment>,
    next_attempt_at: Option<Moment>,
    /// Events that it was not told yet.
    waiting_events: u64,
    /// Until when a secret that was rotated away signs, if one does.
    previous_secret_expires_at: Option<Moment>,
    created: Moment,
    modified: Moment,
    /// Shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    secret: Option<String>,
}

impl WebhookRow {
    pub(super) fn new(webhook: &Webhook, status: EndpointStatus, now: UnixMillis) -> Self {
        let (disabled_reason, disabled_at) = match &webhook.state {
            WebhookState::Enabled => (None, None),
            WebhookState::Disabled { reason, since } => (Some(reason.clone()), Some((*since).into())),
        };
        let enabled = webhook.is_enabled();
        let expiries = webhook.secrets.iter().filter_map(|signing| signing.expires);
        Self {
            id: webhook.id.to_string(),
            name: webhook.name.clone(),
            url: webhook.url.to_string(),
            events: webhook.events.iter().copied().collect(),
            enabled,
            disabled_reason,
            disabled_at,
            failing_since: status.failing_since.map(Into::into),
            next_attempt_at: status.due.filter(|_| enabled).map(Into::into),
            waiting_events: status.waiting,
            previous_secret_expires_at: expiries.filter(|at| now < *at).max().map(Into::into),
            created: webhook.created.into(),
            modified: webhook.modified.into(),
            secret: None,
        }
    }

    /// The same with the secret that was made just now.
    pub(super) fn with_secret(self, secret: Option<&WebhookSecret>) -> Self {
        Self { secret: secret.map(WebhookSecret::reveal), ..self }
    }
}

/// A call of a webhook.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = WebhookAttempt)]
pub(super) struct AttemptRow {
    at: Moment,
    /// The `webhook-id` of the call.
    webhook_id: String,
    /// How many events it brought; none for a test.
    events: u64,
    delivered: bool,
    /// The status of the answer, if there was one.
    status: Option<u16>,
    error: Option<String>,
    /// The beginning of the answer's body.
    response: String,
    duration_ms: u64,
}

impl From<Attempt> for AttemptRow {
    fn from(attempt: Attempt) -> Self {
        let Attempt { at, batch, events, status, error, answer, took } = attempt;
        Self {
            at: at.into(),
            webhook_id: batch,
            events,
            delivered: error.is_empty(),
            status,
            error: Some(error).filter(|error| !error.is_empty()),
            response: answer,
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
