//! Which messages of a queue are with somebody. In memory only: a lease means nothing to another process.

use crate::control::ObjectId;
use mailwright_engine::time::UnixMillis;
use std::collections::HashMap;

/// The leases of a queue.
#[derive(Debug, Default)]
pub(super) struct Leases {
    /// By the numbers of messages.
    held: HashMap<i64, Lease>,
    /// The numbers of messages by their names.
    numbers: HashMap<ObjectId, i64>,
    last: u64,
}

#[derive(Debug)]
struct Lease {
    token: u64,
    until: UnixMillis,
}

impl Leases {
    /// Whether somebody has a message at `now`.
    pub(super) fn holds(&self, n: i64, now: UnixMillis) -> bool {
        self.held.get(&n).is_some_and(|lease| lease.until > now)
    }

    /// How many messages somebody has at `now`.
    pub(super) fn count(&self, now: UnixMillis) -> usize {
        self.held.values().filter(|lease| lease.until > now).count()
    }

    /// The numbers of all messages that were leased and not settled, those whose time is over too.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// The time at which the first lease is over that is not yet at `now`.
    pub(super) fn next_end(&self, now: UnixMillis) -> Option<UnixMillis> {
        self.held.values().map(|lease| lease.until).filter(|until| *until > now).min()
    }

    /// Gives a message to somebody. Returns the lease's token.
    pub(super) fn give(&mut self, n: i64, id: ObjectId, until: UnixMillis) -> u64 {
        self.last += 1;
        self.held.insert(n, Lease { token: self.last, until });
        self.numbers.insert(id, n);
        self.last
    }

    /// The number of a message, if the lease is still that of who asks: nobody else was given it since.
    pub(super) fn number(&self, id: &ObjectId, token: u64) -> Option<i64> {
        let n = self.numbers.get(id)?;
        self.held.get(n).filter(|lease| lease.token == token).map(|_| *n)
    }

    /// Ends a lease.
    pub(super) fn end(&mut self, id: &ObjectId) {
        if let Some(n) = self.numbers.remove(id) {
            self.held.remove(&n);
        }
    }

    /// Ends the leases of all messages up to a number.
    pub(super) fn end_until(&mut self, last: i64) {
        self.held.retain(|n, _| *n > last);
        self.numbers.retain(|_, n| *n > last);
    }
}
