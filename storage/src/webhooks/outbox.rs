//! The handle of the outbox.

mod writer;

use super::store::{Attempt, Claim, EndpointStatus, NewEvent, OutboxSettings, Store};
use crate::{control::ObjectId, error::StorageError, metrics as names};
use crossbeam_channel::{Sender, bounded, unbounded};
use mailwright_engine::{time::UnixMillis, webhook::WebhookEvent};
use metrics::counter;
use std::{
    collections::HashSet,
    mem,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};
use tokio::sync::{Notify, oneshot};
use writer::Writer;

/// Events that may wait to be written, a kilobyte each: more than delivery makes in the seconds that a disk may stall.
const CAPACITY: usize = 65_536;

/// How long a checkpoint waits for events on their way.
const PATIENCE: Duration = Duration::from_secs(2);

/// Something to do in a transaction.
type Work = Box<dyn FnOnce(&mut Store) -> Answer + Send>;
/// Tells whoever asked, once it is known whether the transaction is safe.
type Answer = Box<dyn FnOnce(&Result<(), StorageError>) + Send>;

enum Message {
    Event(NewEvent),
    Work(Work),
    /// Write what came before, and end.
    Close,
}

/// What handles and thread share.
#[derive(Debug, Default)]
struct Shared {
    /// Events on their way.
    under_way: AtomicUsize,
    /// Endpoints that were given events since the sender last asked.
    given: Mutex<HashSet<ObjectId>>,
    more: Notify,
}

/// The outbox; clones are cheap and share everything.
///
/// What is asked of it is done on its thread, in the order of calls, and answered once it is safe from a power cut.
#[derive(Debug, Clone)]
pub struct Outbox {
    channel: Sender<Message>,
    shared: Arc<Shared>,
}

/// The thread that writes, to be closed at the end.
#[derive(Debug)]
pub struct OutboxThread {
    channel: Sender<Message>,
    handle: JoinHandle<()>,
}

impl Outbox {
    /// Opens the outbox in `dir` (made if missing). `now` tells the time that events are stamped with.
    ///
    /// # Errors
    /// When database or thread cannot be made.
    pub fn start(
        dir: &Path,
        settings: OutboxSettings,
        now: fn() -> UnixMillis,
    ) -> Result<(Self, OutboxThread), StorageError> {
        let store = Store::open(dir, settings)?;
        let (channel, messages) = unbounded();
        let shared: Arc<Shared> = Arc::default();
        let mut writer = Writer::new(store, now, Arc::clone(&shared));
        let handle = std::thread::Builder::new()
            .name("webhooks".to_owned())
            .spawn(move || writer.run(&messages))
            .map_err(|e| StorageError::io("start the thread", "webhooks", e))?;
        Ok((Self { channel: channel.clone(), shared }, OutboxThread { channel, handle }))
    }

    /// An outbox that keeps nothing: whoever asks it is told that it is closed.
    pub fn disabled() -> Self {
        Self { channel: unbounded().0, shared: Arc::default() }
    }

    /// Adds an event for some endpoints. Never waits; lost and counted when [`CAPACITY`] are on their way.
    pub(super) fn record(&self, endpoints: Vec<ObjectId>, event: &WebhookEvent) {
        let Ok(body) = event.to_json() else { return };
        if self.shared.under_way.fetch_add(1, Ordering::Relaxed) >= CAPACITY {
            self.shared.under_way.fetch_sub(1, Ordering::Relaxed);
            counter!(names::WEBHOOK_DROPPED, "reason" => "overload").increment(endpoints.len() as u64);
            return;
        }
        let new = NewEvent { endpoints, id: event.id.clone(), at: event.at, body };
        // A thread that is gone has closed itself.
        let _ = self.channel.send(Message::Event(new));
    }

    /// Waits until endpoints have been given events, and says which. For one caller.
    pub async fn given(&self) -> HashSet<ObjectId> {
        loop {
            let given = mem::take(&mut *lock(&self.shared.given));
            if !given.is_empty() {
                return given;
            }
            self.shared.more.notified().await;
        }
    }

