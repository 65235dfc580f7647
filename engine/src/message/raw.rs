//! Messages that come ready-made: checked, brought into SMTP's form and completed.

use super::{
    error::{SendError, SendErrorCode as Code},
    fields::{Field, fields, split_header},
    lines::{MAX_LINE, find_long_line, is_8bit, to_crlf},
    received::rfc5322_date,
};
use crate::{
    address::{AddressError, EmailAddress, Mailbox},
    time::UnixMillis,
};

/// Largest message taken, in octets: 25 MiB.
pub const MAX_MESSAGE_BYTES: usize = 25 * 1024 * 1024;

/// Fields that may occur once only (RFC 5322 section 3.6); a second one is how forgeries are made, since
/// programs disagree on which of two counts.
const SINGLE: [&str; 8] = ["From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID"];
/// Fields that do not travel: hidden recipients, and what the last hop writes (RFC 5321 section 4.4).
const STRIPPED: [&str; 3] = ["Bcc", "Resent-Bcc", "Return-Path"];

/// What is put into a message that lacks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawDefaults<'a> {
    /// The Date field: when the message was accepted.
    pub date: UnixMillis,
    /// The Message-ID without angle brackets.
    pub message_id: &'a str,
}

/// A ready-made message that may be sent, as it goes into the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawMessage {
    content: Vec<u8>,
    header_len: usize,
    from: EmailAddress,
    message_id: String,
}

impl RawMessage {
    /// The address of the From field, whose domain must be the sender's.
    pub fn from(&self) -> &EmailAddress {
        &self.from
    }

    /// The Message-ID it carries, without angle brackets.
    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    /// The message's bytes.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The message's bytes, without a copy.
    pub fn into_content(self) -> Vec<u8> {
        self.content
    }

    /// Whether it has octets above 127, so that the receiver must support 8BITMIME (RFC 6152).
    pub fn is_8bit(&self) -> bool {
        is_8bit(&self.content)
    }

    /// Whether its header carries UTF-8, so that the receiver must support SMTPUTF8 (RFC 6531).
    pub fn has_utf8_header(&self) -> bool {
        self.content.get(..self.header_len).is_some_and(is_8bit)
    }
}

/// Checks a ready-made message and brings it into the form SMTP wants.
///
/// Bare CR and LF become CRLF; Bcc, Resent-Bcc and Return-Path are dropped; Date, Message-ID and
/// MIME-Version are put on top when missing. Everything else stays as it is, signatures included.
///
/// # Errors
/// [`SendError`] when the message exceeds 25 MiB, holds NUL or a line above 998 octets, when its header
/// section is malformed, not UTF-8 or has a field twice that may occur once, or when From is missing or
/// does not hold exactly one address.
pub fn check_raw(mime: &[u8], defaults: &RawDefaults<'_>) -> Result<RawMessage, SendError> {
    if mime.len() > MAX_MESSAGE_BYTES {
        let message = format!("The message is {} bytes, maximum is {MAX_MESSAGE_BYTES}.", mime.len());
        return Err(SendError::new(Code::ContentTooLarge, "", message));
    }
    if memchr::memchr(0, mime).is_some() {
        return Err(malformed("The message contains a NUL character."));
    }
    let message = to_crlf(mime);
    if let Some((line, octets)) = find_long_line(&message) {
        return Err(malformed(format!("Line {line} is {octets} octets long, maximum is {MAX_LINE}.")));
    }
    let (header, body) = split_header(&message);
    check_header(header)?;
    let from = read_from(header)?;
    Ok(assemble(header, body, from, defaults))
}

/// The one address of the From field, for deciding who may sign the message; `None` where there is no such
/// field or it does not hold exactly one address.
pub fn author(header: &[u8]) -> Option<EmailAddress> {
    read_from(header).ok()
}

fn malformed(message: impl Into<String>) -> SendError {
    SendError::new(Code::ValidationError, "", message)
}

fn check_header(header: &[u8]) -> Result<(), SendError> {
    if std::str::from_utf8(header).is_err() {
        return Err(malformed("The header section is not valid UTF-8."));
    }
    if let Some(bad) = fields(header).find(|field| !is_field_name(field.name())) {
        let line: String = String::from_utf8_lossy(bad.raw()).trim_end().escape_debug().take(80).collect();
        return Err(malformed(format!("\"{line}\" is not a header field.")));
    }
    for name in SINGLE {
        if fields(header).filter(|field| field.is(name)).count() > 1 {
            let message = format!("The {name} field occurs more than once.");
            return Err(SendError::new(Code::ValidationError, name.to_ascii_lowercase(), message));
        }
    }
    Ok(())
}

