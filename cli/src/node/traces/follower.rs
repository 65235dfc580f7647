//! Following the event log, and making spans of what it tells.

use super::{export::Batches, journey::Journey, metrics, naming::Naming, requests, spans::Spans};
use mailwright_api::ServedRequest;
use mailwright_engine::id::QueueId;
use mailwright_storage::{
    activity::{ActivityLog, Message, MessageReport, Scope},
    events::{Event, Heard, Listener, LoggedEvent},
};
use opentelemetry::trace::SpanContext;
use std::{collections::BTreeMap, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval},
};

/// How often gathered spans are sent on, and messages looked for whose beginning was not heard.
const BEAT: Duration = Duration::from_secs(1);
/// Most messages under way that are remembered, some KiB each. Beyond them the oldest are forgotten, and looked for when
/// something becomes of them.
const OPEN: usize = 20_000;
/// Most messages that are looked for in the index at a beat.
const LOOKS: usize = 200;
/// How often one is looked for: the index may be behind, or not have it.
const TRIES: u32 = 60;

/// What a follower is made of.
pub(super) struct FollowerParts {
    pub(super) naming: Naming,
    pub(super) spans: Spans,
    pub(super) batches: Batches,
    pub(super) activity: ActivityLog,
}

/// Follows the event log.
pub(super) struct Follower {
    parts: FollowerParts,
    /// Messages under way whose traces are kept, the oldest first.
    open: BTreeMap<QueueId, Journey>,
}

/// What a follower wakes up for.
enum Woken {
    Heard(Heard),
    Served(ServedRequest),
    Beat,
    Stop,
}

impl Follower {
    pub(super) fn new(parts: FollowerParts) -> Self {
        Self { parts, open: BTreeMap::new() }
    }

    /// Follows until it is told to stop; what was written before that is still followed.
    pub(super) async fn run(
        mut self,
        mut events: Listener,
        mut served: mpsc::Receiver<ServedRequest>,
        mut stop: oneshot::Receiver<()>,
    ) {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let woken = tokio::select! {
                // Whatever has been written goes before the end.
                biased;
                Some(heard) = events.next() => Woken::Heard(heard),
                Some(request) = served.recv() => Woken::Served(request),
                _ = beat.tick() => Woken::Beat,
                _ = &mut stop => Woken::Stop,
            };
            match woken {
                Woken::Heard(Heard::Event(placed)) => self.hear(&placed.logged),
                Woken::Heard(Heard::Missed(count)) => metrics::missed(count),
                Woken::Served(request) => self.serve(&request),
                Woken::Beat => self.beat(),
                Woken::Stop => return self.parts.batches.send(),
            }
        }
    }

    fn serve(&mut self, request: &ServedRequest) {
        let FollowerParts { naming, spans, batches, .. } = &mut self.parts;
        if let Some(span) = requests::span(naming, spans, request) {
            batches.add(span);
        }
    }

    fn beat(&mut self) {
        self.seek();
        self.parts.batches.send();
        metrics::open(self.open.len());
    }

    /// Makes spans of an event, if it is about a message whose trace is kept.
    fn hear(&mut self, logged: &LoggedEvent) {
        let Some(id) = logged.about else { return };
        let Some(root) = self.parts.naming.root(id) else { return };
        self.single(&root, id, logged);
        if let Some(message) = Message::told_by(id, &logged.event) {
            self.make_room(id);
            self.open.entry(id).or_default().begin(message);
        }
        let settles = matches!(
            logged.event,
            Event::Attempt(_) | Event::Expired(_) | Event::Cancelled(_) | Event::Released(_)
        );
        if settles {
            self.make_room(id);
            self.open.entry(id).or_default();
        }
        if let Some(journey) = self.open.get_mut(&id) {
            journey.hear(logged.at, &logged.event);
            if let Event::Released(released) = &logged.event
                && let Some(after) = self.parts.naming.root(released.as_message)
            {
                journey.link(after);
            }
        }
        self.end(id, &root);
    }

    /// The span of the event itself, if it has one.
    fn single(&mut self, root: &SpanContext, id: QueueId, logged: &LoggedEvent) {
        let (spans, at) = (&self.parts.spans, logged.at);
        let span = match &logged.event {
            Event::Attempt(tried) => spans.attempt(root, id, at, tried),
            Event::Ran(ran) => spans.run(root, id, at, ran),
            Event::LateBounce(late) => spans.late_bounce(root, id, at, late),
            Event::Complaint(complaint) => spans.complaint(root, id, at, complaint),
            Event::Unsubscribed(left) => spans.unsubscribed(root, id, at, left.recipient),
            _ => return,
        };
        self.parts.batches.add(span);
    }

    /// Tells of a message as a whole if nothing more is to be expected of it.
    fn end(&mut self, id: QueueId, root: &SpanContext) {
        if !self.open.get(&id).is_some_and(Journey::is_over) {
            return;
        }
        if let Some(mut journey) = self.open.remove(&id)
            && let Some(message) = journey.message.take()
        {
            let span = self.parts.spans.message(root.clone(), &message, journey);
            self.parts.batches.add(span);
        }
    }

    fn make_room(&mut self, id: QueueId) {
        if self.open.len() >= OPEN && !self.open.contains_key(&id) {
            self.open.pop_first();
        }
    }

    /// Looks in the index for messages of which something was heard, but not their beginning: it was before the process
    /// began, or they were forgotten for others. An attempt may be heard a moment before its acceptance, too.
    fn seek(&mut self) {
        let unknown = self.open.iter().filter(|(_, journey)| journey.message.is_none());
        let ids: Vec<_> = unknown.map(|(id, _)| *id).take(LOOKS).collect();
        for id in ids {
            let found = self.find(id);
            let Some(journey) = self.open.get_mut(&id) else { continue };
            journey.sought += 1;
            match found {
                Some(report) => journey.recall(report),
                None if journey.sought >= TRIES => drop(self.open.remove(&id)),
                None => continue,
            }
            if let Some(root) = self.parts.naming.root(id) {
                self.end(id, &root);
            }
        }
    }

    /// What the index knows of a message; `None` also while it has not heard of its acceptance.
    fn find(&self, id: QueueId) -> Option<MessageReport> {
        let found = self.parts.activity.find(id).and_then(|message| {
            let Some(message) = message.filter(|message| !message.origin.is_empty()) else { return Ok(None) };
            let scope = Scope { direction: message.direction(), ..Scope::default() };
            self.parts.activity.message(&scope, id)
        });
        // Why the index cannot be read is said by whoever keeps it.
        found.unwrap_or_default()
    }
}
