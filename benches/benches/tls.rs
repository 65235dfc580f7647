//! What does TLS cost, with sessions resumed and without?
//!
//! Mail of 10 kB goes out to a sink that offers STARTTLS or does not, with an ECDSA certificate that nobody vouches
//! for and TLS 1.3: over connections of a hundred messages, and of one, so that it is the handshakes that count.

use mailwright_benches::{
    Options, Result,
    generator::Load,
    measure::{self, Rates, count},
    message::Domains,
    report,
    server::{Destination, Installation},
    sink::{Arrivals, Resumption, Sink},
    smtp::Script,
};
use std::{path::Path, process::ExitCode};

/// Octets of a body.
const SIZE: usize = 10_000;
/// Messages of a full and of a quick run.
const MESSAGES: (u64, u64) = (10_000, 400);
/// Messages that a connection may carry.
const PER_CONNECTION: [u64; 2] = [100, 1];
/// What the sink offers. The first is what the others are compared with.
const OFFERS: [(&str, Option<Resumption>); 3] =
    [("none", None), ("resumed", Some(Resumption::Offered)), ("not resumed", Some(Resumption::Refused))];

const COLUMNS: &[&str] = &[
    "messages/connection",
    "TLS",
    "messages",
    "connections",
    "with TLS",
    "resumed",
    "delivered/s",
    "CPU µs/message",
    "CPU µs/connection over none",
];

/// What one case costs.
struct Costs {
    rates: Rates,
    arrivals: Arrivals,
}

fn main() -> ExitCode {
    mailwright_benches::run(tls)
}

async fn tls(options: Options) -> Result<()> {
    report::head(COLUMNS)?;
    let load = measure::load(options, options.messages(MESSAGES.0, MESSAGES.1));
    for per_connection in PER_CONNECTION {
        let measure = async |(_, offer)| costs(load, per_connection, offer).await;
        let results = measure::in_turn(options, &OFFERS, measure, |costs| costs.rates.processor).await?;
        let plain = results.first().map(|costs| costs.rates);
        for ((name, _), costs) in OFFERS.iter().zip(&results) {
            report::row(&cells(per_connection, name, costs, plain.unwrap_or(costs.rates)))?;
        }
    }
    Ok(())
}

async fn costs(load: Load, per_connection: u64, offer: Option<Resumption>) -> Result<Costs> {
    let sink = offer.map_or_else(Sink::start, Sink::with_tls)?;
    let destination = Destination::NextHop(sink.address());
    let installation = Installation::new(Path::new(env!("CARGO_TARGET_TMPDIR")), destination, "")?;
    installation.shape(&limits(per_connection))?;
    let server = installation.start().await?;
    let rates = measure::relayed(server, &sink, load, Script::new(Domains::ONE, SIZE)).await?;
    Ok(Costs { rates, arrivals: sink.arrivals() })
}

/// The limits of all load tests but for these two.
fn limits(per_connection: u64) -> String {
    format!(
        "[default]\nconnections = 20\ninitial_connections = 20\nadaptive = false\n\
         tls = \"opportunistic\"\nmessages_per_connection = {per_connection}\n"
    )
}

fn cells(per_connection: u64, name: &str, costs: &Costs, plain: Rates) -> Vec<String> {
    let Costs { rates, arrivals } = costs;
    let more = (rates.processor - plain.processor) * count(arrivals.messages);
    vec![
        per_connection.to_string(),
        name.to_owned(),
        arrivals.messages.to_string(),
        arrivals.connections.to_string(),
        arrivals.encrypted.to_string(),
        arrivals.resumed.to_string(),
        report::with_ratio(rates.delivered, plain.delivered, 0),
        report::with_ratio(rates.processor, plain.processor, 0),
        format!("{:.0}", more / count(arrivals.connections.max(1))),
    ]
}
