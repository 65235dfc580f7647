//! What is said of queues and their messages.

use crate::{control::ObjectId, error::StorageError, workers::database::failed};
use mailwright_engine::{time::UnixMillis, worker::ScriptName};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most octets of a message.
pub const MAX_MESSAGE: usize = 128_000;
/// Most messages that are sent, or leased, together.
pub const MAX_BATCH: usize = 100;
/// Most octets of messages that are sent, or leased, together.
pub const MAX_BATCH_OCTETS: usize = 256_000;
/// Most seconds that a message waits by itself: what the tools of the service take.
pub const MAX_DELAY: u32 = 86_400;
/// Most seconds that a message is kept.
pub const MAX_RETENTION: u32 = 14 * 86_400;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSettings {
    /// Most octets that wait in a queue.
    pub queue_octets: u64,
    /// Most octets that wait in all queues of an account.
    pub account_octets: u64,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self { queue_octets: 1 << 30, account_octets: 4 << 30 }
    }
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its name to clients.
    pub id: ObjectId,
    /// Whose it is.
    pub account: ObjectId,
    /// What it is called in bindings, once in an account.
    pub name: String,
    /// When it was made.
    pub created: UnixMillis,
    /// When it was last changed.
    pub modified: UnixMillis,
    /// How it treats messages.
    pub draft: QueueDraft,
    /// Who handles its messages.
    pub consumer: Option<Consumer>,
}

/// How a queue treats messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueDraft {
    /// Seconds that a message waits if nothing else is said, at most [`MAX_DELAY`].
    pub delivery_delay: u32,
    /// Seconds that a message is kept, 60 to [`MAX_RETENTION`].
    pub retention: u32,
    /// Whether messages wait whatever their consumer could do.
    pub paused: bool,
}

impl Default for QueueDraft {
    fn default() -> Self {
        Self { delivery_delay: 0, retention: 4 * 86_400, paused: false }
    }
}

/// Who handles the messages of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumer {
    /// Its name to clients.
    pub id: ObjectId,
    /// When it was made.
    pub created: UnixMillis,
    /// How it wants them.
    #[serde(flatten)]
    pub draft: ConsumerDraft,
}

/// How a consumer wants messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerDraft {
    /// The Worker.
    pub script: ScriptName,
    /// Most messages of a batch, 1 to [`MAX_BATCH`].
    pub batch_size: u32,
    /// Milliseconds that a batch waits to be full, at most 60,000.
    pub batch_timeout_ms: u32,
    /// How often a message may fail and be tried again, at most 100.
    pub max_retries: u32,
    /// Seconds that a message waits after it failed, if nothing else is said, at most [`MAX_DELAY`].
    pub retry_delay: u32,
    /// The queue for what has failed too often. It is made with the consumer if it is not there.
    pub dead_letter_queue: Option<String>,
    /// Batches that are handled at a time, 1 to 250; `None` for as many as the server likes.
    pub max_concurrency: Option<u32>,
}

impl ConsumerDraft {
    /// That of a Worker which says nothing else.
    pub fn of(script: ScriptName) -> Self {
        Self {
            script,
            batch_size: 10,
            batch_timeout_ms: 5_000,
            max_retries: 3,
            retry_delay: 0,
            dead_letter_queue: None,
            max_concurrency: None,
        }
    }
}

/// How the body of a message is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BodyKind {
    /// JSON.
    Json,
    /// Text in UTF-8.
    Text,
    /// Octets.
    Bytes,
    /// A value as V8 has serialized it.
    V8,
}

impl BodyKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Json, Self::Text, Self::Bytes, Self::V8];

    /// The word for it, on the wire too.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::V8 => "v8",
        }
    }

    /// What a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// How its body is read.
    pub kind: BodyKind,
    /// Its body, at most [`MAX_MESSAGE`] octets.
    pub body: Vec<u8>,
    /// Seconds that it waits, at most [`MAX_DELAY`]; `None` for what the queue says.
    pub delay: Option<u32>,
}

