//! What the last process may not have told the outbox before it was killed.

use crate::{clock, intake::message_id_of, supervisor::Deps};
use mailwright_engine::webhook::{EventKind, SmtpFacts, WebhookEvent};
use mailwright_storage::{RecentChange, RecipientResult, Spool, webhooks::WebhookFeed};

/// Feeds the events of `recent` changes again: those that the outbox has are the same and count once.
pub(crate) async fn tell_again(recent: Vec<RecentChange>, deps: &Deps) {
    let (spool, feed) = (deps.spool.clone(), deps.webhooks.clone());
    let wanted = recent.into_iter().filter(|change| is_wanted(change, &feed)).collect::<Vec<_>>();
    if wanted.is_empty() {
        return;
    }
    let count = wanted.len();
    let told =
        tokio::task::spawn_blocking(move || wanted.iter().for_each(|change| tell(change, &spool, &feed)));
    if told.await.is_err() {
        tracing::error!("telling webhooks of what the last process did panicked");
    }
    tracing::info!(count, "webhooks are told of what the last process did before it ended");
}

fn is_wanted(change: &RecentChange, feed: &WebhookFeed) -> bool {
    let account = change.entry.place.class.tenant.as_ref();
    match &change.results {
        None => feed.wants(account, EventKind::Accepted),
        Some(results) => results.iter().any(|result| feed.wants(account, kind(result))),
    }
}

fn kind(result: &RecipientResult) -> EventKind {
    result.verdict.outcome.into()
}

fn tell(change: &RecentChange, spool: &Spool, feed: &WebhookFeed) {
    let RecentChange { entry, results } = change;
    let message = match spool.load_unchecked(entry) {
        Ok(message) => message,
        Err(error) => {
            tracing::warn!(id = %entry.key().id, %error, "webhooks are not told: the message is unreadable");
            return;
        }
    };
    let message_id = message_id_of(&message.content);
    let about = |recipient, kind, at| WebhookEvent::about(&message.envelope, recipient, kind, at);
    let events: Vec<_> = match results {
        None => entry
            .pending
            .iter()
            .filter_map(|index| about(*index, EventKind::Accepted, message.envelope.accepted_at))
            .collect(),
        Some(results) => results
            .iter()
            .filter_map(|result| {
                let event = about(result.recipient, kind(result), clock::now())?;
                let event = event.of_attempt(entry.attempts.saturating_add(1));
                Some(WebhookEvent { smtp: Some(SmtpFacts::from(&result.verdict)), ..event })
            })
            .collect(),
    };
    for event in events {
        feed.record(&WebhookEvent { message_id: message_id.clone(), ..event });
    }
}
