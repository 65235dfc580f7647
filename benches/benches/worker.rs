//! How fast does mail from the world go through a Worker that reads it and sends it on, and what does that cost?
//!
//! The signed messages of 10 kB of the bench `forward`, judged and sealed alike, once by a rule that forwards them and once by
//! a Worker that parses them with postal-mime, adds two header fields and forwards them (`benches/workers/parse.ts`). Below it,
//! with nothing else going on, how long one message takes from the first octet of the send until the sink has the final dot.
//!
//! It needs Node.js and the packages of `tests/js`, which `./check` installs.

use mailwright_benches::{
    Error, Options, Result,
    error::Context,
    generator::Load,
    measure::{self, Rates},
    report,
    server::{Installation, Server},
    signed::{ADDRESS, Action, Signed},
    sink::Sink,
    smtp::SmtpClient,
};
use serde_json::{Value, json};
use std::{
    env::consts::ARCH,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

/// Messages of a full and of a quick run, and of those that go alone.
const MESSAGES: (u64, u64) = (10_000, 200);
const ALONE: (u64, u64) = (500, 25);
/// From one of these to the next.
const PACE: Duration = Duration::from_millis(20);
/// What the Worker is called.
const NAME: &str = "parse";

/// Who decides where a message goes, and whether its sender waits for what the next server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Rule,
    Worker,
    WorkerInSession,
}

const WAYS: [Way; 3] = [Way::Rule, Way::Worker, Way::WorkerInSession];
const COLUMNS: &[&str] = &[
    "decided by",
    "messages",
    "accepted/s",
    "delivered/s",
    "CPU µs/message",
    "of it workerd",
    "peak MiB",
    "workerd peak MiB",
];
const TIMES: &[&str] = &["decided by", "messages", "median ms", "p90 ms", "p99 ms", "max ms"];

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Rule => "a rule",
            Self::Worker => "a Worker",
            Self::WorkerInSession => "a Worker, sender waits",
        }
    }

    const fn in_session(self) -> &'static str {
        match self {
            Self::Rule | Self::Worker => "0s",
            Self::WorkerInSession => "10s",
        }
    }

    const fn action(self) -> Action {
        match self {
            Self::Rule => Action::Forward,
            Self::Worker | Self::WorkerInSession => Action::Worker(NAME),
        }
    }
}

fn main() -> ExitCode {
    mailwright_benches::run(worker)
}

async fn worker(options: Options) -> Result<()> {
    let scene = Scene::new()?;
    let load = measure::load(options, options.messages(MESSAGES.0, MESSAGES.1));
    report::head(COLUMNS)?;
    let measure = async |way| scene.throughput(load, way).await;
    let results = measure::in_turn(options, &WAYS, measure, |rates| rates.delivered).await?;
    let rule = results.first().copied();
    for (way, rates) in WAYS.iter().zip(results) {
        report::row(&cells(*way, load, rates, rule.unwrap_or(rates)))?;
    }

    let messages = options.messages(ALONE.0, ALONE.1).min(ALONE.0);
    report::head(TIMES)?;
    let measure = async |way| Ok(measure::percentiles(scene.alone(messages, way, options.limit()).await?));
    let results = measure::in_turn(options, &WAYS[..2], measure, |[median, ..]| *median).await?;
    for (way, times) in WAYS.iter().zip(&results) {
        let cells = times.iter().zip(results.first().unwrap_or(times));
        let cells = cells.map(|(time, rule)| report::with_ratio(*time, *rule, 2));
        report::row(
            &[way.name().to_owned(), messages.to_string()].into_iter().chain(cells).collect::<Vec<_>>(),
        )?;
    }
    Ok(())
}

/// A message, and the Worker that is to read it.
struct Scene {
    letter: Signed,
    code: tempfile::NamedTempFile,
    runtime: PathBuf,
}

impl Scene {
    fn new() -> Result<Self> {
        let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/js");
        let arch = if ARCH == "aarch64" { "arm64" } else { "64" };
        let runtime = packages.join(format!("node_modules/@cloudflare/workerd-linux-{arch}/bin/workerd"));
        if !runtime.is_file() {
            let why = format!("{} is missing: run ./check once", runtime.display());
            return Err(Error::unexpected("find workerd", why));
        }
        let code = tempfile::Builder::new().suffix(".mjs").tempfile().context("make a file")?;
        fs::write(code.path(), bundled(&packages)?).context("write the Worker")?;
        Ok(Self { letter: Signed::new()?, code, runtime })
    }

    async fn throughput(&self, load: Load, way: Way) -> Result<Rates> {
        let sink = Sink::start()?;
        let (_installation, server) = self.start(&sink, way).await?;
        let (address, script) = (server.inbound()?, self.letter.script(ADDRESS));
        measure::through(server, &sink, load, || SmtpClient::connect(address, script.clone())).await
    }

    async fn alone(&self, messages: u64, way: Way, limit: Duration) -> Result<Vec<Duration>> {
        let sink = Sink::start()?;
        let (_installation, server) = self.start(&sink, way).await?;
        let client = SmtpClient::connect(server.inbound()?, self.letter.script(ADDRESS)).await?;
        let times = measure::one_by_one(client, &sink, messages, PACE, limit).await?;
        server.stop().await?;
        Ok(times)
    }

    async fn start(&self, sink: &Sink, way: Way) -> Result<(Installation, Server)> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let more = format!("[workers]\nruntime = {:?}\n", self.runtime);
        let installation = self.letter.installation(folder, sink, way.in_session(), way.action(), &more)?;
        let server = installation.start().await?;
        if way != Way::Rule {
            let code = self.code.path().display().to_string();
            installation.run(&["worker", "deploy", &code, "--name", NAME])?;
        }
        Ok((installation, server))
    }
}

/// The Worker with what it imports, as `wrangler deploy` bundles it.
fn bundled(packages: &Path) -> Result<String> {
    let what = "bundle the Worker";
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("workers/parse.ts");
    let jobs = json!([{ "name": NAME, "files": [source] }]).to_string();
    let output = Command::new("node").arg(packages.join("bundle.mjs")).arg(jobs).output().context(what)?;
    let bundles: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    let code = bundles.and_then(|bundles| bundles.get(NAME)?.as_str().map(ToOwned::to_owned));
    code.ok_or_else(|| Error::unexpected(what, String::from_utf8_lossy(&output.stderr)))
}

fn cells(way: Way, load: Load, rates: Rates, rule: Rates) -> Vec<String> {
    vec![
        way.name().to_owned(),
        load.messages.to_string(),
        report::with_ratio(rates.accepted, rule.accepted, 0),
        report::with_ratio(rates.delivered, rule.delivered, 0),
        report::with_ratio(rates.processor + rates.helpers, rule.processor + rule.helpers, 0),
        format!("{:.0}", rates.helpers),
        report::mebibytes(rates.peak),
        report::mebibytes(rates.helpers_peak),
    ]
}
