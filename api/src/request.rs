//! Request bodies: from JSON to the engine's model, with errors that name the field.

use crate::{
    answer::ApiError,
    openapi::text::{Address, Addresses},
    server::AppState,
    time::read_time,
};
use actix_web::{HttpRequest, http::header::CONTENT_LENGTH, web};
use mailwright_engine::{
    address::{EmailAddress, Mailbox},
    class::{PoolName, TransportSecurity},
    envelope::Campaign,
    message::{
        Attachment, Disposition, SendError, SendErrorCode, SendRequest,
        hints::{SendingHints, lifetime},
    },
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::{collections::BTreeMap, fmt::Display};
use utoipa::ToSchema;

/// The body of `send`, as it comes.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Message)]
pub(crate) struct SendBody {
    /// Its author.
    #[schema(value_type = Address)]
    from: Option<Value>,
    /// To whom: 50 with those of `cc` and `bcc` at most.
    #[schema(value_type = Option<Addresses>)]
    to: Option<Value>,
    /// To whom for information.
    #[schema(value_type = Option<Addresses>)]
    cc: Option<Value>,
    /// To whom without telling the others.
    #[schema(value_type = Option<Addresses>)]
    bcc: Option<Value>,
    /// Where answers go.
    #[schema(value_type = Option<Address>)]
    #[serde(alias = "replyTo")]
    reply_to: Option<Value>,
    /// What it is about.
    #[schema(value_type = String, max_length = 998)]
    subject: Option<String>,
    /// What it says, as HTML. At least one of `html` and `text` is needed.
    html: Option<String>,
    /// What it says, as plain text.
    text: Option<String>,
    /// Further headers.
    headers: Option<BTreeMap<String, String>>,
    /// Files that go with it.
    attachments: Option<Vec<AttachmentBody>>,
    #[serde(flatten)]
    asked: AskedBody,
}

/// What a request may ask for beside the message; ours, beyond the service.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SendingWishes)]
struct AskedBody {
    /// How urgent it is: `high`, `normal` or `bulk`.
    priority: Option<String>,
    /// What its sender counts it to.
    campaign: Option<String>,
    /// From which pool of sources it is to leave.
    pool: Option<String>,
    /// How long it is tried, as `2h`.
    expires_in: Option<String>,
    /// When it is to go, by RFC 3339; at most 30 days ahead.
    send_at: Option<String>,
    /// `hosted` for a link of ours to unsubscribe; the message has one recipient then.
    unsubscribe: Option<String>,
}

impl AskedBody {
    fn read(&self) -> Result<SendingHints, ApiError> {
        Ok(SendingHints {
            priority: asked(self.priority.as_deref(), "priority", str::parse)?,
            campaign: asked(self.campaign.as_deref(), "campaign", Campaign::parse)?,
            pool: asked(self.pool.as_deref(), "pool", PoolName::parse)?,
            expires_after: asked(self.expires_in.as_deref(), "expires_in", lifetime)?,
            send_at: self.send_at.as_deref().map(|text| read_time("send_at", text)).transpose()?,
            unsubscribe: asked(self.unsubscribe.as_deref(), "unsubscribe", str::parse)?.unwrap_or_default(),
            security: TransportSecurity::ByPolicy,
        })
    }
}

fn asked<T, E: Display>(
    text: Option<&str>,
    field: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, SendError> {
    let invalid =
        |error: E| SendError::new(SendErrorCode::ValidationError, field, format!("'{field}': {error}."));
    text.map(|text| parse(text).map_err(invalid)).transpose()
}

/// A file that goes with a message.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Attachment)]
struct AttachmentBody {
    /// What is in it, as base64.
    #[schema(content_encoding = "base64")]
    content: String,
    /// Its name.
    filename: String,
    /// Its media type.
    #[serde(rename = "type", alias = "contentType")]
    content_type: String,
    /// Whether it stands beside the text or in it.
    disposition: Option<DispositionBody>,
    /// What HTML calls it; needed by what is inline.
    #[serde(alias = "contentId")]
    content_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Disposition)]
enum DispositionBody {
    Attachment,
    Inline,
}

/// The body of `send_raw`, as it comes.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RawMessage)]
pub(crate) struct SendRawBody {
    /// The sender of the envelope.
    #[schema(value_type = Address)]
    from: Option<Value>,
    /// The recipients of the envelope.
    #[schema(value_type = Addresses)]
    recipients: Option<Value>,
    /// The message (RFC 5322).
    #[schema(value_type = String)]
    mime_message: Option<String>,
    #[serde(flatten)]
    asked: AskedBody,
}

/// A message that is ready-made, with its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRequest {
    /// The sender.
    pub from: Mailbox,
    /// To whom.
    pub recipients: Vec<EmailAddress>,
    /// The message.
    pub mime: Vec<u8>,
    /// What is asked for beside it.
    pub asked: SendingHints,
}

