//! The program under test: `mailwright dev`, and `mailwright serve` with a configuration of the test's own.

use std::env;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::error::{Context, Error, Result};
use crate::http::{Account, Api};
use crate::mailbox::Mailbox;
use crate::metrics::Metrics;
use crate::process::Process;
use crate::wait;

/// The longest a start may take before the program is taken to hang (a debug build on a busy machine).
pub const START_LIMIT: Duration = Duration::from_secs(30);

/// The longest a graceful end may take.
const END_LIMIT: Duration = Duration::from_secs(30);

/// Returns a command that runs the binary under test.
#[must_use]
pub fn mailwright() -> Command {
    Command::new(binary())
}

/// Runs the binary to its end and returns what it said.
///
/// # Errors
/// [`Error::Io`] if it cannot be started.
pub fn run_to_end<'a>(args: impl IntoIterator<Item = &'a str>) -> Result<Output> {
    mailwright().args(args).output().context(format!("run {}", binary().display()))
}

/// `MAILWRIGHT_BIN`, or the binary beside the test's own: `target/<profile>/deps/<test>` lies one folder below it.
fn binary() -> PathBuf {
    let beside = || Some(env::current_exe().ok()?.parent()?.parent()?.join("mailwright"));
    env::var_os("MAILWRIGHT_BIN").map(PathBuf::from).or_else(beside).unwrap_or_else(|| "mailwright".into())
}

/// Returns a loopback address on which nobody listens. It is free at this moment and, on a machine whose
/// other programs let the system choose their ports, very probably stays so.
///
/// # Errors
/// [`Error::Io`] if the system has none.
pub fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    listener.local_addr().context("find a free port")
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// The process.
    pub process: Process,
    /// Where the HTTP API listens.
    pub http: SocketAddr,
    /// Where the SMTP listener is.
    pub smtp: SocketAddr,
    /// Where submission with STARTTLS is, if it is on.
    pub submission: Option<SocketAddr>,
    /// Where submission with implicit TLS is, if it is on.
    pub submission_tls: Option<SocketAddr>,
    /// Where mail for return paths is taken, if it is.
    pub inbound: Option<SocketAddr>,
    /// Where the policy host of MTA-STS is, if it is on.
    pub policy_host: Option<SocketAddr>,
    /// Where the `fetch()` handlers of Workers are reached, if they are.
    pub workers: Option<SocketAddr>,
}

impl Server {
    /// Starts `command`, which writes the addresses it listens on to the file `ready`, and what it says goes to `log`.
    /// What it wrote is returned, too.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with its log if it ends, [`Error::Timeout`] if it does not come up.
    pub fn start(command: Command, ready: &Path, log: &Path) -> Result<(Self, Value)> {
        // The file of an earlier run would name ports that are no longer ours.
        if ready.exists() {
            fs::remove_file(ready).context(format!("remove {}", ready.display()))?;
        }
        let mut process = Process::start("mailwright", command, log)?;
        let contents = process.until("the readiness", START_LIMIT, || wait::json_file(ready))?;
        let (http, smtp) = (address(&contents, "http")?, address(&contents, "smtp")?);
        let optional = |key: &str| contents[key].as_str().and_then(|text| text.parse().ok());
        let (submission, submission_tls) = (optional("submission"), optional("submission_tls"));
        let (inbound, policy_host) = (optional("inbound"), optional("policy_host"));
        let workers = optional("workers");
        let server = Self { process, http, smtp, submission, submission_tls, inbound, policy_host, workers };
        Ok((server, contents))
    }

    /// Reads the server's metrics.
    ///
    /// # Errors
    /// Those of [`Metrics::read`].
    pub fn metrics(&self) -> Result<Metrics> {
        Metrics::read(self.http)
    }

    /// Asks the server to end and returns how it did.
    ///
    /// # Errors
    /// [`Error::Timeout`] if it does not.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.process.terminate(END_LIMIT)
    }
}

/// A running `mailwright dev`: server, account and built-in sandbox in one process.
#[derive(Debug)]
pub struct Dev {
    /// The server.
    pub server: Server,
    /// A client of its API.
    pub api: Api,
    /// What its sandbox has received.
    pub mailbox: Mailbox,
    state: StateFolder,
}

impl Dev {
    /// Starts it on a new state folder.
    ///
    /// # Errors
    /// [`Error::Unexpected`] or [`Error::Timeout`] if it does not come up.
    pub fn start() -> Result<Self> {
        Self::start_with(|_| {})
    }

