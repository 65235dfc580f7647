//! Messages of a queue for a Worker's `queue()` handler, and what it says of them.

use bytes::Bytes;
use std::time::{Duration, SystemTime};

/// Messages for one call of `queue()`.
#[derive(Debug, Clone)]
pub struct QueueBatch {
    /// The queue's name.
    pub queue: String,
    /// The messages.
    pub messages: Vec<QueueMessage>,
}

/// One of a batch.
#[derive(Debug, Clone)]
pub struct QueueMessage {
    /// Its id.
    pub id: String,
    /// When it was sent.
    pub sent: SystemTime,
    /// How often it was tried, this time counted.
    pub attempts: u32,
    /// How its body is read.
    pub format: MessageFormat,
    /// Its body.
    pub body: Bytes,
}

/// How a queue's message is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageFormat {
    /// A value, as JSON text.
    Json,
    /// A string.
    Text,
    /// An `ArrayBuffer`.
    Bytes,
    /// What V8 made of a value.
    V8,
}

/// What `queue()` said of a batch. A message that is neither in `acked` nor in `retried`, nor covered by one of the
/// other two, is done, because the handler ended well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueDone {
    /// `ackAll()` was called.
    pub ack_all: bool,
    /// `retryAll()` was called, with the seconds to wait if it gave any.
    pub retry_all: Option<Option<Duration>>,
    /// It threw before its end; what it called `ack()` of is done all the same, as the service has it.
    pub threw: bool,
    /// Ids of messages that it called `ack()` of.
    pub acked: Vec<String>,
    /// Ids of messages that it called `retry()` of, with the time to wait if it gave any.
    pub retried: Vec<(String, Option<Duration>)>,
}
