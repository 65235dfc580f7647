//! Spans of what the event log says.
//!
//! Attributes are those of OpenTelemetry's semantic conventions where these know them, and `mailwright.…` otherwise. Subjects
//! are never among them; addresses, and replies, which like to repeat them, only where the operator wants that.

use super::{journey::Journey, naming::context};
use mailwright_engine::{id::QueueId, smtp::verdict::Outcome, time::UnixMillis};
use mailwright_storage::{
    activity::Message,
    events::event::{Attempt, Complaint, LateBounce, Ran},
};
use opentelemetry::{
    InstrumentationScope, KeyValue,
    trace::{SpanContext, SpanId, SpanKind, Status},
};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SpanData, SpanEvents, SpanLinks};
use std::{
    borrow::Cow,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Whether addresses of people are in traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addresses {
    /// They are.
    Shown,
    /// They are not.
    LeftOut,
}

/// Makes spans.
#[derive(Debug)]
pub(super) struct Spans {
    pub(super) addresses: Addresses,
    scope: InstrumentationScope,
    ids: RandomIdGenerator,
}

/// What tells a span from others of its kind.
pub(super) struct Shape {
    pub(super) name: Cow<'static, str>,
    pub(super) kind: SpanKind,
    pub(super) from: SystemTime,
    pub(super) to: SystemTime,
    pub(super) attributes: Vec<KeyValue>,
    pub(super) status: Status,
}

impl Spans {
    pub(super) fn new(addresses: Addresses) -> Self {
        let scope = InstrumentationScope::builder("mailwright").with_version(env!("CARGO_PKG_VERSION"));
        Self { addresses, scope: scope.build(), ids: RandomIdGenerator::default() }
    }

    /// The names of a span that begins a trace of its own.
    pub(super) fn fresh(&self) -> SpanContext {
        context(self.ids.new_trace_id(), self.ids.new_span_id())
    }

    /// A span below `parent`, which another program may have made.
    pub(super) fn below(&self, parent: &SpanContext, shape: Shape) -> SpanData {
        let own = context(parent.trace_id(), self.ids.new_span_id());
        SpanData {
            parent_span_id: parent.span_id(),
            parent_span_is_remote: parent.is_remote(),
            ..self.span(own, shape)
        }
    }

    /// A span that has no parent.
    pub(super) fn span(&self, own: SpanContext, shape: Shape) -> SpanData {
        SpanData {
            span_context: own,
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: shape.kind,
            name: shape.name,
            start_time: shape.from,
            end_time: shape.to.max(shape.from),
            attributes: shape.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: shape.status,
            instrumentation_scope: self.scope.clone(),
        }
    }

    /// A message from its acceptance to the last that became of it.
    pub(super) fn message(&self, own: SpanContext, message: &Message, journey: Journey) -> SpanData {
        let status = match journey.failed {
            0 => Status::Ok,
            1 if message.recipients <= 1 => Status::error("the recipient was not reached"),
            failed => {
                Status::error(format!("{failed} of {} recipients were not reached", message.recipients))
            }
        };
        let shape = Shape {
            name: "message".into(),
            kind: SpanKind::Internal,
            // Its name has the microsecond in which it came.
            from: UNIX_EPOCH + Duration::from_micros(message.id.as_raw()),
            to: time(journey.last),
            attributes: self.of_message(message),
            status,
        };
        SpanData { events: journey.events, links: journey.links, ..self.span(own, shape) }
    }

    fn of_message(&self, message: &Message) -> Vec<KeyValue> {
        let mut all = vec![
            named(message.id),
            KeyValue::new("mailwright.origin", message.origin.clone()),
            KeyValue::new("mailwright.recipients", i64::from(message.recipients)),
            KeyValue::new("messaging.message.body.size", i64::try_from(message.size).unwrap_or(i64::MAX)),
        ];
        let texts = [
            ("mailwright.account", &message.account),
            ("mailwright.zone", &message.zone),
            ("mailwright.campaign", &message.campaign),
        ];
        all.extend(texts.into_iter().filter_map(|(key, text)| Some(KeyValue::new(key, text.clone()?))));
        if self.addresses == Addresses::Shown {
            all.push(KeyValue::new("mailwright.from", message.from.clone()));
            all.push(KeyValue::new("mailwright.envelope_from", message.envelope_from.clone()));
        }
        all
    }

    /// An attempt to deliver to a recipient.
    pub(super) fn attempt(
        &self,
        root: &SpanContext,
        id: QueueId,
        at: UnixMillis,
        tried: &Attempt,
    ) -> SpanData {
        let status = match tried.outcome {
            Outcome::Delivered => Status::Ok,
            Outcome::Soft | Outcome::Hard => Status::error(class_of(tried).to_owned()),
        };
        let shape = Shape {
            name: "attempt".into(),
            kind: SpanKind::Client,
            from: time(at.saturating_sub(Duration::from_millis(tried.duration_ms))),
            to: time(at),
            attributes: self.of_attempt(id, tried),
            status,
        };
        self.below(root, shape)
    }

    fn of_attempt(&self, id: QueueId, tried: &Attempt) -> Vec<KeyValue> {
        let mut all = vec![
            named(id),
            KeyValue::new("network.protocol.name", "smtp"),
            KeyValue::new("tls.established", tried.tls.is_some()),
            KeyValue::new("mailwright.recipient", i64::from(tried.recipient)),
            KeyValue::new("mailwright.domain", tried.domain.to_string()),
            KeyValue::new("mailwright.site", tried.site.clone()),
            KeyValue::new("mailwright.attempt", i64::from(tried.attempt)),
            KeyValue::new("mailwright.outcome", outcome(tried.outcome)),
            KeyValue::new("mailwright.status", tried.status.to_string()),
        ];
        let texts = [
            ("server.address", tried.mx.clone()),
            ("network.peer.address", tried.remote.map(|address| address.to_string())),
            ("mailwright.tls", tried.tls.clone()),
            ("mailwright.source", tried.source.as_ref().map(ToString::to_string)),
            ("mailwright.account", tried.tenant.as_ref().map(ToString::to_string)),
            ("mailwright.next_attempt", tried.next_due.map(|due| due.to_string())),
            ("error.type", (tried.outcome != Outcome::Delivered).then(|| class_of(tried).to_owned())),
        ];
        all.extend(texts.into_iter().filter_map(|(key, text)| Some(KeyValue::new(key, text?))));
        if self.addresses == Addresses::Shown {
            all.push(KeyValue::new("mailwright.recipient.address", tried.address.clone()));
            all.push(KeyValue::new("mailwright.reply", tried.reply.clone()));
        }
        all
    }

    /// What a Worker did with a message.
    pub(super) fn run(&self, root: &SpanContext, id: QueueId, at: UnixMillis, ran: &Ran) -> SpanData {
        let went_well = ran.outcome == "ok" && ran.exceptions.is_empty();
        let shape = Shape {
            name: "worker".into(),
            kind: SpanKind::Internal,
            from: time(at.saturating_sub(Duration::from_millis(ran.wall_ms.into()))),
            to: time(at),
            attributes: vec![
                named(id),
                KeyValue::new("faas.name", ran.script.clone()),
                KeyValue::new("faas.version", ran.version.clone()),
                KeyValue::new("mailwright.account", ran.account.to_string()),
                KeyValue::new("mailwright.outcome", ran.outcome.clone()),
            ],
            status: if went_well { Status::Ok } else { Status::error(ran.outcome.clone()) },
        };
        self.below(root, shape)
    }

    /// What came back after the server of a recipient had taken the message.
    pub(super) fn late_bounce(
        &self,
        root: &SpanContext,
        id: QueueId,
        at: UnixMillis,
        late: &LateBounce,
    ) -> SpanData {
        let said = vec![
            KeyValue::new("mailwright.recipient", i64::from(late.recipient)),
            KeyValue::new("mailwright.status", late.status.to_string()),
            KeyValue::new("error.type", late.class.clone()),
        ];
        let status = Status::error(late.class.clone());
        self.moment(root, id, at, "late_bounce", said, status)
    }

    /// A complaint.
    pub(super) fn complaint(
        &self,
        root: &SpanContext,
        id: QueueId,
        at: UnixMillis,
        said: &Complaint,
    ) -> SpanData {
        let what = vec![
            KeyValue::new("mailwright.recipient", i64::from(said.recipient)),
            KeyValue::new("mailwright.feedback", said.feedback.clone()),
        ];
        let status = Status::error("the recipient complained");
        self.moment(root, id, at, "complaint", what, status)
    }

    /// A recipient left.
    pub(super) fn unsubscribed(
        &self,
        root: &SpanContext,
        id: QueueId,
        at: UnixMillis,
        recipient: u16,
    ) -> SpanData {
        let who = vec![KeyValue::new("mailwright.recipient", i64::from(recipient))];
        self.moment(root, id, at, "unsubscribed", who, Status::Unset)
    }

    /// What takes no time, and happens when the message may be long over.
    fn moment(
        &self,
        root: &SpanContext,
        id: QueueId,
        at: UnixMillis,
        name: &'static str,
        mut attributes: Vec<KeyValue>,
        status: Status,
    ) -> SpanData {
        attributes.insert(0, named(id));
        let (kind, from) = (SpanKind::Internal, time(at));
        self.below(root, Shape { name: name.into(), kind, from, to: from, attributes, status })
    }
}

/// The attribute by which all spans of a message are found.
pub(super) fn named(id: QueueId) -> KeyValue {
    KeyValue::new("mailwright.message.id", id.to_string())
}

pub(super) fn time(at: UnixMillis) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(at.as_millis())
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Soft => "deferred",
        Outcome::Hard => "bounced",
    }
}

fn class_of(tried: &Attempt) -> &str {
    if tried.class.is_empty() { outcome(tried.outcome) } else { &tried.class }
}
