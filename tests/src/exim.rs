//! Exim as a receiver, a daemon of its own that stores all mail for example.net in one Maildir and offers STARTTLS; or as a
//! sender, that sends all mail on. It runs without root's rights, on a stage that has the one user it insists on.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::certificate::Certificate;
use crate::error::{Context, Result};
use crate::maildir;
use crate::process::Process;
use crate::server::free_address;
use crate::smtp::SmtpClient;
use crate::stage::Stage;

/// Beneath the folder of fetched programs.
pub(crate) const EXIM: &str = "usr/sbin/exim4";

/// The user that Debian's build looks up before it reads its configuration.
const USER: &str = "Debian-exim";

const HOST: &str = "receiver.example.net";

/// The longest an orderly end may take.
const END_LIMIT: Duration = Duration::from_secs(10);

/// What a daemon does with mail.
#[derive(Clone, Copy, Debug)]
enum Role {
    Receiver,
    Sender(SocketAddr),
}

impl Role {
    /// The domains that it takes mail for.
    fn domains(self) -> &'static str {
        match self {
            Self::Receiver => "example.net",
            Self::Sender(_) => "*",
        }
    }

    /// Router and transport.
    fn delivery(self, spool: &Path) -> String {
        match self {
            Self::Receiver => format!(
                "begin routers
everybody:
  driver = accept
  domains = +local_domains
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = {}/mail
  maildir_format
  user = {USER}
  group = {USER}
",
                spool.display()
            ),
            Self::Sender(next) => format!(
                "begin routers
onward:
  driver = manualroute
  route_list = * {}
  self = send
  transport = onward

begin transports
onward:
  driver = smtp
  port = {}
  allow_localhost
  hosts_require_tls = *
  tls_verify_certificates =
  tls_try_verify_hosts =
",
                next.ip(),
                next.port()
            ),
        }
    }
}

/// A running daemon.
#[derive(Debug)]
pub struct Exim {
    process: Process,
    stage: Stage,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it shows to clients that use STARTTLS.
    pub certificate: Certificate,
}

impl Exim {
    /// Starts one on a free port and waits until it greets.
    ///
    /// # Errors
    /// [`crate::Error::Unexpected`] with its log if it does not run.
    pub fn start() -> Result<Self> {
        Self::on(free_address()?)
    }

    /// Does the same on an address of the test's choice.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn on(address: SocketAddr) -> Result<Self> {
        Self::with(address, Role::Receiver)
    }

    /// Starts one that takes mail for everybody and sends it on to `next`, under TLS or not at all.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn sending(next: SocketAddr) -> Result<Self> {
        Self::with(free_address()?, Role::Sender(next))
    }

    fn with(address: SocketAddr, role: Role) -> Result<Self> {
        let stage = Stage::new(&[USER], HOST)?;
        let certificate = prepare(&stage, address, role)?;
        let mut command = stage.command(EXIM);
        // One queue run a minute takes up what could not be delivered at once.
        command.args(["-bdf", "-q1m"]);
        let mut process = Process::start("exim", command, &stage.path("log"))?;
        process.until("the greeting", Duration::from_secs(30), || SmtpClient::connect(address).ok())?;
        Ok(Self { process, stage, address, certificate })
    }

    /// Returns the messages in the Maildir as Exim stores them: its own headers on top, lines ended by LF.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if one cannot be read.
    pub fn received(&self) -> Result<Vec<Vec<u8>>> {
        maildir::messages(&self.stage.path("spool/mail"))
    }

    /// Returns what the daemon has logged.
    #[must_use]
    pub fn log_text(&self) -> String {
        let main = fs::read(self.stage.path("spool/mainlog")).unwrap_or_default();
        format!("{}{}", self.process.log_text(), String::from_utf8_lossy(&main))
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        self.process.end_with_children(END_LIMIT);
    }
}

/// Makes the folders and files of a daemon.
fn prepare(stage: &Stage, address: SocketAddr, role: Role) -> Result<Certificate> {
    let spool = stage.folder("spool")?;
    let certificate = Certificate::self_signed(&spool, HOST)?;
    for path in [&spool, &certificate.key, &certificate.certificate] {
        stage.give(path, 0)?;
    }
    // Where Debian's build looks for it: a file named on the command line would cost it what rights it has.
    let path = stage.folder("etc/exim4")?.join("exim4.conf");
    let text = configuration(&spool, &stage.program(EXIM), address, &certificate, role);
    fs::write(path, text).context("exim4.conf")?;
    Ok(certificate)
}

fn configuration(
    spool: &Path,
    exim: &Path,
    address: SocketAddr,
    certificate: &Certificate,
    role: Role,
) -> String {
    let (domains, delivery) = (role.domains(), role.delivery(spool));
    let (ip, port, spool, exim) = (address.ip(), address.port(), spool.display(), exim.display());
    let (key, certificate) = (certificate.key.display(), certificate.certificate.display());
    format!(
        "primary_hostname = {HOST}
domainlist local_domains = {domains}
daemon_smtp_ports = {port}
local_interfaces = <; [{ip}]:{port}
spool_directory = {spool}
log_file_path = {spool}/%slog
pid_file_path = {spool}/exim.pid
exim_path = {exim}
keep_environment = LD_LIBRARY_PATH
deliver_drop_privilege
host_lookup =
rfc1413_hosts =
tls_advertise_hosts = *
tls_certificate = {certificate}
tls_privatekey = {key}
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0
message_size_limit = 0
acl_smtp_rcpt = check_recipient

begin acl
check_recipient:
  accept domains = +local_domains
  deny message = relay not permitted

{delivery}
begin retry
* * F,1h,1s
"
    )
}
