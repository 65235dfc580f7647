//! What we tell Prometheus, and what we give operators to read it with: metrics, their documentation, alerts and
//! dashboards, held against each other. Prometheus' own tool is the judge.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use mailwright_tests::dashboards::{self, filled, list, project};
use mailwright_tests::error::{Context, Result};
use mailwright_tests::message::{SENDER, Token};
use mailwright_tests::metrics::{BOUNCED, DEFERRED, DELIVERED, Described, Metrics, described, metric_of};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server, free_address};
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::{http, promtool, wait};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);

/// Metrics that begin with an event, since their labels are not known before.
const BY_EVENT: [&str; 5] = [
    "mailwright_delivery_results_total",
    "mailwright_connections_failed_total",
    "mailwright_throttled_total",
    "mailwright_automatic_actions_total",
    "mailwright_tls_sessions_total",
];

/// Limits and rules under which trouble shows soon.
const SHAPING: &str = r#"
[default]
message_rate = "20/s"

[[default.rules]]
name = "rate-limited"
codes = [421]
pattern = 'rate.?limit'
count = 1
within = "1m"
action = { slow-down = 0.9 }
hold = "1s"
"#;

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).context(path.display().to_string())
}

/// A server that has seen mail come and go by every way, and trouble of every kind.
struct Troubled {
    server: Server,
    _sandbox: Sandbox,
    _installation: Installation,
    _files: tempfile::TempDir,
}

impl Troubled {
    fn start() -> Result<Self> {
        let sandbox = Sandbox::with_tls("rate-limit:rate=20/min,penalty=500ms+defer:20%+reject:20%")?;
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let shaping = files.path().join("shaping.toml");
        fs::write(&shaping, SHAPING).context("write the shaping")?;
        let nobody = free_address()?;
        let installation = Installation::new(&Config {
            delivery: format!("shaping = {:?}", shaping.display().to_string()),
            more: format!("[[delivery.routes]]\ndomain = \"dead.example\"\nnext_hop = \"{nobody}\"\n"),
            ..Config::to(sandbox.address)
        })?;
        let server = installation.start()?;
        let built = Token::new("metrics", 0).request("built");
        assert_eq!(installation.api(&server).submit(&built)?.status, 200);
        let mut client = SmtpClient::connect_and_greet(server.smtp)?;
        for number in 1..=60 {
            let token = Token::new("metrics", number);
            let to = if number % 20 == 0 { "someone@dead.example".to_owned() } else { token.recipient() };
            assert_eq!(client.send(SENDER, &to, &token.message("relayed\r\n"))?.code, 250);
        }
        let troubled = Self { server, _sandbox: sandbox, _installation: installation, _files: files };
        troubled.wait_for_all()?;
        Ok(troubled)
    }

    /// Waits until everything that needs an event has had one.
    fn wait_for_all(&self) -> Result<()> {
        // The last comes with a heartbeat.
        let needed = [DELIVERED, DEFERRED, BOUNCED].into_iter().chain(BY_EVENT).chain(["mailwright_actors"]);
        wait::until("trouble of every kind", LIMIT, || {
            let metrics = Metrics::read(self.server.http)?;
            Ok(needed.clone().all(|name| metrics.get(name) > 0).then_some(()))
        })
    }

    fn text(&self) -> Result<String> {
        let answer = http::get(self.server.http, "/metrics")?;
        assert_eq!(answer.status, 200);
        Ok(answer.text)
    }
}

#[test]
fn a_server_at_work_exports_what_is_documented_and_promtool_finds_nothing_wrong_with_it() -> Result<()> {
    if skip_without(&[Need::Promtool]) {
        return Ok(());
    }
    let text = Troubled::start()?.text()?;
    promtool::check_metrics(&text)?;
    let (exported, documented) = (described(&text), documented()?);
    let names = |metrics: &BTreeMap<String, Described>| metrics.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&exported), names(&documented), "docs/metrics.md lists other metrics than there are");
    for (name, metric) in &exported {
        let said = &documented[name];
        assert_eq!((&metric.kind, &metric.help), (&said.kind, &said.help), "{name} in docs/metrics.md");
        assert_eq!(metric.labels, said.labels, "labels of {name} in docs/metrics.md");
    }
    assert!(!text.contains("example"), "a label names a domain:\n{text}");
    Ok(())
}

#[test]
fn every_series_with_known_labels_is_there_before_its_first_event() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let installation = Installation::new(&Config::to(sandbox.address))?;
    let server = installation.start()?;
    // Actors and clients are counted once a second or as they come.
    let later = ["mailwright_actors", "mailwright_smtp_sessions", "mailwright_delivery_seconds"];
    let metrics = wait::until("the first heartbeat", LIMIT, || {
        let exported = described(&http::get(server.http, "/metrics")?.text);
        Ok(exported.contains_key("mailwright_actors").then_some(exported))
    })?;
    let missing: Vec<_> = documented()?.into_keys().filter(|name| !metrics.contains_key(name)).collect();
    let excused = |name: &String| BY_EVENT.contains(&name.as_str()) || later.contains(&name.as_str());
    assert!(missing.iter().all(excused), "not there from the start: {missing:?}");
    Ok(())
}

