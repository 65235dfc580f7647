//! The section `[routing]`.

use super::{
    Config, ConfigError,
    content::{Milter, Spam},
    invalid,
    policy_host::PolicyHost,
    reports::Reports,
};
use mailwright_api::VerificationSettings;
use mailwright_engine::{
    address::{Domain, EmailAddress},
    authentication::{Policy, Requirement},
    tls::StsMode,
};
use mailwright_routing::pipeline::RoutingSettings;
use serde::Deserialize;
use std::{net::SocketAddr, time::Duration};

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Routing {
    verification_from: String,
    postmaster: String,
    #[serde(with = "humantime_serde")]
    in_session: Duration,
    pub(crate) local_handler: bool,
    pub(crate) require_authentication: bool,
    pub(crate) honour_dmarc: bool,
    trusted_sealers: Vec<String>,
    pub(super) mx: Vec<String>,
    pub(super) spf_include: String,
    pub(super) mta_sts: String,
    #[serde(with = "humantime_serde")]
    pub(super) mta_sts_max_age: Duration,
    pub(super) mta_sts_host: String,
    pub(super) tls_reports: String,
    pub(crate) policy_host: PolicyHost,
    pub(super) reports: Reports,
    pub(super) spam: Spam,
    pub(super) milters: Vec<Milter>,
}

impl Default for Routing {
    fn default() -> Self {
        Self {
            verification_from: String::new(),
            postmaster: String::new(),
            in_session: Duration::from_secs(10),
            local_handler: false,
            require_authentication: true,
            honour_dmarc: true,
            trusted_sealers: Vec::new(),
            mx: Vec::new(),
            spf_include: String::new(),
            mta_sts: StsMode::None.as_str().to_owned(),
            mta_sts_max_age: Duration::from_secs(86_400),
            mta_sts_host: String::new(),
            tls_reports: String::new(),
            policy_host: PolicyHost::default(),
            reports: Reports::default(),
            spam: Spam::default(),
            milters: Vec::new(),
        }
    }
}

impl Routing {
    /// Finds what cannot work.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        /// Clients wait ten minutes after the final dot (RFC 5321 section 4.5.3.2.6); some wait less.
        const LONGEST: Duration = Duration::from_secs(120);
        if self.in_session > LONGEST {
            let shown = humantime_serde::re::humantime::format_duration(self.in_session);
            return Err(invalid("routing.in_session", &shown, &"at most 2m, or 0s not to wait at all"));
        }
        Ok(())
    }
}

impl Config {
    /// How mail from the world is treated.
    pub(crate) fn routing(&self) -> Result<RoutingSettings, ConfigError> {
        Ok(RoutingSettings {
            hostname: self.hostname().into(),
            policy: self.authentication_policy()?,
            in_session: self.routing.in_session,
        })
    }

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

    /// Who gets mail for addresses that every domain must have.
    pub(crate) fn postmaster(&self) -> Result<Option<EmailAddress>, ConfigError> {
        let address = &self.routing.postmaster;
        let read = (!address.is_empty()).then(|| EmailAddress::parse(address)).transpose();
        read.map_err(|error| invalid("routing.postmaster", address, &error))
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
