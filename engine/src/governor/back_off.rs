//! Backing off from a receiver that says that we send too much: silence, one message, then slowly more.
//!
//! Receivers that limit rates punish whoever goes on, and few say for how long. So nothing at all is sent for a
//! while, then one message finds out whether we are forgiven. If not, the silence begins again and is twice as
//! long. If so, mail flows at a part of the rate that was too much; that is soon raised to just below it, and
//! beyond it in small steps, until the receiver objects again or the old rate is well behind.
//!
//! ```text
//! silent  --(silence is over)-->  probing  --(one message taken)-->  flowing  --(well above)--> done
//!   ^                               |                                   |
//!   +-----(refused: twice as long)--+      (refused: a part of the rate)+
//! ```

use super::{LOOK_AGAIN, bucket::TokenBucket};
use crate::{shaping::Rate, time::UnixMillis};
use std::time::Duration;

/// Longest silence, unless the rule's own hold is longer: limits are by the minute or the hour.
const LONGEST_SILENCE: Duration = Duration::from_secs(30 * 60);
/// Steps up to just below the rate that was refused: by half, four times in each time of silence.
const QUICK: (u32, u32) = (3, 2);
const QUICK_STEPS: u32 = 4;
/// Steps from there on: by a tenth, after four times the silence, so that finding the limit anew costs little
/// of the time.
const CAREFUL: (u32, u32) = (11, 10);
const CAREFUL_WAIT: u32 = 4;
/// How close to a rate that was refused the quick steps lead.
const NEAR: (u32, u32) = (9, 10);
/// It is over once the rate is this many times the one that was refused.
const FREE_AT: u32 = 2;
/// A step is no shorter: rates are seen over seconds.
const SHORTEST_STEP: Duration = Duration::from_secs(1);

/// Where it stands.
#[derive(Debug, Clone)]
enum Phase {
    /// Nothing is sent.
    Silent,
    /// One message finds out.
    Probing { sent: bool },
    /// Mail flows at the rate of the bucket.
    Flowing { bucket: TokenBucket, since: UnixMillis, taken: u32 },
}

/// What a refusal comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It belongs to what was under way when silence began.
    Straggler,
    /// The probe was refused: silence again.
    Probe,
    /// Mail flows; whether one refusal is one too many is for the rule to say.
    Flowing,
}

/// One receiver that is being left alone.
#[derive(Debug, Clone)]
pub(super) struct BackOff {
    phase: Phase,
    /// Part of a refused rate that is tried next; above 0, below 1.
    part: f64,
    silence: Duration,
    longest: Duration,
    /// Messages a minute to go on with.
    rate: u32,
    /// Messages a minute that were too many.
    refused: u32,
    /// The configured rate, above which nothing is sent anyhow.
    configured: Option<u32>,
    next_step: UnixMillis,
}

impl BackOff {
    /// Silence for `hold`, to go on at `part` of the `per_minute` messages that the site took when it objected.
    pub(super) fn begin(
        part: f64,
        hold: Duration,
        per_minute: u32,
        configured: Option<Rate>,
        now: UnixMillis,
    ) -> Self {
        let silence = hold.max(SHORTEST_STEP);
        let refused = per_minute.max(1);
        Self {
            phase: Phase::Silent,
            part,
            silence,
            longest: LONGEST_SILENCE.max(silence),
            rate: part_of(refused, part),
            refused,
            configured: configured.map(|rate| rate.in_a_minute()),
            next_step: now.saturating_add(silence),
        }
    }

    /// When [`tick`](Self::tick) has something to do.
    pub(super) fn next_step(&self) -> UnixMillis {
        self.next_step
    }

    /// Whether nothing may be sent, not even a connection made.
    pub(super) fn is_silent(&self) -> bool {
        matches!(self.phase, Phase::Silent)
    }

    /// Whether one connection is enough.
    pub(super) fn is_probing(&self) -> bool {
        matches!(self.phase, Phase::Probing { .. })
    }

    /// When the next message may go; not after `now` if it may at once.
    pub(super) fn next_message(&self, now: UnixMillis) -> UnixMillis {
        match &self.phase {
            Phase::Silent | Phase::Probing { sent: true } => self.next_step.max(now),
            Phase::Probing { sent: false } => now,
            Phase::Flowing { bucket, .. } => bucket.next(now),
        }
    }

