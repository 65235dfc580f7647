//! What TLS must do for a message to one host of one domain: where all sources of a policy meet.
//!
//! Four may ask for something, and the strictest is done:
//!
//! | who | asks for |
//! |---|---|
//! | the configuration ([`TlsDemand`]) | anything from plain text to a valid certificate |
//! | the host, with TLSA records ([`DaneDecision`]) | TLS, to a server that a record fits |
//! | the domain, with an MTA-STS policy ([`StsPolicy`]) | TLS, to a host it lists, with a valid certificate |
//! | the message ([`TransportSecurity`]) | an authenticated server that passes the demand on; or less (RFC 8689) |
//!
//! Where two ask for an authenticated server, DANE decides how: MTA-STS never lets pass what DANE refuses
//! (RFC 8461 section 2), and of hosts whose MX records and TLSA records are both signed, an MTA-STS policy
//! chooses none out. The configuration's [`TlsDemand::Never`] is obeyed before everything else: it is there
//! for a server whose TLS is broken. `TLS-Required: No` (RFC 8689 section 5) makes us overlook the
//! recipient's policies, not our own configuration.
//!
//! Nothing here compares certificates: [`TlsRequirement`] says what the handshake must prove.

mod identity;

pub use identity::PolicyIdentity;

use super::{
    dane::DaneDecision,
    mta_sts::{StsMode, StsPolicy},
};
use crate::{
    class::TransportSecurity,
    shaping::{TlsDemand, TlsMinimum},
    smtp::reply::EnhancedCode,
};

/// Whether the list of a domain's mail hosts is known to be the domain's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MxTrust {
    /// DNSSEC proves it; or no DNS was asked, because the address or the configuration names the host.
    Secure,
    /// Somebody on the way could have written it.
    Insecure,
}

/// All that is known about the TLS policy of one domain, before a host of it is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsPolicy {
    /// What the configuration asks at the domain's site.
    pub demand: TlsDemand,
    /// The oldest version of TLS that will do where TLS is required. Optional TLS takes any version: the
    /// alternative would be plain text (RFC 7435).
    pub minimum: TlsMinimum,
    /// The MTA-STS policy in force, if any.
    pub sts: Option<StsPolicy>,
    /// Whether the MX records are secure.
    pub mx: MxTrust,
}

/// How a server proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Authentication {
    /// With a certificate for the host's name from a public authority (RFC 8461 section 4.2).
    WebPki,
    /// With one that fits a TLSA record of the host (RFC 7672); see
    /// [`match_chain`](super::dane::match_chain).
    Dane,
}

/// How much TLS there must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsLevel {
    /// None, even where it is offered.
    Never,
    /// As much as the server offers; certificates are not looked at.
    Opportunistic,
    /// Some, with whatever certificate.
    Encrypted,
    /// Some, with a server that proves who it is.
    Authenticated(Authentication),
}

/// Who decided on the level; kept with a delivery, to tell people why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PolicyReason {
    /// The configuration, its defaults included.
    Configuration,
    /// The domain's MTA-STS policy.
    MtaSts,
    /// The host's TLSA records.
    Dane,
    /// The message, with REQUIRETLS.
    RequireTls,
    /// The message, with `TLS-Required: No`.
    TlsNotRequired,
}

impl PolicyReason {
    /// A word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::MtaSts => "mta-sts",
            Self::Dane => "dane",
            Self::RequireTls => "requiretls",
            Self::TlsNotRequired => "tls-not-required",
        }
    }
}

/// What follows when a host does not do what is required. Other hosts of the domain are tried first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnFailure {
    /// The message goes out in plain text.
    FallBack,
    /// The message waits: the fault may be repaired, or be an attack that ends.
    Defer,
    /// The message goes back with 5.7.30: its sender would rather know (RFC 8689 section 4.2.1).
    Bounce,
}

/// What a policy in testing mode wants to hear about (RFC 8461 section 5). It is reported and hinders
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Audit {
    /// Whether the server's certificate is valid for the host, as [`Authentication::WebPki`] has it.
    Certificate,
    /// That the domain's policy does not list the host; known before connecting.
    UnlistedHost,
}

