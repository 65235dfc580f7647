//! What is told of an event that a Worker has handled.

use mailwright_engine::worker::ScriptName;
use mailwright_storage::control::ObjectId;
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// An event that is over.
#[derive(Debug, Clone)]
pub struct Run {
    /// Whose Worker it is.
    pub account: ObjectId,
    /// The Worker.
    pub script: ScriptName,
    /// The id of the version that ran.
    pub version: String,
    /// What it was called for.
    pub kind: RunKind,
    /// When it began.
    pub began: SystemTime,
    /// How long it took.
    pub wall: Duration,
    /// The processor time that it took, as far as it is known.
    pub cpu: Duration,
    /// How it ended.
    pub outcome: RunOutcome,
    /// What it wrote with `console`.
    pub logs: Vec<LogLine>,
    /// Exceptions that nobody caught, `name: message` each.
    pub exceptions: Vec<String>,
    /// Whether lines were left out because there were too many.
    pub truncated: bool,
}

/// What a Worker was called for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunKind {
    /// A message.
    Email {
        /// What we call it.
        id: String,
        /// Envelope sender.
        from: String,
        /// Recipient.
        to: String,
        /// Octets.
        size: u64,
    },
    /// An HTTP request.
    Fetch {
        /// The method.
        method: String,
        /// The URL.
        url: String,
        /// The status that was answered, if any was.
        status: Option<u16>,
    },
    /// Messages of a queue.
    Queue {
        /// Its name.
        queue: String,
        /// How many.
        messages: usize,
    },
}

/// How an event ended, in the words of `wrangler tail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    /// Well.
    Ok,
    /// With an exception.
    Exception,
    /// It took too much processor time.
    ExceededCpu,
    /// It took too much memory.
    ExceededMemory,
    /// It took too long, or its process ended.
    Canceled,
}

impl RunOutcome {
    pub(crate) const ALL: [Self; 5] =
        [Self::Ok, Self::Exception, Self::ExceededCpu, Self::ExceededMemory, Self::Canceled];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Exception => "exception",
            Self::ExceededCpu => "exceededCpu",
            Self::ExceededMemory => "exceededMemory",
            Self::Canceled => "canceled",
        }
    }
}

/// A line of `console`.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// `log`, `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// What was given to it: JSON values.
    pub message: Vec<Value>,
    /// When.
    pub at: SystemTime,
}
