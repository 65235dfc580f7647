//! Answers about what is in messages.
//!
//! Mail is written by strangers. As JSON it is text; as HTML it goes out with a policy that makes it a document of no origin,
//! in which nothing runs and for which nothing is loaded, wherever it is opened; as a file it is saved, not shown.

use crate::answer::ApiError;
use actix_web::{HttpResponse, HttpResponseBuilder, http::header};
use mailwright_engine::message::{AttachedFile, Contents, shown_headers};
use mailwright_storage::events::event::{Accepted, Kept};
use serde_json::{Value, json};

/// No origin, no scripts, no forms, no links that open, nothing from elsewhere; shown by our own pages only.
const SHUT_IN: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; \
                       base-uri 'none'; frame-ancestors 'self'";

/// Where contents come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The message waits in the queue.
    Queue,
    /// It has gone; this was kept.
    Kept,
    /// The sandbox received it.
    Sandbox,
}

impl Source {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Kept => "kept",
            Self::Sandbox => "sandbox",
        }
    }
}

/// A message of `size` octets.
pub(crate) fn whole(source: Source, contents: &Contents, size: u64) -> Value {
    let Contents { headers, text, html, attachments, truncated } = contents;
    let attachments: Vec<_> = attachments.iter().map(attachment).collect();
    json!({
        "source": source.as_str(), "headers": fields(headers), "text": text, "html": html,
        "attachments": attachments, "size": size, "truncated": truncated,
    })
}

/// What was kept of a message.
pub(super) fn kept(accepted: &Accepted, kept: &Kept) -> Value {
    let headers = shown_headers(kept.header.as_bytes());
    json!({
        "source": Source::Kept.as_str(), "headers": fields(&headers), "text": accepted.preview, "html": kept.html,
        "attachments": [], "size": accepted.size, "truncated": true,
    })
}

fn fields(headers: &[(String, String)]) -> Vec<Value> {
    headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

fn attachment(file: &AttachedFile) -> Value {
    let AttachedFile { filename, content_type, size, is_inline, content_id } = file;
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    json!({
        "filename": some(filename), "content_type": content_type, "size": size,
        "disposition": if *is_inline { "inline" } else { "attachment" }, "content_id": some(content_id),
    })
}

/// HTML of a message, shut in.
pub(crate) fn html(html: String) -> HttpResponse {
    shut_in().content_type("text/html; charset=utf-8").body(html)
}

/// A message as a file.
pub(crate) fn raw(message: Vec<u8>, id: &str) -> HttpResponse {
    saved("message/rfc822", &format!("{id}.eml"), message)
}

/// What is attached to a message, as a file of unknown kind: what its sender calls it is no reason to open it.
pub(crate) fn attached(file: &AttachedFile, octets: Vec<u8>) -> HttpResponse {
    let name = if file.filename.is_empty() { "attachment" } else { &file.filename };
    saved("application/octet-stream", name, octets)
}

fn saved(media_type: &str, name: &str, octets: Vec<u8>) -> HttpResponse {
    shut_in()
        .content_type(media_type)
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename*=UTF-8''{}", escaped(name)),
        ))
        .body(octets)
}

fn shut_in() -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CONTENT_SECURITY_POLICY, SHUT_IN))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header(("Cross-Origin-Resource-Policy", "same-origin"));
    answer
}

/// A name as RFC 8187 has it.
fn escaped(name: &str) -> String {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~".contains(&octet);
    name.bytes()
        .take(200)
        .map(|octet| if is_plain(octet) { char::from(octet).to_string() } else { format!("%{octet:02X}") })
        .collect()
}

pub(crate) fn no_html() -> ApiError {
    ApiError::no_object("HTML").with_detail("This message has no HTML part; its content has the text.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_say_nothing_to_headers() {
        assert_eq!(escaped("a b\"\r\nX: ü.pdf"), "a%20b%22%0D%0AX%3A%20%C3%BC.pdf");
    }
}
