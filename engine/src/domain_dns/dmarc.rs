//! DMARC (RFC 9989): which policy holds for a domain, and whether what we send aligns with it.
//!
//! The organisational domain is found by walking up the tree (section 4.10), which needs no list of public suffixes.

mod destinations;

pub use destinations::{ReportAddress, ReportWish, report_destinations};

use super::{
    answers::{Found, Lookups},
    finding::{Area, Code, Finding},
    tags::{TagError, TagList, has_version},
};
use crate::address::Domain;
use serde::{Deserialize, Serialize};

/// Most labels of a name that is walked up label by label (section 4.10); longer ones are cut to one less.
const MAX_LABELS: usize = 8;

/// What receivers are asked to do with mail that does not align (section 4.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DmarcPolicy {
    /// Nothing.
    None,
    /// To distrust it.
    Quarantine,
    /// To refuse it.
    Reject,
}

impl DmarcPolicy {
    /// As records write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::Quarantine, Self::Reject]
            .into_iter()
            .find(|p| text.eq_ignore_ascii_case(p.as_str()))
    }
}

/// How much alike names must be (section 4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Alignment {
    /// Of one organisational domain.
    Relaxed,
    /// The same.
    Strict,
}

/// A policy record (section 4.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DmarcRecord {
    /// `p=`; none where it is left out.
    pub policy: DmarcPolicy,
    /// `sp=`, for names beneath; `p=` where it is left out.
    pub subdomains: DmarcPolicy,
    /// `adkim=`
    pub dkim: Alignment,
    /// `aspf=`
    pub spf: Alignment,
    /// `rua=`: the URIs that get aggregate reports.
    pub reports: Vec<String>,
    /// `psd=`: whether the name is one beneath which others have domains.
    is_public_suffix: Option<bool>,
}

/// Why a record is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DmarcError {
    /// It is no list of tags.
    #[error(transparent)]
    Tags(#[from] TagError),
    /// A tag has a value that it cannot have.
    #[error("{tag}={value} must be {expected}")]
    Value {
        /// The tag.
        tag: &'static str,
        /// Its value.
        value: String,
        /// What it could be.
        expected: &'static str,
    },
    /// There is neither a policy nor anybody to report to.
    #[error("there is no p=")]
    NoPolicy,
}

impl DmarcRecord {
    /// Reads a record.
    ///
    /// # Errors
    /// The first thing wrong.
    pub fn parse(text: &str) -> Result<Self, DmarcError> {
        let tags = TagList::parse(text)?;
        let reports: Vec<_> =
            tags.get("rua").into_iter().flat_map(|uris| uris.split(',')).map(str::trim).collect();
        if let Some(wrong) = reports.iter().find(|uri| !uri.contains(':')) {
            return Err(value("rua", wrong, "URIs like mailto:dmarc@example.com"));
        }
        let policy = match policy(&tags, "p")? {
            Some(policy) => policy,
            None if reports.is_empty() => return Err(DmarcError::NoPolicy),
            None => DmarcPolicy::None,
        };
        Ok(Self {
            policy,
            subdomains: self::policy(&tags, "sp")?.unwrap_or(policy),
            dkim: alignment(&tags, "adkim")?,
            spf: alignment(&tags, "aspf")?,
            reports: reports.into_iter().map(str::to_owned).collect(),
            is_public_suffix: match tags.get("psd") {
                Some("y" | "Y") => Some(true),
                Some("n" | "N") => Some(false),
                _ => None,
            },
        })
    }
}

fn policy(tags: &TagList<'_>, tag: &'static str) -> Result<Option<DmarcPolicy>, DmarcError> {
    let Some(text) = tags.get(tag) else { return Ok(None) };
    let policy = DmarcPolicy::parse(text).ok_or_else(|| value(tag, text, "none, quarantine or reject"))?;
    Ok(Some(policy))
}

fn alignment(tags: &TagList<'_>, tag: &'static str) -> Result<Alignment, DmarcError> {
    match tags.get(tag) {
        None | Some("r" | "R") => Ok(Alignment::Relaxed),
        Some("s" | "S") => Ok(Alignment::Strict),
        Some(text) => Err(value(tag, text, "r or s")),
    }
}

fn value(tag: &'static str, text: &str, expected: &'static str) -> DmarcError {
    DmarcError::Value { tag, value: text.chars().take(60).collect(), expected }
}

/// What is known of a domain's policy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct DmarcFacts {
    /// Where the policy stands that holds: at the domain, or above.
    pub name: Option<String>,
    /// The record there.
    pub record: Option<String>,
    /// What it asks of receivers for mail from here.
    pub policy: Option<DmarcPolicy>,
    /// The organisational domain.
    pub organizational_domain: Option<String>,
    /// Whether our signatures align, once they can be verified.
    pub dkim_aligned: bool,
    /// Whether our envelope senders align, once SPF passes for them.
    pub spf_aligned: bool,
}

