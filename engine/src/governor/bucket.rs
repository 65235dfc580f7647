//! A token bucket for one rate: the generic cell rate algorithm, which needs one number of state.

use crate::{shaping::Rate, time::UnixMillis};

/// Largest part of a rate's count that may go at once after a rest: a tenth spreads a minute's allowance over
/// the minute in portions of six seconds. Receivers that count by the minute see no bursts.
const BURST_PART: u32 = 10;
/// Part of a minute's count that a steady bucket lets through at once: the tenth of a second that timers may be late.
const STEADY_PART: u32 = 600;

/// Lets so many through in so long, spread out.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    rate: Rate,
    /// What part of the rate's count may go at once.
    burst_part: u32,
    /// The theoretical arrival time, in microseconds since the epoch: when the bucket is full again.
    full_at: u64,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(rate: Rate) -> Self {
        Self { rate, burst_part: BURST_PART, full_at: 0 }
    }

    /// A full bucket without bursts, for rates that were learnt from a receiver that looks closely; `rate` is by
    /// the minute.
    pub fn steady(rate: Rate) -> Self {
        Self { rate, burst_part: STEADY_PART, full_at: 0 }
    }

    /// A full bucket whose whole count may go at once, for those who come to us: a server with a queue brings what it
    /// has, then nothing for a while.
    pub fn whole(rate: Rate) -> Self {
        Self { rate, burst_part: 1, full_at: 0 }
    }

    /// The rate.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Another rate from now on; what was taken stays taken.
    pub fn change(&mut self, rate: Rate) {
        self.rate = rate;
    }

    /// Microseconds that one token takes to come back.
    fn interval(&self) -> u64 {
        let per = u64::try_from(self.rate.per.as_micros()).unwrap_or(u64::MAX);
        (per / u64::from(self.rate.count.max(1))).max(1)
    }

    /// Microseconds that the bucket may be ahead of its rate.
    fn tolerance(&self) -> u64 {
        let burst = u64::from((self.rate.count / self.burst_part).max(1));
        self.interval().saturating_mul(burst - 1)
    }

    /// When the next token is there; not after `now` if there is one.
    pub fn next(&self, now: UnixMillis) -> UnixMillis {
        let at = self.full_at.saturating_sub(self.tolerance());
        let at = UnixMillis::new(at.div_ceil(1_000));
        at.max(now)
    }

    /// Whether nothing has been taken that is not back.
    pub fn is_full(&self, now: UnixMillis) -> bool {
        self.full_at <= now.as_millis().saturating_mul(1_000)
    }

    /// Takes a token.
    ///
    /// # Errors
    /// When there will be one, if there is none now.
    pub fn take(&mut self, now: UnixMillis) -> Result<(), UnixMillis> {
        let next = self.next(now);
        if next > now {
            return Err(next);
        }
        let micros = now.as_millis().saturating_mul(1_000);
        self.full_at = self.full_at.max(micros).saturating_add(self.interval());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn rate(count: u32, seconds: u64) -> Rate {
        Rate { count, per: Duration::from_secs(seconds) }
    }

    #[test]
    fn says_when_the_next_token_comes() {
        let mut bucket = TokenBucket::new(rate(2, 1));
        let now = UnixMillis::new(10_000);
        assert_eq!(bucket.take(now), Ok(()));
        assert_eq!(bucket.take(now), Err(UnixMillis::new(10_500)));
        assert_eq!(bucket.take(UnixMillis::new(10_500)), Ok(()));
    }

    #[test]
    fn keeps_its_rate_over_a_long_time() {
        let mut bucket = TokenBucket::new(rate(90, 60));
        let taken = (0..600_000).filter(|ms| bucket.take(UnixMillis::new(1_000_000 + ms)).is_ok()).count();
        assert!((900..=909).contains(&taken), "{taken}");
    }

    #[test]
    fn a_steady_bucket_has_no_bursts() {
        let now = UnixMillis::new(10_000);
        for (count, at_once) in [(60, 1), (1_200, 2), (12_000, 20)] {
            let mut bucket = TokenBucket::steady(rate(count, 60));
            assert_eq!((0..100).take_while(|_| bucket.take(now).is_ok()).count(), at_once, "{count}/min");
        }
    }

    proptest! {
        #[test]
        fn no_window_sees_more_than_the_rate_and_one_burst(
            count in 1u32..200, seconds in 1u64..100, steps in prop::collection::vec(0u64..5_000, 1..500)
        ) {
            let rate = rate(count, seconds);
            let mut bucket = TokenBucket::new(rate);
            let mut now = 1_000_000;
            let mut taken = Vec::new();
            for step in steps {
                now += step;
                while bucket.take(UnixMillis::new(now)).is_ok() {
                    taken.push(now);
                }
            }
            let most = count as usize + (count / BURST_PART).max(1) as usize;
            for (index, first) in taken.iter().enumerate() {
                let within = taken[index..].iter().take_while(|at| **at < first + seconds * 1_000).count();
                prop_assert!(within <= most, "{within} in one window of {rate}");
            }
        }
    }
}
