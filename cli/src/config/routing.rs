//! The section `[routing]`.

use super::{Config, ConfigError, invalid, policy_host::PolicyHost, reports::Reports};
use mailwright_actors::sending::RoutingRecords;
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
}

impl Default for Routing {
    fn default() -> Self {
        Self {
            verification_from: String::new(),
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

    /// What the records of routing zones have in common; `by_default` is how SPF names our hosts that send.
    pub(super) fn routing_records(
        &self,
        by_default: Option<SpfAuthority>,
    ) -> Result<RoutingRecords, ConfigError> {
        let Routing { spf_include: include, tls_reports, .. } = &self.routing;
        let spf = if include.is_empty() {
            by_default
        } else {
            let found = SpfAuthority::include(include);
            Some(found.map_err(|error| invalid("routing.spf_include", include, &error))?)
        };
        let reports = (!tls_reports.is_empty()).then(|| EmailAddress::parse(tls_reports)).transpose();
        let tls_reports = reports.map_err(|error| invalid("routing.tls_reports", tls_reports, &error))?;
        Ok(RoutingRecords { spf, mx: self.routing_hosts()?, mta_sts: self.policy_wish()?, tls_reports })
    }

    /// Our hosts that take mail from the world, best first: those that bounces come to, unless others are named.
    pub(crate) fn routing_hosts(&self) -> Result<Vec<Domain>, ConfigError> {
        let host = |name: &String| Domain::parse(name).map_err(|error| invalid("routing.mx", name, &error));
        if self.routing.mx.is_empty() {
            return self.bounce_hosts();
        }
        self.routing.mx.iter().map(host).collect()
    }

    /// The policy of MTA-STS of every zone that takes mail; `None` where they are to have none.
    pub(crate) fn sts_policy(&self) -> Result<Option<StsPolicy>, ConfigError> {
        /// Senders look for a new policy once a day at most: what holds shorter protects nobody.
        const SHORTEST: Duration = Duration::from_secs(3_600);
        let Routing { mta_sts, mta_sts_max_age: age, .. } = &self.routing;
        let modes = [StsMode::None, StsMode::Testing, StsMode::Enforce];
        let mode = modes.into_iter().find(|mode| mode.as_str() == mta_sts);
        let mode = mode.ok_or_else(|| invalid("routing.mta_sts", mta_sts, &"none, testing or enforce"))?;
        if !(SHORTEST..=MAX_AGE).contains(age) {
            let shown = humantime_serde::re::humantime::format_duration(*age);
            return Err(invalid("routing.mta_sts_max_age", &shown, &"from 1h to 1y"));
        }
        if mode == StsMode::None {
            return Ok(None);
        }
        let hosts = self.routing_hosts()?;
        let policy = StsPolicy::new(mode, hosts.iter().map(MxPattern::from), *age);
        policy.map(Some).map_err(|error| invalid("routing.mta_sts", mta_sts, &error))
    }

    fn policy_wish(&self) -> Result<Option<PolicyWish>, ConfigError> {
        let Some(policy) = self.sts_policy()? else { return Ok(None) };
        let named = &self.routing.mta_sts_host;
        let name = if named.is_empty() { &self.hostname() } else { named };
        let host = Domain::parse(name).map_err(|error| invalid("routing.mta_sts_host", name, &error))?;
        Ok(Some(PolicyWish { policy, host }))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> RoutingRecords {
        toml::from_str::<Config>(text).unwrap().sending().unwrap().records.routing
    }

    #[test]
    fn mail_comes_where_bounces_come_unless_other_hosts_are_named() {
        let hosts = |text: &str| records(text).mx.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(hosts("hostname = \"mail.example\""), ["mail.example"]);
        assert_eq!(hosts("[sending]\nmx = [\"a.example\", \"b.example\"]"), ["a.example", "b.example"]);
        assert_eq!(hosts("[sending]\nmx = [\"a.example\"]\n[routing]\nmx = [\"r.example\"]"), ["r.example"]);
    }

    #[test]
    fn a_policy_names_our_hosts_and_who_serves_it() {
        let text = "hostname = \"mail.example\"\n[routing]\nmx = [\"r1.example\"]\nmta_sts = \"enforce\"";
        let wish = records(text).mta_sts.unwrap();
        assert_eq!(wish.host.as_str(), "mail.example");
        assert_eq!(
            wish.policy.lines(),
            ["version: STSv1", "mode: enforce", "mx: r1.example", "max_age: 86400"]
        );
        assert_eq!(records("hostname = \"mail.example\"").mta_sts, None);
    }

    #[test]
    fn spf_is_that_of_sending_unless_another_is_named() {
        let spf = |text: &str| records(text).spf;
        let include = |name: &str| Some(SpfAuthority::Include(name.into()));
        let sending = "[sending]\nspf_include = \"_spf.example.com\"\n";
        assert_eq!(spf(sending), include("_spf.example.com"));
        let other = format!("{sending}[routing]\nspf_include = \"_fwd.example.com\"");
        assert_eq!(spf(&other), include("_fwd.example.com"));
    }
}
