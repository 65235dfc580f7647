//! The form of the answers.

use mailwright_engine::time::UnixMillis;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{fmt, time::Duration};
use utoipa::ToSchema;

/// A point in time as answers have it: RFC 3339 in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(UnixMillis);

impl Moment {
    /// How long before `now` it was; zero if it was not.
    pub fn age(self, now: UnixMillis) -> Duration {
        now.since(self.0)
    }

    /// How long after `now` it will be; zero if it is over.
    pub fn until(self, now: UnixMillis) -> Duration {
        self.0.since(now)
    }
}

impl From<Moment> for UnixMillis {
    fn from(moment: Moment) -> Self {
        moment.0
    }
}

impl From<UnixMillis> for Moment {
    fn from(at: UnixMillis) -> Self {
        Self(at)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        UnixMillis::from_rfc3339(&text)
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is no time")))
    }
}

/// Entries of the queue, summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sums {
    /// How many.
    pub entries: u64,
    /// How many of them are due.
    pub due: u64,
    /// When the oldest was accepted.
    pub oldest: Option<Moment>,
    /// When the first is or was due.
    pub next_due: Option<Moment>,
}

impl Sums {
    /// Takes in `other`.
    pub fn add(&mut self, other: Self) {
        let earlier = |one: Option<Moment>, other: Option<Moment>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        *self = Self {
            entries: self.entries + other.entries,
            due: self.due + other.due,
            oldest: earlier(self.oldest, other.oldest),
            next_due: earlier(self.next_due, other.next_due),
        };
    }
}

/// Entries that have something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// The tenant; empty for mail of no tenant.
    pub name: String,
    /// How many there are.
    #[serde(flatten)]
    pub sums: Sums,
}

/// Entries that go to one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DomainGroup {
    /// The domain.
    pub name: String,
    /// How many there are.
    #[serde(flatten)]
    pub sums: Sums,
    /// Where they go; empty while that is not known.
    pub site: String,
    /// Entries being delivered.
    pub in_flight: usize,
    /// What holds those that wait, first of all: one of the reasons that `why` gives for a message.
    pub reason: String,
    /// In words.
    pub detail: String,
    /// When they should go on, as far as anybody can say.
    pub until: Option<Moment>,
}

/// Entries that go to one site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SiteGroup {
    /// Its hosts, or the configured next hop; empty for domains whose way is not known now.
    pub name: String,
    /// How many there are.
    #[serde(flatten)]
    pub sums: Sums,
    /// Whose site it is; empty while it has no connections to make.
    pub provider: String,
    /// Connections from all sources.
    pub connections: usize,
    /// What holds it now, in words.
    pub hold: Option<String>,
    /// What goes on there, by source.
    pub sources: Vec<SiteSource>,
}

/// The connections from a source to a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SiteSource {
    /// The source.
    pub source: String,
    /// Connections, those being made included.
    pub connections: usize,
    /// Connections being made.
    pub opening: usize,
    /// Connections that wait for work.
    pub idle: usize,
    /// Messages that wait in memory for one.
    pub ready: usize,
    /// Most connections for now.
    pub allowed: u32,
    /// Most connections that the site was seen to allow.
    pub cap: Option<u32>,
    /// Messages after which a connection is closed.
    pub messages_per_connection: u32,
    /// Messages that it took in the last minute.
    pub taken_per_minute: u32,
    /// Until when it counts as dead.
    pub dead_until: Option<Moment>,
    /// What holds it now.
    pub hold: Option<SiteHold>,
    /// What the engine does by itself, as the shaping's rules on replies say.
    pub rules: Vec<ActingRule>,
}

/// What holds a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SiteHold {
    /// `rate`, `concurrency`, `breaker` or `rule`.
    pub reason: String,
    /// In words.
    pub detail: String,
    /// Until when at most.
    pub until: Moment,
}

/// A rule of the shaping that acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActingRule {
    /// Its name.
    pub rule: String,
    /// What it does now, in words.
    pub does: String,
    /// When it ends or eases.
    pub until: Moment,
    /// How many times it has fired.
    pub times: u32,
}

