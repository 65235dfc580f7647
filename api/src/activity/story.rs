//! Events as a person reads them.

use crate::delivery::model::Moment;
use mailwright_engine::{envelope::Origin, smtp::verdict::Outcome};
use mailwright_storage::{
    activity::{Direction, Status},
    events::{
        Event, LoggedEvent,
        event::{Accepted, Attempt, Ran, Received, Refused},
    },
};
use serde::Serialize;
use std::time::Duration;

/// An event of a message. What does not belong to its kind is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    at: Moment,
    event: &'static str,
    /// What happened, in a sentence.
    text: String,
    /// How the recipient stands after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<Status>,
    /// Whom it is about; empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) recipients: Vec<String>,
    /// The addresses of ours that it is about, of mail from the world.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to: Vec<String>,
    #[serde(flatten)]
    attempt: Option<AttemptRow>,
}

/// What an attempt adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct AttemptRow {
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    verdict: &'static str,
    class: String,
    code: String,
    reply: String,
    duration_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_reason: Option<String>,
}

/// The event of a message that goes this way as a row; `address` knows recipients by their index.
pub(super) fn row(
    logged: &LoggedEvent,
    direction: Direction,
    address: impl Fn(u16) -> Option<String>,
) -> Row {
    let event = &logged.event;
    let attempt = match event {
        Event::Attempt(attempt) => Some(attempt_row(attempt)),
        _ => None,
    };
    Row {
        at: logged.at.into(),
        event: event.kind().as_str(),
        text: sentence(event),
        status: status(event, direction),
        recipients: recipients(event, address),
        to: addressed(event),
        attempt,
    }
}

fn attempt_row(attempt: &Attempt) -> AttemptRow {
    AttemptRow {
        attempt: attempt.attempt,
        host: attempt.mx.clone(),
        address: attempt.remote.map(|address| address.to_string()),
        tls: attempt.tls.clone(),
        source: attempt.source.as_ref().map(ToString::to_string),
        verdict: match attempt.outcome {
            Outcome::Delivered => "delivered",
            Outcome::Soft => "deferred",
            Outcome::Hard => "bounced",
        },
        class: attempt.class.clone(),
        code: attempt.status.to_string(),
        reply: attempt.reply.clone(),
        duration_ms: attempt.duration_ms,
        next_attempt_at: attempt.next_due.map(Moment::from),
        next_attempt_reason: attempt.next_due.map(|_| reason(attempt)),
    }
}

/// Why the next attempt is when it is.
fn reason(attempt: &Attempt) -> String {
    match attempt.retry_after_ms.map(Duration::from_millis) {
        Some(wait) => format!("the receiver asked to be left alone for {} s", wait.as_secs()),
        None if attempt.class.is_empty() => format!("the schedule after attempt {}", attempt.attempt),
        None => {
            format!("the schedule for failures of class {} after attempt {}", attempt.class, attempt.attempt)
        }
    }
}

/// How a recipient stands after an event; `None` if that is as before.
fn status(event: &Event, direction: Direction) -> Option<Status> {
    match event {
        Event::Accepted(_) | Event::Addressed(_) | Event::Held(_) => Some(Status::Sent),
        Event::Attempt(attempt) => Some(match (attempt.outcome, direction) {
            (Outcome::Delivered, Direction::Sending) => Status::Delivered,
            (Outcome::Delivered, Direction::Routing) => Status::Forwarded,
            (Outcome::Soft, _) => Status::Sent,
            (Outcome::Hard, _) => Status::DeliveryFailed,
        }),
        Event::Expired(_) | Event::Cancelled(_) | Event::LateBounce(_) => Some(Status::DeliveryFailed),
        Event::Suppressed(_) | Event::Rejected(_) => Some(Status::Rejected),
        Event::Failed(_) => Some(Status::Failed),
        Event::Dropped(_) => Some(Status::Dropped),
        Event::Processed(_) | Event::Released(_) => Some(Status::Processed),
        _ => None,
    }
}

/// The class and the words of an event, for a filter.
pub(super) fn said(event: &Event) -> (&str, &str) {
    match event {
        Event::Attempt(attempt) => (&attempt.class, &attempt.reply),
        Event::LateBounce(bounce) => (&bounce.class, &bounce.text),
        Event::Rejected(refused) | Event::Failed(refused) => ("", &refused.reason),
        _ => ("", ""),
    }
}

