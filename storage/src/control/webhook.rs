//! Webhook endpoints: where an account wants to be told what became of its mail.

use super::{Account, By, Control, ControlError, ObjectId, State, audit::Configured, random_bytes};
use mailwright_engine::{
    class::TenantName,
    time::UnixMillis,
    webhook::{EndpointUrl, EventKind, InvalidSecret, WebhookSecret},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc, time::Duration};

pub(super) const TABLE: &str = "webhook/";

/// An endpoint of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its name to clients.
    pub id: ObjectId,
    /// Whose it is.
    pub account_id: ObjectId,
    /// Its name to people.
    pub name: String,
    /// Where it is.
    pub url: EndpointUrl,
    /// What it wants to be told; empty: everything.
    pub events: BTreeSet<EventKind>,
    /// Whether it is called.
    pub state: WebhookState,
    /// What calls are signed with, the newest first; all that are good sign.
    pub secrets: Vec<SigningSecret>,
    /// When it was made.
    pub created: UnixMillis,
    /// When it was last changed.
    pub modified: UnixMillis,
}

/// Whether an endpoint is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    /// It is.
    Enabled,
    /// It is not, and nothing is kept for it.
    Disabled {
        /// Why, as a sentence for people.
        reason: String,
        /// Since when.
        since: UnixMillis,
    },
}

/// A secret and how long it signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningSecret {
    /// The secret.
    pub secret: WebhookSecret,
    /// When it stops to sign; `None` for the newest.
    pub expires: Option<UnixMillis>,
}

/// What a new endpoint is made of.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Its name to people.
    pub name: String,
    /// Where it is.
    pub url: EndpointUrl,
    /// What it wants to be told; empty: everything.
    pub events: BTreeSet<EventKind>,
}

/// What is changed of an endpoint; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    /// Its name to people.
    pub name: Option<String>,
    /// Where it is.
    pub url: Option<EndpointUrl>,
    /// What it wants to be told.
    pub events: Option<BTreeSet<EventKind>>,
    /// Whether it is called.
    pub state: Option<WebhookState>,
}

impl Webhook {
    /// Most endpoints of an account.
    pub const MAX_PER_ACCOUNT: usize = 20;
    /// Most secrets of an endpoint that sign at a time: rotated more often, the oldest goes early.
    pub const MAX_SECRETS: usize = 4;

    /// Whether it is to be told of events of this kind.
    pub fn wants(&self, kind: EventKind) -> bool {
        self.is_enabled() && (self.events.is_empty() || self.events.contains(&kind))
    }

    /// Whether it is called.
    pub fn is_enabled(&self) -> bool {
        self.state == WebhookState::Enabled
    }

    /// The secrets that sign at `now`.
    pub fn secrets_at(&self, now: UnixMillis) -> impl Iterator<Item = &WebhookSecret> {
        let good = move |signing: &&SigningSecret| signing.expires.is_none_or(|expires| now < expires);
        self.secrets.iter().filter(good).map(|signing| &signing.secret)
    }
}

impl Configured for Webhook {
    const TABLE: &'static str = TABLE;
    const KIND: &'static str = "webhook";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn account_id(&self) -> Option<&ObjectId> {
        Some(&self.account_id)
    }

    fn shown(&self) -> Value {
        let reason = match &self.state {
            WebhookState::Enabled => None,
            WebhookState::Disabled { reason, .. } => Some(reason),
        };
        serde_json::json!({
            "id": self.id, "name": self.name, "url": self.url, "events": self.events,
            "enabled": self.is_enabled(), "disabled_reason": reason, "secrets": self.secrets.len(),
        })
    }
}

impl From<InvalidSecret> for ControlError {
    /// What the system gave as randomness made no secret.
    fn from(_: InvalidSecret) -> Self {
        Self::Randomness
    }
}

impl State {
    pub(super) fn put_webhook(&mut self, webhook: Arc<Webhook>) {
        if let Some(tenant) = webhook.account_id.tenant() {
            let hooks = self.webhooks.entry(tenant).or_default();
            hooks.retain(|known| known.id != webhook.id);
            let place =
                hooks.partition_point(|known| (known.created, &known.id) < (webhook.created, &webhook.id));
            hooks.insert(place, webhook);
        }
    }

