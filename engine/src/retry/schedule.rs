//! Paces by the kind of failure.

use super::{RetryDecision, RetryPolicy, RetryPolicyError, spread};
use crate::time::UnixMillis;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, time::Duration};

/// What kind of failure a pace is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryClass {
    /// Everything without a pace of its own.
    #[default]
    Default,
    /// Refused on first sight (RFC 6647): taken when tried again after some minutes, not sooner.
    Greylisted,
    /// We sent too much or too fast.
    RateLimited,
    /// The mailbox is over its quota, for a person to tidy up.
    MailboxFull,
    /// No connection, or a broken one.
    Connection,
    /// The name service gave no answer.
    Dns,
    /// Refused for now by policy: reputation, content, authentication.
    Policy,
}

impl RetryClass {
    /// The name in configuration and logs: `rate_limited`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Greylisted => "greylisted",
            Self::RateLimited => "rate_limited",
            Self::MailboxFull => "mailbox_full",
            Self::Connection => "connection",
            Self::Dns => "dns",
            Self::Policy => "policy",
        }
    }
}

impl fmt::Display for RetryClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the intervals between attempts grow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPace {
    /// As [`RetryPolicy::first`].
    pub first: Duration,
    /// As [`RetryPolicy::factor`].
    pub factor: f64,
    /// As [`RetryPolicy::max_interval`].
    pub max_interval: Duration,
}

/// How often and how long a message is tried, by the kind of its last failure.
///
/// Age, number of attempts and jitter are bounded by the default policy whatever the kind.
#[derive(Debug, Clone, PartialEq)]
pub struct RetrySchedule {
    /// For every class that is not in [`by_class`](Self::by_class), and the bounds of all.
    pub default: RetryPolicy,
    /// The paces of some classes; one for [`RetryClass::Default`] would take the place of the policy's.
    pub by_class: BTreeMap<RetryClass, RetryPace>,
}

/// A [`RetrySchedule`] that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("retry schedule of class {class}: {error}")]
pub struct RetryScheduleError {
    /// Whose pace it is.
    pub class: RetryClass,
    /// What is wrong with it.
    #[source]
    pub error: RetryPolicyError,
}

impl Default for RetrySchedule {
    /// The default policy, and:
    ///
    /// | class | first | factor | longest | because |
    /// |---|---|---|---|---|
    /// | greylisted | 5 min | 1.5 | 30 min | the usual wait; a message that an outage aged must not wait hours for it |
    /// | rate limited | 2 min | 1.5 | 30 min | limits are by the minute or the hour |
    /// | mailbox full | 30 min | 2 | 8 h | people empty mailboxes, in the morning and in the evening |
    /// | DNS | 2 min | 2 | 1 h | negative answers are cached for minutes, and asking costs little |
    /// | policy | 15 min | 2 | 4 h | trying harder makes a bad reputation worse |
    fn default() -> Self {
        const MINUTE: u64 = 60;
        let pace = |first, factor, most| RetryPace {
            first: Duration::from_secs(first * MINUTE),
            factor,
            max_interval: Duration::from_secs(most * MINUTE),
        };
        let by_class = BTreeMap::from([
            (RetryClass::Greylisted, pace(5, 1.5, 30)),
            (RetryClass::RateLimited, pace(2, 1.5, 30)),
            (RetryClass::MailboxFull, pace(30, 2.0, 8 * 60)),
            (RetryClass::Dns, pace(2, 2.0, 60)),
            (RetryClass::Policy, pace(15, 2.0, 4 * 60)),
        ]);
        Self { default: RetryPolicy::default(), by_class }
    }
}

impl From<RetryPolicy> for RetrySchedule {
    /// The same policy for every class.
    fn from(default: RetryPolicy) -> Self {
        Self { default, by_class: BTreeMap::new() }
    }
}

