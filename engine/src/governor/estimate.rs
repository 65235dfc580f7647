//! How many messages a site took lately: what a slow-down without a configured rate goes by.

use crate::time::UnixMillis;
use std::collections::VecDeque;

/// Length of one slot, in milliseconds.
const SLOT: u64 = 5_000;
/// Slots looked back at: one minute.
const SLOTS: u64 = 12;

/// Counts of the last minute.
#[derive(Debug, Clone, Default)]
pub(super) struct Estimate {
    /// Slot numbers and what was taken in each, oldest first.
    slots: VecDeque<(u64, u32)>,
}

impl Estimate {
    /// One message was taken.
    pub(super) fn count(&mut self, now: UnixMillis) {
        let slot = now.as_millis() / SLOT;
        match self.slots.back_mut() {
            Some((last, count)) if *last >= slot => *count = count.saturating_add(1),
            _ => self.slots.push_back((slot, 1)),
        }
        while self.slots.front().is_some_and(|(first, _)| first + SLOTS <= slot) {
            self.slots.pop_front();
        }
    }

    /// Messages a minute, extrapolated while there is less than a minute to look back at; at least 1.
    pub(super) fn per_minute(&self, now: UnixMillis) -> u32 {
        let slot = now.as_millis() / SLOT;
        let recent = || self.slots.iter().filter(|(at, _)| at + SLOTS > slot);
        let taken: u64 = recent().map(|(_, count)| u64::from(*count)).sum();
        let spans = recent().next().map_or(1, |(first, _)| slot.saturating_sub(*first) + 1);
        u32::try_from((taken * SLOTS / spans).max(1)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixMillis {
        UnixMillis::new(1_000_000 + seconds * 1_000)
    }

    #[test]
    fn extrapolates_a_young_site_and_forgets_after_a_minute() {
        let mut estimate = Estimate::default();
        (0..50).for_each(|_| estimate.count(at(0)));
        assert_eq!(estimate.per_minute(at(4)), 600);
        assert_eq!(estimate.per_minute(at(29)), 100);
        assert_eq!(estimate.per_minute(at(70)), 1);
    }
}
