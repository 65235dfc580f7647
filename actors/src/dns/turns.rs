//! How many look-ups are under way at a time. Each takes the resolver some 25 KiB: those of 20,000 domains that want
//! mail at once would take half a gigabyte, and flood the name server.

use std::{pin::pin, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::timeout};

/// Look-ups under way that may still be answered soon.
pub(super) const AT_A_TIME: usize = 500;
/// Look-ups under way beside those, at servers that are slow or dead.
pub(super) const SLOW: usize = 2_000;
/// After so long without an answer a look-up counts as slow, and makes way for another.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// Turns for look-ups, in two lanes: a crowd of names whose servers are dead holds the others up for a moment only.
#[derive(Debug, Clone)]
pub(super) struct Turns {
    quick: Arc<Semaphore>,
    slow: Arc<Semaphore>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { quick: Arc::new(Semaphore::new(AT_A_TIME)), slow: Arc::new(Semaphore::new(SLOW)) }
    }

    /// Runs `lookup` when it is its turn.
    pub(super) async fn take<T>(&self, lookup: impl Future<Output = T>) -> T {
        // Neither is ever closed, so both are always got in the end.
        let turn = self.quick.acquire().await;
        let mut lookup = pin!(lookup);
        if let Ok(answer) = timeout(PATIENCE, &mut lookup).await {
            return answer;
        }
        tokio::select! {
            answer = &mut lookup => answer,
            _slow = self.slow.acquire() => {
                drop(turn);
                lookup.await
            }
        }
    }
}
