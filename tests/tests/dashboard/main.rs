//! The dashboard in a real browser: one journey of `tests/js/dashboard/` each, against `mailwright dev` with mail in it.
//! `MAILWRIGHT_PICTURES=1` has them take the pictures of the documentation.

mod world;

use mailwright_tests::error::Result;
use world::travel;

#[test]
fn signing_in_and_out() -> Result<()> {
    travel("session")
}