/// The rows of the tables of metrics in the documentation.
fn documented() -> Result<BTreeMap<String, Described>> {
    let text = read(&project("docs/metrics.md"))?;
    let row = |line: &str| {
        let cells: Vec<_> = line.strip_prefix("| `")?.split(" | ").collect();
        let [name, kind, labels, help] = cells.as_slice() else { return None };
        let labels = labels.split(',').map(|label| label.trim().trim_matches('`').to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        let help = help.trim_end_matches(" |").to_owned();
        Some((name.trim_end_matches('`').to_owned(), Described { kind: (*kind).into(), help, labels }))
    };
    Ok(text.lines().filter_map(row).collect())
}

#[test]
fn the_alert_rules_read_and_do_what_their_tests_say() -> Result<()> {
    if skip_without(&[Need::Promtool]) {
        return Ok(());
    }
    promtool::check_rules(&project("config/prometheus/alerts.yml"))?;
    promtool::test_rules(&project("config/prometheus/alerts.test.yml"))
}

#[test]
fn every_alert_has_a_severity_a_patience_words_and_a_test() -> Result<()> {
    let (rules, tests) = (
        read(&project("config/prometheus/alerts.yml"))?,
        read(&project("config/prometheus/alerts.test.yml"))?,
    );
    let alerts: Vec<_> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() > 30, "{} alerts", alerts.len());
    for alert in alerts {
        let name = alert.lines().next().unwrap_or_default();
        for key in [" for: ", " labels: {severity: ", " summary: ", " description: "] {
            assert!(alert.contains(key), "{name} has no{key}");
        }
        let said =
            alert.split(" description: ").nth(1).and_then(|rest| rest.lines().next()).unwrap_or_default();
        assert!(said.contains("$value"), "{name} does not say how bad it is");
        let runbook = alert.split(" runbook: ").nth(1).and_then(|rest| rest.lines().next());
        assert_links(name, runbook.unwrap_or_else(|| panic!("{name} has no runbook")))?;
        let fires = format!("alertname=\"{name}\",alertstate=\"firing\"");
        assert!(tests.contains(&fires), "no case in which {name} fires");
    }
    Ok(())
}

/// Asserts that `link` leads to a file of the project and, after a `#`, to a heading in it.
fn assert_links(alert: &str, link: &str) -> Result<()> {
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let text = read(&project(file))?;
    let is_kept = |c: &char| c.is_alphanumeric() || "-_".contains(*c);
    let slug = |line: &str| -> String {
        let words = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(is_kept).collect()
    };
    let mut headings = text.lines().filter(|line| line.starts_with('#')).map(slug);
    assert!(heading.is_empty() || headings.any(|slug| slug == heading), "{alert}: no heading {link}");
    Ok(())
}

#[test]
fn alerts_and_dashboards_use_only_metrics_and_labels_that_there_are() -> Result<()> {
    let documented = documented()?;
    let mut expressions = vec![read(&project("config/prometheus/alerts.yml"))?];
    expressions.extend(dashboards()?.iter().flat_map(|(_, dashboard)| all_expressions(dashboard)));
    let mut used = BTreeSet::new();
    for expression in &expressions {
        for (name, labels) in selectors(expression) {
            let metric = documented.get(metric_of(&name)).or_else(|| documented.get(&name));
            let metric = metric.unwrap_or_else(|| panic!("{name} does not exist: {expression}"));
            for label in labels {
                // Prometheus adds the first two.
                let known = ["instance", "job"].contains(&label.as_str()) || metric.labels.contains(&label);
                assert!(known, "{name} has no label {label}: {expression}");
            }
            used.insert(metric_of(&name).to_owned());
        }
    }
    let unused: Vec<_> = documented.keys().filter(|name| !used.contains(metric_of(name))).collect();
    assert!(unused.is_empty(), "no dashboard shows {unused:?}");
    Ok(())
}

/// The metrics that an expression names, with the labels it selects them by.
fn selectors(expression: &str) -> Vec<(String, Vec<String>)> {
    let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(at) = ["mailwright_", "process_"].iter().filter_map(|prefix| rest.find(prefix)).min() {
        let name: String = rest[at..].chars().take_while(|c| in_name(*c)).collect();
        rest = &rest[at + name.len()..];
        let inside =
            rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(inside, _)| inside);
        let labels = inside.split(", ").flat_map(|part| part.split("\",")).filter_map(|part| {
            let label: String = part.trim().chars().take_while(|c| in_name(*c)).collect();
            (!label.is_empty()).then_some(label)
        });
        found.push((name, labels.collect()));
    }
    found
}

