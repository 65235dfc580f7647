//! What a Worker is told of a message, and what it asks for.

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
