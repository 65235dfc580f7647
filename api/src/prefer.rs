//! What a client prefers (RFC 7240).

use actix_web::http::header::HeaderMap;
use std::time::Duration;

/// Longest time a client may ask us to wait for outcomes.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// What the preferences of sends are, as their description says it.
pub(crate) const DESCRIPTION: &str =
    "`wait=N` waits N seconds for outcomes, 60 at most; `respond-async` does not wait (RFC 7240).";

/// How long to wait for outcomes: `Prefer: wait=N`, else none at all for `respond-async`, else the default.
/// With both, `wait` says when waiting becomes too long (RFC 7240 section 4.3).
pub(crate) fn wait(headers: &HeaderMap, default: Duration) -> Duration {
    // "If any preference is specified more than once, only the first instance is to be considered."
    let first = |wanted: &str| preferences(headers).find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let seconds = first("wait").and_then(|(_, value)| value.parse().ok()).map(Duration::from_secs);
    let unasked = if first("respond-async").is_some() { Duration::ZERO } else { default };
    seconds.unwrap_or(unasked).min(MAX_WAIT)
}

/// Names and values, without the parameters that may follow them; a missing value is empty.
fn preferences(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let fields = headers.get_all("prefer").filter_map(|value| value.to_str().ok());
    fields.flat_map(|field| field.split(',')).map(|preference| {
        let preference = preference.split(';').next().unwrap_or_default();
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        (name.trim(), value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    #[test]
    fn reads_preferences_as_rfc_7240_writes_them() {
        let cases: [(&[&str], u64); 13] = [
            (&[], 7),
            (&["wait=3"], 3),
            (&["Wait = 3"], 3),
            (&["wait=\"3\""], 3),
            (&["return=minimal; x=y, wait=3; x"], 3),
            (&["wait=3", "wait=9"], 3),
            (&["wait=soon"], 7),
            (&["wait=-1"], 7),
            (&["wait=18446744073709551615"], 60),
            (&["Respond-Async"], 0),
            (&["respond-async, wait=3"], 3),
            (&["return=minimal", "respond-async;x"], 0),
            (&["respond-asynchronously"], 7),
        ];
        for (fields, seconds) in cases {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(HeaderName::from_static("prefer"), HeaderValue::from_static(field));
            }
            assert_eq!(wait(&headers, Duration::from_secs(7)).as_secs(), seconds, "{fields:?}");
        }
    }
}
