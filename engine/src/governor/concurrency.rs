//! How many connections: a window that follows the site's answers.
//!
//! Postfix's feedback (SCHEDULER_README): each delivery widens the window by 1/N, each refusal that is about us
//! or about the site narrows it, where N is the window; so a window of 20 takes 20 successes to become 21. A
//! refusal costs more than a success gains, because it costs the sender's reputation too. Refused connections
//! teach a *cap*: the number that were open when the next was refused. It is relaxed one by one after quiet
//! times, since receivers change their minds.

use crate::{shaping::Adaptive, time::UnixMillis};
use serde::Serialize;
use std::time::Duration;

/// What a refusal weighs against a success. With 2, a site that refuses more than a third of what it is sent
/// sees the window shrink.
const NEGATIVE_WEIGHT: f64 = 2.0;
/// How long after a refused connection, or after the last step, the cap is relaxed by one.
const RELAX_AFTER: Duration = Duration::from_secs(120);
/// Refusals this soon after a cap was learnt belong to the connections that were being opened together.
const TOGETHER: Duration = Duration::from_secs(1);
/// Later ones in a row, with fewer open than the cap, before it is lowered: a receiver may still count a
/// connection that has just said goodbye.
const DOUBTS: u32 = 2;

/// The window.
#[derive(Debug, Clone)]
pub(super) struct Concurrency {
    adaptive: Adaptive,
    most: f64,
    window: f64,
    cap: Option<Cap>,
}

/// A learnt limit.
#[derive(Debug, Clone, Copy)]
struct Cap {
    connections: u32,
    learnt_at: UnixMillis,
    relax_at: UnixMillis,
    /// Refusals below it since a connection was last let in.
    doubts: u32,
}

impl Cap {
    fn learn(connections: u32, now: UnixMillis) -> Self {
        let connections = connections.max(1);
        Self { connections, learnt_at: now, relax_at: now.saturating_add(RELAX_AFTER), doubts: 0 }
    }

    /// What remains of it when a connection is refused while `open` others are open.
    fn refused(self, open: u32, now: UnixMillis) -> Self {
        let doubts = self.doubts.saturating_add(1);
        if open < self.connections && (now.since(self.learnt_at) < TOGETHER || doubts >= DOUBTS) {
            return Self::learn(open, now);
        }
        Self { relax_at: now.saturating_add(RELAX_AFTER), doubts, ..self }
    }
}

/// What changed about the cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum CapChange {
    Learned(u32),
    Relaxed(u32),
    Lifted,
}

impl Concurrency {
    pub(super) fn new(adaptive: Adaptive, initial: u32, most: u32) -> Self {
        let most = f64::from(most.max(1));
        let window = match adaptive {
            Adaptive::On => f64::from(initial).clamp(1.0, most),
            Adaptive::Off => most,
        };
        Self { adaptive, most, window, cap: None }
    }

    /// Other limits from now on.
    pub(super) fn reshape(&mut self, adaptive: Adaptive, most: u32) {
        self.most = f64::from(most.max(1));
        self.window = match adaptive {
            Adaptive::On => self.window.clamp(1.0, self.most),
            Adaptive::Off => self.most,
        };
        self.adaptive = adaptive;
    }

    /// How many connections there may be.
    pub(super) fn limit(&self) -> u32 {
        // The window is at least 1 and at most a u32.
        let window = self.window as u32;
        self.cap.map_or(window, |cap| window.min(cap.connections)).max(1)
    }

    pub(super) fn window(&self) -> f64 {
        self.window
    }

    pub(super) fn cap(&self) -> Option<u32> {
        self.cap.map(|cap| cap.connections)
    }

    pub(super) fn success(&mut self) {
        if self.adaptive == Adaptive::On {
            self.window = (self.window + 1.0 / self.window).min(self.most);
        }
    }

    pub(super) fn failure(&mut self) {
        if self.adaptive == Adaptive::On {
            self.window = (self.window - NEGATIVE_WEIGHT / self.window).max(1.0);
        }
    }

    /// Begins again carefully.
    pub(super) fn restart(&mut self) {
        if self.adaptive == Adaptive::On {
            self.window = 1.0;
        }
    }

