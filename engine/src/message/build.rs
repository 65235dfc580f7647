//! From a valid request to the bytes of a message (RFC 5322, RFC 2045 to 2047, RFC 2231).

use super::{
    content_type::MediaType,
    error::{SendError, SendErrorCode},
    headers,
    lines::{find_long_line, to_crlf},
    model::{Attachment, Disposition, SendRequest},
    received::rfc5322_date,
};
use crate::{address::Mailbox, time::UnixMillis};
use mail_builder::{
    encoders::Base64Encoder,
    headers::{
        Header, address::Address, content_type::ContentType, message_id::MessageId, raw::Raw, text::Text,
    },
    mime::{BodyPart, MimePart},
};

/// Room for the header section and the MIME scaffolding, in octets.
const OVERHEAD: usize = 4 * 1024;

/// What the platform adds to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildContext<'a> {
    /// When the message was accepted.
    pub date: UnixMillis,
    /// The Message-ID without angle brackets.
    pub message_id: &'a str,
    /// Where the MIME boundaries come from; must be hard to guess, lest a body imitate a boundary.
    pub boundary_seed: u64,
}

/// Builds the message that `request`, which has passed [`SendRequest::validate`], describes.
///
/// Equal arguments give equal bytes. Line ends are CRLF, lines at most 998 octets (76 where an encoding
/// allows), and all of it is ASCII unless an address in it needs SMTPUTF8 (RFC 6532). Bcc is left out.
pub fn build(request: &SendRequest, context: &BuildContext<'_>) -> Vec<u8> {
    let mut message = Vec::with_capacity(estimated_len(request));
    write_header(&mut message, request, context);
    body(request, &mut Boundaries::new(context.boundary_seed)).write_part(&mut message);
    if !message.ends_with(b"\r\n") {
        message.extend_from_slice(b"\r\n");
    }
    message
}

/// The lines, each with its CRLF, of `X-` fields that are put on top of a message that goes on. Fields without a value are
/// left out.
///
/// # Errors
/// Those of custom fields of messages that are sent; and for a name that does not begin with `X-`.
pub fn extension_fields(fields: &[(String, String)]) -> Result<String, SendError> {
    let fields: Vec<_> = fields.iter().filter(|(_, value)| !value.trim().is_empty()).cloned().collect();
    if let Some((name, _)) = fields.iter().find(|(name, _)| !headers::is_extension(name)) {
        let name: String = name.escape_debug().take(80).collect();
        let why = format!("\"{name}\" cannot be added: the names of added header fields begin with X-.");
        return Err(SendError::new(SendErrorCode::HeaderNotAllowed, "headers", why));
    }
    headers::check(&fields)?;
    let mut lines = Vec::new();
    fields.iter().for_each(|(name, value)| write_text(&mut lines, name, value.trim()));
    Ok(String::from_utf8_lossy(&lines).into_owned())
}

fn estimated_len(request: &SendRequest) -> usize {
    let bodies = [&request.html, &request.text].into_iter().flatten().map(String::len);
    let files = request.attachments.iter().map(|file| file.content.len());
    // Base64 in lines of 76 makes 78 octets of 57.
    bodies.chain(files).map(|len| len / 57 * 78 + OVERHEAD).sum()
}

fn write_header(out: &mut Vec<u8>, request: &SendRequest, context: &BuildContext<'_>) {
    write_field(out, "Date", &Raw::new(rfc5322_date(context.date)));
    write_field(out, "Message-ID", &MessageId::new(context.message_id));
    write_mailboxes(out, "From", [&request.from]);
    write_recipients(out, request);
    write_mailboxes(out, "Reply-To", &request.reply_to);
    write_subject(out, &request.subject);
    for (name, value) in &request.headers {
        write_text(out, headers::canonical_name(name), value.trim());
    }
    write_field(out, "MIME-Version", &Raw::new("1.0"));
}

/// To and Cc; a message with hidden recipients alone says so, for filters that distrust one without To.
fn write_recipients(out: &mut Vec<u8>, request: &SendRequest) {
    if request.to.is_empty() && request.cc.is_empty() {
        return write_field(out, "To", &Raw::new("undisclosed-recipients:;"));
    }
    write_mailboxes(out, "To", &request.to);
    write_mailboxes(out, "Cc", &request.cc);
}

/// A subject that looks like an encoded word must not be read as one, so it is encoded itself; mail-builder
/// leaves ASCII alone. 45 octets make a word of 72.
fn write_subject(out: &mut Vec<u8>, subject: &str) {
    if !subject.is_ascii() || !subject.contains("=?") {
        return write_field(out, "Subject", &Text::new(subject));
    }
    let word = |octets: &[u8]| format!("=?utf-8?B?{}?=", data_encoding::BASE64.encode(octets));
    let words: Vec<_> = subject.as_bytes().chunks(45).map(word).collect();
    out.extend_from_slice(format!("Subject: {}\r\n", words.join("\r\n ")).as_bytes());
}

fn write_mailboxes<'a>(out: &mut Vec<u8>, name: &str, mailboxes: impl IntoIterator<Item = &'a Mailbox>) {
    let list: Vec<_> =
        mailboxes.into_iter().map(|m| Address::new_address(m.name(), m.address().as_str())).collect();
    if !list.is_empty() {
        write_field(out, name, &Address::new_list(list));
    }
}