/// Reads and validates the body of `send`; what is asked for beside the message comes second.
///
/// # Errors
/// Malformed JSON, wrong types, bad addresses and every rule of [`SendRequest::validate`].
pub fn read_send(body: &[u8]) -> Result<(SendRequest, SendingHints), ApiError> {
    send_request(parse(body)?)
}

/// Reads and validates a message that was read as JSON already, as [`read_send`] does.
///
/// # Errors
/// As there.
pub(crate) fn read_send_value(body: Value) -> Result<(SendRequest, SendingHints), ApiError> {
    send_request(typed(body)?)
}

/// The body of `send/batch`, as it comes.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Batch)]
pub(crate) struct BatchBody {
    /// The messages, each good or bad by itself.
    #[schema(value_type = Vec<SendBody>, min_items = 1, max_items = 1_000)]
    messages: Vec<Value>,
}

/// A message of a batch as it was read.
pub type ReadMessage = Result<(SendRequest, SendingHints), ApiError>;

/// Most messages of a batch.
pub const MAX_BATCH: usize = 1_000;

/// Reads the body of `send/batch`: each of its messages is a body of `send`, good or bad by itself.
///
/// # Errors
/// Malformed JSON, and no messages or more than [`MAX_BATCH`].
pub fn read_batch(body: &[u8]) -> Result<Vec<ReadMessage>, ApiError> {
    let BatchBody { messages } = parse(body)?;
    if !(1..=MAX_BATCH).contains(&messages.len()) {
        let why = format!("A batch has 1 to {MAX_BATCH} messages, not {}.", messages.len());
        return Err(ApiError::schema("messages", why));
    }
    Ok(messages.into_iter().map(read_send_value).collect())
}

fn send_request(body: SendBody) -> Result<(SendRequest, SendingHints), ApiError> {
    let asked = body.asked.read()?;
    let request = SendRequest {
        from: required(body.from.as_ref(), "from", mailbox)?,
        to: mailboxes(body.to.as_ref(), "to")?,
        cc: mailboxes(body.cc.as_ref(), "cc")?,
        bcc: mailboxes(body.bcc.as_ref(), "bcc")?,
        reply_to: present(body.reply_to.as_ref()).map(|value| mailbox(value, "reply_to")).transpose()?,
        subject: body.subject.ok_or_else(|| missing("subject"))?,
        html: body.html,
        text: body.text,
        headers: body.headers.unwrap_or_default().into_iter().collect(),
        attachments: attachments(body.attachments.unwrap_or_default())?,
    };
    request.validate()?;
    Ok((request, asked))
}

/// Reads the body of `send_raw`; the message itself is checked by the engine.
///
/// # Errors
/// Malformed JSON, wrong types, missing fields, bad addresses.
pub fn read_send_raw(body: &[u8]) -> Result<RawRequest, ApiError> {
    let body: SendRawBody = parse(body)?;
    let from = required(body.from.as_ref(), "from", mailbox)?;
    let recipients = mailboxes(body.recipients.as_ref(), "recipients")?;
    if recipients.is_empty() {
        return Err(missing("recipients").into());
    }
    let mime = body.mime_message.filter(|mime| !mime.is_empty()).ok_or_else(|| missing("mime_message"))?;
    let recipients = recipients.iter().map(|mailbox| mailbox.address().clone()).collect();
    Ok(RawRequest { from, recipients, mime: mime.into_bytes(), asked: body.asked.read()? })
}

/// Reads the JSON in the body of a request.
pub(crate) async fn body<T: DeserializeOwned>(
    http: &HttpRequest,
    state: &AppState,
    payload: web::Payload,
) -> Result<T, ApiError> {
    parse(state.bodies.read(http, payload).await?.as_ref())
}

