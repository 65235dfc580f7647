//! What receivers see of a domain.

use super::{
    dns::{DomainReport, Finding, MailHosts, SpfInspected},
    routing::RoutingReport,
};
use utoipa::ToSchema;

/// What receivers see of a domain by its own DNS.
#[derive(Debug, ToSchema)]
pub struct DomainExamination {
    /// What sending needs. Its findings stand in `findings` too.
    pub sending: DomainReport,
    /// What routing needs, if the domain takes mail. Its findings stand in `findings` too.
    pub routing: Option<RoutingReport>,
    /// The SPF record of the return path with all it leads to.
    pub spf: SpfInspected,
    /// The hosts that take mail for the domain itself.
    pub mx: MailHosts,
    /// What the domain publishes for those who send to it.
    pub receiving: ReceivingFacts,
    /// All that was found.
    pub findings: Vec<Finding>,
}

/// What a domain publishes for those who send to it.
#[derive(Debug, ToSchema)]
pub struct ReceivingFacts {
    /// MTA-STS.
    pub mta_sts: StsFacts,
    /// Who gets reports about TLS.
    pub tls_rpt: Vec<String>,
    /// DANE.
    pub dane: DaneFacts,
    /// BIMI.
    pub bimi: BimiFacts,
}

/// MTA-STS of a domain.
#[derive(Debug, ToSchema)]
pub struct StsFacts {
    /// The id in the TXT record.
    pub id: Option<String>,
    /// The policy's mode.
    pub mode: Option<String>,
    /// The hosts it allows.
    pub mx: Vec<String>,
}

/// DANE of a domain's mail hosts.
#[derive(Debug, ToSchema)]
pub struct DaneFacts {
    /// Each host with what its records ask.
    pub hosts: Vec<DaneHost>,
}

/// DANE of a host.
#[derive(Debug, ToSchema)]
pub struct DaneHost {
    /// Its name.
    pub host: String,
    /// How many usable TLSA records it has, with proof.
    pub records: usize,
}

/// BIMI of a domain.
#[derive(Debug, ToSchema)]
pub struct BimiFacts {
    /// The record at the selector `default`.
    pub record: Option<String>,
    /// Where the logo is.
    pub logo: Option<String>,
    /// Where the certificate is that says whose it is.
    pub evidence: Option<String>,
}
