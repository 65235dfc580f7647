//! How fast does mail that comes in by HTTP go out, signed and safe on disk in between, and what does that cost?
//!
//! Single sends on kept-alive connections, answered as soon as they are safe (`Prefer: respond-async`), one
//! recipient each. The ceiling is that of `relay`, to compare with it: the same number of messages of the
//! same size by SMTP straight into the sink.

use mailwright_benches::{
    Options, Result,
    error::Error,
    generator::Load,
    http::{HttpClient, Script},
    measure::{self, Round},
    report,
    server::Installation,
    sink::Sink,
};
use std::{path::Path, process::ExitCode};

const CONNECTIONS: usize = 20;
/// Octets of a text, and messages of a full and of a quick run.
const SIZES: [(usize, u64, u64); 2] = [(2_000, 20_000, 400), (10_000, 20_000, 400)];

fn main() -> ExitCode {
    mailwright_benches::run(api)
}

async fn api(options: Options) -> Result<()> {
    report::head(report::THROUGHPUT)?;
    for (size, full, quick) in SIZES {
        let messages = options.messages(full, quick);
        let load = Load { sessions: CONNECTIONS, messages, limit: options.limit() };
        let mut rounds = Vec::new();
        for _ in 0..options.rounds() {
            rounds.push(round(load, size).await?);
        }
        let median = Round::median(rounds).ok_or_else(|| Error::unexpected("api", "no rounds"))?;
        report::row(&report::throughput(size, messages, CONNECTIONS, &median))?;
    }
    Ok(())
}

async fn round(load: Load, size: usize) -> Result<Round> {
    let ceiling = measure::ceiling(load, size).await?;
    let sink = Sink::start()?;
    let installation = Installation::new(Path::new(env!("CARGO_TARGET_TMPDIR")), sink.address(), "")?;
    let credentials = installation.bootstrap()?;
    let server = installation.start().await?;
    let (address, script) = (server.http()?, Script::new(&credentials, size));
    let connect = || HttpClient::connect(address, script.clone());
    let (server, peak) = measure::through(server, &sink, load, connect).await?;
    Ok(Round { ceiling, server, peak })
}
