//! What is in a message, for people who look at it: header, text, HTML, files.
//!
//! A stranger may have written it. What comes out is bounded, and nothing of it is made safe here: HTML is as it was written,
//! and whoever shows it shuts it in.

use super::{
    fields::split_header,
    parts::{Part, Parts},
};
use mail_parser::MessageParser;
use std::borrow::Cow;

/// Most octets of text or HTML, before decoding.
const MAX_TEXT: usize = 1 << 20;
/// Most header fields, and octets of one.
const MAX_FIELDS: usize = 300;
const MAX_FIELD: usize = 8 << 10;
/// Octets of images that are put into one HTML.
const MAX_IMAGES: usize = 8 << 20;
/// Kinds of images that HTML may have within itself: none of them runs anything.
const IMAGES: [&str; 5] = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"];

/// What a message consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Names and values of its header fields, unfolded, encoded words undone; in their order.
    pub headers: Vec<(String, String)>,
    /// The first plain text.
    pub text: Option<String>,
    /// The first HTML, as it was written.
    pub html: Option<String>,
    /// Everything else.
    pub attachments: Vec<AttachedFile>,
    /// Whether something was left out because there is so much of it.
    pub truncated: bool,
}

/// A part of a message that is no text to be read at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedFile {
    /// Its name; empty if it has none.
    pub filename: String,
    /// Its media type, in lower case.
    pub content_type: String,
    /// Octets, decoded.
    pub size: usize,
    /// Whether it belongs into the text.
    pub is_inline: bool,
    /// What HTML calls it, without angle brackets; empty if it has no such name.
    pub content_id: String,
}

impl AttachedFile {
    fn of(part: &Part<'_>) -> Self {
        Self {
            filename: part.file_name.clone(),
            content_type: part.media_type.clone(),
            size: part.octets().len(),
            is_inline: part.is_inline,
            content_id: part.content_id.clone(),
        }
    }
}

/// Takes a message apart.
pub fn contents(message: &[u8]) -> Contents {
    let parts = Parts::of(message);
    let (text, html) = (body(&parts, "text/plain"), body(&parts, "text/html"));
    let shown = |part: Option<&Part<'_>>| part.map(|part| part.source(MAX_TEXT));
    let (headers, all_of_them) = headers(&parts);
    let is_whole = |part: &Part<'_>| part.encoded_len() <= MAX_TEXT;
    Contents {
        headers,
        text: shown(text),
        html: shown(html),
        attachments: files(&parts).map(AttachedFile::of).collect(),
        truncated: !all_of_them || !text.is_none_or(is_whole) || !html.is_none_or(is_whole),
    }
}

/// The header fields of a header section alone, as [`Contents::headers`].
pub fn shown_headers(section: &[u8]) -> Vec<(String, String)> {
    headers(&Parts::of(split_header(section).0)).0
}

/// The file at `place` in [`Contents::attachments`], with what is in it.
pub fn attached_file(message: &[u8], place: usize) -> Option<(AttachedFile, Vec<u8>)> {
    let parts = Parts::of(message);
    let part = files(&parts).nth(place)?;
    Some((AttachedFile::of(part), part.octets().into_owned()))
}

/// The HTML of a message on its own: images of the message that it names by `cid:` (RFC 2392) are within it. `None` if it has
/// no HTML.
pub fn html_alone(message: &[u8]) -> Option<String> {
    let parts = Parts::of(message);
    let mut html = body(&parts, "text/html")?.source(MAX_TEXT);
    let mut room = MAX_IMAGES;
    for part in &parts.parts {
        let name = format!("cid:{}", part.content_id);
        if part.content_id.is_empty() || !IMAGES.contains(&part.media_type.as_str()) || !html.contains(&name)
        {
            continue;
        }
        let image = data_encoding::BASE64.encode(&part.octets());
        let Some(left) = room.checked_sub(image.len().saturating_mul(html.matches(&name).count())) else {
            continue;
        };
        room = left;
        html = html.replace(&name, &format!("data:{};base64,{image}", part.media_type));
    }
    Some(html)
}

/// The beginning of a message's first HTML, at most `max` octets of it.
pub fn first_html(message: &[u8], max: usize) -> Option<String> {
    let parts = Parts::of(message);
    // Encoded, it is up to three times as long.
    let html = body(&parts, "text/html")?.source(max.saturating_mul(3));
    let end = (0..=max.min(html.len())).rev().find(|end| html.is_char_boundary(*end)).unwrap_or(0);
    html.get(..end).map(str::to_owned)
}

/// The part that is read as text of this type.
fn body<'p, 'm>(parts: &'p Parts<'m>, media_type: &str) -> Option<&'p Part<'m>> {
    parts.parts.iter().find(|part| part.media_type == media_type && !part.is_attachment)
}

/// All parts but those that are read as text.
fn files<'p, 'm>(parts: &'p Parts<'m>) -> impl Iterator<Item = &'p Part<'m>> {
    let read = ["text/plain", "text/html"].map(|media_type| body(parts, media_type).map(std::ptr::from_ref));
    parts.parts.iter().filter(move |part| !read.contains(&Some(std::ptr::from_ref(*part))))
}

