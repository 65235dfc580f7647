//! What others do for Workers, and what they get of them.

use crate::Run;
use mailwright_engine::worker::{ActionError, Forward, ScriptName, SendRules};
use mailwright_storage::control::ObjectId;
use std::{future::Future, pin::Pin};

/// What a Worker's code may ask while it handles one message. What it asks for is done once it has ended well: until then
/// nothing has happened.
pub trait EventDesk: Send + Sync {
    /// Whether the message may go on to this address.
    ///
    /// # Errors
    /// Why not, as an exception in the Worker's code.
    fn may_forward(&self, to: &str) -> Result<(), ActionError>;

    /// Addresses that [`may_forward`](Self::may_forward) says yes to, if a few are at hand: a Worker that forwards to one
    /// of them need not ask before it is done. None, if nothing else is said.
    fn destinations(&self) -> Vec<String> {
        Vec::new()
    }

    /// Notes an answer to the sender of the message, to be sent when the Worker has ended well.
    ///
    /// # Errors
    /// Which of the conditions of an answer does not hold.
    fn reply(&self, from: &str, to: &str, raw: Vec<u8>) -> Result<(), ActionError>;
}

/// What came of a message that a Worker has handled. Answers are with the [`EventDesk`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmailDone {
    /// Where it is to go on to.
    pub forwards: Vec<Forward>,
    /// Why it is to be refused for good, if it is.
    pub reject: Option<String>,
}

/// Why an event was not handled. Whatever it is, nothing has happened, and it can be tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// There is no such Worker.
    #[error("the Worker {0} is not deployed")]
    NotDeployed(ScriptName),
    /// Workers cannot be run here.
    #[error("{0}")]
    NoRuntime(String),
    /// Its code does not export the handler.
    #[error("the Worker exports no {0}() handler")]
    NoHandler(&'static str),
    /// It could not be started.
    #[error("the Worker does not start: {0}")]
    NotStarted(String),
    /// Its code ended with an exception.
    #[error("the Worker threw {0}")]
    Threw(String),
    /// It took too long.
    #[error("the Worker did not answer within {0:?}")]
    TimedOut(std::time::Duration),
    /// It took too much processor time.
    #[error("the Worker took more than its {0} ms of processor time")]
    CpuExceeded(u32),
    /// It took too much memory.
    #[error("the Worker took more than its {0} MiB of memory")]
    MemoryExceeded(u64),
    /// Its process ended under it, through another event's fault maybe.
    #[error("the Worker's process ended: {0}")]
    Crashed(String),
    /// More events wait for it than may.
    #[error("too many events wait for the Worker")]
    Busy,
}

/// A message that a Worker sends by a `send_email` binding.
#[derive(Debug, Clone)]
pub struct SendRequest {
    /// Whose Worker it is.
    pub account: ObjectId,
    /// The Worker.
    pub script: ScriptName,
    /// What the binding allows.
    pub rules: SendRules,
    /// What is sent.
    pub message: OutgoingMail,
}

/// What `send()` was given.
#[derive(Debug, Clone)]
pub enum OutgoingMail {
    /// The builder form: an object as the REST API takes it, attachments as base64 in `content`.
    Built(serde_json::Value),
    /// An `EmailMessage`.
    Raw {
        /// Envelope sender.
        from: String,
        /// Envelope recipient.
        to: String,
        /// Header and body.
        raw: Vec<u8>,
    },
}

/// A future that can be sent between threads.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<String, ActionError>> + Send + 'a>>;

/// Who sends mail for Workers.
pub trait Mailer: Send + Sync {
    /// Sends a message; its `messageId` comes back once it is safe from a power cut.
    ///
    /// # Errors
    /// `E_…` and a sentence.
    fn send(&self, request: SendRequest) -> Sending<'_>;
}

/// Who is told of what Workers did: for the activity of messages.
pub trait Observer: Send + Sync {
    /// An event is over, its last `waitUntil` too.
    fn ran(&self, run: &Run);
}
