//! The mechanism behind every "too much mail from you".

use crate::{shaping::Rate, time::UnixMillis};
use std::{collections::VecDeque, time::Duration};

/// Whether a client may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may.
    Admitted,
    /// It is being punished.
    Punished,
}

/// Counts what one client does; too much in too short a time is punished, and trying on prolongs it.
#[derive(Debug, Clone, Default)]
pub(super) struct Throttle {
    /// When it was admitted, within the time that counts; at most [`Rate::count`] of them.
    admitted: VecDeque<UnixMillis>,
    punished_until: Option<UnixMillis>,
}

impl Throttle {
    /// Counts one try.
    ///
    /// The punishment begins with the first try above `rate`, lasts `penalty` from the last try, and settles
    /// the account: what came before it no longer counts.
    pub(super) fn admit(&mut self, now: UnixMillis, rate: Rate, penalty: Duration) -> Admission {
        if self.disturb(now, penalty) == Admission::Punished {
            return Admission::Punished;
        }
        while self.admitted.front().is_some_and(|at| now.since(*at) >= rate.per) {
            self.admitted.pop_front();
        }
        if self.admitted.len() >= rate.count as usize {
            self.admitted.clear();
            self.punished_until = Some(now.saturating_add(penalty));
            return Admission::Punished;
        }
        self.admitted.push_back(now);
        Admission::Admitted
    }

    /// Notes a sign of life, which prolongs a punishment but is not counted.
    pub(super) fn disturb(&mut self, now: UnixMillis, penalty: Duration) -> Admission {
        if self.punished_until.is_some_and(|until| now < until) {
            self.punished_until = Some(now.saturating_add(penalty));
            return Admission::Punished;
        }
        Admission::Admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: Rate = Rate { count: 3, per: Duration::from_secs(10) };
    const PENALTY: Duration = Duration::from_secs(5);

    proptest! {
        #[test]
        fn never_admits_more_than_the_rate(gaps in proptest::collection::vec(0_u64..6_000, 1..200)) {
            let (mut throttle, mut now, mut admitted) = (Throttle::default(), 0, Vec::new());
            for gap in gaps {
                now += gap;
                if throttle.admit(UnixMillis::new(now), RATE, PENALTY) == Admission::Admitted {
                    admitted.push(now);
                }
            }
            for four in admitted.windows(4) {
                // A punishment settles the account, so that only uninterrupted runs are bounded by the rate.
                let [first, .., last] = four else { continue };
                prop_assert!(last - first >= 5_000, "{four:?}");
            }
        }

        #[test]
        fn whoever_keeps_to_the_rate_is_never_punished(jitter in proptest::collection::vec(0_u64..500, 1..200)) {
            let (mut throttle, mut now) = (Throttle::default(), 0);
            for extra in jitter {
                now += 10_000_u64.div_ceil(3) + extra;
                let admission = throttle.admit(UnixMillis::new(now), RATE, PENALTY);
                prop_assert_eq!(admission, Admission::Admitted);
            }
        }
    }
}
