//! What lists and logs show of a message.

use super::fields::fields;

/// Most characters of a Message-ID that are told (RFC 5322 section 2.1.1: the longest line).
const MAX_MESSAGE_ID: usize = 998;

/// The Message-ID of a message with this header section, without its brackets; empty if it has none.
pub fn message_id(header: &[u8]) -> String {
    let field = fields(header).find(|field| field.is("Message-ID")).map(|field| field.unfolded());
    let text = field.as_deref().map(str::trim).unwrap_or_default();
    text.trim_start_matches('<').trim_end_matches('>').chars().take(MAX_MESSAGE_ID).collect()
}

/// Its Subject, on one line.
pub fn subject(header: &[u8]) -> Option<String> {
    let subject = fields(header).find(|field| field.is("Subject"))?.unfolded();
    Some(subject.trim().to_owned())
}
