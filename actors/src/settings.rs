//! How delivery behaves, as values: read from the configuration by the binary, given to the actors.

use mailwright_engine::{address::Domain, retry::RetryPolicy, smtp::client::Timeouts};
use std::{collections::HashMap, time::Duration};

/// Settings of the delivery engine.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliverySettings {
    /// The name we give in EHLO.
    pub hostname: String,
    /// Most connections to one site at a time.
    pub max_connections: usize,
    /// Messages after which a connection is closed.
    pub messages_per_connection: u32,
    /// How long a connection without work stays open for the next message.
    pub idle_timeout: Duration,
    /// How long connecting to one address may take.
    pub connect_timeout: Duration,
    /// How long each step of a session may take.
    pub timeouts: Timeouts,
    /// Whether STARTTLS is used.
    pub tls: TlsMode,
    /// When deferred messages are tried again and when they are given up.
    pub retry: RetryPolicy,
    /// Destinations that bypass DNS.
    pub routes: Routes,
    /// The port of mail exchangers found by DNS.
    pub port: u16,
}

/// Longest pause of a site that cannot be reached: its messages' own schedules may be slower, but the first to
/// notice that it is back should not be hours late.
const MAX_BACKOFF: Duration = Duration::from_secs(600);

impl DeliverySettings {
    /// How long a destination rests after failing to be reached `failures` times in a row: the retry schedule
    /// without jitter, capped at ten minutes.
    pub fn backoff(&self, failures: u32) -> Duration {
        let cap = self.retry.max_interval.min(MAX_BACKOFF);
        let steps = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.retry.first.as_secs_f64() * self.retry.factor.powi(steps);
        Duration::try_from_secs_f64(seconds).unwrap_or(cap).min(cap)
    }
}

/// Whether STARTTLS is used when it is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    /// Encrypt where the peer can, without asking who it is (RFC 7435).
    #[default]
    Opportunistic,
    /// Plain text only.
    Never,
}

/// A configured next hop.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NextHop {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl std::fmt::Display for NextHop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Destinations with a configured next hop.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routes {
    /// By destination domain.
    pub by_domain: HashMap<Domain, NextHop>,
    /// For every other domain: the smart host.
    pub default: Option<NextHop>,
}

impl Routes {
    /// The next hop for `domain`, if one is configured.
    pub fn for_domain(&self, domain: &Domain) -> Option<&NextHop> {
        self.by_domain.get(domain).or(self.default.as_ref())
    }
}
