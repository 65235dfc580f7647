//! Ending what outlived its own lifetime on disk.
//!
//! Memory holds the first entries of each class in the order in which they are due. Behind a destination that is out of
//! order they may wait for days, and so would a message with a lifetime of minutes that came after them.

use super::DomainActor;
use actix::prelude::*;
use mailwright_engine::{class::TransportSecurity, smtp::verdict::Verdict};
use mailwright_storage::{EntryKey, QueueEntry};
use std::{collections::HashSet, time::Instant};

/// How many times as long as a look took none is taken: all entries of the domain are read.
const PAUSE: u32 = 50;
/// Most entries that a look ends; the next one goes on.
pub(super) const MOST: usize = 1_000;

/// Looks of a domain for what outlived its lifetime.
#[derive(Default)]
pub(super) struct Looks {
    /// The next read is to look.
    pub(super) wanted: Option<Reason>,
    /// None is taken before.
    next: Option<Instant>,
}

/// Why mail of a domain could not be sent in its lifetime.
pub(super) struct Reason {
    verdict: Verdict,
    /// Only what asks this of TLS; `None` for all of it.
    security: Option<TransportSecurity>,
    /// When the look was asked for.
    since: Instant,
}

impl DomainActor {
    /// Looks on disk after an attempt that failed, unless all of the domain is in memory.
    pub(super) fn end_outlived(
        &mut self,
        verdict: &Verdict,
        security: Option<TransportSecurity>,
        ctx: &mut Context<Self>,
    ) {
        if self.looks.next.is_some_and(|next| next > Instant::now()) || !self.queue.more_on_disk() {
            return;
        }
        self.looks.wanted =
            Some(Reason { verdict: Verdict::expired(verdict), security, since: Instant::now() });
        self.read_if_wanted(ctx);
    }

    /// Ends what a look found, but for what was settled meanwhile or is being delivered.
    pub(super) fn end_found(
        &mut self,
        found: Vec<QueueEntry>,
        reason: Reason,
        settled: &HashSet<EntryKey>,
        ctx: &mut Context<Self>,
    ) {
        let Reason { verdict, security, since } = reason;
        self.looks.next = Some(Instant::now() + since.elapsed() * PAUSE);
        let concerned = |entry: &QueueEntry| {
            let key = entry.key();
            let asks = security.is_none_or(|security| entry.place.class.security == security);
            asks && !settled.contains(&key) && !self.deps.in_flight.contains(key)
        };
        let over = found.into_iter().filter(concerned).collect();
        let over = self.take_out(over);
        self.fail(over, verdict, ctx);
    }
}