/// Whether an event tells that something went wrong, for now or for good.
pub(super) fn is_failure(event: &Event) -> bool {
    match event {
        Event::Attempt(attempt) => attempt.outcome != Outcome::Delivered,
        Event::Expired(_) | Event::LateBounce(_) | Event::Complaint(_) => true,
        Event::Rejected(_) | Event::Failed(_) => true,
        _ => false,
    }
}

/// Those of a message's recipients whom an event names by their index alone.
pub(super) fn indexes(event: &Event) -> Vec<u16> {
    match event {
        Event::Expired(expired) => vec![expired.recipient],
        Event::Cancelled(cancelled) => cancelled.recipients.clone(),
        Event::LateBounce(bounce) => vec![bounce.recipient],
        Event::Complaint(complaint) => vec![complaint.recipient],
        Event::Unsubscribed(left) => vec![left.recipient],
        Event::Attempt(attempt) if attempt.address.is_empty() => vec![attempt.recipient],
        _ => Vec::new(),
    }
}

/// Whether an event is about one of a message's recipients with these indexes.
pub(super) fn is_about_any(event: &Event, wanted: &[u16]) -> bool {
    match event {
        Event::Attempt(attempt) => wanted.contains(&attempt.recipient),
        _ => match indexes(event).as_slice() {
            [] => !wanted.is_empty(),
            indexes => indexes.iter().any(|index| wanted.contains(index)),
        },
    }
}

/// The addresses of ours that an event names, each once.
fn addressed(event: &Event) -> Vec<String> {
    let mut addressed = match event {
        Event::Accepted(accepted) => accepted.received.as_ref().map(|received| received.addressed.clone()),
        Event::Rejected(refused) if refused.origin == Origin::Routing => Some(refused.to.clone()),
        Event::Dropped(dropped) | Event::Processed(dropped) | Event::Held(dropped) => {
            Some(dropped.to.clone())
        }
        Event::Released(released) => Some(released.to.clone()),
        Event::Ran(ran) => Some(vec![ran.to.clone()]),
        _ => None,
    }
    .unwrap_or_default();
    addressed.sort_unstable();
    addressed.dedup();
    addressed
}

fn recipients(event: &Event, address: impl Fn(u16) -> Option<String>) -> Vec<String> {
    match event {
        Event::Accepted(accepted) => accepted.to.clone(),
        Event::Addressed(more) => more.to.clone(),
        Event::Suppressed(suppressed) => suppressed.to.clone(),
        // They are addresses of ours.
        Event::Rejected(refused) if refused.origin == Origin::Routing => Vec::new(),
        Event::Rejected(refused) | Event::Failed(refused) => refused.to.clone(),
        Event::Dropped(_) | Event::Processed(_) | Event::Ran(_) | Event::Held(_) | Event::Released(_) => {
            Vec::new()
        }
        Event::Attempt(attempt) if !attempt.address.is_empty() => vec![attempt.address.clone()],
        _ => indexes(event)
            .into_iter()
            .map(|index| address(index).unwrap_or_else(|| format!("recipient {index}")))
            .collect(),
    }
}