/// Reads the JSON in the body of a request that may have none: the same as `{}`.
pub(crate) async fn optional_body<T: DeserializeOwned>(
    http: &HttpRequest,
    state: &AppState,
    payload: web::Payload,
) -> Result<T, ApiError> {
    let has_body = http.headers().get(CONTENT_LENGTH).is_some_and(|length| length != "0");
    if has_body { body(http, state, payload).await } else { parse(b"{}") }
}

/// What follows the `?` of a request.
pub(crate) fn query<T: DeserializeOwned>(http: &HttpRequest) -> Result<T, ApiError> {
    web::Query::<T>::from_query(http.query_string())
        .map(web::Query::into_inner)
        .map_err(|error| ApiError::schema("", format!("The query is not valid: {error}.")))
}

/// Reads JSON.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    // Serde would take the fields of an object from a list, too, in their order.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(ApiError::schema(
            "",
            "The request body is not valid: a list, where an object is needed.",
        ));
    }
    // Nor would it look at what stands in fields that it does not know.
    let body = str::from_utf8(body)
        .map_err(|error| ApiError::schema("", format!("The request body is not UTF-8: {error}.")))?;
    let mut json = serde_json::Deserializer::from_str(body);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| wrong_type(&error))?;
    json.end().map_err(|error| ApiError::schema("", format!("The request body is not valid: {error}.")))?;
    Ok(parsed)
}

/// Reads what a piece of JSON says.
pub(crate) fn typed<T: DeserializeOwned>(json: Value) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(json).map_err(|error| wrong_type(&error))
}

fn wrong_type(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let path = error.path().to_string();
    let field = if path == "." { String::new() } else { path };
    ApiError::schema(field, format!("The request body is not valid: {}.", error.inner()))
}

/// A field that is there and not `null`.
fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

fn missing(field: &str) -> SendError {
    SendError::new(SendErrorCode::FieldMissing, field, format!("The field '{field}' is required."))
}

fn required<T>(
    value: Option<&Value>,
    field: &str,
    read: impl Fn(&Value, &str) -> Result<T, SendError>,
) -> Result<T, SendError> {
    present(value).ok_or_else(|| missing(field)).and_then(|value| read(value, field))
}

/// One address or a list of them.
fn mailboxes(value: Option<&Value>, field: &str) -> Result<Vec<Mailbox>, SendError> {
    match present(value) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            let one = |(at, item)| mailbox(item, &format!("{field}[{at}]"));
            items.iter().enumerate().map(one).collect()
        }
        Some(one) => Ok(vec![mailbox(one, field)?]),
    }
}

/// `"a@b"`, `"Name <a@b>"`, `{address, name}` or `{email, name}`.
fn mailbox(value: &Value, field: &str) -> Result<Mailbox, SendError> {
    let invalid =
        |why: String| SendError::new(SendErrorCode::ValidationError, field, format!("'{field}': {why}."));
    let object = match value {
        Value::String(text) => return Mailbox::parse(text).map_err(|error| invalid(error.to_string())),
        Value::Object(object) => object,
        other => return Err(invalid(format!("expected an address or an object, found {}", kind(other)))),
    };
    let address = object.get("address").or_else(|| object.get("email")).and_then(Value::as_str);
    let address = address.ok_or_else(|| invalid("the object needs a string 'address'".to_owned()))?;
    let name = match object.get("name") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name.as_str()),
        Some(other) => return Err(invalid(format!("'name' must be a string, found {}", kind(other)))),
    };
    let address = EmailAddress::parse(address).map_err(|error| invalid(error.to_string()))?;
    Mailbox::new(name, address).map_err(|error| invalid(error.to_string()))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn attachments(bodies: Vec<AttachmentBody>) -> Result<Vec<Attachment>, SendError> {
    bodies.into_iter().enumerate().map(|(at, body)| attachment(body, &format!("attachments[{at}]"))).collect()
}

fn attachment(body: AttachmentBody, field: &str) -> Result<Attachment, SendError> {
    let disposition = match (body.disposition, body.content_id) {
        (Some(DispositionBody::Inline), Some(content_id)) => Disposition::Inline { content_id },
        (Some(DispositionBody::Inline), None) => return Err(missing(&format!("{field}.content_id"))),
        (Some(DispositionBody::Attachment) | None, _) => Disposition::Attachment,
    };
    Ok(Attachment {
        content: base64(&body.content, field)?,
        filename: body.filename,
        content_type: body.content_type,
        disposition,
    })
}

