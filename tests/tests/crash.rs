//! The kill test: SIGKILL at random moments under load, again and again, on one state folder.
//!
//! 15 rounds; 500 with `MAILWRIGHT_LONG=1 ./check --only crash`.

use mailwright_tests::durability::KillTest;
use mailwright_tests::error::Result;
use mailwright_tests::needs::{long, seed};

#[test]
fn loses_nothing_acknowledged_and_repeats_only_what_is_in_doubt() -> Result<()> {
    let mut test = KillTest::new(seed())?;
    for _ in 0..if long() { 500 } else { 15 } {
        test.round()?;
    }
    test.settle_and_check()
}
