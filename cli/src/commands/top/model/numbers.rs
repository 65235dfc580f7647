//! The server's meters, and what their changes say.

use crate::commands::top::metrics_page::{MetricsPage, quantile};
use mailwright_actors::metrics as actors;
use mailwright_storage::metrics as storage;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Readings that are kept: the bars of a wide terminal.
const KEPT: usize = 400;
/// Over how long percentiles and shares are told.
const WINDOW: Duration = Duration::from_secs(60);

/// Refusals for want of room or strength, as the metric's reasons call them.
const REFUSED_FOR_NOW: [&str; 4] = ["busy", "queue_full", "disk_full", "storage"];

/// One reading of the meters that matter here.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Numbers {
    pub(crate) accepted: f64,
    pub(crate) delivered: f64,
    pub(crate) deferred: f64,
    pub(crate) bounced: f64,
    /// Refused for want of room or strength.
    pub(crate) refused: f64,
    pub(crate) events_lost: f64,
    pub(crate) entries: f64,
    pub(crate) oldest: f64,
    pub(crate) in_flight: f64,
    pub(crate) connections: f64,
    pub(crate) sessions: f64,
    pub(crate) active: f64,
    pub(crate) waiting: f64,
    pub(crate) resting: f64,
    pub(crate) memory: f64,
    pub(crate) disk_free: f64,
    pub(crate) sync: Vec<(f64, f64)>,
    pub(crate) delivery: Vec<(f64, f64)>,
}

/// The resident memory of the process, as Prometheus' clients call it everywhere.
const MEMORY: &str = "process_resident_memory_bytes";
const SYNC_BUCKETS: &str = "mailwright_journal_sync_seconds_bucket";
const DELIVERY_BUCKETS: &str = "mailwright_delivery_seconds_bucket";

impl Numbers {
    /// Reads them from the page of `/metrics`.
    pub(crate) fn read(text: &str) -> Self {
        let page = MetricsPage::read(
            text,
            &[
                actors::ACCEPTED,
                actors::REFUSED,
                actors::DELIVERED,
                actors::DEFERRED,
                actors::BOUNCED,
                storage::EVENTS_DROPPED,
                storage::QUEUE_ENTRIES,
                actors::OLDEST,
                actors::IN_FLIGHT,
                actors::CONNECTIONS_OPEN,
                actors::SMTP_SESSIONS,
                actors::DOMAINS,
                storage::DISK_FREE,
                MEMORY,
                SYNC_BUCKETS,
                DELIVERY_BUCKETS,
            ],
        );
        let domains = |state| page.sum_where(actors::DOMAINS, "state", &[state]);
        Self {
            accepted: page.sum(actors::ACCEPTED),
            delivered: page.sum(actors::DELIVERED),
            deferred: page.sum(actors::DEFERRED),
            bounced: page.sum(actors::BOUNCED),
            refused: page.sum_where(actors::REFUSED, "reason", &REFUSED_FOR_NOW),
            events_lost: page.sum(storage::EVENTS_DROPPED),
            entries: page.sum(storage::QUEUE_ENTRIES),
            oldest: page.sum(actors::OLDEST),
            in_flight: page.sum(actors::IN_FLIGHT),
            connections: page.sum(actors::CONNECTIONS_OPEN),
            sessions: page.sum(actors::SMTP_SESSIONS),
            active: domains("active"),
            waiting: domains("waiting"),
            resting: domains("resting"),
            memory: page.sum(MEMORY),
            disk_free: page.sum(storage::DISK_FREE),
            sync: page.buckets(storage::SYNC_SECONDS),
            delivery: page.buckets(actors::TIME_TO_DELIVERY),
        }
    }
}

/// The readings of the last minutes.
#[derive(Debug, Clone, Default)]
pub(crate) struct History(VecDeque<(Instant, Numbers)>);

