//! Ledger: what became of each delivery.
//!
//! Owns the step from verdict to outcome: journal, reports to senders, metrics, events, log line, waiting API
//! requests, retry scheduler. Never decides what a reply means (the engine did) nor when to try again (the
//! retry schedule does). Started and found by the supervisor; outlives a panic in any one report.
//!
//! Mailbox: one message for each delivery in flight, which connections bound, and one for each failed plan.

mod log;
mod reports;
mod suppressions;
mod tally;
mod webhooks;

use crate::{
    clock,
    connection::PeerFacts,
    delivery::Delivery,
    intake::Intake,
    outcome::{self, Settled, Settlement},
    retry_scheduler::RetryLater,
    supervisor::Deps,
    watch::OutcomeBoard,
};
use actix::prelude::*;
use futures_util::FutureExt;
use mailwright_engine::{classify::Judged, dsn::DsnDuty, id::QueueId, smtp::verdict::Verdict};
use mailwright_storage::{QueueEntry, StoredMessage};
use reports::Reporter;
use std::{cell::RefCell, panic::AssertUnwindSafe, rc::Rc, sync::Arc, time::Duration};
use tally::Tally;

/// The actor.
pub struct Ledger {
    deps: Rc<Deps>,
    board: OutcomeBoard,
    scheduler: Recipient<RetryLater>,
    reporter: Rc<Reporter>,
    tally: RefCell<Tally>,
}

/// What an attempt came to, beside its verdicts.
struct Ended {
    message: Option<Arc<StoredMessage>>,
    peer: Option<PeerFacts>,
    took: Duration,
    duty: DsnDuty,
}

impl Ledger {
    /// A ledger that reports to senders through `intake`, and to `board` and `scheduler`.
    pub fn new(
        deps: Rc<Deps>,
        intake: Intake,
        board: OutcomeBoard,
        scheduler: Recipient<RetryLater>,
    ) -> Self {
        let reporter = Reporter::new(intake, deps.spool.clone(), deps.events.clone(), &deps.settings);
        Self { deps, board, scheduler, reporter: Rc::new(reporter), tally: RefCell::new(Tally::new()) }
    }

    /// Decides what an attempt does to its entry.
    fn decide(&self, entry: QueueEntry, attempt: Vec<(u16, Judged)>, ended: &Ended) -> Settled {
        let peer = ended.peer.as_ref();
        let settlement = Settlement {
            attempt,
            retry: &self.deps.settings.retry,
            source: peer.map(|peer| peer.source.clone()),
            remote: peer.map(|peer| format!("{} [{}]", peer.host, peer.ip)),
            now: clock::now(),
        };
        outcome::settle(entry, settlement)
    }

    /// Puts an outcome into the journal and tells everybody.
    fn record(&self, settled: &Settled, ended: &Ended) {
        let id = settled.entry.key().id;
        // Counted before the queue shows it gone, so that the books balance for whoever looks.
        self.tally.borrow_mut().count(settled, ended);
        // Journalled before it is told: whatever may go wrong with a report must not make the delivery happen again.
        if let Err(error) = self.deps.spool.record(vec![settled.outcome.clone()]) {
            // The intent is on disk: the next start counts this delivery as in doubt and tries it again.
            tracing::error!(%id, %error, "outcome not recorded");
            return;
        }
        if let Some(after) = &settled.outcome.after {
            self.scheduler.do_send(RetryLater(after.place.clone()));
        }
        self.board.report(id, &settled.outcome.results);
        log::tell(settled, ended, &self.deps.events);
        webhooks::tell(settled, ended, &self.deps.webhooks);
        suppressions::tell(settled, ended, &self.deps.suppressions);
    }

    /// Settles a delivery. If its sender is owed a report, that is queued first: a crash in between repeats a
    /// report, the other order would lose one.
    fn settle(
        &self,
        mut delivery: Delivery,
        attempt: Vec<(u16, Judged)>,
        mut ended: Ended,
        ctx: &mut Context<Self>,
    ) {
        let Some(entry) = delivery.settle() else { return };
        let mut settled = self.decide(entry, attempt, &ended);
        let to_report = self.reporter.may_concern(&settled, &ended);
        let is_needed = || {
            webhooks::concerns(&settled, &self.deps.webhooks)
                || suppressions::concerns(&settled, &self.deps.suppressions)
        };
        let to_read = ended.message.is_none() && is_needed();
        if !to_report && !to_read {
            return self.record(&settled, &ended);
        }
        let reporter = Rc::clone(&self.reporter);
        let reported = async move {
            let report = async {
                if to_report {
                    reporter.report(&mut settled, &mut ended).await;
                } else {
                    reporter.message(&settled, &mut ended).await;
                }
            };
            let reported = AssertUnwindSafe(report).catch_unwind().await;
            if reported.is_err() {
                tracing::error!(id = %settled.entry.key().id, "writing a report panicked");
            }
            (settled, ended)
        };
        ctx.spawn(reported.into_actor(self).map(move |(settled, ended), ledger, _| {
            outlive(settled.entry.key().id, || ledger.record(&settled, &ended));
            // Only now may the domain look at the entry again.
            drop(delivery);
        }));
    }
}

/// Runs `work` so that a panic in it costs one report and not the ledger, without which every delivery would
/// come back untried and be made again. The ledger has no state that a panic could leave half changed.
fn outlive(id: QueueId, work: impl FnOnce()) {
    if std::panic::catch_unwind(AssertUnwindSafe(work)).is_err() {
        tracing::error!(%id, "reporting an outcome panicked");
    }
}

impl Actor for Ledger {
    type Context = Context<Self>;
}

/// A connection has finished an attempt.
#[derive(Message)]
#[rtype(result = "()")]
pub struct DeliveryFinished {
    /// The delivery; released once its outcome is in the journal.
    pub delivery: Delivery,
    /// What each recipient that was tried got.
    pub attempt: Vec<(u16, Judged)>,
    /// The message.
    pub message: Arc<StoredMessage>,
    /// Whom it was tried with.
    pub peer: PeerFacts,
    /// How long the transaction took.
    pub took: Duration,
    /// Who reports on the recipients delivered (RFC 3461).
    pub duty: DsnDuty,
}

impl Handler<DeliveryFinished> for Ledger {
    type Result = ();

    fn handle(&mut self, finished: DeliveryFinished, ctx: &mut Self::Context) {
        let DeliveryFinished { delivery, attempt, message, peer, took, duty } = finished;
        let ended = Ended { message: Some(message), peer: Some(peer), took, duty };
        outlive(delivery.key().id, || self.settle(delivery, attempt, ended, ctx));
    }
}

/// One verdict for all pending recipients of deliveries that never came to an attempt.
#[derive(Message)]
#[rtype(result = "()")]
pub struct FailDeliveries {
    /// The deliveries; released once their outcomes are in the journal.
    pub deliveries: Vec<Delivery>,
    /// What became of all of them.
    pub verdict: Verdict,
}

impl Handler<FailDeliveries> for Ledger {
    type Result = ();

    fn handle(&mut self, failed: FailDeliveries, ctx: &mut Self::Context) {
        let judged = Judged::new(failed.verdict, &self.deps.rules);
        for delivery in failed.deliveries {
            let Some(ready) = delivery.ready() else { continue };
            let message = ready.message.clone();
            let attempt = ready.entry.pending.iter().map(|index| (*index, judged.clone())).collect();
            let ended = Ended { message, peer: None, took: Duration::ZERO, duty: DsnDuty::Ours };
            outlive(delivery.key().id, || self.settle(delivery, attempt, ended, ctx));
        }
    }
}
