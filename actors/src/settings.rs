//! How delivery behaves, as values: read from the configuration by the binary, given to the actors.

use crate::{
    outgoing::ReturnPathSettings,
    tls::{PolicyFetch, ReportSending, TrustRoots},
};
use mailwright_engine::{
    address::Domain, class::TenantName, dsn::ReportPolicy, retry::RetrySchedule, source::Sources,
};
use std::{collections::HashMap, net::SocketAddr, str::FromStr, time::Duration};

/// Settings of the delivery engine.
#[derive(Debug, Clone)]
pub struct DeliverySettings {
    /// The name we give in EHLO where a source has none of its own.
    pub hostname: String,
    /// All names that mail exchangers of ours have: mail is not sent to ourselves.
    pub own_names: Vec<String>,
    /// Most connections over all sites.
    pub max_connections: usize,
    /// Most domains that are active at a time.
    pub max_active_domains: usize,
    /// When deferred messages are tried again and when they are given up.
    pub retry: RetrySchedule,
    /// Which reports senders get.
    pub reports: ReportPolicy,
    /// Destinations that bypass DNS.
    pub routes: Routes,
    /// The port of mail exchangers found by DNS.
    pub port: u16,
    /// Where mail leaves from.
    pub sources: Sources,
    /// Shares of tenants against each other; 1 for those that are not named.
    pub weights: HashMap<TenantName, u32>,
    /// Who vouches for servers' names.
    pub roots: TrustRoots,
    /// How MTA-STS policies are fetched.
    pub policy_fetch: PolicyFetch,
    /// Whether and how often owners of domains are told how TLS went.
    pub tls_reports: ReportSending,
    /// How mail is to find its way back.
    pub return_path: ReturnPathSettings,
}

/// Longest pause of a site that cannot be reached: its messages' own schedules may be slower, but the first to
/// notice that it is back should not be hours late.
const MAX_BACKOFF: Duration = Duration::from_secs(600);

impl DeliverySettings {
    /// How long a destination rests after failing to be reached `failures` times in a row: the default retry
    /// schedule without jitter, capped at ten minutes.
    pub fn backoff(&self, failures: u32) -> Duration {
        let policy = &self.retry.default;
        let cap = policy.max_interval.min(MAX_BACKOFF);
        let steps = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = policy.first.as_secs_f64() * policy.factor.powi(steps);
        Duration::try_from_secs_f64(seconds).unwrap_or(cap).min(cap)
    }

    /// A tenant's share against others.
    pub fn weight_of(&self, tenant: Option<&TenantName>) -> u32 {
        tenant.and_then(|tenant| self.weights.get(tenant)).copied().unwrap_or(1).max(1)
    }
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

/// Text that is no [`NextHop`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no next hop ({reason}): say host:port, 192.0.2.1:25 or [2001:db8::1]:25")]
pub struct InvalidNextHop {
    text: String,
    reason: String,
}

impl FromStr for NextHop {
    type Err = InvalidNextHop;

    /// Reads `host:port`, `192.0.2.1:25` or `[2001:db8::1]:25`; without a port, 25.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason: String| InvalidNextHop { text: text.chars().take(100).collect(), reason };
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { host: address.ip().to_string(), port: address.port() });
        }
        let (host, port) = text.rsplit_once(':').unwrap_or((text, "25"));
        let port = port.parse().map_err(|_| invalid("its port is no number".to_owned()))?;
        let host = Domain::parse(host).map_err(|error| invalid(error.to_string()))?;
        Ok(Self { host: host.as_str().to_owned(), port })
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