impl History {
    /// Adds a reading.
    pub(super) fn push(&mut self, at: Instant, numbers: Numbers) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back((at, numbers));
    }

    /// The newest reading.
    pub(crate) fn last(&self) -> Option<&Numbers> {
        self.0.back().map(|(_, numbers)| numbers)
    }

    /// How fast a counter rose between each reading and the one before, the oldest first.
    pub(crate) fn rates(&self, counter: fn(&Numbers) -> f64) -> Vec<f64> {
        let pairs = self.0.iter().zip(self.0.iter().skip(1));
        let rate = |((from, before), (to, after)): (&(Instant, Numbers), &(Instant, Numbers))| {
            let time = to.saturating_duration_since(*from).as_secs_f64();
            if time > 0.0 { ((counter(after) - counter(before)) / time).max(0.0) } else { 0.0 }
        };
        pairs.map(rate).collect()
    }

    /// By how much a counter rose in the last minute.
    pub(crate) fn rise(&self, counter: fn(&Numbers) -> f64) -> f64 {
        self.window().map_or(0.0, |(before, after)| (counter(after) - counter(before)).max(0.0))
    }

    /// The value below which so much of a histogram of the last minute lies.
    pub(crate) fn quantile(&self, part: f64, histogram: fn(&Numbers) -> &[(f64, f64)]) -> Option<f64> {
        let (before, after) = self.window()?;
        quantile(part, histogram(before), histogram(after))
    }

    /// The newest reading and the one that is a minute older, or the oldest there is.
    fn window(&self) -> Option<(&Numbers, &Numbers)> {
        let (now, after) = self.0.back()?;
        let is_recent = |(at, _): &&(Instant, Numbers)| now.saturating_duration_since(*at) <= WINDOW;
        let (_, before) = self.0.iter().find(is_recent)?;
        Some((before, after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(readings: &[(u64, f64)]) -> History {
        let (start, mut history) = (Instant::now(), History::default());
        for (second, accepted) in readings {
            let numbers = Numbers { accepted: *accepted, sync: vec![(1.0, *accepted)], ..Numbers::default() };
            history.push(start + Duration::from_secs(*second), numbers);
        }
        history
    }

    #[test]
    fn rates_are_of_two_readings_and_a_minute_of_sixty_seconds() {
        let history = history(&[(0, 0.0), (10, 100.0), (30, 120.0), (80, 320.0)]);
        assert_eq!(history.rates(|numbers| numbers.accepted), [10.0, 1.0, 4.0]);
        assert_eq!(history.rise(|numbers| numbers.accepted), 200.0);
        assert_eq!(history.quantile(0.5, |numbers| &numbers.sync), Some(0.5));
    }

    #[test]
    fn one_reading_says_nothing_of_change() {
        let history = history(&[(0, 7.0)]);
        assert_eq!((history.rates(|numbers| numbers.accepted), history.rise(|n| n.accepted)), (vec![], 0.0));
        assert_eq!(history.quantile(0.5, |numbers| &numbers.sync), None);
        assert_eq!(history.last().map(|numbers| numbers.accepted), Some(7.0));
    }

    #[test]
    fn the_meters_have_the_names_that_the_server_gives_them() {
        let page = "mailwright_messages_accepted_total{origin=\"api\"} 5\nmailwright_domains{state=\"resting\"} 3\n\
            mailwright_messages_refused_total{reason=\"disk_full\"} 2\nmailwright_messages_refused_total{reason=\"limit\"} 9\n\
            mailwright_journal_sync_seconds_bucket{le=\"0.1\"} 4\nmailwright_queue_oldest_seconds 60\n\
            mailwright_delivery_seconds_bucket{provider=\"other\",le=\"0.1\"} 4\nprocess_resident_memory_bytes 1024\n";
        let numbers = Numbers::read(page);
        assert_eq!(
            [numbers.accepted, numbers.resting, numbers.refused, numbers.oldest],
            [5.0, 3.0, 2.0, 60.0]
        );
        assert_eq!((numbers.sync.len(), numbers.delivery.len(), numbers.memory), (1, 1, 1024.0));
    }
}
