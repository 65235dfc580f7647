//! What is counted for reports to domain owners (RFC 8460).

use super::{HostTls, Period, ReportSending};
use mailwright_engine::{
    address::Domain,
    smtp::verdict::{Phase, Verdict},
    time::UnixMillis,
    tls::{
        HostRefusal, PolicyReason,
        report::{FailureDetail, FailureKind, SessionPolicy, TlsReportBuilder},
    },
};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    net::IpAddr,
};

/// Most domains counted for one report; others of a day with more get none.
const DOMAINS: usize = 10_000;

/// Sessions since the last reports, by domain. Used on one thread.
#[derive(Debug)]
pub struct TlsSessions {
    reports: ReportSending,
    since: Cell<UnixMillis>,
    domains: RefCell<HashMap<Domain, TlsReportBuilder>>,
}

impl TlsSessions {
    /// Begins to count at `now`, if there are to be reports.
    pub(super) fn new(reports: ReportSending, now: UnixMillis) -> Self {
        Self { reports, since: Cell::new(now), domains: RefCell::default() }
    }

    /// Since when they are counted.
    pub fn since(&self) -> UnixMillis {
        self.since.get()
    }

    fn count(
        &self,
        counted: Option<&(Domain, Vec<SessionPolicy>)>,
        count: impl Fn(&mut TlsReportBuilder, &SessionPolicy),
    ) {
        let Some((domain, policies)) = counted else { return };
        if self.reports == ReportSending::Off {
            return;
        }
        let mut all = self.domains.borrow_mut();
        if all.len() >= DOMAINS && !all.contains_key(domain) {
            return;
        }
        let builder = all.entry(domain.clone()).or_insert_with(|| TlsReportBuilder::new(domain.clone()));
        for policy in policies {
            count(builder, policy);
        }
    }

    pub(super) fn succeeded(&self, tls: &HostTls) {
        self.count(tls.counted.as_ref(), TlsReportBuilder::succeeded);
    }

    pub(super) fn failed(&self, tls: &HostTls, kind: FailureKind, host: &str, ip: IpAddr, why: &str) {
        let detail = FailureDetail::new(kind).to_host(host, Some(ip)).because(why);
        self.count(tls.counted.as_ref(), |builder, policy| builder.failed(policy, detail.clone()));
    }

    /// Counts a session that was good enough and would not have come up to a policy that is being tested.
    pub(super) fn complained(&self, tls: &HostTls, host: &str, ip: IpAddr, why: &str) {
        self.failed(tls, by_words(why), host, ip, why);
    }

    pub(super) fn handshake_failed(&self, tls: &HostTls, host: &str, ip: IpAddr, verdict: &Verdict) {
        let kind = match (verdict.phase, tls.requirement.why) {
            (Phase::Tls, PolicyReason::Dane) => FailureKind::TlsaInvalid,
            (Phase::Tls, _) => by_words(&verdict.detail),
            _ => FailureKind::StarttlsNotSupported,
        };
        self.failed(tls, kind, host, ip, &verdict.detail);
    }

    pub(super) fn refused(
        &self,
        counted: Option<&(Domain, Vec<SessionPolicy>)>,
        host: &str,
        refusal: &HostRefusal,
    ) {
        let kind = match refusal {
            HostRefusal::NotInStsPolicy(_) => FailureKind::ValidationFailure,
            HostRefusal::TlsaLookup { .. } => FailureKind::DnssecInvalid,
            HostRefusal::HostNotProven(_) | HostRefusal::TlsForbidden(_) => return,
        };
        let detail = FailureDetail::new(kind).to_host(host, None).because(&refusal.to_string());
        self.count(counted, |builder, policy| builder.failed(policy, detail.clone()));
    }

    /// Counts that the policy of a domain could not be fetched.
    pub(super) fn fetch_failed(&self, domain: &Domain, kind: FailureKind, why: &str) {
        let detail = FailureDetail::new(kind).because(why);
        let counted = (domain.clone(), vec![SessionPolicy::none(domain)]);
        self.count(Some(&counted), |builder, policy| builder.failed(policy, detail.clone()));
    }

    /// Takes out all that was counted until `now`, and begins anew.
    pub fn take(&self, now: UnixMillis) -> Period {
        let period = self.so_far(now);
        self.domains.borrow_mut().clear();
        self.since.set(now);
        period
    }

    /// All that was counted until `now`.
    pub fn so_far(&self, now: UnixMillis) -> Period {
        Period::new(self.since.get(), now, self.domains.borrow().values().cloned().collect())
    }

    /// Puts back what an earlier process counted; before anything else is counted.
    pub fn put_back(&self, period: Period) {
        self.since.set(period.began());
        let builders = period.into_domains().into_iter();
        self.domains.borrow_mut().extend(builders.map(|builder| (builder.domain().clone(), builder)));
    }
}

/// The kind of failure, by rustls's words for it.
fn by_words(why: &str) -> FailureKind {
    let says = |word: &str| why.contains(word);
    if says("NotValidForName") || says("not valid for name") {
        FailureKind::CertificateHostMismatch
    } else if says("Expired") || says("expired") || says("NotValidYet") {
        FailureKind::CertificateExpired
    } else if says("UnknownIssuer") || says("CaUsedAsEndEntity") {
        FailureKind::CertificateNotTrusted
    } else {
        FailureKind::ValidationFailure
    }
}
