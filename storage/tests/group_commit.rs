//! One sync serves everybody who waits.
//!
//! A program of its own, because the metrics recorder that counts the batches is one for the process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod common;

use common::{SMALL, Server, envelope, key};
use mailwright_storage::{SpoolSettings, metrics::COMMIT_BATCHES};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Counts the batches the journal commits.
struct Batches(Arc<AtomicU64>);

impl Recorder for Batches {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match key.name() {
            COMMIT_BATCHES => Counter::from_arc(Arc::clone(&self.0)),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn sixty_four_waiting_senders_share_their_syncs_and_one_alone_has_its_own() {
    let batches = Arc::new(AtomicU64::new(0));
    metrics::set_global_recorder(Batches(Arc::clone(&batches))).map_err(|_| "a second recorder").unwrap();
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path(), SpoolSettings { segment_size: 8 << 20, ..SMALL });
    let to = ["a@one.example"];

    for round in 0..10 {
        server.accept_all(round * 64 + 1..=round * 64 + 64, &to, 1_000);
    }
    let together = batches.swap(0, Ordering::Relaxed);
    // How many are handed in while one batch is synced is the machine's doing, three to seven batches a round were seen.
    // Without sharing there would be one for each.
    assert!((10..=640 / 4).contains(&together), "{together} batches for 640 messages");

    for id in 1_001..=1_010 {
        server.accept(id, &to, 1_000).unwrap();
    }
    assert_eq!(batches.swap(0, Ordering::Relaxed), 10, "batches for ten messages one after the other");

    for id in 1..=640 {
        server.assert_loads(&server.entry(id, 0), &envelope(id, &to), 1_000);
    }
    let intents = common::block_on(async {
        let waiting: Vec<_> = (1..=64).map(|id| server.spool.intend(key(id, 0)).unwrap()).collect();
        for intent in waiting {
            intent.await.unwrap();
        }
        batches.load(Ordering::Relaxed)
    });
    assert!(intents <= 10, "{intents} batches for 64 intents");
}
