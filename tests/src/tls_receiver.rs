//! A mail server that takes everything and does with TLS as it is told.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::certificate::Certificate;
use crate::error::{Context, Result};
use crate::process::Process;
use crate::{python, wait};

/// What a receiver does about TLS.
#[derive(Clone, Debug, Default)]
pub struct Manners(Value);

impl Manners {
    /// It offers no STARTTLS.
    #[must_use]
    pub fn plain() -> Self {
        Self(json!({}))
    }

    /// It offers STARTTLS with a certificate.
    #[must_use]
    pub fn showing(certificate: &Certificate) -> Self {
        Self(json!({"certificate": certificate.certificate, "key": certificate.key}))
    }

    /// It offers REQUIRETLS besides (RFC 8689).
    #[must_use]
    pub fn with_requiretls(self) -> Self {
        self.with("requiretls", json!(true))
    }

    /// It knows nothing newer than TLS 1.2.
    #[must_use]
    pub fn up_to_tls12(self) -> Self {
        self.with("newest", json!("TLSv1_2"))
    }

    /// It closes the connection where the handshake should begin.
    #[must_use]
    pub fn broken(self) -> Self {
        self.with("broken", json!(true))
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.0[key] = value;
        self
    }
}

/// A message and how it came.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The MAIL command.
    pub mail: String,
    /// The RCPT commands.
    pub rcpt: Vec<String>,
    /// The protocol, as in `TLSv1.3`; `None` for plain text.
    pub tls: Option<String>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// The name that the client asked for.
    pub sni: Option<String>,
    /// The message as it came.
    pub message: String,
}

impl Taken {
    fn from_json(line: &Value) -> Option<Self> {
        let text = |key: &str| line[key].as_str().map(str::to_owned);
        let rcpt = line["rcpt"].as_array()?.iter();
        Some(Self {
            mail: text("mail")?,
            rcpt: rcpt.filter_map(|rcpt| rcpt.as_str().map(str::to_owned)).collect(),
            tls: text("tls"),
            resumed: line["resumed"].as_bool()?,
            sni: text("sni"),
            message: text("message")?,
        })
    }

    /// Says whether it is for `recipient`.
    #[must_use]
    pub fn is_for(&self, recipient: &str) -> bool {
        self.rcpt.iter().any(|rcpt| rcpt.contains(&format!("<{recipient}>")))
    }
}

/// A running receiver.
#[derive(Debug)]
pub struct TlsReceiver {
    process: Process,
    _files: TempDir,
}

impl TlsReceiver {
    /// Starts one.
    ///
    /// # Errors
    /// [`crate::Error::Unexpected`] with its log if it does not run.
    pub fn start(ip: impl Into<IpAddr>, port: u16, manners: &Manners) -> Result<Self> {
        let address = SocketAddr::new(ip.into(), port);
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let mut job = manners.0.clone();
        job["address"] = json!(address.ip().to_string());
        job["port"] = json!(port);
        let mut command = python::command("tls_receiver.py");
        command.arg(job.to_string());
        let log = files.path().join("log");
        let mut process = Process::start("the TLS receiver", command, &log)?;
        let listens = || std::fs::read_to_string(&log).ok()?.contains("listening").then_some(());
        process.until("the readiness", Duration::from_secs(20), listens)?;
        Ok(Self { process, _files: files })
    }

    /// Returns all that it has taken.
    #[must_use]
    pub fn taken(&self) -> Vec<Taken> {
        let log = self.process.log_text();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter_map(|line| Taken::from_json(&line)).collect()
    }

    /// Waits for the message to `recipient`.
    ///
    /// # Errors
    /// [`crate::Error::Timeout`] if none comes in thirty seconds.
    pub fn wait_for(&self, recipient: &str) -> Result<Taken> {
        wait::until(&format!("mail to {recipient} at the TLS receiver"), Duration::from_secs(30), || {
            Ok(self.taken().into_iter().find(|taken| taken.is_for(recipient)))
        })
    }
}
