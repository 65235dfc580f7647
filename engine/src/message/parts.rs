//! The parts of a message of strangers (RFC 2045, RFC 2046): flat, and bounded in number, depth and size.
//!
//! mail-parser reads header fields and undoes encodings and character sets, of one part at a time. The walk over
//! the parts is ours, because what it gives for messages within messages is nested as deep as the sender likes.

use super::fields::{Field, Fields, fields};
use mail_parser::{
    MessageParser, MimeHeaders,
    decoders::{base64::base64_decode, html::html_to_text, quoted_printable::quoted_printable_decode},
};
use std::borrow::Cow;

/// Most parts that are looked at; the others are left out.
const MAX_PARTS: usize = 64;
/// Deepest multipart in a multipart that is opened.
const MAX_DEPTH: usize = 5;
/// Largest header section that is read, in octets; what follows is taken for the body.
const MAX_HEADER: usize = 128 * 1024;

/// A part that is no multipart, or the whole of a message that is none. A message in a message is one part.
#[derive(Debug, Clone)]
pub(crate) struct Part<'m> {
    /// `text/plain`, in lower case; that too if nothing is said.
    pub(crate) media_type: String,
    /// Its charset, if it names one.
    charset: Option<String>,
    /// Content-Transfer-Encoding, in lower case; empty if nothing is said.
    encoding: String,
    /// The name of the file that it is, decoded; empty if it has none.
    pub(crate) file_name: String,
    /// What other parts call it (RFC 2392), without angle brackets; empty if it has no such name.
    pub(crate) content_id: String,
    /// Whether it says that it is to be shown where it stands (RFC 2183).
    pub(crate) is_inline: bool,
    /// Whether it says that it is to be saved, not shown.
    pub(crate) is_attachment: bool,
    /// As it stands in the message.
    body: &'m [u8],
}

/// What a message consists of.
#[derive(Debug, Clone)]
pub(crate) struct Parts<'m> {
    header: &'m [u8],
    /// The media type of the message itself, in lower case.
    pub(crate) media_type: String,
    /// Its `report-type` (RFC 6522 section 3), in lower case; empty if it has none.
    pub(crate) report_type: String,
    /// In the order of the message; never empty.
    pub(crate) parts: Vec<Part<'m>>,
}

impl<'m> Parts<'m> {
    /// Takes a message apart. Lines may end in LF alone.
    pub(crate) fn of(message: &'m [u8]) -> Self {
        let (header, body) = split(message);
        let kind = Kind::of(header);
        let (media_type, report_type) = (kind.media_type.clone(), kind.report_type.clone());
        let mut parts = Vec::new();
        walk(kind, body, 0, &mut parts);
        Self { header, media_type, report_type, parts }
    }

    /// The fields of the message's own header.
    pub(crate) fn fields(&self) -> Fields<'m> {
        fields(self.header)
    }

    /// The message's own header, encoded words and address lists read; `None` if it has no field.
    pub(crate) fn parsed_header(&self) -> Option<mail_parser::Message<'m>> {
        parse_header(self.header)
    }

    /// The unfolded value of the first field of this name.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        self.fields().find(|field: &Field<'_>| field.is(name)).map(|field| field.unfolded())
    }

    /// The first part of one of these types.
    pub(crate) fn find(&self, media_types: &[&str]) -> Option<&Part<'m>> {
        self.parts.iter().find(|part| media_types.contains(&part.media_type.as_str()))
    }
}

