//! What answers about messages look like.

use super::story;
use crate::delivery::model::Moment;
use actix_web::HttpResponse;
use mailwright_engine::time::UnixMillis;
use mailwright_storage::activity::{Activity, ListPage, Message, MessageReport, Recipient, TimelinePage};
use serde_json::{Map, Value, json};

/// A page of lines. `complete_until` says up to when everything is known.
pub(super) fn page(page: &ListPage, per_page: usize, complete_until: UnixMillis) -> HttpResponse {
    let lines: Vec<_> = page.lines.iter().map(line).collect();
    let cursor = page.next.as_ref().map(ToString::to_string);
    paged(&lines, cursor.as_deref(), per_page, complete_until)
}

/// A part of a message's timeline.
pub(super) fn timeline(
    report: &MessageReport,
    page: &TimelinePage,
    per_page: usize,
    complete_until: UnixMillis,
) -> HttpResponse {
    let address = |index: u16| {
        let found = report.recipients.iter().find(|recipient| recipient.index == index);
        found.map(|recipient| recipient.address.clone())
    };
    let events: Vec<_> = page.events.iter().map(|logged| story::row(logged, address)).collect();
    let cursor = page.next.map(|place| place.to_string());
    paged(&events, cursor.as_deref(), per_page, complete_until)
}

fn paged<T: serde::Serialize>(
    rows: &[T],
    cursor: Option<&str>,
    per_page: usize,
    complete_until: UnixMillis,
) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "success": true, "errors": [], "messages": [], "result": rows,
        "result_info": {
            "count": rows.len(), "cursor": cursor, "per_page": per_page,
            "complete_until": Moment::from(complete_until),
        },
    }))
}

/// A message with its recipients.
pub(super) fn report(report: &MessageReport) -> Value {
    let mut whole = message(&report.message);
    let recipients: Vec<_> = report.recipients.iter().map(recipient).collect();
    whole.insert("recipient_count".into(), report.message.recipients.into());
    whole.insert("preview".into(), report.message.preview.clone().into());
    whole.insert("recipients".into(), recipients.into());
    whole.into()
}

/// A line: message and recipient in one object.
fn line(line: &Activity) -> Map<String, Value> {
    let mut row = message(&line.message);
    row.extend(recipient(&line.recipient));
    row
}

fn message(message: &Message) -> Map<String, Value> {
    object(json!({
        "id": message.id.to_string(), "account_id": message.account, "zone_id": message.zone,
        "message_id": message.message_id, "from": message.from, "envelope_from": message.envelope_from,
        "sending_domain": message.sending_domain(), "subject": message.subject, "campaign": message.campaign,
        "origin": message.origin, "size": message.size, "accepted_at": Moment::from(message.accepted),
    }))
}

fn recipient(recipient: &Recipient) -> Map<String, Value> {
    let moment = |at: Option<UnixMillis>| at.map(Moment::from);
    object(json!({
        "recipient": recipient.address, "status": recipient.status, "class": recipient.class,
        "code": recipient.code, "reply": recipient.reply, "attempts": recipient.attempts,
        "next_attempt_at": moment(recipient.next_attempt), "updated_at": Moment::from(recipient.changed),
        "bounced_late": recipient.bounced_late, "complained_at": moment(recipient.complained),
        "unsubscribed_at": moment(recipient.unsubscribed),
    }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
