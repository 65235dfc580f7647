//! How many events a process handles at a time, and how many wait.

use crate::metrics::WAITING;
use metrics::gauge;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// Events that may wait, for each that may be handled.
const WAITING_PER_PLACE: usize = 4;
/// The unit of room for content.
const UNIT: usize = 1_024;

/// The way into a process.
#[derive(Debug)]
pub(super) struct Gate {
    places: Arc<Semaphore>,
    at_a_time: u32,
    /// Content that is in the process at a time, in units.
    room: Arc<Semaphore>,
    all_room: u32,
    waiting: AtomicUsize,
}

/// A place in a process; free again once this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    _room: OwnedSemaphorePermit,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// As many wait as may.
    Busy,
    /// The process takes no more events; another does.
    Closed,
}

struct Waiting<'a>(&'a AtomicUsize);

impl Gate {
    /// A gate for `at_a_time` events of `octets` of content in all; a single event may have more.
    pub(super) fn new(at_a_time: usize, octets: u64) -> Self {
        let at_a_time = u32::try_from(at_a_time).unwrap_or(u32::MAX).clamp(1, 65_536);
        let all_room = u32::try_from(octets / UNIT as u64).unwrap_or(u32::MAX).clamp(1, 1 << 24);
        Self {
            places: Arc::new(Semaphore::new(at_a_time as usize)),
            at_a_time,
            room: Arc::new(Semaphore::new(all_room as usize)),
            all_room,
            waiting: AtomicUsize::new(0),
        }
    }

    /// Waits for a place for an event with so much content.
    pub(super) async fn enter(&self, octets: usize) -> Result<Place, NoPlace> {
        let units = u32::try_from(octets / UNIT + 1).unwrap_or(u32::MAX).min(self.all_room);
        match self.places.clone().try_acquire_owned() {
            Ok(place) => return self.room(place, units).await,
            Err(TryAcquireError::Closed) => return Err(NoPlace::Closed),
            Err(TryAcquireError::NoPermits) => {}
        }
        let _waiting = self.wait()?;
        let place = self.places.clone().acquire_owned().await.map_err(|_| NoPlace::Closed)?;
        self.room(place, units).await
    }

    async fn room(&self, place: OwnedSemaphorePermit, units: u32) -> Result<Place, NoPlace> {
        let room = self.room.clone().acquire_many_owned(units).await.map_err(|_| NoPlace::Closed)?;
        Ok(Place { _place: place, _room: room })
    }

    fn wait(&self) -> Result<Waiting<'_>, NoPlace> {
        let most = self.at_a_time as usize * WAITING_PER_PLACE;
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= most {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(NoPlace::Busy);
        }
        gauge!(WAITING).increment(1.0);
        Ok(Waiting(&self.waiting))
    }

    /// Lets nobody in any more; who waits is told.
    pub(super) fn close(&self) {
        self.places.close();
        self.room.close();
    }

    /// Closes if nobody is inside or waits. Returns whether it did.
    pub(super) fn close_if_empty(&self) -> bool {
        // With all places in hand, nobody is inside, and nobody comes in before it is closed.
        let Ok(_all) = self.places.try_acquire_many(self.at_a_time) else { return false };
        self.close();
        true
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
        gauge!(WAITING).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, future::join_all};

    #[tokio::test]
    async fn so_many_are_inside_so_many_wait_and_the_next_is_told() {
        let gate = Gate::new(2, 1 << 20);
        let inside = [gate.enter(0).await.unwrap(), gate.enter(0).await.unwrap()];
        let mut waiting: Vec<_> = (0..8).map(|_| Box::pin(gate.enter(0))).collect();
        for enter in &mut waiting {
            assert!(enter.now_or_never().is_none());
        }
        assert_eq!(gate.enter(0).await.unwrap_err(), NoPlace::Busy);
        drop(inside);
        let first = waiting.remove(0).await;
        assert!(first.is_ok());
    }

    #[tokio::test]
    async fn content_beyond_the_room_waits_but_one_event_may_have_any_size() {
        let gate = Gate::new(4, 10 * 1_024);
        let large = gate.enter(1 << 30).await.unwrap();
        let mut other = Box::pin(gate.enter(1));
        assert!((&mut other).now_or_never().is_none());
        drop(large);
        assert!(other.await.is_ok());
    }

    #[tokio::test]
    async fn a_gate_closes_only_when_it_is_empty_and_tells_who_waits() {
        let gate = Gate::new(1, 1 << 20);
        let inside = gate.enter(0).await.unwrap();
        assert!(!gate.close_if_empty());
        let waiting = gate.enter(0);
        gate.close();
        assert_eq!(waiting.await.unwrap_err(), NoPlace::Closed);
        drop(inside);
        assert_eq!(join_all([gate.enter(0)]).await.pop().unwrap().unwrap_err(), NoPlace::Closed);
        assert!(Gate::new(1, 1).close_if_empty());
    }
}
