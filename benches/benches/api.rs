//! How fast does mail that comes in by HTTP go out, signed and safe on disk in between, and what does that cost?
//!
//! Single sends on kept-alive connections, answered as soon as they are safe (`Prefer: respond-async`), one
//! recipient each. Texts of 2, 10 and 100 kB. The ceiling is that of `relay`, to compare with it: the same number
//! of messages of the same size by SMTP straight into the sink.

use mailwright_benches::{
    Options, Result,
    generator::Load,
    http::{HttpClient, Script},
    measure::{self, Round},
    server::{Destination, Installation},
    sink::Sink,
};
use std::{path::Path, process::ExitCode};

/// Octets of a text, and messages of a full and of a quick run.
const SIZES: [(usize, u64, u64); 3] = [(2_000, 20_000, 400), (10_000, 20_000, 400), (100_000, 4_000, 100)];

fn main() -> ExitCode {
    mailwright_benches::run(api)
}

async fn api(options: Options) -> Result<()> {
    measure::throughput(options, &SIZES, round).await
}

async fn round(load: Load, size: usize) -> Result<Round> {
    let ceiling = measure::ceiling(load, size).await?;
    let sink = Sink::start()?;
    let installation =
        Installation::new(Path::new(env!("CARGO_TARGET_TMPDIR")), Destination::NextHop(sink.address()), "")?;
    let credentials = installation.bootstrap()?;
    let server = installation.start().await?;
    let (address, script) = (server.http()?, Script::new(&credentials, size));
    let connect = || HttpClient::connect(address, script.clone());
    let server = measure::through(server, &sink, load, connect).await?;
    Ok(Round { ceiling, server })
}
