//! A server with an MX, and an address that it takes mail for.

use std::net::SocketAddr;

use mailwright_tests::certificate::Certificate;
use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::message::SENDER;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server};
use serde_json::json;
use tempfile::TempDir;

/// Where refusals are explained.
pub(crate) const HELP: &str = "https://mx.example.com/postmaster#";

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) mx: SocketAddr,
    /// An address of ours: the return path of a message that was sent.
    pub(crate) ours: String,
    /// What the MX shows, for `mx.example.com` and for `mx.example.org`.
    pub(crate) certificates: [Certificate; 2],
    sandbox: Sandbox,
    _installation: Installation,
    _files: TempDir,
}

impl World {
    /// Starts it; `inbound` goes into the section `[inbound]`, and may end in tables of its own.
    pub(crate) fn start(inbound: &str) -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let make = |name: &str| {
            let folder = files.path().join(name);
            std::fs::create_dir(&folder).context("make a folder")?;
            Certificate::self_signed(&folder, name)
        };
        let certificates = [make("mx.example.com")?, make("mx.example.org")?];
        let shown = certificates.iter().map(|Certificate { certificate, key, .. }| {
            format!("[[inbound.certificates]]\ncertificate = {certificate:?}\nkey = {key:?}\n")
        });
        let shown: String = shown.collect();
        let sandbox = Sandbox::start()?;
        let more =
            format!("[inbound]\nlisten = [\"127.0.0.1:0\"]\nhelp_url = \"{HELP}\"\n{inbound}\n{shown}");
        let installation = Installation::new(&Config { more, ..Config::to(sandbox.address) })?;
        let server = installation.start()?;
        let mx = server.inbound.ok_or_else(|| Error::unexpected("find inbound", "it is off"))?;
        let message = json!({ "from": SENDER, "to": "you@example.net", "subject": "hello", "text": "hello" });
        installation.api(&server).send(&message)?.result();
        let ours = sandbox.mailbox.wait_for("you@example.net")?.mail_from;
        Ok(Self { server, mx, ours, certificates, sandbox, _installation: installation, _files: files })
    }

    /// How many messages have left: the one that was sent to have an address, and no other.
    pub(crate) fn left(&self) -> Result<usize> {
        Ok(self.sandbox.mailbox.deliveries()?.len())
    }

    /// The value of a series of the server's metrics; 0 if there is none.
    pub(crate) fn series(&self, series: &str) -> Result<u64> {
        let text = mailwright_tests::http::get(self.server.http, "/metrics")?.text;
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or("0").parse().map_err(|_| Error::unexpected("read a metric", series))
    }
}
