//! A delivery: the right to attempt one queue entry, held by whoever works on it.

use crate::domain::{DomainActor, LeaseEnded};
use actix::Addr;
use mailwright_engine::class::SourceName;
use mailwright_storage::{EntryKey, QueueEntry, StoredMessage};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The entries being delivered now, over all domains of the arbiter: what is in here is never handed out a
/// second time, even by a domain actor that was just restarted and reads its entries from disk.
///
/// Used on one thread; a mutex because actix wants messages that could travel.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<Mutex<HashSet<EntryKey>>>);

impl InFlight {
    fn keys(&self) -> MutexGuard<'_, HashSet<EntryKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the entry is being delivered.
    pub fn contains(&self, key: EntryKey) -> bool {
        self.keys().contains(&key)
    }

    fn take(&self, key: EntryKey) -> InFlightKey {
        self.keys().insert(key);
        InFlightKey { key, in_flight: self.clone() }
    }

    /// How many are.
    pub fn len(&self) -> usize {
        self.keys().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.keys().is_empty()
    }
}

/// One entry's place among those in flight, left when dropped. It travels back to the domain with the end of
/// the delivery, so that there is no moment at which the domain could take the entry for one that waits.
#[derive(Debug)]
pub struct InFlightKey {
    key: EntryKey,
    in_flight: InFlight,
}

impl InFlightKey {
    /// The entry.
    pub fn key(&self) -> EntryKey {
        self.key
    }
}

impl Drop for InFlightKey {
    fn drop(&mut self) {
        self.in_flight.keys().remove(&self.key);
    }
}

/// An entry that waits in memory for its turn.
#[derive(Debug)]
pub struct Ready {
    /// The entry.
    pub entry: QueueEntry,
    /// Its message, if it is still in memory.
    pub message: Option<Arc<StoredMessage>>,
    /// Where it leaves from.
    pub source: SourceName,
}

/// Why a delivery came back without an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untried {
    /// The connection ended before the peer said anything about the message.
    ConnectionEnded,
    /// Storage could not promise to remember the attempt: pause before the next.
    StorageRefused,
}

/// The right to attempt one entry. Dropped unsettled (its connection died, whatever the cause), it goes back
/// to its domain as if never handed out.
#[derive(Debug)]
pub struct Delivery {
    ready: Option<Ready>,
    /// Always there until dropped.
    place: Option<InFlightKey>,
    key: EntryKey,
    untried: Untried,
    past_dot: bool,
    domain: Addr<DomainActor>,
}

impl Delivery {
    /// Takes `ready` into flight for `domain`.
    pub fn new(ready: Ready, in_flight: &InFlight, domain: Addr<DomainActor>) -> Self {
        let key = ready.entry.key();
        let place = Some(in_flight.take(key));
        let untried = Untried::ConnectionEnded;
        Self { ready: Some(ready), place, key, untried, past_dot: false, domain }
    }

    /// The entry and, if it is in memory, its message; `None` once settled.
    pub fn ready(&self) -> Option<&Ready> {
        self.ready.as_ref()
    }

    /// The entry's name.
    pub fn key(&self) -> EntryKey {
        self.key
    }

    /// Notes that the content and its final dot are about to go out: if nothing more is heard of this delivery,
    /// it is in doubt.
    pub fn passes_the_dot(&mut self) {
        self.past_dot = true;
    }

    /// Gives the delivery back, saying why.
    pub fn give_back(mut self, why: Untried) {
        self.untried = why;
    }

    /// Takes the entry out to settle it. The outcome must be in the journal before the delivery is dropped:
    /// only then may the domain look at its entries on disk again.
    pub fn settle(&mut self) -> Option<QueueEntry> {
        self.ready.take().map(|ready| ready.entry)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let returned = self.ready.take().map(|ready| (ready, self.untried));
        if returned.is_some() && self.past_dot {
            // The connection died with the answer: its journalled intent stands.
            ::metrics::counter!(mailwright_storage::metrics::IN_DOUBT).increment(1);
        }
        if let Some(place) = self.place.take() {
            // One message for each delivery in flight, which connections bound; a domain that is gone reads
            // its entries from disk when it is next needed.
            self.domain.do_send(LeaseEnded { place, returned });
        }
    }
}
