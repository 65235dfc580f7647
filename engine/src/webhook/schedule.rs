//! When an endpoint that failed is called again, and when it is given up.

use crate::time::UnixMillis;
use std::time::Duration;

/// The longest pause that an endpoint may ask for: whoever wants a longer one can pause the endpoint.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 3600);

/// Pauses between calls of an endpoint that fails.
///
/// The endpoint waits as a whole, not each batch: events stay in order, and a receiver that comes back is not met by
/// everything at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CallSchedule {
    /// The pause after the first failure.
    pub first: Duration,
    /// How many times longer each further one is.
    pub factor: f64,
    /// The longest.
    pub max_interval: Duration,
    /// By which part each varies, up or down, so that endpoints of one receiver do not come back together.
    pub jitter: f64,
    /// How long an endpoint may fail without a success before it is disabled.
    pub disable_after: Duration,
}

impl Default for CallSchedule {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(5),
            factor: 3.0,
            max_interval: Duration::from_secs(600),
            jitter: 0.2,
            disable_after: Duration::from_secs(3 * 24 * 3600),
        }
    }
}

/// A [`CallSchedule`] that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("pauses must be longer than nothing, the first no longer than the longest")]
pub struct InvalidSchedule;

/// A call that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedCall {
    /// Failures in a row, this one included.
    pub failures: u32,
    /// When the first of them was.
    pub failing_since: UnixMillis,
    /// When this one was.
    pub now: UnixMillis,
    /// How long the endpoint asked us to stay away, if it did.
    pub retry_after: Option<Duration>,
    /// Any number that differs between endpoints and calls: decides the jitter.
    pub seed: u64,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// Call again then.
    CallAt(UnixMillis),
    /// It has failed for too long: call no more.
    Disable,
}

impl CallSchedule {
    /// Checks that the values work together.
    ///
    /// # Errors
    /// [`InvalidSchedule`] if they do not.
    pub fn validate(&self) -> Result<(), InvalidSchedule> {
        let pauses = !self.first.is_zero() && self.first <= self.max_interval;
        if pauses { Ok(()) } else { Err(InvalidSchedule) }
    }

    /// What follows from `failed`.
    pub fn after(&self, failed: &FailedCall) -> AfterFailure {
        if failed.now.since(failed.failing_since) >= self.disable_after {
            return AfterFailure::Disable;
        }
        let asked = failed.retry_after.unwrap_or_default().min(LONGEST_ASKED);
        AfterFailure::CallAt(failed.now.saturating_add(self.pause(failed.failures, failed.seed).max(asked)))
    }

    fn pause(&self, failures: u32, seed: u64) -> Duration {
        let steps = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.first.as_secs_f64() * self.factor.max(1.0).powi(steps);
        let pause = Duration::try_from_secs_f64(seconds).unwrap_or(self.max_interval).min(self.max_interval);
        let varied = 1.0 + self.jitter.clamp(0.0, 1.0) * (2.0 * unit(seed ^ u64::from(failures)) - 1.0);
        pause.mul_f64(varied)
    }
}

/// A number from 0 to 1 that looks random (the finaliser of SplitMix64).
fn unit(seed: u64) -> f64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SINCE: UnixMillis = UnixMillis::new(1_000_000);

    fn failed(failures: u32, after: Duration, retry_after: Option<u64>) -> FailedCall {
        let retry_after = retry_after.map(Duration::from_secs);
        FailedCall { failures, failing_since: SINCE, now: SINCE.saturating_add(after), retry_after, seed: 7 }
    }

    #[test]
    fn pauses_grow_to_the_longest() {
        let schedule = CallSchedule { jitter: 0.0, ..CallSchedule::default() };
        let pauses = [1, 2, 3, 4, 5, 6, 1_000_000].map(|n| schedule.pause(n, 1).as_secs());
        assert_eq!(pauses, [5, 15, 45, 135, 405, 600, 600]);
    }

    #[test]
    fn an_endpoint_is_given_up_after_long_failure_only() {
        let schedule = CallSchedule::default();
        let day = Duration::from_secs(24 * 3600);
        assert_eq!(schedule.after(&failed(400, 3 * day, None)), AfterFailure::Disable);
        let nearly = schedule.after(&failed(400, 3 * day - Duration::from_secs(1), None));
        assert!(matches!(nearly, AfterFailure::CallAt(_)));
    }

    #[test]
    fn an_endpoint_may_ask_for_a_longer_pause_and_not_for_a_shorter() {
        let schedule = CallSchedule { jitter: 0.0, ..CallSchedule::default() };
        let pause = |asked| match schedule.after(&failed(2, Duration::ZERO, Some(asked))) {
            AfterFailure::CallAt(at) => at.since(SINCE).as_secs(),
            AfterFailure::Disable => 0,
        };
        assert_eq!([0, 60, u64::from(u32::MAX)].map(pause), [15, 60, 24 * 3600]);
    }

    #[test]
    fn schedules_without_pauses_are_refused() {
        let none = CallSchedule { first: Duration::ZERO, ..CallSchedule::default() };
        let longer = CallSchedule { first: Duration::from_secs(601), ..CallSchedule::default() };
        assert_eq!([none, longer].map(|s| s.validate()), [Err(InvalidSchedule); 2]);
        assert_eq!(CallSchedule::default().validate(), Ok(()));
    }

    proptest! {
        #[test]
        fn jitter_stays_within_its_part(failures in 1u32..2_000, seed: u64) {
            let schedule = CallSchedule::default();
            let even = CallSchedule { jitter: 0.0, ..schedule }.pause(failures, seed).as_secs_f64();
            let pause = schedule.pause(failures, seed).as_secs_f64();
            prop_assert!((0.799 * even..=1.201 * even).contains(&pause), "{pause} of {even}");
        }
    }
}
