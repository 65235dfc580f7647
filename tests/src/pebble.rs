//! Pebble, Let's Encrypt's small authority for tests: it speaks ACME (RFC 8555), looks at challenges as a real one does,
//! refuses now and then a nonce that is good, and forgets everything when it ends.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::certificate::{Authority, Certificate};
use crate::error::{Context, Result};
use crate::fetched;
use crate::policy_client::{Fetch, fetch};
use crate::process::Process;
use crate::server::free_address;

/// Beneath the folder of fetched programs.
pub(crate) const PEBBLE: &str = "usr/bin/pebble";

/// The name by which it is reached; whoever asks it must resolve this to 127.0.0.1.
pub const HOST: &str = "acme.example";

/// A running authority.
#[derive(Debug)]
pub struct Pebble {
    process: Process,
    files: TempDir,
    /// The URL of its directory.
    pub directory: String,
    management: SocketAddr,
}

impl Pebble {
    /// Starts one whose own certificate is of `authority`. It asks `name_server` for the names that it looks at, looks
    /// at them on `port`, and its certificates are valid for `lifetime`.
    ///
    /// # Errors
    /// [`crate::Error::Unexpected`] with its log if it does not run.
    pub fn start(
        authority: &Authority,
        name_server: SocketAddr,
        port: u16,
        lifetime: Duration,
    ) -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let (address, management) = (free_address()?, free_address()?);
        let own = Certificate::signed_by(files.path(), HOST, authority)?;
        let config = json!({"pebble": {
            "listenAddress": address,
            "managementListenAddress": management,
            "certificate": own.certificate,
            "privateKey": own.key,
            "httpPort": 1,
            "tlsPort": port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
            "certificateValidityPeriod": lifetime.as_secs(),
        }});
        let path = files.path().join("pebble.json");
        fs::write(&path, config.to_string()).context("write pebble.json")?;
        let mut command = fetched::command(PEBBLE);
        command.arg("-config").arg(&path).arg("-dnsserver").arg(name_server.to_string());
        // It would wait up to 15 seconds before it looks at a challenge.
        command.env("PEBBLE_VA_NOSLEEP", "1");
        let log = files.path().join("log");
        let mut process = Process::start("pebble", command, &log)?;
        let listens = || fs::read_to_string(&log).ok()?.contains("ACME directory available").then_some(());
        process.until("the readiness", Duration::from_secs(10), listens)?;
        let directory = format!("https://{HOST}:{}/dir", address.port());
        Ok(Self { process, files, directory, management })
    }

    /// Writes the certificate of its root, which is made anew at every start, and returns the file.
    ///
    /// # Errors
    /// [`crate::Error::Unexpected`] if it does not tell.
    pub fn root(&self) -> Result<PathBuf> {
        let answer = fetch(self.management, &Fetch { path: "/roots/0", ..Fetch::from(HOST) })?;
        let file: &Path = self.files.path();
        let file = file.join("root.pem");
        fs::write(&file, answer.body).context("write the root")?;
        Ok(file)
    }

    /// Ends it; nobody answers for it from then on.
    pub fn end(&mut self) {
        self.process.end_with_children(Duration::from_secs(5));
    }

    /// Returns what it has logged.
    #[must_use]
    pub fn log_text(&self) -> String {
        self.process.log_text()
    }
}
