//! TLS reports: how sessions went, by kind of policy and by what failed.

use super::{Unreadable, shown};
use crate::{address::Domain, time::UnixMillis};
use mail_auth::report::tlsrpt::{Policy, TlsReport};
use serde::Serialize;
use std::collections::BTreeMap;

/// Most octets of a document; parsed it takes some ten times as much.
const MAX_JSON: usize = 4 << 20;
/// Most characters that are kept of a name or an id.
const MAX_WORDS: usize = 200;

/// A report on TLS with the hosts of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsReceived {
    /// Who reports, in his words.
    pub organization: String,
    /// Whom to ask about it.
    pub contact: String,
    /// His name for the report.
    pub id: String,
    /// The time that it covers.
    pub begin: UnixMillis,
    /// Its end.
    pub end: UnixMillis,
    /// What happened, each thing once.
    pub results: Vec<TlsResult>,
}

/// Sessions that went the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsResult {
    /// The domain of the policy.
    pub domain: Domain,
    /// `tlsa`, `sts`, `no-policy-found` or `other` (RFC 8460 section 4.2).
    pub policy: String,
    /// `success`, or what failed (section 4.3).
    pub result: String,
    /// Sessions.
    pub sessions: u64,
}

/// What sessions that went well are called.
const SUCCESS: &str = "success";
/// What failed sessions are called that the details do not explain.
const UNSPECIFIED: &str = "other";

/// Reads a document.
pub(super) fn read(json: &[u8]) -> Result<TlsReceived, Unreadable> {
    if json.len() > MAX_JSON {
        return Err(Unreadable::TooLarge);
    }
    let malformed = |why: &str| Unreadable::Malformed(why.to_owned());
    let report: TlsReport = serde_json::from_slice(json)
        .map_err(|error| Unreadable::Malformed(shown(&error.to_string(), MAX_WORDS)))?;
    let seconds = |at: i64| UnixMillis::new(u64::try_from(at).unwrap_or(0).saturating_mul(1_000));
    let begin = seconds(report.date_range.start_datetime.to_timestamp());
    let end = seconds(report.date_range.end_datetime.to_timestamp());
    if begin.as_secs() == 0 || end < begin {
        return Err(malformed("it does not say what time it is about"));
    }
    let id = shown(&report.report_id, MAX_WORDS);
    if id.is_empty() {
        return Err(malformed("it has no id"));
    }
    let text = |text: Option<String>| shown(&text.unwrap_or_default(), MAX_WORDS);
    let results = results(&report.policies);
    let (organization, contact) = (text(report.organization_name), text(report.contact_info));
    Ok(TlsReceived { organization, contact, id, begin, end, results })
}

fn results(policies: &[Policy]) -> Vec<TlsResult> {
    let mut sums: BTreeMap<(Domain, String, String), u64> = BTreeMap::new();
    for policy in policies {
        // A policy of TLSA records is that of a host, of MTA-STS that of a domain.
        let Ok(domain) = Domain::parse(policy.policy.policy_domain.trim().trim_end_matches('.')) else {
            continue;
        };
        let kind = word(&policy.policy.policy_type);
        let mut add = |result: &str, sessions: u64| {
            let sum = sums.entry((domain.clone(), kind.clone(), result.to_owned())).or_default();
            *sum = sum.saturating_add(sessions);
        };
        add(SUCCESS, policy.summary.total_success.into());
        let mut unexplained = u64::from(policy.summary.total_failure);
        for detail in &policy.failure_details {
            // Details cannot be about more sessions than failed.
            let sessions = u64::from(detail.failed_session_count).min(unexplained);
            add(&word(&detail.result_type), sessions);
            unexplained -= sessions;
        }
        add(UNSPECIFIED, unexplained);
    }
    let kept = sums.into_iter().filter(|(_, sessions)| *sessions > 0);
    kept.map(|((domain, policy, result), sessions)| TlsResult { domain, policy, result, sessions }).collect()
}

/// The word of the RFC for it.
fn word(kind: &impl Serialize) -> String {
    let word = serde_json::to_value(kind).ok().and_then(|word| word.as_str().map(str::to_lowercase));
    word.unwrap_or_else(|| UNSPECIFIED.to_owned())
}
