//! Outcomes for the sender's own servers: an event for each recipient.

use super::Ended;
use crate::{intake::message_id_of, outcome::Settled};
use mailwright_engine::{
    classify::Judged,
    webhook::{EventKind, SmtpFacts, WebhookEvent},
};
use mailwright_storage::{StoredMessage, webhooks::WebhookFeed};

/// Whether anybody wants to be told; cheap, for most mail nobody does.
pub(super) fn concerns(settled: &Settled, feed: &WebhookFeed) -> bool {
    let account = settled.entry.place.class.tenant.as_ref();
    account.is_some()
        && settled.attempt.iter().any(|(_, judged)| feed.wants(account, judged.verdict.outcome.into()))
}

/// Tells what became of each recipient.
pub(super) fn tell(settled: &Settled, ended: &Ended, feed: &WebhookFeed) {
    let Some(message) = ended.message.as_deref().filter(|_| concerns(settled, feed)) else { return };
    if !message.envelope.origin.is_sending() {
        return;
    }
    let message_id = message_id_of(&message.content);
    for (recipient, judged) in &settled.attempt {
        if let Some(event) = event(settled, ended, message, *recipient, judged) {
            feed.record(&WebhookEvent { message_id: message_id.clone(), ..event });
        }
    }
}

fn event(
    settled: &Settled,
    ended: &Ended,
    message: &StoredMessage,
    recipient: u16,
    judged: &Judged,
) -> Option<WebhookEvent> {
    let kind = EventKind::from(judged.verdict.outcome);
    let event = WebhookEvent::about(&message.envelope, recipient, kind, settled.now)?;
    let next = settled.outcome.after.as_ref().filter(|_| kind == EventKind::Deferred);
    Some(WebhookEvent {
        class: judged.class_name().to_owned(),
        smtp: Some(said(ended, judged)),
        next_attempt_at: next.map(|after| after.place.due),
        ..event.of_attempt(settled.entry.attempts.saturating_add(1))
    })
}

fn said(ended: &Ended, judged: &Judged) -> SmtpFacts {
    let peer = ended.peer.as_ref();
    SmtpFacts {
        host: peer.map(|peer| peer.host.to_string()),
        address: peer.map(|peer| peer.ip),
        ..SmtpFacts::from(&judged.verdict)
    }
}
