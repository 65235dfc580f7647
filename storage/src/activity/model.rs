//! Messages and recipients as the activity log shows them.

use mailwright_engine::{id::QueueId, time::UnixMillis};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Longest reply that is kept, in characters; the whole of it is in the timeline.
pub const MAX_REPLY: usize = 300;

/// How a recipient stands, in the words of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// The message was accepted and is on its way, tried in vain or not.
    #[serde(rename = "sent")]
    Sent,
    /// The recipient's server took it.
    #[serde(rename = "delivered")]
    Delivered,
    /// It was refused for good, given up, cancelled, or came back after its server had taken it.
    #[serde(rename = "deliveryFailed")]
    DeliveryFailed,
    /// It was not sent: the recipient is suppressed.
    #[serde(rename = "rejected")]
    Rejected,
    /// It was not sent: the sender may not send so.
    #[serde(rename = "failed")]
    Failed,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 5] =
        [Self::Sent, Self::Delivered, Self::DeliveryFailed, Self::Rejected, Self::Failed];

    /// Its name, as clients know it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::DeliveryFailed => "deliveryFailed",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }

    /// As it is stored; `by_status` in the schema knows [`Status::Delivered`] by it.
    pub(super) const fn stored(self) -> i64 {
        match self {
            Self::Sent => 0,
            Self::Delivered => 1,
            Self::DeliveryFailed => 2,
            Self::Rejected => 3,
            Self::Failed => 4,
        }
    }

    pub(super) fn of_stored(number: i64) -> Self {
        Self::ALL.into_iter().find(|status| status.stored() == number).unwrap_or(Self::Sent)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that is no [`Status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a status is one of sent, delivered, deliveryFailed, rejected, failed")]
pub struct InvalidStatus;

impl FromStr for Status {
    type Err = InvalidStatus;

    fn from_str(text: &str) -> Result<Self, InvalidStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(InvalidStatus)
    }
}

/// A message, but for its recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its name.
    pub id: QueueId,
    /// Whose it is; `None` for mail from trusted networks.
    pub account: Option<String>,
    /// The zone it was sent from.
    pub zone: Option<String>,
    /// Envelope sender; empty for the null sender.
    pub envelope_from: String,
    /// Address of the author; empty if there is none.
    pub from: String,
    /// Its Message-ID without the angle brackets; empty if it has none.
    pub message_id: String,
    /// Its Subject, at most [`MAX_SUBJECT`](crate::events::event::Accepted::MAX_SUBJECT) characters.
    pub subject: Option<String>,
    /// What it is part of, in the sender's words.
    pub campaign: Option<String>,
    /// Which door it came in by.
    pub origin: String,
    /// When.
    pub accepted: UnixMillis,
    /// How many recipients it has.
    pub recipients: u32,
    /// Octets of content.
    pub size: u64,
    /// The beginning of its text, where the sending domain keeps it. Lists leave it out.
    pub preview: Option<String>,
}

impl Message {
    /// The domain of its author, or of its envelope sender where it has none.
    pub fn sending_domain(&self) -> &str {
        let of = |address: &'_ str| address.rfind('@').map(|at| at + 1);
        match (of(&self.from), of(&self.envelope_from)) {
            (Some(at), _) => self.from.get(at..),
            (None, Some(at)) => self.envelope_from.get(at..),
            (None, None) => None,
        }
        .unwrap_or_default()
    }
}

/// A recipient of a message, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Which of the message's recipients.
    pub index: u16,
    /// The address.
    pub address: String,
    /// How it stands.
    pub status: Status,
    /// Class of the last failure as the bounce rules call it; empty when there was none.
    pub class: String,
    /// Status code of the last attempt (RFC 3463), or the error code of a refusal; empty before the first.
    pub code: String,
    /// The last reply, or our own words, at most [`MAX_REPLY`] characters.
    pub reply: String,
    /// When something last became of it.
    pub changed: UnixMillis,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_attempt: Option<UnixMillis>,
    /// Whether it failed after its server had taken the message.
    pub bounced_late: bool,
    /// When it complained.
    pub complained: Option<UnixMillis>,
    /// When it unsubscribed.
    pub unsubscribed: Option<UnixMillis>,
}

/// One recipient of one message: a line of the activity log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// The message, without its preview.
    pub message: Message,
    /// The recipient.
    pub recipient: Recipient,
}
