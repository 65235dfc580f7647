//! Which lines of the activity log are wanted, and where the next page of them begins.

use super::{
    model::{Activity, Status},
    write::domain_of,
};
use crate::{
    cursor::{self, InvalidCursor},
    events::files::Day,
};
use mailwright_engine::time::UnixMillis;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What whoever asks may see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// Of this account; `None` for all and for mail that is no account's.
    pub account: Option<String>,
    /// Sent from one of these zones; `None` for whatever zone, or none.
    pub zones: Option<Vec<String>>,
}

/// Which lines are wanted: those that match all that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ActivityFilter {
    /// With this status.
    pub status: Option<Status>,
    /// To a recipient at this domain, in lower case.
    pub domain: Option<String>,
    /// By an author at this domain, in lower case.
    pub sending_domain: Option<String>,
    /// To this address, in lower case.
    pub recipient: Option<String>,
    /// Of the message with this Message-ID, without its angle brackets.
    pub message_id: Option<String>,
    /// Whose last failure is of this class.
    pub class: Option<String>,
    /// With this text in the last reply, in lower case.
    pub reply: Option<String>,
    /// Of this campaign.
    pub campaign: Option<String>,
    /// Accepted then or later.
    pub since: Option<UnixMillis>,
    /// Accepted before then.
    pub until: Option<UnixMillis>,
}

impl Scope {
    /// Whether a message with this account and zone may be seen.
    pub fn sees(&self, account: Option<&str>, zone: Option<&str>) -> bool {
        self.account.as_deref().is_none_or(|wanted| account == Some(wanted))
            && self
                .zones
                .as_ref()
                .is_none_or(|zones| zone.is_some_and(|zone| zones.iter().any(|wanted| wanted == zone)))
    }
}

impl ActivityFilter {
    /// Whether this line is wanted.
    pub fn matches(&self, line: &Activity) -> bool {
        let Activity { message, recipient } = line;
        let is =
            |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        self.status.is_none_or(|status| status == recipient.status)
            && is(&self.domain, domain_of(&recipient.address))
            && is(&self.message_id, &message.message_id)
            && is(&self.class, &recipient.class)
            && self.campaign.as_ref().is_none_or(|campaign| message.campaign.as_ref() == Some(campaign))
            && self.recipient.as_ref().is_none_or(|address| *address == recipient.address.to_lowercase())
            && is(&self.sending_domain, message.sending_domain())
            && self.reply.as_ref().is_none_or(|text| recipient.reply.to_lowercase().contains(text.as_str()))
            && self.since.is_none_or(|since| since <= message.accepted)
            && self.until.is_none_or(|until| message.accepted < until)
    }
}

/// Where a page ended, with the filter that the list is of. Opaque to clients, and stable: new messages come before it.
///
/// Holds no secret and is trusted with nothing: what may be seen is said anew for each page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityCursor {
    /// What the list shows.
    pub filter: ActivityFilter,
    /// The day under way, and the key in it below which the next page begins.
    pub(super) day: u64,
    pub(super) below: i64,
}

impl fmt::Display for ActivityCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        cursor::write(self, f)
    }
}

impl FromStr for ActivityCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        cursor::read(text)
    }
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListStart {
    /// At the newest line that matches.
    Of(ActivityFilter),
    /// Where another page has ended.
    At(ActivityCursor),
}

impl ListStart {
    pub(super) fn cursor(self) -> ActivityCursor {
        match self {
            Self::Of(filter) => ActivityCursor { filter, day: u64::MAX, below: i64::MAX },
            Self::At(cursor) => cursor,
        }
    }
}

impl ActivityCursor {
    pub(super) fn move_to(&mut self, day: Day, below: i64) {
        (self.day, self.below) = (day.number(), below);
    }
}