/// What must be done for a message to one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TlsRequirement {
    /// How much TLS.
    pub level: TlsLevel,
    /// The oldest version that will do.
    pub minimum: TlsMinimum,
    /// Who asked for it.
    pub why: PolicyReason,
    /// What to find out besides, for the domain's owner.
    pub audit: Option<Audit>,
}

impl TlsRequirement {
    /// What follows when the host does not do it.
    pub const fn on_failure(&self) -> OnFailure {
        match (self.why, self.level) {
            (PolicyReason::RequireTls, _) => OnFailure::Bounce,
            (_, TlsLevel::Never | TlsLevel::Opportunistic) => OnFailure::FallBack,
            (_, TlsLevel::Encrypted | TlsLevel::Authenticated(_)) => OnFailure::Defer,
        }
    }
}

/// Why a message must not go to a host at all. The next host may do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostRefusal {
    /// The domain's MTA-STS policy in enforce mode does not list the host (RFC 8461 section 5.1).
    #[error(
        "the domain's MTA-STS policy does not list the mail host {0}; its MX records or its policy are wrong"
    )]
    NotInStsPolicy(String),
    /// Whether the host uses DANE cannot be told (RFC 7672 section 2.1.2).
    #[error("the TLSA records of the mail host {host} cannot be looked up: {why}")]
    TlsaLookup {
        /// The host.
        host: String,
        /// What DNS said.
        why: String,
    },
    /// The message needs REQUIRETLS, and nothing proves that the host is the domain's (RFC 8689 section
    /// 4.2.1).
    #[error(
        "the message must only travel to authenticated servers, and neither DNSSEC nor MTA-STS proves that {0} \
         receives the domain's mail"
    )]
    HostNotProven(String),
    /// The message needs REQUIRETLS, and the configuration forbids TLS to the site.
    #[error("the message must only travel over TLS, and the configuration forbids TLS to {0}")]
    TlsForbidden(String),
}

impl HostRefusal {
    /// The status for delivery reports: 4.7.5 and 4.4.3 for what may be repaired, 5.7.30 for what REQUIRETLS
    /// rules out.
    pub const fn status(&self) -> EnhancedCode {
        match self {
            Self::NotInStsPolicy(_) => EnhancedCode::new(4, 7, 5),
            Self::TlsaLookup { .. } => EnhancedCode::new(4, 4, 3),
            Self::HostNotProven(_) | Self::TlsForbidden(_) => EnhancedCode::new(5, 7, 30),
        }
    }

    /// What follows when every host of the domain is refused.
    pub const fn on_failure(&self) -> OnFailure {
        match self {
            Self::NotInStsPolicy(_) | Self::TlsaLookup { .. } => OnFailure::Defer,
            Self::HostNotProven(_) | Self::TlsForbidden(_) => OnFailure::Bounce,
        }
    }
}

impl TlsPolicy {
    /// The policy of a domain about which only the configuration says something.
    pub fn configured(demand: TlsDemand, minimum: TlsMinimum) -> Self {
        Self { demand, minimum, sts: None, mx: MxTrust::Insecure }
    }

    /// What must be done for a message that asks for `message`, to the domain's mail host `host` whose TLSA
    /// records ask for `dane`.
    ///
    /// # Errors
    /// [`HostRefusal`] when the host must not be used for it.
    pub fn for_host(
        &self,
        host: &str,
        dane: &DaneDecision,
        message: TransportSecurity,
    ) -> Result<TlsRequirement, HostRefusal> {
        match message {
            TransportSecurity::NotRequired => Ok(self.overlooking_the_recipient()),
            TransportSecurity::ByPolicy if self.demand == TlsDemand::Never => Ok(self.by_configuration()),
            TransportSecurity::ByPolicy => self.by_policies(host, dane),
            TransportSecurity::Required => self.with_requiretls(host, dane),
        }
    }

    /// What makes connections for this domain and for another interchangeable, as far as TLS goes.
    pub fn identity(&self, message: TransportSecurity) -> PolicyIdentity {
        PolicyIdentity::new(self, message)
    }