impl<'m> Part<'m> {
    /// Whether it is text for people.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.media_type.as_str(), "text/plain" | "text/html")
    }

    /// At most `max` octets of it (before decoding) as text: encoding and charset undone, HTML reduced to text.
    pub(crate) fn text(&self, max: usize) -> String {
        let text = self.source(max);
        if self.media_type == "text/html" { html_to_text(&with_breaks(&text)) } else { text }
    }

    /// Octets of it as it stands in the message.
    pub(crate) fn encoded_len(&self) -> usize {
        self.body.len()
    }

    /// Its octets, the encoding undone; as they stand where that cannot be.
    pub(crate) fn octets(&self) -> Cow<'m, [u8]> {
        let decoded = match self.encoding.as_str() {
            "base64" => base64_decode(self.body),
            "quoted-printable" => quoted_printable_decode(self.body),
            _ => None,
        };
        decoded.map_or(Cow::Borrowed(self.body), Cow::Owned)
    }

    /// As [`text`](Self::text), with HTML as it was written.
    pub(crate) fn source(&self, max: usize) -> String {
        let body = self.body.get(..max).unwrap_or(self.body);
        let encoded = matches!(self.encoding.as_str(), "base64" | "quoted-printable");
        if !encoded && self.charset.is_none() {
            return String::from_utf8_lossy(body).into_owned();
        }
        // Only a part of plain text is given to the parser, so that there is nothing for it to open.
        let charset = self.charset.as_deref().unwrap_or("utf-8");
        let encoding = if encoded { self.encoding.as_str() } else { "8bit" };
        let head = format!(
            "Content-Type: text/plain; charset=\"{charset}\"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        );
        let alone = [head.as_bytes(), body].concat();
        let parsed = MessageParser::new().parse(&alone);
        let text = parsed.as_ref().and_then(|message| message.part(0)?.text_contents());
        text.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned)
    }
}

/// Puts a line break before every element that begins or ends a block, lest the words on both sides run together.
fn with_breaks(html: &str) -> String {
    const BLOCKS: [&str; 16] =
        ["p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "table", "tr", "td", "th", "ul", "li", "pre", "hr"];
    let mut pieces = html.split('<');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let tag = piece.strip_prefix('/').unwrap_or(piece);
        let end = tag.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tag.len());
        let is_block =
            tag.get(..end).is_some_and(|name| BLOCKS.iter().any(|block| block.eq_ignore_ascii_case(name)));
        out.push_str(if is_block { "<br><" } else { "<" });
        out.push_str(piece);
    }
    out
}

/// Reads a header alone. What has no part would make the parser's own accessors fail.
fn parse_header(header: &[u8]) -> Option<mail_parser::Message<'_>> {
    MessageParser::new().parse_headers(header).filter(|message| !message.parts.is_empty())
}

/// What a header says of the body below it.
struct Kind {
    media_type: String,
    charset: Option<String>,
    encoding: String,
    boundary: Option<String>,
    report_type: String,
    file_name: String,
    content_id: String,
    is_inline: bool,
    is_attachment: bool,
}

impl Kind {
    fn of(header: &[u8]) -> Self {
        let parsed = parse_header(header);
        let parsed = parsed.as_ref();
        let kind = parsed.and_then(|parsed| parsed.content_type());
        let attribute = |name| kind.and_then(|kind| kind.attribute(name)).map(str::to_owned);
        let media_type = match kind.map(|kind| (kind.ctype(), kind.subtype())) {
            Some((kind, Some(subtype))) => format!("{kind}/{subtype}").to_ascii_lowercase(),
            // "Content-Type: text", as some write.
            _ => "text/plain".to_owned(),
        };
        let encoding = parsed.and_then(|parsed| parsed.content_transfer_encoding());
        let token = |text: &String| {
            text.len() <= 40 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
        };
        let disposition = parsed.and_then(|parsed| parsed.content_disposition());
        let says = |word: &str| disposition.is_some_and(|said| said.ctype().eq_ignore_ascii_case(word));
        let content_id = parsed.and_then(|parsed| parsed.part(0)?.content_id()).unwrap_or_default();
        Self {
            content_id: content_id.trim_matches(['<', '>', ' ']).to_owned(),
            is_inline: says("inline"),
            is_attachment: says("attachment"),
            media_type,
            charset: attribute("charset").filter(token),
            encoding: encoding.unwrap_or_default().trim().to_ascii_lowercase(),
            boundary: attribute("boundary").filter(|boundary| !boundary.is_empty()),
            report_type: attribute("report-type").unwrap_or_default().to_ascii_lowercase(),
            file_name: parsed
                .and_then(|parsed| parsed.part(0)?.attachment_name())
                .unwrap_or_default()
                .to_owned(),
        }
    }

    /// The part of a body that is not opened.
    fn part(self, media_type: String, body: &[u8]) -> Part<'_> {
        let Self { charset, encoding, file_name, content_id, is_inline, is_attachment, .. } = self;
        Part { media_type, charset, encoding, file_name, content_id, is_inline, is_attachment, body }
    }
}