    /// A connection was refused while `open` others were open.
    pub(super) fn connection_refused(&mut self, open: u32, now: UnixMillis) -> Option<CapChange> {
        if self.adaptive == Adaptive::Off || open == 0 {
            return None;
        }
        let known = self.cap.map(|cap| cap.connections);
        let cap = self.cap.map_or_else(|| Cap::learn(open, now), |cap| cap.refused(open, now));
        self.cap = Some(cap);
        self.window = self.window.min(f64::from(cap.connections)).max(1.0);
        (known != Some(cap.connections)).then_some(CapChange::Learned(cap.connections))
    }

    /// A connection was let in.
    pub(super) fn connected(&mut self) {
        if let Some(cap) = &mut self.cap {
            cap.doubts = 0;
        }
    }

    /// Relaxes the cap when its time has come.
    pub(super) fn tick(&mut self, now: UnixMillis) -> Option<CapChange> {
        let cap = self.cap.as_mut().filter(|cap| cap.relax_at <= now)?;
        cap.connections = cap.connections.saturating_add(1);
        cap.relax_at = now.saturating_add(RELAX_AFTER);
        let relaxed = cap.connections;
        if f64::from(relaxed) >= self.most {
            self.cap = None;
            return Some(CapChange::Lifted);
        }
        Some(CapChange::Relaxed(relaxed))
    }

    pub(super) fn next_tick(&self) -> Option<UnixMillis> {
        self.cap.map(|cap| cap.relax_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: UnixMillis = UnixMillis::new(1_000_000);

    fn adaptive(initial: u32, most: u32) -> Concurrency {
        Concurrency::new(Adaptive::On, initial, most)
    }

    #[test]
    fn as_many_successes_as_the_window_is_wide_widen_it_by_about_one() {
        let mut window = adaptive(10, 100);
        (0..10).for_each(|_| window.success());
        assert!((10.9..11.0).contains(&window.window()), "{}", window.window());
    }

    #[test]
    fn a_refusal_costs_more_than_a_success_gains() {
        let mut window = adaptive(10, 100);
        window.success();
        window.failure();
        assert!(window.window() < 10.0);
        (0..200).for_each(|_| window.failure());
        assert_eq!(window.limit(), 1);
    }

    #[test]
    fn a_refused_connection_teaches_a_cap_that_is_relaxed_step_by_step() {
        let mut window = adaptive(20, 20);
        assert_eq!(window.connection_refused(5, NOW), Some(CapChange::Learned(5)));
        assert_eq!(window.limit(), 5);
        assert_eq!(window.connection_refused(5, NOW), None);
        (0..500).for_each(|_| window.success());
        assert_eq!(window.limit(), 5);
        assert_eq!(window.tick(NOW), None);
        let later = window.next_tick().unwrap();
        assert_eq!((window.tick(later), window.limit()), (Some(CapChange::Relaxed(6)), 6));
    }

    #[test]
    fn a_cap_is_lowered_at_once_by_what_was_opened_together_and_later_on_second_thoughts() {
        let mut window = adaptive(20, 20);
        let later = NOW.saturating_add(Duration::from_secs(10));
        assert_eq!(window.connection_refused(5, NOW), Some(CapChange::Learned(5)));
        assert_eq!(window.connection_refused(4, NOW), Some(CapChange::Learned(4)));
        assert_eq!(window.connection_refused(3, later), None);
        window.connected();
        assert_eq!(window.connection_refused(3, later), None);
        assert_eq!(window.connection_refused(3, later), Some(CapChange::Learned(3)));
    }

    #[test]
    fn a_fixed_number_does_not_move() {
        let mut window = Concurrency::new(Adaptive::Off, 5, 20);
        window.failure();
        window.connection_refused(3, NOW);
        assert_eq!(window.limit(), 20);
    }

    proptest! {
        #[test]
        fn the_window_stays_within_its_bounds(most in 1u32..100, steps in prop::collection::vec(0u8..4, 0..300)) {
            let mut window = adaptive(5, most);
            let mut now = NOW;
            for step in steps {
                now = now.saturating_add(Duration::from_secs(20));
                match step {
                    0 => window.success(),
                    1 => window.failure(),
                    2 => { window.connection_refused(window.limit(), now); }
                    _ => { window.tick(now); }
                }
                prop_assert!((1..=most).contains(&window.limit()), "{window:?}");
            }
        }
    }
}