/// An attempt that failed and may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedAttempt {
    /// What kind of failure it was.
    pub class: RetryClass,
    /// How many attempts were made, this one included.
    pub attempts_made: u32,
    /// When we took the message.
    pub accepted_at: UnixMillis,
    /// When the attempt failed.
    pub now: UnixMillis,
    /// How long the receiver asked us to stay away, if its reply said so.
    pub retry_after: Option<Duration>,
    /// When this message is given up, if it says so itself, in the place of [`RetryPolicy::max_age`].
    pub expires_at: Option<UnixMillis>,
    /// Chooses the jitter, the same for the same seed and attempt; the queue id serves well.
    pub seed: u64,
}

impl FailedAttempt {
    /// The shortest wait for which a receiver's word is taken.
    const MIN_ASKED: Duration = Duration::from_secs(30);
    /// The longest wait for which a receiver's word is taken: nobody may keep our queue full for days.
    const MAX_ASKED: Duration = Duration::from_secs(3600);
    /// Largest part of an asked wait added to it. Nothing is taken from it: who comes back too early to a
    /// greylisting server may have to wait all over again.
    const ASKED_JITTER: f64 = 0.1;

    /// When the receiver wants us back, if it said so.
    fn asked(&self) -> Option<UnixMillis> {
        let wait = self.retry_after?.clamp(Self::MIN_ASKED, Self::MAX_ASKED);
        let from_zero_to_one = (spread(self.seed, self.attempts_made) + 1.0) / 2.0;
        Some(self.now.saturating_add(wait.mul_f64(1.0 + Self::ASKED_JITTER * from_zero_to_one)))
    }

    /// The next attempt, with the pace and the receiver asking for these times. A first wish is granted as it
    /// is; a later one only makes the wait longer, lest a receiver that says "30 seconds" for ever has us try
    /// for days every 30 seconds.
    fn reconcile(&self, by_pace: UnixMillis) -> UnixMillis {
        match self.asked() {
            Some(asked) if self.attempts_made <= 1 => asked,
            Some(asked) => asked.max(by_pace),
            None => by_pace,
        }
    }
}

impl RetrySchedule {
    /// Checks every pace by the bounds of [`RetryPolicy::validate`].
    ///
    /// # Errors
    /// The first bound that does not hold, with the class it belongs to.
    pub fn validate(&self) -> Result<(), RetryScheduleError> {
        let fault = |class| move |error| RetryScheduleError { class, error };
        self.default.validate().map_err(fault(RetryClass::Default))?;
        self.by_class.keys().try_for_each(|&class| self.policy(class).validate().map_err(fault(class)))
    }

    /// The policy for failures of a class.
    pub fn policy(&self, class: RetryClass) -> RetryPolicy {
        let default = self.default.clone();
        match self.by_class.get(&class) {
            Some(&RetryPace { first, factor, max_interval }) => {
                RetryPolicy { first, factor, max_interval, ..default }
            }
            None => default,
        }
    }

    /// When a message is given up, the time of its last attempt: when it says so itself, or by its age.
    pub fn expiry(&self, accepted_at: UnixMillis, expires_at: Option<UnixMillis>) -> UnixMillis {
        expires_at.unwrap_or_else(|| accepted_at.saturating_add(self.default.max_age))
    }

