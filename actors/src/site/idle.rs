//! Connections of a site that wait for work, and their end when there has been none for too long.
//!
//! The site measures that, not the connection: only the site knows that nothing is on its way to it. A connection
//! that gave up by itself would, on a machine with too much to do, give up just before its delivery came, and
//! another would be opened in vain.

use super::{FreeConnection, Site};
use actix::prelude::*;
use std::{collections::VecDeque, time::Duration, time::Instant};

/// The waiting connections of a pool. A connection whose request is dropped says QUIT.
#[derive(Debug, Default)]
pub(super) struct IdleConnections {
    /// With the time since when they wait, longest first.
    queue: VecDeque<(Instant, FreeConnection)>,
}

impl IdleConnections {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether one of them still waits.
    pub(super) fn any_open(&self) -> bool {
        self.queue.iter().any(|(_, free)| !free.reply.is_closed())
    }

    pub(super) fn push(&mut self, free: FreeConnection) {
        self.queue.push_back((Instant::now(), free));
    }

    /// The one that has waited for the shortest time: with little to do the others come to their end.
    pub(super) fn pop_newest(&mut self) -> Option<(Instant, FreeConnection)> {
        self.queue.pop_back()
    }

    /// Takes one back that [`pop_newest`](Self::pop_newest) gave.
    pub(super) fn restore(&mut self, (since, free): (Instant, FreeConnection)) {
        self.queue.push_back((since, free));
    }

    /// The one that has waited for the longest time.
    pub(super) fn pop_oldest(&mut self) -> Option<FreeConnection> {
        self.queue.pop_front().map(|(_, free)| free)
    }

    /// Forgets those whose connection has ended.
    pub(super) fn prune(&mut self) {
        self.queue.retain(|(_, free)| !free.reply.is_closed());
    }

    /// Ends those that have waited for `limit`.
    fn end_after(&mut self, limit: Duration) {
        while self.queue.front().is_some_and(|(since, _)| since.elapsed() >= limit) {
            self.queue.pop_front();
        }
    }

    /// Since when the first of them waits.
    fn oldest(&self) -> Option<Instant> {
        self.queue.front().map(|(since, _)| *since)
    }

    pub(super) fn clear(&mut self) {
        self.queue.clear();
    }
}

impl Site {
    /// Ends the connections that have waited for too long, and will look again when the next will have.
    pub(super) fn end_idle(&mut self, ctx: &mut Context<Self>) {
        let limit = self.effective.limits.idle_timeout;
        for pool in self.pools.values_mut() {
            pool.idle.end_after(limit);
        }
        if let Some(timer) = self.idle_timer.take() {
            ctx.cancel_future(timer);
        }
        if let Some(oldest) = self.pools.values().filter_map(|pool| pool.idle.oldest()).min() {
            let left = limit.saturating_sub(oldest.elapsed());
            self.idle_timer = Some(ctx.run_later(left, Site::end_idle));
        }
    }
}
