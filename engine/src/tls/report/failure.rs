//! What can go wrong with TLS, in the words of RFC 8460 section 4.3.

use crate::{smtp::reply::printable, tls::mta_sts::StsFetchError};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Longest name or reason kept of a failure, in characters.
const MAX_TEXT: usize = 255;

/// The kinds of failure (section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The server does not offer STARTTLS.
    StarttlsNotSupported,
    /// The certificate is for another host.
    CertificateHostMismatch,
    /// The certificate has expired, or is not valid yet.
    CertificateExpired,
    /// No trusted authority vouches for the certificate.
    CertificateNotTrusted,
    /// Anything else about the negotiation, or a host that the policy does not list.
    ValidationFailure,
    /// None of the TLSA records can be used, or none fits the server.
    TlsaInvalid,
    /// The TLSA records do not pass DNSSEC validation.
    DnssecInvalid,
    /// We demand DANE for the domain, and it has no TLSA records.
    DaneRequired,
    /// The MTA-STS policy cannot be fetched.
    StsPolicyFetchError,
    /// The MTA-STS policy is malformed.
    StsPolicyInvalid,
    /// The certificate of the MTA-STS policy's host is not valid.
    StsWebpkiInvalid,
}

impl From<&StsFetchError> for FailureKind {
    fn from(error: &StsFetchError) -> Self {
        match error {
            StsFetchError::Unreachable(_) | StsFetchError::Status(_) | StsFetchError::ContentType(_) => {
                Self::StsPolicyFetchError
            }
            StsFetchError::Certificate(_) => Self::StsWebpkiInvalid,
            StsFetchError::Invalid(_) => Self::StsPolicyInvalid,
        }
    }
}

/// What is told of failures that are alike (section 4.4, "failure-details").
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FailureDetail {
    pub(super) result_type: FailureKind,
    pub(super) sending_mta_ip: Option<IpAddr>,
    pub(super) receiving_mx_hostname: Option<String>,
    pub(super) receiving_mx_helo: Option<String>,
    pub(super) receiving_ip: Option<IpAddr>,
    pub(super) failure_reason_code: Option<String>,
}

impl FailureDetail {
    /// A failure of this kind, about which nothing else is known.
    pub fn new(result_type: FailureKind) -> Self {
        Self {
            result_type,
            sending_mta_ip: None,
            receiving_mx_hostname: None,
            receiving_mx_helo: None,
            receiving_ip: None,
            failure_reason_code: None,
        }
    }

    /// With our address.
    pub fn from_ip(mut self, ip: IpAddr) -> Self {
        self.sending_mta_ip = Some(ip);
        self
    }

    /// With the host that was connected to, and its address if it got that far.
    pub fn to_host(mut self, host: &str, ip: Option<IpAddr>) -> Self {
        self.receiving_mx_hostname = Some(short(host));
        self.receiving_ip = ip;
        self
    }

    /// With the name by which the server introduced itself.
    pub fn greeted_as(mut self, name: &str) -> Self {
        self.receiving_mx_helo = Some(short(name));
        self
    }

    /// With the reason in a few words. They are cut to 255 characters, made printable, and must come from a
    /// small set: failures with different reasons are listed one by one.
    pub fn because(mut self, reason: &str) -> Self {
        self.failure_reason_code = Some(short(reason));
        self
    }

    /// What kind it is.
    pub fn kind(&self) -> FailureKind {
        self.result_type
    }
}

fn short(text: &str) -> String {
    printable(text, MAX_TEXT)
}