/// Appends the parts of a body.
fn walk<'m>(kind: Kind, body: &'m [u8], depth: usize, parts: &mut Vec<Part<'m>>) {
    if parts.len() >= MAX_PARTS {
        return;
    }
    if !kind.media_type.starts_with("multipart/") {
        let media_type = kind.media_type.clone();
        return parts.push(kind.part(media_type, body));
    }
    let boundary = kind.boundary.clone().or_else(|| guess_boundary(body));
    let inner = boundary.map(|boundary| between(body, &boundary)).unwrap_or_default();
    if inner.is_empty() || depth >= MAX_DEPTH {
        // A multipart without parts is text with lines that look odd.
        return parts.push(kind.part("text/plain".to_owned(), body));
    }
    for part in inner {
        let (header, body) = split(part);
        walk(Kind::of(header), body, depth + 1, parts);
    }
}

/// Header section, with its last line end, and body. Without an empty line, all of it is header, unless its first
/// line is no field.
fn split(message: &[u8]) -> (&[u8], &[u8]) {
    for (start, body) in [(&b"\r\n"[..], 2), (b"\n", 1)] {
        if message.starts_with(start) {
            return (&[], message.get(body..).unwrap_or_default());
        }
    }
    let searched = message.get(..MAX_HEADER).unwrap_or(message);
    let end = memchr::memchr_iter(b'\n', searched)
        .map(|at| at + 1)
        .find(|&next| matches!(message.get(next..), Some([b'\n', ..] | [b'\r', b'\n', ..])));
    let (header, rest) = message.split_at_checked(end.unwrap_or(searched.len())).unwrap_or((message, &[]));
    let rest = rest.strip_prefix(b"\r").unwrap_or(rest);
    (header, rest.strip_prefix(b"\n").unwrap_or(rest))
}

/// The pieces between the lines of a boundary; the preamble and the epilogue are left out.
fn between<'m>(body: &'m [u8], boundary: &str) -> Vec<&'m [u8]> {
    let line = format!("--{boundary}");
    let finder = memchr::memmem::Finder::new(line.as_bytes());
    let mut pieces = Vec::new();
    let mut start = None;
    for at in finder.find_iter(body) {
        let at_line_start = at == 0 || body.get(at - 1) == Some(&b'\n');
        let after = body.get(at + line.len()..).unwrap_or_default();
        let is_last = after.starts_with(b"--");
        let rest = after.strip_prefix(b"--").unwrap_or(after);
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        // A longer word is another boundary.
        let is_whole = rest.get(..end).is_some_and(|tail| tail.trim_ascii().is_empty());
        if !at_line_start || !is_whole {
            continue;
        }
        if let Some(start) = start.take() {
            pieces.push(piece(body, start, at));
        }
        if is_last || pieces.len() >= MAX_PARTS {
            return pieces;
        }
        start = Some(body.len() - rest.len() + end + 1);
    }
    // The last line was cut off.
    pieces.extend(start.map(|start| piece(body, start, body.len())));
    pieces
}

/// What stands between two places, without the line end that belongs to the boundary (RFC 2046 section 5.1.1).
fn piece(body: &[u8], start: usize, end: usize) -> &[u8] {
    let piece = body.get(start..end).unwrap_or_default();
    let piece = piece.strip_suffix(b"\n").unwrap_or(piece);
    piece.strip_suffix(b"\r").unwrap_or(piece)
}

/// The boundary of a multipart that names none: its first line that looks like one and comes again.
fn guess_boundary(body: &[u8]) -> Option<String> {
    let mut lines = body.split(|&octet| octet == b'\n').take(200).map(<[u8]>::trim_ascii_end);
    let line = lines.find(|line| line.starts_with(b"--") && (3..=72).contains(&line.len()))?;
    let boundary = str::from_utf8(line.get(2..)?).ok()?;
    let is_token = boundary.bytes().all(|b| b.is_ascii_graphic());
    (is_token && between(body, boundary).len() > 1).then(|| boundary.to_owned())
}

#[cfg(test)]
mod tests;
