//! TLS policies of recipient domains: MTA-STS (RFC 8461), DANE (RFC 7672), and reports about both (RFC 8460).
//!
//! What DNS and HTTPS answered comes in as values; what TLS must do for one host of one domain comes out.
//! [`policy`] is where the sources of a policy meet: the configuration, the domain's [`mta_sts`] policy, the
//! host's [`dane`] records, and what the message itself asks for (RFC 8689). What came of it is gathered by
//! [`report`] and sent by [`report_mail`].

pub mod dane;
pub mod mta_sts;
pub mod policy;
pub mod report;
pub mod report_mail;
mod txt;

pub use dane::{DaneDecision, DaneLookup, DaneMatch, DaneMismatch, RawTlsa, TlsaRecord};
pub use mta_sts::{StsCacheEntry, StsMode, StsPolicy, StsRecord};
pub use policy::{
    Audit, Authentication, HostRefusal, MxTrust, OnFailure, PolicyIdentity, PolicyReason, TlsLevel,
    TlsPolicy, TlsRequirement,
};
