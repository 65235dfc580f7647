//! The engine and the queue live through random histories in a world of their own: a clock that does not wait, names
//! and receivers that misbehave, a network that breaks, a disk that loses its power.
//!
//! Nothing runs but the code under test and the world around it: sessions talk to sessions, the governor, the roster
//! and the retry schedule decide, the spool remembers, and the actors' part is played by the few lines in
//! `simulation/`. A seed decides everything, so that a failure can be repeated:
//!
//! ```sh
//! MAILWRIGHT_SEED=7381927410196983178 cargo test --package mailwright-storage --test simulation
//! MAILWRIGHT_LONG=1 cargo test --release --package mailwright-storage --test simulation -- --nocapture
//! ```
//!
//! All along, and at the end of each history:
//!
//! - every recipient of every accepted message comes to one end, whatever happened, and soon once all is well;
//! - it is told as delivered only to who got it, it arrives unchanged, and more than once only as often as it was in
//!   doubt; it bounces only if it was refused for good, grew too old, or had no place to go to;
//! - no receiver sees more connections, messages or recipients than its limits allow;
//! - nothing is tried sooner than its schedule says, and nothing due is held for ever, nor is any domain kept waiting
//!   for its place.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must fail")]
#![allow(clippy::print_stderr, reason = "a seed is told, so that a failure can be repeated")]

mod common;
#[path = "simulation/mod.rs"]
mod simulation;

use common::long;
use simulation::{Totals, World};

/// Histories, and events in each, before all is well.
const SHORT: (u64, u64) = (8, 4_000);
const LONG: (u64, u64) = (150, 20_000);

#[test]
fn whatever_happens_every_message_comes_to_its_end() {
    let asked = std::env::var("MAILWRIGHT_SEED").ok().and_then(|seed| seed.parse().ok());
    let first: u64 = asked.unwrap_or_else(|| fastrand::u64(..));
    let (histories, events) = if long() { LONG } else { SHORT };
    let mut totals = Totals::default();
    for history in 0..if asked.is_some() { 1 } else { histories } {
        let seed = first.wrapping_add(history);
        eprintln!("seed: MAILWRIGHT_SEED={seed}");
        totals.add(&World::new(seed).live(events).0);
    }
    eprintln!("{totals:#?}");
}

#[test]
fn the_same_seed_is_the_same_history() {
    let seed = fastrand::u64(..);
    eprintln!("seed: MAILWRIGHT_SEED={seed}");
    let [first, second] = [World::new(seed).live(3_000), World::new(seed).live(3_000)];
    assert_eq!(first, second);
}
