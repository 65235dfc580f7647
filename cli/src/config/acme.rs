//! The section `[acme]`.

use super::{Config, ConfigError, invalid};
use mailwright_actors::tls::TrustRoots;
use mailwright_engine::address::{Domain, EmailAddress};
use mailwright_routing::acme::AcmeSettings;
use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Acme {
    directory: String,
    contact: String,
    terms_agreed: bool,
    hosts: Vec<String>,
    authorities: String,
}

impl Acme {
    /// Whether certificates are got at all.
    pub(crate) fn is_on(&self) -> bool {
        !self.directory.is_empty()
    }

    /// Whether some are got for listeners other than the policy host.
    pub(super) fn is_for_hosts(&self) -> bool {
        self.is_on() && !self.hosts.is_empty()
    }
}

impl Config {
    /// Where certificates are got and for whom; `None` when they are not.
    pub(crate) fn acme(&self) -> Result<Option<AcmeSettings>, ConfigError> {
        let Acme { directory, contact, terms_agreed, hosts, .. } = &self.acme;
        if !self.acme.is_on() {
            let unused =
                hosts.first().map(|host| invalid("acme.hosts", host, &"acme.directory says nothing"));
            return unused.map_or(Ok(None), Err);
        }
        if !directory.starts_with("https://") {
            return Err(invalid("acme.directory", directory, &"expected a URL that begins with https://"));
        }
        if !terms_agreed {
            let why = "read the terms of the authority, and say that you agree";
            return Err(invalid("acme.terms_agreed", terms_agreed, &why));
        }
        if self.routing.policy_host.listen.is_empty() {
            let why = "routing.policy_host.listen says nothing, and the authority looks there (tls-alpn-01)";
            return Err(invalid("acme.directory", directory, &why));
        }
        if !contact.is_empty() {
            EmailAddress::parse(contact).map_err(|error| invalid("acme.contact", contact, &error))?;
        }
        let host = |name: &String| {
            let host = Domain::parse(name).map_err(|error| invalid("acme.hosts", name, &error))?;
            match host.literal() {
                Some(_) => Err(invalid("acme.hosts", name, &"expected the name of a host")),
                None => Ok(host.to_string()),
            }
        };
        Ok(Some(AcmeSettings {
            directory: directory.clone(),
            contact: (!contact.is_empty()).then(|| contact.clone()),
            hosts: hosts.iter().map(host).collect::<Result<_, _>>()?,
        }))
    }

    /// Who vouches for the authority's own host.
    pub(crate) fn acme_roots(&self) -> TrustRoots {
        match self.acme.authorities.as_str() {
            "" => TrustRoots::System,
            file => TrustRoots::File(self.beside(file)),
        }
    }
}
