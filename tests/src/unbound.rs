//! Unbound as a validating resolver: it asks one name server everything and believes what the keys it was
//! given have signed.

use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::dns_query::{SOA, ask};
use crate::error::{Context, Result};
use crate::fetched;
use crate::name_server::NameServer;
use crate::process::Process;
use crate::server::free_address;

/// Beneath the folder of fetched programs.
pub(crate) const UNBOUND: &str = "usr/sbin/unbound";

/// A running resolver.
#[derive(Debug)]
pub struct Unbound {
    process: Process,
    _files: TempDir,
    /// Where it answers, over UDP and TCP.
    pub address: SocketAddr,
}

impl Unbound {
    /// Starts one that asks `name_server` for its zones and trusts `anchors`, each a DNSKEY or DS record
    /// ([`crate::zone::SignedZone::dnskey`]). What is signed beneath an anchor is answered as authentic (AD)
    /// if its signatures hold and with SERVFAIL if not; what is not signed is answered without AD. No other
    /// zone can be resolved: it asks nobody else.
    ///
    /// # Errors
    /// [`crate::Error::Unexpected`] with its log if it does not run.
    pub fn start(name_server: &NameServer, anchors: &[&str]) -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let address = free_address()?;
        let path = files.path().join("unbound.conf");
        fs::write(&path, configuration(files.path(), address, name_server, anchors))
            .context("write unbound.conf")?;
        let mut command = fetched::command(UNBOUND);
        command.args(["-d", "-p", "-c"]).arg(&path);
        let mut process = Process::start("unbound", command, &files.path().join("log"))?;
        // Any answer will do: the name is nobody's.
        process.until("an answer", Duration::from_secs(10), || ask(address, "up.invalid", SOA))?;
        Ok(Self { process, _files: files, address })
    }

    /// Returns what it has logged: why each validation failed.
    #[must_use]
    pub fn log_text(&self) -> String {
        self.process.log_text()
    }
}

fn configuration(folder: &Path, address: SocketAddr, name_server: &NameServer, anchors: &[&str]) -> String {
    let (ip, port, folder) = (address.ip(), address.port(), folder.display());
    let mut text = format!(
        r#"server:
    interface: {ip}@{port}
    port: {port}
    chroot: ""
    username: ""
    directory: "{folder}"
    use-syslog: no
    num-threads: 1
    module-config: "validator iterator"
    val-log-level: 2
    do-not-query-localhost: no
    root-hints: ""
"#
    );
    // Writing to a string does not fail.
    for anchor in anchors {
        let _ = writeln!(text, "    trust-anchor: \"{anchor}\"");
    }
    text.push_str("remote-control:\n    control-enable: no\n");
    let (ip, port) = (name_server.address.ip(), name_server.address.port());
    // The name server refuses what it does not serve, so that such a question fails at once.
    for name in name_server.zones.iter().map(String::as_str).chain(["."]) {
        let _ = writeln!(text, "stub-zone:\n    name: \"{name}\"\n    stub-addr: {ip}@{port}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns_query::Answer;
    use crate::name_server::BROKEN;
    use crate::needs::{Need, skip_without};
    use crate::zone::Zone;

    const A: u16 = 1;
    const MX: u16 = 15;
    const TLSA: u16 = 52;

    /// A record that is there, believed or not.
    fn one(authentic: bool) -> Option<Answer> {
        Some(Answer { code: 0, authentic, records: 1 })
    }

    fn failure(answer: Option<Answer>) -> bool {
        answer.is_some_and(|answer| answer.code == 2 && answer.records == 0)
    }

    const RECORDS: &str = "
@ MX 10 mx
mx A 127.0.0.2
forged A 127.0.0.3
_25._tcp.mx TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
plain NS ns
broken NS ns
";

    #[test]
    fn tells_authentic_plain_forged_and_broken_names_apart() -> Result<()> {
        if skip_without(&[Need::Nsd, Need::Unbound]) {
            return Ok(());
        }
        let child = Zone::new("secure.example", "mx A 127.0.0.4").sign()?;
        let records = format!("{RECORDS}secure NS ns\n{}\n", child.ds);
        let signed = Zone::new("example", &records).sign()?;
        let zones = [
            signed.forged("127.0.0.3", "127.0.0.9")?,
            Zone::new("plain.example", "mx A 127.0.0.5"),
            child.zone.clone(),
        ];
        let name_server = NameServer::serving(&zones)?;
        for anchor in [&signed.dnskey, &signed.ds] {
            let resolver = Unbound::start(&name_server, &[anchor])?;
            let ask = |name, kind| ask(resolver.address, name, kind);
            assert_eq!(ask("example", MX), one(true), "{}", resolver.log_text());
            assert_eq!(ask("_25._tcp.mx.example", TLSA), one(true));
            assert_eq!(ask("mx.secure.example", A), one(true));
            assert_eq!(ask("none.example", A), Some(Answer { code: 3, authentic: true, records: 0 }));
            assert_eq!(ask("mx.plain.example", A), one(false));
            assert!(failure(ask("forged.example", A)));
            assert!(failure(ask(BROKEN, A)));
            assert!(failure(ask("elsewhere.org", A)));
        }
        Ok(())
    }

    #[test]
    fn believes_nothing_without_an_anchor() -> Result<()> {
        if skip_without(&[Need::Nsd, Need::Unbound]) {
            return Ok(());
        }
        let signed = Zone::new("example", RECORDS).sign()?;
        let name_server = NameServer::serving(std::slice::from_ref(&signed.zone))?;
        let resolver = Unbound::start(&name_server, &[])?;
        assert_eq!(ask(resolver.address, "example", MX), one(false));
        Ok(())
    }
}
