//! What operators look at, proven on the real thing: Prometheus scrapes a server in trouble, every panel of the dashboards
//! has something to show, the alerts of the trouble fire and no others, and they end with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use mailwright_tests::dashboards::{self, filled, list, project};
use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::message::{SENDER, Token};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::prometheus::Prometheus;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server, free_address};
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::wait;

const LIMIT: Duration = Duration::from_secs(180);

/// What the trouble is to raise: half of the attempts are put off, many recipients bounce, mail grows old, and the
/// collector of traces is away.
const RAISED: [&str; 4] =
    ["MailwrightBounceRate", "MailwrightProviderDefers", "MailwrightQueueOld", "MailwrightTracesLost"];

/// What a machine raises besides that has other things to do.
const BUSY: [&str; 4] = [
    "MailwrightActivityBehind",
    "MailwrightEventLoopLate",
    "MailwrightFirstAttemptLate",
    "MailwrightSyncSlow",
];

/// Panels that stay empty until something happens that this trouble lacks.
const EMPTY: [&str; 3] =
    ["Certificates end in", "Connections that came to nothing", "What the engine did by itself"];

/// The alert rules in quick motion: patience and windows of seconds, and mail that is old when it is some seconds old.
/// What looks ahead or far back stays as it is.
fn quickly(rules: &str) -> String {
    let mut quick = String::new();
    for line in rules.lines() {
        match line.split_once("for: ") {
            Some((before, _)) if before.trim().is_empty() => quick.push_str(&format!("{before}for: 1s")),
            _ => quick.push_str(line),
        }
        quick.push('\n');
    }
    for window in ["[5m]", "[10m]", "[15m]", "[30m]", "[1d]"] {
        quick = quick.replace(window, "[20s]");
    }
    // Not that of what looks four hours ahead.
    quick = quick.replace("[1h])", "[20s])");
    quick.replace("mailwright_queue_oldest_seconds > 2 * 86400", "mailwright_queue_oldest_seconds > 5")
}

/// A server whose mail goes to receivers that take it, put it off and refuse it, by its domain.
struct World {
    server: Server,
    sandbox: Option<Sandbox>,
    places: Vec<String>,
    sent: usize,
    _installation: Installation,
    _files: tempfile::TempDir,
}

impl World {
    fn start() -> Result<Self> {
        let sandbox = Sandbox::with_tls_at(&["", "defer:100%", "reject:100%"])?;
        let [taken, later, refused] = sandbox.addresses[..] else {
            return Err(Error::unexpected("start the sandbox", "not three places"));
        };
        let files = tempfile::tempdir().context("make a temporary folder")?;
        // Without the rules that would let a receiver rest that puts off everything, and at a rate that mail waits for.
        let shaping = files.path().join("shaping.toml");
        fs::write(&shaping, "[default]\nmessage_rate = \"20/s\"\n").context("write the shaping")?;
        let route = |domain, address| {
            format!("[[delivery.routes]]\ndomain = \"{domain}.example\"\nnext_hop = \"{address}\"\n")
        };
        let traces = format!("[traces]\nendpoint = \"http://{}/v1/traces\"\n", free_address()?);
        let installation = Installation::new(&Config {
            delivery: format!("shaping = {:?}", shaping.display().to_string()),
            more: format!("{}{}{traces}", route("later", later), route("refused", refused)),
            ..Config::to(taken)
        })?;
        let server = installation.start()?;
        let places = sandbox.addresses.iter().map(|address| format!("{address}=")).collect();
        Ok(Self {
            server,
            sandbox: Some(sandbox),
            places,
            sent: 0,
            _installation: installation,
            _files: files,
        })
    }

    /// Sends some messages to a domain.
    fn send(&mut self, domain: &str, count: usize) -> Result<()> {
        let mut client = SmtpClient::connect_and_greet(self.server.smtp)?;
        for _ in 0..count {
            self.sent += 1;
            let token = Token::new("observed", self.sent);
            let to = format!("{}@{domain}.example", token.as_str());
            assert_eq!(client.send(SENDER, &to, &token.message("text\r\n"))?.code, 250);
        }
        Ok(())
    }