    pub(super) fn remove_webhooks_of(&mut self, account: &ObjectId) {
        if let Some(tenant) = account.tenant() {
            self.webhooks.remove(&tenant);
        }
    }

    fn webhook(&self, account: &str, id: &str) -> Option<&Arc<Webhook>> {
        let of_account = self.webhooks.get(&TenantName::parse(account).ok()?)?;
        of_account.iter().find(|webhook| webhook.id.as_str() == id)
    }
}

impl Control {
    /// Makes an endpoint of an account; its secret is in it, to be shown once. Blocks for a sync.
    ///
    /// # Errors
    /// [`ControlError::Full`] when the account has [`Webhook::MAX_PER_ACCOUNT`], or when it cannot be stored.
    pub fn create_webhook(
        &self,
        account: &Account,
        new: NewWebhook,
        by: &By,
    ) -> Result<Arc<Webhook>, ControlError> {
        let _changing = self.changing();
        if self.webhooks(account.id.as_str()).len() >= Webhook::MAX_PER_ACCOUNT {
            return Err(ControlError::Full { what: "webhooks", most: Webhook::MAX_PER_ACCOUNT });
        }
        let NewWebhook { name, url, events } = new;
        let webhook = Webhook {
            id: ObjectId::random()?,
            account_id: account.id.clone(),
            name,
            url,
            events,
            state: WebhookState::Enabled,
            secrets: vec![SigningSecret { secret: fresh_secret()?, expires: None }],
            created: by.at,
            modified: by.at,
        };
        self.keep_webhook(by, None, webhook)
    }

    /// Changes an endpoint. Blocks for a sync.
    ///
    /// # Errors
    /// When the account has no such endpoint, or it cannot be stored.
    pub fn change_webhook(
        &self,
        account: &str,
        id: &str,
        change: WebhookChange,
        by: &By,
    ) -> Result<Arc<Webhook>, ControlError> {
        let _changing = self.changing();
        let known = self.known_webhook(account, id)?;
        let mut webhook = Webhook::clone(&known);
        let WebhookChange { name, url, events, state } = change;
        webhook.name = name.unwrap_or(webhook.name);
        webhook.url = url.unwrap_or(webhook.url);
        webhook.events = events.unwrap_or(webhook.events);
        webhook.state = state.unwrap_or(webhook.state);
        webhook.modified = by.at;
        self.keep_webhook(by, Some(&known), webhook)
    }

    /// Gives an endpoint a fresh secret, the first in it; the others sign for `overlap` still, if they have so long.
    /// Blocks for a sync.
    ///
    /// # Errors
    /// When the account has no such endpoint, or it cannot be stored.
    pub fn rotate_webhook_secret(
        &self,
        account: &str,
        id: &str,
        overlap: Duration,
        by: &By,
    ) -> Result<Arc<Webhook>, ControlError> {
        let _changing = self.changing();
        let known = self.known_webhook(account, id)?;
        let mut webhook = Webhook::clone(&known);
        let (now, end) = (by.at, by.at.saturating_add(overlap));
        for signing in &mut webhook.secrets {
            signing.expires = Some(signing.expires.map_or(end, |expires| expires.min(end)));
        }
        webhook.secrets.retain(|signing| signing.expires.is_none_or(|expires| now < expires));
        webhook.secrets.insert(0, SigningSecret { secret: fresh_secret()?, expires: None });
        webhook.secrets.truncate(Webhook::MAX_SECRETS);
        webhook.modified = by.at;
        self.keep_webhook(by, Some(&known), webhook)
    }

    /// Takes an endpoint away; what waits for it is for [`Outbox::forget`](crate::webhooks::Outbox::forget). Blocks
    /// for a sync.
    ///
    /// # Errors
    /// When the account has no such endpoint, or that cannot be stored.
    pub fn remove_webhook(&self, account: &str, id: &str, by: &By) -> Result<Arc<Webhook>, ControlError> {
        let _changing = self.changing();
        let webhook = self.known_webhook(account, id)?;
        self.change(by, Some(&*webhook), None)?;
        self.write(|state| {
            for webhooks in state.webhooks.values_mut() {
                webhooks.retain(|known| known.id != webhook.id);
            }
            state.webhooks.retain(|_, webhooks| !webhooks.is_empty());
        });
        Ok(webhook)
    }

