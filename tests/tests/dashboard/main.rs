//! The dashboard in a real browser: one journey of `tests/js/dashboard/` each, against `mailwright dev` with mail in it.
//! `MAILWRIGHT_PICTURES=1` has them take the pictures of the documentation.

mod world;

use mailwright_tests::error::Result;
use world::travel;

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
