//! The section `[routing]`.

use super::{Config, ConfigError, invalid};
use mailwright_api::VerificationSettings;
use mailwright_engine::{
    address::{Domain, EmailAddress},
    authentication::{Policy, Requirement},
};
use serde::Deserialize;
use std::net::SocketAddr;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Routing {
    verification_from: String,
    require_authentication: bool,
    honour_dmarc: bool,
    trusted_sealers: Vec<String>,
}

impl Default for Routing {
    fn default() -> Self {
        Self {
            verification_from: String::new(),
            require_authentication: true,
            honour_dmarc: true,
            trusted_sealers: Vec::new(),
        }
    }
}

impl Config {
    /// What has to hold of mail that is passed on.
    pub(crate) fn authentication_policy(&self) -> Result<Policy, ConfigError> {
        let sealer = |name: &String| {
            Domain::parse(name).map_err(|error| invalid("routing.trusted_sealers", name, &error))
        };
        let Routing { require_authentication, honour_dmarc, trusted_sealers, .. } = &self.routing;
        Ok(Policy {
            require: if *require_authentication { Requirement::SpfOrDkim } else { Requirement::Nothing },
            honour_dmarc: *honour_dmarc,
            trusted_sealers: trusted_sealers.iter().map(sealer).collect::<Result<_, _>>()?,
        })
    }

    /// How owners of addresses are asked; `http` is where the API is served.
    pub(crate) fn verification(&self, http: Option<SocketAddr>) -> Result<VerificationSettings, ConfigError> {
        let from = &self.routing.verification_from;
        let from = (!from.is_empty()).then(|| {
            EmailAddress::parse(from).map_err(|error| invalid("routing.verification_from", from, &error))
        });
        let served = || http.map(|http| format!("http://{http}")).unwrap_or_default();
        let url = self.public_url()?.map_or_else(served, |url| url.to_string());
        Ok(VerificationSettings { from: from.transpose()?, url })
    }
}
