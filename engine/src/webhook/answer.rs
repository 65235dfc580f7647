//! What an endpoint's answer means.

use crate::time::UnixMillis;
use mail_parser::DateTime;
use std::time::Duration;

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallVerdict {
    /// The endpoint has the events: 2xx.
    Delivered,
    /// It wants no more, ever: 410.
    Gone,
    /// Anything else; redirects too, which are not followed.
    Failed,
}

/// What a status means.
pub const fn judge(status: u16) -> CallVerdict {
    match status {
        200..=299 => CallVerdict::Delivered,
        410 => CallVerdict::Gone,
        _ => CallVerdict::Failed,
    }
}

/// How long an endpoint asks us to stay away: the value of `Retry-After` (RFC 9110 section 10.2.3), seconds or a
/// date. `None` if it makes no sense; zero for a date that is over by `now`.
pub fn retry_after(value: &str, now: UnixMillis) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // Digits that do not fit are a long time too.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let date = DateTime::parse_rfc822(value).filter(DateTime::is_valid)?;
    let millis = u64::try_from(date.to_timestamp()).ok()?.checked_mul(1000)?;
    Some(UnixMillis::new(millis).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_success_is_success() {
        assert_eq!([200, 202, 204, 299].map(judge), [CallVerdict::Delivered; 4]);
        assert_eq!([100, 199, 301, 302, 307, 400, 429, 500, 503].map(judge), [CallVerdict::Failed; 9]);
        assert_eq!(judge(410), CallVerdict::Gone);
    }

    #[test]
    fn reads_seconds_and_dates() {
        let now = UnixMillis::new(784_111_777_000);
        let read = |value: &str| retry_after(value, now).map(|pause| pause.as_secs());
        assert_eq!(read(" 120 "), Some(120));
        assert_eq!(read("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(read("99999999999999999999999"), Some(u64::from(u32::MAX)));
        assert_eq!(["", "soon", "-1", "1.5"].map(read), [None; 4]);
    }
}
