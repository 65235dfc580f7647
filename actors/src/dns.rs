//! DNS as delivery needs it.

use futures_util::future::LocalBoxFuture;
use hickory_resolver::{
    TokioResolver,
    config::{NameServerConfig, ResolverConfig},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{op::ResponseCode, rr::RData},
};
use mailwright_engine::{
    address::Domain,
    mx::{MxAnswer, MxRecord},
};
use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

/// How long a plan is kept when DNS gives no time to live (failures of look-up).
const NEGATIVE_TTL: Duration = Duration::from_secs(60);

/// An answer and how long it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed<T> {
    /// The answer.
    pub answer: T,
    /// Until when it may be used.
    pub valid_until: Instant,
}

/// The look-ups that delivery makes; a trait so that tests bring their own world.
pub trait Dns {
    /// MX records of `domain`.
    fn mx<'a>(&'a self, domain: &'a Domain) -> LocalBoxFuture<'a, Timed<MxAnswer>>;

    /// Addresses of `host`, in no particular order; the error is the reason in words.
    fn addresses<'a>(&'a self, host: &'a str) -> LocalBoxFuture<'a, Result<Vec<IpAddr>, String>>;
}

/// DNS through hickory-resolver.
pub struct HickoryDns {
    resolver: TokioResolver,
}

impl HickoryDns {
    /// Asks `servers`, or those of the system's configuration when there are none.
    ///
    /// # Errors
    /// When the system's configuration cannot be read; in words.
    pub fn new(servers: &[SocketAddr]) -> Result<Self, String> {
        let builder = if servers.is_empty() {
            TokioResolver::builder_tokio().map_err(|e| format!("system DNS configuration: {e}"))?
        } else {
            let name_servers = servers.iter().map(name_server).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), name_servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let resolver = builder.build().map_err(|e| format!("DNS resolver: {e}"))?;
        Ok(Self { resolver })
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let mut config = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut config.connections {
        connection.port = address.port();
    }
    config
}

impl Dns for HickoryDns {
    fn mx<'a>(&'a self, domain: &'a Domain) -> LocalBoxFuture<'a, Timed<MxAnswer>> {
        Box::pin(async move {
            // The final dot keeps the resolver from trying local search domains.
            match self.resolver.mx_lookup(format!("{domain}.")).await {
                Ok(lookup) => {
                    let records = lookup.answers().iter().filter_map(|record| match &record.data {
                        RData::MX(mx) => Some(MxRecord {
                            preference: mx.preference,
                            exchange: mx.exchange.to_ascii().trim_end_matches('.').to_owned(),
                        }),
                        _ => None,
                    });
                    let answer = MxAnswer::Records(records.collect());
                    Timed { answer, valid_until: lookup.valid_until() }
                }
                Err(error) => Timed { answer: failed(&error), valid_until: Instant::now() + NEGATIVE_TTL },
            }
        })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> LocalBoxFuture<'a, Result<Vec<IpAddr>, String>> {
        Box::pin(async move {
            if let Ok(ip) = host.parse() {
                return Ok(vec![ip]);
            }
            let name =
                if host.eq_ignore_ascii_case("localhost") { host.to_owned() } else { format!("{host}.") };
            match self.resolver.lookup_ip(name).await {
                Ok(lookup) => Ok(lookup.iter().collect()),
                Err(error) => Err(error.to_string()),
            }
        })
    }
}

/// What a failed MX look-up means.
fn failed(error: &NetError) -> MxAnswer {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) if none.response_code == ResponseCode::NXDomain => {
            MxAnswer::NoDomain
        }
        NetError::Dns(DnsError::NoRecordsFound(none)) if none.response_code == ResponseCode::NoError => {
            MxAnswer::NoRecords
        }
        other => MxAnswer::Failed(other.to_string()),
    }
}
