//! Where events come in.

use super::Outbox;
use crate::control::Control;
use mailwright_engine::{
    class::TenantName,
    id::QueueId,
    webhook::{EventKind, WebhookEvent},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Takes events of messages for whoever wants to be told. Clones are cheap and share everything; usable from any
/// thread.
#[derive(Debug, Clone)]
pub struct WebhookFeed {
    control: Arc<Control>,
    outbox: Outbox,
    announced: Arc<Mutex<HashMap<QueueId, Vec<WebhookEvent>>>>,
}

impl WebhookFeed {
    /// A feed for the endpoints of `control`, into `outbox`.
    pub fn new(control: Arc<Control>, outbox: Outbox) -> Self {
        Self { control, outbox, announced: Arc::default() }
    }

    /// Whether any endpoint of the account wants such events; cheap, to be asked before one is put together.
    pub fn wants(&self, account: Option<&TenantName>, kind: EventKind) -> bool {
        account.is_some_and(|account| !self.control.webhooks_wanting(account, kind).is_empty())
    }

    /// Hands an event over to each endpoint of its account that wants it. Never waits: it is safe a moment later, in
    /// the order of calls. The same event ([`WebhookEvent::id`]) counts once. If too many are on their way, it is lost
    /// and counted.
    pub fn record(&self, event: &WebhookEvent) {
        let endpoints = self.control.webhooks_wanting(&event.account, event.kind);
        if !endpoints.is_empty() {
            self.outbox.record(endpoints, event);
        }
    }

    /// Holds the events of a message that is about to be accepted, until that is [certain](Self::confirm): told
    /// before, they could be wrong, and told by whoever waits for it, they could come after those of its delivery.
    pub fn announce(&self, id: QueueId, events: Vec<WebhookEvent>) {
        if !events.is_empty() {
            self.announced().insert(id, events);
        }
    }

    /// Forgets what was announced: the message was not accepted.
    pub fn withdraw(&self, id: QueueId) {
        self.announced().remove(&id);
    }

    /// Records what was announced of messages that are accepted now; none of them has been tried yet. Never waits.
    pub fn confirm(&self, ids: impl IntoIterator<Item = QueueId>) {
        let mut announced = self.announced();
        if announced.is_empty() {
            return;
        }
        let events: Vec<_> = ids.into_iter().filter_map(|id| announced.remove(&id)).flatten().collect();
        drop(announced);
        for event in &events {
            self.record(event);
        }
    }

    fn announced(&self) -> MutexGuard<'_, HashMap<QueueId, Vec<WebhookEvent>>> {
        self.announced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
