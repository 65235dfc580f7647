//! SMTP replies: what a server says after each command (RFC 5321 section 4.2), with the enhanced status
//! codes of RFC 3463.
//!
//! - [`SmtpCode`] and [`EnhancedCode`] are the two numbers of a reply ([`code`]).
//! - [`Reply`] is a whole reply, one line or many, to write as a server or to judge as a client.
//! - [`ReplyParser`] turns a peer's bytes into replies ([`parser`]).

pub mod code;
pub mod parser;

pub use code::{EnhancedCode, InvalidEnhancedCode, InvalidSmtpCode, ReplyClass, SmtpCode};
pub use parser::{ReplyError, ReplyParser};

use serde::{Deserialize, Serialize};
use std::fmt::{self, Write};

/// Longest [`Display`](fmt::Display) form of a reply in characters; a log line needs no more.
pub const MAX_DISPLAY_CHARS: usize = 1_000;

/// One SMTP reply (RFC 5321 section 4.2).
///
/// It has at least one line of text, which may be empty, and no line holds a CR or LF.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reply {
    code: SmtpCode,
    enhanced: Option<EnhancedCode>,
    lines: Vec<String>,
}

impl Reply {
    /// A reply with the given text; every `\n` in it begins a new line of the reply, a `\r` becomes a space
    /// (or vanishes before `\n`).
    pub fn new(code: SmtpCode, enhanced: Option<EnhancedCode>, text: impl Into<String>) -> Self {
        let lines = text.into().split('\n').map(clean_line).collect();
        Self { code, enhanced, lines }
    }

    /// The three-digit code.
    pub fn code(&self) -> SmtpCode {
        self.code
    }

    /// The enhanced status code, if the reply carries a well-formed one of its own class.
    pub fn enhanced(&self) -> Option<EnhancedCode> {
        self.enhanced
    }

    /// The lines of text without codes and line ends; never empty, the lines themselves may be.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Shorthand for the class of the code.
    pub fn class(&self) -> ReplyClass {
        self.code.class()
    }

    /// Appends the reply as bytes for the wire, each line with CRLF and with the enhanced code
    /// (RFC 2034 section 4 wants it on every line of a multi-line reply).
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let enhanced = self.enhanced.map(|code| code.to_string()).unwrap_or_default();
        let last = self.lines.len().saturating_sub(1);
        for (number, line) in self.lines.iter().enumerate() {
            out.extend_from_slice(&self.code.digits());
            out.push(if number == last { b' ' } else { b'-' });
            out.extend_from_slice(enhanced.as_bytes());
            if !enhanced.is_empty() && !line.is_empty() {
                out.push(b' ');
            }
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }

    /// The same reply with its text cut to at most `max_bytes` bytes over all lines, for records that are
    /// kept: a peer may send 64 KiB, a person reads the beginning.
    #[must_use]
    pub fn shortened(mut self, max_bytes: usize) -> Self {
        let mut room = max_bytes;
        let mut kept = 0;
        for line in &mut self.lines {
            if kept > 0 && room == 0 {
                break;
            }
            line.truncate(line.floor_char_boundary(room));
            room = room.saturating_sub(line.len() + 1);
            kept += 1;
        }
        self.lines.truncate(kept);
        self
    }
}

/// Removes what must not be inside a line of a reply.
fn clean_line(line: &str) -> String {
    line.strip_suffix('\r').unwrap_or(line).replace('\r', " ")
}

impl fmt::Display for Reply {
    /// One line for logs and bounces: lines joined with a space, control characters escaped, at most
    /// [`MAX_DISPLAY_CHARS`] characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.code.to_string();
        if let Some(enhanced) = self.enhanced {
            let _ = write!(text, " {enhanced}");
        }
        for line in self.lines.iter().filter(|line| !line.is_empty()) {
            text.push(' ');
            text.push_str(line);
        }
        f.write_str(&printable(&text, MAX_DISPLAY_CHARS))
    }
}

/// `text` with control characters escaped and cut to `max_chars` characters, the last then being `…`.
pub(crate) fn printable(text: &str, max_chars: usize) -> String {
    let escaped = text.chars().flat_map(|c| {
        // Both kinds must be one type: whichever of the two iterators does not apply is empty.
        let (escape, plain) = if c.is_control() { (Some(c.escape_default()), None) } else { (None, Some(c)) };
        escape.into_iter().flatten().chain(plain)
    });
    let mut shown: String = escaped.take(max_chars.saturating_add(1)).collect();
    if shown.chars().nth(max_chars).is_some() {
        shown.pop();
        shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write_to(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn writes_the_enhanced_code_on_every_line() {
        let reply = Reply::new(SmtpCode::MAILBOX_UNAVAILABLE, Some(EnhancedCode::new(5, 7, 1)), "no\nnever");
        assert_eq!(wire(&reply), "550-5.7.1 no\r\n550 5.7.1 never\r\n");
    }

    #[test]
    fn writes_a_reply_without_text() {
        assert_eq!(wire(&Reply::new(SmtpCode::OK, None, "")), "250 \r\n");
        assert_eq!(wire(&Reply::new(SmtpCode::OK, Some(EnhancedCode::new(2, 0, 0)), "")), "250 2.0.0\r\n");
    }

    #[test]
    fn text_cannot_break_out_of_its_line() {
        let reply = Reply::new(SmtpCode::OK, None, "a\r\nb\rc\r");
        assert_eq!(wire(&reply), "250-a\r\n250 b c\r\n");
    }

    #[test]
    fn shows_one_escaped_line() {
        let reply =
            Reply::new(SmtpCode::TRANSACTION_FAILED, Some(EnhancedCode::new(5, 7, 0)), "a\x1b[0m\n\nb\0");
        assert_eq!(reply.to_string(), "554 5.7.0 a\\u{1b}[0m b\\u{0}");
    }

    #[test]
    fn shows_at_most_a_thousand_characters() {
        let shown = Reply::new(SmtpCode::OK, None, "é".repeat(5_000)).to_string();
        assert_eq!(shown.chars().count(), MAX_DISPLAY_CHARS);
        assert!(shown.ends_with("é…"));
        let exact = Reply::new(SmtpCode::OK, None, "x".repeat(MAX_DISPLAY_CHARS - 4)).to_string();
        assert!(exact.ends_with("xx"));
    }

    #[test]
    fn shortening_keeps_whole_characters_and_one_line_at_least() {
        let reply = Reply::new(SmtpCode::OK, None, "héllo\nworld\nmore");
        assert_eq!(reply.clone().shortened(2).lines(), ["h"]);
        assert_eq!(reply.clone().shortened(9).lines(), ["héllo", "wo"]);
        assert_eq!(reply.clone().shortened(0).lines(), [""]);
        assert_eq!(reply.clone().shortened(1_000), reply);
    }
}
