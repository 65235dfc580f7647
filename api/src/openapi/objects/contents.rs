//! What is in messages, and what a sandbox received.

use crate::delivery::model::Moment;
use utoipa::ToSchema;

/// What is in a message.
#[derive(Debug, ToSchema)]
pub struct MessageContents {
    /// Where it comes from: `queue`, `kept` or `sandbox`.
    pub source: String,
    /// The fields of its header, in their order.
    pub headers: Vec<HeaderField>,
    /// Its plain text; of a message that has gone its preview.
    pub text: Option<String>,
    /// Its HTML, as its sender wrote it.
    pub html: Option<String>,
    /// Everything else in it.
    pub attachments: Vec<MessageAttachment>,
    /// Octets of the whole message.
    pub size: u64,
    /// Whether something was left out.
    pub truncated: bool,
}

/// A field of a header.
#[derive(Debug, ToSchema)]
pub struct HeaderField {
    /// Its name.
    pub name: String,
    /// Its value on one line, decoded.
    pub value: String,
}

/// A part of a message that is not its text.
#[derive(Debug, ToSchema)]
pub struct MessageAttachment {
    /// Its name, if it has one.
    pub filename: Option<String>,
    /// Its media type.
    pub content_type: String,
    /// Octets, decoded.
    pub size: u64,
    /// `inline` or `attachment`.
    pub disposition: String,
    /// What the HTML calls it.
    pub content_id: Option<String>,
}

/// A message that a sandbox received.
#[derive(Debug, ToSchema)]
pub struct ReceivedMessage {
    /// What it is called here.
    pub id: String,
    /// When it came.
    pub received_at: Moment,
    /// Its envelope sender; empty for the null sender.
    pub mail_from: String,
    /// Its envelope recipients.
    pub recipients: Vec<String>,
    /// `From` as it was written.
    pub from: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
    /// Octets.
    pub size: u64,
}

/// What is in a message that a sandbox received, and what is to be said of it.
#[derive(Debug, ToSchema)]
pub struct ReceivedContents {
    /// The message as in the list.
    #[serde(flatten)]
    #[schema(inline)]
    pub message: ReceivedMessage,
    /// What is in it.
    #[serde(flatten)]
    #[schema(inline)]
    pub contents: MessageContents,
    /// What it would be better without, or with; the worst first.
    pub checks: Vec<MessageCheck>,
}

/// Something that a message would be better without, or with.
#[derive(Debug, ToSchema)]
pub struct MessageCheck {
    /// Its name.
    pub id: String,
    /// `error`, `warning` or `info`.
    pub level: String,
    /// What is so.
    pub text: String,
    /// What to do.
    pub help: String,
}

/// How many messages were removed.
#[derive(Debug, ToSchema)]
pub struct RemovedMessages {
    /// So many.
    pub removed: u64,
}
