//! A server among domains whose TLS policies matter: zones of the test's own, a resolver, and receivers that all
//! listen on one port.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::certificate::Authority;
use crate::error::{Context, Error, Result};
use crate::message::SENDER;
use crate::name_server::NameServer;
use crate::server::{Config, Destination, Installation, Server, free_address};
use crate::smtp::SmtpClient;
use crate::unbound::Unbound;
use crate::wait;
use crate::zone::Zone;

/// The longest anything may take.
pub const LIMIT: Duration = Duration::from_secs(40);

/// What the world is made of; made before it, because zones name the port and records name certificates.
#[derive(Debug)]
pub struct Plan {
    files: TempDir,
    /// The port of every receiver.
    pub port: u16,
    /// Who vouches for names, as far as the server is concerned.
    pub authority: Authority,
    /// The zones that there are.
    pub zones: Vec<Zone>,
    /// The DNSKEY records that the server trusts; without any it uses no DNSSEC.
    pub anchors: Vec<String>,
    /// Further keys of `[delivery.tls]`.
    pub tls: String,
    /// What the shaping file says; empty for the one that is built in.
    pub shaping: String,
    /// Further tables of the configuration.
    pub more: String,
    /// Whom the server asks.
    pub resolver: Resolver,
}

/// Whom the server asks about names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolver {
    /// Unbound, which checks signatures too.
    Validating,
    /// Unbound, which passes signatures on and believes everything.
    Believing,
    /// The name server itself.
    None,
}

impl Plan {
    /// A world without zones.
    ///
    /// # Errors
    /// Those of making an authority.
    pub fn new() -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let authority = Authority::new(files.path())?;
        Ok(Self {
            // Free on every loopback address, most probably: programs that let the system choose take 127.0.0.1.
            port: free_address()?.port(),
            authority,
            files,
            zones: Vec::new(),
            anchors: Vec::new(),
            tls: String::new(),
            shaping: String::new(),
            more: String::new(),
            resolver: Resolver::None,
        })
    }

    /// Returns a folder for certificates and the like.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be made.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.files.path().join(name);
        fs::create_dir_all(&path).context(name)?;
        Ok(path)
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.files.path().join(name);
        fs::write(&path, text).context(name)?;
        Ok(path)
    }

    fn config(&self, destination: Destination) -> Result<Config> {
        let mut tls = format!("authorities = {:?}\n", self.authority.certificate);
        if self.anchors.is_empty() {
            tls.push_str("dnssec = \"off\"\n");
        } else {
            let anchors = self.write("anchors", &format!("{}\n", self.anchors.join("\n")))?;
            tls.push_str(&format!("dnssec = {anchors:?}\n"));
        }
        tls.push_str(if self.tls.is_empty() { "mta_sts = false\n" } else { &self.tls });
        let mut config = Config { tls, more: self.more.clone(), ..Config::with(destination) };
        if !self.shaping.is_empty() {
            config.delivery = format!("shaping = {:?}\n", self.write("shaping.toml", &self.shaping)?);
        }
        Ok(config)
    }

    /// Starts everything.
    ///
    /// # Errors
    /// Those of the parts.
    pub fn start(self) -> Result<World> {
        let name_server = NameServer::serving(&self.zones)?;
        let anchors: Vec<&str> = self.anchors.iter().map(String::as_str).collect();
        let unbound = match self.resolver {
            Resolver::Validating => Some(Unbound::start(&name_server, &anchors)?),
            Resolver::Believing => Some(Unbound::start(&name_server, &[])?),
            Resolver::None => None,
        };
        let asked = unbound.as_ref().map_or(name_server.address, |unbound| unbound.address);
        let config = self.config(Destination::Exchangers { name_server: asked, port: self.port })?;
        let installation = Installation::new(&config)?;
        let server = installation.start()?;
        Ok(World { plan: self, _name_server: name_server, _unbound: unbound, installation, server })
    }
}

/// A running world.
#[derive(Debug)]
pub struct World {
    /// What it is made of.
    pub plan: Plan,
    _name_server: NameServer,
    _unbound: Option<Unbound>,
    /// The server's folder.
    pub installation: Installation,
    /// The server.
    pub server: Server,
}

impl World {
    /// Has a message accepted for delivery to `recipient`.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if it is not.
    pub fn send(&self, recipient: &str) -> Result<()> {
        let request = json!({"from": SENDER, "to": recipient, "subject": "TLS", "text": "How safely?"});
        let answer = self.installation.api(&self.server).submit(&request)?;
        if answer.status == 200 { Ok(()) } else { Err(Error::unexpected("send", answer.text)) }
    }

    /// Relays a message with further header fields, each ended by CRLF.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if it is not taken.
    pub fn relay(&self, recipient: &str, fields: &str) -> Result<()> {
        let message = format!("{fields}From: {SENDER}\r\nTo: {recipient}\r\nSubject: TLS\r\n\r\nHello\r\n");
        let mut client = SmtpClient::connect_and_greet(self.server.smtp)?;
        let reply = client.send(SENDER, recipient, message.as_bytes())?;
        if reply.code == 250 { Ok(()) } else { Err(Error::unexpected("relay", format!("{reply:?}"))) }
    }

    /// Waits for a line of the log that has all of `parts`.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with the log if none comes.
    pub fn logged(&self, parts: &[&str]) -> Result<String> {
        let found = wait::until(&format!("a line of the log with {parts:?}"), LIMIT, || {
            let log = self.server.process.log_text();
            Ok(log.lines().find(|line| parts.iter().all(|part| line.contains(part))).map(str::to_owned))
        });
        found.map_err(|error| Error::unexpected(error.to_string(), self.server.process.log_text()))
    }
}
