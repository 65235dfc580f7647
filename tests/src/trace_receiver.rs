//! A collector of traces that we did not write the language of: it reads them with OpenTelemetry's own definitions.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::error::{Context, Error, Result};
use crate::process::Process;
use crate::python;
use crate::wait;

/// A running collector, on a loopback port.
#[derive(Debug)]
pub struct TraceReceiver {
    process: Process,
    _files: TempDir,
    manners: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
}

impl TraceReceiver {
    /// Starts one at `address` that takes everything.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with its log if it does not run.
    pub fn start(address: SocketAddr) -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let manners = files.path().join("manners.json");
        fs::write(&manners, json!({"status": 200}).to_string()).context("write the manners")?;
        let mut command = python::command("trace_receiver.py");
        command.arg(json!({"port": address.port(), "manners": manners}).to_string());
        let log = files.path().join("log");
        let mut process = Process::start("the receiver of traces", command, &log)?;
        let listens = || fs::read_to_string(&log).ok()?.contains("listening").then_some(());
        process.until("the readiness", Duration::from_secs(20), listens)?;
        Ok(Self { process, _files: files, manners, address })
    }

    /// Returns its URL for traces.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1/traces", self.address)
    }

    /// Answers with this status from now on.
    ///
    /// # Errors
    /// [`Error::Io`] if that cannot be written.
    pub fn answer(&self, status: u16) -> Result<()> {
        let new = self.manners.with_extension("new");
        fs::write(&new, json!({"status": status}).to_string()).context("write the manners")?;
        fs::rename(new, &self.manners).context("replace the manners")
    }

    /// Returns what it was told with each request.
    #[must_use]
    pub fn requests(&self) -> Vec<Value> {
        let log = self.process.log_text();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["spans"].is_array()).collect()
    }

    /// Returns the spans that it has taken.
    #[must_use]
    pub fn spans(&self) -> Vec<Value> {
        let taken = self.requests().into_iter().filter(|request| request["status"] == 200);
        taken.flat_map(|request| request["spans"].as_array().cloned().unwrap_or_default()).collect()
    }

    /// Waits until it has `count` spans with this attribute value or more, and returns them.
    ///
    /// # Errors
    /// [`Error::Timeout`] after `limit`.
    pub fn spans_with(&self, key: &str, value: &str, count: usize, limit: Duration) -> Result<Vec<Value>> {
        wait::until(&format!("{count} spans with {key} = {value}"), limit, || {
            let spans = self.spans().into_iter().filter(|span| span["attributes"][key] == value);
            let spans: Vec<_> = spans.collect();
            Ok((spans.len() >= count).then_some(spans))
        })
    }
}

/// Returns the ids of the trace of a message and of its root span, as the documentation tells anybody to find them.
///
/// # Errors
/// [`Error::Unexpected`] if `sha256sum` does not run.
pub fn ids_of(hostname: &str, message: &str) -> Result<(String, String)> {
    let script = format!("printf %s '{hostname}/{message}' | sha256sum");
    let output = Command::new("sh").arg("-c").arg(script).output().context("run sha256sum")?;
    let hash = String::from_utf8_lossy(&output.stdout).into_owned();
    let ids = hash.get(..32).zip(hash.get(32..48));
    let (trace, span) = ids.ok_or_else(|| Error::unexpected("sha256sum", hash.clone()))?;
    Ok((trace.to_owned(), span.to_owned()))
}
