//! What answers about messages look like.

use super::story;
use crate::delivery::model::Moment;
use actix_web::HttpResponse;
use mailwright_engine::time::UnixMillis;
use mailwright_storage::activity::{
    Activity, Direction, ListPage, Message, MessageReport, Recipient, TimelinePage,
};
use serde_json::{Map, Value, json};

/// A page of lines. `complete_until` says up to when everything is known.
pub(super) fn page(
    page: &ListPage,
    direction: Direction,
    per_page: usize,
    complete_until: UnixMillis,
) -> HttpResponse {
    let lines: Vec<_> = page.lines.iter().map(|one| line(one, direction)).collect();
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
    let direction = report.message.direction();
    let events: Vec<_> = page.events.iter().map(|logged| story::row(logged, direction, address)).collect();
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
    let message = &report.message;
    let direction = message.direction();
    let mut whole = of_message(message, direction);
    let recipients: Vec<_> = report.recipients.iter().map(|one| of_recipient(one, direction)).collect();
    whole.insert("recipient_count".into(), message.recipients.into());
    if direction == Direction::Sending {
        whole.insert("preview".into(), message.preview.clone().into());
    }
    whole.insert("recipients".into(), recipients.into());
    whole.into()
}

/// A line: message and recipient in one object.
fn line(line: &Activity, direction: Direction) -> Map<String, Value> {
    let mut row = of_message(&line.message, direction);
    row.extend(of_recipient(&line.recipient, direction));
    row
}

fn of_message(message: &Message, direction: Direction) -> Map<String, Value> {
    let mut fields = object(json!({
        "id": message.id.to_string(), "account_id": message.account, "zone_id": message.zone,
        "message_id": message.message_id, "from": message.from, "envelope_from": message.envelope_from,
        "sending_domain": message.sending_domain(), "subject": message.subject, "size": message.size,
        "accepted_at": Moment::from(message.accepted),
    }));
    fields.extend(match direction {
        Direction::Sending => object(json!({ "campaign": message.campaign, "origin": message.origin })),
        Direction::Routing => arrival(message),
    });
    fields
}

fn arrival(message: &Message) -> Map<String, Value> {
    let arrival = message.arrival.as_ref();
    let checks = arrival.map(|arrival| &arrival.checks);
    // Hundredths of a point, as it was scored.
    let points = arrival.and_then(|arrival| arrival.spam).map(|score| f64::from(score) / 100.0);
    object(json!({
        "client_address": arrival.map(|arrival| &arrival.peer), "helo": arrival.map(|arrival| &arrival.helo),
        "spf": checks.map(|checks| &checks.spf), "dkim": checks.map(|checks| &checks.dkim),
        "dmarc": checks.map(|checks| &checks.dmarc), "arc": checks.map(|checks| &checks.arc),
        "spam_score": points,
    }))
}

fn of_recipient(recipient: &Recipient, direction: Direction) -> Map<String, Value> {
    let moment = |at: Option<UnixMillis>| at.map(Moment::from);
    let mut fields = object(json!({
        "status": recipient.status, "class": recipient.class,
        "code": recipient.code, "reply": recipient.reply, "attempts": recipient.attempts,
        "next_attempt_at": moment(recipient.next_attempt), "updated_at": Moment::from(recipient.changed),
        "bounced_late": recipient.bounced_late,
    }));
    let destination = Some(&recipient.address).filter(|address| !address.is_empty());
    fields.extend(object(match direction {
        Direction::Sending => json!({
            "recipient": recipient.address, "complained_at": moment(recipient.complained),
            "unsubscribed_at": moment(recipient.unsubscribed),
        }),
        Direction::Routing => json!({ "to": recipient.addressed, "destination": destination }),
    }));
    fields
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