    fn by_configuration(&self) -> TlsRequirement {
        let level = match self.demand {
            TlsDemand::Never => TlsLevel::Never,
            TlsDemand::Opportunistic => TlsLevel::Opportunistic,
            TlsDemand::Required => TlsLevel::Encrypted,
            TlsDemand::Verified => TlsLevel::Authenticated(Authentication::WebPki),
        };
        self.requirement(level, PolicyReason::Configuration)
    }

    fn overlooking_the_recipient(&self) -> TlsRequirement {
        let configured = self.by_configuration();
        match configured.level {
            TlsLevel::Opportunistic => TlsRequirement { why: PolicyReason::TlsNotRequired, ..configured },
            _ => configured,
        }
    }

    fn by_policies(&self, host: &str, dane: &DaneDecision) -> Result<TlsRequirement, HostRefusal> {
        check_tlsa_known(host, dane)?;
        self.check_listed(host, dane)?;
        let audit = self.audit(host);
        let requirement = match dane {
            DaneDecision::Authenticate(_) => {
                self.requirement(TlsLevel::Authenticated(Authentication::Dane), PolicyReason::Dane)
            }
            _ if self.enforced().is_some() => {
                self.requirement(TlsLevel::Authenticated(Authentication::WebPki), PolicyReason::MtaSts)
            }
            DaneDecision::Encrypt if self.demand != TlsDemand::Verified => {
                self.requirement(TlsLevel::Encrypted, PolicyReason::Dane)
            }
            _ => self.by_configuration(),
        };
        Ok(TlsRequirement { audit, ..requirement })
    }

    /// RFC 8689 section 4.2.1: TLS, to a server that is authenticated, at a host that provably is the
    /// domain's. That the server offers REQUIRETLS in turn is for the session to see.
    fn with_requiretls(&self, host: &str, dane: &DaneDecision) -> Result<TlsRequirement, HostRefusal> {
        if self.demand == TlsDemand::Never {
            return Err(HostRefusal::TlsForbidden(host.to_owned()));
        }
        check_tlsa_known(host, dane)?;
        self.check_listed(host, dane)?;
        if self.mx == MxTrust::Insecure && !self.listed_by_sts(host) {
            return Err(HostRefusal::HostNotProven(host.to_owned()));
        }
        let how = match dane {
            DaneDecision::Authenticate(_) => Authentication::Dane,
            _ => Authentication::WebPki,
        };
        let requirement = self.requirement(TlsLevel::Authenticated(how), PolicyReason::RequireTls);
        Ok(TlsRequirement { audit: self.audit(host), ..requirement })
    }

    fn requirement(&self, level: TlsLevel, why: PolicyReason) -> TlsRequirement {
        let minimum = match level {
            TlsLevel::Never | TlsLevel::Opportunistic => TlsMinimum::default(),
            TlsLevel::Encrypted | TlsLevel::Authenticated(_) => self.minimum,
        };
        TlsRequirement { level, minimum, why, audit: None }
    }

    fn enforced(&self) -> Option<&StsPolicy> {
        self.sts.as_ref().filter(|policy| policy.mode() == StsMode::Enforce)
    }

    /// Whether the domain itself names the host, in whatever mode: the list is as trustworthy while testing.
    fn listed_by_sts(&self, host: &str) -> bool {
        self.sts.as_ref().is_some_and(|policy| policy.mode() != StsMode::None && policy.matches(host))
    }

    fn check_listed(&self, host: &str, dane: &DaneDecision) -> Result<(), HostRefusal> {
        let proven_by_dane = self.mx == MxTrust::Secure && matches!(dane, DaneDecision::Authenticate(_));
        match self.enforced() {
            Some(policy) if !proven_by_dane && !policy.matches(host) => {
                Err(HostRefusal::NotInStsPolicy(host.to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn audit(&self, host: &str) -> Option<Audit> {
        let testing = self.sts.as_ref().filter(|policy| policy.mode() == StsMode::Testing)?;
        Some(if testing.matches(host) { Audit::Certificate } else { Audit::UnlistedHost })
    }
}

fn check_tlsa_known(host: &str, dane: &DaneDecision) -> Result<(), HostRefusal> {
    match dane {
        DaneDecision::Defer(why) => Err(HostRefusal::TlsaLookup { host: host.to_owned(), why: why.clone() }),
        DaneDecision::NotUsed | DaneDecision::Encrypt | DaneDecision::Authenticate(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
