//! Postfix's smtp-sink(1) as a receiver that keeps every transaction in a file.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::error::{Context, Result};
use crate::process::Process;
use crate::server::free_address;
use crate::smtp::SmtpClient;

/// A running smtp-sink.
#[derive(Debug)]
pub struct SmtpSink {
    _process: Process,
    files: TempDir,
    /// Where it listens.
    pub address: SocketAddr,
}

impl SmtpSink {
    /// Starts one and waits until it greets.
    ///
    /// # Errors
    /// [`crate::Error::Unexpected`] with its log if it does not run.
    pub fn start() -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        // It writes as `nobody`, into a folder that we alone may enter otherwise.
        fs::set_permissions(files.path(), fs::Permissions::from_mode(0o777))
            .context("open the folder to smtp-sink")?;
        let address = free_address()?;
        let mut command = Command::new("/usr/sbin/smtp-sink");
        command.current_dir(files.path()).args(["-u", "nobody", "-d", "mail.", &address.to_string(), "1024"]);
        let mut process = Process::start("smtp-sink", command, &files.path().join("log"))?;
        process.until("the greeting", Duration::from_secs(10), || SmtpClient::connect(address).ok())?;
        Ok(Self { _process: process, files, address })
    }

    /// Returns the transactions seen so far: envelope headers of smtp-sink's own, then the message, lines
    /// ended by LF. One that is still being received is among them.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if one cannot be read.
    pub fn received(&self) -> Result<Vec<Vec<u8>>> {
        let entries = fs::read_dir(self.files.path()).context("list the transactions")?.flatten();
        let mails = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("mail."));
        // smtp-sink ends each file with an empty line of its own.
        let without_end =
            |content: Vec<u8>| content.strip_suffix(b"\n").map(<[u8]>::to_vec).unwrap_or(content);
        mails.map(|entry| fs::read(entry.path()).map(without_end).context("read a transaction")).collect()
    }
}