/// Who sends, as DMARC sees it.
pub(super) struct Sender<'a> {
    /// The domain of the policy.
    pub(super) domain: &'a Domain,
    /// Whether mail comes from names beneath the domain, not from itself.
    pub(super) is_wildcard: bool,
    pub(super) return_path: &'a Domain,
    /// Whether a signature can be verified.
    pub(super) has_dkim: bool,
    /// Whether SPF passes.
    pub(super) has_spf: bool,
}

/// Looks at the policy for what `sender` sends.
pub(super) fn check(
    sender: &Sender<'_>,
    lookups: &mut Lookups<'_>,
    findings: &mut Vec<Finding>,
) -> DmarcFacts {
    let domain = sender.domain.as_str();
    let organizational = organizational_domain(domain, lookups);
    let mut facts =
        DmarcFacts { organizational_domain: Some(organizational.clone()), ..DmarcFacts::default() };
    let Some((place, text)) = find(domain, &organizational, lookups, findings) else {
        // Without a policy there is nothing to align with; relaxed is what a policy would ask.
        let aspf = organizational_domain(sender.return_path.as_str(), lookups) == organizational;
        return DmarcFacts { dkim_aligned: true, spf_aligned: aspf, ..facts };
    };
    let name = format!("_dmarc.{place}");
    facts.name = Some(name.clone());
    facts.record = Some(text.clone());
    let record = match DmarcRecord::parse(&text) {
        Ok(record) => record,
        Err(error) => {
            let message = format!("The DMARC record is malformed and does not count: {error}. Mend it.");
            findings.push(Finding::error(Area::Dmarc, Code::InvalidDmarc, &name, message));
            return facts;
        }
    };
    let is_beneath = sender.is_wildcard || place != domain;
    let policy = if is_beneath { record.subdomains } else { record.policy };
    facts.policy = Some(policy);
    if place != domain {
        let message = format!("{domain} has no policy of its own; that of {place} holds for it.");
        findings.push(Finding::note(Area::Dmarc, Code::MissingDmarc, &format!("_dmarc.{domain}"), message));
    }
    align(sender, &record, &organizational, lookups, &mut facts);
    judge_alignment(sender, &record, policy, &facts, &name, findings);
    check_reports(&place, &name, &record, lookups, findings);
    facts
}

/// The record that holds for `domain` and the name it stands at, with findings where there is none or too many.
fn find(
    domain: &str,
    organizational: &str,
    lookups: &mut Lookups<'_>,
    findings: &mut Vec<Finding>,
) -> Option<(String, String)> {
    let own = format!("_dmarc.{domain}");
    for place in [domain, organizational] {
        match at(place, lookups) {
            At::One(text) => return Some((place.to_owned(), text)),
            At::Several(count) => {
                let message =
                    format!("There are {count} DMARC records, so that none counts. Leave one of them.");
                findings.push(Finding::error(
                    Area::Dmarc,
                    Code::MultipleDmarc,
                    &format!("_dmarc.{place}"),
                    message,
                ));
                return None;
            }
            At::Failed(why) => {
                findings.push(Finding::unknown(Area::Dmarc, &format!("_dmarc.{place}"), &why));
                return None;
            }
            At::None => {}
        }
    }
    if let Found::Some(targets) = lookups.alias(&own) {
        let target = targets.first().cloned().unwrap_or_default();
        let message = format!(
            "An alias leads from here to {target}, where there is no DMARC record. Publish one there, or take the alias out."
        );
        findings.push(Finding::warning(Area::Dmarc, Code::CnameOnDmarc, &own, message));
        return None;
    }
    let message = "There is no DMARC record; large receivers want one of whoever sends much. Start with \
                   \"v=DMARC1; p=none; rua=mailto:…\" and look at the reports.";
    findings.push(Finding::warning(Area::Dmarc, Code::MissingDmarc, &own, message));
    None
}

/// The DMARC records at one name.
enum At {
    None,
    One(String),
    Several(usize),
    Failed(String),
}

fn at(domain: &str, lookups: &mut Lookups<'_>) -> At {
    let texts = match lookups.txt(&format!("_dmarc.{domain}")) {
        Found::Some(texts) => texts,
        Found::None => return At::None,
        Found::Failed(why) => return At::Failed(why),
    };
    let mut records: Vec<_> = texts.into_iter().filter(|text| has_version(text, "DMARC1")).collect();
    match records.len() {
        0 => At::None,
        1 => records.pop().map_or(At::None, At::One),
        count => At::Several(count),
    }
}

/// The organisational domain of `name` (section 4.10.2).
fn organizational_domain(name: &str, lookups: &mut Lookups<'_>) -> String {
    let mut found = None;
    let mut beneath: Option<&str> = None;
    for place in walk(name) {
        if let At::One(text) = at(place, lookups) {
            match DmarcRecord::parse(&text).ok().and_then(|record| record.is_public_suffix) {
                Some(false) => return place.to_owned(),
                Some(true) if place != name => {
                    return beneath.unwrap_or(name).to_owned();
                }
                _ => found = Some(place),
            }
        }
        beneath = Some(place);
    }
    found.unwrap_or(name).to_owned()
}