/// `field-name` of RFC 5322 section 2.2.
fn is_field_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|b| b.is_ascii_graphic() && *b != b':')
}

fn read_from(header: &[u8]) -> Result<EmailAddress, SendError> {
    let Some(field) = fields(header).find(|field| field.is("From")) else {
        return Err(SendError::new(Code::FieldMissing, "from", "The message has no From field."));
    };
    let invalid = |error: AddressError| {
        let message = format!("The From field must hold exactly one address: {error}.");
        SendError::new(Code::ValidationError, "from", message)
    };
    let value = without_comments(&field.unfolded());
    Mailbox::split(&value).map(|(_, address)| address).map_err(invalid)
}

/// Drops comments (RFC 5322 section 3.2.2), as in `ann@example.org (Ann)`.
fn without_comments(value: &str) -> String {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut kept = String::with_capacity(value.len());
    for c in value.chars() {
        let inside = depth > 0;
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted || inside,
            '"' if !inside => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if inside => depth -= 1,
            _ => {}
        }
        if !inside && depth == 0 {
            kept.push(c);
        }
    }
    kept
}

fn assemble(header: &[u8], body: &[u8], from: EmailAddress, defaults: &RawDefaults<'_>) -> RawMessage {
    let mut content = Vec::with_capacity(header.len() + body.len() + 256);
    write_missing(&mut content, header, defaults);
    for field in fields(header).filter(|field| !STRIPPED.iter().any(|name| field.is(name))) {
        content.extend_from_slice(field.raw());
    }
    // A message cut off within its header section lacks even the line end.
    if !content.ends_with(b"\r\n") {
        content.extend_from_slice(b"\r\n");
    }
    let header_len = content.len();
    content.extend_from_slice(b"\r\n");
    content.extend_from_slice(body);
    if !content.ends_with(b"\r\n") {
        content.extend_from_slice(b"\r\n");
    }
    let message_id = find(header, "Message-ID").map_or_else(|| defaults.message_id.to_owned(), bare_id);
    RawMessage { content, header_len, from, message_id }
}

fn write_missing(out: &mut Vec<u8>, header: &[u8], defaults: &RawDefaults<'_>) {
    if find(header, "Date").is_none() {
        out.extend_from_slice(format!("Date: {}\r\n", rfc5322_date(defaults.date)).as_bytes());
    }
    if find(header, "Message-ID").is_none() {
        out.extend_from_slice(format!("Message-ID: <{}>\r\n", defaults.message_id).as_bytes());
    }
    if find(header, "MIME-Version").is_none() {
        out.extend_from_slice(b"MIME-Version: 1.0\r\n");
    }
}

fn find<'m>(header: &'m [u8], name: &str) -> Option<Field<'m>> {
    fields(header).find(|field| field.is(name))
}

