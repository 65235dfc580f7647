//! One message: where it stands, why, and everything that happened to it.

use super::{
    ask, blocking,
    model::{EntryDetail, HoldingRow, MessageReport, Moment},
    read,
};
use crate::{
    access::Operator,
    answer::{self, ApiError},
    openapi::{Answer, Input, Known, Lookup},
    server::AppState,
};
use actix_web::{HttpResponse, web};
use mailwright_actors::{
    clock,
    control::{DescribeEntry, EntryReport, Holding, OrderError, Why},
    domain::PlanSnapshot,
};
use mailwright_engine::{id::QueueId, smtp::reply::EnhancedCode, time::UnixMillis};
use mailwright_storage::events::{EventReader, LoggedEvent, TimelineEnd, TimelineLimits};
use serde_json::{Map, Value};

/// Fields of events that hold a time in milliseconds since the epoch.
const TIMES: [&str; 3] = ["next_due", "due", "until"];

/// `GET queue/messages/{id}`
#[utoipa::path(
    get, path = "/client/v4/delivery/queue/messages/{id}",
    tag = "Delivery", operation_id = "get_queued_message",
    responses((status = 200, body = Answer<MessageReport>), Known, Lookup, Input),
)]
pub(super) async fn message(
    id: web::Path<String>,
    _operator: Operator,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id: QueueId = read("id", &id)?;
    let entries: Vec<EntryReport> = ask(&state, DescribeEntry(id)).await?;
    let reader = EventReader::new(&state.events_dir);
    let timeline = blocking(move || {
        Ok(reader.events_of(id, clock::now(), TimelineLimits::default()).map_err(OrderError::from)?)
    });
    let timeline = timeline.await?;
    if entries.is_empty() && timeline.events.is_empty() {
        return Err(unknown(id));
    }
    Ok(answer::success(MessageReport {
        id: id.to_string(),
        entries: entries.iter().map(detail).collect(),
        timeline: timeline.events.iter().map(event).collect(),
        complete: timeline.end == TimelineEnd::Complete,
    }))
}

/// `GET queue/messages/{id}/why`
#[utoipa::path(
    get, path = "/client/v4/delivery/queue/messages/{id}/why",
    tag = "Delivery", operation_id = "explain_queued_message",
    responses((status = 200, body = Answer<Vec<HoldingRow>>), Known, Lookup, Input),
)]
pub(super) async fn why(
    id: web::Path<String>,
    _operator: Operator,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let id: QueueId = read("id", &id)?;
    let holdings = ask(&state, Why(id)).await?;
    if holdings.is_empty() {
        return Err(unknown(id));
    }
    Ok(answer::success(holdings.into_iter().map(holding).collect::<Vec<_>>()))
}

fn unknown(id: QueueId) -> ApiError {
    ApiError::nothing_there(format!("There is no message {id} in the queue."))
}

fn detail(report: &EntryReport) -> EntryDetail {
    let site = report.domain_state.as_ref().and_then(|domain| match &domain.plan {
        PlanSnapshot::Known { site, .. } => Some(site.clone()),
        PlanSnapshot::Unknown | PlanSnapshot::Asked => None,
    });
    EntryDetail {
        why: holding(report.holding()),
        attempts: report.attempts,
        due: report.due.into(),
        last: report.last.clone(),
        site,
    }
}

fn holding(holding: Holding) -> HoldingRow {
    HoldingRow {
        domain: holding.domain,
        recipients: holding.recipients,
        reason: holding.reason.as_str().to_owned(),
        detail: holding.detail,
        until: holding.until.map(Moment::from),
    }
}

/// An event as one flat object, its times and status as people write them, without what was in its message.
fn event(logged: &LoggedEvent) -> Map<String, Value> {
    let mut flat = Map::new();
    flat.insert("at".to_owned(), logged.at.to_string().into());
    flat.insert("event".to_owned(), logged.event.kind().as_str().into());
    // Every event is an enum variant around a struct: an object with one field, which is an object.
    if let Ok(Value::Object(variant)) = serde_json::to_value(&logged.event) {
        let fields = variant.into_iter().filter_map(|(_, fields)| match fields {
            Value::Object(fields) => Some(fields),
            _ => None,
        });
        flat.extend(fields.flatten().map(|(name, value)| {
            let value = readable(&name, value);
            (name, value)
        }));
        flat.remove("kept");
    }
    flat
}

fn readable(name: &str, value: Value) -> Value {
    if TIMES.contains(&name) {
        return value.as_u64().map_or(value, |millis| UnixMillis::new(millis).to_string().into());
    }
    if name == "status" {
        let code = serde_json::from_value::<EnhancedCode>(value.clone());
        return code.map_or(value, |code| code.to_string().into());
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_storage::events::{Event, event::Rerouted};
    use serde_json::json;

    #[test]
    fn an_event_is_one_flat_object_with_times_for_people() {
        let rerouted =
            Rerouted { group: 1, pool: None, due: UnixMillis::new(1_000), by: "somebody".to_owned() };
        let logged = LoggedEvent {
            at: UnixMillis::new(0),
            about: Some(QueueId::from_raw(7)),
            event: Event::Rerouted(rerouted),
        };
        let expected = json!({
            "at": "1970-01-01T00:00:00.000Z", "event": "rerouted", "group": 1, "pool": null,
            "due": "1970-01-01T00:00:01.000Z", "by": "somebody",
        });
        assert_eq!(Value::Object(event(&logged)), expected);
        assert_eq!(readable("status", json!([4, 7, 28])), json!("4.7.28"));
    }
}
