//! DNS through hickory-resolver.

use super::{
    Dns, HostAnswer, MxProof, NamesAnswer, Timed, TlsaAnswer, TxtAnswer,
    validating::{Anchors, Validating},
};
use futures_util::future::{LocalBoxFuture, join};
use hickory_resolver::{
    ResolverBuilder, TokioResolver,
    config::{NameServerConfig, ResolverConfig, ResolverOpts},
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
    tls::{DaneLookup, MxTrust},
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

/// How long "there is none" is kept when DNS does not say.
pub(super) const NEGATIVE_TTL: Duration = Duration::from_secs(60);
/// How long a failure is kept: enough that a crowd asks once.
pub const FAILURE_TTL: Duration = Duration::from_secs(5);
/// How long it holds that DNSSEC is not used.
const NEVER_ASKED_TTL: Duration = Duration::from_secs(3600);

/// DNS through hickory-resolver.
pub struct HickoryDns {
    resolver: TokioResolver,
    /// Checks signatures. A resolver of its own, because negative answers are not cached while validating.
    validating: Option<Validating>,
}

impl HickoryDns {
    /// Asks `servers`, or those of the system's configuration when there are none; checks DNSSEC by `anchors`.
    ///
    /// # Errors
    /// When the system's configuration or the anchors cannot be read; in words.
    pub fn new(servers: &[SocketAddr], anchors: &Anchors) -> Result<Self, String> {
        Self::with(servers, anchors, Keeping::Answers)
    }

    /// The same, and asks anew each time: for checks, where somebody has just changed something.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn fresh(servers: &[SocketAddr], anchors: &Anchors) -> Result<Self, String> {
        Self::with(servers, anchors, Keeping::Nothing)
    }

    fn with(servers: &[SocketAddr], anchors: &Anchors, keeping: Keeping) -> Result<Self, String> {
        let validating = match anchors.load()? {
            Some((anchors, scope)) => {
                Some(Validating::new(resolver(servers, Some(anchors), keeping)?, scope))
            }
            None => None,
        };
        Ok(Self { resolver: resolver(servers, None, keeping)?, validating })
    }
}

/// What a resolver remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeping {
    Answers,
    Nothing,
}

/// A resolver for what brings its own: it asks `servers`, or those of the system's configuration when there are none,
/// and does not check DNSSEC.
///
/// # Errors
/// When the system's configuration cannot be read; in words.
pub fn resolver_with(
    servers: &[SocketAddr],
    configure: impl FnOnce(&mut ResolverOpts),
) -> Result<TokioResolver, String> {
    let mut builder = builder(servers)?;
    configure(builder.options_mut());
    builder.build().map_err(|e| format!("DNS resolver: {e}"))
}

fn resolver(
    servers: &[SocketAddr],
    anchors: Option<TrustAnchors>,
    keeping: Keeping,
) -> Result<TokioResolver, String> {
    let mut builder = builder(servers)?;
    if keeping == Keeping::Nothing {
        builder.options_mut().cache_size = 0;
    }
    if let Some(anchors) = anchors {
        builder = builder.with_trust_anchor(Arc::new(anchors));
    }
    builder.build().map_err(|e| format!("DNS resolver: {e}"))
}

fn builder(servers: &[SocketAddr]) -> Result<ResolverBuilder<TokioRuntimeProvider>, String> {
    Ok(if servers.is_empty() {
        TokioResolver::builder_tokio().map_err(|e| format!("system DNS configuration: {e}"))?
    } else {
        let name_servers = servers.iter().map(name_server).collect();
        let config = ResolverConfig::from_parts(None, Vec::new(), name_servers);
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    })
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

    fn listing<'a>(&'a self, name: &'a str) -> LocalBoxFuture<'a, Timed<HostAnswer>> {
        Box::pin(async move {
            let found = self.resolver.lookup(format!("{name}."), RecordType::A).await;
            let valid_until = until(&found);
            let answer = match found.map(|found| ips(&found)) {
                Ok(addresses) if addresses.is_empty() => HostAnswer::NoAddresses,
                Ok(addresses) => HostAnswer::Addresses(addresses),
                Err(error) if is_negative(&error) => HostAnswer::NoAddresses,
                Err(error) => HostAnswer::Failed(error.to_string()),
            };
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

    fn mx_proof<'a>(&'a self, domain: &'a Domain) -> LocalBoxFuture<'a, Timed<MxProof>> {
        Box::pin(async move {
            match &self.validating {
                Some(validating) => validating.mx_proof(domain).await,
                None => Timed::lasting(Ok(MxTrust::Insecure), NEVER_ASKED_TTL),
            }
        })
    }

    fn tlsa<'a>(&'a self, host: &'a str, port: u16) -> LocalBoxFuture<'a, Timed<TlsaAnswer>> {
        Box::pin(async move {
            match &self.validating {
                Some(validating) => validating.tlsa(host, port).await,
                None => Timed::lasting(TlsaAnswer::of(host, DaneLookup::Insecure), NEVER_ASKED_TTL),
            }
        })
    }

    fn pointers(&self, address: IpAddr) -> LocalBoxFuture<'_, Timed<NamesAnswer>> {
        Box::pin(async move { names(self.resolver.reverse_lookup(address).await) })
    }

    fn alias<'a>(&'a self, name: &'a str) -> LocalBoxFuture<'a, Timed<NamesAnswer>> {
        Box::pin(async move { names(self.resolver.lookup(format!("{name}."), RecordType::CNAME).await) })
    }
}

/// The names in the answer to a question for PTR or CNAME records.
fn names(found: Result<Lookup, NetError>) -> Timed<NamesAnswer> {
    match found {
        Ok(lookup) => {
            let names = lookup.answers().iter().filter_map(|record| match &record.data {
                RData::PTR(name) => Some(&name.0),
                // A PTR record may be reached through an alias (RFC 2317), which is no name of the address.
                RData::CNAME(name) if lookup.query().query_type() == RecordType::CNAME => Some(&name.0),
                _ => None,
            });
            let names = names.map(|name| name.to_ascii().trim_end_matches('.').to_owned()).collect();
            Timed { answer: NamesAnswer::Names(names), valid_until: lookup.valid_until() }
        }
        Err(error) if is_negative(&error) => Timed::lasting(NamesAnswer::None, negative_ttl(&error)),
        Err(error) => Timed::lasting(NamesAnswer::Failed(error.to_string()), FAILURE_TTL),
    }
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

fn until(found: &Result<Lookup, NetError>) -> Instant {
    match found {
        Ok(lookup) => lookup.valid_until(),
        Err(error) => Instant::now() + negative_ttl(error),
    }
}

/// How long a failed look-up holds: as long as the zone says that there is none (RFC 2308), else a moment.
pub fn negative_ttl(error: &NetError) -> Duration {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            none.negative_ttl.map_or(NEGATIVE_TTL, |seconds| Duration::from_secs(u64::from(seconds)))
        }
        _ => FAILURE_TTL,
    }
}

/// Whether the answer is that there is no such record.
pub fn is_negative(error: &NetError) -> bool {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => is_final(none),
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
