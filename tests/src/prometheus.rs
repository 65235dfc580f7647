//! Prometheus itself, scraping a server and judging it by our rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::error::{Context, Error, Result};
use crate::process::Process;
use crate::server::free_address;
use crate::{fetched, http};

/// Beneath the folder of fetched programs.
pub(crate) const PROMETHEUS: &str = "usr/bin/prometheus";
/// Where a machine has it that has its package.
pub(crate) const INSTALLED: &str = "/usr/bin/prometheus";

/// A running Prometheus that asks a server every second, and has its rules every second.
#[derive(Debug)]
pub struct Prometheus {
    _process: Process,
    _files: TempDir,
    address: SocketAddr,
}

impl Prometheus {
    /// Starts one that scrapes `target` as the job `mailwright` and has these rules.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with its log if it does not run.
    pub fn start(target: SocketAddr, rules: &str) -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n\
             rule_files: [rules.yml]\n\
             scrape_configs: [{{job_name: mailwright, static_configs: [{{targets: [\"{target}\"]}}]}}]\n"
        );
        let write = |name: &str, text: &str| fs::write(files.path().join(name), text).context(name);
        write("rules.yml", rules)?;
        write("prometheus.yml", &config)?;
        let address = free_address()?;
        let mut command = program();
        command
            .arg(format!("--config.file={}", files.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", files.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"));
        let log = files.path().join("log");
        let mut process = Process::start("prometheus", command, &log)?;
        let is_ready =
            || http::get(address, "/-/ready").is_ok_and(|answer| answer.status == 200).then_some(());
        process.until("the readiness", Duration::from_secs(60), is_ready)?;
        Ok(Self { _process: process, _files: files, address })
    }

    /// Returns the samples that an expression has now.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with Prometheus' words if it is none.
    pub fn query(&self, expression: &str) -> Result<Vec<Value>> {
        let answer = self.ask(&format!("/api/v1/query?query={}", escaped(expression)), expression)?;
        Ok(answer["result"].as_array().cloned().unwrap_or_default())
    }

    /// Returns the names of the alerts in a state, `pending` or `firing`.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if it does not answer.
    pub fn alerts(&self, state: &str) -> Result<BTreeSet<String>> {
        let alerts = self.all_alerts()?.into_iter().filter(|alert| alert["state"] == state);
        Ok(alerts.filter_map(|alert| Some(alert["labels"]["alertname"].as_str()?.to_owned())).collect())
    }

    /// Returns what the alerts that fire say, by name.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if it does not answer.
    pub fn words(&self) -> Result<BTreeMap<String, Value>> {
        let firing = self.all_alerts()?.into_iter().filter(|alert| alert["state"] == "firing");
        let named = |alert: Value| {
            Some((alert["labels"]["alertname"].as_str()?.to_owned(), alert["annotations"].clone()))
        };
        Ok(firing.filter_map(named).collect())
    }

    fn all_alerts(&self) -> Result<Vec<Value>> {
        let answer = self.ask("/api/v1/alerts", "the alerts")?;
        Ok(answer["alerts"].as_array().cloned().unwrap_or_default())
    }

    /// Returns what the rules have come to: each has a `health` and a `lastError`.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if it does not answer.
    pub fn rules(&self) -> Result<Vec<Value>> {
        let answer = self.ask("/api/v1/rules", "the rules")?;
        let groups = answer["groups"].as_array().cloned().unwrap_or_default();
        Ok(groups
            .into_iter()
            .flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default())
            .collect())
    }

    fn ask(&self, path: &str, what: &str) -> Result<Value> {
        let answer = http::get(self.address, path)?;
        match answer.status {
            200 => Ok(answer.json()["data"].clone()),
            status => Err(Error::unexpected(what, format!("status {status}: {}", answer.text))),
        }
    }
}

/// Says whether there is one.
pub(crate) fn is_there() -> bool {
    fetched::has(PROMETHEUS) || Path::new(INSTALLED).exists()
}

fn program() -> Command {
    if fetched::has(PROMETHEUS) { fetched::command(PROMETHEUS) } else { Command::new(INSTALLED) }
}

/// The text as part of a query (RFC 3986 section 2.1).
fn escaped(text: &str) -> String {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~".contains(&octet);
    let octets = text.bytes().map(|octet| match octet {
        plain if is_plain(plain) => char::from(plain).to_string(),
        other => format!("%{other:02X}"),
    });
    octets.collect()
}
