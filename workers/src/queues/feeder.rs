//! Feeds the consumer of one queue.

use super::{
    Consume,
    outcome::{self, Held},
};
use crate::{MessageFormat, QueueBatch, QueueMessage};
use bytes::Bytes;
use mailwright_engine::time::UnixMillis;
use mailwright_storage::{
    control::ObjectId,
    workers::{BodyKind, ConsumerDraft, Leased, QueueError, QueueStore},
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, UNIX_EPOCH},
};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

/// Batches of a consumer that says nothing of it, handled at a time.
const AT_A_TIME: usize = 10;
/// The first pause after the consumer could not be reached, and the longest: each is twice as long as the one before.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Pause after the store could not be read or changed.
const STORE_PAUSE: Duration = Duration::from_secs(5);
/// The longest that is waited for what is due later: clocks may be set.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// Feeds the consumer of one queue.
pub(super) struct Feeder<C> {
    pub(super) consumers: C,
    pub(super) queues: QueueStore,
    pub(super) account: ObjectId,
    /// The queue's id: another of its name is another's to feed.
    pub(super) id: ObjectId,
    /// The queue's name.
    pub(super) queue: String,
    pub(super) now: fn() -> UnixMillis,
    pub(super) lease: Duration,
    pub(super) rest: Mutex<Rest>,
}

/// What is next to do.
enum Next {
    /// A batch is there.
    Batch(Vec<Leased>),
    /// Nothing is to be had before then, unless something comes.
    Wait(Option<Duration>),
}

/// How long nothing is handed over because the consumer could not be reached.
pub(super) struct Rest {
    until: Instant,
    pause: Duration,
}

impl Rest {
    /// None.
    pub(super) fn none() -> Mutex<Self> {
        Mutex::new(Self { until: Instant::now(), pause: PAUSES.0 })
    }
}

impl<C: Consume> Feeder<C> {
    /// Feeds until the queue or its consumer is gone, or `stopping` turns true; then what the consumer has is waited for.
    pub(super) async fn run(self, mut stopping: watch::Receiver<bool>) {
        let feeder = Arc::new(self);
        let Some(arrivals) = feeder.queues.arrivals(&feeder.account, &feeder.queue) else { return };
        let mut batches = JoinSet::new();
        {
            let mut stops = std::pin::pin!(stopping.wait_for(|stopping| *stopping));
            tokio::select! {
                () = Arc::clone(&feeder).feed(&arrivals, &mut batches) => {}
                _ = &mut stops => {}
            }
        }
        while batches.join_next().await.is_some() {}
    }

    async fn feed(self: Arc<Self>, arrivals: &Notify, batches: &mut JoinSet<()>) {
        // When the first message came that waits for its batch to be full.
        let mut first: Option<Instant> = None;
        while let Some(consumer) = self.consumer() {
            let rested = self.rest().until;
            sleep_until(rested).await;
            let at_a_time = consumer.max_concurrency.and_then(|most| usize::try_from(most).ok());
            if batches.len() >= at_a_time.unwrap_or(AT_A_TIME) {
                batches.join_next().await;
                continue;
            }
            match self.next(&consumer, &mut first).await {
                Ok(Next::Batch(messages)) => {
                    first = None;
                    let feeder = Arc::clone(&self);
                    batches.spawn(async move { feeder.hand_over(consumer, messages).await });
                }
                Ok(Next::Wait(until)) => tokio::select! {
                    () = arrivals.notified() => {}
                    () = sleep(until.unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN)) => {}
                    Some(_) = batches.join_next(), if !batches.is_empty() => {}
                },
                Err(error) => {
                    tracing::error!(queue = self.queue, %error, "a queue could not be read");
                    sleep(STORE_PAUSE).await;
                }
            }
        }
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes whether the consumer could be reached.
    fn note(&self, is_untried: bool) {
        let mut rest = self.rest();
        if is_untried {
            rest.until = Instant::now() + rest.pause;
            rest.pause = (rest.pause * 2).min(PAUSES.1);
        } else {
            rest.pause = PAUSES.0;
        }
    }

