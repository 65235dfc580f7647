//! What a stretch of the log changes, message by message.

use super::{
    counts::LastEvent,
    model::{Direction, MAX_REPLY, Message, Status},
};
use crate::events::{
    Event, Place, Placed,
    event::{Accepted, Attempt, Dropped, Refused},
};
use mailwright_engine::{id::QueueId, smtp::verdict::Outcome, time::UnixMillis};
use std::collections::BTreeMap;

/// What became of one message.
#[derive(Debug, Default)]
pub(super) struct MessageChange {
    /// What its acceptance or refusal says.
    pub(super) head: Option<Message>,
    /// Whose it is, as an attempt says.
    pub(super) tenant: Option<String>,
    pub(super) recipients: BTreeMap<u16, RecipientChange>,
    /// Where its events are.
    pub(super) places: Vec<Place>,
}

/// What became of one recipient.
#[derive(Debug, Default)]
pub(super) struct RecipientChange {
    pub(super) address: Option<String>,
    /// The address of ours that it stands for.
    pub(super) addressed: Option<String>,
    pub(super) changed: UnixMillis,
    /// The newest of its states.
    pub(super) state: Option<State>,
    pub(super) attempts: Option<u32>,
    /// When its server took the message.
    pub(super) delivered: Option<UnixMillis>,
    pub(super) bounced_late: bool,
    pub(super) complained: Option<UnixMillis>,
    pub(super) unsubscribed: Option<UnixMillis>,
}

/// How a recipient stands, and why. What is `None` stays as it was.
#[derive(Debug)]
pub(super) struct State {
    pub(super) status: Status,
    pub(super) event: LastEvent,
    pub(super) class: Option<String>,
    pub(super) code: Option<String>,
    pub(super) reply: Option<String>,
    pub(super) due: Option<UnixMillis>,
}

impl MessageChange {
    /// Adds the next event about the message, which is called `id`.
    pub(super) fn note(&mut self, id: QueueId, placed: Placed) {
        self.places.push(placed.place);
        let at = placed.logged.at;
        match placed.logged.event {
            Event::Accepted(accepted) => self.accepted(id, *accepted, at),
            Event::Addressed(more) => self.addressed(more.first, more.to, at),
            Event::Attempt(attempt) => self.attempt(*attempt, at),
            Event::Expired(expired) => {
                let last = Some(expired.last).filter(|last| !last.is_empty());
                self.ended(expired.recipient, at, LastEvent::SoftBounce, None, last);
            }
            Event::Cancelled(cancelled) => {
                for recipient in cancelled.recipients {
                    let reply = Some(format!("cancelled by {}", cancelled.by));
                    self.ended(recipient, at, LastEvent::Cancelled, Some(String::new()), reply);
                }
            }
            Event::Suppressed(suppressed) => {
                let why = "the recipient is on the suppression list";
                let state =
                    || State::unsent(Status::Rejected, LastEvent::Suppressed, "E_RECIPIENT_SUPPRESSED", why);
                self.unsent(suppressed.first, suppressed.to, at, state);
            }
            Event::Rejected(refused) => self.refused(id, *refused, at, Status::Rejected),
            Event::Failed(refused) => self.refused(id, *refused, at, Status::Failed),
            Event::LateBounce(bounce) => {
                let (class, text) = (Some(bounce.class), Some(bounce.text));
                self.ended(bounce.recipient, at, LastEvent::LateBounce, class, text);
                let recipient = self.recipient(bounce.recipient, at);
                recipient.bounced_late = true;
                if let Some(state) = &mut recipient.state {
                    state.code = Some(bounce.status.to_string());
                }
            }
            Event::Complaint(complaint) => self.recipient(complaint.recipient, at).complained = Some(at),
            Event::Unsubscribed(left) => self.recipient(left.recipient, at).unsubscribed = Some(at),
            Event::Dropped(dropped) => self.kept(id, *dropped, at, Status::Dropped, LastEvent::Dropped),
            Event::Processed(processed) => {
                self.kept(id, *processed, at, Status::Processed, LastEvent::Processed);
            }
            Event::Held(held) => self.kept(id, *held, at, Status::Sent, LastEvent::Held),
            Event::Released(released) => {
                let state = || State::unsent(Status::Processed, LastEvent::Processed, "", "");
                self.unrouted(released.to, at, state);
            }
            Event::Rerouted(_)
            | Event::Suspended(_)
            | Event::Resumed(_)
            | Event::Automatic(_)
            | Event::Fallback(_)
            | Event::ReportSent(_)
            | Event::Ran(_) => {}
        }
    }

