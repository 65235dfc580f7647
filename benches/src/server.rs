//! The program under test: the release binary on a state folder of its own.

use crate::{Error, Result, error::Context, http::Credentials, usage::Process};
use mailwright_storage::control::{Control, ControlError};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    env,
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The configuration of all load tests; its fixed addresses are replaced by free ones.
const BENCH_CONFIG: &str = include_str!("../../config/bench.toml");
/// The limits that it names, and where it looks for them.
const BENCH_SHAPING: &str = include_str!("../../config/bench-shaping.toml");
const SHAPING_FILE: &str = "bench-shaping.toml";
/// Where that configuration has all mail delivered.
const SINK_ADDRESS: &str = "127.0.0.1:2526";
/// The table that says so.
const ROUTE: &str = "[[delivery.routes]]\ndomain = \"*\"\nnext_hop = \"127.0.0.1:2526\"\n";
/// Where that file listens.
const LISTEN_ADDRESSES: [&str; 2] = ["127.0.0.1:8702", "127.0.0.1:2502"];

/// The longest a start or an end may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Pause between two looks: it bounds how exactly the time of a start is known.
const PAUSE: Duration = Duration::from_millis(1);
/// How much of the log an error shows, in octets.
const LOG_SHOWN: usize = 2_000;

/// Where the server delivers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// One host for all mail.
    NextHop(SocketAddr),
    /// The mail exchangers of each domain.
    Exchangers {
        /// Who knows them.
        name_server: SocketAddr,
        /// The port that they listen at.
        port: u16,
    },
}

/// An algorithm that a domain's mail is signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519 (RFC 8463).
    Ed25519,
    /// RSA with 2,048 bits.
    Rsa,
}

/// A state folder and a configuration, to start the server on as often as a bench likes. Removed when dropped.
#[derive(Debug)]
pub struct Installation {
    binary: PathBuf,
    folder: TempDir,
}

impl Installation {
    /// Makes a folder inside `parent`, which should lie on a real disk, and a configuration that sends mail to
    /// `destination`. `more` is appended to the configuration.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if there is no binary to test, [`Error::Io`] if the folder cannot be made.
    pub fn new(parent: &Path, destination: Destination, more: &str) -> Result<Self> {
        let binary = binary()?;
        let what = "make a state folder";
        fs::create_dir_all(parent).context(what)?;
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(parent).context(what)?;
        let installation = Self { binary, folder };
        fs::write(installation.config(), config(destination, more)).context("write the configuration")?;
        installation.shape(BENCH_SHAPING)?;
        Ok(installation)
    }

    /// Sets other limits than those of all load tests: the text of a shaping file.
    ///
    /// # Errors
    /// [`Error::Io`] if they cannot be written.
    pub fn shape(&self, limits: &str) -> Result<()> {
        fs::write(self.folder.path().join(SHAPING_FILE), limits).context("write the limits")
    }

    /// Sets up an account that may send as example.com, with keys to sign with.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if `mailwright bootstrap` fails.
    pub fn bootstrap(&self) -> Result<Credentials> {
        let mut command = Command::new(&self.binary);
        command.args(["bootstrap", "--zone", "example.com", "--state"]).arg(self.state());
        let output = command.output().context("run mailwright bootstrap")?;
        if !output.status.success() {
            return Err(Error::unexpected("mailwright bootstrap", String::from_utf8_lossy(&output.stderr)));
        }
        Credentials::from_json(&output.stdout)
    }

    /// Runs a command of the binary on the state folder, as `["worker", "list"]`.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with what it says if it fails.
    pub fn run(&self, command: &[&str]) -> Result<()> {
        let what = command.join(" ");
        let output = Command::new(&self.binary).args(command).arg("--state").arg(self.state()).output();
        let output = output.context(&what)?;
        let said = || Error::unexpected(&what, String::from_utf8_lossy(&output.stderr));
        output.status.success().then_some(()).ok_or_else(said)
    }