/// Base64 as clients write it: line breaks are taken, missing padding too.
fn base64(text: &str, field: &str) -> Result<Vec<u8>, SendError> {
    let compact: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'=').collect();
    data_encoding::BASE64_NOPAD.decode(&compact).map_err(|error| {
        let field = format!("{field}.content");
        let why = format!("'{field}' is not base64: {error}.");
        SendError::new(SendErrorCode::ValidationError, field, why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_engine::class::Priority;
    use serde_json::json;
    use std::time::Duration;

    fn read(body: &Value) -> Result<SendRequest, ApiError> {
        read_send(body.to_string().as_bytes()).map(|(request, _)| request)
    }

    #[test]
    fn takes_addresses_in_every_documented_form() {
        let request = read(&json!({
            "from": {"email": "a@example.com", "name": "A"},
            "to": ["b@example.com", {"address": "c@example.com", "name": null}],
            "cc": "\"D, E\" <d@example.com>",
            "replyTo": {"address": "r@example.com"},
            "subject": "s", "text": "t",
        }))
        .unwrap();
        let to: Vec<_> = request.to.iter().map(|m| m.address().as_str()).collect();
        assert_eq!(to, ["b@example.com", "c@example.com"]);
        assert_eq!(request.from.name(), Some("A"));
        assert_eq!(request.cc[0].name(), Some("D, E"));
        assert_eq!(request.reply_to.unwrap().address().as_str(), "r@example.com");
    }

    #[test]
    fn names_the_field_at_fault() {
        let good = json!({"from": "a@example.com", "to": "b@example.com", "subject": "s", "text": "t"});
        let cases = [
            ("from", json!(null), "from"),
            ("from", json!(7), "from"),
            ("to", json!(["b@example.com", "b@"]), "to[1]"),
            ("subject", json!(7), "subject"),
            ("attachments", json!([{"content": "x", "filename": "f"}]), "attachments[0]"),
            (
                "attachments",
                json!([{"content": "*", "filename": "f", "type": "a/b"}]),
                "attachments[0].content",
            ),
            ("headers", json!({"X-A": 7}), "headers.X-A"),
        ];
        for (key, value, field) in cases {
            let mut body = good.clone();
            body[key] = value;
            let error = format!("{:?}", read(&body).unwrap_err());
            assert!(error.contains(&format!("field: {field:?}")), "{key}: {error}");
        }
        assert!(read(&good).is_ok());
    }

    #[test]
    fn what_is_no_object_or_no_utf8_is_refused_whatever_it_says() {
        for body in ["[]", " [\"a\"]", "[null, null]"] {
            assert!(
                format!("{:?}", parse::<AskedBody>(body.as_bytes()).unwrap_err()).contains("a list"),
                "{body}"
            );
        }
        assert!(parse::<AskedBody>(b" {}").is_ok());
        assert!(format!("{:?}", parse::<AskedBody>(b"{\"x\": \"\xff\"}").unwrap_err()).contains("UTF-8"));
    }

    #[test]
    fn base64_may_be_wrapped_and_unpadded() {
        assert_eq!(base64("aGVs\r\nbG8=", "f"), Ok(b"hello".to_vec()));
        assert_eq!(base64("aGVsbG8", "f"), Ok(b"hello".to_vec()));
        assert!(base64("a", "f").is_err());
    }

    #[test]
    fn what_is_asked_for_beside_the_message_is_read_or_refused_by_field() {
        let with = |key: &str, value: &str| {
            let mut body = json!({"from": "a@b.example", "to": "c@d.example", "subject": "s", "text": "t"});
            body[key] = value.into();
            read_send(body.to_string().as_bytes()).map(|(_, asked)| asked)
        };
        assert_eq!(with("priority", "high").unwrap().priority, Some(Priority::High));
        assert_eq!(with("expires_in", "30m").unwrap().expires_after, Some(Duration::from_secs(1800)));
        assert_eq!(with("pool", "warm").unwrap().pool.unwrap().as_str(), "warm");
        for (key, value) in [
            ("priority", "urgent"),
            ("expires_in", "0s"),
            ("pool", "no pool"),
            ("campaign", ""),
            ("send_at", "tomorrow"),
        ] {
            let error = format!("{:?}", with(key, value).unwrap_err());
            assert!(error.contains(key), "{error}");
        }
    }
}
