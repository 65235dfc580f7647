//! Times in requests.

use crate::answer::ApiError;
use mailwright_engine::time::UnixMillis;

/// The time that a client writes into `field`: by RFC 3339, in UTC where it names no zone; or a day, which is its
/// beginning in UTC.
///
/// # Errors
/// 400 for anything else.
pub(crate) fn read_time(field: &str, text: &str) -> Result<UnixMillis, ApiError> {
    let in_utc = || UnixMillis::from_rfc3339(&format!("{text}Z"));
    let at = UnixMillis::from_rfc3339(text).or_else(in_utc).or_else(|| UnixMillis::from_date(text));
    at.ok_or_else(|| {
        let why = "must be a time such as 2026-11-21T10:00:00Z (RFC 3339), or a day such as 2026-11-21.";
        ApiError::schema(field, format!("'{field}' {why}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_a_zone_is_in_utc_and_a_day_is_its_beginning() {
        let read = |text| read_time("since", text).ok();
        let noon = read("2026-11-21T12:00:00Z");
        assert!(noon.is_some());
        assert_eq!(read("2026-11-21T13:00:00+01:00"), noon);
        assert_eq!(read("2026-11-21T12:00:00"), noon);
        assert_eq!(read("2026-11-21 12:00:00"), noon);
        assert_eq!(read("2026-11-21"), read("2026-11-21T00:00:00Z"));
        for wrong in ["", "noon", "2026-02-30", "1795269600", "2026-11-21T25:00:00Z", "2026-11-21Z"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
