//! Knot as the authoritative server of a zone that can be changed by dynamic update (RFC 2136) with a shared key.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use data_encoding::BASE64;
use tempfile::TempDir;

use crate::dns_query::{SOA, ask};
use crate::error::{Context, Result};
use crate::fetched;
use crate::process::Process;
use crate::server::free_address;
use crate::zone::Zone;

/// Beneath the folder of fetched programs.
pub(crate) const KNOTD: &str = "usr/sbin/knotd";

/// The name of the key that may change the zone.
pub const KEY: &str = "mailwright-update";

/// The name of a key that the server knows, and that may change nothing.
pub const POWERLESS_KEY: &str = "onlooker";

/// A running name server.
#[derive(Debug)]
pub struct Knot {
    _process: Process,
    _files: TempDir,
    /// Where it answers, over UDP and TCP.
    pub address: SocketAddr,
    /// The secret of both keys, in base64; their algorithm is hmac-sha256.
    pub secret: String,
}

impl Knot {
    /// Starts one that serves `zone`.
    ///
    /// # Errors
    /// [`crate::Error::Unexpected`] with its log if it does not run.
    pub fn start(zone: &Zone) -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let folder = files.path();
        let address = free_address()?;
        let secret = BASE64.encode(&std::array::from_fn::<u8, 32, _>(|_| fastrand::u8(..)));
        let path = folder.join("knot.conf");
        fs::write(&path, configuration(folder, address, &secret, zone)).context("write knot.conf")?;
        fs::write(folder.join("zone"), &zone.text).context("write the zone")?;
        let mut command = fetched::command(KNOTD);
        command.arg("-c").arg(&path);
        let mut process = Process::start("knotd", command, &folder.join("log"))?;
        process.until("an answer", Duration::from_secs(10), || {
            ask(address, &zone.name, SOA).filter(|answer| answer.code == 0)
        })?;
        Ok(Self { _process: process, _files: files, address, secret })
    }
}

fn configuration(folder: &Path, address: SocketAddr, secret: &str, zone: &Zone) -> String {
    let (ip, port, folder, name) = (address.ip(), address.port(), folder.display(), &zone.name);
    format!(
        r#"server:
    listen: {ip}@{port}
    rundir: "{folder}"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: "{folder}"
key:
  - id: {KEY}
    algorithm: hmac-sha256
    secret: {secret}
  - id: {POWERLESS_KEY}
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: change
    key: {KEY}
    action: update
zone:
  - domain: {name}
    storage: "{folder}"
    file: zone
    acl: change
"#
    )
}
