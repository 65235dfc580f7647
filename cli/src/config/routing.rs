//! The section `[routing]`.

use super::{Config, ConfigError, invalid};
use mailwright_api::VerificationSettings;
use mailwright_engine::address::EmailAddress;
use serde::Deserialize;
use std::net::SocketAddr;

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Routing {
    verification_from: String,
}

impl Config {
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
