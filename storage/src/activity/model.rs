//! Messages and recipients as the activity log shows them.

use crate::events::event::{Checks, Received};
use mailwright_engine::{envelope::Origin, id::QueueId, time::UnixMillis};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Longest reply that is kept, in characters; the whole of it is in the timeline.
pub const MAX_REPLY: usize = 300;

/// Which way mail goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// It is sent by us: by customers, or written by ourselves.
    #[default]
    Sending,
    /// It came from the world for an address of ours.
    Routing,
}

impl Direction {
    /// Which way mail goes that came in by this door.
    pub const fn of(origin: Origin) -> Self {
        match origin {
            Origin::Routing => Self::Routing,
            Origin::Api | Origin::Relay | Origin::Submission | Origin::Report | Origin::Worker => {
                Self::Sending
            }
        }
    }

    /// How its recipients may stand.
    pub const fn statuses(self) -> &'static [Status] {
        match self {
            Self::Sending => {
                &[Status::Sent, Status::Delivered, Status::DeliveryFailed, Status::Rejected, Status::Failed]
            }
            Self::Routing => &[
                Status::Sent,
                Status::Forwarded,
                Status::Dropped,
                Status::Processed,
                Status::Rejected,
                Status::DeliveryFailed,
            ],
        }
    }
}

/// What is stored of a recipient whose server took the message: most rows, found without an index.
pub(super) const TAKEN: i64 = 1;

/// How a recipient stands, in the words of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// The message was accepted and is on its way, tried in vain or not.
    #[serde(rename = "sent")]
    Sent,
    /// The recipient's server took it.
    #[serde(rename = "delivered")]
    Delivered,
    /// The destination's server took what came for an address of ours.
    #[serde(rename = "forwarded")]
    Forwarded,
    /// It was taken and thrown away, as the rule of its address says.
    #[serde(rename = "dropped")]
    Dropped,
    /// A Worker took it, and sent it nowhere.
    #[serde(rename = "processed")]
    Processed,
    /// It was refused for good, given up, cancelled, or came back after its server had taken it.
    #[serde(rename = "deliveryFailed")]
    DeliveryFailed,
    /// It was not sent, for the recipient is suppressed; or what came from the world was refused.
    #[serde(rename = "rejected")]
    Rejected,
    /// It was not sent: the sender may not send so.
    #[serde(rename = "failed")]
    Failed,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Sent,
        Self::Delivered,
        Self::Forwarded,
        Self::Dropped,
        Self::Processed,
        Self::DeliveryFailed,
        Self::Rejected,
        Self::Failed,
    ];

    /// Its name, as clients know it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Forwarded => "forwarded",
            Self::Dropped => "dropped",
            Self::Processed => "processed",
            Self::DeliveryFailed => "deliveryFailed",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }

    /// As it is stored. That a server took it is one number for both directions, by which their schemas know it.
    pub(super) const fn stored(self) -> i64 {
        match self {
            Self::Sent => 0,
            Self::Delivered | Self::Forwarded => TAKEN,
            Self::DeliveryFailed => 2,
            Self::Rejected => 3,
            Self::Failed => 4,
            Self::Dropped => 5,
            Self::Processed => 6,
        }
    }

    pub(super) fn of_stored(number: i64, direction: Direction) -> Self {
        let found = direction.statuses().iter().find(|status| status.stored() == number);
        found.copied().unwrap_or(Self::Sent)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that is no [`Status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a status is one of sent, delivered, forwarded, dropped, processed, deliveryFailed, rejected, failed"
)]
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
    /// The zone it was sent from, or of the addresses it came for.
    pub zone: Option<String>,
    /// Envelope sender, of mail from the world as the client gave it; empty for the null sender.
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
    /// How it came, if it came from the world.
    pub arrival: Option<Arrival>,
}

/// How a message came from the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Address of the client.
    pub peer: String,
    /// The name it gave in EHLO.
    pub helo: String,
    /// What was found about its sender.
    pub checks: Checks,
    /// Its spam score in hundredths of a point, if it was scored.
    pub spam: Option<i32>,
}

impl From<&Received> for Arrival {
    fn from(received: &Received) -> Self {
        let Received { peer, helo, checks, spam, .. } = received;
        Self { peer: peer.to_string(), helo: helo.clone(), checks: checks.clone(), spam: *spam }
    }
}

impl Message {
    /// Which way it goes. Of what is not known where it came from, what is sent is more.
    pub fn direction(&self) -> Direction {
        if self.origin == Origin::Routing.as_str() { Direction::Routing } else { Direction::Sending }
    }

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
    /// The address; empty for mail from the world that goes nowhere.
    pub address: String,
    /// The address of ours that it stands for, of mail from the world.
    pub addressed: Option<String>,
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
