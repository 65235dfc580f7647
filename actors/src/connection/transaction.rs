//! One delivery over an established session.

use super::{AttemptReport, ConnectionPlan, stream::Session};
use crate::{
    delivery::{Delivery, Untried},
    ledger::{DeliveryFinished, FailDeliveries, Ledger},
    outgoing::Outgoing,
    supervisor::Deps,
};
use actix::Addr;
use mailwright_engine::{
    classify::Judged,
    dsn::RecipientDsn,
    envelope::Envelope,
    smtp::{
        client::{Action, Attempt, Framing, Transaction, TransactionResult, dot_stuff},
        verdict::Verdict,
    },
};
use mailwright_storage::{Outcome, QueueEntry, Spool, StorageError, StoredMessage, fail_point::FailPoint};
use std::{sync::Arc, time::Instant};

/// What carrying a delivery came to.
pub(super) struct Carried {
    /// What the site should know; `None` when the message was not attempted.
    pub(super) report: Option<AttemptReport>,
    /// Whether the session is of more use.
    pub(super) goes_on: bool,
}

impl Carried {
    const UNTOUCHED: Self = Self { report: None, goes_on: true };
    const OVER: Self = Self { report: None, goes_on: false };
}

/// Carries `delivery` over `session` and reports to the ledger.
pub(super) async fn carry(
    session: &mut Session,
    delivery: Delivery,
    plan: &ConnectionPlan,
    deps: &Deps,
    ledger: &Addr<Ledger>,
) -> Carried {
    let began = Instant::now();
    if let Some(ready) = delivery.ready() {
        let domain = [&ready.entry.place.domain];
        session.dialogue.follow(deps.traces.tracer(domain, || session.label()));
    }
    let message = match message(&delivery, deps).await {
        Ok(message) => message,
        Err(error) => {
            set_aside(delivery, &error, &deps.spool, ledger).await;
            return Carried::UNTOUCHED;
        }
    };
    let most = usize::from(plan.limits.recipients_per_transaction);
    let Some(recipients) = delivery.ready().map(|ready| recipients(&ready.entry, most)) else {
        return Carried::UNTOUCHED;
    };
    let work = Transfer { delivery, message, recipients, began };
    work.run(session, deps, ledger).await
}

/// One transaction under way.
struct Transfer {
    delivery: Delivery,
    message: Arc<StoredMessage>,
    /// Indexes into the envelope.
    recipients: Vec<u16>,
    began: Instant,
}

impl Transfer {
    async fn run(mut self, session: &mut Session, deps: &Deps, ledger: &Addr<Ledger>) -> Carried {
        // The intent goes to the journal now and is awaited before the content goes out: by then it has usually
        // been synced along with somebody else's commit.
        let Ok(intent) = deps.spool.intend(self.delivery.key()) else {
            self.delivery.give_back(Untried::StorageRefused);
            return Carried::OVER;
        };
        if session.machine.begin(transaction(&self.message, &self.recipients, &deps.outgoing)).is_err() {
            withdraw(&self.delivery, deps);
            return Carried::OVER;
        }
        let mut intent = Some(intent);
        let finished = loop {
            match session.poll().await {
                Action::Read(wait) => session.read(wait).await,
                Action::WriteBody(framing) => {
                    if let Some(intent) = intent.take()
                        && let Err(error) = intent.await
                    {
                        let id = self.delivery.key().id;
                        tracing::warn!(%id, %error, "delivery postponed: the attempt could not be journalled");
                        self.delivery.give_back(Untried::StorageRefused);
                        return Carried::OVER;
                    }
                    self.delivery.passes_the_dot();
                    FailPoint::AfterIntent.reached();
                    write_content(session, &self.message, framing).await;
                    FailPoint::AfterDot.reached();
                }
                Action::Finished(result) => break result,
                Action::Ready | Action::StartTls | Action::Closed(_) => return Carried::OVER,
            }
        };
        if finished.attempt == Attempt::NotAttempted {
            withdraw(&self.delivery, deps);
            self.delivery.give_back(Untried::ConnectionEnded);
            return Carried::OVER;
        }
        FailPoint::AfterVerdict.reached();
        let report = self.report(*finished, session, deps, ledger);
        Carried { report: Some(report), goes_on: matches!(session.poll().await, Action::Ready) }
    }

    /// Tells the ledger; what the site should know comes back.
    fn report(
        self,
        finished: TransactionResult,
        session: &Session,
        deps: &Deps,
        ledger: &Addr<Ledger>,
    ) -> AttemptReport {
        if finished.attempt == Attempt::InDoubt {
            ::metrics::counter!(mailwright_storage::metrics::IN_DOUBT).increment(1);
        }
        let index = |at: usize| self.recipients.get(at).copied();
        let attempt: Vec<(u16, Judged)> = finished
            .verdicts
            .into_iter()
            .filter_map(|(at, verdict)| Some((index(at)?, Judged::new(verdict, &deps.rules))))
            .collect();
        let tenant = self.delivery.ready().and_then(|ready| ready.entry.place.class.tenant.clone());
        let report =
            AttemptReport { tenant, attempt: attempt.iter().map(|(_, judged)| judged.clone()).collect() };
        ledger.do_send(DeliveryFinished {
            delivery: self.delivery,
            attempt,
            message: self.message,
            peer: session.peer.clone(),
            took: self.began.elapsed(),
            duty: finished.duty,
        });
        report
    }
}

