//! NSD as the name server of a world with one zone, `example`, and beneath it one that is broken.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::error::{Context, Result};
use crate::process::Process;
use crate::server::free_address;

/// Where Debian has it.
pub(crate) const NSD: &str = "/usr/sbin/nsd";

/// A domain for which the server answers every question with SERVFAIL: it is to serve the zone and has no file.
pub const BROKEN: &str = "broken.example";

/// A query for the SOA record of `example.`: identifier 1, one question, class IN (RFC 1035 section 4.1).
const QUERY: &[u8] = b"\0\x01\0\0\0\x01\0\0\0\0\0\0\x07example\0\0\x06\0\x01";

/// A running name server.
#[derive(Debug)]
pub struct NameServer {
    _process: Process,
    _files: TempDir,
    /// Where it answers, over UDP and TCP.
    pub address: SocketAddr,
}

impl NameServer {
    /// Starts one that serves `records`, in the form of a zone file and relative to `example.`.
    ///
    /// # Errors
    /// [`crate::Error::Unexpected`] with its log if it does not run, as when a record does not read.
    pub fn start(records: &str) -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let address = free_address()?;
        fs::write(files.path().join("nsd.conf"), configuration(files.path(), address))
            .context("write nsd.conf")?;
        fs::write(files.path().join("example.zone"), zone(records)).context("write the zone")?;
        let mut command = Command::new(NSD);
        command.arg("-d").arg("-c").arg(files.path().join("nsd.conf"));
        let mut process = Process::start("nsd", command, &files.path().join("log"))?;
        process.until("an answer", Duration::from_secs(10), || answers(address))?;
        Ok(Self { _process: process, _files: files, address })
    }
}

fn configuration(folder: &Path, address: SocketAddr) -> String {
    let (ip, port, folder) = (address.ip(), address.port(), folder.display());
    format!(
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
    name: example
    zonefile: example.zone
zone:
    name: {BROKEN}
    zonefile: none.zone
"#
    )
}

fn zone(records: &str) -> String {
    format!(
        "$ORIGIN example.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n{records}\n"
    )
}

/// Asks for the zone's SOA record; `Some` if there is an answer without error.
fn answers(address: SocketAddr) -> Option<()> {
    let socket = UdpSocket::bind("127.0.0.1:0").ok()?;
    socket.set_read_timeout(Some(Duration::from_millis(200))).ok()?;
    socket.send_to(QUERY, address).ok()?;
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer).ok()?;
    let code = answer.get(..length)?.get(3)? & 0x0f;
    (code == 0).then_some(())
}