    fn consumer(&self) -> Option<ConsumerDraft> {
        let queue = self.queues.queue(&self.account, &self.queue).filter(|queue| queue.id == self.id)?;
        queue.consumer.as_ref().map(|consumer| consumer.draft.clone())
    }

    /// A batch, if it is full or its first message has waited for long enough.
    async fn next(&self, consumer: &ConsumerDraft, first: &mut Option<Instant>) -> Result<Next, QueueError> {
        let now = (self.now)();
        let (size, name) = (usize::try_from(consumer.batch_size).unwrap_or(1).max(1), self.queue.clone());
        let due = self.stored(move |queues, account| queues.next_due(account, &name, now)).await?;
        let Some(due) = due else { return Ok(Next::Wait(None)) };
        if due > now {
            *first = None;
            return Ok(Next::Wait(Some(due.since(now))));
        }
        if self.queues.queue(&self.account, &self.queue).is_none_or(|queue| queue.draft.paused) {
            return Ok(Next::Wait(None));
        }
        let full =
            *first.get_or_insert_with(Instant::now) + Duration::from_millis(consumer.batch_timeout_ms.into());
        if full > Instant::now() {
            let name = self.queue.clone();
            let status = self.stored(move |queues, account| queues.status(account, &name, now)).await?;
            if usize::try_from(status.ready).unwrap_or(usize::MAX) < size {
                return Ok(Next::Wait(Some(full.saturating_duration_since(Instant::now()))));
            }
        }
        let (name, lease) = (self.queue.clone(), self.lease);
        let leased =
            self.stored(move |queues, account| queues.lease(account, &name, size, lease, now)).await?;
        Ok(if leased.is_empty() { Next::Wait(Some(PAUSES.0)) } else { Next::Batch(leased) })
    }

    /// Hands a batch to its consumer and settles it by what comes of that.
    async fn hand_over(&self, consumer: ConsumerDraft, messages: Vec<Leased>) {
        let held = Held::of(&messages);
        let batch =
            QueueBatch { queue: self.queue.clone(), messages: messages.into_iter().map(message).collect() };
        let ended = self.consumers.consume(&self.account, &consumer.script, batch).await;
        if let Err(error) = &ended {
            tracing::info!(queue = self.queue, script = %consumer.script, %error, "a batch was not handled");
        }
        let outcome = outcome::judge(held, &ended);
        // Before they are settled, by which the feeder learns that they are there again.
        self.note(outcome.is_untried);
        let (name, now) = (self.queue.clone(), self.now);
        let settled = self
            .stored(move |queues, account| queues.settle(account, &name, &outcome.settlements, now()))
            .await;
        if let Err(error) = settled {
            tracing::error!(queue = self.queue, %error, "a batch was not settled: it comes again");
        }
    }

    /// Asks the store, on a thread that may block.
    async fn stored<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&QueueStore, &ObjectId) -> Result<T, QueueError> + Send + 'static,
    ) -> Result<T, QueueError> {
        let (queues, account) = (self.queues.clone(), self.account.clone());
        let asked = tokio::task::spawn_blocking(move || ask(&queues, &account)).await;
        asked.unwrap_or_else(|_| Err(QueueError::Invalid("the server is stopping".to_owned())))
    }
}

fn message(leased: Leased) -> QueueMessage {
    QueueMessage {
        id: leased.id.to_string(),
        sent: UNIX_EPOCH + Duration::from_millis(leased.sent.as_millis()),
        attempts: leased.attempts,
        format: match leased.kind {
            BodyKind::Json => MessageFormat::Json,
            BodyKind::Text => MessageFormat::Text,
            BodyKind::Bytes => MessageFormat::Bytes,
            BodyKind::V8 => MessageFormat::V8,
        },
        body: Bytes::from(leased.body),
    }
}
