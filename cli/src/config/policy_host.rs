//! The section `[routing.policy_host]`, and what it serves.

use super::{Config, ConfigError, invalid, submission::Certificate};
use mailwright_actors::certificates::CertificateFiles;
use mailwright_engine::tls::{StsMode, StsPolicy};
use serde::Deserialize;
use std::net::SocketAddr;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PolicyHost {
    pub(crate) listen: Vec<SocketAddr>,
    certificates: Vec<Certificate>,
    pub(crate) max_connections: usize,
    pub(crate) max_connections_per_address: usize,
}

impl Default for PolicyHost {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            certificates: Vec::new(),
            max_connections: 500,
            max_connections_per_address: 20,
        }
    }
}

impl PolicyHost {
    /// The certificates that it shows besides those that it gets.
    pub(crate) fn certificates(&self) -> Vec<CertificateFiles> {
        self.certificates.iter().map(Certificate::files).collect()
    }
}

impl Config {
    /// Finds what cannot work.
    pub(super) fn check_policy_host(&self) -> Result<(), ConfigError> {
        let host = &self.routing.policy_host;
        if !(1..=super::MOST_SESSIONS).contains(&host.max_connections) {
            let most = host.max_connections;
            return Err(invalid("routing.policy_host.max_connections", &most, &"from 1 to 100000"));
        }
        if host.max_connections_per_address == 0 {
            return Err(invalid("routing.policy_host.max_connections_per_address", &0, &"at least 1"));
        }
        if !host.listen.is_empty() && host.certificates.is_empty() && !self.acme.is_on() {
            let why = "there is nothing to show: name certificates here, or an authority in [acme]";
            return Err(invalid("routing.policy_host.certificates", &"[]", &why));
        }
        Ok(())
    }

    /// The policy that is served: that of the zones, or one that says that they have none (any more; RFC 8461 section
    /// 8.3).
    pub(crate) fn served_policy(&self) -> Result<StsPolicy, ConfigError> {
        if let Some(policy) = self.sts_policy()? {
            return Ok(policy);
        }
        let none = StsPolicy::new(StsMode::None, [], self.routing.mta_sts_max_age);
        none.map_err(|error| invalid("routing.mta_sts", &"none", &error))
    }
}
