//! Queues and consumers as requests and answers have them.

use crate::answer::ApiError;
use mailwright_engine::worker::BindingKind;
use mailwright_storage::workers::{Consumer, ConsumerDraft, Queue, QueueDraft, Script};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;

/// A queue as a client wants it.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewQueue)]
pub(crate) struct QueueBody {
    /// Its name, once in an account.
    #[serde(rename = "queue_name")]
    pub(super) name: Option<String>,
    /// How it treats messages.
    settings: Option<SettingsBody>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = NewQueueSettings)]
struct SettingsBody {
    /// Seconds that a message waits if nothing else is said.
    #[schema(value_type = Option<u32>, maximum = 43_200)]
    delivery_delay: Option<f64>,
    /// Whether messages wait whatever their consumer could do.
    delivery_paused: Option<bool>,
    /// Seconds that a message is kept.
    #[schema(value_type = Option<u32>, minimum = 60, maximum = 1_209_600)]
    message_retention_period: Option<f64>,
}

impl QueueBody {
    /// What a queue is to be that was like `before`.
    pub(super) fn draft(&self, before: &QueueDraft) -> Result<QueueDraft, ApiError> {
        let mut draft = before.clone();
        let Some(settings) = &self.settings else { return Ok(draft) };
        if let Some(delay) = whole("settings.delivery_delay", settings.delivery_delay)? {
            draft.delivery_delay = delay;
        }
        if let Some(retention) =
            whole("settings.message_retention_period", settings.message_retention_period)?
        {
            draft.retention = retention;
        }
        draft.paused = settings.delivery_paused.unwrap_or(draft.paused);
        Ok(draft)
    }
}

/// A consumer as a client wants it.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewQueueConsumer)]
pub(crate) struct ConsumerBody {
    /// `worker`: nobody else consumes queues here.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// The Worker.
    #[serde(alias = "script")]
    script_name: Option<String>,
    /// The queue for what has failed too often; made if it is not there.
    dead_letter_queue: Option<String>,
    /// How it wants messages.
    settings: Option<ConsumerSettings>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = NewQueueConsumerSettings)]
struct ConsumerSettings {
    /// Most messages of a batch; 10 when nobody says.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100)]
    batch_size: Option<f64>,
    /// Milliseconds that a batch waits to be full; 5,000 when nobody says.
    #[schema(value_type = Option<u32>, maximum = 60_000)]
    max_wait_time_ms: Option<f64>,
    /// How often a message may fail and be tried again; 3 when nobody says.
    #[schema(value_type = Option<u32>, maximum = 100)]
    max_retries: Option<f64>,
    /// Seconds that a message waits after it failed.
    #[schema(value_type = Option<u32>, maximum = 43_200)]
    retry_delay: Option<f64>,
    /// Batches that are handled at a time; as many as the server likes when nobody says.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 250)]
    max_concurrency: Option<f64>,
}

impl ConsumerBody {
    /// What the consumer is to be; `before` says the Worker where a change does not.
    pub(super) fn draft(self, before: Option<&Consumer>) -> Result<ConsumerDraft, ApiError> {
        match self.kind.as_deref() {
            None | Some("worker") => {}
            Some("http_pull") => {
                let why = "Messages are handled by Workers here, not pulled over HTTP: name one in 'script_name', with \
                    the 'type' worker.";
                return Err(ApiError::schema("type", why));
            }
            Some(_) => return Err(ApiError::schema("type", "A consumer is of the type 'worker'.")),
        }
        let script = match (&self.script_name, before) {
            (Some(name), _) => {
                name.parse().map_err(|error| ApiError::schema("script_name", format!("{error}.")))?
            }
            (None, Some(before)) => before.draft.script.clone(),
            (None, None) => {
                return Err(ApiError::schema("script_name", "'script_name' must name a Worker."));
            }
        };
        let mut draft = ConsumerDraft::of(script);
        draft.dead_letter_queue = self.dead_letter_queue.filter(|name| !name.is_empty());
        let settings = self.settings.unwrap_or_default();
        for (field, asked, to) in [
            ("settings.batch_size", settings.batch_size, &mut draft.batch_size),
            ("settings.max_wait_time_ms", settings.max_wait_time_ms, &mut draft.batch_timeout_ms),
            ("settings.max_retries", settings.max_retries, &mut draft.max_retries),
            ("settings.retry_delay", settings.retry_delay, &mut draft.retry_delay),
        ] {
            if let Some(asked) = whole(field, asked)? {
                *to = asked;
            }
        }
        draft.max_concurrency = whole("settings.max_concurrency", settings.max_concurrency)?;
        Ok(draft)
    }
}

