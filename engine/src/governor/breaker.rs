//! The breaker of a dead destination: closed, open for a while, then one probe.

use crate::time::UnixMillis;
use std::time::Duration;

/// How long the breaker stays open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// The first time.
    pub first: Duration,
    /// Longest; each time is twice the one before.
    pub longest: Duration,
}

impl Default for BreakerPolicy {
    /// One minute, up to ten: the first to notice that a site is back should not be hours late.
    fn default() -> Self {
        Self { first: Duration::from_secs(60), longest: Duration::from_secs(600) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Failures in a row so far.
    Closed { failures: u32 },
    /// Nothing is tried until then; this is the `times`-th time in a row.
    Open { until: UnixMillis, times: u32 },
    /// One connection finds out.
    Probing { times: u32 },
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Opened { until: UnixMillis },
    Probing,
    Closed,
}

/// The breaker.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    policy: BreakerPolicy,
    /// Failures in a row that open it.
    limit: u32,
    state: State,
}

impl Breaker {
    pub(super) fn new(policy: BreakerPolicy, limit: u32) -> Self {
        Self { policy, limit: limit.max(1), state: State::Closed { failures: 0 } }
    }

    pub(super) fn set_limit(&mut self, limit: u32) {
        self.limit = limit.max(1);
    }

    /// Until when nothing may be tried.
    pub(super) fn open_until(&self) -> Option<UnixMillis> {
        match self.state {
            State::Open { until, .. } => Some(until),
            State::Closed { .. } | State::Probing { .. } => None,
        }
    }

    pub(super) fn is_probing(&self) -> bool {
        matches!(self.state, State::Probing { .. })
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// Something worked.
    pub(super) fn success(&mut self) -> Option<Change> {
        let was = std::mem::replace(&mut self.state, State::Closed { failures: 0 });
        (!matches!(was, State::Closed { .. })).then_some(Change::Closed)
    }

    /// A whole session failed.
    pub(super) fn failure(&mut self, now: UnixMillis) -> Option<Change> {
        match self.state {
            State::Closed { failures } if failures + 1 < self.limit => {
                self.state = State::Closed { failures: failures + 1 };
                None
            }
            State::Closed { .. } => Some(self.open(1, now)),
            State::Probing { times } => Some(self.open(times.saturating_add(1), now)),
            // A straggler from before.
            State::Open { .. } => None,
        }
    }

    fn open(&mut self, times: u32, now: UnixMillis) -> Change {
        let doubled = self.policy.first.saturating_mul(1 << (times - 1).min(16));
        let until = now.saturating_add(doubled.min(self.policy.longest));
        self.state = State::Open { until, times };
        Change::Opened { until }
    }

    pub(super) fn tick(&mut self, now: UnixMillis) -> Option<Change> {
        match self.state {
            State::Open { until, times } if until <= now => {
                self.state = State::Probing { times };
                Some(Change::Probing)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_000_000);

    #[test]
    fn opens_after_failures_in_a_row_probes_and_closes() {
        let mut breaker = Breaker::new(BreakerPolicy::default(), 3);
        assert_eq!((breaker.failure(NOW), breaker.failure(NOW)), (None, None));
        breaker.success();
        assert_eq!((breaker.failure(NOW), breaker.failure(NOW)), (None, None));
        let Some(Change::Opened { until }) = breaker.failure(NOW) else { panic!("{breaker:?}") };
        assert_eq!(until.since(NOW), Duration::from_secs(60));
        assert_eq!((breaker.tick(NOW), breaker.tick(until)), (None, Some(Change::Probing)));
        assert_eq!(breaker.success(), Some(Change::Closed));
    }

    #[test]
    fn a_failed_probe_opens_it_for_twice_as_long_up_to_a_limit() {
        let mut breaker = Breaker::new(BreakerPolicy::default(), 1);
        let mut now = NOW;
        let mut waits = Vec::new();
        for _ in 0..6 {
            let Some(Change::Opened { until }) = breaker.failure(now) else { panic!("{breaker:?}") };
            waits.push(until.since(now).as_secs());
            now = until;
            breaker.tick(now);
        }
        assert_eq!(waits, [60, 120, 240, 480, 600, 600]);
    }
}