    /// The endpoints of an account, the oldest first.
    pub fn webhooks(&self, account: &str) -> Vec<Arc<Webhook>> {
        let Ok(tenant) = TenantName::parse(account) else { return Vec::new() };
        self.read(|state| state.webhooks.get(&tenant).cloned().unwrap_or_default())
    }

    /// An endpoint of an account.
    pub fn webhook(&self, account: &str, id: &str) -> Option<Arc<Webhook>> {
        self.read(|state| state.webhook(account, id).cloned())
    }

    /// An endpoint, whosever it is.
    pub fn find_webhook(&self, id: &ObjectId) -> Option<Arc<Webhook>> {
        self.read(|state| state.webhooks.values().flatten().find(|webhook| webhook.id == *id).cloned())
    }

    /// Every endpoint of every account.
    pub fn all_webhooks(&self) -> Vec<Arc<Webhook>> {
        self.read(|state| state.webhooks.values().flatten().cloned().collect())
    }

    /// The endpoints of an account that want to be told of events of this kind. An account without endpoints costs
    /// one look-up.
    pub fn webhooks_wanting(&self, account: &TenantName, kind: EventKind) -> Vec<ObjectId> {
        self.read(|state| {
            let webhooks = state.webhooks.get(account).into_iter().flatten();
            webhooks.filter(|webhook| webhook.wants(kind)).map(|webhook| webhook.id.clone()).collect()
        })
    }

    fn known_webhook(&self, account: &str, id: &str) -> Result<Arc<Webhook>, ControlError> {
        let found = self.webhook(account, id);
        found.ok_or_else(|| ControlError::NotFound { kind: "webhook", id: id.to_owned() })
    }

    fn keep_webhook(
        &self,
        by: &By,
        before: Option<&Arc<Webhook>>,
        webhook: Webhook,
    ) -> Result<Arc<Webhook>, ControlError> {
        self.change(by, before.map(|before| &**before), Some(&webhook))?;
        let webhook = Arc::new(webhook);
        self.write(|state| state.put_webhook(Arc::clone(&webhook)));
        Ok(webhook)
    }
}

