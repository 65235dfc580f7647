//! The section `[routing]`.

use super::{ConfigError, invalid};
use mailwright_api::VerificationSettings;
use mailwright_engine::address::EmailAddress;
use serde::Deserialize;
use std::net::SocketAddr;

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Routing {
    verification_from: String,
    public_url: String,
}

impl Routing {
    /// How owners of addresses are asked; `http` is where the API is served.
    pub(crate) fn verification(&self, http: Option<SocketAddr>) -> Result<VerificationSettings, ConfigError> {
        let from = (!self.verification_from.is_empty()).then(|| EmailAddress::parse(&self.verification_from));
        let from = from
            .transpose()
            .map_err(|error| invalid("routing.verification_from", &self.verification_from, &error))?;
        let url = self.public_url.trim_end_matches('/');
        let is_plain = url.bytes().all(|octet| octet.is_ascii_graphic() && !b"<>\"?#".contains(&octet));
        if !url.is_empty() && !(is_plain && (url.starts_with("https://") || url.starts_with("http://"))) {
            let reason = "expected the beginning of a URL, as https://mail.example.com";
            return Err(invalid("routing.public_url", &self.public_url, &reason));
        }
        let served = || http.map(|http| format!("http://{http}")).unwrap_or_default();
        Ok(VerificationSettings { from, url: if url.is_empty() { served() } else { url.to_owned() } })
    }
}
