//! NSD as the name server of a world with one zone, `example`, or with zones of the test's own, and beneath
//! it one that is broken.

use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::dns_query::{SOA, ask};
use crate::error::{Context, Result};
use crate::process::Process;
use crate::server::free_address;
use crate::zone::Zone;

/// Where Debian has it.
pub(crate) const NSD: &str = "/usr/sbin/nsd";

/// A domain for which the server answers every question with SERVFAIL: it is to serve the zone and has no file.
pub const BROKEN: &str = "broken.example";

/// A running name server.
#[derive(Debug)]
pub struct NameServer {
    process: Process,
    files: TempDir,
    /// Where it answers, over UDP and TCP.
    pub address: SocketAddr,
    /// The names of its zones, the broken one left out.
    pub(crate) zones: Vec<String>,
}

impl NameServer {
    /// Starts one that serves `records`, in the form of a zone file and relative to `example.`.
    ///
    /// # Errors
    /// [`crate::Error::Unexpected`] with its log if it does not run, as when a record does not read.
    pub fn start(records: &str) -> Result<Self> {
        Self::serving(&[Zone::new("example", records)])
    }

    /// Starts one that serves these zones, plain or signed ([`crate::zone::SignedZone::zone`]).
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn serving(zones: &[Zone]) -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let address = free_address()?;
        fs::write(files.path().join("nsd.conf"), configuration(files.path(), address, zones))
            .context("write nsd.conf")?;
        for Zone { name, text } in zones {
            fs::write(files.path().join(format!("{name}.zone")), text).context("write the zone")?;
        }
        let zones: Vec<_> = zones.iter().map(|zone| zone.name.clone()).collect();
        let process = run(files.path(), address, &zones)?;
        Ok(Self { process, files, address, zones })
    }

    /// Ends it, with the processes that it has made.
    pub fn end(&mut self) {
        self.process.end_with_children(Duration::from_secs(10));
    }

    /// Starts it again at the same address after [`Self::end`].
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn start_again(&mut self) -> Result<()> {
        self.process = run(self.files.path(), self.address, &self.zones)?;
        Ok(())
    }
}

/// Runs the program on the files of `folder`.
fn run(folder: &Path, address: SocketAddr, zones: &[String]) -> Result<Process> {
    let mut command = Command::new(NSD);
    command.arg("-d").arg("-c").arg(folder.join("nsd.conf"));
    let mut process = Process::start("nsd", command, &folder.join("log"))?;
    process.until("an answer for each zone", Duration::from_secs(10), || {
        let is_served = |zone: &String| ask(address, zone, SOA).is_some_and(|answer| answer.code == 0);
        zones.iter().all(is_served).then_some(())
    })?;
    Ok(process)
}

fn configuration(folder: &Path, address: SocketAddr, zones: &[Zone]) -> String {
    let (ip, port, folder) = (address.ip(), address.port(), folder.display());
    let mut text = format!(
        r#"server:
    ip-address: {ip}@{port}
    server-count: 1
    username: ""
    database: ""
    zonesdir: "{folder}"
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    zonelistfile: "{folder}/zone.list"
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: {BROKEN}
    zonefile: none.zone
"#
    );
    for Zone { name, .. } in zones {
        // Writing to a string does not fail.
        let _ = writeln!(text, "zone:\n    name: {name}\n    zonefile: {name}.zone");
    }
    text
}
