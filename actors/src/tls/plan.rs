//! What TLS must do: for a domain, for a pool of connections, for one host.

use mailwright_engine::{
    address::Domain,
    class::TransportSecurity,
    shaping::Limits,
    smtp::{
        client::ClientTls,
        verdict::{Outcome, Verdict},
    },
    tls::{
        MxTrust, OnFailure, PolicyIdentity, StsPolicy, TlsLevel, TlsPolicy, TlsRequirement,
        report::SessionPolicy,
    },
};
use rustls::ClientConfig;
use std::sync::Arc;

/// What the recipient's domain asks, or what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainTls {
    /// The domain; `None` for a configured next hop.
    pub domain: Option<Domain>,
    /// Its MTA-STS policy in force, if any.
    pub sts: Option<StsPolicy>,
    /// Whether its MX records are proved.
    pub mx: MxTrust,
}

impl DomainTls {
    /// A configured next hop: we know whom we want to talk to, and nobody else has a say.
    pub const fn of_route() -> Self {
        Self { domain: None, sts: None, mx: MxTrust::Secure }
    }

    /// What connections for this domain must come to where `limits` hold, for messages that ask for `security`.
    pub fn plan(&self, security: TransportSecurity, limits: &Limits) -> TlsPlan {
        let policy =
            TlsPolicy { demand: limits.tls, minimum: limits.tls_minimum, sts: self.sts.clone(), mx: self.mx };
        TlsPlan { policy: Arc::new(policy), security, domain: self.domain.clone() }
    }
}

/// What the connections of a pool must come to.
#[derive(Debug, Clone)]
pub struct TlsPlan {
    /// The policy of the pool's domains.
    pub policy: Arc<TlsPolicy>,
    /// What the messages ask.
    pub security: TransportSecurity,
    /// The first domain of the pool: whom sessions are reported to.
    pub domain: Option<Domain>,
}

impl TlsPlan {
    /// What makes connections interchangeable.
    pub fn identity(&self) -> PolicyIdentity {
        self.policy.identity(self.security)
    }
}

/// What a connection to one host must come to.
#[derive(Debug, Clone)]
pub struct HostTls {
    /// How much, and who asks for it.
    pub requirement: TlsRequirement,
    /// The name that the server is asked to prove: the host's, or where its TLSA records stand.
    pub name: String,
    /// How; `None` where no TLS is wanted.
    pub config: Option<Arc<ClientConfig>>,
    /// Under which policies sessions are counted, and for whom.
    pub(super) counted: Option<(Domain, Vec<SessionPolicy>)>,
}

impl HostTls {
    /// What the SMTP session is told.
    pub fn mode(&self) -> ClientTls {
        match self.requirement.level {
            TlsLevel::Never => ClientTls::Never,
            TlsLevel::Opportunistic => ClientTls::Opportunistic,
            TlsLevel::Encrypted | TlsLevel::Authenticated(_) => ClientTls::Required,
        }
    }

    /// Whether plain text will do when TLS fails.
    pub fn falls_back(&self) -> bool {
        self.requirement.on_failure() == OnFailure::FallBack
    }

    /// What it means for mail that TLS with the host failed as `verdict` says: it waits, or its sender would rather
    /// know (RFC 8689 section 4.2.1).
    pub fn judged(&self, verdict: Verdict) -> Verdict {
        match self.requirement.on_failure() {
            OnFailure::Bounce => Verdict::requiretls_not_met(&verdict),
            OnFailure::Defer | OnFailure::FallBack => Verdict { outcome: Outcome::Soft, ..verdict },
        }
    }
}
