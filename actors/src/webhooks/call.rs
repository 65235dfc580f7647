//! One call of an endpoint.

use super::WebhookSettings;
use crate::{
    clock,
    https::{Https, HttpsAnswer, Overlong},
    metrics as names,
};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, header};
use mailwright_engine::webhook::{CallVerdict, judge, retry_after, signature_header};
use mailwright_storage::{control::Webhook, webhooks::Attempt};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Octets of an answer's body that are read: enough for a sentence on what is wrong.
const ANSWER: usize = 4 << 10;

/// What is sent.
pub(super) struct Call<'a> {
    /// The name of the batch.
    pub(super) id: &'a str,
    /// How many events are in it.
    pub(super) events: u64,
    /// The events.
    pub(super) body: Vec<u8>,
}

/// What became of it.
pub(super) struct Called {
    pub(super) attempt: Attempt,
    pub(super) verdict: CallVerdict,
    /// How long the endpoint asks us to stay away.
    pub(super) retry_after: Option<Duration>,
}

/// Makes calls.
pub(super) struct Caller {
    https: Https,
    timeout: Duration,
}

impl Caller {
    pub(super) fn new(https: Https, settings: &WebhookSettings) -> Self {
        Self { https, timeout: settings.timeout }
    }

    pub(super) const fn https(&self) -> &Https {
        &self.https
    }

    /// Calls an endpoint once.
    pub(super) async fn call(&self, webhook: &Webhook, call: Call<'_>) -> Called {
        let (at, begun) = (clock::now(), Instant::now());
        let (batch, events) = (call.id.to_owned(), call.events);
        let answer = match timeout(self.timeout, self.exchange(webhook, call)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {:?}", self.timeout)),
        };
        let took = begun.elapsed();
        metrics::histogram!(names::WEBHOOK_SECONDS).record(took);
        let attempt = Attempt {
            at,
            batch,
            events,
            status: answer.as_ref().ok().map(|answer| answer.status),
            error: answer.as_ref().err().cloned().unwrap_or_default(),
            answer: String::new(),
            took,
        };
        match answer {
            Ok(answer) => answered(attempt, &answer),
            Err(_) => Called { attempt, verdict: CallVerdict::Failed, retry_after: None },
        }
    }

    async fn exchange(&self, webhook: &Webhook, call: Call<'_>) -> Result<HttpsAnswer, String> {
        let timestamp = clock::wall().as_secs();
        let secrets = webhook.secrets_at(clock::now());
        let signature = signature_header(secrets, call.id, timestamp, &call.body);
        let request = Request::post(webhook.url.path_and_query())
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", call.id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(Full::new(Bytes::from(call.body)))
            .map_err(|error| error.to_string())?;
        let (host, port) = (webhook.url.host(), webhook.url.port());
        let answer = self.https.exchange(&host, port, request, ANSWER, Overlong::Cut).await;
        answer.map_err(|error| error.to_string())
    }
}

fn answered(mut attempt: Attempt, answer: &HttpsAnswer) -> Called {
    let verdict = judge(answer.status);
    attempt.error = match (verdict, answer.status) {
        (CallVerdict::Delivered, _) => String::new(),
        (_, status @ 300..=399) => format!("status {status}: redirects are not followed"),
        (_, status) => format!("status {status}"),
    };
    attempt.answer = String::from_utf8_lossy(&answer.body).into_owned();
    let asked = answer.header(header::RETRY_AFTER).and_then(|value| retry_after(value, clock::wall()));
    Called { attempt, verdict, retry_after: asked }
}
