//! What `[routing]` says of the records of zones that take mail.

use super::{Config, ConfigError, Routing, invalid};
use mailwright_actors::sending::RoutingRecords;
use mailwright_engine::{
    address::{Domain, EmailAddress},
    domain_dns::{PolicyWish, SpfAuthority},
    tls::{
        StsMode, StsPolicy,
        mta_sts::{MAX_AGE, MxPattern},
    },
};
use std::time::Duration;

impl Config {
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
