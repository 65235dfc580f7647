//! When a certificate is ordered: pure of clocks and disks.
//!
//! Authorities limit how often a name may be ordered and may fail, and shut out who goes on knocking. So a name is
//! renewed when two thirds of its certificate's life have passed, a name that failed rests, longer each time, and
//! no name is ordered more than [`MOST_A_DAY`] times a day, whatever happens. All of this is kept over restarts: a
//! service that crashes in a loop must not order in a loop.

use mailwright_actors::certificates::Validity;
use mailwright_engine::time::UnixMillis;
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, time::Duration};

/// Most orders for one name within a day. Let's Encrypt issues five certificates a week for one set of names.
pub(super) const MOST_A_DAY: usize = 5;
/// Most orders for all names within three hours; Let's Encrypt takes 300 of one account.
pub(super) const MOST_TOGETHER: usize = 250;

const DAY: Duration = Duration::from_secs(86_400);
const TOGETHER: Duration = Duration::from_secs(3 * 3_600);
/// How long a name rests after it failed for the first time; each further time it is four times as long.
const FIRST_REST: Duration = Duration::from_secs(15 * 60);

/// What was tried for one name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Attempts {
    /// When it was ordered within the last day, the oldest first.
    recent: Vec<UnixMillis>,
    /// How often in a row that failed.
    failures: u32,
    /// Until when it rests.
    rest_until: UnixMillis,
}

/// What was tried, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Book(HashMap<String, Attempts>);

impl Book {
    /// When `name` is to be ordered, with the certificate it has.
    pub(super) fn due(&self, name: &str, held: Option<Validity>) -> UnixMillis {
        let wanted = held.map_or(UnixMillis::default(), |held| renewal(name, held));
        let Some(attempts) = self.0.get(name) else { return wanted };
        let full = attempts.recent.len() >= MOST_A_DAY;
        let may = attempts
            .recent
            .first()
            .filter(|_| full)
            .map_or(UnixMillis::default(), |first| first.saturating_add(DAY));
        wanted.max(attempts.rest_until).max(may)
    }

    /// Whether all names together have been ordered as often as they may.
    pub(super) fn is_full(&self, now: UnixMillis) -> bool {
        let all = self.0.values().flat_map(|attempts| &attempts.recent);
        all.filter(|at| at.saturating_add(TOGETHER) > now).count() >= MOST_TOGETHER
    }

    /// An order for `name` begins.
    pub(super) fn began(&mut self, name: &str, now: UnixMillis) {
        self.forget(now);
        self.0.entry(name.to_owned()).or_default().recent.push(now);
    }

    /// The order for `name` was of no use; returns until when it rests.
    pub(super) fn failed(&mut self, name: &str, now: UnixMillis) -> UnixMillis {
        let attempts = self.0.entry(name.to_owned()).or_default();
        let rest = FIRST_REST.saturating_mul(4_u32.saturating_pow(attempts.failures)).min(DAY);
        attempts.failures = attempts.failures.saturating_add(1);
        attempts.rest_until = now.saturating_add(rest + spread(name, rest / 10));
        attempts.rest_until
    }

    /// The order for `name` brought its certificate.
    pub(super) fn succeeded(&mut self, name: &str) {
        if let Some(attempts) = self.0.get_mut(name) {
            (attempts.failures, attempts.rest_until) = (0, UnixMillis::default());
        }
    }

