//! OpenSMTPD as a receiver: an instance of its own that stores all mail for example.net in one Maildir and
//! offers STARTTLS. Its queue, its control socket and its delivery agents have fixed places, so that it
//! runs on a stage that has them.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, chown};
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
pub(crate) const SMTPD: &str = "usr/sbin/smtpd";

/// The users that Debian's build gives its processes to.
const USERS: [&str; 2] = ["opensmtpd", "opensmtpq"];

/// The user and group of the mailbox, `nobody`: it delivers to users only.
const MAILBOX_OWNER: u32 = 65534;

const HOST: &str = "receiver.example.net";

/// The longest an orderly end may take.
const END_LIMIT: Duration = Duration::from_secs(10);

/// A running instance.
#[derive(Debug)]
pub struct OpenSmtpd {
    process: Process,
    stage: Stage,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it shows to clients that use STARTTLS.
    pub certificate: Certificate,
}

impl OpenSmtpd {
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
        let mut stage = Stage::new(&USERS, HOST)?;
        let certificate = prepare(&mut stage, address)?;
        let mut command = stage.command(SMTPD);
        command.arg("-d").arg("-f").arg(stage.path("etc/smtpd.conf"));
        let mut process = Process::start("opensmtpd", command, &stage.path("log"))?;
        process.until("the greeting", Duration::from_secs(30), || SmtpClient::connect(address).ok())?;
        Ok(Self { process, stage, address, certificate })
    }

    /// Returns the messages in the Maildir as OpenSMTPD stores them: its own headers on top, lines ended by LF.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if one cannot be read.
    pub fn received(&self) -> Result<Vec<Vec<u8>>> {
        maildir::messages(&self.stage.path("mail/all"))
    }

    /// Returns what the instance has logged.
    #[must_use]
    pub fn log_text(&self) -> String {
        self.process.log_text()
    }
}

impl Drop for OpenSmtpd {
    fn drop(&mut self) {
        self.process.end_with_children(END_LIMIT);
    }
}

/// Makes the folders and files of an instance.
fn prepare(stage: &mut Stage, address: SocketAddr) -> Result<Certificate> {
    stage.folder_shown_at("run", "/run")?;
    stage.folder_shown_at("lib", "/var/lib")?;
    stage.folder_shown_at("spool", "/var/spool")?;
    stage.show_fetched("usr/libexec", "/usr/libexec");
    // Its processes without rights are locked up in there.
    stage.folder("lib/opensmtpd/empty")?;
    let queue = stage.folder("spool/smtpd")?;
    fs::set_permissions(&queue, fs::Permissions::from_mode(0o711)).context("close the queue")?;
    let mail = stage.folder("mail")?;
    chown(&mail, Some(MAILBOX_OWNER), Some(MAILBOX_OWNER)).context("give the mail folder to nobody")?;
    // It takes no key that others may read.
    let certificate = Certificate::self_signed(&stage.path("etc"), HOST)?;
    // It does not start without trusted authorities, though it verifies nobody here.
    let authorities = stage.folder("etc/ssl/certs")?.join("ca-certificates.crt");
    fs::copy(&certificate.certificate, authorities).context("ca-certificates.crt")?;
    fs::write(stage.path("etc/smtpd.conf"), configuration(&mail, address, &certificate))
        .context("smtpd.conf")?;
    Ok(certificate)
}

fn configuration(mail: &Path, address: SocketAddr, certificate: &Certificate) -> String {
    let (ip, port, mail) = (address.ip(), address.port(), mail.display());
    let (key, certificate) = (certificate.key.display(), certificate.certificate.display());
    format!(
        r#"pki {HOST} cert "{certificate}"
pki {HOST} key "{key}"
table everybody {{ "@" = nobody }}
smtp max-message-size 100M
listen on {ip} port {port} tls pki {HOST} hostname {HOST}
action store maildir "{mail}/all" virtual <everybody>
match from any for domain "example.net" action store
"#
    )
}
