//! RetryScheduler: wakes domains when deferred entries become due.
//!
//! Owns a timer wheel over the near future; the far future stays in the queue state, ordered by due time, and
//! is read in as it draws near ([`Reach`]), so that a million deferred messages cost disk and not memory. Holds
//! nothing that the queue state does not have.
//!
//! Mailbox: one message for each outcome that defers, bounded like the ledger's.

use crate::{clock, supervisor::WakeDomain};
use actix::prelude::*;
use futures_util::{StreamExt, stream::poll_fn};
use mailwright_engine::{address::Domain, time::UnixMillis};
use mailwright_storage::{EntryPlace, Spool, StorageError};
use std::{cell::RefCell, collections::HashSet, rc::Rc, task::Poll, time::Duration};
use tokio_util::time::DelayQueue;

/// Longest time on the wheel.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// How much of the future is kept in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// How far ahead the wheel reaches.
    pub horizon: Duration,
    /// How often what draws near is read in; well below the horizon, or wake-ups are late.
    pub read_every: Duration,
    /// Most timers read in at a time.
    pub at_a_time: usize,
}

impl Default for Reach {
    /// Two minutes, read in every half minute, 50,000 at a time.
    fn default() -> Self {
        Self { horizon: Duration::from_secs(120), read_every: Duration::from_secs(30), at_a_time: 50_000 }
    }
}

/// The actor.
pub struct RetryScheduler {
    spool: Spool,
    supervisor: Recipient<WakeDomain>,
    reach: Reach,
    wheel: Rc<RefCell<DelayQueue<Domain>>>,
    /// Every entry due before this is on the wheel or was woken.
    read_until: UnixMillis,
}

impl RetryScheduler {
    /// A scheduler for entries due after `start`; what is due before is woken by the supervisor.
    pub fn new(spool: Spool, start: UnixMillis, supervisor: Recipient<WakeDomain>, reach: Reach) -> Self {
        Self { spool, supervisor, reach, wheel: Rc::default(), read_until: start }
    }

    fn schedule(&mut self, domain: Domain, due: UnixMillis) {
        // The wheel cannot hold years, and a clock that was set back can make them: a domain woken early finds
        // nothing to do.
        let wait = due.since(clock::now()).min(LONGEST_WAIT);
        self.wheel.borrow_mut().insert(domain, wait);
    }

    /// Reads what is due up to the horizon onto the wheel.
    fn read_on(&mut self, ctx: &mut Context<Self>) {
        let (spool, from, limit) = (self.spool.clone(), self.read_until, self.reach.at_a_time);
        let to = clock::now().saturating_add(self.reach.horizon);
        if to <= from {
            return;
        }
        let read = async move { spool.due_between(from, to, limit).await };
        ctx.wait(read.into_actor(self).map(move |places, actor, _| actor.place_all(places, to)));
    }

    fn place_all(&mut self, places: Result<Vec<EntryPlace>, StorageError>, to: UnixMillis) {
        match places {
            Ok(places) => {
                let last = places.last().map(|place| place.due);
                // A full read may have stopped in the middle of a millisecond: that one is read again, and a
                // domain woken twice just finds nothing more to do.
                self.read_until = last.filter(|_| places.len() >= self.reach.at_a_time).unwrap_or(to);
                for place in places {
                    self.schedule(place.domain, place.due);
                }
            }
            Err(error) => tracing::error!(%error, "due entries could not be read"),
        }
    }
}

impl Actor for RetryScheduler {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.read_on(ctx);
        ctx.run_interval(self.reach.read_every, Self::read_on);
        let wheel = Rc::clone(&self.wheel);
        // An empty wheel ends its stream; this one waits for the next timer instead.
        let due = poll_fn(move |cx| match wheel.borrow_mut().poll_expired(cx) {
            Poll::Ready(Some(expired)) => Poll::Ready(Some(expired.into_inner())),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        });
        ctx.add_stream(due.ready_chunks(256));
    }
}

impl StreamHandler<Vec<Domain>> for RetryScheduler {
    fn handle(&mut self, due: Vec<Domain>, _: &mut Self::Context) {
        for domain in due.into_iter().collect::<HashSet<_>>() {
            self.supervisor.do_send(WakeDomain(domain));
        }
    }
}

/// An entry was deferred to this place.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RetryLater(pub EntryPlace);

impl Handler<RetryLater> for RetryScheduler {
    type Result = ();

    fn handle(&mut self, RetryLater(place): RetryLater, _: &mut Self::Context) {
        if place.due < self.read_until || place.due <= clock::now() {
            self.schedule(place.domain, place.due);
        }
    }
}
