//! A queue for a destination that is down costs disk, not memory, and is ready again soon after a start.
//!
//! 20,000 messages; 100,000 with `MAILWRIGHT_LONG=1 ./check --only memory`.

use std::time::{Duration, Instant};

use mailwright_tests::error::Result;
use mailwright_tests::feeder::{Door, Ledger, submit_through_all};
use mailwright_tests::metrics::QUEUED;
use mailwright_tests::needs::long;
use mailwright_tests::server::{Config, Installation, free_address};

/// What the queue may add to the resident memory of the idle server.
const MEMORY_LIMIT: u64 = 64 << 20;

/// The longest a start with the whole queue may take.
const START_LIMIT: Duration = Duration::from_secs(2);

/// Clients that fill the queue.
const CLIENTS: usize = 4;

#[test]
fn a_long_queue_costs_little_memory_and_little_time_at_start() -> Result<()> {
    let messages = if long() { 100_000 } else { 20_000 };
    // Retries far apart: the measure is of what waits, not of what is tried.
    let config =
        Config { retry_first: "1h".into(), retry_max_interval: "4h".into(), ..Config::to(free_address()?) };
    let installation = Installation::new(&config)?;
    let mut server = installation.start()?;
    let idle = server.process.resident_bytes()?;
    let ledger = Ledger::new("waiting");
    submit_through_all(
        &ledger,
        &vec![Door::Smtp(server.smtp); CLIENTS],
        messages,
        &"sixteen bytes.\r\n".repeat(60),
    )?;
    assert_eq!(server.metrics()?.get(QUEUED), messages as u64);
    let grown = server.process.resident_bytes()?.saturating_sub(idle);
    assert!(grown < MEMORY_LIMIT, "{messages} queued messages take {} MiB", grown >> 20);
    assert!(server.stop()?.success(), "{}", server.process.log_text());

    let start = Instant::now();
    let server = installation.start()?;
    let took = start.elapsed();
    assert_eq!(server.metrics()?.get(QUEUED), messages as u64);
    assert!(took < START_LIMIT, "a start with {messages} queued messages took {took:?}");
    let grown = server.process.resident_bytes()?.saturating_sub(idle);
    assert!(grown < MEMORY_LIMIT, "{messages} queued messages take {} MiB after a start", grown >> 20);
    Ok(())
}
