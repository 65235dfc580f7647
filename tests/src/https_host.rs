//! An HTTPS server: the policy hosts of MTA-STS, and takers of TLS reports.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::certificate::Certificate;
use crate::error::{Context, Result};
use crate::process::Process;
use crate::python;
use crate::server::free_address;

/// A running server, on a loopback port.
#[derive(Debug)]
pub struct HttpsHost {
    process: Process,
    _files: TempDir,
    answers: PathBuf,
    known: Map<String, Value>,
    /// Its port.
    pub port: u16,
}

/// One request that it got.
#[derive(Clone, Debug)]
pub struct Request {
    /// GET or POST.
    pub method: String,
    /// The host that was asked.
    pub host: String,
    /// The path.
    pub path: String,
    /// The media type of the body.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    fn from_json(line: &Value) -> Option<Self> {
        let text = |key: &str| line[key].as_str().map(str::to_owned);
        Some(Self {
            method: text("method")?,
            host: text("host")?,
            path: text("path")?,
            content_type: text("type"),
            body: BASE64.decode(line["body"].as_str()?.as_bytes()).ok()?,
        })
    }
}

impl HttpsHost {
    /// Starts one that shows each host's certificate to whoever asks for that host.
    ///
    /// # Errors
    /// [`crate::Error::Unexpected`] with its log if it does not run.
    pub fn start(hosts: &[(&str, &Certificate)]) -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let (port, answers) = (free_address()?.port(), files.path().join("answers.json"));
        fs::write(&answers, "{}").context("write the answers")?;
        let shown = hosts.iter().map(|(host, certificate)| {
            let files = json!({"certificate": certificate.certificate, "key": certificate.key});
            ((*host).to_owned(), files)
        });
        let job = json!({"port": port, "hosts": shown.collect::<Map<_, _>>(), "answers": answers});
        let mut command = python::command("https_host.py");
        command.arg(job.to_string());
        let log = files.path().join("log");
        let mut process = Process::start("the HTTPS host", command, &log)?;
        let listens = || fs::read_to_string(&log).ok()?.contains("listening").then_some(());
        process.until("the readiness", Duration::from_secs(20), listens)?;
        Ok(Self { process, _files: files, answers, known: Map::new(), port })
    }

    /// Answers requests for `path` at `host` from now on with `answer`: `status`, and if wanted `type`, `body` and
    /// `location`.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if that cannot be written.
    pub fn answer(&mut self, host: &str, path: &str, answer: Value) -> Result<()> {
        self.known.insert(format!("{host} {path}"), answer);
        let new = self.answers.with_extension("new");
        fs::write(&new, Value::Object(self.known.clone()).to_string()).context("write the answers")?;
        fs::rename(new, &self.answers).context("replace the answers")
    }

    /// Returns the requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        let log = self.process.log_text();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter_map(|line| Request::from_json(&line)).collect()
    }
}
