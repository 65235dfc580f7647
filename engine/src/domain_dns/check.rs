//! Whether the DNS has what a sending domain needs.

use super::{
    answers::{Found, Lookups},
    description::{SendingDomain, SendingName, SpfAuthority},
    dkim::{self, DkimFacts, DkimKeyState, Need},
    dmarc::{self, DmarcFacts, Sender},
    finding::{Area, Code, Finding, Severity},
    mx::{self, MxFacts},
    record::{DnsRecord, Purpose, RecordType, records},
    spf::{Mechanism, Modifier, Qualifier, SpfProblem, SpfResult, SpfTree, TermKind},
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

/// Where one of our records stands, in the words of the service's dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordState {
    /// It is there, or another that does as well.
    Locked,
    /// It is not there.
    NotFound,
    /// There is something else in its place.
    Conflict,
    /// The DNS gave no answer.
    Unknown,
}

/// One of our records and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordStatus {
    /// The record.
    #[serde(flatten)]
    pub record: DnsRecord,
    /// Where it stands.
    pub state: RecordState,
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
    let return_path = mx::check_return_path(&domain.return_path, &domain.mx, lookups, &mut findings);
    let spf = SpfTree::build(domain.return_path.as_str(), lookups);
    let has_spf = check_spf(domain, &spf, addresses, &mut findings);
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
    let records: Vec<_> = records(domain)
        .into_iter()
        .map(|record| RecordStatus { state: state_of(&record, domain, &findings, lookups), record })
        .collect();
    let state = domain_state(&records, &needs, &dkim, &findings);
    DomainReport { domain: domain.name.to_string(), state, records, return_path, dkim, dmarc, findings, spf }
}

/// Tells what is wrong with the SPF record, and whether it lets us send.
fn check_spf(
    domain: &SendingDomain,
    tree: &SpfTree,
    addresses: &[IpAddr],
    findings: &mut Vec<Finding>,
) -> bool {
    let before = findings.len();
    findings.extend(tree.all_problems().into_iter().map(spf_finding));
    if tree.record.is_none() {
        return false;
    }
    spf_habits(tree, findings);
    let authority = domain.spf.as_ref();
    let named: Vec<IpAddr> = match authority {
        Some(SpfAuthority::Addresses(ours)) => ours.clone(),
        Some(SpfAuthority::Include(_)) | None => Vec::new(),
    };
    let includes = match authority {
        Some(SpfAuthority::Include(name)) => leads_to(tree, name),
        Some(SpfAuthority::Addresses(_)) | None => false,
    };
    let known = if named.is_empty() { addresses } else { &named };
    // Where the DNS gave no answer, that was told already, and nothing more is known.
    let is_refused =
        |ip: &&IpAddr| !matches!(tree.judge(**ip).result, SpfResult::Pass | SpfResult::TempError);
    let refused: Vec<_> = known.iter().filter(is_refused).collect();
    let is_allowed = if known.is_empty() { includes || authority.is_none() } else { refused.is_empty() };
    if !is_allowed {
        let who = match refused.first() {
            Some(address) => format!("{address} gets {}", tree.judge(**address).result.as_str()),
            None => "our hosts are not named in it".to_owned(),
        };
        let mend = authority.map(super::record::spf_text).map_or_else(
            || "Name it there.".to_owned(),
            |text| format!("Publish \"{text}\", or add its terms to the record."),
        );
        let message = format!("The SPF record does not let us send: {who}. {mend}");
        findings.push(Finding::error(Area::Spf, Code::SpfNotAuthorized, &tree.domain, message));
    }
    findings[before..].iter().all(|finding| finding.severity != Severity::Error) && is_allowed
}

fn spf_finding(problem: &SpfProblem) -> Finding {
    let SpfProblem { code, domain, message, .. } = problem;
    match code {
        Code::LookupFailed => Finding::unknown(Area::Spf, domain, message),
        Code::InvalidMechanism => {
            let message =
                format!("The SPF record of {domain} is malformed and does not count: {message}. Mend it.");
            Finding::error(Area::Spf, *code, domain, message)
        }
        _ => {
            let mut text = message.clone();
            if let Some(first) = text.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            text.push('.');
            Finding::error(Area::Spf, *code, domain, text)
        }
    }
}

