//! What is remembered of a message until the last of its recipients is settled.

use super::spans::time;
use mailwright_engine::{smtp::verdict::Outcome, time::UnixMillis};
use mailwright_storage::{
    activity::{Message, MessageReport, Status},
    events::Event,
};
use opentelemetry::{
    KeyValue,
    trace::{Event as SpanEvent, Link, SpanContext},
};
use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
use std::collections::BTreeSet;

/// Events of a root span that are kept; of more only the number. Every attempt is a span of its own besides.
const EVENTS: usize = 32;

/// A message under way.
#[derive(Debug, Default)]
pub(super) struct Journey {
    /// What its acceptance said; `None` until that is heard or found.
    pub(super) message: Option<Message>,
    /// Those of its recipients of whom nothing more is to be expected.
    settled: BTreeSet<u16>,
    /// How many of them were not reached.
    pub(super) failed: u32,
    /// When something last became of it.
    pub(super) last: UnixMillis,
    pub(super) events: SpanEvents,
    pub(super) links: SpanLinks,
    /// How often it was looked for in the index in vain.
    pub(super) sought: u32,
}

impl Journey {
    /// Whether nothing more is to be expected.
    pub(super) fn is_over(&self) -> bool {
        self.message.as_ref().is_some_and(|message| self.settled.len() >= message.recipients as usize)
    }

    /// Hears what was accepted.
    pub(super) fn begin(&mut self, message: Message) {
        self.last = self.last.max(message.accepted);
        self.message = Some(message);
    }

    /// Takes over what the index knows of a message whose beginning was not heard.
    pub(super) fn recall(&mut self, report: MessageReport) {
        for one in &report.recipients {
            let failed = matches!(one.status, Status::DeliveryFailed) && !one.bounced_late;
            match one.status {
                Status::Sent => continue,
                Status::Rejected => {}
                _ => self.settle(one.index, failed),
            }
            self.last = self.last.max(one.changed);
        }
        self.begin(report.message);
    }

    /// Hears what became of the message or of some of its recipients.
    pub(super) fn hear(&mut self, at: UnixMillis, event: &Event) {
        self.last = self.last.max(at);
        match event {
            Event::Attempt(tried) => match tried.outcome {
                Outcome::Delivered => self.settle(tried.recipient, false),
                Outcome::Soft => {
                    let class = KeyValue::new("error.type", tried.class.clone());
                    let next =
                        tried.next_due.map(|due| KeyValue::new("mailwright.next_attempt", due.to_string()));
                    self.note(at, "deferred", [class].into_iter().chain(next).collect());
                }
                Outcome::Hard => {
                    self.settle(tried.recipient, true);
                    self.note(at, "bounced", vec![KeyValue::new("error.type", tried.class.clone())]);
                }
            },
            Event::Expired(expired) => {
                self.settle(expired.recipient, true);
                self.note(at, "expired", Vec::new());
            }
            Event::Cancelled(cancelled) => {
                cancelled.recipients.iter().for_each(|recipient| self.settle(*recipient, true));
                self.note(at, "cancelled", vec![KeyValue::new("mailwright.by", cancelled.by.clone())]);
            }
            Event::Released(released) => {
                // They have no numbers of their own.
                (0..released.to.len()).for_each(|_| self.settle(self.settled.len() as u16, false));
                let name = KeyValue::new("mailwright.message.id", released.as_message.to_string());
                self.note(at, "released", vec![name]);
            }
            Event::Rejected(refused) | Event::Failed(refused) => {
                let code = KeyValue::new("error.type", refused.code.clone());
                self.end(true);
                self.note(at, event.kind().as_str(), vec![code]);
            }
            Event::Dropped(_) | Event::Processed(_) => {
                self.end(false);
                self.note(at, event.kind().as_str(), Vec::new());
            }
            Event::Suppressed(left_out) => {
                let count = KeyValue::new("mailwright.recipients", left_out.to.len() as i64);
                self.note(at, "suppressed", vec![count]);
            }
            Event::Rerouted(_) | Event::ReportSent(_) => self.note(at, event.kind().as_str(), Vec::new()),
            _ => {}
        }
    }

    /// Counts all recipients as settled.
    fn end(&mut self, failed: bool) {
        let recipients = self.message.as_ref().map_or(0, |message| message.recipients);
        (0..recipients).for_each(|index| self.settle(index as u16, failed));
    }

    /// Leads to a span that has to do with it.
    pub(super) fn link(&mut self, to: SpanContext) {
        self.links.links.push(Link::with_context(to));
    }

    fn settle(&mut self, recipient: u16, failed: bool) {
        if self.settled.insert(recipient) && failed {
            self.failed += 1;
        }
    }

    fn note(&mut self, at: UnixMillis, name: &'static str, attributes: Vec<KeyValue>) {
        if self.events.events.len() < EVENTS {
            self.events.events.push(SpanEvent::new(name, time(at), attributes, 0));
        } else {
            self.events.dropped_count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_engine::{
        address::ReversePath,
        envelope::{Envelope, Origin},
        id::QueueId,
    };
    use mailwright_storage::events::event::{Accepted, Cancelled, Expired};

    const NOW: UnixMillis = UnixMillis::new(1_795_000_000_000);

    fn message(recipients: usize) -> Message {
        let to = (0..recipients).map(|number| format!("{number}@example.net").parse().unwrap());
        let id = QueueId::from_raw(NOW.as_millis() * 1_000);
        let envelope = Envelope::new(id, NOW, ReversePath::Null, to.collect(), Origin::Relay);
        let accepted = Event::Accepted(Box::new(Accepted::new(&envelope, None, 10)));
        Message::told_by(id, &accepted).unwrap()
    }

    fn cancelled(recipients: Vec<u16>) -> Event {
        Event::Cancelled(Cancelled { group: 0, recipients, by: "local user 0".to_owned() })
    }

    #[test]
    fn a_message_is_over_when_the_last_of_its_recipients_is_settled_whatever_is_heard_first() {
        let expired = Event::Expired(Expired { group: 0, recipient: 2, last: String::new() });
        let mut journey = Journey::default();
        journey.hear(NOW, &cancelled(vec![0, 1]));
        assert!(!journey.is_over(), "nobody knows how many there are");
        journey.begin(message(3));
        assert!(!journey.is_over());
        journey.hear(NOW.saturating_add(std::time::Duration::from_secs(1)), &expired);
        assert!(journey.is_over());
        assert_eq!((journey.failed, journey.last.as_millis()), (3, NOW.as_millis() + 1_000));
        journey.hear(NOW, &cancelled(vec![1]));
        assert_eq!(journey.failed, 3, "nobody is lost twice");
    }

    #[test]
    fn of_events_without_end_the_first_are_kept_and_the_others_counted() {
        let mut journey = Journey::default();
        journey.begin(message(1_000));
        (0..100_u16).for_each(|number| journey.hear(NOW, &cancelled(vec![number])));
        assert_eq!((journey.events.events.len(), journey.events.dropped_count), (EVENTS, 68));
    }
}
