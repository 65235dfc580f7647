//! Warm-up: how much a new address may send each day.

use crate::time::UnixMillis;
use std::time::Duration;

const DAY: u64 = 86_400_000;

/// A schedule of daily allowances, in days of UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarmUp {
    /// Days since the epoch on which it began.
    first_day: u64,
    caps: Vec<u64>,
}

impl WarmUp {
    /// A schedule that begins on the day of `start`; `caps` holds the allowance of each day, in messages. After
    /// the last there is no limit.
    pub fn new(start: UnixMillis, caps: Vec<u64>) -> Self {
        Self { first_day: Self::day(start), caps }
    }

    /// The day of `now`, counted from the epoch: what daily counters are kept by.
    pub fn day(now: UnixMillis) -> u64 {
        now.as_millis() / DAY
    }

    /// How many messages may be sent on the day of `now`; `None` when the schedule is over. Before it begins: 0.
    pub fn cap(&self, now: UnixMillis) -> Option<u64> {
        let Some(passed) = Self::day(now).checked_sub(self.first_day) else { return Some(0) };
        self.caps.get(usize::try_from(passed).unwrap_or(usize::MAX)).copied()
    }

    /// When the next day's allowance begins.
    pub fn next_day(now: UnixMillis) -> UnixMillis {
        let left = DAY - now.as_millis() % DAY;
        now.saturating_add(Duration::from_millis(left))
    }
}
