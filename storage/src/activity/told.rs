//! What an event says of the message that it is about.

use super::model::{Arrival, Message};
use crate::events::{
    Event,
    event::{Accepted, Dropped, Refused},
};
use mailwright_engine::{envelope::Origin, id::QueueId, time::UnixMillis};

impl Message {
    /// The message `id` as an event makes it known: its acceptance, its refusal, or that it was thrown away; `None` for
    /// events that follow.
    pub fn told_by(id: QueueId, event: &Event) -> Option<Self> {
        match event {
            Event::Accepted(accepted) => Some(Self::accepted(id, accepted.as_ref().clone())),
            Event::Rejected(refused) | Event::Failed(refused) => {
                Some(Self::refused(id, refused.as_ref().clone()))
            }
            Event::Dropped(dropped) | Event::Processed(dropped) | Event::Held(dropped) => {
                Some(Self::dropped(id, dropped.as_ref().clone()))
            }
            _ => None,
        }
    }

    pub(super) fn accepted(id: QueueId, accepted: Accepted) -> Self {
        let arrival = accepted.received.as_deref().map(Arrival::from);
        Self {
            account: accepted.account.map(|account| account.as_str().to_owned()),
            zone: accepted.zone,
            envelope_from: bare(accepted.received.map_or(accepted.from, |received| received.from)),
            from: accepted.author,
            message_id: accepted.message_id,
            subject: accepted.subject,
            campaign: accepted.campaign,
            recipients: accepted.recipients,
            size: accepted.size,
            preview: accepted.preview,
            arrival,
            ..Self::unknown(id, accepted.origin)
        }
    }

    pub(super) fn refused(id: QueueId, refused: Refused) -> Self {
        let arrival = refused.received.as_deref().map(Arrival::from);
        Self {
            account: Some(refused.account.as_str().to_owned()),
            zone: refused.zone,
            envelope_from: bare(refused.received.map(|received| received.from).unwrap_or_default()),
            from: refused.from,
            subject: refused.subject,
            recipients: u32::try_from(refused.to.len()).unwrap_or(u32::MAX),
            arrival,
            ..Self::unknown(id, refused.origin)
        }
    }

    pub(super) fn dropped(id: QueueId, dropped: Dropped) -> Self {
        Self {
            account: Some(dropped.account.as_str().to_owned()),
            zone: Some(dropped.zone),
            arrival: Some(Arrival::from(dropped.received.as_ref())),
            envelope_from: bare(dropped.received.from),
            from: dropped.author,
            message_id: dropped.message_id,
            subject: dropped.subject,
            recipients: u32::try_from(dropped.to.len()).unwrap_or(u32::MAX),
            size: dropped.size,
            ..Self::unknown(id, Origin::Routing)
        }
    }

    fn unknown(id: QueueId, origin: Origin) -> Self {
        Self {
            id,
            account: None,
            zone: None,
            envelope_from: String::new(),
            from: String::new(),
            message_id: String::new(),
            subject: None,
            campaign: None,
            origin: origin.as_str().to_owned(),
            accepted: UnixMillis::new(id.as_raw() / 1_000),
            recipients: 0,
            size: 0,
            preview: None,
            arrival: None,
        }
    }
}

/// A reverse path without its angle brackets, which events may have.
fn bare(path: String) -> String {
    match path.strip_prefix('<').and_then(|path| path.strip_suffix('>')) {
        Some(bare) => bare.to_owned(),
        None => path,
    }
}
