//! How fast does mail from the world go on to where its rule says, judged and sealed, and what does that cost?
//!
//! Messages of 10 kB with an RSA signature, all of DNS known: SPF, DKIM, DMARC, ARC and iprev, a rule, the spam score, the
//! sender rewritten, two RSA signatures that seal them, synced to disk, delivered. Once with senders that wait for what the
//! next server says, once with senders that do not; beside it the same mail through the relay, which judges nothing.

use mailwright_benches::{
    Options, Result,
    generator::Load,
    measure::{self, Rates},
    report,
    signed::{ADDRESS, Action, DESTINATION, Signed},
    sink::Sink,
    smtp::SmtpClient,
};
use std::{path::Path, process::ExitCode};

/// Messages of a full and of a quick run.
const MESSAGES: (u64, u64) = (10_000, 200);

/// The ways that a message takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Through the relay.
    Relayed,
    /// By a rule; the sender is answered once it is safe.
    Queued,
    /// By a rule; the sender waits for the next server.
    InSession,
}

const WAYS: [Way; 3] = [Way::Relayed, Way::Queued, Way::InSession];
const COLUMNS: &[&str] = &["way", "messages", "accepted/s", "delivered/s", "CPU µs/message", "peak MiB"];

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Relayed => "relayed",
            Self::Queued => "forwarded, sender does not wait",
            Self::InSession => "forwarded, sender waits",
        }
    }

    const fn in_session(self) -> &'static str {
        match self {
            Self::Relayed | Self::Queued => "0s",
            Self::InSession => "10s",
        }
    }
}

fn main() -> ExitCode {
    mailwright_benches::run(forward)
}

async fn forward(options: Options) -> Result<()> {
    let letter = Signed::new()?;
    let load = measure::load(options, options.messages(MESSAGES.0, MESSAGES.1));
    report::head(COLUMNS)?;
    let measure = async |way| sent(&letter, load, way).await;
    let results = measure::in_turn(options, &WAYS, measure, |rates| rates.delivered).await?;
    let relayed = results.first().copied();
    for (way, rates) in WAYS.iter().zip(results) {
        report::row(&cells(*way, load, rates, relayed.unwrap_or(rates)))?;
    }
    Ok(())
}

async fn sent(letter: &Signed, load: Load, way: Way) -> Result<Rates> {
    let sink = Sink::start()?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let installation = letter.installation(folder, &sink, way.in_session(), Action::Forward, "")?;
    let server = installation.start().await?;
    let (address, to) = match way {
        Way::Relayed => (server.smtp()?, DESTINATION),
        Way::Queued | Way::InSession => (server.inbound()?, ADDRESS),
    };
    let script = letter.script(to);
    measure::through(server, &sink, load, || SmtpClient::connect(address, script.clone())).await
}

fn cells(way: Way, load: Load, rates: Rates, relayed: Rates) -> Vec<String> {
    vec![
        way.name().to_owned(),
        load.messages.to_string(),
        report::with_ratio(rates.accepted, relayed.accepted, 0),
        report::with_ratio(rates.delivered, relayed.delivered, 0),
        report::with_ratio(rates.processor, relayed.processor, 0),
        report::mebibytes(rates.peak),
    ]
}