/// The dashboards by the names of their files.
fn dashboards() -> Result<Vec<(String, Value)>> {
    let dashboards: Vec<_> = dashboards::all()?
        .into_iter()
        .map(|dashboard| (dashboard.file.display().to_string(), dashboard.content))
        .collect();
    assert!(dashboards.len() >= 6, "{} dashboards", dashboards.len());
    Ok(dashboards)
}

/// The expressions of a dashboard's panels and annotations.
fn expressions(dashboard: &Value) -> Vec<String> {
    let targets = list(dashboard, "panels").iter().flat_map(|panel| list(panel, "targets"));
    let all = targets.chain(list(&dashboard["annotations"], "list"));
    all.filter_map(|item| item["expr"].as_str()).map(ToOwned::to_owned).collect()
}

/// The same with the questions behind its variables, which are not all PromQL.
fn all_expressions(dashboard: &Value) -> Vec<String> {
    let variables = list(&dashboard["templating"], "list").iter();
    let questions = variables.filter_map(|variable| variable["definition"].as_str()).map(ToOwned::to_owned);
    expressions(dashboard).into_iter().chain(questions).collect()
}

#[test]
fn promtool_reads_every_expression_of_the_dashboards() -> Result<()> {
    if skip_without(&[Need::Promtool]) {
        return Ok(());
    }
    let mut rules = Vec::new();
    for (file, dashboard) in dashboards()? {
        for expression in expressions(&dashboard) {
            let plain = filled(&expression, "5m", "6h");
            assert!(!plain.contains('$'), "{file}: an unknown variable in {expression}");
            rules.push(json!({"record": format!("panel:{}", rules.len()), "expr": plain}));
        }
    }
    assert!(rules.len() > 60, "{} expressions", rules.len());
    let files = tempfile::tempdir().context("make a temporary folder")?;
    let path = files.path().join("rules.yml");
    // JSON is YAML.
    let groups = json!({"groups": [{"name": "dashboards", "rules": rules}]});
    fs::write(&path, groups.to_string()).context("write the rules")?;
    promtool::check_rules(&path)
}

#[test]
fn dashboards_can_be_imported_and_say_what_they_show() -> Result<()> {
    let mut uids = BTreeSet::new();
    for (file, dashboard) in dashboards()? {
        assert_eq!(dashboard["schemaVersion"], 39, "{file}");
        assert!(uids.insert(dashboard["uid"].to_string()), "{file}: another dashboard has its uid");
        assert!(dashboard["description"].as_str().is_some_and(|text| !text.is_empty()), "{file}");
        let variables = list(&dashboard["templating"], "list");
        assert!(variables.iter().any(|v| v["name"] == "datasource" && v["type"] == "datasource"), "{file}");
        let mut ids = BTreeSet::new();
        for panel in list(&dashboard, "panels") {
            let what = format!("{file}: {}", panel["title"]);
            assert!(ids.insert(panel["id"].to_string()), "{what}: another panel has its id");
            if panel["type"] != "row" {
                assert_readable(&what, panel);
            }
        }
        assert_apart(&file, list(&dashboard, "panels"));
    }
    Ok(())
}

/// Asserts that a panel says what it shows, in which unit, and from where.
fn assert_readable(what: &str, panel: &Value) {
    assert!(panel["description"].as_str().is_some_and(|text| text.len() > 10), "{what}: no description");
    assert_eq!(panel["datasource"]["uid"], "${datasource}", "{what}");
    let units = [&panel["fieldConfig"]["defaults"]["unit"], &panel["options"]["yAxis"]["unit"]];
    assert!(units.iter().any(|unit| unit.is_string()), "{what}: no unit");
    assert!(!list(panel, "targets").is_empty(), "{what}: nothing is asked");
    for target in list(panel, "targets") {
        assert_eq!(target["datasource"]["uid"], "${datasource}", "{what}");
        let legend = target["legendFormat"].as_str();
        assert!(legend.is_some_and(|legend| !legend.is_empty()), "{what}: no legend");
    }
}

/// Asserts that no panel lies over another or beyond the 24 columns.
fn assert_apart(file: &str, panels: &[Value]) {
    let mut taken = BTreeSet::new();
    for panel in panels {
        let side = |key: &str| panel["gridPos"][key].as_u64().unwrap_or_default();
        assert!(side("x") + side("w") <= 24, "{file}: {} is too wide", panel["title"]);
        for x in side("x")..side("x") + side("w") {
            for y in side("y")..side("y") + side("h") {
                assert!(taken.insert((x, y)), "{file}: {} lies over another panel", panel["title"]);
            }
        }
    }
}
