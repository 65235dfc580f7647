//! What came back of our message: a part of its own, or the end of the prose.

use super::{
    evidence::Evidence,
    model::OriginalMessage,
    text::{first_address, value},
};
use crate::message::{Field, fields, parts::Parts};

/// Parts that hold a message or its header (RFC 2046, RFC 6522, RFC 6533).
const TYPES: [&str; 6] = [
    "message/rfc822",
    "text/rfc822-headers",
    "message/global",
    "message/global-headers",
    "message/rfc822-headers",
    "text/rfc822",
];
/// Most octets of what came back that are read: its header.
const MAX_HEADER: usize = 64 * 1024;

impl OriginalMessage {
    /// Reads the part that holds it; what it does not say, the header of the report may.
    pub(super) fn in_parts(parts: &Parts<'_>, evidence: &Evidence) -> Self {
        let part = parts.find(&TYPES).map(|part| part.text(MAX_HEADER)).unwrap_or_default();
        Self::in_text(&part).or_reply(evidence)
    }

    /// Reads the fields in a text that may have some lines of prose before them.
    pub(super) fn in_text(text: &str) -> Self {
        let header = header_in(text);
        let all: Vec<_> = fields(header.as_bytes()).collect();
        let field = |name| all.iter().find(|field| field.is(name)).map(Field::unfolded);
        Self {
            message_id: field("Message-ID").as_deref().and_then(Self::id_in),
            complaint_id: field("CFBL-Feedback-ID").as_deref().and_then(value),
            return_path: field("Return-Path").as_deref().and_then(first_address).map(|path| path.to_string()),
            to: field("To").as_deref().and_then(first_address).map(|to| to.to_string()),
        }
    }

    /// What is known of it if nothing came back.
    pub(super) fn or_reply(mut self, evidence: &Evidence) -> Self {
        self.message_id = self.message_id.or_else(|| evidence.in_reply_to.clone());
        self
    }

    /// The first id in the value of a Message-ID, In-Reply-To or References field, without angle brackets.
    pub(super) fn id_in(text: &str) -> Option<String> {
        let id = match text.split_once('<') {
            Some((_, rest)) => rest.split('>').next()?,
            None => text.split_whitespace().next()?,
        };
        value(id).filter(|id| id.contains('@'))
    }
}

/// The first run of lines that look like fields, up to an empty line.
fn header_in(text: &str) -> &str {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if is_field(line) {
            return text.get(at..).map(up_to_empty_line).unwrap_or_default();
        }
        at += line.len();
    }
    ""
}

fn up_to_empty_line(text: &str) -> &str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            break;
        }
        end += line.len();
    }
    text.get(..end).unwrap_or_default()
}

/// `Name: value` with a name as fields have it.
fn is_field(line: &str) -> bool {
    line.split_once(':').is_some_and(|(name, _)| {
        (2..=60).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}
