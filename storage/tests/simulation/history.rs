//! What has happened: a digest of all of it, sums, and the last of it in words for whoever has to find out why.

use mailwright_engine::time::UnixMillis;
use std::{
    collections::VecDeque,
    fmt::{self, Display},
    hash::{DefaultHasher, Hash, Hasher},
};

/// Lines kept for a failure.
const LAST: usize = 200;

/// Sums over one episode or many.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) events: u64,
    pub(crate) accepted: u64,
    pub(crate) copies: u64,
    pub(crate) delivered: u64,
    pub(crate) bounced: u64,
    pub(crate) cancelled: u64,
    pub(crate) deferred: u64,
    pub(crate) untried: u64,
    pub(crate) in_doubt: u64,
    pub(crate) connections: u64,
    pub(crate) power_cuts: u64,
    pub(crate) stops: u64,
    /// Seconds that any domain waited for its place at the longest.
    pub(crate) longest_wait: u64,
    /// Seconds after which all was done once nothing went wrong any more, at the longest.
    pub(crate) longest_end: u64,
}

impl Totals {
    pub(crate) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.accepted += other.accepted;
        self.copies += other.copies;
        self.delivered += other.delivered;
        self.bounced += other.bounced;
        self.cancelled += other.cancelled;
        self.deferred += other.deferred;
        self.untried += other.untried;
        self.in_doubt += other.in_doubt;
        self.connections += other.connections;
        self.power_cuts += other.power_cuts;
        self.stops += other.stops;
        self.longest_wait = self.longest_wait.max(other.longest_wait);
        self.longest_end = self.longest_end.max(other.longest_end);
    }
}

/// The history of one episode.
#[derive(Default)]
pub(super) struct History {
    hasher: DefaultHasher,
    last: VecDeque<String>,
    pub(super) totals: Totals,
}

impl History {
    /// Writes down what has happened.
    pub(super) fn note(&mut self, now: UnixMillis, what: fmt::Arguments<'_>) {
        let line = format!("{now} {what}");
        line.hash(&mut self.hasher);
        self.last.push_back(line);
        if self.last.len() > LAST {
            self.last.pop_front();
        }
    }

    /// The same for the same history.
    pub(super) fn digest(&self) -> u64 {
        self.hasher.finish()
    }
}

impl Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.last.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl Drop for History {
    /// Tells how it came to a failure.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{self}");
        }
    }
}
