//! Messages and what became of them.

use crate::{
    delivery::model::Moment,
    openapi::{
        answers::ErrorEntry,
        text::{MessageStatus, SendingStatus},
    },
};
use utoipa::ToSchema;

/// A page of the activity log.
#[derive(Debug, ToSchema)]
pub struct ActivityPage<T> {
    /// That it is a successful answer.
    pub success: bool,
    /// Nothing.
    #[schema(max_items = 0)]
    pub errors: Vec<ErrorEntry>,
    /// Nothing so far.
    pub messages: Vec<String>,
    /// The objects of the page.
    pub result: Vec<T>,
    /// Where the log goes on, and how far it is complete.
    pub result_info: ActivityInfo,
}

/// Where the activity log goes on, and how far it is complete.
#[derive(Debug, ToSchema)]
pub struct ActivityInfo {
    /// Objects of this page.
    pub count: u64,
    /// What to ask for the next page with; `null` on the last. A page may be short, or empty, and not the last.
    pub cursor: Option<String>,
    /// Most objects of a page.
    pub per_page: u64,
    /// Up to when all that happened is known.
    pub complete_until: Moment,
}

/// A recipient of a message, and what became of it.
#[derive(Debug, ToSchema)]
pub struct ActivityLine {
    /// The message's id in the queue.
    pub id: String,
    /// Whose it is; `null` for mail from trusted networks.
    pub account_id: Option<String>,
    /// The zone it was sent from.
    pub zone_id: Option<String>,
    /// Its Message-ID without the angle brackets; empty if it was never made.
    pub message_id: String,
    /// Address of its author.
    pub from: String,
    /// Sender of its envelope.
    pub envelope_from: String,
    /// Domain of its author.
    pub sending_domain: String,
    /// What it is about.
    pub subject: Option<String>,
    /// What its sender counts it to.
    pub campaign: Option<String>,
    /// Which door it came in by: `api`, `submission`, `relay`, `worker` or `report`.
    pub origin: String,
    /// Octets of content.
    pub size: u64,
    /// When it was accepted or refused.
    pub accepted_at: Moment,
    /// The recipient.
    pub recipient: String,
    /// How the recipient stands.
    pub status: SendingStatus,
    /// Class of the last failure; empty if there was none.
    pub class: String,
    /// Status code of the last attempt (RFC 3463), or the code of a refusal; empty before the first attempt.
    pub code: String,
    /// The last reply, shortened.
    pub reply: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_attempt_at: Option<Moment>,
    /// When something last became of it.
    pub updated_at: Moment,
    /// Whether it failed after its server had taken the message.
    pub bounced_late: bool,
    /// When it complained.
    pub complained_at: Option<Moment>,
    /// When it unsubscribed.
    pub unsubscribed_at: Option<Moment>,
}

/// A message with its recipients.
#[derive(Debug, ToSchema)]
pub struct SentMessage {
    /// Its id in the queue.
    pub id: String,
    /// Whose it is; `null` for mail from trusted networks.
    pub account_id: Option<String>,
    /// The zone it was sent from.
    pub zone_id: Option<String>,
    /// Its Message-ID without the angle brackets; empty if it was never made.
    pub message_id: String,
    /// Address of its author.
    pub from: String,
    /// Sender of its envelope.
    pub envelope_from: String,
    /// Domain of its author.
    pub sending_domain: String,
    /// What it is about.
    pub subject: Option<String>,
    /// What its sender counts it to.
    pub campaign: Option<String>,
    /// Which door it came in by: `api`, `submission`, `relay` or `report`.
    pub origin: String,
    /// Octets of content.
    pub size: u64,
    /// When it was accepted or refused.
    pub accepted_at: Moment,
    /// How many recipients it has.
    pub recipient_count: u32,
    /// The beginning of its text, where its sending domain keeps that.
    pub preview: Option<String>,
    /// Its recipients, the first thousand.
    pub recipients: Vec<RecipientState>,
}

/// What became of a recipient.
#[derive(Debug, ToSchema)]
pub struct RecipientState {
    /// The address.
    pub recipient: String,
    /// How it stands.
    pub status: SendingStatus,
    /// Class of the last failure; empty if there was none.
    pub class: String,
    /// Status code of the last attempt (RFC 3463), or the code of a refusal; empty before the first attempt.
    pub code: String,
    /// The last reply, shortened.
    pub reply: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_attempt_at: Option<Moment>,
    /// When something last became of it.
    pub updated_at: Moment,
    /// Whether it failed after its server had taken the message.
    pub bounced_late: bool,
    /// When it complained.
    pub complained_at: Option<Moment>,
    /// When it unsubscribed.
    pub unsubscribed_at: Option<Moment>,
}

/// An event of a message's timeline. What does not belong to its kind is left out.
#[derive(Debug, ToSchema)]
pub struct TimelineEvent {
    /// When.
    pub at: Moment,
    /// What kind: `accepted`, `attempt`, `dropped`, `expired`, `late_bounce`, ...
    pub event: String,
    /// What happened, in a sentence.
    pub text: String,
    /// How the recipients stand after it.
    #[schema(nullable = false)]
    pub status: Option<MessageStatus>,
    /// Whom it is about.
    #[schema(nullable = false)]
    pub recipients: Option<Vec<String>>,
    /// The addresses of ours that it is about, of mail from the world.
    #[schema(nullable = false)]
    pub to: Option<Vec<String>>,
    /// Which attempt it was, from 1.
    #[schema(nullable = false)]
    pub attempt: Option<u32>,
    /// Name of the server.
    #[schema(nullable = false)]
    pub host: Option<String>,
    /// Address of the server.
    #[schema(nullable = false)]
    pub address: Option<String>,
    /// What TLS was negotiated, and why.
    #[schema(nullable = false)]
    pub tls: Option<String>,
    /// The source it left from.
    #[schema(nullable = false)]
    pub source: Option<String>,
    /// `delivered`, `deferred` or `bounced`.
    #[schema(nullable = false)]
    pub verdict: Option<String>,
    /// Class of the failure; empty if there was none.
    #[schema(nullable = false)]
    pub class: Option<String>,
    /// Status code (RFC 3463).
    #[schema(nullable = false)]
    pub code: Option<String>,
    /// The server's reply, or our own words.
    #[schema(nullable = false)]
    pub reply: Option<String>,
    /// Milliseconds from the start of the transaction to the verdict.
    #[schema(nullable = false)]
    pub duration_ms: Option<u64>,
    /// When it is tried next.
    #[schema(nullable = false)]
    pub next_attempt_at: Option<Moment>,
    /// Why then.
    #[schema(nullable = false)]
    pub next_attempt_reason: Option<String>,
}