/// The message, from memory or from disk.
async fn message(delivery: &Delivery, deps: &Deps) -> Result<Arc<StoredMessage>, StorageError> {
    let Some(ready) = delivery.ready() else { return Err(StorageError::Closed) };
    if let Some(message) = &ready.message {
        return Ok(Arc::clone(message));
    }
    let (spool, entry) = (deps.spool.clone(), ready.entry.clone());
    match load(spool.clone(), entry).await {
        // Copied forward since the entry was read: the queue knows where to.
        Err(missing @ StorageError::Missing { .. }) => match spool.get(delivery.key()).await? {
            Some(entry) => load(spool, entry).await,
            None => Err(missing),
        },
        loaded => loaded,
    }
}

async fn load(spool: Spool, entry: QueueEntry) -> Result<Arc<StoredMessage>, StorageError> {
    let loaded = tokio::task::spawn_blocking(move || spool.load(&entry)).await;
    loaded.map_err(|_| StorageError::Closed)?.map(Arc::new)
}

/// A message that cannot be read back: damage is final and reported, anything else may pass.
async fn set_aside(delivery: Delivery, error: &StorageError, spool: &Spool, ledger: &Addr<Ledger>) {
    tracing::error!(id = %delivery.key().id, %error, "queued message could not be read");
    match error {
        StorageError::Damaged { .. } | StorageError::Missing { .. } => {
            if let Some(entry) = delivery.ready().map(|ready| ready.entry.clone()) {
                let (spool, key) = (spool.clone(), entry.key());
                match tokio::task::spawn_blocking(move || spool.set_aside(&entry)).await {
                    Ok(Ok(file)) => {
                        tracing::error!(id = %key.id, file = %file.display(), "what is left of it was set aside");
                    }
                    Ok(Err(error)) => {
                        tracing::error!(id = %key.id, %error, "nothing of it could be set aside");
                    }
                    // The process ends; the next one finds the same damage.
                    Err(_) => return,
                }
            }
            let verdict = Verdict::damaged(&error.to_string());
            ledger.do_send(FailDeliveries { deliveries: vec![delivery], verdict });
        }
        _ => delivery.give_back(Untried::StorageRefused),
    }
}

/// The recipients of this transaction, as indexes into the envelope.
fn recipients(entry: &QueueEntry, most: usize) -> Vec<u16> {
    entry.pending.iter().copied().take(most).collect()
}

fn transaction(message: &StoredMessage, recipients: &[u16], outgoing: &Outgoing) -> Transaction {
    let envelope = &message.envelope;
    let address = |index: &u16| envelope.recipients.get(usize::from(*index)).cloned();
    Transaction {
        reverse_path: outgoing.sender_of_transaction(envelope, recipients),
        recipients: recipients.iter().filter_map(address).collect(),
        size: message.content.len() as u64,
        body_type: envelope.body,
        smtputf8: envelope.smtputf8,
        security: envelope.security,
        dsn: envelope.dsn.clone(),
        recipients_dsn: recipients_dsn(envelope, recipients),
    }
}

/// What the sender said about reports on these recipients; empty if nothing about any.
fn recipients_dsn(envelope: &Envelope, recipients: &[u16]) -> Vec<RecipientDsn> {
    if envelope.recipients_dsn.is_empty() {
        return Vec::new();
    }
    recipients.iter().map(|index| envelope.dsn_of(*index)).collect()
}

/// Takes back the intent of a delivery that came to no attempt: it is not in doubt.
fn withdraw(delivery: &Delivery, deps: &Deps) {
    let Some(entry) = delivery.ready().map(|ready| ready.entry.clone()) else { return };
    let unchanged = Outcome::new(entry.place.clone(), Vec::new(), Some(entry));
    if let Err(error) = deps.spool.record(vec![unchanged]) {
        tracing::warn!(id = %delivery.key().id, %error, "intent not withdrawn");
    }
}

async fn write_content(session: &mut Session, message: &StoredMessage, framing: Framing) {
    let (head, body) = (&message.content.head[..], &message.content.body[..]);
    let head = std::iter::once(head);
    let size = message.content.len();
    let written = match framing {
        Framing::Dot => session.write_body(head.chain(dot_stuff(body)), size).await,
        Framing::Bdat => session.write_body(head.chain(std::iter::once(body)), size).await,
    };
    if written {
        session.machine.body_sent();
    }
}