fn fresh_secret() -> Result<WebhookSecret, ControlError> {
    Ok(WebhookSecret::from_octets(random_bytes::<{ WebhookSecret::FRESH_LEN }>()?.to_vec())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::AuditFilter;

    const NOW: UnixMillis = UnixMillis::new(1_000);
    const NOBODY: &str = "0123456789abcdef0123456789abcdef";

    fn by() -> By {
        By::server(NOW)
    }

    struct World {
        dir: tempfile::TempDir,
        control: Control,
        account: Account,
    }

    impl World {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let control = Control::open(dir.path()).unwrap();
            let account = control.create_account("test", &by()).unwrap();
            Self { dir, control, account }
        }

        fn create(&self, events: &[EventKind]) -> Arc<Webhook> {
            let url = EndpointUrl::parse("https://hooks.example/").unwrap();
            let new = NewWebhook { name: "n".into(), url, events: events.iter().copied().collect() };
            self.control.create_webhook(&self.account, new, &by()).unwrap()
        }

        fn wanting(&self, kind: EventKind) -> Vec<ObjectId> {
            self.control.webhooks_wanting(&self.account.id.tenant().unwrap(), kind)
        }
    }

    #[test]
    fn endpoints_are_there_after_reopening_and_the_secret_with_them() {
        let world = World::new();
        let (first, second) = (world.create(&[]), world.create(&[EventKind::Bounced]));
        let World { dir, control, account } = world;
        drop(control);
        let control = Control::open(dir.path()).unwrap();
        let found = control.webhooks(account.id.as_str());
        assert!(found.len() == 2 && found.contains(&first) && found.contains(&second));
        assert!(!format!("{first:?}").contains("whsec_"));
    }

    #[test]
    fn events_go_to_enabled_endpoints_that_want_them() {
        let world = World::new();
        assert_eq!(world.wanting(EventKind::Accepted), []);
        let all = world.create(&[]);
        let bounces = world.create(&[EventKind::Bounced, EventKind::Complained]);
        assert!(world.wanting(EventKind::Delivered).iter().eq([&all.id]));
        assert_eq!(world.wanting(EventKind::Bounced).len(), 2);
        let account = world.account.id.as_str();
        let state = WebhookState::Disabled { reason: "It is paused.".into(), since: NOW };
        let change = WebhookChange { state: Some(state), ..WebhookChange::default() };
        world.control.change_webhook(account, all.id.as_str(), change, &by()).unwrap();
        assert!(world.wanting(EventKind::Bounced).iter().eq([&bounces.id]));
        world.control.remove_webhook(account, bounces.id.as_str(), &by()).unwrap();
        assert_eq!(world.wanting(EventKind::Bounced), []);
    }

    #[test]
    fn an_old_secret_signs_on_until_the_overlap_is_over() {
        let world = World::new();
        let webhook = world.create(&[]);
        let (account, id) = (world.account.id.as_str(), webhook.id.as_str());
        let overlap = Duration::from_secs(1);
        let rotated = world.control.rotate_webhook_secret(account, id, overlap, &by()).unwrap();
        let old = &webhook.secrets[0].secret;
        let good =
            |webhook: &Webhook, at: u64| webhook.secrets_at(UnixMillis::new(at)).cloned().collect::<Vec<_>>();
        assert_eq!(good(&rotated, 1_999), [rotated.secrets[0].secret.clone(), old.clone()]);
        assert_eq!(good(&rotated, 2_000), [rotated.secrets[0].secret.clone()]);
        assert_ne!(&rotated.secrets[0].secret, old);
        // At once, and often: those that are over are forgotten, and there are never many.
        let mut last = rotated;
        for _ in 0..10 {
            last = world.control.rotate_webhook_secret(account, id, overlap, &by()).unwrap();
        }
        assert_eq!(last.secrets.len(), Webhook::MAX_SECRETS);
        let last = world.control.rotate_webhook_secret(account, id, Duration::ZERO, &by()).unwrap();
        assert_eq!((last.secrets.len(), good(&last, 1_000).len()), (1, 1));
    }

    #[test]
    fn an_account_that_is_removed_takes_its_endpoints_with_it_and_no_secret_goes_on_record() {
        let world = World::new();
        let webhook = world.create(&[]);
        world.control.delete_account(&world.account.id, &by()).unwrap();
        assert_eq!(world.control.find_webhook(&webhook.id), None);
        let (records, _) = world.control.audit_log(&AuditFilter::default(), 0, 100).unwrap();
        assert_eq!(records.iter().filter(|record| record.kind == "webhook").count(), 2);
        let secret = webhook.secrets[0].secret.reveal();
        assert!(!serde_json::to_string(&records).unwrap().contains(&secret));
        let World { dir, control, .. } = world;
        drop(control);
        assert_eq!(Control::open(dir.path()).unwrap().all_webhooks(), []);
    }

    #[test]
    fn an_account_sees_and_changes_its_own_endpoints_only_and_has_not_too_many() {
        let world = World::new();
        let webhook = world.create(&[]);
        let id = webhook.id.as_str();
        let not_found =
            |result: Result<(), ControlError>| matches!(result, Err(ControlError::NotFound { .. }));
        let control = &world.control;
        assert_eq!(control.webhook(NOBODY, id), None);
        assert!(not_found(control.remove_webhook(NOBODY, id, &by()).map(drop)));
        assert!(not_found(control.change_webhook(NOBODY, id, WebhookChange::default(), &by()).map(drop)));
        assert!(not_found(control.rotate_webhook_secret(NOBODY, id, Duration::ZERO, &by()).map(drop)));
        for _ in 1..Webhook::MAX_PER_ACCOUNT {
            world.create(&[]);
        }
        let new = NewWebhook { name: String::new(), url: webhook.url.clone(), events: BTreeSet::new() };
        let refused = control.create_webhook(&world.account, new, &by());
        assert!(matches!(refused, Err(ControlError::Full { most: 20, .. })), "{refused:?}");
    }
}
