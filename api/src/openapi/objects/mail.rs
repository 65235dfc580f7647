//! Messages, and what became of them.

use crate::{delivery::model::Moment, openapi::answers::ErrorEntry, send::SendResult};
use utoipa::ToSchema;

/// How urgent mail is.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Priority {
    /// A person waits for it.
    High,
    /// Everything else.
    Normal,
    /// Newsletters.
    Bulk,
}

/// What became of a batch.
#[derive(Debug, ToSchema)]
pub struct BatchReport {
    /// Messages of the batch.
    pub total: u64,
    /// Those that are safe.
    pub accepted: u64,
    /// Those that are refused.
    pub refused: u64,
    /// Each by itself.
    pub messages: Vec<BatchMessage>,
}

/// What became of a message of a batch.
#[derive(Debug, ToSchema)]
pub struct BatchMessage {
    /// Its place in the batch, from 0.
    pub index: u64,
    /// Whether it is safe.
    pub success: bool,
    /// Why it is refused.
    pub errors: Vec<ErrorEntry>,
    /// What became of its recipients.
    pub result: Option<SendResult>,
}

/// A message that waits for a time that its sender asked for.
#[derive(Debug, ToSchema)]
pub struct ScheduledMessage {
    /// What it is called while it waits.
    #[schema(pattern = "^[0-9a-f]{14}$")]
    pub id: String,
    /// Its Message-ID, without the angle brackets.
    pub message_id: Option<String>,
    /// Whom it is from.
    pub from: Option<String>,
    /// To whom it goes.
    pub recipients: Vec<String>,
    /// Its Subject field.
    pub subject: Option<String>,
    /// Its octets.
    pub size: u64,
    /// When it goes.
    pub scheduled_for: Moment,
    /// When it was accepted.
    pub created: Moment,
}

/// What a webhook is told again.
#[derive(Debug, ToSchema)]
pub struct Replayed {
    /// How many events.
    pub replayed: u64,
}

/// What would become of a message.
#[derive(Debug, ToSchema)]
pub struct Preflight {
    /// Whether it would be accepted.
    pub acceptable: bool,
    /// Why not.
    pub errors: Vec<ErrorEntry>,
    /// What receivers may dislike.
    pub advice: Vec<SendingAdvice>,
    /// The message as receivers would see it.
    pub message: Option<MessagePreview>,
}

/// What receivers may dislike.
#[derive(Debug, ToSchema)]
pub struct SendingAdvice {
    /// What, for programs.
    pub code: String,
    /// What, for people.
    pub detail: String,
}

/// A message as receivers would see it.
#[derive(Debug, ToSchema)]
pub struct MessagePreview {
    /// Its octets.
    pub size: u64,
    /// To how many it goes.
    pub recipients: u64,
    /// To whom it does not go.
    pub suppressed_recipients: Vec<String>,
    /// The domain that signs it.
    pub signed_by: String,
    /// Where its bounces go.
    pub return_path_domain: String,
    /// Whether the signature aligns with its author.
    pub dkim_aligned: bool,
    /// Whether the return path aligns with its author.
    pub spf_aligned: bool,
}