    fn recipient(&mut self, index: u16, at: UnixMillis) -> &mut RecipientChange {
        let recipient = self.recipients.entry(index).or_default();
        recipient.changed = recipient.changed.max(at);
        recipient
    }

    fn accepted(&mut self, id: QueueId, mut accepted: Accepted, at: UnixMillis) {
        self.addressed(0, std::mem::take(&mut accepted.to), at);
        // Of those whose own address comes later, too: this is said nowhere else.
        let ours = accepted.received.as_mut().map(|received| std::mem::take(&mut received.addressed));
        for (index, address) in (0..=u16::MAX).zip(ours.unwrap_or_default()) {
            self.recipient(index, at).addressed = Some(address);
        }
        self.head = Some(Message::accepted(id, accepted));
    }

    fn addressed(&mut self, first: u16, to: Vec<String>, at: UnixMillis) {
        for (index, address) in (first..=u16::MAX).zip(to) {
            self.recipient(index, at).address = Some(address);
        }
    }

    fn attempt(&mut self, attempt: Attempt, at: UnixMillis) {
        self.tenant = attempt.tenant.map(|tenant| tenant.as_str().to_owned());
        let recipient = self.recipient(attempt.recipient, at);
        if !attempt.address.is_empty() {
            recipient.address = Some(attempt.address);
        }
        recipient.attempts = Some(attempt.attempt);
        let (status, event) = match attempt.outcome {
            Outcome::Delivered => (Status::Delivered, LastEvent::Delivered),
            Outcome::Soft => (Status::Sent, LastEvent::Deferred),
            Outcome::Hard => (Status::DeliveryFailed, LastEvent::HardBounce),
        };
        if attempt.outcome == Outcome::Delivered {
            recipient.delivered = Some(at);
        }
        recipient.state = Some(State {
            status,
            event,
            class: Some(attempt.class),
            code: Some(attempt.status.to_string()),
            reply: Some(shortened(attempt.reply)),
            due: attempt.next_due,
        });
    }

    /// A recipient failed without a further attempt. What is `None` is as the last attempt said.
    fn ended(
        &mut self,
        index: u16,
        at: UnixMillis,
        event: LastEvent,
        class: Option<String>,
        reply: Option<String>,
    ) {
        let recipient = self.recipient(index, at);
        let before = recipient.state.take();
        let (old_class, code, old_reply) =
            before.map_or((None, None, None), |state| (state.class, state.code, state.reply));
        recipient.state = Some(State {
            status: Status::DeliveryFailed,
            event,
            class: class.or(old_class),
            code,
            reply: reply.map(shortened).or(old_reply),
            due: None,
        });
    }

    fn unsent(&mut self, first: u16, to: Vec<String>, at: UnixMillis, state: impl Fn() -> State) {
        for (index, address) in (first..=u16::MAX).zip(to) {
            let recipient = self.recipient(index, at);
            recipient.address = Some(address);
            recipient.state = Some(state());
        }
    }

    /// Mail from the world that does not go on: there are only the addresses of ours.
    fn unrouted(&mut self, to: Vec<String>, at: UnixMillis, state: impl Fn() -> State) {
        for (index, address) in (0..=u16::MAX).zip(to) {
            let recipient = self.recipient(index, at);
            recipient.addressed = Some(address);
            recipient.state = Some(state());
        }
    }

    fn refused(&mut self, id: QueueId, refused: Refused, at: UnixMillis, status: Status) {
        let (to, direction) = (refused.to.clone(), Direction::of(refused.origin));
        let event = match (direction, status) {
            (Direction::Sending, Status::Rejected) => LastEvent::Suppressed,
            _ => LastEvent::Refused,
        };
        let state = || State::unsent(status, event, &refused.code, &refused.reason);
        match direction {
            Direction::Sending => self.unsent(0, to, at, state),
            Direction::Routing => self.unrouted(to, at, state),
        }
        self.head = Some(Message::refused(id, refused));
    }

    /// Mail that was taken and goes nowhere, or nowhere yet.
    fn kept(&mut self, id: QueueId, dropped: Dropped, at: UnixMillis, status: Status, event: LastEvent) {
        self.unrouted(dropped.to.clone(), at, || State::unsent(status, event, "", ""));
        self.head = Some(Message::dropped(id, dropped));
    }
}

impl State {
    /// The state of one to whom nothing was sent.
    fn unsent(status: Status, event: LastEvent, code: &str, why: &str) -> Self {
        let reply = Some(shortened(why.to_owned()));
        Self { status, event, class: None, code: Some(code.to_owned()), reply, due: None }
    }
}

fn shortened(mut reply: String) -> String {
    if let Some((end, _)) = reply.char_indices().nth(MAX_REPLY) {
        reply.truncate(end);
    }
    reply
}
