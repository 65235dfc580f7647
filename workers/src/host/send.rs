//! `POST /send` of a `send_email` binding: what `js/send-email.mjs` was given becomes an [`OutgoingMail`].

use crate::{OutgoingMail, wire};
use bytes::Bytes;
use mailwright_engine::worker::ActionError;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Most octets of a request: 25 MiB of content as base64, and room for the rest.
pub(super) const BODY_MAX: usize = 36 << 20;

/// The head of a request. The contents of a message's attachments follow it, or the raw message.
#[derive(Deserialize)]
#[serde(untagged)]
enum Head {
    /// The builder form.
    Built { message: Map<String, Value> },
    /// An `EmailMessage`.
    Ready { from: String, to: String },
}

/// Reads a request.
///
/// # Errors
/// `E_VALIDATION_ERROR` when it is none, as when `from` of an `EmailMessage` is no text.
pub(super) fn read(body: &Bytes) -> Result<OutgoingMail, ActionError> {
    let (head, rest) = wire::split_frame(body).ok_or_else(|| invalid("The message breaks off."))?;
    let head = serde_json::from_slice(head)
        .map_err(|_| invalid("An EmailMessage needs texts for from and to; other messages are objects."))?;
    match head {
        Head::Ready { from, to } => Ok(OutgoingMail::Raw { from, to, raw: rest.to_vec() }),
        Head::Built { mut message } => {
            if let Some(Value::Array(attachments)) = message.get_mut("attachments") {
                put_back(attachments, rest)?;
            }
            Ok(OutgoingMail::Built(Value::Object(message)))
        }
    }
}

/// Gives attachments the contents that came after the head, as the base64 that the REST API takes.
fn put_back(attachments: &mut [Value], mut contents: &[u8]) -> Result<(), ActionError> {
    for content in attachments.iter_mut().filter_map(|attachment| attachment.get_mut("content")) {
        let Some(octets) = content.get("octets").and_then(Value::as_u64) else { continue };
        let split = usize::try_from(octets).ok().and_then(|octets| contents.split_at_checked(octets));
        let (own, rest) = split.ok_or_else(|| invalid("The message breaks off within an attachment."))?;
        *content = data_encoding::BASE64.encode(own).into();
        contents = rest;
    }
    Ok(())
}

fn invalid(message: &str) -> ActionError {
    ActionError { code: Some("E_VALIDATION_ERROR".to_owned()), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn frame(head: &Value, rest: &[u8]) -> Bytes {
        let head = head.to_string();
        let length = u32::try_from(head.len()).unwrap().to_be_bytes();
        [&length[..], head.as_bytes(), rest].concat().into()
    }

    #[test]
    fn binary_contents_come_after_the_message_and_go_back_into_it() {
        let message = json!({ "subject": "s", "attachments": [
            { "filename": "a", "content": { "octets": 2 } },
            { "filename": "b", "content": "YmFzZTY0" },
            { "filename": "c", "content": { "octets": 3 } },
        ] });
        let OutgoingMail::Built(built) = read(&frame(&json!({ "message": message }), b"\xff\0abc")).unwrap()
        else {
            panic!("built")
        };
        let contents: Vec<_> =
            built["attachments"].as_array().unwrap().iter().map(|a| &a["content"]).collect();
        assert_eq!(contents, ["/wA=", "YmFzZTY0", "YWJj"]);
    }

    #[test]
    fn a_message_that_is_ready_keeps_its_octets() {
        let head = json!({ "from": "a@x.example", "to": "b@y.example" });
        let OutgoingMail::Raw { from, to, raw } = read(&frame(&head, b"Subject: \xff\r\n\r\n")).unwrap()
        else {
            panic!("raw")
        };
        assert_eq!((&*from, &*to, &*raw), ("a@x.example", "b@y.example", &b"Subject: \xff\r\n\r\n"[..]));
    }

    #[test]
    fn what_is_neither_is_an_error_with_a_code() {
        let lying = json!({ "message": { "attachments": [{ "content": { "octets": 9 } }] } });
        for body in [
            Bytes::new(),
            frame(&json!({ "from": 7, "to": [] }), b""),
            frame(&json!([]), b""),
            frame(&json!({ "message": "text" }), b""),
            frame(&lying, b"short"),
        ] {
            assert_eq!(read(&body).unwrap_err().code.as_deref(), Some("E_VALIDATION_ERROR"), "{body:?}");
        }
    }
}
