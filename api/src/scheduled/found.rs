//! Finding scheduled messages.

use crate::{access::Caller, answer::ApiError, delivery::blocking, server::AppState};
use mailwright_actors::control::OrderError;
use mailwright_engine::{
    address::EmailAddress,
    id::QueueId,
    message::{author, fields, split_header},
    time::UnixMillis,
};
use mailwright_storage::{
    QueueEntry, StoredMessage,
    control::{Account, ObjectId, SendingDomain},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// A message that its sender asked to go later.
pub(super) struct Scheduled {
    /// All that is left of it in the queue; at least one.
    pub(super) entries: Vec<QueueEntry>,
    pub(super) message: StoredMessage,
    /// Whom it is from.
    pub(super) author: Option<EmailAddress>,
}

/// The scheduled message of the account with this id.
///
/// # Errors
/// 404 if there is none that the caller may know of.
pub(super) async fn find(
    state: &AppState,
    caller: &Caller,
    account: &Account,
    id: &str,
) -> Result<Scheduled, ApiError> {
    let id: QueueId = id.parse().map_err(|_| nothing())?;
    let entries = state.spool.entries_of(id).await.map_err(OrderError::from)?;
    let tenant = account.id.tenant();
    let is_theirs =
        |entry: &QueueEntry| entry.place.class.tenant.is_some() && entry.place.class.tenant == tenant;
    if !entries.first().is_some_and(is_theirs) {
        return Err(nothing());
    }
    read(state, caller, entries).await
}

/// The message of these entries, if it was scheduled.
///
/// # Errors
/// 404 if it was not, or the caller may not know of it.
pub(super) async fn read(
    state: &AppState,
    caller: &Caller,
    entries: Vec<QueueEntry>,
) -> Result<Scheduled, ApiError> {
    let (spool, first) = (state.spool.clone(), entries.first().cloned().ok_or_else(nothing)?);
    let message = blocking(move || Ok(spool.load(&first).map_err(OrderError::from)?)).await?;
    let whole = [&message.content.head[..], &message.content.body[..]].concat();
    let author = author(split_header(&whole).0);
    let scheduled = Scheduled { entries, message, author };
    let zone = scheduled.domain(state).map(|domain| domain.zone_id.clone());
    if scheduled.message.envelope.schedule.is_none() || !reaches(caller, zone.as_ref()) {
        return Err(nothing());
    }
    Ok(scheduled)
}

/// Whether the caller may know of mail from a domain in this zone; `None`: the domain is not set up any more.
fn reaches(caller: &Caller, zone: Option<&ObjectId>) -> bool {
    caller.token().is_none_or(|token| zone.map_or(token.zones.is_none(), |zone| token.reaches(zone)))
}

fn nothing() -> ApiError {
    ApiError::no_object("scheduled message")
}

impl Scheduled {
    /// The sending domain that it is from, if that is still set up.
    fn domain(&self, state: &AppState) -> Option<Arc<SendingDomain>> {
        state.control.sending_domain(self.author.as_ref()?.domain())
    }

    /// Whether nothing of it can be under way before `margin`.
    pub(super) fn waits_until(&self, margin: UnixMillis) -> bool {
        self.entries.iter().all(|entry| entry.is_scheduled(margin))
    }

    /// As clients see it.
    pub(super) fn shown(&self) -> Value {
        let StoredMessage { envelope, content, .. } = &self.message;
        let whole = [&content.head[..], &content.body[..]].concat();
        let header = split_header(&whole).0;
        let text = |name| fields(header).find(|field| field.is(name)).map(|field| field.unfolded());
        let message_id = text("Message-ID");
        let message_id = message_id.as_deref().map(|id| id.trim_start_matches('<').trim_end_matches('>'));
        let waiting = self.entries.iter().flat_map(|entry| &entry.pending);
        let recipients: Vec<_> =
            waiting.filter_map(|index| envelope.recipients.get(usize::from(*index))).collect();
        json!({
            "id": envelope.id.to_string(), "message_id": message_id, "from": self.author,
            "recipients": recipients, "subject": text("Subject"), "size": whole.len(),
            "scheduled_for": envelope.schedule.map(|schedule| schedule.at.to_string()),
            "created": envelope.accepted_at.to_string(),
        })
    }
}
