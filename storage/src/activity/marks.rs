//! What indexes hold of a message.

use super::{
    day::hash,
    model::{Direction, Message},
};

/// What indexes hold of a message for each of its recipients.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub(super) direction: Direction,
    pub(super) account: Option<i64>,
    pub(super) zone: Option<i64>,
    pub(super) message_id: Option<i64>,
    pub(super) campaign: Option<i64>,
    pub(super) author: i64,
    pub(super) author_domain: i64,
    pub(super) envelope: i64,
}

impl Marks {
    pub(super) fn of(message: &Message) -> Self {
        let direction = message.direction();
        let marks = Self {
            direction,
            account: message.account.as_deref().map(hash),
            zone: message.zone.as_deref().map(hash),
            message_id: Some(&message.message_id).filter(|id| !id.is_empty()).map(|id| hash(id)),
            campaign: message.campaign.as_deref().map(hash),
            ..Self::default()
        };
        match direction {
            Direction::Sending => marks,
            Direction::Routing => Self {
                author: hash(&message.from.to_lowercase()),
                author_domain: hash(message.sending_domain()),
                envelope: hash(&message.envelope_from.to_lowercase()),
                ..marks
            },
        }
    }
}
