//! The wall clock, in one place.

use mailwright_engine::time::UnixMillis;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Microseconds since the epoch, now; zero before it.
pub fn unix_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Now, as the queue stores it.
pub fn now() -> UnixMillis {
    UnixMillis::new(unix_micros() / 1000)
}
