//! Zones whose mail is routed: what they are to have in the DNS, and whether they have it.

mod check;
mod records;
mod status;

pub use check::{RoutedName, RoutingReport, check_routing};
pub use records::routing_records;
pub use status::RoutingStatus;

use super::description::{DomainKey, SpfAuthority};
use crate::{
    address::{Domain, EmailAddress},
    tls::StsPolicy,
};

/// A zone that takes mail through us, and what the DNS is to say about it.
///
/// Its DMARC policy is left to its owner: it is about mail that the zone sends, and what is forwarded keeps its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingZone {
    /// The zone, at which its keys stand.
    pub zone: Domain,
    /// The names that take mail: the zone's own and subdomains. Each has MX and SPF records of its own, since neither
    /// goes by the name above.
    pub names: Vec<Domain>,
    /// Our hosts that take their mail, best first; empty where any will do.
    pub mx: Vec<Domain>,
    /// How SPF names our hosts; `None` where any valid record will do.
    pub spf: Option<SpfAuthority>,
    /// The keys that seal what is forwarded (ARC), as DKIM publishes them.
    pub keys: Vec<DomainKey>,
    /// The policy of MTA-STS, if they are to have one.
    pub mta_sts: Option<PolicyWish>,
    /// Who gets reports about TLS (RFC 8460), if somebody is to.
    pub tls_reports: Option<EmailAddress>,
    /// Time to live of the records, in seconds.
    pub ttl: u32,
}

/// A policy of MTA-STS and who serves it (RFC 8461 section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWish {
    /// The policy.
    pub policy: StsPolicy,
    /// The host to which `mta-sts.<name>` leads.
    pub host: Domain,
}

#[cfg(test)]
pub(super) mod tests;
