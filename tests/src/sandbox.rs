//! `mailwright sandbox`: a receiver that misbehaves on request and survives the server under test.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::error::{Context, Error, Result};
use crate::http;
use crate::mailbox::Mailbox;
use crate::process::Process;
use crate::server::{START_LIMIT, mailwright};

/// A running sandbox, of one or several listeners.
#[derive(Debug)]
pub struct Sandbox {
    _process: Process,
    _files: TempDir,
    /// Where it listens; the first place if there are several.
    pub address: SocketAddr,
    /// Where it listens, in the order of the personalities it was started with.
    pub addresses: Vec<SocketAddr>,
    /// What it has received, at all places.
    pub mailbox: Mailbox,
    /// Where it reports.
    stats: SocketAddr,
}

/// What one listener of a sandbox has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages kept.
    pub accepted: u64,
    /// Connections that got a greeting.
    pub connections: u64,
    /// Most that were open at a time.
    pub peak: u64,
    /// Connections that are open.
    pub open: u64,
    /// Refusals and hang-ups by behaviour.
    pub refused: BTreeMap<String, u64>,
}

impl Stats {
    fn from_json(place: &Value) -> Option<Self> {
        let number = |key: &str| place.get(key).and_then(Value::as_u64);
        let refused = place.get("refused")?.as_object()?.iter();
        Some(Self {
            accepted: number("accepted")?,
            connections: number("connections")?,
            peak: number("peak")?,
            open: number("open")?,
            refused: refused.filter_map(|(name, count)| Some((name.clone(), count.as_u64()?))).collect(),
        })
    }

    /// Returns how often a behaviour refused something or hung up.
    #[must_use]
    pub fn refused_by(&self, behaviour: &str) -> u64 {
        self.refused.get(behaviour).copied().unwrap_or(0)
    }
}

impl Sandbox {
    /// Starts one that takes everything.
    ///
    /// # Errors
    /// [`Error::Unexpected`] or [`Error::Timeout`] if it does not come up.
    pub fn start() -> Result<Self> {
        Self::with(&[""])
    }

    /// Starts one with a listener for each personality.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn with(personalities: &[&str]) -> Result<Self> {
        let places: Vec<_> = personalities.iter().map(|text| format!("127.0.0.1:0={text}")).collect();
        Self::at(&places, &[])
    }

    /// Starts one with a personality that also offers STARTTLS, with a certificate that nobody signed.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn with_tls(personality: &str) -> Result<Self> {
        Self::with_tls_at(&[personality])
    }

    /// Does the same with a listener for each personality.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn with_tls_at(personalities: &[&str]) -> Result<Self> {
        let places: Vec<_> = personalities.iter().map(|text| format!("127.0.0.1:0={text}")).collect();
        Self::at(&places, &["--tls"])
    }

    /// Starts one that takes everything on an address that mail is already queued for.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn on(address: SocketAddr) -> Result<Self> {
        Self::at(&[address.to_string()], &[])
    }

    /// Starts one with a listener at each of `places`, as `--listen` wants them.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn at_places(places: &[String]) -> Result<Self> {
        Self::at(places, &[])
    }

    fn at(places: &[String], more: &[&str]) -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let received = files.path().join("received");
        fs::create_dir(&received).context("make the folder of received mail")?;
        let ready = files.path().join("ready");
        let mut command = mailwright();
        command.args(["sandbox", "--stats", "127.0.0.1:0", "--dir"]).arg(&received);
        command.arg("--ready-file").arg(&ready).args(more);
        for place in places {
            command.arg("--listen").arg(place);
        }
        let mut process = Process::start("the sandbox", command, &files.path().join("log"))?;
        let mut addresses = process.until("the readiness", START_LIMIT, || read_addresses(&ready))?;
        let (Some(stats), Some(&address)) = (addresses.pop(), addresses.first()) else {
            return Err(Error::unexpected("start the sandbox", "its ready file lacks an address"));
        };
        let mailbox = Mailbox::new(&received);
        Ok(Self { _process: process, _files: files, address, addresses, mailbox, stats })
    }

    /// Asks what each listener has done, in the order of [`Self::addresses`].
    ///
    /// # Errors
    /// [`Error::Http`] or [`Error::Unexpected`] if it does not tell.
    pub fn all_stats(&self) -> Result<Vec<Stats>> {
        let answer = http::get(self.stats, "/stats")?;
        let places = answer.json();
        let stats = places.as_array().and_then(|places| places.iter().map(Stats::from_json).collect());
        stats.ok_or_else(|| Error::unexpected("GET /stats of the sandbox", places.to_string()))
    }

    /// Asks what the first listener has done.
    ///
    /// # Errors
    /// Those of [`Self::all_stats`].
    pub fn stats(&self) -> Result<Stats> {
        Ok(self.all_stats()?.into_iter().next().unwrap_or_default())
    }
}

/// Reads the ready file, which holds one address a line and nothing else.
fn read_addresses(path: &Path) -> Option<Vec<SocketAddr>> {
    fs::read_to_string(path).ok()?.lines().map(|line| line.parse().ok()).collect()
}
