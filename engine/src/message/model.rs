//! A message to send, as an application describes it.

use crate::address::Mailbox;

/// A message given by its parts. Valid once [`SendRequest::validate`] has passed; build it only then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendRequest {
    /// The author.
    pub from: Mailbox,
    /// The recipients of the To field.
    pub to: Vec<Mailbox>,
    /// The recipients of the Cc field.
    pub cc: Vec<Mailbox>,
    /// The recipients no one else sees; they never appear in the message.
    pub bcc: Vec<Mailbox>,
    /// Where answers go, when not to the author.
    pub reply_to: Option<Mailbox>,
    /// The subject, at most 998 characters.
    pub subject: String,
    /// The HTML body.
    pub html: Option<String>,
    /// The plain-text body.
    pub text: Option<String>,
    /// Custom header fields, name and value, in the order they shall appear.
    pub headers: Vec<(String, String)>,
    /// Files to go with the message.
    pub attachments: Vec<Attachment>,
}

impl SendRequest {
    /// Every recipient: To, Cc, then Bcc.
    pub fn recipients(&self) -> impl Iterator<Item = &Mailbox> {
        self.to.iter().chain(&self.cc).chain(&self.bcc)
    }
}

/// A file that goes with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The file's bytes, not encoded.
    pub content: Vec<u8>,
    /// The name shown to the recipient, at most 255 characters.
    pub filename: String,
    /// The media type, such as `image/png` or `text/calendar; method=REQUEST`.
    pub content_type: String,
    /// How the recipient's program shall treat it.
    pub disposition: Disposition,
}

/// How a file is to be shown (RFC 2183).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// As a file to open or save.
    Attachment,
    /// As a part of the HTML body, which refers to it as `cid:` and the content id.
    Inline {
        /// The id without angle brackets.
        content_id: String,
    },
}
