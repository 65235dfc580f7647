//! How fast does mail that comes in by SMTP go out again, safe on disk in between, and what does that cost?
//!
//! Unsigned, one recipient a message, all to one domain. Bodies of 2, 10 and 100 kB.

use mailwright_benches::{
    Options, Result,
    generator::Load,
    measure::{self, Round},
    message::Domains,
    server::{Destination, Installation},
    sink::Sink,
    smtp::Script,
};
use std::{path::Path, process::ExitCode};

/// Octets of a body, and messages of a full and of a quick run.
const SIZES: [(usize, u64, u64); 3] = [(2_000, 20_000, 400), (10_000, 20_000, 400), (100_000, 4_000, 100)];

fn main() -> ExitCode {
    mailwright_benches::run(relay)
}

async fn relay(options: Options) -> Result<()> {
    measure::throughput(options, &SIZES, round).await
}

async fn round(load: Load, size: usize) -> Result<Round> {
    let ceiling = measure::ceiling(load, size).await?;
    let sink = Sink::start()?;
    let installation =
        Installation::new(Path::new(env!("CARGO_TARGET_TMPDIR")), Destination::NextHop(sink.address()), "")?;
    let server = installation.start().await?;
    let server = measure::relayed(server, &sink, load, Script::new(Domains::ONE, size)).await?;
    Ok(Round { ceiling, server })
}
