//! DNS as delivery needs it.

use futures_util::future::{LocalBoxFuture, join};
use hickory_resolver::{
    TokioResolver,
    config::{NameServerConfig, ResolverConfig},
    lookup::Lookup,
    net::{DnsError, NetError, NoRecords, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{RData, RecordType},
    },
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

/// What DNS said when asked for a host's addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostAnswer {
    /// At least one, in no particular order.
    Addresses(Vec<IpAddr>),
    /// There is no such host, or it has neither an IPv6 nor an IPv4 address: asking again helps nobody.
    NoAddresses,
    /// No answer, or a broken one: try again later. Holds the reason.
    Failed(String),
}

/// The look-ups that delivery makes; a trait so that tests bring their own world.
pub trait Dns {
    /// MX records of `domain`.
    fn mx<'a>(&'a self, domain: &'a Domain) -> LocalBoxFuture<'a, Timed<MxAnswer>>;

    /// Addresses of `host`.
    fn addresses<'a>(&'a self, host: &'a str) -> LocalBoxFuture<'a, HostAnswer>;
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

    fn addresses<'a>(&'a self, host: &'a str) -> LocalBoxFuture<'a, HostAnswer> {
        Box::pin(async move {
            if let Ok(ip) = host.parse() {
                return HostAnswer::Addresses(vec![ip]);
            }
            let name =
                if host.eq_ignore_ascii_case("localhost") { host.to_owned() } else { format!("{host}.") };
            // One look-up a family: the resolver's look-up of both does not tell which of them failed, and a
            // host whose IPv6 addresses are unknown for now is no host without addresses.
            let (six, four) = join(
                self.resolver.lookup(name.clone(), RecordType::AAAA),
                self.resolver.lookup(name, RecordType::A),
            )
            .await;
            both_families(six.map(|found| ips(&found)), four.map(|found| ips(&found)))
        })
    }
}

/// The addresses among the records of an answer, which may hold aliases too.
fn ips(lookup: &Lookup) -> Vec<IpAddr> {
    lookup.answers().iter().filter_map(|record| record.data.ip_addr()).collect()
}

/// What the look-ups of both families say together.
fn both_families(six: Result<Vec<IpAddr>, NetError>, four: Result<Vec<IpAddr>, NetError>) -> HostAnswer {
    let mut addresses = Vec::new();
    let mut failure = None;
    for family in [six, four] {
        match family {
            Ok(found) => addresses.extend(found),
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) if is_final(&none) => {}
            Err(error) => failure = Some(error.to_string()),
        }
    }
    match failure {
        _ if !addresses.is_empty() => HostAnswer::Addresses(addresses),
        Some(reason) => HostAnswer::Failed(reason),
        None => HostAnswer::NoAddresses,
    }
}

/// Whether the server said that there are no such records, instead of naming servers that may know
/// (RFC 2308 section 2.1: a referral has NS records and no SOA).
fn is_final(none: &NoRecords) -> bool {
    let known = matches!(none.response_code, ResponseCode::NoError | ResponseCode::NXDomain);
    known && (none.soa.is_some() || none.ns.is_none())
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

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::{net::ForwardNSData, proto::op::Query};
    use std::sync::Arc;

    fn none(response_code: ResponseCode) -> NetError {
        NoRecords::new(Query::new(), response_code).into()
    }

    fn referral() -> NetError {
        let mut none = NoRecords::new(Query::new(), ResponseCode::NoError);
        none.ns = Some(Arc::<[ForwardNSData]>::from([]));
        none.into()
    }

    #[test]
    fn a_host_has_no_addresses_only_when_both_families_say_so() {
        let ip: IpAddr = "192.0.2.1".parse().unwrap();
        let failed = HostAnswer::Failed(NetError::Timeout.to_string());
        let cases = [
            (Err(none(ResponseCode::NXDomain)), Err(none(ResponseCode::NXDomain)), HostAnswer::NoAddresses),
            (Err(none(ResponseCode::NoError)), Ok(Vec::new()), HostAnswer::NoAddresses),
            (Err(none(ResponseCode::NoError)), Ok(vec![ip]), HostAnswer::Addresses(vec![ip])),
            (Err(NetError::Timeout), Ok(vec![ip]), HostAnswer::Addresses(vec![ip])),
            (Err(NetError::Timeout), Err(none(ResponseCode::NoError)), failed.clone()),
            (Err(none(ResponseCode::NoError)), Err(NetError::Timeout), failed),
        ];
        for (six, four, expected) in cases {
            let given = format!("{six:?} {four:?}");
            assert_eq!(both_families(six, four), expected, "{given}");
        }
    }

    #[test]
    fn a_referral_is_no_answer() {
        let answer = both_families(Err(referral()), Err(none(ResponseCode::NoError)));
        assert!(matches!(answer, HostAnswer::Failed(_)), "{answer:?}");
    }

    #[test]
    fn a_refusing_server_is_no_answer() {
        let refused = || NetError::from(DnsError::ResponseCode(ResponseCode::Refused));
        assert!(matches!(both_families(Err(refused()), Err(refused())), HostAnswer::Failed(_)));
        assert!(matches!(failed(&refused()), MxAnswer::Failed(_)));
    }
}
