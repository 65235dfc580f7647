//! How late we are: how long messages wait in actors' mailboxes, and how late an arbiter's timers fire.
//!
//! actix does not tell how many messages a mailbox holds. What counts is how long they wait, so a message is sent
//! along with the others now and then, and timed. It costs nothing per delivery, and shows whatever holds an actor
//! up: the messages before it, another actor on the same thread, a machine without time for us.

use crate::{ledger::Ledger, metrics as names, retry_scheduler::RetryScheduler, supervisor::Supervisor};
use actix::prelude::*;
use metrics::Histogram;
use std::time::Duration;
use tokio::time::Instant;

/// How often an arbiter's timer is tried.
const TIMER: Duration = Duration::from_millis(250);

/// A message that only tells how long it waited.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub(crate) struct Probe {
    sent: Instant,
    waited: Histogram,
}

impl Probe {
    fn arrived(&self) {
        self.waited.record(self.sent.elapsed());
    }
}

impl Handler<Probe> for Supervisor {
    type Result = ();

    fn handle(&mut self, probe: Probe, _: &mut Self::Context) {
        probe.arrived();
    }
}

impl Handler<Probe> for Ledger {
    type Result = ();

    fn handle(&mut self, probe: Probe, _: &mut Self::Context) {
        probe.arrived();
    }
}

impl Handler<Probe> for RetryScheduler {
    type Result = ();

    fn handle(&mut self, probe: Probe, _: &mut Self::Context) {
        probe.arrived();
    }
}

/// The actors there is one of, to be probed.
pub(crate) struct Probes([(Recipient<Probe>, Histogram); 3]);

impl Probes {
    /// Probes of these actors.
    pub(crate) fn new(
        supervisor: Addr<Supervisor>,
        ledger: Addr<Ledger>,
        scheduler: Addr<RetryScheduler>,
    ) -> Self {
        let waited = |actor: &'static str| ::metrics::histogram!(names::MAILBOX_SECONDS, "actor" => actor);
        Self([
            (supervisor.recipient(), waited("supervisor")),
            (ledger.recipient(), waited("ledger")),
            (scheduler.recipient(), waited("retry_scheduler")),
        ])
    }

    /// Sends one to each. Bounded by whoever calls: once a second.
    pub(crate) fn send(&self) {
        for (actor, waited) in &self.0 {
            actor.do_send(Probe { sent: Instant::now(), waited: waited.clone() });
        }
    }
}

/// Measures how late timers fire on the current arbiter, for as long as it runs; `arbiter` is its name in the
/// metrics. Half a millisecond is usual: timers count in milliseconds.
pub fn watch_arbiter(arbiter: &'static str) {
    let late = ::metrics::histogram!(names::ARBITER_LATE, "arbiter" => arbiter);
    actix::spawn(async move {
        loop {
            let due = Instant::now() + TIMER;
            tokio::time::sleep_until(due).await;
            late.record(due.elapsed());
        }
    });
}