/// Terms that are allowed and do no good.
fn spf_habits(tree: &SpfTree, findings: &mut Vec<Finding>) {
    let name = &tree.domain;
    let mut has_end = false;
    for node in &tree.nodes {
        match &node.term.kind {
            _ if node.is_ignored => {
                let message =
                    format!("No receiver looks at {:?}: all decides before it. Take it out.", node.term.text);
                findings.push(Finding::warning(Area::Spf, Code::SpfIgnoredTerms, name, message));
            }
            TermKind::Mechanism(qualifier, Mechanism::All) => {
                has_end = true;
                if *qualifier == Qualifier::Pass {
                    let message = "The SPF record lets everybody send (+all). End it in ~all or -all.";
                    findings.push(Finding::error(Area::Spf, Code::SpfAllowsAll, name, message));
                }
            }
            TermKind::Modifier(Modifier::Redirect(_)) => has_end = true,
            TermKind::Mechanism(_, Mechanism::Ptr(_)) => {
                let message = "The SPF record uses ptr, which receivers are told not to look at. Name networks instead.";
                findings.push(Finding::warning(Area::Spf, Code::SpfUsesPtr, name, message));
            }
            TermKind::Mechanism(..) | TermKind::Modifier(_) => {}
        }
    }
    if !has_end {
        let message = "The SPF record does not say what to make of other hosts. End it in ~all.";
        findings.push(Finding::note(Area::Spf, Code::SpfOpenEnd, name, message));
    }
}

/// Whether a term that passes leads to the record of `name`, at any depth.
fn leads_to(tree: &SpfTree, name: &str) -> bool {
    tree.nodes.iter().filter(|node| !node.is_ignored).any(|node| {
        let passes = match &node.term.kind {
            TermKind::Mechanism(Qualifier::Pass, Mechanism::Include(_)) => true,
            TermKind::Modifier(Modifier::Redirect(_)) => true,
            TermKind::Mechanism(..) | TermKind::Modifier(_) => false,
        };
        let beneath = node.beneath.as_deref();
        passes && beneath.is_some_and(|beneath| beneath.domain == name || leads_to(beneath, name))
    })
}

/// Where `record` stands, given what was found already.
fn state_of(
    record: &DnsRecord,
    domain: &SendingDomain,
    findings: &[Finding],
    lookups: &mut Lookups<'_>,
) -> RecordState {
    match record.kind {
        RecordType::Mx => match lookups.mx(&record.name) {
            Found::Failed(_) => RecordState::Unknown,
            Found::None => RecordState::NotFound,
            Found::Some(found) => {
                let hosts: Vec<_> = found.iter().map(|mx| mx.exchange.to_ascii_lowercase()).collect();
                let is_foreign = |host: &String| !domain.mx.iter().any(|our| our.as_str() == host);
                if hosts.contains(&record.content) {
                    RecordState::Locked
                } else if hosts.iter().any(is_foreign) {
                    RecordState::Conflict
                } else {
                    RecordState::NotFound
                }
            }
        },
        RecordType::Txt => match lookups.txt(&record.name) {
            Found::Failed(_) => RecordState::Unknown,
            Found::None => RecordState::NotFound,
            Found::Some(texts) if !texts.iter().any(|text| record.purpose.is_served_by(text)) => {
                RecordState::NotFound
            }
            Found::Some(_) => {
                let is_wrong = findings.iter().any(|finding| is_about(finding, record));
                if is_wrong { RecordState::Conflict } else { RecordState::Locked }
            }
        },
    }
}

/// Whether a finding means that what stands in the place of `record` does not do.
fn is_about(finding: &Finding, record: &DnsRecord) -> bool {
    let is_bad = match record.purpose {
        Purpose::Dkim => matches!(
            finding.code,
            Code::MultipleDkim
                | Code::InvalidDkim
                | Code::DkimSplit
                | Code::DkimMismatch
                | Code::DkimRevoked
                | Code::DkimRestricted
        ),
        Purpose::Spf => finding.area == Area::Spf && finding.severity == Severity::Error,
        Purpose::Dmarc => finding.area == Area::Dmarc && finding.severity == Severity::Error,
        Purpose::ReturnPath => false,
    };
    // What is wrong beneath an SPF record spoils it too.
    is_bad && (record.purpose == Purpose::Spf || finding.name == record.name)
}

fn domain_state(
    records: &[RecordStatus],
    needs: &[Need],
    dkim: &[DkimFacts],
    findings: &[Finding],
) -> DomainState {
    let is_needed = |area: Area| matches!(area, Area::ReturnPath | Area::Spf | Area::Dkim | Area::Dmarc);
    let mut errors =
        findings.iter().filter(|finding| finding.severity == Severity::Error && is_needed(finding.area));
    let is_new = !records.is_empty()
        && records
            .iter()
            .filter(|status| status.record.purpose != Purpose::Dmarc)
            .all(|status| status.state == RecordState::NotFound);
    if is_new {
        return DomainState::Unconfigured;
    }
    if errors.next().is_some() {
        return DomainState::Misconfigured;
    }
    let mut needed = needs.iter().zip(dkim).filter(|(need, _)| **need == Need::Now);
    let is_unknown = |finding: &Finding| {
        finding.code == Code::LookupFailed && matches!(finding.area, Area::ReturnPath | Area::Spf)
    };
    let is_key_unknown = needed.any(|(_, facts)| facts.state == DkimKeyState::Unknown);
    if is_key_unknown || findings.iter().any(is_unknown) { DomainState::Unknown } else { DomainState::Ready }
}

#[cfg(test)]
mod tests;
