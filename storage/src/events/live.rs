//! Hearing what is written while it is written.

use super::place::Placed;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::broadcast;

/// Events that a listener may be behind, for all listeners together: some four megabytes at their usual length.
const BEHIND: usize = 4_096;

/// Where the writer tells what it has written.
#[derive(Debug, Clone)]
pub(super) struct Live {
    told: broadcast::Sender<Arc<Placed>>,
    listeners: Arc<AtomicUsize>,
}

impl Default for Live {
    fn default() -> Self {
        Self { told: broadcast::Sender::new(BEHIND), listeners: Arc::default() }
    }
}

impl Live {
    /// Whether anybody listens.
    pub(super) fn is_heard(&self) -> bool {
        self.listeners.load(Ordering::Relaxed) > 0
    }

    pub(super) fn listen(&self) -> Listener {
        self.listeners.fetch_add(1, Ordering::Relaxed);
        Listener { heard: self.told.subscribe(), listeners: Arc::clone(&self.listeners) }
    }

    /// Tells events that are in the file now.
    pub(super) fn tell(&self, events: impl Iterator<Item = Placed>) {
        for event in events {
            // An error means that the last listener has gone meanwhile.
            let _ = self.told.send(Arc::new(event));
        }
    }
}

/// Hears what is written to the log from its making on, in order. One that falls more than 4,096 events behind misses
/// the oldest and is told how many.
#[derive(Debug)]
pub struct Listener {
    heard: broadcast::Receiver<Arc<Placed>>,
    listeners: Arc<AtomicUsize>,
}

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// An event.
    Event(Arc<Placed>),
    /// So many events were missed, because they were not taken in time.
    Missed(u64),
}

impl Listener {
    /// The next; `None` once the log is closed. Cancelled, it has taken nothing.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.heard.recv().await {
            Ok(event) => Some(Heard::Event(event)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Heard::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}