    /// Leaves [`Self::bootstrap`]'s domain only its key for this algorithm, in the state folder's own records: there
    /// is no command for that.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Unexpected`] if the records are not what they were.
    pub fn keep_key(&self, algorithm: Algorithm) -> Result<()> {
        let what = "keep one signing key";
        let wrong = || Error::unexpected(what, "not as expected");
        let selector = match algorithm {
            Algorithm::Ed25519 => "mw-ed25519",
            Algorithm::Rsa => "mw-rsa",
        };
        let records = sled::open(self.state().join("control")).context(what)?;
        let (id, domain) = records.scan_prefix("sending/").next().ok_or_else(wrong)?.context(what)?;
        let mut domain: Value = serde_json::from_slice(&domain).context(what)?;
        let keys = domain.get_mut("keys").and_then(Value::as_array_mut).ok_or_else(wrong)?;
        keys.retain(|key| key.get("selector").and_then(Value::as_str) == Some(selector));
        if keys.len() != 1 {
            return Err(wrong());
        }
        records.insert(id, domain.to_string().as_bytes()).context(what)?;
        records.flush().context(what)?;
        Ok(())
    }

    /// Changes the control data while no server runs: what a command would send mail for.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if it cannot be opened or changed.
    pub fn change(
        &self,
        change: impl FnOnce(&Control) -> std::result::Result<(), ControlError>,
    ) -> Result<()> {
        let changed = Control::open(&self.state().join("control")).and_then(|control| {
            change(&control)?;
            control.flush()
        });
        changed.map_err(|error| Error::unexpected("change the control data", error.to_string()))
    }

    /// Starts the server and waits until it listens.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with the end of its log if it ends, [`Error::Timeout`] if it does not come up.
    pub async fn start(&self) -> Result<Server> {
        let ready = self.state().join("ready.json");
        if ready.exists() {
            // An earlier run's file would name ports that are no longer ours.
            fs::remove_file(&ready).context("remove ready.json")?;
        }
        let begun = Instant::now();
        let child = self.spawn()?;
        let mut server =
            Server { child, smtp: None, http: None, inbound: None, begun, start_time: Duration::ZERO };
        let addresses = self.until_ready(&mut server, &ready).await?;
        server.start_time = begun.elapsed();
        let address = |name: &str| addresses.get(name)?.as_str()?.parse().ok();
        (server.smtp, server.http) = (address("smtp"), address("http"));
        server.inbound = address("inbound");
        Ok(server)
    }

    fn spawn(&self) -> Result<Child> {
        let what = "open the log";
        let log = File::options().create(true).append(true).open(self.log()).context(what)?;
        let mut command = Command::new(&self.binary);
        command.arg("serve").arg("--config").arg(self.config()).arg("--state").arg(self.state());
        command.stdin(Stdio::null()).stdout(log.try_clone().context(what)?).stderr(log);
        command.spawn().context("start mailwright")
    }

    async fn until_ready(&self, server: &mut Server, ready: &Path) -> Result<Value> {
        let ended = |status| Error::unexpected("start mailwright", format!("{status}\n{}", self.log_end()));
        let look = || {
            if let Some(status) = server.child.try_wait().context("ask after mailwright")? {
                return Err(ended(status));
            }
            Ok(fs::read(ready).ok().and_then(|text| serde_json::from_slice(&text).ok()))
        };
        until("mailwright to be ready", look).await
    }

    fn log_end(&self) -> String {
        let log = fs::read(self.log()).unwrap_or_default();
        let end = log.get(log.len().saturating_sub(LOG_SHOWN)..).unwrap_or_default();
        String::from_utf8_lossy(end).into_owned()
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }
}

/// A running server. Killed when dropped, so that none outlives a bench that failed.
#[derive(Debug)]
pub struct Server {
    child: Child,
    smtp: Option<SocketAddr>,
    http: Option<SocketAddr>,
    inbound: Option<SocketAddr>,
    begun: Instant,
    start_time: Duration,
}

impl Server {
    /// Returns where it takes mail by SMTP.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if it does not.
    pub fn smtp(&self) -> Result<SocketAddr> {
        self.smtp.ok_or_else(|| Error::unexpected("ready.json", "no SMTP address"))
    }

