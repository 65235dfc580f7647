//! What the runtime asks of a queue: paths, header fields and bodies, as it writes them for `env.QUEUE.send()`.

use crate::{MessageFormat, host::refusal::Refusal};
use bytes::Bytes;
use hyper::header::HeaderMap;
use serde::Deserialize;

/// Most octets of a message.
const MESSAGE_MAX: usize = 128_000;
/// Most messages of a batch.
const BATCH_MAX: usize = 100;
/// Most octets of a batch.
const BATCH_OCTETS_MAX: usize = 256_000;
/// Longest delay in seconds: twelve hours.
const DELAY_MAX: u32 = 43_200;
/// Most octets of a request: a batch in base64, with what is told of each of its messages.
pub(super) const BODY_MAX: usize = 512 << 10;

/// A message to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// How its body is read.
    pub(super) format: MessageFormat,
    /// Its body.
    pub(super) body: Bytes,
    /// Seconds that it waits, if that was said.
    pub(super) delay: Option<u32>,
}

/// Reads `POST /message`.
///
/// # Errors
/// For a format that is none, and sizes and delays beyond the bounds.
pub(super) fn message(headers: &HeaderMap, body: Bytes) -> Result<Sent, Refusal> {
    let format = match headers.get("x-msg-fmt") {
        None => MessageFormat::V8,
        Some(field) => format(&String::from_utf8_lossy(field.as_bytes()))?,
    };
    checked(Sent { format, body, delay: delay_field(headers)? })
}

