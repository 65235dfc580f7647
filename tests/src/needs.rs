//! What a scenario needs from the machine, and the way to leave it out on purpose.

use std::env;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;

use crate::exim::EXIM;
use crate::knot::KNOTD;
use crate::name_server::NSD;
use crate::network::IP;
use crate::opensmtpd::SMTPD;
use crate::pebble::PEBBLE;
use crate::promtool::PROMTOOL;
use crate::rspamd::RSPAMD;
use crate::stepped_clock::COMPILER;
use crate::swaks::{PERL, SWAKS};
use crate::terminal::TMUX;
use crate::unbound::UNBOUND;
use crate::zone::SIGN_ZONE;
use crate::{browser, fetched, javascript, prometheus, python, workerd};

/// A need that not every machine can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The Python environment of `tests/requirements.txt` in `.venv`.
    Python,
    /// Node.js and the packages of `tests/js/package.json`.
    JavaScript,
    /// Postfix and its smtp-sink, with the rights to run them (root).
    Postfix,
    /// The rights to mount a file system.
    Root,
    /// The name server NSD.
    Nsd,
    /// Exim, fetched by `tests/fetch-receivers`, with the rights to mount folders for it (root).
    Exim,
    /// OpenSMTPD, likewise.
    OpenSmtpd,
    /// The client swaks, fetched likewise, with Perl to run it.
    Swaks,
    /// The resolver Unbound and the tools of ldns that sign zones, likewise but without root's rights.
    Unbound,
    /// The name server Knot, likewise.
    Knot,
    /// The authority Pebble, likewise.
    Pebble,
    /// Prometheus' promtool, likewise.
    Promtool,
    /// Prometheus, likewise, or installed.
    Prometheus,
    /// The spam filter rspamd, likewise.
    Rspamd,
    /// Chromium, with the packages of `tests/js/package.json` that drive it.
    Chromium,
    /// The runtime workerd, of the packages of `tests/js/package.json`.
    Workerd,
    /// An IPv6 loopback address.
    Ipv6,
    /// The program openssl.
    Openssl,
    /// The rights to make network namespaces (root) and the program ip.
    NetworkNamespaces,
    /// The terminal multiplexer tmux.
    Tmux,
    /// A C compiler, for the clock that tests set.
    Cc,
}

impl Need {
    fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::Postfix => "postfix",
            Self::Root => "root",
            Self::Nsd => "nsd",
            Self::Exim => "exim",
            Self::OpenSmtpd => "opensmtpd",
            Self::Swaks => "swaks",
            Self::Unbound => "unbound",
            Self::Knot => "knot",
            Self::Pebble => "pebble",
            Self::Promtool => "promtool",
            Self::Prometheus => "prometheus",
            Self::Rspamd => "rspamd",
            Self::Chromium => "chromium",
            Self::Workerd => "workerd",
            Self::Ipv6 => "ipv6",
            Self::Openssl => "openssl",
            Self::NetworkNamespaces => "netns",
            Self::Tmux => "tmux",
            Self::Cc => "cc",
        }
    }

    fn is_met(self) -> bool {
        match self {
            Self::Python => python::interpreter().exists(),
            Self::JavaScript => javascript::is_installed(),
            Self::Postfix => Path::new("/usr/sbin/postfix").exists() && is_root(),
            Self::Root => is_root(),
            Self::Nsd => Path::new(NSD).exists(),
            Self::Exim => fetched::has(EXIM) && is_root(),
            Self::OpenSmtpd => fetched::has(SMTPD) && is_root(),
            Self::Swaks => fetched::has(SWAKS) && Path::new(PERL).exists(),
            Self::Unbound => fetched::has(UNBOUND) && fetched::has(SIGN_ZONE),
            Self::Knot => fetched::has(KNOTD),
            Self::Pebble => fetched::has(PEBBLE),
            Self::Promtool => fetched::has(PROMTOOL),
            Self::Prometheus => prometheus::is_there(),
            Self::Rspamd => fetched::has(RSPAMD),
            Self::Chromium => browser::is_installed(),
            Self::Workerd => workerd::binary().exists(),
            Self::Openssl => Path::new("/usr/bin/openssl").exists(),
            Self::NetworkNamespaces => Path::new(IP).exists() && is_root(),
            Self::Tmux => Path::new(TMUX).exists(),
            Self::Cc => Path::new(COMPILER).exists(),
            Self::Ipv6 => TcpListener::bind("[::1]:0").is_ok(),
        }
    }
}

/// Says whether the scenario is to be left out because `MAILWRIGHT_SKIP` names one of its needs, and
/// prints so past the runner's capture.
///
/// # Panics
/// If a need is neither met nor named in `MAILWRIGHT_SKIP`: leaving a test out is a decision, never an accident.
#[must_use]
pub fn skip_without(needs: &[Need]) -> bool {
    let skipped = env::var("MAILWRIGHT_SKIP").unwrap_or_default();
    for need in needs {
        if skipped.split(',').any(|name| name.trim() == need.name()) {
            let test = std::thread::current().name().unwrap_or("a test").to_owned();
            tell(&format!("skipped: {test} needs {}", need.name()));
            return true;
        }
        let name = need.name();
        assert!(need.is_met(), "{name} is missing here: run ./check once, or set MAILWRIGHT_SKIP={name}");
    }
    false
}

/// Says whether the long form of the scenarios is wanted (`MAILWRIGHT_LONG=1`).
#[must_use]
pub fn long() -> bool {
    env::var("MAILWRIGHT_LONG").is_ok_and(|value| value == "1")
}

/// Returns the seed of this run, `MAILWRIGHT_SEED` or a fresh one, and prints it.
#[must_use]
pub fn seed() -> u64 {
    let given = env::var("MAILWRIGHT_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    tell(&format!("seed: MAILWRIGHT_SEED={seed}"));
    seed
}

/// Prints what whoever runs a scenario is to see, its figures for one, past the runner's capture.
pub fn tell(what: &str) {
    // Whether it can be printed changes nothing for the run.
    let _ = std::io::stderr().write_all(format!("{what}\n").as_bytes());
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