fn bare_id(field: Field<'_>) -> String {
    field.unfolded().trim_matches(['<', '>']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DEFAULTS: RawDefaults<'static> =
        RawDefaults { date: UnixMillis::new(1_795_255_445_123), message_id: "new@example.org" };
    const FULL: &str = "Date: x\r\nMessage-ID: <old@example.org>\r\nMIME-Version: 1.0\r\n";

    fn check(mime: &str) -> Result<RawMessage, SendError> {
        check_raw(mime.as_bytes(), &DEFAULTS)
    }

    fn content(mime: &str) -> String {
        String::from_utf8(check(mime).unwrap().into_content()).unwrap()
    }

    #[test]
    fn leaves_a_complete_message_alone() {
        let mime = format!("{FULL}DKIM-Signature: d=example.org\r\nFrom: a@example.org\r\n\r\nHello\r\n");
        assert_eq!(content(&mime), mime);
        assert_eq!(check(&mime).unwrap().message_id(), "old@example.org");
    }

    #[test]
    fn completes_a_message_with_what_it_lacks() {
        let checked = check("From: a@example.org\n\nHello").unwrap();
        assert_eq!(checked.message_id(), "new@example.org");
        assert_eq!(
            String::from_utf8(checked.into_content()).unwrap(),
            "Date: Sat, 21 Nov 2026 10:04:05 +0000\r\nMessage-ID: <new@example.org>\r\n\
             MIME-Version: 1.0\r\nFrom: a@example.org\r\n\r\nHello\r\n"
        );
    }

    #[test]
    fn strips_hidden_recipients_with_their_folded_lines() {
        let mime = format!(
            "Return-Path: <r@x>\r\n{FULL}BCC: b@x,\r\n c@x\r\nFrom: a@x.org\r\nresent-bcc: d@x\r\n\r\nBcc: kept\r\n"
        );
        assert_eq!(content(&mime), format!("{FULL}From: a@x.org\r\n\r\nBcc: kept\r\n"));
    }

    #[test]
    fn smuggled_ends_of_data_become_plain_line_ends() {
        for dot in ["\n.\n", "\r.\r", "\n.\r\n", "\r\n.\r", "\r\n.\n"] {
            let mime = format!("{FULL}From: a@x.org\r\n\r\nHi{dot}MAIL FROM:<e@x>\r\n");
            assert!(content(&mime).ends_with("\r\n\r\nHi\r\n.\r\nMAIL FROM:<e@x>\r\n"), "{dot:?}");
        }
    }

    #[test]
    fn takes_a_message_of_header_alone() {
        for mime in ["From: a@x.org", "From: a@x.org\r\n", "From: a@x.org\r\n\r\n"] {
            let text = content(&format!("{FULL}{mime}"));
            assert!(text.starts_with(FULL) && text.ends_with("From: a@x.org\r\n\r\n"), "{text:?}");
        }
    }

    #[test]
    fn finds_the_author_in_every_form() {
        let cases = [
            "ann@example.org",
            "Ann <ann@example.org>",
            "\"Doe, (Ann)\"\r\n <ann@example.org>",
            "ann@example.org (Ann (the) \\) First)",
            "(x) =?utf-8?Q?=C3=84nn?= <ann@example.org>",
            "Änn <ann@example.org>",
        ];
        for from in cases {
            let mime = format!("From: {from}\r\n\r\n");
            assert_eq!(check(&mime).unwrap().from().as_str(), "ann@example.org", "{from}");
        }
    }

    #[test]
    fn refuses_what_cannot_be_sent() {
        let long = format!("From: a@x.org\r\n\r\n{}\r\n", "x".repeat(999));
        let huge = format!("From: a@x.org\r\n\r\n{}", "x\r\n".repeat(MAX_MESSAGE_BYTES / 3));
        let cases = [
            ("", Code::FieldMissing),
            ("\r\nFrom: a@x.org\r\n", Code::FieldMissing),
            ("To: b@x.org\r\n\r\n", Code::FieldMissing),
            ("From: a@x.org\r\n\r\na\0b", Code::ValidationError),
            ("From: a@x.org\r\nno field\r\n\r\n", Code::ValidationError),
            (" folded: first\r\nFrom: a@x.org\r\n\r\n", Code::ValidationError),
            ("From a@x.org Sat Nov 21\r\nFrom: a@x.org\r\n\r\n", Code::ValidationError),
            ("Subject : a\r\nFrom: a@x.org\r\n\r\n", Code::ValidationError),
            ("From: a@x.org\r\nFROM: b@x.org\r\n\r\n", Code::ValidationError),
            ("From: a@x.org\r\nSubject: a\r\nSubject: b\r\n\r\n", Code::ValidationError),
            ("From: a@x.org, b@x.org\r\n\r\n", Code::ValidationError),
            ("From: A <a@x.org>, B <b@x.org>\r\n\r\n", Code::ValidationError),
            ("From: Group: a@x.org;\r\n\r\n", Code::ValidationError),
            ("From: \r\n\r\n", Code::ValidationError),
            (&long, Code::ValidationError),
            (&huge, Code::ContentTooLarge),
        ];
        for (mime, code) in cases {
            assert_eq!(check(mime).unwrap_err().code, code, "{:.40}", mime);
        }
        assert_eq!(
            check_raw(b"From: \xff@x.org\r\n\r\n", &DEFAULTS).unwrap_err().code,
            Code::ValidationError
        );
    }

    #[test]
    fn says_what_the_receiver_must_support() {
        let flags = |mime: &str| check(mime).map(|m| (m.is_8bit(), m.has_utf8_header())).unwrap();
        assert_eq!(flags("From: a@x.org\r\n\r\nhello"), (false, false));
        assert_eq!(flags("From: a@x.org\r\n\r\nhéllo"), (true, false));
        assert_eq!(flags("From: é@x.org\r\n\r\nhello"), (true, true));
    }

    proptest! {
        #[test]
        fn what_passes_passes_again_unchanged(mime in "From: a@x.org[ -~é\r\n\t\\x00]{0,80}") {
            if let Ok(once) = check(&mime) {
                let twice = check_raw(once.content(), &DEFAULTS).unwrap();
                prop_assert_eq!(twice, once);
            }
        }
    }
}
