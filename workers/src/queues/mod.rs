//! The pump: it brings messages of queues to the Workers that consume them.
//!
//! One task looks which queues have a consumer, and has a [`Feeder`](feeder::Feeder) for each. A message is leased while
//! a Worker has it and settled by what came of it; whoever dies in between, the lease ends and the message comes again.

mod feeder;
mod outcome;

use crate::{EventError, QueueBatch, QueueDone, Workers};
use feeder::{Feeder, Rest};
use mailwright_engine::{time::UnixMillis, worker::ScriptName};
use mailwright_storage::{
    control::ObjectId,
    workers::{Queue, QueueStore},
};
use std::{collections::HashMap, future::Future, time::Duration};
use tokio::{
    sync::watch,
    task::{Id, JoinSet},
};

/// How long consumers are waited for when the server stops. What they have by then comes again after the start.
const DRAIN: Duration = Duration::from_secs(5);

/// Brings the messages of `queues` to the Workers that consume them until `stopping` turns true; `now` is the time by
/// which they are due. What a Worker has then is waited for, for some seconds; what it has not handled comes again after
/// the start.
///
/// A message comes again that nobody has settled within `lease`: longer than an event may take, with the time that it may
/// have to wait for its turn.
pub async fn feed_queues(
    workers: Workers,
    queues: QueueStore,
    now: fn() -> UnixMillis,
    lease: Duration,
    stopping: watch::Receiver<bool>,
) {
    Pump::new(workers, queues, now, lease).run(stopping).await;
}

impl Consume for Workers {
    async fn consume(
        &self,
        account: &ObjectId,
        script: &ScriptName,
        batch: QueueBatch,
    ) -> Result<QueueDone, EventError> {
        self.queue(account, script, batch).await
    }
}

/// Who handles batches.
pub(crate) trait Consume: Clone + Send + Sync + 'static {
    /// Has a Worker handle a batch.
    fn consume(
        &self,
        account: &ObjectId,
        script: &ScriptName,
        batch: QueueBatch,
    ) -> impl Future<Output = Result<QueueDone, EventError>> + Send;
}

/// Brings messages to consumers.
pub(crate) struct Pump<C> {
    consumers: C,
    queues: QueueStore,
    now: fn() -> UnixMillis,
    /// How long a Worker may have a batch before somebody else gets it.
    lease: Duration,
}

impl<C: Consume> Pump<C> {
    /// A pump from `queues` to `consumers`. After `lease` a message comes again that nobody has settled: longer than a
    /// Worker may take, with the time that it may have to wait for its turn.
    pub(crate) fn new(consumers: C, queues: QueueStore, now: fn() -> UnixMillis, lease: Duration) -> Self {
        Self { consumers, queues, now, lease }
    }

    /// Feeds all queues that have consumers until `stopping` turns true.
    pub(crate) async fn run(self, mut stopping: watch::Receiver<bool>) {
        let changed = self.queues.changed();
        let mut feeders = JoinSet::new();
        // The queues that have one, by the ids of the tasks.
        let mut fed: HashMap<Id, ObjectId> = HashMap::new();
        let is_over = stopping.clone();
        let mut stops = std::pin::pin!(stopping.wait_for(|stopping| *stopping));
        loop {
            for queue in self.queues.consumed() {
                if !fed.values().any(|id| *id == queue.id) {
                    let task = feeders.spawn(self.feeder(&queue).run(is_over.clone()));
                    fed.insert(task.id(), queue.id.clone());
                }
            }
            tokio::select! {
                () = changed.notified() => {}
                Some(ended) = feeders.join_next_with_id(), if !feeders.is_empty() => {
                    let task = ended.map_or_else(|error| error.id(), |(task, ())| task);
                    fed.remove(&task);
                }
                _ = &mut stops => break,
            }
        }
        let ended = async { while feeders.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, ended).await.is_err() {
            tracing::info!("consumers of queues are still busy; what they have comes again");
        }
    }

    fn feeder(&self, queue: &Queue) -> Feeder<C> {
        Feeder {
            consumers: self.consumers.clone(),
            queues: self.queues.clone(),
            account: queue.account.clone(),
            id: queue.id.clone(),
            queue: queue.name.clone(),
            now: self.now,
            lease: self.lease,
            rest: Rest::none(),
        }
    }
}

#[cfg(test)]
mod tests;
