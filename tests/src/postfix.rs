//! Postfix as a receiver, or as a sender: an instance of its own in a temporary folder, on a port of its own, that stores
//! all mail for example.net in one Maildir.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use crate::certificate::Certificate;
use crate::error::{Context, Error, Result};
use crate::maildir;
use crate::process::Process;
use crate::server::free_address;
use crate::smtp::SmtpClient;
use crate::wait;

/// User and group of the mailbox: `nobody` and `nogroup` of Debian.
const MAILBOX_OWNER: u32 = 65534;

/// The processes of an instance (master(5)), which sends nothing but reports; none runs in a chroot.
const SERVICES: &str = "\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
anvil unix - - n - 1 anvil
virtual unix - n n - - virtual
error unix - - n - - error
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
";

/// Which extensions the instance announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announce {
    /// All that Postfix has.
    Everything,
    /// Neither PIPELINING nor CHUNKING: one command at a time, and DATA.
    NoPipeliningNoChunking,
    /// Everything and STARTTLS, with a certificate that no authority signed.
    StartTls,
}

/// A running instance.
#[derive(Debug)]
pub struct Postfix {
    process: Process,
    files: TempDir,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it shows to clients that use STARTTLS.
    pub certificate: Certificate,
}

impl Postfix {
    /// Starts an instance and waits until it greets.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with its log if it does not run.
    pub fn start(announce: Announce) -> Result<Self> {
        Self::on(free_address()?, announce)
    }

    /// Does the same on an address of the test's choice.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn on(address: SocketAddr, announce: Announce) -> Result<Self> {
        Self::with(address, announce, "")
    }

    /// Starts one on `address` that takes all mail and bounces it a moment later, with reports to `returns`.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn bouncing(address: SocketAddr, returns: SocketAddr) -> Result<Self> {
        let (ip, port) = (returns.ip(), returns.port());
        let settings = format!(
            "relayhost = [{ip}]:{port}\ncontent_filter = error:5.1.1 mailbox is gone\nsmtp_tls_security_level = none\n"
        );
        Self::with(address, Announce::Everything, &settings)
    }

    /// Starts one that takes mail for everybody from this machine and sends it on to `next`, under TLS or not at all.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn sending(next: SocketAddr) -> Result<Self> {
        let (ip, port) = (next.ip(), next.port());
        let settings = format!(
            "relayhost = [{ip}]:{port}\nsmtp_tls_security_level = encrypt\nsmtp_tls_loglevel = 1\n\
             smtpd_relay_restrictions = permit_mynetworks, reject\n"
        );
        Self::with(free_address()?, Announce::Everything, &settings)
    }

    fn with(address: SocketAddr, announce: Announce, settings: &str) -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let certificate = Certificate::self_signed(files.path(), "receiver.example.net")?;
        prepare(files.path(), address, announce, &certificate, settings)?;
        let mut command = Command::new("/usr/sbin/postfix");
        command.arg("-c").arg(files.path().join("conf")).arg("start-fg");
        let process = Process::start("postfix", command, &files.path().join("log"))?;
        // Owned before it is waited for, so that it is stopped even if it never greets.
        let mut postfix = Self { process, files, address, certificate };
        postfix
            .process
            .until("the greeting", Duration::from_secs(30), || SmtpClient::connect(address).ok())?;
        Ok(postfix)
    }

    /// Returns the messages in the Maildir as Postfix stores them: its own headers on top, lines ended by LF.
    ///
    /// # Errors
    /// [`Error::Io`] if one cannot be read.
    pub fn received(&self) -> Result<Vec<Vec<u8>>> {
        maildir::messages(&self.files.path().join("mail/all"))
    }

    /// Returns what the instance has logged.
    #[must_use]
    pub fn log_text(&self) -> String {
        self.process.log_text()
    }
}

impl Postfix {
    /// Returns the id of master(8), which leads a process group of its own.
    fn master(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.files.path().join("queue/pid/master.pid")).ok()?;
        Pid::from_raw(text.trim().parse().ok()?)
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // The process that we started only waits for master(8): it ends after master and its children have.
        let Some(master) = self.master() else { return };
        let _ = kill_process(master, Signal::TERM);
        if wait::until("the end of Postfix", Duration::from_secs(10), || self.process.ended()).is_err() {
            let _ = kill_process_group(master, Signal::KILL);
        }
    }
}

/// Makes the folders and files of an instance.
fn prepare(
    root: &Path,
    address: SocketAddr,
    announce: Announce,
    certificate: &Certificate,
    settings: &str,
) -> Result<()> {
    // Postfix's own users have to pass through the folder that we alone may enter.
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).context("open the folder to Postfix")?;
    let folder = |name: &str| -> Result<PathBuf> {
        let path = root.join(name);
        fs::create_dir(&path).context(name.to_owned()).map(|()| path)
    };
    let (conf, data, mail) = (folder("conf")?, folder("data")?, folder("mail")?);
    folder("queue")?;
    let postfix = user_id("postfix")?;
    chown(&data, Some(postfix), None).context("give the data folder to postfix")?;
    chown(&mail, Some(MAILBOX_OWNER), Some(MAILBOX_OWNER)).context("give the mail folder to nobody")?;
    fs::write(conf.join("master.cf"), format!("{address} inet n - n - - smtpd\n{SERVICES}"))
        .context("master.cf")?;
    let mut main = main_cf(root) + settings;
    match announce {
        Announce::Everything => {}
        Announce::NoPipeliningNoChunking => {
            main.push_str("smtpd_discard_ehlo_keywords = pipelining, chunking\n");
        }
        Announce::StartTls => main.push_str(&tls_settings(certificate)),
    }
    fs::write(conf.join("main.cf"), main).context("main.cf")
}

fn main_cf(root: &Path) -> String {
    let root = root.display();
    format!(
        "compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = receiver.example.net
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = reject_unauth_destination
smtpd_client_connection_count_limit = 0
virtual_mailbox_domains = example.net
virtual_mailbox_base = {root}/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:{MAILBOX_OWNER}
virtual_gid_maps = static:{MAILBOX_OWNER}
virtual_mailbox_limit = 0
message_size_limit = 0
alias_maps =
alias_database =
local_recipient_maps =
smtpd_tls_security_level = none
maillog_file = /dev/stdout
maillog_file_prefixes = /dev, /var
"
    )
}

/// Returns the settings that use a certificate. The protocol of a session is then noted in the `Received`
/// header.
fn tls_settings(certificate: &Certificate) -> String {
    let (key, certificate) = (certificate.key.display(), certificate.certificate.display());
    format!(
        "smtpd_tls_received_header = yes
smtpd_tls_security_level = may
smtpd_tls_key_file = {key}
smtpd_tls_cert_file = {certificate}
"
    )
}

/// Looks a user up in passwd(5).
fn user_id(name: &str) -> Result<u32> {
    let users = fs::read_to_string("/etc/passwd").context("read /etc/passwd")?;
    let fields = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&name));
    let id = fields.and_then(|fields| fields.get(2)?.parse().ok());
    id.ok_or_else(|| Error::unexpected("/etc/passwd", format!("no user {name}")))
}
