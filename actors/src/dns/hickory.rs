//! DNS through hickory-resolver.

use super::{Dns, HostAnswer, Timed, TxtAnswer};
use futures_util::future::{LocalBoxFuture, join};
use hickory_resolver::{
    TokioResolver,
    config::{NameServerConfig, ResolverConfig},
    lookup::Lookup,
    net::{DnsError, NetError, NoRecords, runtime::TokioRuntimeProvider},
    proto::{
        dnssec::TrustAnchors,
        op::ResponseCode,
        rr::{RData, RecordType},
    },
};
use mailwright_engine::{
    address::Domain,
    mx::{MxAnswer, MxRecord},
    tls::{DaneLookup, RawTlsa},
};
use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// How long "there is none" is kept when DNS does not say.
const NEGATIVE_TTL: Duration = Duration::from_secs(60);
/// How long a failure is kept: enough that a crowd asks once.
const FAILURE_TTL: Duration = Duration::from_secs(5);

/// Whose word is taken for DNSSEC.
#[derive(Debug, Clone, Default)]
pub enum Anchors {
    /// Nobody's: DANE is not used.
    #[default]
    None,
    /// The root's published keys.
    Root,
    /// The keys in this file of DNSKEY records.
    File(std::path::PathBuf),
}

/// DNS through hickory-resolver.
pub struct HickoryDns {
    resolver: TokioResolver,
    /// Checks signatures. A resolver of its own, so that a zone whose signatures are broken loses DANE and not its
    /// mail, and because negative answers are not cached while validating.
    validating: Option<TokioResolver>,
}

impl HickoryDns {
    /// Asks `servers`, or those of the system's configuration when there are none; checks DNSSEC by `anchors`.
    ///
    /// # Errors
    /// When the system's configuration or the anchors cannot be read; in words.
    pub fn new(servers: &[SocketAddr], anchors: &Anchors) -> Result<Self, String> {
        let anchors = match anchors {
            Anchors::None => None,
            Anchors::Root => Some(TrustAnchors::default()),
            Anchors::File(path) => Some(read_anchors(path)?),
        };
        let validating = anchors.map(|anchors| resolver(servers, Some(anchors))).transpose()?;
        Ok(Self { resolver: resolver(servers, None)?, validating })
    }
}

fn read_anchors(path: &Path) -> Result<TrustAnchors, String> {
    TrustAnchors::from_file(path).map_err(|e| format!("DNSSEC trust anchors {}: {e}", path.display()))
}

fn resolver(servers: &[SocketAddr], anchors: Option<TrustAnchors>) -> Result<TokioResolver, String> {
    let mut builder = if servers.is_empty() {
        TokioResolver::builder_tokio().map_err(|e| format!("system DNS configuration: {e}"))?
    } else {
        let name_servers = servers.iter().map(name_server).collect();
        let config = ResolverConfig::from_parts(None, Vec::new(), name_servers);
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    if let Some(anchors) = anchors {
        builder = builder.with_trust_anchor(Arc::new(anchors));
    }
    builder.build().map_err(|e| format!("DNS resolver: {e}"))
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
                    Timed { answer: MxAnswer::Records(exchanges(&lookup)), valid_until: lookup.valid_until() }
                }
                Err(error) => Timed::lasting(failed(&error), negative_ttl(&error)),
            }
        })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> LocalBoxFuture<'a, Timed<HostAnswer>> {
        Box::pin(async move {
            if let Ok(ip) = host.parse() {
                return Timed::lasting(HostAnswer::Addresses(vec![ip]), Duration::from_secs(3600));
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
            let valid_until = until(&six).min(until(&four));
            let answer = both_families(six.map(|found| ips(&found)), four.map(|found| ips(&found)));
            Timed { answer, valid_until }
        })
    }

    fn txt<'a>(&'a self, name: &'a str) -> LocalBoxFuture<'a, Timed<TxtAnswer>> {
        Box::pin(async move {
            match self.resolver.txt_lookup(format!("{name}.")).await {
                Ok(lookup) => {
                    Timed { answer: TxtAnswer::Records(texts(&lookup)), valid_until: lookup.valid_until() }
                }
                Err(error) if is_negative(&error) => Timed::lasting(TxtAnswer::None, negative_ttl(&error)),
                Err(error) => Timed::lasting(TxtAnswer::Failed(error.to_string()), FAILURE_TTL),
            }
        })
    }

    fn mx_is_secure<'a>(&'a self, domain: &'a Domain) -> LocalBoxFuture<'a, Timed<bool>> {
        Box::pin(async move {
            let Some(resolver) = &self.validating else {
                return Timed::lasting(false, Duration::from_secs(3600));
            };
            match resolver.mx_lookup(format!("{domain}.")).await {
                Ok(lookup) => Timed { answer: is_secure(&lookup), valid_until: lookup.valid_until() },
                // No MX records, proved or not, or no answer: without them there is nothing to secure.
                Err(error) => Timed::lasting(false, negative_ttl(&error)),
            }
        })
    }

    fn tlsa<'a>(&'a self, host: &'a str, port: u16) -> LocalBoxFuture<'a, Timed<DaneLookup>> {
        Box::pin(async move {
            let Some(resolver) = &self.validating else {
                return Timed::lasting(DaneLookup::Insecure, Duration::from_secs(3600));
            };
            // Servers that choke on TLSA are mostly in unsigned zones: whether the host's addresses are signed
            // tells whether to ask at all (RFC 7672 section 2.2.2).
            if !has_secure_address(resolver, host).await {
                return Timed::lasting(DaneLookup::Insecure, NEGATIVE_TTL);
            }
            match resolver.tlsa_lookup(format!("_{port}._tcp.{host}.")).await {
                Ok(lookup) if is_secure(&lookup) => Timed {
                    answer: DaneLookup::Secure(tlsa_records(&lookup)),
                    valid_until: lookup.valid_until(),
                },
                Ok(lookup) => Timed { answer: DaneLookup::Insecure, valid_until: lookup.valid_until() },
                Err(error) if is_negative(&error) => Timed::lasting(DaneLookup::Insecure, NEGATIVE_TTL),
                Err(error) => Timed::lasting(DaneLookup::Failed(error.to_string()), FAILURE_TTL),
            }
        })
    }
}