    /// What an endpoint is to be sent next. A batch is put down before it is returned, and stays the same until it is
    /// [delivered](Self::delivered).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim(&self, endpoint: &ObjectId, now: UnixMillis) -> Result<Claim, StorageError> {
        let endpoint = endpoint.clone();
        self.ask(move |store| store.claim(&endpoint, now)).await
    }

    /// The batch that was claimed has been taken.
    ///
    /// # Errors
    /// When the database fails; then it will be sent again.
    pub async fn delivered(&self, endpoint: &ObjectId, attempt: Attempt) -> Result<(), StorageError> {
        let endpoint = endpoint.clone();
        self.ask(move |store| store.delivered(&endpoint, &attempt)).await
    }

    /// The batch that was claimed has not been taken: the endpoint rests until `due`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn failed(
        &self,
        endpoint: &ObjectId,
        attempt: Attempt,
        due: UnixMillis,
    ) -> Result<(), StorageError> {
        let endpoint = endpoint.clone();
        self.ask(move |store| store.failed(&endpoint, &attempt, due)).await
    }

    /// Notes an attempt that was made beside the batches.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note(&self, endpoint: &ObjectId, attempt: Attempt) -> Result<(), StorageError> {
        let endpoint = endpoint.clone();
        self.ask(move |store| store.note(&endpoint, &attempt)).await
    }

    /// Forgets that an endpoint failed: it is due now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn resume(&self, endpoint: &ObjectId) -> Result<(), StorageError> {
        let (endpoint, woken) = (endpoint.clone(), endpoint.clone());
        self.ask(move |store| store.resume(&endpoint)).await?;
        self.wake(woken);
        Ok(())
    }

    /// Tells an endpoint the events of `from` to before `to` again, as far as it was told and they are kept, after all
    /// that waits. Returns how many they are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replay(
        &self,
        endpoint: &ObjectId,
        from: UnixMillis,
        to: UnixMillis,
    ) -> Result<u64, StorageError> {
        let (endpoint, woken) = (endpoint.clone(), endpoint.clone());
        let count = self.ask(move |store| store.replay(&endpoint, from, to)).await?;
        self.wake(woken);
        Ok(count)
    }

    /// Forgets an endpoint with all that waits for it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget(&self, endpoint: &ObjectId) -> Result<(), StorageError> {
        let endpoint = endpoint.clone();
        self.ask(move |store| store.forget(&endpoint)).await
    }

    /// The endpoints of which there is anything.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn endpoints(&self) -> Result<Vec<ObjectId>, StorageError> {
        self.ask(|store| store.endpoints()).await
    }

    /// How endpoints stand, in the order asked for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn status(&self, endpoints: Vec<ObjectId>) -> Result<Vec<EndpointStatus>, StorageError> {
        self.ask(move |store| endpoints.iter().map(|endpoint| store.status(endpoint)).collect()).await
    }

    /// The newest attempts at an endpoint, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn attempts(&self, endpoint: &ObjectId) -> Result<Vec<Attempt>, StorageError> {
        let endpoint = endpoint.clone();
        self.ask(move |store| store.attempts(&endpoint)).await
    }

    /// Waits until all events that were handed over before are safe.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn flush(&self) -> Result<(), StorageError> {
        self.ask(|_| Ok(())).await
    }

    /// Does the same, if anything is on its way, on a thread that may block; for at most two seconds.
    pub fn flush_now(&self) {
        if self.shared.under_way.load(Ordering::Relaxed) == 0 {
            return;
        }
        let (tell, told) = bounded(1);
        let work: Work = Box::new(move |_| {
            Box::new(move |_| {
                // Whoever asked may have given up.
                let _ = tell.send(());
            })
        });
        let is_asked = self.channel.send(Message::Work(work)).is_ok();
        if is_asked && told.recv_timeout(PATIENCE).is_err() {
            tracing::warn!("the outbox of webhooks is slow; a crash now could lose events");
        }
    }

    fn wake(&self, endpoint: ObjectId) {
        lock(&self.shared.given).insert(endpoint);
        self.shared.more.notify_one();
    }

    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let (tell, told) = oneshot::channel();
        let work: Work = Box::new(move |store| {
            let result = work(store);
            Box::new(move |safe| {
                // Whoever asked may be gone.
                let _ = tell.send(safe.clone().and(result));
            })
        });
        self.channel.send(Message::Work(work)).map_err(|_| StorageError::Closed)?;
        told.await.map_err(|_| StorageError::Closed)?
    }
}

impl OutboxThread {
    /// Writes what was recorded and ends the thread; later events are lost. Blocks.
    pub fn close(self) {
        // A thread that is gone has closed itself.
        let _ = self.channel.send(Message::Close);
        if self.handle.join().is_err() {
            tracing::error!("the thread of the webhooks' outbox panicked");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
