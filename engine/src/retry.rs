//! The retry schedule: when a deferred message is tried again, and when it is given up.
//!
//! A pure function of the policy, the number of attempts and the clock reading. The interval grows by a
//! factor up to a ceiling; jitter spreads what failed together; the last attempt falls on the expiry
//! itself, so that a message is given up right after a failure and not hours after one.
//!
//! [`RetryPolicy`] is one pace for everything; [`RetrySchedule`] adds a pace of its own for failures that
//! pass sooner or later than others, and heeds what the receiver said about when to come back.

mod schedule;

pub use schedule::{FailedAttempt, RetryClass, RetryPace, RetrySchedule, RetryScheduleError};

use crate::time::UnixMillis;
use std::{fmt, time::Duration};

/// How often and how long a message is tried (RFC 5321 section 4.5.4.1).
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// Interval after the first failure; at least one millisecond.
    pub first: Duration,
    /// What each interval is multiplied by to give the next; at least 1.
    pub factor: f64,
    /// Longest interval, before jitter; at least [`first`](Self::first).
    pub max_interval: Duration,
    /// Largest part of an interval added to or taken from it; from 0 to below 1.
    pub jitter: f64,
    /// How long after acceptance a message is given up; more than zero.
    pub max_age: Duration,
    /// After how many attempts a message is given up whatever its age; `None` for no such limit.
    pub max_attempts: Option<u32>,
}

impl Default for RetryPolicy {
    /// One minute, doubled up to four hours, ± 10 %, for four days. RFC 5321 section 4.5.4.1 asks for at
    /// least 4 to 5 days and for two attempts in the first hour; greylisting wants the first ones sooner
    /// than its 30 minutes.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(60),
            factor: 2.0,
            max_interval: Duration::from_secs(4 * 3600),
            jitter: 0.1,
            max_age: Duration::from_secs(4 * 24 * 3600),
            max_attempts: None,
        }
    }
}

/// A [`RetryPolicy`] that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RetryPolicyError {
    /// `first` is below one millisecond: a failing message would be tried without pause.
    #[error("the first retry interval must be at least one millisecond")]
    FirstTooShort,
    /// `factor` is below 1 or not a number.
    #[error("the retry factor must be a number of at least 1")]
    Factor,
    /// `max_interval` is below `first`.
    #[error("the longest retry interval must not be shorter than the first")]
    MaxIntervalTooShort,
    /// `jitter` is not from 0 to below 1.
    #[error("the retry jitter must be at least 0 and less than 1")]
    Jitter,
    /// `max_age` is zero.
    #[error("the longest age of a message must be more than zero")]
    MaxAge,
    /// `max_attempts` is zero.
    #[error("the largest number of attempts must be more than zero")]
    MaxAttempts,
}

/// What the schedule says after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDecision {
    /// Try again at this time.
    At(UnixMillis),
    /// Do not try again.
    GiveUp(GiveUpReason),
}

/// Why a message is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveUpReason {
    /// [`RetryPolicy::max_age`] has passed since acceptance.
    Expired,
    /// [`RetryPolicy::max_attempts`] have been made.
    TooManyAttempts,
}

impl fmt::Display for GiveUpReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the message is too old",
            Self::TooManyAttempts => "too many attempts were made",
        })
    }
}

impl RetryPolicy {
    /// Checks the bounds documented at the fields.
    ///
    /// # Errors
    /// The first bound that does not hold.
    pub fn validate(&self) -> Result<(), RetryPolicyError> {
        let checks = [
            (self.first >= Duration::from_millis(1), RetryPolicyError::FirstTooShort),
            (self.factor.is_finite() && self.factor >= 1.0, RetryPolicyError::Factor),
            (self.max_interval >= self.first, RetryPolicyError::MaxIntervalTooShort),
            ((0.0..1.0).contains(&self.jitter), RetryPolicyError::Jitter),
            (!self.max_age.is_zero(), RetryPolicyError::MaxAge),
            (self.max_attempts != Some(0), RetryPolicyError::MaxAttempts),
        ];
        checks.iter().find(|(holds, _)| !holds).map_or(Ok(()), |&(_, error)| Err(error))
    }

