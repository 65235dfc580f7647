//! What does it cost mail that somebody counts it?
//!
//! The sends of 10 kB of the bench `api`, once left alone and once while dashboards ask: two of them, each asking the next
//! question as soon as the last is answered, of the mail that goes through at that time. No dashboard asks that much; it is
//! the most that the server lets through, for two questions are counted at a time.

use mailwright_benches::{
    Error, Options, Result,
    generator::{Client, Load},
    http::{Credentials, HttpClient, Script},
    measure::{self, Rates},
    report,
    server::{Destination, Installation},
    sink::Sink,
};
use std::{
    net::SocketAddr,
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::task::JoinHandle;

/// Octets of a text.
const SIZE: usize = 10_000;
/// Messages of a full and of a quick run.
const MESSAGES: (u64, u64) = (40_000, 400);
/// What an overview asks, of this minute: by status, with percentiles, by cause, by hour.
const QUESTION: &str = "query ($account: string!) { viewer { accounts(filter: { accountTag: $account }) {
    status: emailSendingAdaptiveGroups(limit: 1000, orderBy: [datetimeMinute_DESC]) {
        count sum { hardBounces complaints } dimensions { datetimeMinute status } }
    times: emailSendingAdaptiveGroups(limit: 1000) {
        quantiles { timeToDeliveryMsP50 timeToDeliveryMsP95 } dimensions { datetimeHour } }
    causes: emailSendingAdaptiveGroups(limit: 1000, orderBy: [count_DESC]) { count dimensions { errorCause sendingDomain } }
    recipients: emailSendingAdaptiveGroups(limit: 1000, orderBy: [count_DESC]) { count dimensions { envelopeTo } }
} } }";
const COLUMNS: &[&str] =
    &["who asks", "messages", "accepted/s", "delivered/s", "CPU µs/message", "peak MiB", "answers"];

/// How many ask at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Askers(usize);

const CASES: [Askers; 2] = [Askers(0), Askers(2)];

fn main() -> ExitCode {
    mailwright_benches::run(watched)
}

async fn watched(options: Options) -> Result<()> {
    let load = measure::load(options, options.messages(MESSAGES.0, MESSAGES.1));
    report::head(COLUMNS)?;
    let measure = async |askers| throughput(load, askers).await;
    let results = measure::in_turn(options, &CASES, measure, |(rates, _)| rates.delivered).await?;
    let alone = results.first().copied();
    for (askers, (rates, answers)) in CASES.iter().zip(results) {
        let (alone, _) = alone.unwrap_or((rates, answers));
        report::row(&[
            if askers.0 == 0 { "nobody".to_owned() } else { format!("{} without pause", askers.0) },
            load.messages.to_string(),
            report::with_ratio(rates.accepted, alone.accepted, 0),
            report::with_ratio(rates.delivered, alone.delivered, 0),
            report::with_ratio(rates.processor, alone.processor, 0),
            report::mebibytes(rates.peak),
            answers.to_string(),
        ])?;
    }
    Ok(())
}

/// The rates of mail, and how many questions were answered meanwhile.
async fn throughput(load: Load, askers: Askers) -> Result<(Rates, u64)> {
    let sink = Sink::start()?;
    let installation =
        Installation::new(Path::new(env!("CARGO_TARGET_TMPDIR")), Destination::NextHop(sink.address()), "")?;
    let credentials = installation.bootstrap()?;
    let server = installation.start().await?;
    let address = server.http()?;
    let asking = Asking::start(address, &credentials, askers);
    let script = Script::new(&credentials, SIZE);
    let sent =
        measure::load_through(&server, &sink, load, || HttpClient::connect(address, script.clone())).await;
    let answers = asking.end().await?;
    let rates = sent?;
    measure::ended(server, &sink, load).await?;
    if askers.0 > 0 && answers == 0 {
        return Err(Error::unexpected("ask for analytics", "no answer came in time"));
    }
    Ok((rates, answers))
}

/// Those who ask, until they are told to end.
struct Asking {
    going: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<Result<()>>>,
}

impl Asking {
    fn start(server: SocketAddr, credentials: &Credentials, askers: Askers) -> Self {
        let (going, answers) = (Arc::new(AtomicBool::new(true)), Arc::<AtomicU64>::default());
        let task = |_| {
            let script = Script::question(credentials, QUESTION);
            let (going, answers) = (Arc::clone(&going), Arc::clone(&answers));
            tokio::spawn(async move {
                let mut client = HttpClient::connect(server, script).await?;
                while going.load(Ordering::Relaxed) {
                    client.submit(0).await?;
                    answers.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })
        };
        let tasks = (0..askers.0).map(task).collect();
        Self { going, answers, tasks }
    }

    async fn end(self) -> Result<u64> {
        self.going.store(false, Ordering::Relaxed);
        for task in self.tasks {
            task.await.map_err(|error| Error::unexpected("ask for analytics", error.to_string()))??;
        }
        Ok(self.answers.load(Ordering::Relaxed))
    }
}