/// A source and the mail that is ready to leave from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceGroup {
    /// Its name.
    pub name: String,
    /// The addresses it binds; empty when the system chooses.
    pub addresses: Vec<String>,
    /// Entries in memory that wait to leave from it. What waits on disk has no source yet.
    pub ready: usize,
    /// Connections from it.
    pub connections: usize,
    /// What its warm-up still allows today; `None`: no limit.
    pub left_today: Option<u64>,
    /// Whether it may be used now.
    pub usable: bool,
}

/// The queue at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueSummary {
    /// Everything that was asked about.
    pub totals: Sums,
    /// How many domains there are.
    pub domain_count: usize,
    /// The domains with most entries.
    pub domains: Vec<DomainGroup>,
    /// The sites with most entries; of all that were asked about, those without any that are connected, too.
    pub sites: Vec<SiteGroup>,
    /// Every source.
    pub sources: Vec<SourceGroup>,
    /// The tenants with most entries.
    pub tenants: Vec<Group>,
}

/// An entry of the queue: a message and one destination domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryRow {
    /// The message.
    pub id: String,
    /// The destination.
    pub domain: String,
    /// Whose it is; `None` for mail of no tenant.
    pub tenant: Option<String>,
    /// The pool of sources that was asked for.
    pub pool: Option<String>,
    /// `high`, `normal` or `bulk`.
    pub priority: String,
    /// Recipients still to be served.
    pub recipients: usize,
    /// Attempts made.
    pub attempts: u32,
    /// When it was accepted.
    pub accepted: Moment,
    /// When it may be tried next.
    pub due: Moment,
    /// Whether it waits for a time that its sender asked for.
    pub scheduled: bool,
    /// What came of the last attempt.
    pub last: Option<String>,
}

/// What holds an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HoldingRow {
    /// The destination.
    pub domain: String,
    /// Recipients still to be served.
    pub recipients: usize,
    /// The one thing that holds it: `in_flight`, `suspension`, `schedule`, `retry`, `dns`, `source`, `site`, `policy`,
    /// `storage`, `breaker`, `rule`, `rate`, `concurrency` or `turn`.
    pub reason: String,
    /// In words.
    pub detail: String,
    /// When it should go, as far as anybody can say.
    pub until: Option<Moment>,
}

/// An entry with its surroundings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryDetail {
    /// What holds it.
    pub why: HoldingRow,
    /// Attempts made.
    pub attempts: u32,
    /// When it may be tried next.
    pub due: Moment,
    /// What came of the last attempt.
    pub last: Option<String>,
    /// Where it goes, as far as that is known.
    pub site: Option<String>,
}

/// A message: what of it is in the queue, and everything that happened to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageReport {
    /// Its id.
    pub id: String,
    /// Its entries; none when every recipient is settled.
    pub entries: Vec<EntryDetail>,
    /// Its events, each an object with `at`, `event` and what the event tells.
    #[schema(value_type = Vec<Object>)]
    pub timeline: Vec<serde_json::Map<String, serde_json::Value>>,
    /// Whether the timeline is whole.
    pub complete: bool,
}

/// How many entries an order concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderResult {
    /// Entries changed.
    pub changed: u64,
    /// Entries left alone because they were being delivered.
    pub in_flight: u64,
}

/// Something that is suspended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SuspensionRow {
    /// `domain:`, `site:`, `source:` or `tenant:` and a name.
    pub scope: String,
    /// When it ends by itself; `None` if somebody has to end it.
    pub until: Option<Moment>,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: String,
    /// Since when.
    pub created: Moment,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_back_what_it_prints() {
        for millis in [0, 1, 1_795_248_000_123] {
            let moment = Moment(UnixMillis::new(millis));
            assert_eq!(serde_json::from_value::<Moment>(moment.to_string().into()).unwrap(), moment);
        }
        for wrong in ["", "2026-11-21", "2026-13-21T00:00:00.000Z", "2026-11-21Tx:00:00.000Z"] {
            assert!(serde_json::from_value::<Moment>(wrong.into()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sums_add_up_and_keep_the_earliest_times() {
        let moment = |millis| Some(Moment(UnixMillis::new(millis)));
        let mut sums = Sums::default();
        sums.add(Sums { entries: 2, due: 1, oldest: moment(5), next_due: moment(9) });
        sums.add(Sums { entries: 1, due: 0, oldest: moment(7), next_due: moment(8) });
        assert_eq!(sums, Sums { entries: 3, due: 1, oldest: moment(5), next_due: moment(8) });
    }
}
