//! A receiver of webhooks that we did not write: it checks signatures with the reference library.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::certificate::Certificate;
use crate::error::{Context, Result};
use crate::process::Process;
use crate::python;
use crate::server::free_address;

/// A running receiver, on a loopback port.
#[derive(Debug)]
pub struct WebhookReceiver {
    process: Process,
    _files: TempDir,
    manners: PathBuf,
    secrets: Vec<String>,
    /// Its port.
    pub port: u16,
}

/// One call that it got.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The path that was asked for.
    pub path: String,
    /// The value of `webhook-id`.
    pub id: String,
    /// How it was answered.
    pub status: u64,
    /// Whether each secret that was known then verified the signature.
    pub verified: Vec<bool>,
    /// What was said.
    pub body: Value,
}

impl Call {
    fn from_json(line: &Value) -> Option<Self> {
        let verified = line["verified"].as_array()?.iter().filter_map(Value::as_bool).collect();
        Some(Self {
            path: line["path"].as_str()?.to_owned(),
            id: line["id"].as_str()?.to_owned(),
            status: line["status"].as_u64()?,
            verified,
            body: line["body"].clone(),
        })
    }

    /// Returns the events that it brought.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        self.body["data"].as_array().cloned().unwrap_or_default()
    }
}

impl WebhookReceiver {
    /// Starts one that takes everything.
    ///
    /// # Errors
    /// [`crate::Error::Unexpected`] with its log if it does not run.
    pub fn start(certificate: &Certificate) -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let (port, manners) = (free_address()?.port(), files.path().join("manners.json"));
        fs::write(&manners, json!({"status": 200}).to_string()).context("write the manners")?;
        let Certificate { certificate, key, .. } = certificate;
        let job = json!({"port": port, "certificate": certificate, "key": key, "manners": manners});
        let mut command = python::command("webhook_receiver.py");
        command.arg(job.to_string());
        let log = files.path().join("log");
        let mut process = Process::start("the receiver of webhooks", command, &log)?;
        let listens = || fs::read_to_string(&log).ok()?.contains("listening").then_some(());
        process.until("the readiness", Duration::from_secs(20), listens)?;
        Ok(Self { process, _files: files, manners, secrets: Vec::new(), port })
    }

    /// Checks signatures with these secrets from now on.
    pub fn know(&mut self, secrets: &[&str]) {
        self.secrets = secrets.iter().map(|&secret| secret.to_owned()).collect();
    }

    /// Answers from now on with a status, and header fields.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if that cannot be written.
    pub fn answer(&self, status: u16, headers: &[(&str, &str)]) -> Result<()> {
        let headers: serde_json::Map<_, _> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let manners =
            json!({"status": status, "headers": headers, "secrets": self.secrets, "body": "as told"});
        let new = self.manners.with_extension("new");
        fs::write(&new, manners.to_string()).context("write the manners")?;
        fs::rename(new, &self.manners).context("replace the manners")
    }

    /// Returns the calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        let log = self.process.log_text();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter_map(|line| Call::from_json(&line)).collect()
    }

    /// Returns the events of the calls that were answered with success, in the order they came.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        let calls = self.calls().into_iter().filter(|call| (200..300).contains(&call.status));
        calls.flat_map(|call| call.events()).collect()
    }
}
