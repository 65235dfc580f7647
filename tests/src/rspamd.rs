//! rspamd as a filter that speaks milter: without rules of its own, so that it knows nothing but its test lines.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::error::{Context, Result};
use crate::fetched;
use crate::process::Process;

/// Beneath the folder of fetched programs.
pub(crate) const RSPAMD: &str = "usr/bin/rspamd";

/// The line for which it refuses a message.
pub const REFUSED: &str = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";

/// The line for which it adds the field `X-Spam`.
pub const MARKED: &str = "YJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";

/// A running filter.
#[derive(Debug)]
pub struct Rspamd {
    process: Process,
    _files: TempDir,
    /// Where it listens.
    pub socket: PathBuf,
}

impl Rspamd {
    /// Starts one that asks nobody.
    ///
    /// # Errors
    /// [`crate::Error::Unexpected`] with its log if it does not run.
    pub fn start() -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let folder = files.path();
        let (socket, path) = (folder.join("milter.sock"), folder.join("rspamd.conf"));
        fs::write(&path, configuration(folder)).context("write rspamd.conf")?;
        // Domains are known by their last label; the list of all of them would take seconds to compile.
        fs::write(folder.join("tld"), "test\n").context("write the list of domains")?;
        let mut command = fetched::command(RSPAMD);
        let lualib = fetched::folder().join("rspamd/lualib");
        command.args(["-f", "-i", "-c"]).arg(&path);
        command.arg(format!("--var=LUALIBDIR={}", lualib.display()));
        command.arg(format!("--var=DBDIR={}", folder.display()));
        let mut process = Process::start("rspamd", command, &folder.join("log"))?;
        process.until("the socket", Duration::from_secs(20), || UnixStream::connect(&socket).ok())?;
        Ok(Self { process, _files: files, socket })
    }

    /// Ends it with its workers.
    pub fn end(&mut self) {
        self.process.end_with_children(Duration::from_secs(10));
    }

    /// Returns what it has logged.
    #[must_use]
    pub fn log_text(&self) -> String {
        self.process.log_text()
    }
}

fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        r#"
options {{
    filters = "";
    enable_test_patterns = true;
    tempdir = "{folder}";
    cores_dir = "{folder}";
    hs_cache_dir = "{folder}";
    pidfile = "{folder}/pid";
    control_socket = "{folder}/control.sock mode=0600";
    history_file = "{folder}/history";
    url_tld = "{folder}/tld";
    dns {{ nameserver = ["127.0.0.1:9"]; }}
}}
logging {{ type = "console"; level = "info"; }}
actions {{ reject = 15; add_header = 6; }}
worker "rspamd_proxy" {{
    bind_socket = "{folder}/milter.sock mode=0600";
    milter = yes;
    count = 1;
    upstream "local" {{ default = yes; self_scan = yes; }}
}}
"#
    )
}