/// The header, and whether that is all of it.
fn headers(parts: &Parts<'_>) -> (Vec<(String, String)>, bool) {
    let mut fields = parts.fields();
    let mut all_of_them = true;
    let shown = fields.by_ref().take(MAX_FIELDS).map(|field| {
        // A line may have gone on after a tab.
        let whole = field.unfolded().replace('\t', " ");
        let value: String = whole.trim().chars().take(MAX_FIELD).collect();
        all_of_them &= value.len() == whole.trim().len();
        (String::from_utf8_lossy(field.name()).into_owned(), decoded(&value).into_owned())
    });
    let shown = shown.collect();
    (shown, all_of_them && fields.next().is_none())
}

/// A value with its encoded words (RFC 2047) undone.
fn decoded(value: &str) -> Cow<'_, str> {
    if !value.contains("=?") {
        return Cow::Borrowed(value);
    }
    let field = format!("Subject: {value}\r\n\r\n");
    let parsed =
        MessageParser::new().parse_headers(field.as_bytes()).filter(|message| !message.parts.is_empty());
    let decoded = parsed.as_ref().and_then(|message| message.subject());
    decoded.map_or(Cow::Borrowed(value), |text| Cow::Owned(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Vec<u8> {
        text.replace('\n', "\r\n").into_bytes()
    }

    fn mixed() -> Vec<u8> {
        message(
            "From: =?utf-8?q?J=C3=BCrgen?= <a@b.example>\nSubject: a\n\tlong one\n\
             Content-Type: multipart/mixed; boundary=m\n\n\
             --m\nContent-Type: multipart/related; boundary=r\n\n\
             --r\nContent-Type: multipart/alternative; boundary=a\n\n\
             --a\nContent-Type: text/plain\n\nHello\n\
             --a\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n\
             <p>Gr=C3=BC=C3=9Fe <img src=3D\"cid:pic@x\"></p>\n--a--\n\
             --r\nContent-Type: image/png\nContent-ID: <pic@x>\nContent-Disposition: inline\n\
             Content-Transfer-Encoding: base64\n\nAAEC\n--r--\n\
             --m\nContent-Type: text/plain; name=notes.txt\nContent-Disposition: attachment; filename=notes.txt\n\nmine\n--m--\n",
        )
    }

    #[test]
    fn a_message_is_taken_apart() {
        let found = contents(&mixed());
        let header =
            |name: &str| found.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        assert_eq!((header("From"), header("Subject")), (Some("Jürgen <a@b.example>"), Some("a long one")));
        assert_eq!(found.text.as_deref(), Some("Hello"));
        assert_eq!(found.html.as_deref(), Some("<p>Grüße <img src=\"cid:pic@x\"></p>"));
        let picture = AttachedFile {
            filename: String::new(),
            content_type: "image/png".into(),
            size: 3,
            is_inline: true,
            content_id: "pic@x".into(),
        };
        let notes = AttachedFile {
            filename: "notes.txt".into(),
            content_type: "text/plain".into(),
            size: 4,
            is_inline: false,
            content_id: String::new(),
        };
        assert_eq!(found.attachments, [picture, notes.clone()]);
        assert_eq!(attached_file(&mixed(), 1), Some((notes, b"mine".to_vec())));
        assert_eq!(attached_file(&mixed(), 2), None);
        assert!(!found.truncated);
    }

    #[test]
    fn html_alone_has_the_images_of_its_message_and_no_other_kind_of_file() {
        let html = html_alone(&mixed()).unwrap();
        assert_eq!(html, "<p>Grüße <img src=\"data:image/png;base64,AAEC\"></p>");
        let script = String::from_utf8(mixed()).unwrap().replace("image/png", "image/svg+xml");
        assert!(html_alone(script.as_bytes()).unwrap().contains("cid:pic@x"));
        assert_eq!(html_alone(b"Subject: s\r\n\r\ntext\r\n"), None);
    }

    #[test]
    fn the_beginning_of_html_ends_between_letters() {
        assert_eq!(first_html(&mixed(), 5).as_deref(), Some("<p>Gr"));
        assert_eq!(first_html(&mixed(), 6).as_deref(), Some("<p>Gr"));
        assert_eq!(first_html(&mixed(), 7).as_deref(), Some("<p>Grü"));
        assert_eq!(first_html(b"Subject: s\r\n\r\n<p>\r\n", 7), None);
    }

    #[test]
    fn what_is_only_attached_is_not_read_and_what_is_no_mail_does_no_harm() {
        let only =
            message("Content-Type: text/html\nContent-Disposition: attachment; filename=a.html\n\n<p>x\n");
        let found = contents(&only);
        assert_eq!((found.html, found.attachments.len()), (None, 1));
        for nonsense in [&b""[..], b"\r\n", b"\xff\xfe", b"Content-Type: multipart/mixed\r\n\r\n--"] {
            let _ = (contents(nonsense), html_alone(nonsense), attached_file(nonsense, 0));
        }
        let long = message(&format!("Subject: s\n\n{}", "x".repeat(MAX_TEXT + 1)));
        let found = contents(&long);
        assert!(found.truncated && found.text.is_some_and(|text| text.len() == MAX_TEXT));
    }
}
