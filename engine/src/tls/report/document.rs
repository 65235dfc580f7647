//! The report as a document (RFC 8460 section 4.4).

use super::{
    PolicyKind, SessionPolicy,
    failure::{FailureDetail, FailureKind},
};
use crate::{
    address::{Domain, EmailAddress},
    time::UnixMillis,
};
use flate2::{Compression, GzBuilder};
use serde::{Serialize, Serializer};
use std::{io::Write, net::IpAddr};

/// The media type of a compressed report (section 6.4).
pub const GZIP_TYPE: &str = "application/tlsrpt+gzip";

/// What is told of a report beside its counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportHead {
    /// Who reports, in the words of the configuration.
    pub organization: String,
    /// Whom to ask about the report.
    pub contact: EmailAddress,
    /// A name for the report, unlike that of any other: printable ASCII without spaces.
    pub id: String,
    /// The time it is about; by section 4.1 a day of UTC.
    pub range: DateRange,
}

/// The time a report is about, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DateRange {
    /// Its first moment.
    #[serde(rename = "start-datetime", serialize_with = "rfc3339")]
    pub start: UnixMillis,
    /// Its last.
    #[serde(rename = "end-datetime", serialize_with = "rfc3339")]
    pub end: UnixMillis,
}

/// A finished report. Serialising gives the JSON of section 4.4.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TlsReport {
    organization_name: String,
    date_range: DateRange,
    contact_info: String,
    report_id: String,
    policies: Vec<PolicyResult>,
    #[serde(skip)]
    domain: Domain,
}

/// What happened under one policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct PolicyResult {
    policy: Policy,
    summary: Summary,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failure_details: Vec<Failure>,
}

/// [`SessionPolicy`] under the names of the RFC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Policy {
    policy_type: PolicyKind,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    policy_string: Vec<String>,
    policy_domain: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mx_host: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Summary {
    total_successful_session_count: u64,
    total_failure_session_count: u64,
}

/// [`FailureDetail`] under the names of the RFC, with how often it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Failure {
    result_type: FailureKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    sending_mta_ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receiving_mx_hostname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receiving_mx_helo: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receiving_ip: Option<IpAddr>,
    failed_session_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason_code: Option<String>,
}

/// Why a report could not be written. It does not happen to reports of our own making; nothing can be done
/// about it but to tell the operator.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Serialising failed.
    #[error("the TLS report about {domain} cannot be written as JSON: {source}")]
    Json {
        /// Whom the report is about.
        domain: Domain,
        /// The cause.
        source: serde_json::Error,
    },
    /// Compressing failed.
    #[error("the TLS report about {domain} cannot be compressed: {source}")]
    Gzip {
        /// Whom the report is about.
        domain: Domain,
        /// The cause.
        source: std::io::Error,
    },
}

impl TlsReport {
    pub(super) fn new(head: ReportHead, policies: Vec<PolicyResult>, domain: Domain) -> Self {
        Self {
            organization_name: head.organization,
            date_range: head.range,
            contact_info: head.contact.as_str().to_owned(),
            report_id: head.id,
            policies,
            domain,
        }
    }

    /// Whom it is about.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.report_id
    }

    /// The time it is about.
    pub fn range(&self) -> DateRange {
        self.date_range
    }

    /// Its JSON.
    ///
    /// # Errors
    /// [`ReportError::Json`].
    pub fn to_json(&self) -> Result<Vec<u8>, ReportError> {
        serde_json::to_vec(self).map_err(|source| ReportError::Json { domain: self.domain.clone(), source })
    }

    /// Its JSON, compressed (section 5.1). Equal reports give equal bytes.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn to_gzip(&self) -> Result<Vec<u8>, ReportError> {
        let mut writer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
        let json = self.to_json()?;
        writer
            .write_all(&json)
            .and_then(|()| writer.finish())
            .map_err(|source| ReportError::Gzip { domain: self.domain.clone(), source })
    }

    /// What its file is called (section 5.1): `sender!example.com!1013662812!1013749130.json.gz`, where
    /// `submitter` is the name of the host that reports.
    pub fn file_name(&self, submitter: &Domain) -> String {
        let DateRange { start, end } = self.date_range;
        format!("{submitter}!{}!{}!{}.json.gz", self.domain, start.as_secs(), end.as_secs())
    }
}

impl PolicyResult {
    pub(super) fn new(policy: SessionPolicy, successes: u64, failures: Vec<(FailureDetail, u64)>) -> Self {
        let failed = failures.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
        Self {
            policy: Policy {
                policy_type: policy.kind,
                policy_string: policy.lines,
                policy_domain: policy.domain,
                mx_host: policy.mx,
            },
            summary: Summary {
                total_successful_session_count: successes,
                total_failure_session_count: failed,
            },
            failure_details: failures
                .into_iter()
                .map(|(detail, count)| Failure::new(detail, count))
                .collect(),
        }
    }
}

impl Failure {
    fn new(detail: FailureDetail, failed_session_count: u64) -> Self {
        Self {
            result_type: detail.result_type,
            sending_mta_ip: detail.sending_mta_ip,
            receiving_mx_hostname: detail.receiving_mx_hostname,
            receiving_mx_helo: detail.receiving_mx_helo,
            receiving_ip: detail.receiving_ip,
            failed_session_count,
            failure_reason_code: detail.failure_reason_code,
        }
    }
}

/// Whole seconds, `2016-04-01T00:00:00Z`: some readers know no fractions.
fn rfc3339<S: Serializer>(at: &UnixMillis, serializer: S) -> Result<S::Ok, S::Error> {
    let exact = at.to_string();
    let seconds = exact.split_once('.').map_or(exact.as_str(), |(seconds, _)| seconds);
    serializer.collect_str(&format_args!("{seconds}Z"))
}