    /// Does the same with a change to the command that starts it.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn start_with(change: impl FnOnce(&mut Command)) -> Result<Self> {
        Self::start_on(StateFolder::new()?, change)
    }

    /// Stops it gracefully and starts it again on the same state folder.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if it ends with a failure, and those of [`Self::start`].
    pub fn restart(mut self) -> Result<Self> {
        let status = self.server.stop()?;
        if !status.success() {
            return Err(Error::unexpected("stop", format!("{status}\n{}", self.server.process.log_text())));
        }
        Self::start_on(self.state, |_| {})
    }

    fn start_on(state: StateFolder, change: impl FnOnce(&mut Command)) -> Result<Self> {
        let mut command = mailwright();
        command
            .args(["dev", "--http", "127.0.0.1:0", "--smtp", "0", "--sandbox", "0", "--state"])
            .arg(state.path());
        change(&mut command);
        let (server, contents) = Server::start(command, &state.path().join("dev.json"), &state.log())?;
        let api = Api::new(server.http, Account::from_json(&contents)?);
        let folder = contents["sandbox_dir"].as_str().unwrap_or_default();
        Ok(Self { server, api, mailbox: Mailbox::new(Path::new(folder)), state })
    }

    /// Returns the state folder.
    #[must_use]
    pub fn state(&self) -> &Path {
        self.state.path()
    }
}

/// How the server learns where mail goes.
#[derive(Clone, Copy, Debug)]
pub enum Destination {
    /// It is told: all mail goes here.
    NextHop(SocketAddr),
    /// It asks a name server for the mail exchangers of each domain.
    Exchangers {
        /// The name server.
        name_server: SocketAddr,
        /// The port of every exchanger.
        port: u16,
    },
}

impl Destination {
    /// Writes the tables of the configuration file that say so.
    fn toml(self) -> String {
        match self {
            Self::NextHop(address) => {
                format!("[[delivery.routes]]\ndomain = \"*\"\nnext_hop = \"{address}\"\n")
            }
            Self::Exchangers { name_server, .. } => format!("[dns]\nservers = [\"{name_server}\"]\n"),
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::NextHop(address) => address.port(),
            Self::Exchangers { port, .. } => port,
        }
    }
}

/// The settings of `mailwright serve` that scenarios choose; [`Config::to`] has the usual ones.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where mail goes.
    pub destination: Destination,
    /// Networks whose clients may relay.
    pub trusted_networks: Vec<String>,
    /// The first retry interval, as the configuration writes it.
    pub retry_first: String,
    /// The longest retry interval.
    pub retry_max_interval: String,
    /// How long messages are tried.
    pub retry_max_age: String,
    /// Further keys of the table `delivery.retry`, as the configuration writes them.
    pub retry: String,
    /// The size of a journal segment.
    pub segment_size: String,
    /// The free space that is left untouched.
    pub min_free: String,
    /// Further keys of the table `spool`, as the configuration writes them.
    pub spool: String,
    /// Further keys of the table `http`, as the configuration writes them.
    pub http: String,
    /// Keys of the table `delivery`, as the configuration writes them.
    pub delivery: String,
    /// Keys of the table `delivery.tls`.
    pub tls: String,
    /// What is logged, as the configuration writes it.
    pub log_level: String,
    /// Further tables, as the configuration writes them.
    pub more: String,
}

impl Config {
    /// Sends all mail to `next_hop`, retries within a second, trusts the loopback network.
    #[must_use]
    pub fn to(next_hop: SocketAddr) -> Self {
        Self::with(Destination::NextHop(next_hop))
    }

    /// Does the same with another way to find the destination.
    #[must_use]
    pub fn with(destination: Destination) -> Self {
        Self {
            destination,
            trusted_networks: vec!["127.0.0.0/8".into(), "::1/128".into()],
            retry_first: "200ms".into(),
            retry_max_interval: "1s".into(),
            retry_max_age: "4d".into(),
            retry: String::new(),
            segment_size: "64MiB".into(),
            min_free: "64MiB".into(),
            spool: String::new(),
            http: String::new(),
            delivery: String::new(),
            // No scenario depends on the world's keys and policies unless it says so.
            tls: "dnssec = \"off\"\nmta_sts = false".into(),
            log_level: "info".into(),
            more: String::new(),
        }
    }

