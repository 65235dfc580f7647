//! Changes on their way from the journal to the queue worker.

use super::change::Change;
use std::sync::{Mutex, PoisonError};

/// How many waiting changes wake the worker.
///
/// Nobody waits for it to take a change in: it looks by itself at every checkpoint, and a question brings it to look
/// before it answers. Woken for each batch it took 112 µs of processor time a message at 700 messages a second, all
/// of it for going to sleep and waking up.
const WAKE_AT: usize = 1024;

/// What is committed and not yet taken in.
#[derive(Debug, Default)]
pub(crate) struct Feed(Mutex<Committed>);

/// Changes in journal order.
#[derive(Debug, Default)]
pub(crate) struct Committed {
    pub(crate) changes: Vec<Change>,
    /// The journal's position after them.
    pub(crate) position: u64,
}

impl Feed {
    /// Adds the changes of a batch and the position after it; true if the worker is to be woken.
    pub(crate) fn put(&self, changes: Vec<Change>, position: u64) -> bool {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = waiting.changes.len();
        waiting.changes.extend(changes);
        waiting.position = position;
        before < WAKE_AT && waiting.changes.len() >= WAKE_AT
    }

    /// Takes everything; `None` if there is nothing.
    pub(crate) fn take(&self) -> Option<Committed> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (!waiting.changes.is_empty()).then(|| std::mem::take(&mut *waiting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wakes_once_when_enough_waits_and_gives_all_of_it() {
        let feed = Feed::default();
        let one = || vec![Change::Dropped(Vec::new())];
        let woken: Vec<_> = (1..=2 * WAKE_AT as u64).filter(|position| feed.put(one(), *position)).collect();
        assert_eq!(woken, [WAKE_AT as u64]);
        let taken = feed.take().unwrap();
        assert_eq!((taken.changes.len(), taken.position), (2 * WAKE_AT, 2 * WAKE_AT as u64));
        assert!(feed.take().is_none());
    }
}
