//! Messages that can be told apart: each carries a token in its recipient and in its subject.

use serde_json::{Value, json};

/// The sender of every test message, in the zone that `dev` and `bootstrap` set up.
pub const SENDER: &str = "sender@example.com";

/// The mark of one message, unique in its run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(String);

impl Token {
    /// Makes the mark of message number `number` of the batch called `batch` (lower-case letters and digits).
    #[must_use]
    pub fn new(batch: &str, number: usize) -> Self {
        Self(format!("{batch}-{number}"))
    }

    /// Finds the mark in the local part of an address.
    #[must_use]
    pub fn of_address(address: &str) -> Option<Self> {
        address.split_once('@').map(|(local, _)| Self(local.to_owned()))
    }

    /// Returns the mark as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the recipient that carries the mark.
    #[must_use]
    pub fn recipient(&self) -> String {
        format!("{}@example.net", self.0)
    }

    /// Returns the subject that carries the mark, so that a body delivered to the wrong recipient is noticed.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("token {}", self.0)
    }

    /// Returns a message for the SMTP listener with this body, whose lines end in CRLF.
    #[must_use]
    pub fn message(&self, body: &str) -> Vec<u8> {
        let (token, recipient, subject) = (&self.0, self.recipient(), self.subject());
        format!(
            "Date: Thu, 01 Oct 2026 12:00:00 +0000\r\nFrom: {SENDER}\r\nTo: {recipient}\r\nSubject: {subject}\r\n\
             Message-ID: <{token}@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// Returns a request for the API with this body.
    #[must_use]
    pub fn request(&self, body: &str) -> Value {
        json!({"from": SENDER, "to": self.recipient(), "subject": self.subject(), "text": body})
    }
}

/// Finds the value of the first header line that begins with `name:`; continuation lines are joined.
#[must_use]
pub fn header(message: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(message);
    let mut lines = text.lines().take_while(|line| !line.is_empty());
    let first = lines.find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })?;
    let rest = lines.take_while(|line| line.starts_with([' ', '\t']));
    Some(rest.fold(first, |value, line| format!("{value} {}", line.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries_the_token_in_recipient_and_subject() {
        let token = Token::new("batch", 7);
        assert_eq!(Token::of_address(&token.recipient()), Some(token.clone()));
        assert_eq!(header(&token.message("x\r\n"), "subject"), Some("token batch-7".into()));
    }

    #[test]
    fn reads_folded_headers_and_stops_at_the_body() {
        let message = b"A: 1\r\nSubject: one\r\n two\r\nB: 2\r\n\r\nC: 3\r\n";
        assert_eq!(header(message, "Subject").as_deref(), Some("one two"));
        assert_eq!(header(message, "C"), None);
    }
}