    /// From now on everybody takes everything.
    fn end_trouble(&mut self) -> Result<()> {
        drop(self.sandbox.take());
        self.sandbox = Some(Sandbox::at_places(&self.places)?);
        Ok(())
    }
}

#[test]
fn prometheus_shows_trouble_while_there_is_some_and_every_panel_has_something_to_show() -> Result<()> {
    if skip_without(&[Need::Prometheus]) {
        return Ok(());
    }
    let mut world = World::start()?;
    let rules = read(&project("config/prometheus/alerts.yml"))?;
    let prometheus = Prometheus::start(world.server.http, &quickly(&rules))?;
    wait::until("a first scrape", LIMIT, || {
        Ok((!prometheus.query("mailwright_queue_entries")?.is_empty()).then_some(()))
    })?;
    let raised: BTreeSet<_> = RAISED.iter().map(|&name| name.to_owned()).collect();
    world.send("later", 40)?;
    let mut scrapes = Scrapes::default();
    let firing = wait::until("the alerts of the trouble", LIMIT, || {
        if !scrapes.has_new(&prometheus)? {
            return Ok(None);
        }
        world.send("taken", 5)?;
        world.send("refused", 5)?;
        let firing = alarms(&prometheus)?;
        Ok(firing.is_superset(&raised).then_some(firing))
    })?;
    assert_eq!(firing, raised, "the trouble raises these and no others");
    for (name, words) in prometheus.words()? {
        let said = words["description"].as_str().unwrap_or_default();
        assert!(said.bytes().any(|b| b.is_ascii_digit()) && !said.contains("{{"), "{name}: {said}");
        assert!(words["runbook"].as_str().is_some_and(|link| link.contains('#')), "{name}: {words}");
    }
    let unwell: Vec<_> = prometheus.rules()?.into_iter().filter(|rule| rule["health"] != "ok").collect();
    assert!(unwell.is_empty(), "rules that cannot be evaluated: {unwell:?}");
    assert_panels_show_something(&prometheus)?;

    world.end_trouble()?;
    wait::until("the end of the alerts", LIMIT, || {
        if !scrapes.has_new(&prometheus)? {
            return Ok(None);
        }
        world.send("taken", 5)?;
        let firing = alarms(&prometheus)?;
        // Nobody has brought the collector back.
        Ok((firing.iter().all(|name| name == "MailwrightTracesLost")).then_some(()))
    })
}

/// The pace of what is sent: as fast as it could, the scenario would send more that is taken than is put off, and fill
/// the queue when that is over.
#[derive(Default)]
struct Scrapes(String);

impl Scrapes {
    /// Says whether Prometheus has asked the server since this was asked.
    fn has_new(&mut self, prometheus: &Prometheus) -> Result<bool> {
        let samples = prometheus.query("timestamp(mailwright_queue_entries)")?;
        let last = samples.iter().map(|sample| sample["value"][1].to_string()).collect();
        Ok(std::mem::replace(&mut self.0, last) != self.0)
    }
}

/// The alerts that fire, but for those that say that the machine is busy.
fn alarms(prometheus: &Prometheus) -> Result<BTreeSet<String>> {
    let firing = prometheus.alerts("firing")?.into_iter();
    Ok(firing.filter(|name| !BUSY.contains(&name.as_str())).collect())
}

/// Asserts that every expression of every panel has a sample, but for those that are known to have none.
fn assert_panels_show_something(prometheus: &Prometheus) -> Result<()> {
    let (mut empty, mut asked) = (BTreeSet::new(), 0);
    for dashboard in dashboards::all()? {
        for panel in list(&dashboard.content, "panels") {
            let title = panel["title"].as_str().unwrap_or_default();
            for target in list(panel, "targets") {
                let expression = target["expr"].as_str().unwrap_or_default();
                asked += 1;
                if prometheus.query(&filled(expression, "20s", "1m"))?.is_empty() {
                    empty.insert(title.to_owned());
                }
            }
        }
    }
    assert!(asked > 100, "{asked} expressions");
    assert_eq!(empty, EMPTY.iter().map(|&title| title.to_owned()).collect(), "panels without a sample");
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).context(path.display().to_string())
}