/// A message that was leased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    /// Its name: 32 hexadecimal digits.
    pub id: ObjectId,
    /// The lease, to be given with what became of it.
    pub lease: u64,
    /// When it was sent.
    pub sent: UnixMillis,
    /// How often it has been handled, this time too, as far as anybody said how that ended.
    pub attempts: u32,
    /// How its body is read.
    pub kind: BodyKind,
    /// Its body.
    pub body: Vec<u8>,
}

/// What became of a leased message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The message.
    pub id: ObjectId,
    /// Its lease.
    pub lease: u64,
    /// Whether it was handled.
    pub outcome: Settled,
}

/// Whether a message was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It was.
    Ack,
    /// It failed.
    Retry {
        /// Seconds until it is tried again, at most [`MAX_DELAY`]; `None` for what the consumer says.
        delay: Option<u32>,
    },
    /// It was not tried: it is given back as it was.
    Return,
}

/// How a queue stands. `ready + delayed + leased` wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueStatus {
    /// Messages that are due.
    pub ready: u64,
    /// Messages that are due later.
    pub delayed: u64,
    /// Messages that somebody handles.
    pub leased: u64,
    /// Octets of all that wait.
    pub octets: u64,
    /// When the one was sent that has been in the queue for longest.
    pub oldest: Option<UnixMillis>,
    /// Messages that ever came.
    pub sent: u64,
    /// Messages that were handled.
    pub acknowledged: u64,
    /// Messages that went to the dead letters.
    pub dead: u64,
    /// Messages that failed too often and had nowhere to go.
    pub dropped: u64,
    /// Messages that were too old.
    pub expired: u64,
    /// Messages that were removed on demand.
    pub purged: u64,
}

impl QueueStatus {
    /// Messages that wait.
    pub fn waiting(&self) -> u64 {
        self.ready + self.delayed + self.leased
    }
}

/// Why something of a queue cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The database refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// No such queue, or that of another account.
    #[error("there is no queue {0:?}")]
    NoQueue(String),
    /// The account has one of this name.
    #[error("the account has a queue {0:?} already")]
    Taken(String),
    /// The queue has a consumer.
    #[error("the queue {queue:?} has a consumer already, the Worker {script}; remove it first")]
    Consumed {
        /// The queue.
        queue: String,
        /// Who consumes it.
        script: ScriptName,
    },
    /// No such consumer.
    #[error("the queue {0:?} has no such consumer")]
    NoConsumer(String),
    /// Others need it.
    #[error("{0}")]
    InUse(String),
    /// What is given cannot be.
    #[error("{0}")]
    Invalid(String),
    /// A message, or messages together, are longer than they may be.
    #[error("{what} has {octets} octets, of at most {most}")]
    TooLong {
        /// What: the message, the batch.
        what: &'static str,
        /// Its octets.
        octets: usize,
        /// How many it may have.
        most: usize,
    },
    /// As much waits as may.
    #[error("as much waits in {what} as may: {most} octets; send again once messages were handled")]
    Backlog {
        /// Where: the queue, the account's queues.
        what: &'static str,
        /// How much.
        most: u64,
    },
    /// There are as many as there may be.
    #[error("the account has {most} queues, as many as it may have")]
    Full {
        /// How many.
        most: usize,
    },
}

impl From<rusqlite::Error> for QueueError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(failed(super::rows::SCHEMA.name, &error))
    }
}

impl QueueError {
    /// Whether the same may succeed later without anybody's help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Backlog { .. } => true,
            Self::Storage(error) => error.is_retryable(),
            _ => false,
        }
    }

    /// This, where only storage can fail.
    pub(super) fn into_storage(self) -> StorageError {
        match self {
            Self::Storage(error) => error,
            error => StorageError::format("queue", error),
        }
    }
}

/// Seconds as a duration.
pub(super) const fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds as u64)
}
