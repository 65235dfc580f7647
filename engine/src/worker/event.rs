//! What a Worker is told of a message, and what it asks for.

use crate::message::{Field, fields};
use std::sync::Arc;

/// A message for the `email()` handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailEvent {
    /// What we call the message; logs go by it.
    pub id: String,
    /// The envelope sender without angle brackets; empty for the null sender.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// Header fields in their order, unfolded; names that no HTTP header can have are left out.
    pub headers: Vec<(String, String)>,
    /// Header and body, CRLF lines, as they came.
    pub raw: Arc<[u8]>,
    /// Whether it may go on: SPF or DKIM has passed (the service's rule since July 2025).
    pub can_be_forwarded: bool,
}

/// The fields of a header section as [`EmailEvent::headers`] has them. HTTP knows no name with other characters than those
/// of a token (RFC 9110 section 5.6.2), and no control characters in values.
pub fn event_headers(header: &[u8]) -> Vec<(String, String)> {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let named = fields(header).filter(|field| !field.name().is_empty() && field.name().iter().all(is_token));
    let pair = |field: Field<'_>| {
        let mut value = field.unfolded();
        value.retain(|c| !c.is_control() || c == '\t');
        (String::from_utf8_lossy(field.name()).into_owned(), value)
    };
    named.map(pair).collect()
}

/// A message that is to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The destination.
    pub to: String,
    /// Header fields that it gets; names begin with `X-`.
    pub headers: Vec<(String, String)>,
}

/// Why something that a Worker asks for is not done. It becomes an exception in its code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ActionError {
    /// `E_…` of the service's table, where it has one.
    pub code: Option<String>,
    /// A sentence that says what, where and what to do.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unfolded_in_their_order_and_what_http_cannot_say_is_left_out() {
        let header =
            b"Subject: a\r\n b\r\nReceived: 1\r\nno field\r\nB@d: x\r\nreceived: 2\0\x07\r\nX: \xff\r\n";
        let found = event_headers(header);
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, [("Subject", "a b"), ("Received", "1"), ("received", "2"), ("X", "\u{fffd}")]);
    }
}
