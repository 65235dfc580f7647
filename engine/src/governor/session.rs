//! How many messages one session should carry, learnt from how sessions go.
//!
//! Some receivers end a session after so many messages: three that end after the same number teach it. Others
//! (tarpits) let each further message of a session wait longer: where a message costs less on sessions that
//! end earlier, the next session's greeting included, sessions end there. Both are forgotten after a while,
//! since receivers change their minds, and learnt again.

use crate::time::UnixMillis;
use std::time::Duration;

/// Sessions that end after the same number of messages before it is believed.
const CUTS: u32 = 3;
/// Messages of a session that are told apart by their place.
const PLACES: usize = 16;
/// Messages seen at a place before its mean says anything.
const SEEN: u32 = 3;
/// A message has to cost so much less, as a part and in time, for sessions to be cut short: what a receiver
/// takes varies, and a new session is a burden for it too.
const CHEAPER: f64 = 1.5;
const WORTHWHILE: Duration = Duration::from_millis(100);
/// Weight of the latest in a mean.
const LATEST: f64 = 0.25;
/// How long what was learnt holds.
const FORGET_AFTER: Duration = Duration::from_secs(600);

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The site ends sessions after so many messages.
    Cut(u32),
    /// Messages beyond these take much longer.
    Slow(u32),
}

/// A mean in seconds that follows what comes.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    seen: u32,
    seconds: f64,
}

impl Mean {
    fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let weight = if self.seen == 0 { 1.0 } else { LATEST };
        self.seconds += (seconds - self.seconds) * weight;
        self.seen = self.seen.saturating_add(1);
    }

    fn known(&self) -> Option<f64> {
        (self.seen >= SEEN).then_some(self.seconds)
    }
}

/// What is known of a site's sessions.
#[derive(Debug, Clone, Default)]
pub(super) struct SessionLength {
    setup: Mean,
    /// What messages took, by their place in the session.
    places: Vec<Mean>,
    /// After how many messages the last session was ended by the peer, and how many were in a row.
    cut: Option<(u32, u32)>,
    limit: Option<(u32, UnixMillis)>,
}

impl SessionLength {
    /// Most messages of a session, if that was learnt.
    pub(super) fn limit(&self) -> Option<u32> {
        self.limit.map(|(messages, _)| messages)
    }

    /// When [`tick`](Self::tick) has something to do.
    pub(super) fn next_tick(&self) -> Option<UnixMillis> {
        self.limit.map(|(_, until)| until)
    }

    /// Connecting and greeting took so long.
    pub(super) fn opened(&mut self, took: Duration) {
        self.setup.add(took);
    }

    /// The message after `before` others of its session took so long.
    pub(super) fn carried(&mut self, before: u32, took: Duration, now: UnixMillis) -> Option<Change> {
        let place = usize::try_from(before).ok().filter(|place| *place < PLACES)?;
        if place > self.places.len() {
            return None;
        }
        if place == self.places.len() {
            self.places.push(Mean::default());
        }
        self.places.get_mut(place)?.add(took);
        let best = self.best().filter(|best| self.limit().is_none_or(|limit| *best < limit))?;
        self.hold_to(best, now);
        Some(Change::Slow(best))
    }

    /// The peer ended a session that had carried so many messages when it was offered the next.
    pub(super) fn cut_short(&mut self, carried: u32, now: UnixMillis) -> Option<Change> {
        let times = match self.cut {
            Some((before, times)) if before == carried => times.saturating_add(1),
            _ => 1,
        };
        self.cut = Some((carried, times));
        if carried == 0 || times < CUTS || self.limit().is_some_and(|limit| limit <= carried) {
            return None;
        }
        self.hold_to(carried, now);
        Some(Change::Cut(carried))
    }

    /// Forgets what was learnt when its time has come; `true` if it did.
    pub(super) fn tick(&mut self, now: UnixMillis) -> bool {
        let is_over = self.limit.is_some_and(|(_, until)| until <= now);
        if is_over {
            *self = Self::default();
        }
        is_over
    }

    fn hold_to(&mut self, messages: u32, now: UnixMillis) {
        self.limit = Some((messages, now.saturating_add(FORGET_AFTER)));
    }

    /// The number of messages at which sessions are much cheaper, by the message, than at the longest known.
    fn best(&self) -> Option<u32> {
        let mut total = self.setup.known()?;
        let mut costs = Vec::with_capacity(self.places.len());
        for (messages, place) in (1_u32..).zip(&self.places) {
            let Some(seconds) = place.known() else { break };
            total += seconds;
            costs.push((messages, total / f64::from(messages)));
        }
        let (_, longest) = *costs.last()?;
        let (messages, least) = costs.into_iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
        let is_worth_it = longest >= least * CHEAPER && longest - least >= WORTHWHILE.as_secs_f64();
        is_worth_it.then_some(messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_000_000_000);

    /// Sessions whose messages take these times, in milliseconds, one after another.
    fn sessions(length: &mut SessionLength, count: usize, setup: u64, messages: &[u64]) -> Vec<Change> {
        let mut changes = Vec::new();
        for _ in 0..count {
            length.opened(Duration::from_millis(setup));
            for (place, millis) in (0..).zip(messages) {
                changes.extend(length.carried(place, Duration::from_millis(*millis), NOW));
            }
        }
        changes
    }

    #[test]
    fn three_sessions_that_end_after_the_same_number_teach_it() {
        let mut length = SessionLength::default();
        assert_eq!(length.cut_short(10, NOW), None);
        assert_eq!(length.cut_short(7, NOW), None);
        assert_eq!(length.cut_short(10, NOW), None);
        assert_eq!(length.cut_short(10, NOW), None);
        assert_eq!(length.cut_short(10, NOW), Some(Change::Cut(10)));
        assert_eq!((length.limit(), length.cut_short(10, NOW)), (Some(10), None));
    }

    #[test]
    fn a_tarpit_teaches_short_sessions() {
        let mut length = SessionLength::default();
        assert_eq!(sessions(&mut length, 3, 100, &[300, 1_000, 1_800]), [Change::Slow(1)]);
        assert_eq!(length.limit(), Some(1));
    }

    #[test]
    fn steady_receivers_keep_their_sessions_however_slow_the_greeting() {
        for (setup, messages) in [(5_000, [200; 12]), (1, [2; 12]), (1, [2_000; 12])] {
            let mut length = SessionLength::default();
            assert_eq!(sessions(&mut length, 20, setup, &messages), []);
        }
    }

    #[test]
    fn what_takes_milliseconds_is_left_alone() {
        let mut length = SessionLength::default();
        assert_eq!(sessions(&mut length, 20, 1, &[1, 5, 20, 50]), []);
    }

    #[test]
    fn what_was_learnt_is_forgotten_after_ten_minutes() {
        let mut length = SessionLength::default();
        let changes: Vec<_> = (0..3).filter_map(|_| length.cut_short(3, NOW)).collect();
        assert_eq!(changes, [Change::Cut(3)]);
        let until = length.next_tick().unwrap();
        assert_eq!(until.since(NOW), FORGET_AFTER);
        assert!(!length.tick(NOW) && length.tick(until));
        assert_eq!(length.limit(), None);
    }
}