/// Reads `POST /batch`. What says nothing of its delay has the batch's.
///
/// # Errors
/// As for one message, and when there are too many or none.
pub(super) fn batch(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Sent>, Refusal> {
    let delay = delay_field(headers)?;
    let body: BatchBody = serde_json::from_slice(body)
        .map_err(|error| Refusal::bad(format!("The batch cannot be read: {error}.")))?;
    let count = body.messages.len();
    if count == 0 {
        return Err(Refusal::bad("A batch needs at least one message."));
    }
    if count > BATCH_MAX {
        return Err(Refusal::too_large(format!(
            "batch message count of {count} exceeds limit of {BATCH_MAX}"
        )));
    }
    let messages: Vec<_> =
        body.messages.into_iter().map(|message| message.read(delay)).collect::<Result<_, _>>()?;
    let octets: usize = messages.iter().map(|message| message.body.len()).sum();
    if octets > BATCH_OCTETS_MAX {
        return Err(Refusal::too_large(format!(
            "batch size of {octets} bytes exceeds limit of {BATCH_OCTETS_MAX}"
        )));
    }
    Ok(messages)
}

#[derive(Deserialize)]
struct BatchBody {
    messages: Vec<BatchMessage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchMessage {
    body: String,
    content_type: Option<String>,
    delay_secs: Option<u32>,
}

impl BatchMessage {
    fn read(self, delay: Option<u32>) -> Result<Sent, Refusal> {
        let body = data_encoding::BASE64
            .decode(self.body.as_bytes())
            .map_err(|error| Refusal::bad(format!("A message of the batch is not base64: {error}.")))?;
        let format = self.content_type.as_deref().map_or(Ok(MessageFormat::V8), format)?;
        checked(Sent { format, body: body.into(), delay: self.delay_secs.or(delay) })
    }
}

fn format(text: &str) -> Result<MessageFormat, Refusal> {
    match text {
        "json" => Ok(MessageFormat::Json),
        "text" => Ok(MessageFormat::Text),
        "bytes" => Ok(MessageFormat::Bytes),
        "v8" => Ok(MessageFormat::V8),
        other => {
            let why = "if specified, must be one of 'text', 'json', 'bytes', or 'v8'";
            Err(Refusal::bad(format!("message content type {other} is invalid; {why}")))
        }
    }
}

/// A message that keeps to the bounds, and whose body is what it says: consumers get it as that.
fn checked(message: Sent) -> Result<Sent, Refusal> {
    let (octets, delay) = (message.body.len(), message.delay.unwrap_or_default());
    if octets > MESSAGE_MAX {
        return Err(Refusal::too_large(format!(
            "message length of {octets} bytes exceeds limit of {MESSAGE_MAX}"
        )));
    }
    if delay > DELAY_MAX {
        return Err(Refusal::bad(format!(
            "message delay {delay} is invalid: it must be at most {DELAY_MAX} seconds"
        )));
    }
    let is_so = match message.format {
        MessageFormat::Json => serde_json::from_slice::<serde::de::IgnoredAny>(&message.body).is_ok(),
        MessageFormat::Text => str::from_utf8(&message.body).is_ok(),
        MessageFormat::Bytes | MessageFormat::V8 => true,
    };
    if is_so { Ok(message) } else { Err(Refusal::bad("the message is not of its content type")) }
}

fn delay_field(headers: &HeaderMap) -> Result<Option<u32>, Refusal> {
    let Some(field) = headers.get("x-msg-delay-secs") else { return Ok(None) };
    let delay = field.to_str().ok().and_then(|text| text.parse().ok());
    delay.map(Some).ok_or_else(|| Refusal::bad("message delay is invalid: it must be a number of seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderName, HeaderValue};

    fn fields(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        fields.iter().map(field).collect()
    }

    #[test]
    fn a_message_has_a_format_and_maybe_a_delay() {
        let headers = fields(&[("x-msg-fmt", "json"), ("x-msg-delay-secs", "5")]);
        let sent = message(&headers, Bytes::from_static(b"{\"hi\":1}")).unwrap();
        assert_eq!((sent.format, sent.delay), (MessageFormat::Json, Some(5)));
        let sent = message(&fields(&[]), Bytes::from_static(b"\xff\x0fD")).unwrap();
        assert_eq!((sent.format, sent.delay), (MessageFormat::V8, None));
    }

    #[test]
    fn messages_that_lie_about_their_format_are_refused() {
        for (format, body) in [("json", &b"{"[..]), ("text", b"\xff"), ("xml", b"<a/>")] {
            let headers = fields(&[("x-msg-fmt", format)]);
            assert!(message(&headers, Bytes::copy_from_slice(body)).is_err(), "{format}");
        }
    }

    #[test]
    fn bounds_are_told_in_the_words_of_the_service() {
        let long = message(&fields(&[]), Bytes::from(vec![0; 128_001])).unwrap_err();
        assert_eq!(
            long.to_string(),
            "413 Payload Too Large: message length of 128001 bytes exceeds limit of 128000"
        );
        let late = fields(&[("x-msg-delay-secs", "43201")]);
        assert!(message(&late, Bytes::new()).is_err());
        assert!(message(&fields(&[("x-msg-delay-secs", "soon")]), Bytes::new()).is_err());
    }

    #[test]
    fn messages_of_a_batch_have_their_own_delay_or_the_batchs() {
        let body = br#"{"messages":[{"body":"dA==","contentType":"text","delaySecs": 3},{"body":"eyJ6IjoxfQ==","contentType":"json"}]}"#;
        let sent = batch(&fields(&[("x-msg-delay-secs", "9")]), body).unwrap();
        assert_eq!((&sent[0].body[..], sent[0].delay), (&b"t"[..], Some(3)));
        assert_eq!((&sent[1].body[..], sent[1].delay), (&b"{\"z\":1}"[..], Some(9)));
    }

    #[test]
    fn a_batch_has_a_hundred_messages_and_256_kb_at_most() {
        let of = |count: usize, octets: usize| {
            let body = data_encoding::BASE64.encode(&vec![0; octets]);
            let messages = vec![serde_json::json!({ "body": body, "contentType": "bytes" }); count];
            batch(&HeaderMap::new(), serde_json::json!({ "messages": messages }).to_string().as_bytes())
        };
        assert_eq!(of(100, 1).unwrap().len(), 100);
        assert!(of(101, 1).unwrap_err().to_string().contains("count of 101"));
        assert!(of(3, 100_000).unwrap_err().to_string().contains("size of 300000"));
        assert!(of(0, 0).is_err());
    }
}
