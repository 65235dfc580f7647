//! `mailwright sandbox`: a receiver that misbehaves on request and survives the server under test.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;

use crate::error::{Context, Result};
use crate::mailbox::Mailbox;
use crate::process::Process;
use crate::server::{START_LIMIT, mailwright};

/// A running sandbox.
#[derive(Debug)]
pub struct Sandbox {
    _process: Process,
    _files: TempDir,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it has received.
    pub mailbox: Mailbox,
}

impl Sandbox {
    /// Starts one that takes everything.
    ///
    /// # Errors
    /// Those of [`Self::with_faults`].
    pub fn start() -> Result<Self> {
        Self::with_faults(&[])
    }

    /// Starts one with more arguments: `--defer`, `--reject`, `--drop`, `--drop-at`, `--stall`, `--tls`.
    ///
    /// # Errors
    /// [`crate::Error::Unexpected`] or [`crate::Error::Timeout`] if it does not come up.
    pub fn with_faults(faults: &[&str]) -> Result<Self> {
        Self::at("127.0.0.1:0", faults)
    }

    /// Starts one that takes everything on an address that mail is already queued for.
    ///
    /// # Errors
    /// Those of [`Self::with_faults`].
    pub fn on(address: SocketAddr) -> Result<Self> {
        Self::at(&address.to_string(), &[])
    }

    fn at(listen: &str, faults: &[&str]) -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let received = files.path().join("received");
        fs::create_dir(&received).context("make the folder of received mail")?;
        let ready = files.path().join("ready");
        let mut command = mailwright();
        command.args(["sandbox", "--listen", listen, "--dir"]).arg(&received);
        command.arg("--ready-file").arg(&ready).args(faults);
        let mut process = Process::start("the sandbox", command, &files.path().join("log"))?;
        let address = process.until("the readiness", START_LIMIT, || read_address(&ready))?;
        Ok(Self { _process: process, _files: files, address, mailbox: Mailbox::new(&received) })
    }
}

/// Reads the ready file, which holds the address and nothing else.
fn read_address(path: &Path) -> Option<SocketAddr> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
