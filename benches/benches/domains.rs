//! What does mail for very many domains cost, compared with mail for one?
//!
//! Every domain has a mail exchanger with an address of its own, for which a name server is asked. One message each,
//! then fifty, after as many for one domain as there are domains.

use mailwright_benches::{
    Options, Result,
    measure::{self, Rates},
    message::Domains,
    name_server::NameServer,
    report,
    server::{Destination, Installation},
    sink::Reserved,
    smtp::Script,
};
use std::{path::Path, process::ExitCode};

/// Octets of a body.
const SIZE: usize = 2_000;
/// Domains of a full and of a quick run; `--messages` says how many, too.
const DOMAINS: (u64, u64) = (20_000, 200);
/// Messages for each domain.
const EACH: [u64; 2] = [1, 50];

const COLUMNS: &[&str] =
    &["domains", "messages", "body", "accepted/s", "delivered/s", "CPU µs/message", "peak MiB"];

fn main() -> ExitCode {
    mailwright_benches::run(domains)
}

async fn domains(options: Options) -> Result<()> {
    report::head(COLUMNS)?;
    let count = options.messages(DOMAINS.0, DOMAINS.1);
    let [few, many] = EACH.map(|each| (Domains::new(count), count * each));
    // Ratios are to the first row. Once each: a million messages average what the machine does beside.
    let mut first = None;
    for (domains, messages) in [(Domains::ONE, count), few, many] {
        let rates = rates(options, domains, messages).await?;
        report::row(&cells(domains, messages, &rates, first.as_ref().unwrap_or(&rates)))?;
        first.get_or_insert(rates);
    }
    Ok(())
}

async fn rates(options: Options, domains: Domains, messages: u64) -> Result<Rates> {
    let (name_server, exchangers) = (NameServer::start()?, Reserved::everywhere()?);
    let destination =
        Destination::Exchangers { name_server: name_server.address(), port: exchangers.address().port() };
    let sink = exchangers.listen()?;
    let installation = Installation::new(Path::new(env!("CARGO_TARGET_TMPDIR")), destination, "")?;
    let server = installation.start().await?;
    measure::relayed(server, &sink, measure::load(options, messages), Script::new(domains, SIZE)).await
}

fn cells(domains: Domains, messages: u64, rates: &Rates, one: &Rates) -> Vec<String> {
    vec![
        domains.count().to_string(),
        messages.to_string(),
        report::kilobytes(SIZE),
        report::with_ratio(rates.accepted, one.accepted, 0),
        report::with_ratio(rates.delivered, one.delivered, 0),
        report::with_ratio(rates.processor, one.processor, 0),
        report::mebibytes(rates.peak),
    ]
}
