//! What a sending domain is to have in the DNS.

use super::{answers::normal, dmarc::DmarcPolicy};
use crate::address::{AddressError, Domain, EmailAddress};
use std::{fmt, net::IpAddr};

/// Time to live of published records in seconds, unless somebody wants another: short enough that a mistake is
/// soon mended, and what the service means by "auto".
pub const DEFAULT_TTL: u32 = 300;

/// Which senders are set up: those of one domain, or of every name beneath one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SendingName {
    /// This domain.
    Exact(Domain),
    /// Every name beneath this domain, and not itself; written `*.example.com`.
    Wildcard(Domain),
}

impl SendingName {
    /// Reads a domain, or one behind `*.`.
    ///
    /// # Errors
    /// [`InvalidSetup`] for anything else, address literals too.
    pub fn parse(text: &str) -> Result<Self, InvalidSetup> {
        let (name, domain) = match text.strip_prefix("*.") {
            Some(rest) => {
                let domain = Domain::parse(rest)?;
                (Self::Wildcard(domain.clone()), domain)
            }
            None => {
                let domain = Domain::parse(text)?;
                (Self::Exact(domain.clone()), domain)
            }
        };
        if domain.literal().is_some() { Err(InvalidSetup::Literal(domain)) } else { Ok(name) }
    }

    /// The domain at and beneath which the records stand, which also signs (`d=`).
    pub fn base(&self) -> &Domain {
        match self {
            Self::Exact(domain) | Self::Wildcard(domain) => domain,
        }
    }
}

impl fmt::Display for SendingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(domain) => write!(f, "{domain}"),
            Self::Wildcard(domain) => write!(f, "*.{domain}"),
        }
    }
}

/// What a DKIM key is used for now, which decides how much its absence matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DkimRole {
    /// Mail is signed with it.
    Signing,
    /// Mail is to be signed with it as soon as it is published. Where no other key signs, it is waited for: what is
    /// wrong with it is an error, as with one that signs.
    Waiting,
    /// Mail on its way may be signed with it still.
    Retiring,
}

/// A DKIM key as the DNS is to show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainKey {
    selector: String,
    record: Option<String>,
    role: DkimRole,
}

impl DomainKey {
    /// The key to publish at `selector` as the TXT record `record`
    /// ([`DkimKey::public_record`](crate::dkim::DkimKey::public_record)). Without one, any good key will do.
    ///
    /// # Errors
    /// [`InvalidSetup::Selector`] for what is not made of DNS labels.
    pub fn new(selector: &str, record: Option<String>, role: DkimRole) -> Result<Self, InvalidSetup> {
        let is_label = |label: &str| {
            let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            inner && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
        };
        if !selector.split('.').all(is_label) {
            return Err(InvalidSetup::Selector(selector.chars().take(80).collect()));
        }
        Ok(Self { selector: selector.to_ascii_lowercase(), record, role })
    }

    /// Its selector.
    pub fn selector(&self) -> &str {
        &self.selector
    }

    /// The TXT record to publish, if it is known here.
    pub fn record(&self) -> Option<&str> {
        self.record.as_deref()
    }

    /// What it is used for.
    pub fn role(&self) -> DkimRole {
        self.role
    }

    /// Where it stands for `domain` (RFC 6376 section 3.6.2.1).
    pub fn name(&self, domain: &Domain) -> String {
        format!("{}._domainkey.{domain}", self.selector)
    }
}

/// How our hosts are named in the SPF record of a return-path domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpfAuthority {
    /// By the record at this name, which one operator keeps for all domains.
    Include(String),
    /// One by one.
    Addresses(Vec<IpAddr>),
}

impl SpfAuthority {
    /// By the record at `name`, whose labels may begin with an underscore.
    ///
    /// # Errors
    /// [`InvalidSetup::Name`] for what is no name.
    pub fn include(name: &str) -> Result<Self, InvalidSetup> {
        let name = normal(name);
        if super::spf::is_domain_name(&name) {
            Ok(Self::Include(name))
        } else {
            Err(InvalidSetup::Name(name.chars().take(80).collect()))
        }
    }
}

/// The DMARC policy to publish where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DmarcWish {
    /// What receivers are to do with mail that does not align.
    pub policy: DmarcPolicy,
    /// Who gets the aggregate reports (RFC 9990).
    pub reports: Option<EmailAddress>,
}

/// A domain that sends through us, and what the DNS is to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendingDomain {
    /// The domain, or all beneath one.
    pub name: SendingName,
    /// Where bounces come back to: the domain of the envelope's sender. `cf-bounce.<domain>` by default.
    pub return_path: Domain,
    /// Its DKIM keys.
    pub keys: Vec<DomainKey>,
    /// How SPF names our hosts; `None` where any valid record will do.
    pub spf: Option<SpfAuthority>,
    /// Our hosts that take bounces, best first; empty where any will do.
    pub mx: Vec<Domain>,
    /// The policy to publish; `None` to leave DMARC to the domain's owner.
    pub dmarc: Option<DmarcWish>,
    /// Time to live of its records, in seconds; [`DEFAULT_TTL`] is a good one.
    pub ttl: u32,
}

/// What cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSetup {
    /// No domain.
    #[error(transparent)]
    Domain(#[from] AddressError),
    /// An address literal, which has no DNS.
    #[error("{0} is an address and has no DNS records; name a domain")]
    Literal(Domain),
    /// No selector.
    #[error("{0:?} is not a DKIM selector (labels of letters, digits and hyphens)")]
    Selector(String),
    /// No name.
    #[error("{0:?} is not a DNS name (labels of letters, digits, hyphens and underscores)")]
    Name(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_exact_or_a_leftmost_wildcard() {
        let base =
            |text: &str| SendingName::parse(text).map(|name| (name.to_string(), name.base().to_string()));
        assert_eq!(base("Example.COM."), Ok(("example.com".into(), "example.com".into())));
        assert_eq!(base("*.example.com"), Ok(("*.example.com".into(), "example.com".into())));
        for wrong in ["*", "a.*.example.com", "**.example.com", "*.[192.0.2.1]", "[192.0.2.1]", "*."] {
            assert!(base(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn selectors_and_includes_are_names() {
        for wrong in ["", "a b", "a..b", "-a", "a\"b"] {
            assert!(DomainKey::new(wrong, None, DkimRole::Signing).is_err(), "{wrong}");
        }
        for wrong in ["", "a b", "x ~all", "a..b", "one"] {
            assert!(SpfAuthority::include(wrong).is_err(), "{wrong}");
        }
        let include = SpfAuthority::include("_SPF.mail.example.").unwrap();
        assert_eq!(include, SpfAuthority::Include("_spf.mail.example".into()));
    }
}