/// `name` and the names above it, at most eight in all (section 4.10).
fn walk(name: &str) -> Vec<&str> {
    let labels = name.split('.').count();
    let mut names = vec![name];
    let mut rest = name;
    let mut left = labels;
    while let Some((_, above)) = rest.split_once('.') {
        rest = above;
        left -= 1;
        if left < MAX_LABELS {
            names.push(rest);
        }
    }
    names
}

/// Whether our two ways to align do, as names go.
fn align(
    sender: &Sender<'_>,
    record: &DmarcRecord,
    organizational: &str,
    lookups: &mut Lookups<'_>,
    facts: &mut DmarcFacts,
) {
    // Signed with d= the domain itself; a wildcard's mail comes from beneath it.
    facts.dkim_aligned = record.dkim == Alignment::Relaxed || !sender.is_wildcard;
    facts.spf_aligned = match record.spf {
        Alignment::Strict => !sender.is_wildcard && sender.return_path == sender.domain,
        Alignment::Relaxed => organizational_domain(sender.return_path.as_str(), lookups) == organizational,
    };
}

fn judge_alignment(
    sender: &Sender<'_>,
    record: &DmarcRecord,
    policy: DmarcPolicy,
    facts: &DmarcFacts,
    name: &str,
    findings: &mut Vec<Finding>,
) {
    let by_dkim = facts.dkim_aligned && sender.has_dkim;
    let by_spf = facts.spf_aligned && sender.has_spf;
    let strict = [("adkim=s", facts.dkim_aligned), ("aspf=s", facts.spf_aligned)];
    let strict: Vec<_> = strict.into_iter().filter(|(_, aligned)| !aligned).map(|(tag, _)| tag).collect();
    if !by_dkim && !by_spf {
        let mut message =
            "Nothing we send passes DMARC: neither a signature nor SPF both passes and aligns.".to_owned();
        if strict.is_empty() {
            message.push_str(" Publish the DKIM keys and the SPF record");
        } else {
            message = format!("{message} Take {} out of the record", strict.join(" and "));
        }
        if policy == DmarcPolicy::None {
            message.push('.');
            findings.push(Finding::warning(Area::Dmarc, Code::DmarcStrictAlignment, name, message));
        } else {
            message =
                format!("{message}, and use p=none until then: {} turns our mail away.", policy.as_str());
            findings.push(Finding::error(Area::Dmarc, Code::DmarcTooStrict, name, message));
        }
        return;
    }
    let is_asked = record.dkim == Alignment::Strict || record.spf == Alignment::Strict;
    if is_asked && !strict.is_empty() {
        let (tag, other) = if facts.dkim_aligned { ("aspf=s", "DKIM") } else { ("adkim=s", "SPF") };
        let message = format!(
            "With {tag} only {other} is left to align; one failure there and {} applies.",
            policy.as_str()
        );
        findings.push(Finding::warning(Area::Dmarc, Code::DmarcStrictAlignment, name, message));
    }
    if policy == DmarcPolicy::None {
        let message =
            "The policy asks for nothing (p=none). When the reports look right, go on to quarantine.";
        findings.push(Finding::note(Area::Dmarc, Code::DmarcMonitorOnly, name, message));
    }
}

/// Whether somebody gets reports, and has agreed to (RFC 9990 section 4).
fn check_reports(
    place: &str,
    name: &str,
    record: &DmarcRecord,
    lookups: &mut Lookups<'_>,
    findings: &mut Vec<Finding>,
) {
    if record.reports.is_empty() {
        let message = "The policy asks for no reports, so nobody sees what fails. Add rua=mailto:….";
        findings.push(Finding::note(Area::Dmarc, Code::MissingDmarcRua, name, message));
        return;
    }
    let organizational = organizational_domain(place, lookups);
    for host in record.reports.iter().filter_map(|uri| destination(uri)) {
        if organizational_domain(host.as_str(), lookups) == organizational {
            continue;
        }
        if matches!(destinations::consent(place, &host, lookups), Found::None | Found::Some(false)) {
            let message = format!(
                "Reports go to {host}, which has not agreed to take them: publish \"v=DMARC1\" at \
                 {place}._report._dmarc.{host}."
            );
            findings.push(Finding::warning(Area::Dmarc, Code::UnauthorizedReportingDomain, name, message));
        }
    }
}

/// The domain of a `mailto:` URI.
fn destination(uri: &str) -> Option<Domain> {
    let (scheme, rest) = uri.split_once(':')?;
    let address = rest.split(['!', '?']).next()?;
    let (_, domain) = address.rsplit_once('@')?;
    Domain::parse(domain)
        .ok()
        .filter(|domain| scheme.eq_ignore_ascii_case("mailto") && domain.literal().is_none())
}

#[cfg(test)]
mod tests;
