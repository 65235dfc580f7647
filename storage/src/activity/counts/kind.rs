//! What recipients that are counted together have in common.

use super::super::model::{Direction, Message, Status};
use crate::events::event::Checks;
use mailwright_engine::envelope::Origin;
use std::fmt;

/// From this score on (in hundredths of a point) mail counts as spam, as its marks say (`X-Spam-Status: Yes`).
const SPAM_AT: i32 = 500;

/// The last thing that happened to a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LastEvent {
    /// Its message was accepted; it was not tried yet.
    Accepted,
    /// An attempt failed, and there is to be another.
    Deferred,
    /// Its server took the message.
    Delivered,
    /// The destination's server took what came for an address of ours.
    Forwarded,
    /// Its server refused it for good.
    HardBounce,
    /// It was given up after attempts that failed.
    SoftBounce,
    /// It came back after its server had taken it.
    LateBounce,
    /// An operator or its sender took it out of the queue.
    Cancelled,
    /// It was not sent, for the recipient is suppressed.
    Suppressed,
    /// The message was not taken.
    Refused,
    /// It was thrown away, as the rule of its address says.
    Dropped,
    /// A Worker took it, and sent it nowhere.
    Processed,
    /// It waits for its Worker.
    Held,
}

impl LastEvent {
    /// Every one.
    pub const ALL: [Self; 13] = [
        Self::Accepted,
        Self::Deferred,
        Self::Delivered,
        Self::Forwarded,
        Self::HardBounce,
        Self::SoftBounce,
        Self::LateBounce,
        Self::Cancelled,
        Self::Suppressed,
        Self::Refused,
        Self::Dropped,
        Self::Processed,
        Self::Held,
    ];

    /// Its name, as clients know it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Deferred => "deferred",
            Self::Delivered => "delivered",
            Self::Forwarded => "forwarded",
            Self::HardBounce => "hardBounce",
            Self::SoftBounce => "softBounce",
            Self::LateBounce => "lateBounce",
            Self::Cancelled => "cancelled",
            Self::Suppressed => "suppressed",
            Self::Refused => "refused",
            Self::Dropped => "dropped",
            Self::Processed => "processed",
            Self::Held => "held",
        }
    }

    pub(super) fn of_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|event| event.as_str() == name).unwrap_or(Self::Accepted)
    }
}

impl fmt::Display for LastEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What all recipients of a message have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(in super::super) struct Facts {
    pub(in super::super) direction: Direction,
    /// Empty for mail that is no account's.
    pub(super) account: String,
    /// Empty for mail of no zone.
    pub(super) zone: String,
    /// Of its author; empty for mail that is no account's, which nobody asks for by it, and for mail from the world,
    /// whose authors are too many to count by.
    pub(super) domain: String,
    /// What was found about its sender, of mail from the world.
    pub(super) checks: Option<[String; 4]>,
    pub(super) is_spam: bool,
    /// Whether it reports on other mail.
    pub(super) is_report: bool,
}

impl Facts {
    pub(in super::super) fn of(message: &Message) -> Self {
        let (account, zone) = (message.account.clone(), message.zone.clone());
        let facts = Self {
            direction: message.direction(),
            account: account.unwrap_or_default(),
            zone: zone.unwrap_or_default(),
            ..Self::default()
        };
        match facts.direction {
            Direction::Sending => {
                let is_anybodys = facts.account.is_empty() && facts.zone.is_empty();
                let domain = if is_anybodys { "" } else { message.sending_domain() };
                let is_report = message.origin == Origin::Report.as_str();
                Self { domain: domain.to_owned(), is_report, ..facts }
            }
            Direction::Routing => {
                let arrival = message.arrival.as_ref();
                let checks = arrival.map(|arrival| {
                    let Checks { spf, dkim, dmarc, arc } = arrival.checks.clone();
                    [spf, dkim, dmarc, arc]
                });
                let score = arrival.and_then(|arrival| arrival.spam);
                let is_spam = score.is_some_and(|score| score >= SPAM_AT);
                Self { checks, is_spam, is_report: message.envelope_from.is_empty(), ..facts }
            }
        }
    }

    /// Results of SPF, DKIM, DMARC and ARC. Of what we send they are what we see to: with a zone, it is signed in its
    /// name and sent from a return path of its own.
    pub(super) fn results(&self, status: Status) -> [&str; 4] {
        match &self.checks {
            Some(found) => found.each_ref().map(String::as_str),
            None if self.direction == Direction::Routing || self.zone.is_empty() => ["none"; 4],
            None if matches!(status, Status::Rejected | Status::Failed) => ["none"; 4],
            None => ["pass", "pass", "pass", "none"],
        }
    }
}

/// How a recipient stands, as far as it is counted by it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in super::super) struct Stand {
    pub(in super::super) status: Status,
    pub(in super::super) event: LastEvent,
    /// Why it failed or waits: the class of the bounce rules, or the code of a refusal; empty where it did not.
    pub(in super::super) cause: String,
}

impl Stand {
    /// How a recipient stands whose row has this class and code.
    pub(in super::super) fn of(status: Status, event: LastEvent, class: &str, code: &str) -> Self {
        let cause = match status {
            Status::Rejected | Status::Failed if class.is_empty() => code,
            _ => class,
        };
        Self { status, event, cause: cause.to_owned() }
    }
}
