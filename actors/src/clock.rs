//! The two clocks, in one place.
//!
//! What decides when something happens goes by [`now`], which passes evenly and is never set: otherwise a clock
//! that is set back by hours would keep deferred mail, rates, suspensions and time-outs waiting for as long. What
//! other servers and the calendar compare with their own, a `Date` field or a warm-up day, is [`wall`].

use mailwright_engine::time::UnixMillis;
use rustix::time::{ClockId, clock_gettime};
use std::{
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The furthest that the time an earlier process knew may lie ahead of the wall clock to be believed: further
/// than clocks are set back by hand, nearer than a year that was mistyped once.
const BELIEVED: Duration = Duration::from_secs(24 * 3600);

/// The first moment of [`now`], and how long the machine had run then.
static START: OnceLock<(u64, Duration)> = OnceLock::new();

/// How long the machine has run, with the time that it slept.
fn machine_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
}

fn wall_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    micros(since)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Has [`now`] begin no earlier than an earlier process had got, if that is credible: its messages are due by that
/// time. Without effect once somebody has asked for the time.
pub fn go_on_from(earlier: UnixMillis) {
    let (wall, earlier) = (wall_micros(), earlier.as_millis().saturating_mul(1000));
    let ahead = Duration::from_micros(earlier.saturating_sub(wall));
    let start = if ahead <= BELIEVED { wall.max(earlier) } else { wall };
    if START.set((start, machine_time())).is_ok() && start > wall {
        tracing::warn!(?ahead, "the system clock is behind the newest message: it was set back");
    }
}

/// Microseconds since the epoch as of [`now`]: the wall clock at the start, and what has passed since.
pub fn unix_micros() -> u64 {
    let (start, begun) = START.get_or_init(|| (wall_micros(), machine_time()));
    start.saturating_add(micros(machine_time().saturating_sub(*begun)))
}

/// Now, as the queue stores it.
pub fn now() -> UnixMillis {
    UnixMillis::new(unix_micros() / 1000)
}

/// What the system's clock shows, whatever it was set to; zero before the epoch.
pub fn wall() -> UnixMillis {
    UnixMillis::new(wall_micros() / 1000)
}

/// How far [`now`] is ahead of the system's clock, in seconds; less than zero if behind. Not far from zero unless
/// somebody set that clock.
pub fn ahead() -> i64 {
    let seconds = |time: UnixMillis| (time.as_millis() / 1000).cast_signed();
    seconds(now()) - seconds(wall())
}
