//! Which lines of the activity log are wanted, and where the next page of them begins.

use super::{
    model::{Activity, Direction, Message, Status},
    write::domain_of,
};
use crate::{
    cursor::{self, InvalidCursor},
    events::{event::Checks, files::Day},
};
use mailwright_engine::time::UnixMillis;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What whoever asks may see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// Which way mail goes.
    pub direction: Direction,
    /// Of this account; `None` for all and for mail that is no account's.
    pub account: Option<String>,
    /// Of one of these zones; `None` for whatever zone, or none.
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
    /// For this address of ours, in lower case.
    pub addressed: Option<String>,
    /// By this author, in lower case.
    pub from: Option<String>,
    /// With this envelope sender, in lower case.
    pub envelope_from: Option<String>,
    /// With this result of SPF (RFC 8601 section 2.7).
    pub spf: Option<String>,
    /// With this result of DKIM.
    pub dkim: Option<String>,
    /// With this result of DMARC.
    pub dmarc: Option<String>,
    /// With this result of ARC.
    pub arc: Option<String>,
    /// Accepted then or later.
    pub since: Option<UnixMillis>,
    /// Accepted before then.
    pub until: Option<UnixMillis>,
    /// To a recipient who complained.
    pub complained: bool,
}

impl Scope {
    /// The part of it that is of this zone; nothing, if it has none.
    #[must_use]
    pub fn of_zone(self, zone: String) -> Self {
        let has_it = self.zones.as_ref().is_none_or(|zones| zones.contains(&zone));
        Self { zones: Some(if has_it { vec![zone] } else { Vec::new() }), ..self }
    }

    /// Whether this message may be seen.
    pub fn sees(&self, message: &Message) -> bool {
        let among = |zones: &Vec<String>| {
            message.zone.as_ref().is_some_and(|zone| zones.iter().any(|wanted| wanted == zone))
        };
        self.direction == message.direction()
            && self.account.as_ref().is_none_or(|wanted| message.account.as_ref() == Some(wanted))
            && self.zones.as_ref().is_none_or(among)
    }
}

impl ActivityFilter {
    /// Whether this line is wanted.
    pub fn matches(&self, line: &Activity) -> bool {
        let Activity { message, recipient } = line;
        let address = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| *wanted == found.to_lowercase())
        };
        self.matches_message(message)
            && self.status.is_none_or(|status| status == recipient.status)
            && (!self.complained || recipient.complained.is_some())
            && is(&self.domain, domain_of(&recipient.address))
            && is(&self.class, &recipient.class)
            && address(&self.recipient, &recipient.address)
            && address(&self.addressed, recipient.addressed.as_deref().unwrap_or_default())
            && self.reply.as_ref().is_none_or(|text| recipient.reply.to_lowercase().contains(text.as_str()))
    }

    /// Whether lines of this message are wanted, as far as it decides that.
    pub fn matches_message(&self, message: &Message) -> bool {
        let result = |wanted: &Option<String>, found: fn(&Checks) -> &String| {
            let found = message.arrival.as_ref().map(|arrival| found(&arrival.checks));
            wanted.is_none() || wanted.as_ref() == found
        };
        is(&self.message_id, &message.message_id)
            && is(&self.sending_domain, message.sending_domain())
            && self.campaign.as_ref().is_none_or(|campaign| message.campaign.as_ref() == Some(campaign))
            && self.from.as_ref().is_none_or(|from| *from == message.from.to_lowercase())
            && self.envelope_from.as_ref().is_none_or(|from| *from == message.envelope_from.to_lowercase())
            && result(&self.spf, |checks| &checks.spf)
            && result(&self.dkim, |checks| &checks.dkim)
            && result(&self.dmarc, |checks| &checks.dmarc)
            && result(&self.arc, |checks| &checks.arc)
            && self.since.is_none_or(|since| since <= message.accepted)
            && self.until.is_none_or(|until| message.accepted < until)
    }
}

fn is(wanted: &Option<String>, found: &str) -> bool {
    wanted.as_deref().is_none_or(|wanted| wanted == found)
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