fn write_text(out: &mut Vec<u8>, name: &str, value: &str) {
    if headers::needs_encoding(value) {
        write_field(out, name, &Text::new(value));
    } else {
        write_field(out, name, &Raw::new(value));
    }
}

fn write_field(out: &mut Vec<u8>, name: &str, value: &impl Header) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    value.write_header(out, name.len() + 2);
}

/// The MIME tree: mixed(related(alternative(text, html), inline…), files…), each level only when needed.
fn body<'a>(request: &'a SendRequest, boundaries: &mut Boundaries) -> MimePart<'a> {
    let html = request.html.as_deref().filter(|html| !html.is_empty());
    let text = request.text.as_deref().filter(|text| !text.is_empty());
    let is_inline = |file: &&Attachment| matches!(file.disposition, Disposition::Inline { .. });
    // Without HTML nothing can refer to an inline file; it goes with the others.
    let (inline, files): (Vec<_>, Vec<_>) =
        request.attachments.iter().partition(|file| html.is_some() && is_inline(file));

    let html = html.map(|html| {
        let mut parts = vec![text_part("text/html", html)];
        parts.extend(inline.into_iter().map(file_part));
        multipart("multipart/related", parts, boundaries)
    });
    let text = text.map(|text| text_part("text/plain", text));
    let mut parts =
        vec![multipart("multipart/alternative", text.into_iter().chain(html).collect(), boundaries)];
    parts.extend(files.into_iter().map(file_part));
    multipart("multipart/mixed", parts, boundaries)
}

/// A multipart of `parts`, or the one part itself.
fn multipart<'a>(
    kind: &'static str,
    mut parts: Vec<MimePart<'a>>,
    boundaries: &mut Boundaries,
) -> MimePart<'a> {
    if parts.len() == 1
        && let Some(only) = parts.pop()
    {
        return only;
    }
    let mut content_type = ContentType::new(kind).attribute("boundary", boundaries.next());
    if kind == "multipart/related" {
        // RFC 2387 section 3.1: the type of the root part.
        content_type = content_type.attribute("type", "text/html");
    }
    MimePart::new(content_type, parts)
}

fn text_part<'a>(kind: &'static str, text: &'a str) -> MimePart<'a> {
    let content_type = ContentType::new(kind).attribute("charset", "utf-8");
    let is_odd = |b: &u8| b.is_ascii_control() && !matches!(b, b'\r' | b'\n' | b'\t');
    if text.as_bytes().iter().any(is_odd) {
        // NUL is not allowed in mail at all, and other control characters do not survive it.
        return MimePart::new(content_type, base64(text.as_bytes())).transfer_encoding("base64");
    }
    MimePart::new(content_type, BodyPart::Binary(to_crlf(text.as_bytes())))
}

fn file_part(file: &Attachment) -> MimePart<'_> {
    let media = MediaType::parse(&file.content_type).unwrap_or_else(MediaType::unknown);
    let part = file_content(media, &file.content);
    match &file.disposition {
        Disposition::Attachment => part.attachment(file.filename.as_str()),
        Disposition::Inline { content_id } => {
            let inline = ContentType::new("inline").attribute("filename", file.filename.as_str());
            part.header("Content-Disposition", inline).cid(content_id.as_str())
        }
    }
}

/// The part of a file, encoded so that every octet survives.
fn file_content(media: MediaType, content: &[u8]) -> MimePart<'_> {
    if media.essence.starts_with("message/") {
        return message_content(media, content);
    }
    let is_text = media.essence.starts_with("text/");
    let content_type = content_type(media);
    if is_text {
        // Left to itself mail-builder would send text with its line ends changed.
        return MimePart::new(content_type, base64(content)).transfer_encoding("base64");
    }
    MimePart::new(content_type, content)
}

/// A message as a part: RFC 2046 section 5.2.1 forbids encoding it, so one that needs it goes as a file.
fn message_content(media: MediaType, content: &[u8]) -> MimePart<'_> {
    let lines = to_crlf(content);
    if lines.is_ascii() && memchr::memchr(0, &lines).is_none() && find_long_line(&lines).is_none() {
        return MimePart::new(content_type(media), lines.into_owned()).transfer_encoding("7bit");
    }
    MimePart::new(content_type(MediaType::unknown()), content)
}

fn content_type(media: MediaType) -> ContentType<'static> {
    let plain = ContentType::new(media.essence);
    media.parameters.into_iter().fold(plain, |kind, (name, value)| kind.attribute(name, value))
}

fn base64(content: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(content.len() / 57 * 78 + 80);
    Base64Encoder::new().wrap_lines().encode_into(content, &mut encoded);
    encoded
}

/// MIME boundaries of one message, in a fixed order from a seed.
struct Boundaries {
    seed: u64,
    given: u64,
}

impl Boundaries {
    fn new(seed: u64) -> Self {
        Self { seed, given: 0 }
    }

    /// The next boundary. All are equally long, so that none begins another, and `=_` occurs in no
    /// encoded body (RFC 2045 section 6.7).
    fn next(&mut self) -> String {
        self.given += 1;
        format!("=_{:016x}", mix(self.seed.wrapping_add(self.given.wrapping_mul(0x9E37_79B9_7F4A_7C15))))
    }
}

/// The finaliser of SplitMix64: spreads a seed's bits over the whole word.
fn mix(seed: u64) -> u64 {
    let first = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let second = (first ^ (first >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    second ^ (second >> 31)
}

#[cfg(test)]
mod tests;