fn sentence(event: &Event) -> String {
    match event {
        Event::Accepted(accepted) => taken(accepted),
        Event::Addressed(more) => format!("It goes to {} more recipients.", more.to.len()),
        Event::Attempt(attempt) => tried(attempt),
        Event::Expired(_) => "It was given up: the message grew too old.".to_owned(),
        Event::Cancelled(cancelled) => format!("It was cancelled by {}.", cancelled.by),
        Event::Rerouted(rerouted) => {
            format!("{} changed its way; it is due at {}.", capital(&rerouted.by), rerouted.due)
        }
        Event::ReportSent(report) => format!("A report about it was sent to {}.", report.to),
        Event::Suppressed(_) => "It does not go to these: they are on the suppression list.".to_owned(),
        Event::Rejected(refused) | Event::Failed(refused) => refusal(refused),
        Event::Dropped(dropped) => {
            let came = came(&dropped.received);
            format!("It came {came}, and was thrown away, as the rule of its address says.")
        }
        Event::Processed(processed) => {
            let came = came(&processed.received);
            format!("It came {came}, and was taken by the Worker of its address, which sent it nowhere.")
        }
        Event::Ran(ran) => told(ran),
        Event::Held(held) => {
            let came = came(&held.received);
            format!("It came {came}, and was taken; the Worker of its address is to have it later.")
        }
        Event::Released(released) => {
            format!("The Worker of its address has had it; what came of it is {}.", released.as_message)
        }
        Event::LateBounce(bounce) => {
            format!("It came back after its server had taken it ({}): {}", bounce.status, bounce.text)
        }
        Event::Complaint(complaint) => format!("The recipient complained: {}.", complaint.feedback),
        Event::Unsubscribed(_) => "The recipient unsubscribed.".to_owned(),
        // These are about no message.
        Event::Suspended(_) | Event::Resumed(_) | Event::Automatic(_) | Event::Fallback(_) => String::new(),
    }
}

fn taken(accepted: &Accepted) -> String {
    let recipients = match accepted.recipients {
        1 => "1 recipient".to_owned(),
        more => format!("{more} recipients"),
    };
    match &accepted.received {
        Some(received) => {
            let came = came(received);
            format!("It came {came}, {} octets, and goes on to {recipients}; queued.", accepted.size)
        }
        None => {
            let (origin, size) = (accepted.origin.as_str(), accepted.size);
            format!("Accepted by {origin}, {size} octets to {recipients}, and queued.")
        }
    }
}

/// What a Worker did and said.
fn told(ran: &Ran) -> String {
    let Ran { script, outcome, wall_ms, lines, exceptions, .. } = ran;
    let mut text = format!("The Worker {script} had it for {wall_ms} ms; outcome {outcome}.");
    for line in
        exceptions.iter().map(|exception| format!("exception: {exception}")).chain(lines.iter().cloned())
    {
        text.push('\n');
        text.push_str(&line);
    }
    if ran.truncated {
        text.push_str("\n(there was more)");
    }
    text
}

fn refusal(refused: &Refused) -> String {
    match &refused.received {
        Some(received) => {
            format!("It came {}, and was refused ({}): {}", came(received), refused.code, refused.reason)
        }
        None => format!("It was not sent: {}", refused.reason),
    }
}

/// Where a message from the world came from, and what was found about it.
fn came(received: &Received) -> String {
    let Received { peer, helo, checks, spam, .. } = received;
    let from = received.from.trim_matches(['<', '>']);
    let score = spam.map_or(String::new(), |score| format!(", spam score {:.2}", f64::from(score) / 100.0));
    format!(
        "from <{from}> by {helo} [{peer}] (SPF {}, DKIM {}, DMARC {}, ARC {}{score})",
        checks.spf, checks.dkim, checks.dmarc, checks.arc
    )
}