    /// A message goes out.
    pub(super) fn take_message(&mut self, now: UnixMillis) {
        match &mut self.phase {
            Phase::Silent => {}
            Phase::Probing { sent } => {
                *sent = true;
                // A probe of which nothing is heard must not hold everything up for ever.
                self.next_step = now.saturating_add(self.silence.max(LOOK_AGAIN));
            }
            // Looked at before by `next_message`.
            Phase::Flowing { bucket, .. } => drop(bucket.take(now)),
        }
    }

    /// The site took a message; `true` if that ends the probing.
    pub(super) fn taken(&mut self, now: UnixMillis) -> bool {
        match &mut self.phase {
            Phase::Silent => false,
            Phase::Probing { .. } => {
                self.flow(now);
                true
            }
            Phase::Flowing { taken, .. } => {
                *taken = taken.saturating_add(1);
                false
            }
        }
    }

    /// The site refused a message or a connection for the same reason again.
    pub(super) fn refused(&mut self, now: UnixMillis) -> Refused {
        match self.phase {
            // Receivers count from the last try.
            Phase::Silent => {
                self.next_step = now.saturating_add(self.silence);
                Refused::Straggler
            }
            Phase::Probing { .. } => {
                self.silence = self.silence.saturating_mul(2).min(self.longest);
                self.fall_silent(now);
                Refused::Probe
            }
            Phase::Flowing { .. } => Refused::Flowing,
        }
    }

    /// The rate was too high after all: silence, then a part of it, but no less than what the site took on
    /// average with the silence counted in.
    pub(super) fn too_fast(&mut self, now: UnixMillis) {
        if let Phase::Flowing { since, taken, .. } = self.phase {
            let cycle = now.since(since).saturating_add(self.silence).as_millis().max(1);
            let average = u32::try_from(u128::from(taken) * 60_000 / cycle).unwrap_or(u32::MAX);
            self.refused = self.rate.max(1);
            self.rate = part_of(self.rate, self.part).max(average.min(self.rate)).max(1);
        }
        self.fall_silent(now);
    }

    /// Takes the step that is due; `false` when it is over.
    pub(super) fn tick(&mut self, now: UnixMillis) -> bool {
        match &mut self.phase {
            Phase::Silent => {
                self.phase = Phase::Probing { sent: false };
                self.next_step = now.saturating_add(self.silence.max(LOOK_AGAIN));
                true
            }
            Phase::Probing { .. } => {
                self.flow(now);
                true
            }
            Phase::Flowing { .. } => self.speed_up(now),
        }
    }

    fn fall_silent(&mut self, now: UnixMillis) {
        self.phase = Phase::Silent;
        self.next_step = now.saturating_add(self.silence);
    }

    fn flow(&mut self, now: UnixMillis) {
        let bucket = TokenBucket::steady(Rate::per_minute(self.rate));
        self.phase = Phase::Flowing { bucket, since: now, taken: 0 };
        self.next_step = now.saturating_add(self.step());
    }

    /// How long the rate stays as it is.
    fn step(&self) -> Duration {
        if self.rate < self.near() {
            (self.silence / QUICK_STEPS).max(SHORTEST_STEP)
        } else {
            self.silence.saturating_mul(CAREFUL_WAIT)
        }
    }

    /// The rate up to which steps are quick.
    fn near(&self) -> u32 {
        times(self.refused, NEAR)
    }

    fn speed_up(&mut self, now: UnixMillis) -> bool {
        let near = self.near();
        self.rate = if self.rate < near {
            times(self.rate, QUICK).max(self.rate.saturating_add(1)).min(near)
        } else {
            times(self.rate, CAREFUL).max(self.rate.saturating_add(1))
        };
        let goal = self.configured.unwrap_or_else(|| self.refused.saturating_mul(FREE_AT));
        if self.rate >= goal {
            return false;
        }
        if let Phase::Flowing { bucket, .. } = &mut self.phase {
            bucket.change(Rate::per_minute(self.rate));
        }
        self.next_step = now.saturating_add(self.step());
        true
    }

