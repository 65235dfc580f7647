//! MTA-STS policies: found by DNS, fetched over HTTPS, kept (RFC 8461 sections 3 and 5).

use super::{client::ClientConfigs, reports::TlsSessions};
use crate::{
    clock,
    dns::{Dns, TxtAnswer},
    https::{AllowedHosts, Https, HttpsError, Overlong},
};
use http_body_util::Full;
use hyper::{Request, header::CONTENT_TYPE};
use mailwright_engine::{
    address::Domain,
    tls::{
        StsCacheEntry, StsPolicy, StsRecord,
        mta_sts::{MAX_POLICY_BYTES, StsFetchError, StsStep, policy_host, record_name},
        report::FailureKind,
    },
};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Duration,
};
use tokio::time::timeout;

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
    /// Which addresses policy hosts, and takers of reports, may have.
    pub hosts: AllowedHosts,
}

impl Default for PolicyFetch {
    fn default() -> Self {
        Self { enabled: true, port: 443, hosts: AllowedHosts::Public }
    }
}

/// Fetches policies. Used on one thread.
pub struct PolicyClient {
    https: Rc<Https>,
    port: u16,
}

impl PolicyClient {
    /// Fetches from hosts found through `dns`, with the certificates that `configs` trust, as `fetch` says.
    pub fn new(dns: Rc<dyn Dns>, configs: &ClientConfigs, fetch: PolicyFetch) -> Self {
        Self { https: Rc::new(Https::new(dns, configs.https(), fetch.hosts)), port: fetch.port }
    }

    /// The policy of `domain` as its policy host has it now; takes at most 30 seconds.
    ///
    /// # Errors
    /// [`StsFetchError`] when it cannot be had or is none.
    pub async fn fetch(&self, domain: &Domain) -> Result<StsPolicy, StsFetchError> {
        let fetched = timeout(PATIENCE, Box::pin(self.ask(domain))).await;
        fetched.unwrap_or_else(|_| Err(StsFetchError::Unreachable(format!("not done within {PATIENCE:?}"))))
    }

    async fn ask(&self, domain: &Domain) -> Result<StsPolicy, StsFetchError> {
        let host = policy_host(domain);
        let request = Request::get(PATH).body(Full::default());
        let request = request.map_err(|error| StsFetchError::Unreachable(error.to_string()))?;
        let answer =
            self.https.exchange(&host, self.port, request, MAX_POLICY_BYTES + 1, Overlong::Refused).await;
        match answer {
            Ok(answer) => StsPolicy::from_response(answer.status, answer.header(CONTENT_TYPE), &answer.body),
            Err(HttpsError::Unreachable(why)) => Err(StsFetchError::Unreachable(why)),
            Err(HttpsError::Certificate(why)) => Err(StsFetchError::Certificate(why)),
        }
    }
}

/// The policies that are known. Used on one thread.
pub struct StsBook {
    dns: Rc<dyn Dns>,
    client: PolicyClient,
    is_used: bool,
    entries: RefCell<HashMap<Domain, StsCacheEntry>>,
    changed: Cell<bool>,
}

impl StsBook {
    pub(super) fn new(dns: Rc<dyn Dns>, https: Rc<Https>, fetch: PolicyFetch) -> Self {
        let client = PolicyClient { https, port: fetch.port };
        Self { dns, client, is_used: fetch.enabled, entries: RefCell::default(), changed: Cell::new(false) }
    }

    /// Puts in what an earlier process knew.
    pub fn put(&self, entries: impl IntoIterator<Item = (Domain, StsCacheEntry)>) {
        self.entries.borrow_mut().extend(entries);
    }

    /// All that is known, to be kept over a restart.
    pub fn all(&self) -> Vec<(Domain, StsCacheEntry)> {
        self.entries.borrow().iter().map(|(domain, entry)| (domain.clone(), entry.clone())).collect()
    }

    /// Whether something has been learnt since this was last asked.
    pub(super) fn take_changed(&self) -> bool {
        self.changed.take()
    }

    /// The policy in force for `domain`, fetched if that is due.
    pub(super) async fn policy(&self, domain: &Domain, sessions: &TlsSessions) -> Option<StsPolicy> {
        if !self.is_used {
            return None;
        }
        let record = self.record(domain).await;
        let known = self.entries.borrow().get(domain).cloned().unwrap_or_default();
        let step = known.next_step(record.as_ref(), clock::now());
        let Some(record) = record.filter(|_| step != StsStep::Keep) else {
            return known.in_force(clock::now()).cloned();
        };
        let fetched = self.client.fetch(domain).await;
        self.changed.set(true);
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
}

fn forget_spent(entries: &mut HashMap<Domain, StsCacheEntry>) {
    if entries.len() > DOMAINS {
        let now = clock::now();
        entries.retain(|_, entry| !entry.is_spent(now));
    }
}
