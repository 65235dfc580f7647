//! Points in time as the mail world stores them.

use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// Milliseconds since 1970-01-01T00:00:00Z, the one time stamp of envelopes, queue keys and schedules.
///
/// Wall-clock time, because it must survive a restart; durations within one process use a monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// The time stamp `millis` milliseconds after the epoch.
    pub const fn new(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, as header fields and DKIM tags want them.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// Midnight UTC of a day written as `2026-11-21`; `None` if it is not written so, does not exist, or lies
    /// before 1970.
    pub fn from_date(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-');
        let mut part = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<u64>().ok())?
        };
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        let start = days_from_civil(year, month, day)?.checked_mul(86_400_000)?;
        // A day that does not exist comes back as another.
        (civil_from_days(start / 86_400_000) == (year, month, day)).then_some(Self(start))
    }

    /// Reads a time stamp of RFC 3339 section 5.6, such as `2026-11-21T10:00:00.5+01:00`; `None` if it is not written
    /// so, does not exist, or lies before 1970. A leap second counts as the next minute's first.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked(10)?;
        let time = rest.strip_prefix(['T', 't', ' '])?;
        let (clock, rest) = time.split_at_checked(8)?;
        let (hours, minutes, seconds) = clock_time(clock)?;
        let (fraction, zone) = rest.split_at(rest.find(['Z', 'z', '+', '-'])?);
        let millis = fraction_millis(fraction)?;
        let of_day = ((hours * 60 + minutes) * 60 + seconds) * 1_000 + millis;
        let local = i128::from(Self::from_date(date)?.0) + i128::from(of_day);
        u64::try_from(local - i128::from(offset_minutes(zone)?) * 60_000).ok().map(Self)
    }

    /// This time plus `duration`, saturating.
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// This time less `duration`, at the earliest the epoch.
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` this is; zero when it is not after it (clocks may step back).
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// `10:00:60` as numbers.
fn clock_time(text: &str) -> Option<(u64, u64, u64)> {
    let bytes = text.as_bytes();
    if text.len() != 8 || bytes[2] != b':' || bytes[5] != b':' {
        return None;
    }
    let at = |at: usize| digits(text.get(at..at + 2)?);
    let (hours, minutes, seconds) = (at(0)?, at(3)?, at(6)?);
    (hours < 24 && minutes < 60 && seconds <= 60).then_some((hours, minutes, seconds))
}

/// The milliseconds of `.123456`, or of nothing.
fn fraction_millis(text: &str) -> Option<u64> {
    if text.is_empty() {
        return Some(0);
    }
    let fraction = text.strip_prefix('.')?;
    digits(fraction)?;
    digits(format!("{fraction:0<3}").get(..3)?)
}

/// Minutes that a time zone is ahead of UTC.
fn offset_minutes(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let (sign, clock) = zone.split_at_checked(1)?;
    let (hours, minutes, _) = clock_time(&format!("{clock}:00"))?;
    let minutes = i64::try_from(hours * 60 + minutes).ok()?;
    Some(if sign == "-" { -minutes } else { minutes })
}

/// A number that is written with digits alone.
fn digits(text: &str) -> Option<u64> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

impl fmt::Display for UnixMillis {
    /// RFC 3339 in UTC with milliseconds: `2026-11-21T10:00:00.123Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) = (self.0 / 86_400_000, self.0 % 86_400_000);
        let (year, month, day) = civil_from_days(days);
        let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
        let (second, milli) = (rest / 1000 % 60, rest % 1000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

/// Gregorian date of a day count since the epoch (the `civil_from_days` algorithm by Howard Hinnant).
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// The inverse of [`civil_from_days`], for years from 1970.
fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    let shifted_year = if month > 2 { year } else { year.checked_sub(1)? };
    let (era, year_of_era) = (shifted_year / 400, shifted_year % 400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = ((153 * shifted_month + 2) / 5 + day).checked_sub(1)?;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_days_that_exist() {
        let midnight = UnixMillis::from_date("2026-11-21").map(|day| day.to_string());
        assert_eq!(midnight.as_deref(), Some("2026-11-21T00:00:00.000Z"));
        assert_eq!(UnixMillis::from_date("1970-01-01"), Some(UnixMillis::new(0)));
        assert_eq!(UnixMillis::from_date("2000-02-29"), Some(UnixMillis::new(951_782_400_000)));
        for wrong in
            ["2026-02-29", "2026-13-01", "2026-00-10", "1969-12-31", "2026-1-1", "20261121", "2026-11-+1", ""]
        {
            assert_eq!(UnixMillis::from_date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn reads_rfc_3339() {
        let cases = [
            ("2026-11-21T10:04:05.123Z", "2026-11-21T10:04:05.123Z"),
            ("2026-11-21t10:04:05z", "2026-11-21T10:04:05.000Z"),
            ("2026-11-21 10:04:05.5+01:30", "2026-11-21T08:34:05.500Z"),
            ("2026-11-21T10:04:05.1234567-00:01", "2026-11-21T10:05:05.123Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(UnixMillis::from_rfc3339(text).map(|at| at.to_string()).as_deref(), Some(expected));
        }
        for wrong in [
            "",
            "2026-11-21",
            "2026-11-21T10:04:05",
            "2026-11-21T24:04:05Z",
            "2026-02-30T10:04:05Z",
            "2026-11-21T10:04:05.Z",
            "2026-11-21T10:04:05Zulu",
            "2026-11-21T10:04:05+1:30",
            "2026-11-21T+1:04:05Z",
            "1970-01-01T00:00:00+00:01",
            "2026-11-21T10:04:0é",
            "2026-11-21é10:04:05Z",
        ] {
            assert_eq!(UnixMillis::from_rfc3339(wrong), None, "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn reads_what_it_prints_and_never_panics(millis in 0u64..253_402_300_800_000, text in "\\PC{0,40}") {
            let at = UnixMillis::new(millis);
            proptest::prop_assert_eq!(UnixMillis::from_rfc3339(&at.to_string()), Some(at));
            let _ = UnixMillis::from_rfc3339(&text);
        }
    }

    #[test]
    fn prints_rfc_3339() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_255_445_123, "2026-11-21T10:04:05.123Z"),
        ];
        for (millis, text) in cases {
            assert_eq!(UnixMillis::new(millis).to_string(), text);
        }
    }

    #[test]
    fn a_clock_that_stepped_back_gives_no_negative_age() {
        assert_eq!(UnixMillis::new(5).since(UnixMillis::new(9)), Duration::ZERO);
    }
}