    /// Returns where it takes mail by HTTP.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if it does not.
    pub fn http(&self) -> Result<SocketAddr> {
        self.http.ok_or_else(|| Error::unexpected("ready.json", "no HTTP address"))
    }

    /// Returns where it takes mail from the world.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if it does not.
    pub fn inbound(&self) -> Result<SocketAddr> {
        self.inbound.ok_or_else(|| Error::unexpected("ready.json", "no address for mail from the world"))
    }

    /// Returns the process, to ask what it used.
    #[must_use]
    pub fn process(&self) -> Process {
        Process::new(self.child.id())
    }

    /// Returns when its process was started.
    #[must_use]
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// Returns how long it took from its start until it listened.
    #[must_use]
    pub fn start_time(&self) -> Duration {
        self.start_time
    }

    /// Ends it as an operator would, with SIGTERM.
    ///
    /// # Errors
    /// [`Error::Timeout`] if it does not end, [`Error::Unexpected`] if it ends with a failure.
    pub async fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).context("end mailwright")?;
        let look = || self.child.try_wait().context("ask after mailwright");
        let status = until("mailwright to end", look).await?;
        if status.success() { Ok(()) } else { Err(Error::unexpected("end mailwright", status.to_string())) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Does nothing to a child that has been waited for; one that will not end cannot be helped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again until there is a value.
async fn until<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = look()? {
            return Ok(value);
        }
        if start.elapsed() > PATIENCE {
            return Err(Error::Timeout { what: what.to_owned(), waited: PATIENCE });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// `MAILWRIGHT_BIN`, or the binary of the same profile: a bench is `target/<profile>/deps/<bench>`.
fn binary() -> Result<PathBuf> {
    let beside = || Some(env::current_exe().ok()?.parent()?.parent()?.join("mailwright"));
    let binary = env::var_os("MAILWRIGHT_BIN").map(PathBuf::from).or_else(beside).unwrap_or_default();
    if binary.is_file() {
        return Ok(binary);
    }
    let detail = format!("{} is missing: cargo build --release --package mailwright", binary.display());
    Err(Error::unexpected("find the binary", detail))
}

/// The bench configuration with free ports to listen on, and another destination.
fn config(destination: Destination, more: &str) -> String {
    let mut text = match destination {
        Destination::NextHop(sink) => BENCH_CONFIG.replace(SINK_ADDRESS, &sink.to_string()),
        Destination::Exchangers { name_server, port } => {
            let with_port = format!("[delivery]\nport = {port}\n");
            let text = BENCH_CONFIG.replace(ROUTE, "").replace("[delivery]\n", &with_port);
            format!("{text}\n[dns]\nservers = [\"{name_server}\"]\n")
        }
    };
    for address in LISTEN_ADDRESSES {
        text = text.replace(address, "127.0.0.1:0");
    }
    format!("{text}\n{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn the_configuration_listens_on_free_ports_and_delivers_to_the_sink() {
        let text = config(Destination::NextHop(address(9)), "[delivery.retry]\n");
        let set: Vec<_> =
            text.lines().filter(|line| line.contains("127.0.0.1") && !line.starts_with('#')).collect();
        let wanted =
            [r#"listen = "127.0.0.1:0""#, r#"listen = ["127.0.0.1:0"]"#, r#"next_hop = "127.0.0.1:9""#];
        assert_eq!(set, wanted);
        assert!(text.ends_with("[delivery.retry]\n"));
    }

    #[test]
    fn without_a_next_hop_exchangers_are_asked_for() {
        let text = config(Destination::Exchangers { name_server: address(53), port: 25 }, "");
        assert!(!text.contains("next_hop"));
        assert!(text.contains("[delivery]\nport = 25\n"));
        assert!(text.contains("[dns]\nservers = [\"127.0.0.1:53\"]\n"));
    }

    #[test]
    fn the_limits_are_where_the_configuration_looks_for_them() {
        assert!(BENCH_CONFIG.contains(&format!("shaping = \"{SHAPING_FILE}\"")));
    }
}