fn tried(attempt: &Attempt) -> String {
    let place = match (&attempt.mx, attempt.remote) {
        (Some(host), Some(address)) => format!("{host} [{address}]"),
        (Some(host), None) => host.clone(),
        _ => attempt.domain.to_string(),
    };
    let tls = attempt.tls.as_deref().map_or(String::new(), |tls| format!(" over {tls}"));
    match attempt.outcome {
        Outcome::Delivered => format!("Delivered to {place}{tls}: {}", attempt.reply),
        Outcome::Hard => format!("Refused for good at {place}{tls}: {}", attempt.reply),
        Outcome::Soft => match attempt.next_due {
            Some(due) => {
                format!(
                    "Put off at {place}{tls}: {} Next attempt at {due}: {}.",
                    attempt.reply,
                    reason(attempt)
                )
            }
            None => format!("Put off at {place}{tls}: {}", attempt.reply),
        },
    }
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(char::to_uppercase).into_iter().flatten().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_engine::{
        address::Domain, class::TenantName, smtp::reply::EnhancedCode, time::UnixMillis,
    };
    use mailwright_storage::events::event::{Checks, Expired};
    use serde_json::json;

    fn attempt(outcome: Outcome, retry_after_ms: Option<u64>) -> Event {
        Event::Attempt(Box::new(Attempt {
            group: 0,
            recipient: 0,
            address: "ann@one.example".into(),
            domain: Domain::parse("one.example").unwrap(),
            site: String::new(),
            tenant: None,
            mx: Some("mx.one.example".into()),
            remote: Some([192, 0, 2, 1].into()),
            source: None,
            tls: None,
            outcome,
            class: "greylisted".into(),
            status: EnhancedCode::new(4, 7, 1),
            reply: "451 4.7.1 later".into(),
            duration_ms: 7,
            attempt: 2,
            next_due: (outcome == Outcome::Soft).then(|| UnixMillis::new(60_000)),
            retry_after_ms,
        }))
    }

    fn of(event: Event) -> serde_json::Value {
        let logged = LoggedEvent { at: UnixMillis::new(0), about: None, event };
        let third = |index| (index == 3).then(|| "third@one.example".to_owned());
        serde_json::to_value(row(&logged, Direction::Sending, third)).unwrap()
    }

    #[test]
    fn an_attempt_says_where_how_and_why_the_next_is_when_it_is() {
        let row = of(attempt(Outcome::Soft, None));
        let expected = json!({
            "at": "1970-01-01T00:00:00.000Z", "event": "attempt", "status": "sent", "recipients": ["ann@one.example"],
            "text": "Put off at mx.one.example [192.0.2.1]: 451 4.7.1 later Next attempt at 1970-01-01T00:01:00.000Z: \
                     the schedule for failures of class greylisted after attempt 2.",
            "attempt": 2, "host": "mx.one.example", "address": "192.0.2.1",
            "verdict": "deferred", "class": "greylisted", "code": "4.7.1", "reply": "451 4.7.1 later",
            "duration_ms": 7, "next_attempt_at": "1970-01-01T00:01:00.000Z",
            "next_attempt_reason": "the schedule for failures of class greylisted after attempt 2",
        });
        assert_eq!(row, expected);
        let asked = of(attempt(Outcome::Soft, Some(300_000)));
        assert_eq!(asked["next_attempt_reason"], "the receiver asked to be left alone for 300 s");
        assert_eq!(of(attempt(Outcome::Hard, None))["next_attempt_reason"], json!(null));
    }

    #[test]
    fn mail_from_the_world_says_where_it_came_from_and_what_was_found() {
        let received = Received {
            peer: [192, 0, 2, 7].into(),
            helo: "mx.world.example".into(),
            from: String::new(),
            addressed: vec!["b@shop.example".into(), "a@shop.example".into(), "b@shop.example".into()],
            checks: Checks {
                spf: "pass".into(),
                dkim: "none".into(),
                dmarc: "none".into(),
                arc: "none".into(),
            },
            spam: Some(-25),
        };
        let refused = Refused {
            from: String::new(),
            to: vec!["a@shop.example".into()],
            account: TenantName::parse("shop").unwrap(),
            zone: None,
            origin: Origin::Routing,
            subject: None,
            code: "5.7.1".into(),
            reason: "Because.".into(),
            received: Some(Box::new(received)),
        };
        let expected = json!({
            "at": "1970-01-01T00:00:00.000Z", "event": "rejected", "status": "rejected", "to": ["a@shop.example"],
            "text": "It came from <> by mx.world.example [192.0.2.7] (SPF pass, DKIM none, DMARC none, ARC none, \
                     spam score -0.25), and was refused (5.7.1): Because.",
        });
        assert_eq!(of(Event::Rejected(Box::new(refused))), expected);
        let taken = attempt(Outcome::Delivered, None);
        assert_eq!(status(&taken, Direction::Sending), Some(Status::Delivered));
        assert_eq!(status(&taken, Direction::Routing), Some(Status::Forwarded));
    }

    #[test]
    fn who_is_known_by_index_is_told_by_address_or_number() {
        let expired = |recipient| Event::Expired(Expired { group: 0, recipient, last: String::new() });
        assert_eq!(of(expired(3))["recipients"], json!(["third@one.example"]));
        assert_eq!(of(expired(4))["recipients"], json!(["recipient 4"]));
        assert_eq!(of(expired(4))["status"], "deliveryFailed");
    }
}
