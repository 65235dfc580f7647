//! What Workers keep: keys and values, queues.

use crate::{delivery::model::Moment, openapi::text::Id};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::SchemaType},
};

/// What clients made of it: any JSON.
#[derive(Debug, Clone, Copy)]
pub struct Anything;

impl PartialSchema for Anything {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(SchemaType::AnyValue).into()
    }
}

impl ToSchema for Anything {}

/// A namespace of keys.
#[derive(Debug, ToSchema)]
#[schema(as = KvNamespace)]
pub struct KvNamespaceRow {
    /// Its id.
    pub id: Id,
    /// Its name to people.
    pub title: String,
    /// Always.
    pub supports_url_encoding: bool,
}

/// A key.
#[derive(Debug, ToSchema)]
#[schema(as = KvKey)]
pub struct KvKeyRow {
    /// The key.
    pub name: String,
    /// The second since 1970 from which on it is gone, if it goes.
    #[schema(nullable = false)]
    pub expiration: Option<u64>,
    /// What is said of it, if anything is.
    #[schema(value_type = Value)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

/// What came of many keys.
#[derive(Debug, ToSchema)]
pub struct KvBulkDone {
    /// How many were written or removed: all.
    pub successful_key_count: u64,
    /// None.
    pub unsuccessful_keys: Vec<String>,
}

/// What was found of many keys.
#[derive(Debug, ToSchema)]
pub struct KvBulkFound {
    /// By key: the value, `null` if there is none; with metadata `{value, metadata, expiration?}`.
    pub values: BTreeMap<String, Value>,
}

/// A queue.
#[derive(Debug, ToSchema)]
#[schema(as = Queue)]
pub struct QueueRow {
    /// Its id.
    pub queue_id: Id,
    /// Its name.
    pub queue_name: String,
    /// When it was made.
    pub created_on: Moment,
    /// When it was last changed.
    pub modified_on: Moment,
    /// How many Workers send to it.
    pub producers_total_count: u64,
    /// Workers that send to it.
    pub producers: Vec<QueueProducer>,
    /// How many Workers handle its messages: one at most.
    pub consumers_total_count: u64,
    /// Who handles its messages.
    pub consumers: Vec<QueueConsumer>,
    /// How it treats messages.
    pub settings: QueueRowSettings,
}

/// Who sends to a queue.
#[derive(Debug, ToSchema)]
pub struct QueueProducer {
    /// `worker`.
    #[schema(rename = "type")]
    pub kind: String,
    /// The Worker.
    pub script: String,
}

/// How a queue treats messages.
#[derive(Debug, ToSchema)]
#[schema(as = QueueSettings)]
pub struct QueueRowSettings {
    /// Seconds that a message waits if nothing else is said.
    pub delivery_delay: u32,
    /// Whether messages wait whatever their consumer could do.
    pub delivery_paused: bool,
    /// Seconds that a message is kept.
    pub message_retention_period: u32,
}

/// Who handles the messages of a queue.
#[derive(Debug, ToSchema)]
pub struct QueueConsumer {
    /// Its id.
    pub consumer_id: Id,
    /// When it was made.
    pub created_on: Moment,
    /// `worker`.
    #[schema(rename = "type")]
    pub kind: String,
    /// The queue's name.
    pub queue_name: String,
    /// The Worker.
    pub script: String,
    /// The same, by its other name.
    pub script_name: String,
    /// The queue for what has failed too often.
    pub dead_letter_queue: Option<String>,
    /// How it wants messages.
    pub settings: QueueConsumerSettings,
}

/// How a consumer wants messages.
#[derive(Debug, ToSchema)]
pub struct QueueConsumerSettings {
    /// Most messages of a batch.
    pub batch_size: u32,
    /// Milliseconds that a batch waits to be full.
    pub max_wait_time_ms: u32,
    /// How often a message may fail and be tried again.
    pub max_retries: u32,
    /// Seconds that a message waits after it failed.
    pub retry_delay: u32,
    /// Batches that are handled at a time; `null` for as many as the server likes.
    pub max_concurrency: Option<u32>,
}

/// That messages were taken.
#[derive(Debug, ToSchema)]
pub struct QueueSent {
    /// What is to be known besides.
    pub metadata: QueueSentMetadata,
}

/// See [`QueueSent`].
#[derive(Debug, ToSchema)]
pub struct QueueSentMetadata {
    /// How much waits.
    pub metrics: QueueBacklog,
}

/// How much waits in a queue.
#[derive(Debug, ToSchema)]
pub struct QueueBacklog {
    /// Messages.
    pub backlog_count: u64,
    /// Their octets.
    pub backlog_bytes: u64,
    /// When the oldest was sent, in milliseconds since 1970; 0 if there is none.
    pub oldest_message_timestamp_ms: u64,
}
