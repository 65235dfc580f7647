//! Whether the DNS has what a sending domain needs.

use super::{
    answers::Lookups,
    description::{SendingDomain, SendingName},
    dkim::{self, DkimFacts, DkimKeyState, Need},
    dmarc::{self, DmarcFacts, Sender},
    finding::{Area, Code, Finding, Severity},
    mx::{self, MxFacts, OwnMx},
    own_spf,
    record::records,
    spf::SpfTree,
    state::{Judged, RecordState, RecordStatus, stand},
};
use serde::Serialize;
use std::net::IpAddr;

/// Where a domain stands, in the words of the service's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DomainState {
    /// Everything that is needed is there.
    Ready,
    /// Nothing is published yet.
    Unconfigured,
    /// Something must be mended.
    Misconfigured,
    /// The DNS gave no answer for something that is needed. What was known before still holds.
    Unknown,
}

/// What came of looking at a domain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DomainReport {
    /// The domain, with `*.` for a wildcard.
    pub domain: String,
    /// Where it stands.
    pub state: DomainState,
    /// Our records.
    pub records: Vec<RecordStatus>,
    /// The hosts that take its bounces.
    pub return_path: MxFacts,
    /// Its keys.
    pub dkim: Vec<DkimFacts>,
    /// Its policy.
    pub dmarc: DmarcFacts,
    /// What was found, in the order of the areas.
    pub findings: Vec<Finding>,
    /// The SPF record of the return-path domain with all it leads to.
    #[serde(skip)]
    pub spf: SpfTree,
}

impl DomainReport {
    /// Whether receivers can tell our mail for the domain from a forger's, and bounces find us. While the state is
    /// [`DomainState::Unknown`] this says no; what was found before then still holds.
    pub fn is_ready(&self) -> bool {
        self.state == DomainState::Ready
    }

    /// The worst that was found.
    pub fn severity(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

/// Looks at `domain`, for which mail goes out from `addresses`, as far as these are known.
pub fn check_domain(domain: &SendingDomain, addresses: &[IpAddr], lookups: &mut Lookups<'_>) -> DomainReport {
    let mut findings = Vec::new();
    let base = domain.name.base();
    let ours = OwnMx { area: Area::ReturnPath, name: &domain.return_path, hosts: &domain.mx };
    let return_path = mx::check_own(&ours, lookups, &mut findings);
    let spf = SpfTree::build(domain.return_path.as_str(), lookups);
    let has_spf = own_spf::check(domain.spf.as_ref(), &spf, addresses, &mut findings);
    let needs = dkim::needs(&domain.keys);
    let keys = domain.keys.iter().zip(&needs);
    let dkim: Vec<_> =
        keys.map(|(key, need)| dkim::check(base, key, *need, lookups, &mut findings)).collect();
    let mut needed = needs.iter().zip(&dkim).filter(|(need, _)| **need == Need::Now);
    let has_dkim = needed.any(|(_, facts)| facts.state == DkimKeyState::Published);
    let sender = Sender {
        domain: base,
        is_wildcard: matches!(domain.name, SendingName::Wildcard(_)),
        return_path: &domain.return_path,
        has_dkim: has_dkim || domain.keys.is_empty(),
        has_spf,
    };
    let dmarc = dmarc::check(&sender, lookups, &mut findings);
    let spoilt_spf = if has_spf { Vec::new() } else { vec![domain.return_path.to_string()] };
    let judged = Judged { findings: &findings, spoilt_spf: &spoilt_spf };
    let records = stand(records(domain), &judged, lookups);
    let areas = [Area::ReturnPath, Area::Spf, Area::Dkim, Area::Dmarc];
    let state = domain_state(&areas, &records, dkim::has_unknown(&needs, &dkim), &findings);
    DomainReport { domain: domain.name.to_string(), state, records, return_path, dkim, dmarc, findings, spf }
}

/// Where a domain stands whose errors in `areas` must be mended; `has_unknown_key` says whether a key that is needed
/// now could not be looked up.
pub(super) fn domain_state(
    areas: &[Area],
    records: &[RecordStatus],
    has_unknown_key: bool,
    findings: &[Finding],
) -> DomainState {
    let own = || records.iter().filter(|status| !status.record.purpose.is_the_owners());
    if own().next().is_some() && own().all(|status| status.state == RecordState::NotFound) {
        return DomainState::Unconfigured;
    }
    let is_error = |finding: &Finding| finding.severity == Severity::Error && areas.contains(&finding.area);
    if findings.iter().any(is_error) {
        return DomainState::Misconfigured;
    }
    let is_unknown = |finding: &Finding| {
        let is_needed = matches!(finding.area, Area::ReturnPath | Area::RoutingMx | Area::Spf);
        finding.code == Code::LookupFailed && is_needed
    };
    if has_unknown_key || findings.iter().any(is_unknown) { DomainState::Unknown } else { DomainState::Ready }
}

#[cfg(test)]
mod tests;