/// A number that clients may write as any.
pub(super) fn whole(field: &str, number: Option<f64>) -> Result<Option<u32>, ApiError> {
    match number {
        None => Ok(None),
        Some(number) if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) => {
            // Whole and within its type.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
            Ok(Some(number as u32))
        }
        Some(_) => Err(ApiError::schema(field, format!("'{field}' must be a whole number, not negative."))),
    }
}

/// A queue as answers have it; `scripts` are the Workers of its account.
pub(super) fn shown(queue: &Queue, scripts: &[Arc<Script>]) -> Value {
    let sends = |script: &&Arc<Script>| {
        let bindings = script.deployed.iter().flat_map(|version| &version.bindings);
        let mut kinds = bindings.map(|binding| &binding.kind);
        kinds.any(|kind| matches!(kind, BindingKind::Queue { name, .. } if *name == queue.name))
    };
    let producer = |script: &Arc<Script>| json!({ "type": "worker", "script": script.name.as_str() });
    let producers: Vec<_> = scripts.iter().filter(sends).map(producer).collect();
    let consumers: Vec<_> = queue.consumer.iter().map(|one| consumer(queue, one)).collect();
    json!({
        "queue_id": queue.id, "queue_name": queue.name, "created_on": queue.created.to_string(),
        "modified_on": queue.modified.to_string(),
        "producers_total_count": producers.len(), "producers": producers,
        "consumers_total_count": consumers.len(), "consumers": consumers,
        "settings": {
            "delivery_delay": queue.draft.delivery_delay, "delivery_paused": queue.draft.paused,
            "message_retention_period": queue.draft.retention,
        },
    })
}

/// A consumer as answers have it.
pub(super) fn consumer(queue: &Queue, consumer: &Consumer) -> Value {
    let draft = &consumer.draft;
    json!({
        "consumer_id": consumer.id, "created_on": consumer.created.to_string(), "type": "worker",
        "queue_name": queue.name, "script": draft.script.as_str(), "script_name": draft.script.as_str(),
        "dead_letter_queue": draft.dead_letter_queue,
        "settings": {
            "batch_size": draft.batch_size, "max_wait_time_ms": draft.batch_timeout_ms,
            "max_retries": draft.max_retries, "retry_delay": draft.retry_delay,
            "max_concurrency": draft.max_concurrency,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: Value) -> Result<ConsumerDraft, ApiError> {
        serde_json::from_value::<ConsumerBody>(body).unwrap().draft(None)
    }

    #[test]
    fn a_consumer_is_what_the_services_tool_asks_for() {
        let asked = json!({
            "script_name": "wk", "environment_name": "", "type": "worker", "dead_letter_queue": "dlq",
            "settings": { "batch_size": 3, "max_retries": 4.0, "max_wait_time_ms": 2000, "retry_delay": null },
        });
        let draft = read(asked).unwrap();
        assert_eq!((draft.batch_size, draft.max_retries, draft.batch_timeout_ms), (3, 4, 2_000));
        assert_eq!((draft.retry_delay, draft.max_concurrency), (0, None));
        assert_eq!(draft.dead_letter_queue.as_deref(), Some("dlq"));
    }

    #[test]
    fn what_no_worker_consumes_is_refused() {
        for body in [
            json!({ "type": "http_pull" }),
            json!({ "type": "r2" , "script_name": "w" }),
            json!({ "type": "worker" }),
            json!({ "script_name": "A" }),
            json!({ "script_name": "w", "settings": { "batch_size": 1.5 } }),
            json!({ "script_name": "w", "settings": { "max_retries": -1 } }),
        ] {
            assert!(read(body.clone()).is_err(), "{body}");
        }
    }
}
