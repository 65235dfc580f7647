//! MTA-STS policies: found by DNS, fetched over HTTPS, kept (RFC 8461 sections 3 and 5).

use super::reports::TlsSessions;
use crate::{
    clock,
    dns::{Dns, HostAnswer, TxtAnswer},
};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use mailwright_engine::{
    address::Domain,
    tls::{
        StsCacheEntry, StsPolicy, StsRecord,
        mta_sts::{MAX_POLICY_BYTES, StsFetchError, StsStep, policy_host, record_name},
        report::FailureKind,
    },
};
use rustls::{ClientConfig, pki_types::ServerName};
use std::{
    cell::RefCell,
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

/// How long a fetch may take in all; the RFC suggests a minute (section 3.3).
const PATIENCE: Duration = Duration::from_secs(30);
/// Most domains of which something is kept.
const DOMAINS: usize = 50_000;
/// The path of a policy (section 3.2).
const PATH: &str = "/.well-known/mta-sts.txt";

/// How policies are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyFetch {
    /// Whether they are at all.
    pub enabled: bool,
    /// The port of policy hosts; 443 but for tests.
    pub port: u16,
    /// Whether a policy host may have a private or loopback address: whoever publishes a policy record could
    /// otherwise have us talk to machines that only we reach.
    pub private_hosts: bool,
}

impl Default for PolicyFetch {
    fn default() -> Self {
        Self { enabled: true, port: 443, private_hosts: false }
    }
}

/// The policies that are known. Used on one thread.
pub struct StsBook {
    dns: Rc<dyn Dns>,
    https: Option<Arc<ClientConfig>>,
    fetch: PolicyFetch,
    entries: RefCell<HashMap<Domain, StsCacheEntry>>,
}

impl StsBook {
    pub(super) fn new(dns: Rc<dyn Dns>, https: Option<Arc<ClientConfig>>, fetch: PolicyFetch) -> Self {
        Self { dns, https, fetch, entries: RefCell::default() }
    }

    /// Puts in what an earlier process knew.
    pub fn put(&self, entries: impl IntoIterator<Item = (Domain, StsCacheEntry)>) {
        self.entries.borrow_mut().extend(entries);
    }

    /// All that is known, to be kept over a restart.
    pub fn all(&self) -> Vec<(Domain, StsCacheEntry)> {
        self.entries.borrow().iter().map(|(domain, entry)| (domain.clone(), entry.clone())).collect()
    }

    /// The policy in force for `domain`, fetched if that is due.
    pub(super) async fn policy(&self, domain: &Domain, sessions: &TlsSessions) -> Option<StsPolicy> {
        if !self.fetch.enabled {
            return None;
        }
        let record = self.record(domain).await;
        let known = self.entries.borrow().get(domain).cloned().unwrap_or_default();
        let step = known.next_step(record.as_ref(), clock::now());
        let Some(record) = record.filter(|_| step != StsStep::Keep) else {
            return known.in_force(clock::now()).cloned();
        };
        let fetched = timeout(PATIENCE, self.fetch(domain)).await;
        let fetched = fetched
            .unwrap_or_else(|_| Err(StsFetchError::Unreachable(format!("not done within {PATIENCE:?}"))));
        let mut entries = self.entries.borrow_mut();
        let entry = entries.entry(domain.clone()).or_default();
        match fetched {
            Ok(policy) => entry.fetched(record, policy, clock::now()),
            Err(error) => {
                tracing::warn!(%domain, reason = %error, "MTA-STS policy not fetched");
                sessions.fetch_failed(domain, FailureKind::from(&error), &error.to_string());
                entry.fetch_failed(record, clock::now());
            }
        }
        let policy = entry.in_force(clock::now()).cloned();
        forget_spent(&mut entries);
        policy
    }

    async fn record(&self, domain: &Domain) -> Option<StsRecord> {
        let TxtAnswer::Records(records) = self.dns.txt(&record_name(domain)).await.answer else {
            return None;
        };
        match StsRecord::find(records.iter().map(String::as_bytes)) {
            Ok(record) => record,
            Err(error) => {
                tracing::debug!(%domain, reason = %error, "MTA-STS record ignored");
                None
            }
        }
    }

    async fn fetch(&self, domain: &Domain) -> Result<StsPolicy, StsFetchError> {
        let unreachable = |why: String| StsFetchError::Unreachable(why);
        let host = policy_host(domain);
        let address = self.address(&host).await.map_err(unreachable)?;
        let https = self.https.clone().ok_or_else(|| unreachable("no authority is trusted".to_owned()))?;
        let name = ServerName::try_from(host.clone()).map_err(|error| unreachable(error.to_string()))?;
        let stream = TcpStream::connect(address).await.map_err(|error| unreachable(error.to_string()))?;
        let stream = TlsConnector::from(https).connect(name, stream).await;
        let stream = stream.map_err(|error| StsFetchError::Certificate(error.to_string()))?;
        get(stream, &host).await
    }

    /// One address of the policy host, asked for once: what was checked is what is connected to.
    async fn address(&self, host: &str) -> Result<SocketAddr, String> {
        let addresses = match self.dns.addresses(host).await.answer {
            HostAnswer::Addresses(addresses) => addresses,
            HostAnswer::NoAddresses => return Err(format!("{host} has no address")),
            HostAnswer::Failed(why) => return Err(why),
        };
        let allowed = |ip: &IpAddr| self.fetch.private_hosts || is_public(*ip);
        // Most networks have IPv4; a policy host with one family only is found all the same.
        let best = addresses.into_iter().filter(allowed).min_by_key(IpAddr::is_ipv6);
        best.map(|ip| SocketAddr::new(ip, self.fetch.port))
            .ok_or_else(|| format!("{host} has no public address"))
    }
}

async fn get(
    stream: tokio_rustls::client::TlsStream<TcpStream>,
    host: &str,
) -> Result<StsPolicy, StsFetchError> {
    let unreachable = |why: hyper::Error| StsFetchError::Unreachable(why.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
    let request = Request::get(PATH)
        .header(header::HOST, host)
        .header(header::USER_AGENT, "mailwright")
        .body(Empty::<bytes::Bytes>::new())
        .map_err(|error| StsFetchError::Unreachable(error.to_string()))?;
    let answer = async move {
        let response = sender.send_request(request).await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.map(str::to_owned);
        let body = Limited::new(response.into_body(), MAX_POLICY_BYTES + 1).collect().await;
        let body = body.map_err(|error| StsFetchError::Unreachable(error.to_string()))?.to_bytes();
        StsPolicy::from_response(status, content_type.as_deref(), &body)
    };
    // The connection is driven along and dropped with the answer.
    tokio::select! {
        answer = answer => answer,
        Err(error) = connection => Err(unreachable(error)),
    }
}

/// Whether everybody can reach the address, and not only who is on our network.
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let benchmark = a == 198 && (18..20).contains(&b);
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_broadcast()
                || a == 0
                || a >= 240
                || shared
                || benchmark)
        }
        IpAddr::V6(ip) => {
            !(ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_unique_local()
                || ip.is_unicast_link_local())
        }
    }
}

fn forget_spent(entries: &mut HashMap<Domain, StsCacheEntry>) {
    if entries.len() > DOMAINS {
        let now = clock::now();
        entries.retain(|_, entry| !entry.is_spent(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_asked() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "169.254.1.1",
            "100.64.0.1",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "0.0.0.0",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["192.0.2.1", "8.8.8.8", "2001:db8::1", "100.128.0.1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