    /// The book as it is kept.
    pub(super) fn to_json(&self) -> Vec<u8> {
        // A table by names cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Forgets what says nothing any more; what lies ahead is of a clock that was wrong.
    fn forget(&mut self, now: UnixMillis) {
        let soon = now.saturating_add(DAY + DAY);
        for attempts in self.0.values_mut() {
            attempts.recent.retain(|at| at.saturating_add(DAY) > now && *at <= now);
            attempts.rest_until = attempts.rest_until.min(soon);
        }
        self.0.retain(|_, attempts| {
            !attempts.recent.is_empty() || attempts.rest_until.saturating_add(DAY) > now
        });
    }
}

/// When a certificate is renewed: after two thirds of its life, a little later for some names than for others, for they
/// may have been got together.
fn renewal(name: &str, held: Validity) -> UnixMillis {
    let life = held.end.since(held.begin);
    held.begin.saturating_add(life * 2 / 3 + spread(name, life / 20))
}

/// A time up to `most` that is always the same for one name.
fn spread(name: &str, most: Duration) -> Duration {
    most.mul_f64(f64::from(crc32fast::hash(name.as_bytes())) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "mta-sts.example.com";
    const HOUR: u64 = 3_600;

    fn at(seconds: u64) -> UnixMillis {
        UnixMillis::new(1_800_000_000_000 + seconds * 1_000)
    }

    #[test]
    fn a_name_without_a_certificate_is_due_at_once_and_one_with_it_after_two_thirds_of_its_life() {
        let book = Book::default();
        assert!(book.due(NAME, None) < at(0));
        let held = Validity { begin: at(0), end: at(90 * 24 * HOUR) };
        for name in [NAME, "mta-sts.example.net", "mx.example.com"] {
            let due = book.due(name, Some(held));
            assert!((at(60 * 24 * HOUR)..=at(65 * 24 * HOUR)).contains(&due), "{name}: {due}");
        }
        assert_ne!(book.due(NAME, Some(held)), book.due("mx.example.com", Some(held)));
    }

    #[test]
    fn a_name_that_fails_rests_longer_each_time_and_others_do_not() {
        let mut book = Book::default();
        let mut now = at(0);
        let mut rests = Vec::new();
        for _ in 0..6 {
            book.began(NAME, now);
            let until = book.failed(NAME, now);
            rests.push(until.since(now).as_secs() / 60);
            now = until.max(book.due(NAME, None));
        }
        let bounds = [15, 60, 240, 960, 1440, 1440].map(|minutes: u64| minutes..=minutes * 11 / 10);
        assert!(rests.iter().zip(&bounds).all(|(rest, bounds)| bounds.contains(rest)), "{rests:?}");
        assert!(book.due("mta-sts.example.net", None) < at(0));
        book.began(NAME, now);
        book.succeeded(NAME);
        assert!(book.due(NAME, None) <= now);
    }

    #[test]
    fn no_name_is_ordered_more_than_so_often_a_day() {
        let mut book = Book::default();
        for number in 0..MOST_A_DAY as u64 {
            assert!(book.due(NAME, None) <= at(number));
            book.began(NAME, at(number));
            book.succeeded(NAME);
        }
        assert_eq!(book.due(NAME, None), at(24 * HOUR));
        let kept: Book = serde_json::from_slice(&book.to_json()).unwrap();
        assert_eq!(kept, book);
        book.began(NAME, at(24 * HOUR));
        assert_eq!(book.due(NAME, None), at(24 * HOUR + 1));
    }

    #[test]
    fn all_names_together_are_not_ordered_more_than_so_often() {
        let mut book = Book::default();
        for number in 0..MOST_TOGETHER {
            assert!(!book.is_full(at(0)));
            book.began(&format!("mta-sts.{number}.example"), at(0));
        }
        assert!(book.is_full(at(3 * HOUR - 1)) && !book.is_full(at(3 * HOUR)));
    }

    #[test]
    fn what_a_wrong_clock_wrote_does_not_stop_a_name_for_ever() {
        let mut book = Book::default();
        for _ in 0..MOST_A_DAY {
            book.began(NAME, at(1_000_000 * HOUR));
            book.failed(NAME, at(1_000_000 * HOUR));
        }
        book.began("mta-sts.example.net", at(0));
        assert!(book.due(NAME, None) <= at(48 * HOUR));
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let mut book = Book::default();
        book.began(NAME, at(0));
        book.failed(NAME, at(0));
        book.began("mta-sts.example.net", at(72 * HOUR));
        assert_eq!(book.0.len(), 1);
    }
}