async fn has_secure_address(resolver: &TokioResolver, host: &str) -> bool {
    let name = format!("{host}.");
    let (six, four) =
        join(resolver.lookup(name.clone(), RecordType::AAAA), resolver.lookup(name, RecordType::A)).await;
    [six, four].into_iter().flatten().any(|lookup| is_secure(&lookup))
}

/// Whether every record of the answer was proved.
fn is_secure(lookup: &Lookup) -> bool {
    let mut records =
        lookup.answers().iter().filter(|record| record.record_type() != RecordType::RRSIG).peekable();
    records.peek().is_some() && records.all(|record| record.proof.is_secure())
}

fn exchanges(lookup: &Lookup) -> Vec<MxRecord> {
    let records = lookup.answers().iter().filter_map(|record| match &record.data {
        RData::MX(mx) => Some(MxRecord {
            preference: mx.preference,
            exchange: mx.exchange.to_ascii().trim_end_matches('.').to_owned(),
        }),
        _ => None,
    });
    records.collect()
}

fn texts(lookup: &Lookup) -> Vec<String> {
    let records = lookup.answers().iter().filter_map(|record| match &record.data {
        // The strings of one record belong together without a space (RFC 7208 section 3.3, RFC 8461 section 3.1).
        RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
        _ => None,
    });
    records.collect()
}

fn tlsa_records(lookup: &Lookup) -> Vec<RawTlsa> {
    let records = lookup.answers().iter().filter_map(|record| match &record.data {
        RData::TLSA(tlsa) => Some(RawTlsa {
            usage: u8::from(tlsa.cert_usage),
            selector: u8::from(tlsa.selector),
            matching: u8::from(tlsa.matching),
            data: tlsa.cert_data.clone(),
        }),
        _ => None,
    });
    records.collect()
}

fn until(found: &Result<Lookup, NetError>) -> Instant {
    match found {
        Ok(lookup) => lookup.valid_until(),
        Err(error) => Instant::now() + negative_ttl(error),
    }
}

/// How long a failed look-up holds: as long as the zone says that there is none (RFC 2308), else a moment.
fn negative_ttl(error: &NetError) -> Duration {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            none.negative_ttl.map_or(NEGATIVE_TTL, |seconds| Duration::from_secs(u64::from(seconds)))
        }
        NetError::Dns(DnsError::Nsec { .. }) => NEGATIVE_TTL,
        _ => FAILURE_TTL,
    }
}

/// Whether the answer is that there is no such record.
fn is_negative(error: &NetError) -> bool {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => is_final(none),
        NetError::Dns(DnsError::Nsec { .. }) => true,
        _ => false,
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
