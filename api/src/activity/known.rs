//! The messages that the events of a stream are about.

use crate::{answer::ApiError, server::AppState};
use mailwright_engine::id::QueueId;
use mailwright_storage::{
    activity::{Direction, Message, MessageReport, Scope},
    events::{Event, LoggedEvent},
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::sleep;

/// How much later than an attempt the acceptance may be written: twice as long as events gather.
const MOMENT: Duration = Duration::from_millis(100);
/// Messages that a stream remembers; most events follow soon after the acceptance.
const REMEMBERED: usize = 1_000;

/// A message that a stream has met.
#[derive(Debug)]
pub(super) struct About {
    pub(super) message: Message,
    /// Indexes of its recipients that stand for the address of ours that the stream is about, if it is about one.
    pub(super) wanted: Vec<u16>,
}

/// Messages that a stream has met.
#[derive(Debug, Default)]
pub(super) struct Met {
    /// The address of ours that the stream is about, in lower case.
    addressed: Option<String>,
    messages: HashMap<QueueId, Arc<About>>,
}

impl Met {
    /// Nobody so far, of a stream about this address of ours, if it is about one.
    pub(super) fn new(addressed: Option<String>) -> Self {
        Self { addressed, messages: HashMap::new() }
    }

    /// The message that an event is about; `None` if nothing is known of it.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub(super) async fn message(
        &mut self,
        state: &AppState,
        id: QueueId,
        logged: &LoggedEvent,
    ) -> Result<Option<Arc<About>>, ApiError> {
        if let Some(message) = Message::told_by(id, &logged.event) {
            let addressed = addressed(&logged.event).iter().map(String::as_str);
            let wanted = self.wanted((0..).zip(addressed));
            return Ok(Some(self.remember(message, wanted)));
        }
        if let Some(about) = self.messages.get(&id) {
            return Ok(Some(Arc::clone(about)));
        }
        let Some(message) = find(state, id).await? else { return Ok(None) };
        let wanted = match (&self.addressed, message.direction()) {
            (Some(_), Direction::Routing) => {
                let report = report(state, id, Direction::Routing).await?;
                let recipients = report.iter().flat_map(|report| &report.recipients);
                self.wanted(recipients.filter_map(|one| Some((one.index, one.addressed.as_deref()?))))
            }
            _ => Vec::new(),
        };
        Ok(Some(self.remember(message, wanted)))
    }

    fn wanted<'a>(&self, addressed: impl Iterator<Item = (u16, &'a str)>) -> Vec<u16> {
        let Some(wanted) = &self.addressed else { return Vec::new() };
        addressed.filter(|(_, address)| address.to_lowercase() == *wanted).map(|(index, _)| index).collect()
    }

    fn remember(&mut self, message: Message, wanted: Vec<u16>) -> Arc<About> {
        if self.messages.len() >= REMEMBERED {
            self.messages.clear();
        }
        let (id, about) = (message.id, Arc::new(About { message, wanted }));
        self.messages.insert(id, Arc::clone(&about));
        about
    }
}

/// The addresses of ours that a message from the world is for, by the index of the recipient that stands for each.
fn addressed(event: &Event) -> &[String] {
    let received = match event {
        Event::Accepted(accepted) => accepted.received.as_deref(),
        Event::Rejected(refused) | Event::Failed(refused) => refused.received.as_deref(),
        Event::Dropped(dropped) | Event::Processed(dropped) | Event::Held(dropped) => {
            Some(dropped.received.as_ref())
        }
        _ => None,
    };
    received.map(|received| received.addressed.as_slice()).unwrap_or_default()
}

/// Recipients of a message by their index, for an event that names them so.
///
/// # Errors
/// When the index cannot be read.
pub(super) async fn report(
    state: &AppState,
    id: QueueId,
    direction: Direction,
) -> Result<Option<MessageReport>, ApiError> {
    super::with(state, move |log| log.message(&Scope { direction, ..Scope::default() }, id)).await
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
