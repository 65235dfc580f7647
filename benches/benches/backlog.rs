//! What does a message that waits in the queue cost in memory, at the restart, and when it can go at last?
//!
//! Messages for a next hop that refuses connections pile up; the server is restarted on them; then the next
//! hop listens. Once with all in one domain, once spread over a thousand.

use mailwright_benches::{
    Options, Result,
    backlog::{self, Queued, RETRY, SIZE},
    generator::Load,
    measure::{self, count, per_second},
    message::Domains,
    report,
    server::{Destination, Installation},
    sink::{Arrivals, Reserved},
    usage::Memory,
};
use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

/// Messages of a full and of a quick run.
const MESSAGES: (u64, u64) = (100_000, 2_000);
/// Recipient domains of each measurement.
const DOMAINS: [u64; 2] = [1, 1_000];

const COLUMNS: &[&str] = &[
    "queued messages",
    "domains",
    "body",
    "idle MiB",
    "queued MiB",
    "octets/message",
    "restart s",
    "MiB after restart",
    "first delivery after s",
    "drained/s",
    "peak MiB",
];

/// What one backlog cost. Memory in bytes.
struct Costs {
    memory: Queued,
    restart: Duration,
    restarted: u64,
    /// From the moment the sink listened.
    first_delivery: Duration,
    /// Messages a second from the first delivery to the last.
    drained: f64,
    /// Of the process that drained.
    peak: u64,
}

fn main() -> ExitCode {
    mailwright_benches::run(backlog)
}

async fn backlog(options: Options) -> Result<()> {
    report::head(COLUMNS)?;
    let messages = options.messages(MESSAGES.0, MESSAGES.1);
    let load = measure::load(options, messages);
    for domains in DOMAINS.map(Domains::new) {
        let costs = costs(load, domains).await?;
        report::row(&cells(messages, domains, &costs))?;
    }
    Ok(())
}

async fn costs(load: Load, domains: Domains) -> Result<Costs> {
    let reserved = Reserved::new()?;
    let installation = Installation::new(
        Path::new(env!("CARGO_TARGET_TMPDIR")),
        Destination::NextHop(reserved.address()),
        RETRY,
    )?;
    let memory = backlog::pile_up(&installation, load, domains).await?;

    let server = installation.start().await?;
    let (restart, restarted) = (server.start_time(), backlog::resident(&server).await?);
    let listening = Instant::now();
    let sink = reserved.listen()?;
    let Arrivals { first, last, .. } = sink.wait_for(load.messages, load.limit).await?;
    let peak = server.process().memory(Memory::Peak)?;
    server.stop().await?;
    // Whatever it still had to send has been sent: a message too many shows now.
    sink.wait_for(load.messages, Duration::ZERO).await?;
    Ok(Costs {
        memory,
        restart,
        restarted,
        first_delivery: first.duration_since(listening),
        drained: per_second(load.messages, last.duration_since(first)),
        peak,
    })
}

fn cells(messages: u64, domains: Domains, costs: &Costs) -> Vec<String> {
    let Queued { idle, queued } = costs.memory;
    vec![
        messages.to_string(),
        domains.count().to_string(),
        report::kilobytes(SIZE),
        report::mebibytes(idle),
        report::mebibytes(queued),
        format!("{:.0}", count(queued.saturating_sub(idle)) / count(messages)),
        format!("{:.2}", costs.restart.as_secs_f64()),
        report::mebibytes(costs.restarted),
        format!("{:.2}", costs.first_delivery.as_secs_f64()),
        format!("{:.0}", costs.drained),
        report::mebibytes(costs.peak),
    ]
}
