//! One delivery over an established session.

use super::stream::Session;
use crate::{
    delivery::{Delivery, Untried},
    ledger::{DeliveryFinished, FailDeliveries, Ledger},
    supervisor::Deps,
};
use actix::Addr;
use mailwright_engine::{
    dsn::DsnRequest,
    smtp::{
        client::{Action, Attempt, Framing, Transaction, TransactionResult, dot_stuff},
        verdict::Verdict,
    },
};
use mailwright_storage::{Outcome, QueueEntry, StorageError, StoredMessage};
use std::sync::Arc;

/// Most recipients in one transaction: what every server must take (RFC 5321 section 4.5.3.1.8). The others
/// follow in the next.
const MAX_RECIPIENTS: usize = 100;

/// Carries `delivery` over `session` and reports to the ledger; false when the session is of no more use.
pub(super) async fn carry(
    session: &mut Session,
    delivery: Delivery,
    deps: &Deps,
    ledger: &Addr<Ledger>,
) -> bool {
    let message = match message(&delivery, deps).await {
        Ok(message) => message,
        Err(error) => {
            set_aside(delivery, &error, ledger);
            return true;
        }
    };
    let Some(recipients) = delivery.ready().map(|ready| recipients(&ready.entry)) else { return true };
    // The intent goes to the journal now and is awaited before the content goes out: by then it has usually
    // been synced along with somebody else's commit.
    let intent = match deps.spool.intend(delivery.key()) {
        Ok(intent) => intent,
        Err(_) => {
            delivery.give_back(Untried::StorageRefused);
            return false;
        }
    };
    if session.machine.begin(transaction(&message, &recipients)).is_err() {
        return false;
    }
    let mut intent = Some(intent);
    let finished = loop {
        match session.poll().await {
            Action::Read(wait) => session.read(wait).await,
            Action::WriteBody(framing) => {
                if let Some(intent) = intent.take()
                    && let Err(error) = intent.await
                {
                    tracing::warn!(key = %delivery.key(), %error, "delivery postponed: the attempt could not be journalled");
                    delivery.give_back(Untried::StorageRefused);
                    return false;
                }
                write_content(session, &message, framing).await;
            }
            Action::Finished(result) => break result,
            Action::Ready | Action::StartTls | Action::Closed(_) => return false,
        }
    };
    if finished.attempt == Attempt::NotAttempted {
        withdraw(&delivery, deps);
        delivery.give_back(Untried::ConnectionEnded);
        return false;
    }
    report(delivery, *finished, &recipients, message, ledger);
    matches!(session.poll().await, Action::Ready)
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
        Err(StorageError::Missing { .. }) => match spool.get(delivery.key()).await? {
            Some(entry) => load(spool, entry).await,
            None => Err(StorageError::Closed),
        },
        loaded => loaded,
    }
}

async fn load(
    spool: mailwright_storage::Spool,
    entry: QueueEntry,
) -> Result<Arc<StoredMessage>, StorageError> {
    let loaded = tokio::task::spawn_blocking(move || spool.load(&entry)).await;
    loaded.map_err(|_| StorageError::Closed)?.map(Arc::new)
}

/// A message that cannot be read back: damage is final and reported, anything else may pass.
fn set_aside(delivery: Delivery, error: &StorageError, ledger: &Addr<Ledger>) {
    tracing::error!(key = %delivery.key(), %error, "queued message could not be read");
    match error {
        StorageError::Damaged { .. } | StorageError::Missing { .. } => {
            let verdict = Verdict::damaged(&error.to_string());
            ledger.do_send(FailDeliveries { deliveries: vec![delivery], verdict });
        }
        _ => delivery.give_back(Untried::StorageRefused),
    }
}

/// The recipients of this transaction, as indexes into the envelope.
fn recipients(entry: &QueueEntry) -> Vec<u16> {
    entry.pending.iter().copied().take(MAX_RECIPIENTS).collect()
}

fn transaction(message: &StoredMessage, recipients: &[u16]) -> Transaction {
    let envelope = &message.envelope;
    let address = |index: &u16| envelope.recipients.get(usize::from(*index)).cloned();
    Transaction {
        reverse_path: envelope.reverse_path.clone(),
        recipients: recipients.iter().filter_map(address).collect(),
        size: message.content.len() as u64,
        body_type: envelope.body,
        smtputf8: envelope.smtputf8,
        security: envelope.security,
        dsn: DsnRequest::default(),
        recipients_dsn: Vec::new(),
    }
}

/// Takes back the intent of a delivery that came to no attempt: it is not in doubt.
fn withdraw(delivery: &Delivery, deps: &Deps) {
    let Some(entry) = delivery.ready().map(|ready| ready.entry.clone()) else { return };
    let unchanged = Outcome::new(entry.place.clone(), Vec::new(), Some(entry));
    if let Err(error) = deps.spool.record(vec![unchanged]) {
        tracing::warn!(key = %delivery.key(), %error, "intent not withdrawn");
    }
}

async fn write_content(session: &mut Session, message: &StoredMessage, framing: Framing) {
    let (head, body) = (&message.content.head[..], &message.content.body[..]);
    let head = std::iter::once(head);
    let written = match framing {
        Framing::Dot => session.write_body(head.chain(dot_stuff(body))).await,
        Framing::Bdat => session.write_body(head.chain(std::iter::once(body))).await,
    };
    if written {
        session.machine.body_sent();
    }
}

fn report(
    delivery: Delivery,
    finished: TransactionResult,
    recipients: &[u16],
    message: Arc<StoredMessage>,
    ledger: &Addr<Ledger>,
) {
    if finished.attempt == Attempt::InDoubt {
        ::metrics::counter!(mailwright_storage::metrics::IN_DOUBT).increment(1);
    }
    let index = |at: usize| recipients.get(at).copied();
    let verdicts =
        finished.verdicts.into_iter().filter_map(|(at, verdict)| Some((index(at)?, verdict))).collect();
    ledger.do_send(DeliveryFinished { delivery, verdicts, message: Some(message) });
}
