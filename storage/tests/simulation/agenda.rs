//! The clock, and what happens when. Nothing here ever waits: time is the next thing on the agenda.

use mailwright_engine::time::UnixMillis;
use std::{collections::BTreeMap, time::Duration};

/// What is going to happen, in order of time and then of planning.
pub(super) struct Agenda<E> {
    now: UnixMillis,
    planned: BTreeMap<(UnixMillis, u64), E>,
    number: u64,
}

impl<E> Agenda<E> {
    /// Nothing planned; the clock shows `now`.
    pub(super) fn new(now: UnixMillis) -> Self {
        Self { now, planned: BTreeMap::new(), number: 0 }
    }

    /// The time.
    pub(super) fn now(&self) -> UnixMillis {
        self.now
    }

    /// Plans something; what should have been already happens at once, behind what does too.
    pub(super) fn at(&mut self, when: UnixMillis, event: E) {
        self.number += 1;
        self.planned.insert((when.max(self.now), self.number), event);
    }

    /// Plans something for after so long.
    pub(super) fn after(&mut self, wait: Duration, event: E) {
        self.at(self.now.saturating_add(wait), event);
    }

    /// Lets time pass until the next thing happens.
    pub(super) fn next(&mut self) -> Option<E> {
        let ((when, _), event) = self.planned.pop_first()?;
        self.now = when;
        Some(event)
    }

    /// Strikes out what `stays` does not hold for.
    pub(super) fn retain(&mut self, mut stays: impl FnMut(&E) -> bool) {
        self.planned.retain(|_, event| stays(event));
    }
}