    /// What holds now, in words.
    pub(super) fn does(&self) -> String {
        match &self.phase {
            Phase::Silent => "nothing is sent".to_owned(),
            Phase::Probing { .. } => "one message finds out whether more may be sent".to_owned(),
            Phase::Flowing { bucket, .. } => format!("no more than {} messages", bucket.rate()),
        }
    }
}

fn times(number: u32, (more, less): (u32, u32)) -> u32 {
    number.saturating_mul(more) / less.max(1)
}

/// A part of a rate; at least 1.
fn part_of(rate: u32, part: f64) -> u32 {
    // At least 1 and no more than the u32 it came from.
    (f64::from(rate) * part).floor().max(1.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_000_000_000);
    const HOLD: Duration = Duration::from_secs(5);

    fn after(seconds: u64) -> UnixMillis {
        NOW.saturating_add(Duration::from_secs(seconds))
    }

    /// A back-off from a site that took 600 a minute.
    fn back_off() -> BackOff {
        BackOff::begin(0.5, HOLD, 600, None, NOW)
    }

    #[test]
    fn nothing_goes_in_silence_then_one_message_and_then_half_the_rate() {
        let mut back_off = back_off();
        assert!(back_off.is_silent());
        assert_eq!(back_off.next_message(NOW), after(5));
        assert!(back_off.tick(after(5)) && back_off.is_probing());
        assert_eq!(back_off.next_message(after(5)), after(5));
        back_off.take_message(after(5));
        assert_eq!(back_off.next_message(after(6)), after(10), "a second probe");
        assert!(back_off.taken(after(6)));
        assert_eq!(back_off.does(), "no more than 300/min messages");
    }

    #[test]
    fn each_probe_that_is_refused_doubles_the_silence_up_to_half_an_hour() {
        let mut back_off = back_off();
        let mut silences = Vec::new();
        let mut now = back_off.next_step();
        for _ in 0..12 {
            back_off.tick(now);
            back_off.take_message(now);
            assert_eq!(back_off.refused(now), Refused::Probe);
            silences.push(back_off.next_step().since(now).as_secs());
            now = back_off.next_step();
        }
        assert_eq!(silences, [10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800, 1800, 1800]);
    }

    #[test]
    fn what_was_under_way_begins_the_silence_anew() {
        let mut back_off = back_off();
        assert_eq!(back_off.refused(after(3)), Refused::Straggler);
        assert_eq!(back_off.next_step(), after(8));
    }

    #[test]
    fn a_probe_of_which_nothing_is_heard_holds_nothing_up_for_ever() {
        let mut back_off = back_off();
        back_off.tick(after(5));
        back_off.take_message(after(6));
        assert!(back_off.tick(back_off.next_step()));
        assert!(!back_off.is_probing() && !back_off.is_silent());
    }

    #[test]
    fn is_soon_just_below_the_refused_rate_and_passes_it_with_care() {
        let mut back_off = back_off();
        back_off.tick(after(5));
        back_off.taken(after(5));
        let (mut rates, mut waits, mut now) = (Vec::new(), Vec::new(), after(5));
        while back_off.next_step() > now {
            waits.push(back_off.next_step().since(now).as_millis());
            now = back_off.next_step();
            if !back_off.tick(now) {
                break;
            }
            rates.push(back_off.rate);
        }
        assert_eq!(rates, [450, 540, 594, 653, 718, 789, 867, 953, 1048, 1152]);
        assert_eq!(waits[..4], [1_250, 1_250, 20_000, 20_000]);
    }

    #[test]
    fn a_rate_that_was_too_high_is_halved_but_not_below_what_was_taken_all_the_same() {
        let mut back_off = back_off();
        back_off.tick(after(5));
        back_off.taken(after(5));
        back_off.too_fast(after(6));
        assert_eq!((back_off.rate, back_off.refused), (150, 300));
        back_off.tick(after(11));
        back_off.taken(after(11));
        for _ in 0..40 {
            assert!(!back_off.taken(after(20)));
        }
        back_off.too_fast(after(26));
        assert_eq!(back_off.rate, 120, "40 in 20 seconds");
    }
}