    /// When to try again a message accepted at `accepted_at`, of which `attempts_made` attempts have been
    /// made, the last of them failing `now`.
    ///
    /// `seed` chooses the jitter, the same for the same seed and attempt; the queue id serves well. An
    /// attempt beyond the expiry is moved to the expiry itself.
    pub fn next(
        &self,
        attempts_made: u32,
        accepted_at: UnixMillis,
        now: UnixMillis,
        seed: u64,
    ) -> RetryDecision {
        if self.max_attempts.is_some_and(|most| attempts_made >= most) {
            return RetryDecision::GiveUp(GiveUpReason::TooManyAttempts);
        }
        let expiry = accepted_at.saturating_add(self.max_age);
        if now >= expiry {
            return RetryDecision::GiveUp(GiveUpReason::Expired);
        }
        let interval = self.jittered(self.interval(attempts_made), attempts_made, seed);
        RetryDecision::At(now.saturating_add(interval).min(expiry))
    }

    /// The interval after `attempts_made` failed attempts, before jitter.
    fn interval(&self, attempts_made: u32) -> Duration {
        let doublings = i32::try_from(attempts_made.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.first.as_secs_f64() * self.factor.powi(doublings);
        // Too large for a Duration is just as well too large for the ceiling.
        Duration::try_from_secs_f64(seconds).unwrap_or(self.max_interval).min(self.max_interval)
    }

    /// `interval` times a number from `1 - jitter` to `1 + jitter`.
    fn jittered(&self, interval: Duration, attempts_made: u32, seed: u64) -> Duration {
        let scale = 1.0 + self.jitter * spread(seed, attempts_made);
        Duration::try_from_secs_f64(interval.as_secs_f64() * scale).unwrap_or(interval)
    }
}

/// A number from -1 to below 1 that looks random and is the same for the same arguments.
fn spread(seed: u64, attempt: u32) -> f64 {
    // The finaliser of SplitMix64: neighbouring seeds and attempts land far apart.
    let mut x = seed ^ u64::from(attempt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 31;
    // 32 of its bits are exact in an f64.
    let high = u32::try_from(x >> 32).unwrap_or(u32::MAX);
    f64::from(high) / 2_147_483_648.0 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ACCEPTED: UnixMillis = UnixMillis::new(1_000_000);

    fn exact() -> RetryPolicy {
        RetryPolicy { jitter: 0.0, ..RetryPolicy::default() }
    }

    fn after_minutes(start: UnixMillis, minutes: u64) -> UnixMillis {
        start.saturating_add(Duration::from_secs(minutes * 60))
    }

    #[test]
    fn doubles_up_to_four_hours() {
        let minutes = [1, 2, 4, 8, 16, 32, 64, 128, 240, 240];
        for (attempts, minutes) in (1..).zip(minutes) {
            let decision = exact().next(attempts, ACCEPTED, ACCEPTED, 7);
            assert_eq!(decision, RetryDecision::At(after_minutes(ACCEPTED, minutes)), "{attempts}");
        }
        assert_eq!(
            exact().next(u32::MAX, ACCEPTED, ACCEPTED, 7),
            RetryDecision::At(after_minutes(ACCEPTED, 240))
        );
    }

    #[test]
    fn the_last_attempt_falls_on_the_expiry() {
        let expiry = after_minutes(ACCEPTED, 4 * 24 * 60);
        let shortly_before = after_minutes(ACCEPTED, 4 * 24 * 60 - 1);
        assert_eq!(exact().next(20, ACCEPTED, shortly_before, 7), RetryDecision::At(expiry));
        assert_eq!(exact().next(21, ACCEPTED, expiry, 7), RetryDecision::GiveUp(GiveUpReason::Expired));
    }

    #[test]
    fn the_largest_number_of_attempts_is_exact() {
        let policy = RetryPolicy { max_attempts: Some(3), ..exact() };
        assert!(matches!(policy.next(2, ACCEPTED, ACCEPTED, 7), RetryDecision::At(_)));
        assert_eq!(
            policy.next(3, ACCEPTED, ACCEPTED, 7),
            RetryDecision::GiveUp(GiveUpReason::TooManyAttempts)
        );
    }

    #[test]
    fn the_default_makes_about_thirty_attempts_in_four_days() {
        let (mut now, mut attempts) = (ACCEPTED, 1);
        while let RetryDecision::At(next) = RetryPolicy::default().next(attempts, ACCEPTED, now, 7) {
            (now, attempts) = (next, attempts + 1);
        }
        assert_eq!(now, after_minutes(ACCEPTED, 4 * 24 * 60));
        assert!((28..=36).contains(&attempts), "{attempts}");
    }

    #[test]
    fn a_clock_that_stepped_back_before_acceptance_does_not_expire_the_message() {
        let decision = exact().next(1, ACCEPTED, UnixMillis::new(0), 7);
        assert_eq!(decision, RetryDecision::At(UnixMillis::new(60_000)));
    }

    #[test]
    fn refuses_policies_that_make_no_sense() {
        let default = RetryPolicy::default;
        let cases = [
            (RetryPolicy { first: Duration::ZERO, ..default() }, RetryPolicyError::FirstTooShort),
            (RetryPolicy { factor: 0.9, ..default() }, RetryPolicyError::Factor),
            (RetryPolicy { factor: f64::NAN, ..default() }, RetryPolicyError::Factor),
            (
                RetryPolicy { max_interval: Duration::from_secs(59), ..default() },
                RetryPolicyError::MaxIntervalTooShort,
            ),
            (RetryPolicy { jitter: 1.0, ..default() }, RetryPolicyError::Jitter),
            (RetryPolicy { jitter: f64::NAN, ..default() }, RetryPolicyError::Jitter),
            (RetryPolicy { max_age: Duration::ZERO, ..default() }, RetryPolicyError::MaxAge),
            (RetryPolicy { max_attempts: Some(0), ..default() }, RetryPolicyError::MaxAttempts),
        ];
        for (policy, error) in cases {
            assert_eq!(policy.validate(), Err(error), "{policy:?}");
        }
        assert_eq!(default().validate(), Ok(()));
    }

    fn any_policy() -> impl Strategy<Value = RetryPolicy> {
        (1_u64..100_000, 1.0..10.0, 1_u64..100, 0.0..1.0, 1_u64..1_000_000_000).prop_map(
            |(first, factor, ceiling, jitter, age)| RetryPolicy {
                first: Duration::from_millis(first),
                factor,
                max_interval: Duration::from_millis(first * ceiling),
                jitter,
                max_age: Duration::from_millis(age),
                max_attempts: None,
            },
        )
    }

    proptest! {
        #[test]
        fn stays_between_now_and_the_ceiling_and_the_expiry(
            policy in any_policy(), attempts: u32, waited in 0_u64..2_000_000_000, seed: u64
        ) {
            prop_assert_eq!(policy.validate(), Ok(()));
            let now = ACCEPTED.saturating_add(Duration::from_millis(waited));
            let expiry = ACCEPTED.saturating_add(policy.max_age);
            match policy.next(attempts, ACCEPTED, now, seed) {
                RetryDecision::At(at) => {
                    let most = policy.max_interval.mul_f64(1.0 + policy.jitter);
                    prop_assert!(now < expiry && now <= at && at <= expiry);
                    prop_assert!(at.since(now) <= most);
                }
                RetryDecision::GiveUp(reason) => {
                    prop_assert_eq!(reason, GiveUpReason::Expired);
                    prop_assert!(now >= expiry);
                }
            }
        }

        #[test]
        fn intervals_never_shrink_without_jitter(policy in any_policy(), attempts in 0_u32..100) {
            prop_assert!(policy.interval(attempts) <= policy.interval(attempts + 1));
        }

        #[test]
        fn jitter_follows_the_seed_and_keeps_its_bounds(policy in any_policy(), attempts in 1_u32..50, seed: u64) {
            let interval = policy.interval(attempts);
            let one = policy.jittered(interval, attempts, seed);
            prop_assert_eq!(one, policy.jittered(interval, attempts, seed));
            // A nanosecond for the rounding of f64.
            let slack = Duration::from_nanos(1_000);
            prop_assert!(one + slack >= interval.mul_f64(1.0 - policy.jitter));
            prop_assert!(one <= interval.mul_f64(1.0 + policy.jitter) + slack);
        }
    }

    #[test]
    fn neighbouring_seeds_spread_evenly() {
        let mean = (0..1_000).map(|seed| spread(seed, 3)).sum::<f64>() / 1_000.0;
        assert!(mean.abs() < 0.1, "{mean}");
        assert!(
            (0..1_000).any(|seed| spread(seed, 3) > 0.9) && (0..1_000).any(|seed| spread(seed, 3) < -0.9)
        );
    }
}
