//! Ledger: what became of each delivery.
//!
//! Owns the step from verdict to outcome: journal, metrics, log line, waiting API requests, retry scheduler.
//! Never decides what a reply means (the engine did) nor when to try again (the retry policy does). Started
//! and found by the supervisor; holds no state, and outlives a panic in any one report.
//!
//! Mailbox: one message for each delivery in flight, which connections bound, and one for each failed plan.

use crate::{
    clock, delivery::Delivery, metrics as names, outcome, retry_scheduler::RetryLater, watch::OutcomeBoard,
};
use actix::prelude::*;
use mailwright_engine::{
    address::EmailAddress,
    envelope::Envelope,
    message::{fields, split_header},
    retry::RetryPolicy,
    smtp::verdict::{Outcome as Fate, Verdict},
    time::UnixMillis,
};
use mailwright_storage::{Content, Outcome, QueueEntry, RecipientResult, Spool, StoredMessage};
use std::{panic::AssertUnwindSafe, sync::Arc};

/// The actor.
pub struct Ledger {
    spool: Spool,
    policy: RetryPolicy,
    board: OutcomeBoard,
    scheduler: Recipient<RetryLater>,
}

impl Ledger {
    /// A ledger that journals to `spool` and reports to `board` and `scheduler`.
    pub fn new(
        spool: Spool,
        policy: RetryPolicy,
        board: OutcomeBoard,
        scheduler: Recipient<RetryLater>,
    ) -> Self {
        Self { spool, policy, board, scheduler }
    }

    fn settle(&self, entry: QueueEntry, verdicts: Vec<(u16, Verdict)>, message: Option<&StoredMessage>) {
        let now = clock::now();
        let accepted_at = entry.accepted_at;
        let outcome = outcome::settle(entry, verdicts, &self.policy, now);
        let id = outcome.before.key.id;
        // Counted before the queue shows it gone, so that the books balance for whoever looks.
        for result in &outcome.results {
            count(&result.verdict, accepted_at, now);
        }
        // Journalled before it is told: whatever may go wrong with a report must not make the delivery happen again.
        if let Err(error) = self.spool.record(vec![outcome.clone()]) {
            // The intent is on disk: the next start counts this delivery as in doubt and tries it again.
            tracing::error!(%id, %error, "outcome not recorded");
            return;
        }
        if let Some(after) = &outcome.after {
            self.scheduler.do_send(RetryLater(after.place.clone()));
        }
        self.board.report(id, &outcome.results);
        for result in &outcome.results {
            log(&outcome, result, message);
        }
    }
}

/// Runs `work` so that a panic in it costs one report and not the ledger, without which every delivery would
/// come back untried and be made again. The ledger has no state that a panic could leave half changed.
fn outlive(work: impl FnOnce()) {
    if std::panic::catch_unwind(AssertUnwindSafe(work)).is_err() {
        tracing::error!("reporting an outcome panicked");
    }
}

fn count(verdict: &Verdict, accepted_at: UnixMillis, now: UnixMillis) {
    match verdict.outcome {
        Fate::Delivered => {
            ::metrics::counter!(names::DELIVERED).increment(1);
            ::metrics::histogram!(names::TIME_TO_DELIVERY).record(now.since(accepted_at));
        }
        Fate::Soft => ::metrics::counter!(names::DEFERRED).increment(1),
        Fate::Hard => ::metrics::counter!(names::BOUNCED).increment(1),
    }
}

fn log(outcome: &Outcome, result: &RecipientResult, message: Option<&StoredMessage>) {
    if !tracing::enabled!(tracing::Level::INFO) {
        return;
    }
    let fate = match result.verdict.outcome {
        Fate::Delivered => "delivered",
        Fate::Soft => "deferred",
        Fate::Hard => "bounced",
    };
    let envelope: Option<&Envelope> = message.map(|message| &message.envelope);
    let from = envelope.map(|envelope| envelope.reverse_path.to_string()).unwrap_or_default();
    let subject = message.map(|message| subject(&message.content)).unwrap_or_default();
    let to = envelope.and_then(|envelope| envelope.recipients.get(usize::from(result.recipient)));
    let to = to.map(EmailAddress::as_str).unwrap_or_default();
    let next = outcome.after.as_ref().map(|after| after.place.due.to_string());
    let reply = match (&result.verdict.outcome, &result.verdict.reply) {
        (Fate::Delivered, Some(reply)) => reply.to_string(),
        _ => result.verdict.to_string(),
    };
    let id = outcome.before.key.id;
    tracing::info!(%id, from, to, subject, reply, next, "{fate}");
}

/// The Subject field as it stands in the header, for people reading the log.
fn subject(content: &Content) -> String {
    let subject = |part| fields(part).find(|field| field.is("Subject")).map(|field| field.unfolded());
    let (header, _) = split_header(&content.body);
    let unfolded = subject(&content.head).or_else(|| subject(header)).unwrap_or_default();
    unfolded.trim().chars().take(80).collect()
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
    /// The verdict for each recipient that was tried.
    pub verdicts: Vec<(u16, Verdict)>,
    /// The message, for the log.
    pub message: Option<Arc<StoredMessage>>,
}

impl Handler<DeliveryFinished> for Ledger {
    type Result = ();

    fn handle(&mut self, mut finished: DeliveryFinished, _: &mut Self::Context) {
        if let Some(entry) = finished.delivery.settle() {
            outlive(|| self.settle(entry, finished.verdicts, finished.message.as_deref()));
        }
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

    fn handle(&mut self, FailDeliveries { deliveries, verdict }: FailDeliveries, _: &mut Self::Context) {
        for mut delivery in deliveries {
            let message = delivery.ready().and_then(|ready| ready.message.clone());
            let Some(entry) = delivery.settle() else { continue };
            let verdicts = entry.pending.iter().map(|index| (*index, verdict.clone())).collect();
            outlive(|| self.settle(entry, verdicts, message.as_deref()));
        }
    }
}
