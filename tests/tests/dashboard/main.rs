//! The dashboard in a real browser: one journey of `tests/js/dashboard/` each, against `mailwright dev` with mail in it.
//! `MAILWRIGHT_PICTURES=1` has them take the pictures of the documentation.

mod world;

use mailwright_tests::error::Result;
use world::{travel, travel_with_workers};

#[test]
fn signing_in_and_out() -> Result<()> {
    travel("session")
}

#[test]
fn the_overview_counts_what_the_log_has() -> Result<()> {
    travel("overview")
}

#[test]
fn the_activity_log_finds_pages_and_follows() -> Result<()> {
    travel("activity")
}

#[test]
fn a_message_tells_its_life() -> Result<()> {
    travel("message")
}

#[test]
fn a_domain_from_its_first_record_to_its_first_mail() -> Result<()> {
    travel("domains")
}

#[test]
fn suppressing_one_address_and_many() -> Result<()> {
    travel("suppressions")
}

#[test]
fn rules_destinations_and_what_would_become_of_mail() -> Result<()> {
    travel("routing")
}

#[test]
fn workers_live_and_what_they_keep() -> Result<()> {
    travel_with_workers("workers")
}

#[test]
fn the_queue_is_seen_and_steered() -> Result<()> {
    travel("queue")
}

#[test]
fn shaping_says_who_decides_what() -> Result<()> {
    travel("shaping")
}

#[test]
fn a_webhook_is_made_tried_and_taken_away() -> Result<()> {
    travel("webhooks")
}

#[test]
fn a_token_is_made_rolled_and_taken_away_and_the_audit_log_tells() -> Result<()> {
    travel("tokens")
}

#[test]
fn an_account_is_made_limited_and_taken_away() -> Result<()> {
    travel("accounts")
}

#[test]
fn the_sandbox_shows_what_it_received() -> Result<()> {
    travel("inbox")
}
