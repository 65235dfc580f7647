//! Waiting for outcomes: an API request that wants to tell its client what became of each recipient.

use mailwright_engine::id::QueueId;
use mailwright_storage::RecipientResult;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Who waits for which message; shared between the API's threads and the ledger.
#[derive(Debug, Clone, Default)]
pub struct OutcomeBoard(Arc<Mutex<HashMap<QueueId, UnboundedSender<RecipientResult>>>>);

/// A place on the board; leaves it when dropped.
#[derive(Debug)]
pub struct Watch {
    board: OutcomeBoard,
    id: QueueId,
    results: UnboundedReceiver<RecipientResult>,
}

impl OutcomeBoard {
    /// Watches message `id`; do so before it is accepted, so that nothing is missed.
    pub fn watch(&self, id: QueueId) -> Watch {
        // Unbounded, but a message has only so many recipients and attempts while somebody waits.
        let (sender, results) = unbounded_channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
        Watch { board: self.clone(), id, results }
    }

    /// Passes on what became of recipients of `id`.
    pub fn report(&self, id: QueueId, results: &[RecipientResult]) {
        let board = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = board.get(&id) {
            for result in results {
                // A watcher about to be dropped needs no more results.
                let _ = sender.send(result.clone());
            }
        }
    }
}

impl Watch {
    /// The next result. Cancel-safe.
    pub async fn next(&mut self) -> Option<RecipientResult> {
        self.results.recv().await
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.board.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
