//! How long after a restart on a full queue does mail flow again, and what memory does that take?
//!
//! Messages for mail exchangers that refuse connections pile up; these listen by the time the server is started
//! again. Once for one destination, once for a thousand, each with a mail exchanger of its own. Then the server is
//! killed while it delivers, and started on what is left.

use mailwright_benches::{
    Options, Result,
    backlog::{self, RETRY, SIZE},
    generator::Load,
    http::HttpClient,
    measure,
    message::Domains,
    name_server::NameServer,
    report,
    server::{Destination, Installation, Server},
    sink::{Reserved, Sink},
    usage::Memory,
};
use std::{path::Path, process::ExitCode, time::Duration};
use tokio::time::sleep_until;

/// Messages of a full and of a quick run.
const MESSAGES: (u64, u64) = (1_000_000, 5_000);
/// Destinations of each measurement.
const DESTINATIONS: [u64; 2] = [1, 1_000];
/// How long after its start the server is looked at.
const WATCHED: Duration = Duration::from_secs(10);

const COLUMNS: &[&str] = &[
    "queued messages",
    "destinations",
    "after a",
    "body",
    "ready s",
    "/health s",
    "first delivery s",
    "MiB when ready",
    "peak MiB in 10 s",
    "delivered in 10 s",
];

/// What one restart cost. Times are from the start of the process, memory is in bytes.
struct Costs {
    /// Messages in the queue.
    queued: u64,
    ready: Duration,
    healthy: Duration,
    first_delivery: Duration,
    memory: u64,
    peak: u64,
    delivered: u64,
}

fn main() -> ExitCode {
    mailwright_benches::run(restart)
}

async fn restart(options: Options) -> Result<()> {
    report::head(COLUMNS)?;
    let load = measure::load(options, options.messages(MESSAGES.0, MESSAGES.1));
    // Ratios are to the first row.
    let mut first = None;
    for domains in DESTINATIONS.map(Domains::new) {
        for (end, costs) in ["stop", "kill"].into_iter().zip(costs(load, domains).await?) {
            report::row(&cells(domains, end, &costs, first.as_ref().unwrap_or(&costs)))?;
            first.get_or_insert(costs);
        }
    }
    Ok(())
}

async fn costs(load: Load, domains: Domains) -> Result<[Costs; 2]> {
    let (name_server, exchangers) = (NameServer::start()?, Reserved::everywhere()?);
    let destination =
        Destination::Exchangers { name_server: name_server.address(), port: exchangers.address().port() };
    let installation = Installation::new(Path::new(env!("CARGO_TARGET_TMPDIR")), destination, RETRY)?;
    backlog::pile_up(&installation, load, domains).await?;

    let sink = exchangers.listen()?;
    let (server, after_stop) = start(&installation, &sink, load).await?;
    // Dropped, it is killed.
    drop(server);
    let (server, after_kill) = start(&installation, &sink, load).await?;
    server.stop().await?;
    Ok([after_stop, after_kill])
}

/// Starts the server on what the sink has not had of a load.
async fn start(installation: &Installation, sink: &Sink, load: Load) -> Result<(Server, Costs)> {
    let before = sink.arrivals().messages;
    let server = installation.start().await?;
    let (process, begun) = (server.process(), server.begun());
    let memory = process.memory(Memory::Resident)?;
    HttpClient::health(server.http()?).await?;
    let healthy = begun.elapsed();
    let first = sink.wait_for_some(before + 1, load.limit).await?.last;
    sleep_until((begun + WATCHED).into()).await;
    let costs = Costs {
        queued: load.messages.saturating_sub(before),
        ready: server.start_time(),
        healthy,
        first_delivery: first.duration_since(begun),
        memory,
        peak: process.memory(Memory::Peak)?,
        delivered: sink.arrivals().messages - before,
    };
    Ok((server, costs))
}

fn cells(domains: Domains, end: &str, costs: &Costs, first: &Costs) -> Vec<String> {
    let seconds = |time: fn(&Costs) -> Duration| {
        report::with_ratio(time(costs).as_secs_f64(), time(first).as_secs_f64(), 3)
    };
    vec![
        costs.queued.to_string(),
        domains.count().to_string(),
        end.to_owned(),
        report::kilobytes(SIZE),
        seconds(|costs| costs.ready),
        seconds(|costs| costs.healthy),
        seconds(|costs| costs.first_delivery),
        report::mebibytes(costs.memory),
        report::mebibytes(costs.peak),
        costs.delivered.to_string(),
    ]
}
