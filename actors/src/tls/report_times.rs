//! When TLS reports are due.

use mailwright_engine::time::UnixMillis;
use std::time::Duration;

/// The part of a period within which its reports go out, in a random place: receivers would otherwise get those of
/// the whole world at midnight. Of a day it is four hours (RFC 8460 section 4.1).
const SPREAD: u32 = 6;

/// Whether and how often owners of domains are told how TLS went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportSending {
    /// Never; nothing is counted.
    Off,
    /// At the end of each period of this length; periods begin with the epoch, so that days are those of UTC. At
    /// least a second.
    Every(Duration),
}

impl ReportSending {
    /// One report a day, as the RFC has it.
    pub const DAILY: Self = Self::Every(Duration::from_secs(24 * 3600));

    /// The end of the period that `at` is in; `None` when there are no periods.
    pub(super) fn period_end(self, at: UnixMillis) -> Option<UnixMillis> {
        let length = self.length()?;
        Some(UnixMillis::new((at.as_millis() / length).saturating_add(1).saturating_mul(length)))
    }

    /// How long after the end of a period its reports go out, by a `seed`.
    pub(super) fn delay(self, seed: u64) -> Duration {
        let most = self.length().unwrap_or_default() / u64::from(SPREAD);
        Duration::from_millis(seed.checked_rem(most).unwrap_or(0))
    }

    /// In milliseconds.
    fn length(self) -> Option<u64> {
        match self {
            Self::Off => None,
            Self::Every(length) => Some(u64::try_from(length.as_millis()).unwrap_or(u64::MAX).max(1000)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_end_at_midnight_utc_and_reports_follow_within_four_hours() {
        let (noon, midnight) = (UnixMillis::new(1_795_262_400_000), UnixMillis::new(1_795_305_600_000));
        let daily = ReportSending::DAILY;
        assert_eq!(daily.period_end(noon), Some(midnight));
        // The first moment of a day is in that day.
        assert_eq!(daily.period_end(midnight), Some(midnight.saturating_add(Duration::from_secs(86_400))));
        let delays = (0..100).map(|seed: u64| daily.delay(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let (least, most) = (delays.clone().min().unwrap(), delays.max().unwrap());
        assert!(
            least < Duration::from_secs(1800) && most > Duration::from_secs(3 * 3600),
            "{least:?} {most:?}"
        );
        assert!(most < Duration::from_secs(4 * 3600));
    }

    #[test]
    fn nothing_is_due_when_off_and_no_period_is_shorter_than_a_second() {
        assert_eq!(ReportSending::Off.period_end(UnixMillis::new(5)), None);
        let shortest = ReportSending::Every(Duration::ZERO);
        assert_eq!(shortest.period_end(UnixMillis::new(1_500)), Some(UnixMillis::new(2_000)));
    }
}
