//! How long does a message take from its sender to its receiver when nothing else is going on?
//!
//! One message of 2 kB after the other over one connection, 20 ms apart: from the first octet of the send until the
//! sink has the final dot. By SMTP, and by the API, whose mail is always signed.

use mailwright_benches::{
    Options, Result,
    http::{self, HttpClient},
    measure,
    message::Domains,
    report,
    server::{Destination, Installation},
    sink::Sink,
    smtp::{self, SmtpClient},
};
use std::{path::Path, process::ExitCode, time::Duration};

/// Octets of a body.
const SIZE: usize = 2_000;
/// Messages of a full and of a quick run.
const MESSAGES: (u64, u64) = (500, 25);
/// From one send to the next.
const PACE: Duration = Duration::from_millis(20);

/// The way that messages take.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From the generator straight into the sink, by SMTP.
    Ceiling,
    Smtp,
    SignedSmtp,
    Api,
}

/// The ways; the others are compared with the first.
const WAYS: [(&str, Way); 4] = [
    ("straight into the sink", Way::Ceiling),
    ("by SMTP, unsigned", Way::Smtp),
    ("by SMTP, signed", Way::SignedSmtp),
    ("by the API, signed", Way::Api),
];

const COLUMNS: &[&str] = &["way", "messages", "median ms", "p90 ms", "p99 ms", "max ms"];

fn main() -> ExitCode {
    mailwright_benches::run(latency)
}

async fn latency(options: Options) -> Result<()> {
    report::head(COLUMNS)?;
    let messages = options.messages(MESSAGES.0, MESSAGES.1);
    let measure = async |(_, way)| Ok(measure::percentiles(sample(way, messages, options.limit()).await?));
    let results = measure::in_turn(options, &WAYS, measure, |[median, ..]| *median).await?;
    for ((name, _), times) in WAYS.iter().zip(&results) {
        let ceiling = results.first().unwrap_or(times);
        let cells = times.iter().zip(ceiling).map(|(time, ceiling)| report::with_ratio(*time, *ceiling, 2));
        report::row(
            &[(*name).to_owned(), messages.to_string()].into_iter().chain(cells).collect::<Vec<_>>(),
        )?;
    }
    Ok(())
}

/// Returns how long messages take on this way.
async fn sample(way: Way, messages: u64, limit: Duration) -> Result<Vec<Duration>> {
    let sink = Sink::start()?;
    let smtp = |address| SmtpClient::connect(address, smtp::Script::new(Domains::ONE, SIZE));
    if way == Way::Ceiling {
        return measure::one_by_one(smtp(sink.address()).await?, &sink, messages, PACE, limit).await;
    }
    let destination = Destination::NextHop(sink.address());
    let installation = Installation::new(Path::new(env!("CARGO_TARGET_TMPDIR")), destination, "")?;
    let credentials = if way == Way::Smtp { None } else { Some(installation.bootstrap()?) };
    let server = installation.start().await?;
    let times = match credentials {
        Some(credentials) if way == Way::Api => {
            let script = http::Script::new(&credentials, SIZE);
            let client = HttpClient::connect(server.http()?, script).await?;
            measure::one_by_one(client, &sink, messages, PACE, limit).await?
        }
        _ => measure::one_by_one(smtp(server.smtp()?).await?, &sink, messages, PACE, limit).await?,
    };
    server.stop().await?;
    Ok(times)
}
