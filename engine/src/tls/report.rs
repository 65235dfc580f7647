//! TLS reports (RFC 8460): once a day, domains that ask for it are told how TLS went with their hosts.
//!
//! 1. [`TlsRptRecord::find`] reads from DNS, at [`record_name`], whether a domain wants reports and where.
//! 2. [`TlsReportBuilder`] counts the sessions with its hosts, each under the policies that
//!    [`session_policies`] names. Only connecting and STARTTLS count, not what is delivered; a reused
//!    connection is no new session.
//! 3. [`TlsReportBuilder::finish`] makes the [`TlsReport`], whose JSON goes out by mail
//!    ([`report_mail`](super::report_mail)) or is posted to an HTTPS address as [`TlsReport::to_gzip`], with
//!    the media type [`GZIP_TYPE`].

mod builder;
mod document;
mod failure;
mod record;

pub use builder::{MAX_FAILURE_KINDS, MAX_POLICIES, TlsReportBuilder};
pub use document::{DateRange, GZIP_TYPE, ReportError, ReportHead, TlsReport};
pub use failure::{FailureDetail, FailureKind};
pub use record::{MAX_DESTINATIONS, ReportDestination, TlsRptRecord, TlsRptRecordError};

use super::{
    dane::{DaneDecision, TlsaRecord},
    mta_sts::{MxPattern, StsMode, StsPolicy},
    policy::TlsPolicy,
};
use crate::address::Domain;
use serde::{Deserialize, Serialize};

/// Where the TXT record of `domain` is found (section 3).
pub fn record_name(domain: &Domain) -> String {
    format!("_smtp._tls.{domain}")
}

/// The kind of a policy (section 4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyKind {
    /// DANE.
    Tlsa,
    /// MTA-STS.
    Sts,
    /// Neither: TLS is used where it is offered.
    NoPolicyFound,
}

/// Most lines of a policy that a report repeats.
const MAX_LINES: usize = 64;
/// Longest line of a policy that a report repeats, in characters.
const MAX_LINE: usize = 1_000;

/// A policy as a report names it (section 4.4, "policy").
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionPolicy {
    kind: PolicyKind,
    lines: Vec<String>,
    domain: String,
    mx: Vec<String>,
}

impl SessionPolicy {
    /// There was none for `domain`.
    pub fn none(domain: &Domain) -> Self {
        Self::of_kind(PolicyKind::NoPolicyFound, domain.as_str())
    }

    /// The MTA-STS policy of `domain`; of a very long one, the first 64 lines.
    pub fn sts(domain: &Domain, policy: &StsPolicy) -> Self {
        Self {
            lines: bounded(policy.lines()),
            mx: bounded(policy.mx().iter().map(MxPattern::to_string)),
            ..Self::of_kind(PolicyKind::Sts, domain.as_str())
        }
    }

    /// The usable TLSA records found at the base domain `base` (RFC 7672 section 2.2.3), which is the domain
    /// of such a policy (section 1.1). None where those that there are cannot be used.
    pub fn tlsa(base: &str, records: &[TlsaRecord]) -> Self {
        let lines = bounded(records.iter().map(TlsaRecord::to_string));
        Self { lines, ..Self::of_kind(PolicyKind::Tlsa, base) }
    }

    /// Its kind.
    pub fn kind(&self) -> PolicyKind {
        self.kind
    }

    /// A policy of which only the kind is told.
    fn of_kind(kind: PolicyKind, domain: &str) -> Self {
        Self { kind, lines: Vec::new(), domain: domain.to_owned(), mx: Vec::new() }
    }
}

fn bounded(lines: impl IntoIterator<Item = String>) -> Vec<String> {
    lines.into_iter().take(MAX_LINES).map(|line| line.chars().take(MAX_LINE).collect()).collect()
}

/// The policies that a session with a host of `domain` counts for, one or two: a domain with MTA-STS whose
/// host has TLSA records, found at `base`, gets to know about both.
pub fn session_policies(
    domain: &Domain,
    policy: &TlsPolicy,
    base: &str,
    dane: &DaneDecision,
) -> Vec<SessionPolicy> {
    let tlsa = match dane {
        DaneDecision::NotUsed => None,
        DaneDecision::Authenticate(records) => Some(SessionPolicy::tlsa(base, records)),
        DaneDecision::Encrypt | DaneDecision::Defer(_) => Some(SessionPolicy::tlsa(base, &[])),
    };
    let sts = policy.sts.as_ref().filter(|sts| sts.mode() != StsMode::None);
    let sts = sts.map(|sts| SessionPolicy::sts(domain, sts));
    match (tlsa, sts) {
        (None, None) => vec![SessionPolicy::none(domain)],
        (tlsa, sts) => tlsa.into_iter().chain(sts).collect(),
    }
}

#[cfg(test)]
mod tests;