    /// Writes the settings in the form of the configuration file.
    #[must_use]
    pub fn toml(&self) -> String {
        let Self {
            retry_first,
            retry_max_interval,
            retry_max_age,
            retry,
            segment_size,
            min_free,
            spool,
            http,
            delivery,
            tls,
            more,
            log_level,
            ..
        } = self;
        let (port, destination) = (self.destination.port(), self.destination.toml());
        let networks = format!("{:?}", self.trusted_networks);
        format!(
            r#"hostname = "mx.example.com"

[http]
listen = "127.0.0.1:0"
{http}
[smtp]
listen = ["127.0.0.1:0"]
trusted_networks = {networks}

[delivery]
port = {port}
{delivery}
[delivery.tls]
{tls}

[delivery.retry]
first = "{retry_first}"
max_interval = "{retry_max_interval}"
max_age = "{retry_max_age}"
{retry}

{destination}
[spool]
segment_size = "{segment_size}"
min_free = "{min_free}"
{spool}

[log]
level = "{log_level}"
format = "text"

{more}"#
        )
    }
}

/// A state folder set up for `mailwright serve`, to be started on as often as a scenario likes.
#[derive(Debug)]
pub struct Installation {
    state: StateFolder,
    /// The account that was made.
    pub account: Account,
}

impl Installation {
    /// Writes the configuration and runs `mailwright bootstrap` on a new state folder.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if bootstrap fails.
    pub fn new(config: &Config) -> Result<Self> {
        Self::on(StateFolder::new()?, config)
    }

    /// Does the same on a file system of the test's own, mounted at `folder`.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn inside(folder: &Path, config: &Config) -> Result<Self> {
        Self::on(StateFolder::inside(folder)?, config)
    }

    fn on(state: StateFolder, config: &Config) -> Result<Self> {
        fs::write(state.config(), config.toml()).context("write the configuration")?;
        let mut command = mailwright();
        command.args(["bootstrap", "--zone", "example.com", "--state"]).arg(state.path());
        let output = command.output().context("run mailwright bootstrap")?;
        let printed = serde_json::from_slice(&output.stdout)
            .map_err(|error| Error::unexpected("mailwright bootstrap", format!("{error}: {output:?}")))?;
        Ok(Self { account: Account::from_json(&printed)?, state })
    }

    /// Starts the server and waits until it is ready.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with its log if it ends, [`Error::Timeout`] if it does not come up.
    pub fn start(&self) -> Result<Server> {
        self.start_with(|_| {})
    }

    /// Starts the server with a change to the command that does.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn start_with(&self, change: impl FnOnce(&mut Command)) -> Result<Server> {
        let mut command = self.command();
        change(&mut command);
        Server::start(command, &self.state().join("ready.json"), &self.state.log()).map(|(server, _)| server)
    }

    /// Starts the server with a soft and a hard limit of open files (prlimit(1)).
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn start_with_open_files(&self, soft: u64, hard: u64) -> Result<Server> {
        let mut command = Command::new("prlimit");
        let server = self.command();
        command.arg(format!("--nofile={soft}:{hard}")).arg(server.get_program()).args(server.get_args());
        Server::start(command, &self.state().join("ready.json"), &self.state.log()).map(|(server, _)| server)
    }

    /// Returns the command that starts the server.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = mailwright();
        command.arg("serve").arg("--config").arg(self.state.config()).arg("--state").arg(self.state());
        command
    }

    /// Returns a client of a running server's API.
    #[must_use]
    pub fn api(&self, server: &Server) -> Api {
        Api::new(server.http, self.account.clone())
    }

    /// Returns the text of the configuration.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read.
    pub fn configuration(&self) -> Result<String> {
        fs::read_to_string(self.state.config()).context("read the configuration")
    }

    /// Writes another configuration, for the next start.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn configure(&self, text: &str) -> Result<()> {
        fs::write(self.state.config(), text).context("write the configuration")
    }

    /// Returns the state folder.
    #[must_use]
    pub fn state(&self) -> &Path {
        self.state.path()
    }
}

/// A temporary folder with the state in `state/` and, beside it, configuration and log.
#[derive(Debug)]
struct StateFolder {
    files: TempDir,
    path: PathBuf,
}

impl StateFolder {
    fn new() -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let path = files.path().join("state");
        Ok(Self { files, path })
    }

    fn inside(folder: &Path) -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        Ok(Self { files, path: folder.join("state") })
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn config(&self) -> PathBuf {
        self.files.path().join("mailwright.toml")
    }

    fn log(&self) -> PathBuf {
        self.files.path().join("mailwright.log")
    }
}

fn address(contents: &Value, key: &str) -> Result<SocketAddr> {
    let text = contents[key].as_str().and_then(|text| text.parse().ok());
    text.ok_or_else(|| Error::unexpected("read the addresses", format!("no {key} in {contents}")))
}