    /// When to try again, if at all. Like [`RetryPolicy::next`] with the pace of the class, and what the
    /// receiver asked for: followed from 30 seconds to an hour, plus up to a tenth, and after the first attempt
    /// only where the pace alone would be sooner. The last attempt falls on the expiry.
    pub fn next(&self, failed: &FailedAttempt) -> RetryDecision {
        let expiry = self.expiry(failed.accepted_at, failed.expires_at);
        let max_age = expiry.since(failed.accepted_at);
        let policy = RetryPolicy { max_age, ..self.policy(failed.class) };
        match policy.next(failed.attempts_made, failed.accepted_at, failed.now, failed.seed) {
            RetryDecision::At(by_pace) => RetryDecision::At(failed.reconcile(by_pace).min(expiry)),
            given_up => given_up,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::GiveUpReason, *};
    use proptest::prelude::*;

    const ACCEPTED: UnixMillis = UnixMillis::new(1_000_000);
    const CLASSES: [RetryClass; 7] = [
        RetryClass::Default,
        RetryClass::Greylisted,
        RetryClass::RateLimited,
        RetryClass::MailboxFull,
        RetryClass::Connection,
        RetryClass::Dns,
        RetryClass::Policy,
    ];

    fn exact() -> RetrySchedule {
        let mut schedule = RetrySchedule::default();
        schedule.default.jitter = 0.0;
        schedule
    }

    fn failed(class: RetryClass, attempts_made: u32) -> FailedAttempt {
        FailedAttempt {
            class,
            attempts_made,
            accepted_at: ACCEPTED,
            now: ACCEPTED,
            retry_after: None,
            expires_at: None,
            seed: 7,
        }
    }

    /// Seconds until the next attempt.
    fn wait(schedule: &RetrySchedule, failed: FailedAttempt) -> f64 {
        match schedule.next(&failed) {
            RetryDecision::At(at) => at.since(failed.now).as_secs_f64(),
            given_up => panic!("{given_up:?}"),
        }
    }

    #[test]
    fn each_class_has_its_pace() {
        // (class, minutes after the first, second and hundredth attempt)
        let cases = [
            (RetryClass::Default, [1.0, 2.0, 240.0]),
            (RetryClass::Greylisted, [5.0, 7.5, 30.0]),
            (RetryClass::RateLimited, [2.0, 3.0, 30.0]),
            (RetryClass::MailboxFull, [30.0, 60.0, 480.0]),
            (RetryClass::Connection, [1.0, 2.0, 240.0]),
            (RetryClass::Dns, [2.0, 4.0, 60.0]),
            (RetryClass::Policy, [15.0, 30.0, 240.0]),
        ];
        for (class, minutes) in cases {
            let waits = [1, 2, 100].map(|attempts| wait(&exact(), failed(class, attempts)) / 60.0);
            assert_eq!(waits, minutes, "{class}");
        }
    }

    #[test]
    fn comes_back_when_the_receiver_said_and_never_before() {
        // (asked, least and most that comes of it), in seconds
        for (asked, least, most) in [(0, 30, 33), (300, 300, 330), (90_000, 3_600, 3_960)] {
            for seed in 0..100 {
                let retry_after = Some(Duration::from_secs(asked));
                let wait =
                    wait(&exact(), FailedAttempt { retry_after, seed, ..failed(RetryClass::Greylisted, 1) });
                assert!((f64::from(least)..=f64::from(most)).contains(&wait), "{asked}: {wait}");
            }
        }
    }

    #[test]
    fn a_receiver_that_always_says_soon_is_not_tried_ever_so_often() {
        let retry_after = Some(Duration::from_secs(30));
        let late = FailedAttempt { retry_after, ..failed(RetryClass::Greylisted, 2) };
        assert_eq!(wait(&exact(), late), 450.0);
        let patient = FailedAttempt { retry_after: Some(Duration::from_secs(1_800)), ..late };
        assert!(wait(&exact(), patient) >= 1_800.0);
    }

    #[test]
    fn a_message_may_have_an_expiry_of_its_own() {
        let after = |hours: u64| ACCEPTED.saturating_add(Duration::from_secs(3600 * hours));
        let hurried = FailedAttempt { expires_at: Some(after(1)), ..failed(RetryClass::MailboxFull, 2) };
        assert_eq!(exact().next(&hurried), RetryDecision::At(after(1)));
        for now in [after(1), after(2)] {
            let late = FailedAttempt { now, ..hurried };
            assert_eq!(exact().next(&late), RetryDecision::GiveUp(GiveUpReason::Expired));
        }
        let patient = FailedAttempt { expires_at: Some(after(500)), now: after(400), ..hurried };
        assert!(matches!(exact().next(&patient), RetryDecision::At(_)));
    }

    #[test]
    fn attempts_are_counted_whatever_the_class() {
        let mut schedule = exact();
        schedule.default.max_attempts = Some(3);
        for class in CLASSES {
            let given_up = RetryDecision::GiveUp(GiveUpReason::TooManyAttempts);
            assert_eq!(schedule.next(&failed(class, 3)), given_up, "{class}");
        }
    }

    #[test]
    fn says_which_pace_makes_no_sense() {
        let mut schedule = RetrySchedule::default();
        assert_eq!(schedule.validate(), Ok(()));
        let bad = RetryPace { first: Duration::ZERO, factor: 1.0, max_interval: Duration::ZERO };
        schedule.by_class.insert(RetryClass::Dns, bad);
        let fault = |schedule: &RetrySchedule| schedule.validate().unwrap_err().to_string();
        let expected =
            "retry schedule of class dns: the first retry interval must be at least one millisecond";
        assert_eq!(fault(&schedule), expected);
        schedule.default.max_age = Duration::ZERO;
        assert!(fault(&schedule).starts_with("retry schedule of class default: "));
    }

    #[test]
    fn names_are_the_same_in_configuration_and_logs() {
        for class in CLASSES {
            assert_eq!(serde_json::to_string(&class).unwrap(), format!("\"{class}\""));
        }
    }

    fn any_failure() -> impl Strategy<Value = FailedAttempt> {
        let durations =
            (0_u64..500_000, proptest::option::of(0_u64..10_000), proptest::option::of(1_u64..900_000));
        (0..CLASSES.len(), 1_u32..200, durations, any::<u64>()).prop_map(
            |(class, attempts_made, (waited, asked, expires), seed)| FailedAttempt {
                class: CLASSES[class],
                attempts_made,
                accepted_at: ACCEPTED,
                now: ACCEPTED.saturating_add(Duration::from_secs(waited)),
                retry_after: asked.map(Duration::from_secs),
                expires_at: expires.map(|seconds| ACCEPTED.saturating_add(Duration::from_secs(seconds))),
                seed,
            },
        )
    }

    proptest! {
        #[test]
        fn lies_ahead_and_never_beyond_the_expiry(failed in any_failure()) {
            let schedule = RetrySchedule::default();
            let expiry = schedule.expiry(ACCEPTED, failed.expires_at);
            match schedule.next(&failed) {
                RetryDecision::At(at) => prop_assert!(failed.now < at && at <= expiry),
                RetryDecision::GiveUp(_) => prop_assert!(failed.now >= expiry),
            }
        }

        #[test]
        fn the_last_attempt_falls_on_the_expiry(failed in any_failure()) {
            let schedule = RetrySchedule::default();
            let (mut failed, mut last) = (FailedAttempt { now: ACCEPTED, ..failed }, ACCEPTED);
            while let RetryDecision::At(at) = schedule.next(&failed) {
                last = at;
                failed = FailedAttempt { now: at, attempts_made: failed.attempts_made + 1, ..failed };
            }
            let expiry = schedule.expiry(ACCEPTED, failed.expires_at);
            prop_assert_eq!(last, expiry);
        }

        #[test]
        fn waits_never_shrink_from_attempt_to_attempt(class in 0..CLASSES.len(), attempts in 1_u32..100) {
            let [sooner, later] = [attempts, attempts + 1].map(|made| wait(&exact(), failed(CLASSES[class], made)));
            prop_assert!(sooner <= later);
        }

        #[test]
        fn without_paces_it_is_the_policy(failed in any_failure()) {
            let policy = RetryPolicy::default();
            let plain = FailedAttempt { retry_after: None, expires_at: None, ..failed };
            prop_assert_eq!(
                RetrySchedule::from(policy.clone()).next(&plain),
                policy.next(plain.attempts_made, ACCEPTED, plain.now, plain.seed)
            );
        }
    }
}
