//! The messages that the events of a stream are about.

use crate::{answer::ApiError, server::AppState};
use mailwright_engine::{id::QueueId, time::UnixMillis};
use mailwright_storage::{
    activity::{Message, MessageReport, Scope},
    events::{
        Event, LoggedEvent,
        event::{Accepted, Refused},
    },
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::sleep;

/// How much later than an attempt the acceptance may be written: twice as long as events gather.
const MOMENT: Duration = Duration::from_millis(100);
/// Messages that a stream remembers; most events follow soon after the acceptance.
const REMEMBERED: usize = 1_000;

/// Messages that a stream has met.
#[derive(Debug, Default)]
pub(super) struct Met {
    messages: HashMap<QueueId, Arc<Message>>,
}

impl Met {
    /// The message that an event is about; `None` if nothing is known of it.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub(super) async fn message(
        &mut self,
        state: &AppState,
        id: QueueId,
        logged: &LoggedEvent,
    ) -> Result<Option<Arc<Message>>, ApiError> {
        let told = match &logged.event {
            Event::Accepted(accepted) => Some(of_acceptance(id, accepted)),
            Event::Rejected(refused) | Event::Failed(refused) => Some(of_refusal(id, refused)),
            _ => None,
        };
        if told.is_none()
            && let Some(message) = self.messages.get(&id)
        {
            return Ok(Some(Arc::clone(message)));
        }
        let found = match told {
            Some(message) => Some(message),
            None => find(state, id).await?,
        };
        Ok(found.map(|message| self.remember(message)))
    }

    fn remember(&mut self, message: Message) -> Arc<Message> {
        if self.messages.len() >= REMEMBERED {
            self.messages.clear();
        }
        let message = Arc::new(message);
        self.messages.insert(message.id, Arc::clone(&message));
        message
    }
}

/// Recipients of a message by their index, for an event that names them so.
///
/// # Errors
/// When the index cannot be read.
pub(super) async fn report(state: &AppState, id: QueueId) -> Result<Option<MessageReport>, ApiError> {
    super::with(state, move |log| log.message(&Scope::default(), id)).await
}

/// Looks into the index, which may be a second behind. An attempt may be written a moment before the acceptance, whose
/// thread was slower: until then nothing but its account is known of the message.
async fn find(state: &AppState, id: QueueId) -> Result<Option<Message>, ApiError> {
    let found = super::with(state, move |log| log.find(id)).await?;
    if found.as_ref().is_some_and(|message| !message.origin.is_empty()) {
        return Ok(found);
    }
    sleep(MOMENT).await;
    super::with(state, move |log| {
        log.catch_up();
        log.find(id)
    })
    .await
}

fn of_acceptance(id: QueueId, accepted: &Accepted) -> Message {
    Message {
        account: accepted.account.as_ref().map(|account| account.as_str().to_owned()),
        zone: accepted.zone.clone(),
        envelope_from: accepted.from.clone(),
        from: accepted.author.clone(),
        message_id: accepted.message_id.clone(),
        subject: accepted.subject.clone(),
        campaign: accepted.campaign.clone(),
        origin: accepted.origin.as_str().to_owned(),
        recipients: accepted.recipients,
        size: accepted.size,
        ..nothing_known(id)
    }
}

fn of_refusal(id: QueueId, refused: &Refused) -> Message {
    Message {
        account: Some(refused.account.as_str().to_owned()),
        zone: refused.zone.clone(),
        from: refused.from.clone(),
        subject: refused.subject.clone(),
        origin: refused.origin.as_str().to_owned(),
        recipients: u32::try_from(refused.to.len()).unwrap_or(u32::MAX),
        ..nothing_known(id)
    }
}

fn nothing_known(id: QueueId) -> Message {
    Message {
        id,
        account: None,
        zone: None,
        envelope_from: String::new(),
        from: String::new(),
        message_id: String::new(),
        subject: None,
        campaign: None,
        origin: String::new(),
        accepted: UnixMillis::new(id.as_raw() / 1_000),
        recipients: 0,
        size: 0,
        preview: None,
    }
}
