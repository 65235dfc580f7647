//! The sections on delivery: `[delivery]`, `[outbound]`, `[events]` and `[dns]`.

use super::{Config, ConfigError, invalid};
use mailwright_actors::{
    dns::Anchors,
    settings::{DeliverySettings, NextHop, Routes},
    shaping::ShapingBook,
    tls::{AllowedHosts, PolicyFetch, ReportSending, TrustRoots},
};
use mailwright_engine::{
    address::Domain,
    class::TenantName,
    classify::BounceRules,
    dsn::ReportPolicy,
    retry::{RetryClass, RetryPace, RetryPolicy, RetrySchedule},
};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Delivery {
    pub(crate) shaping: String,
    pub(crate) bounce_rules: String,
    pub(crate) max_connections: usize,
    pub(crate) max_active_domains: usize,
    pub(crate) port: u16,
    #[serde(with = "humantime_serde")]
    pub(crate) drain_timeout: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) delay_warning: Duration,
    pub(crate) own_names: Vec<String>,
    pub(crate) weights: BTreeMap<String, u32>,
    pub(crate) tls: Tls,
    pub(crate) retry: Retry,
    pub(crate) routes: Vec<Route>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tls {
    pub(crate) authorities: String,
    pub(crate) dnssec: String,
    pub(crate) mta_sts: bool,
    pub(crate) policy_port: u16,
    pub(crate) private_policy_hosts: bool,
    pub(crate) reports: bool,
    #[serde(with = "humantime_serde")]
    pub(crate) report_every: Duration,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retry {
    #[serde(with = "humantime_serde")]
    pub(crate) first: Duration,
    pub(crate) factor: f64,
    #[serde(with = "humantime_serde")]
    pub(crate) max_interval: Duration,
    pub(crate) jitter: f64,
    #[serde(with = "humantime_serde")]
    pub(crate) max_age: Duration,
    pub(crate) max_attempts: u32,
    pub(crate) classes: BTreeMap<RetryClass, Pace>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pace {
    #[serde(with = "humantime_serde")]
    pub(crate) first: Duration,
    pub(crate) factor: f64,
    #[serde(with = "humantime_serde")]
    pub(crate) max_interval: Duration,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Route {
    pub(crate) domain: String,
    pub(crate) next_hop: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Dns {
    pub(crate) servers: Vec<SocketAddr>,
    pub(crate) block_lists: Vec<String>,
    pub(crate) domain_block_lists: Vec<String>,
}

impl Default for Dns {
    fn default() -> Self {
        let owned = |zones: &[&str]| zones.iter().map(|zone| (*zone).to_owned()).collect();
        Self {
            servers: Vec::new(),
            block_lists: owned(&["zen.spamhaus.org", "bl.spamcop.net", "psbl.surriel.com"]),
            domain_block_lists: owned(&["dbl.spamhaus.org", "multi.surbl.org"]),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Events {
    pub(crate) retention_days: u64,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            shaping: String::new(),
            bounce_rules: String::new(),
            max_connections: 5_000,
            max_active_domains: 3_000,
            port: 25,
            drain_timeout: Duration::from_secs(10),
            delay_warning: Duration::from_secs(4 * 3600),
            own_names: Vec::new(),
            weights: BTreeMap::new(),
            tls: Tls::default(),
            retry: Retry::default(),
            routes: Vec::new(),
        }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            authorities: String::new(),
            dnssec: "root".to_owned(),
            mta_sts: true,
            policy_port: 443,
            private_policy_hosts: false,
            reports: true,
            report_every: Duration::from_secs(24 * 3600),
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        let policy = RetryPolicy::default();
        Self {
            first: policy.first,
            factor: policy.factor,
            max_interval: policy.max_interval,
            jitter: policy.jitter,
            max_age: policy.max_age,
            max_attempts: policy.max_attempts.unwrap_or(0),
            classes: BTreeMap::new(),
        }
    }
}

impl Default for Events {
    fn default() -> Self {
        Self { retention_days: 31 }
    }
}

impl Config {
    /// How to deliver.
    pub(crate) fn delivery(&self) -> Result<DeliverySettings, ConfigError> {
        let delivery = &self.delivery;
        if delivery.max_connections == 0 {
            return Err(invalid("delivery.max_connections", &0, &"at least 1"));
        }
        if delivery.max_active_domains == 0 {
            return Err(invalid("delivery.max_active_domains", &0, &"at least 1"));
        }
        let hostname = self.hostname();
        let own_names = std::iter::once(hostname.clone()).chain(delivery.own_names.iter().cloned());
        Ok(DeliverySettings {
            own_names: own_names.map(|name| name.to_ascii_lowercase()).collect(),
            hostname,
            max_connections: delivery.max_connections,
            max_active_domains: delivery.max_active_domains,
            retry: delivery.retry.schedule()?,
            reports: ReportPolicy {
                delay_warning_after: Some(delivery.delay_warning).filter(|after| !after.is_zero()),
            },
            routes: routes(&delivery.routes)?,
            port: delivery.port,
            sources: self.outbound.build().map_err(|error| invalid("outbound", &"", &error))?,
            weights: weights(&delivery.weights)?,
            roots: delivery.tls.roots(self),
            policy_fetch: delivery.tls.policy_fetch(),
            tls_reports: delivery.tls.report_sending()?,
            return_path: self.return_path()?,
        })
    }

    /// From where policies of MTA-STS are fetched.
    pub(crate) fn policy_fetch(&self) -> PolicyFetch {
        self.delivery.tls.policy_fetch()
    }

    /// Which authorities vouch for the hosts that have policies.
    pub(crate) fn roots(&self) -> TrustRoots {
        self.delivery.tls.roots(self)
    }

    /// Whose word is taken for DNSSEC.
    pub(crate) fn anchors(&self) -> Anchors {
        match self.delivery.tls.dnssec.as_str() {
            "off" => Anchors::None,
            "root" => Anchors::Root,
            file => Anchors::File(self.beside(file)),
        }
    }

    /// The traffic shaping that `delivery.shaping` names.
    pub(crate) fn shaping(&self) -> Result<ShapingBook, ConfigError> {
        match self.delivery.shaping.as_str() {
            "" => Ok(ShapingBook::builtin()),
            file => ShapingBook::open(self.beside(file)).map_err(ConfigError::Other),
        }
    }

    /// The rules on replies that `delivery.bounce_rules` names.
    pub(crate) fn bounce_rules(&self) -> Result<BounceRules, ConfigError> {
        let file = match self.delivery.bounce_rules.as_str() {
            "" => return Ok(BounceRules::builtin()),
            file => self.beside(file),
        };
        let failed = |why: String| ConfigError::Other(format!("bounce rules {}: {why}", file.display()));
        let text = std::fs::read_to_string(&file).map_err(|error| failed(error.to_string()))?;
        BounceRules::parse(&text).map_err(|error| failed(error.to_string()))
    }

    /// A file that the configuration names: relative to the configuration's own folder.
    pub(super) fn beside(&self, file: &str) -> PathBuf {
        self.folder.join(Path::new(file))
    }
}

impl Tls {
    fn policy_fetch(&self) -> PolicyFetch {
        let hosts = if self.private_policy_hosts { AllowedHosts::Any } else { AllowedHosts::Public };
        PolicyFetch { enabled: self.mta_sts, port: self.policy_port, hosts }
    }

    fn report_sending(&self) -> Result<ReportSending, ConfigError> {
        if self.report_every < Duration::from_secs(1) {
            return Err(invalid(
                "delivery.tls.report_every",
                &"",
                &"at least 1s; switch reports off with reports = false",
            ));
        }
        Ok(if self.reports { ReportSending::Every(self.report_every) } else { ReportSending::Off })
    }

    fn roots(&self, config: &Config) -> TrustRoots {
        match self.authorities.as_str() {
            "" => TrustRoots::System,
            file => TrustRoots::File(config.beside(file)),
        }
    }
}

impl Retry {
    fn schedule(&self) -> Result<RetrySchedule, ConfigError> {
        let default = RetryPolicy {
            first: self.first,
            factor: self.factor,
            max_interval: self.max_interval,
            jitter: self.jitter,
            max_age: self.max_age,
            max_attempts: (self.max_attempts > 0).then_some(self.max_attempts),
        };
        let own_pace = |(class, pace): (&RetryClass, &Pace)| {
            let Pace { first, factor, max_interval } = *pace;
            (*class, RetryPace { first, factor, max_interval })
        };
        let built_in = RetrySchedule::default().by_class;
        let by_class = built_in.into_iter().chain(self.classes.iter().map(own_pace)).collect();
        let schedule = RetrySchedule { default, by_class };
        schedule.validate().map_err(|error| invalid("delivery.retry", &"", &error))?;
        Ok(schedule)
    }
}

fn weights(configured: &BTreeMap<String, u32>) -> Result<HashMap<TenantName, u32>, ConfigError> {
    let weight = |(name, weight): (&String, &u32)| {
        let tenant = TenantName::parse(name).map_err(|error| invalid("delivery.weights", name, &error))?;
        if *weight == 0 {
            return Err(invalid("delivery.weights", name, &"a weight is at least 1"));
        }
        Ok((tenant, *weight))
    };
    configured.iter().map(weight).collect()
}

fn routes(configured: &[Route]) -> Result<Routes, ConfigError> {
    let mut routes = Routes::default();
    for Route { domain, next_hop } in configured {
        let hop = next_hop_of(next_hop)?;
        if domain == "*" {
            routes.default = Some(hop);
        } else {
            let domain = Domain::parse(domain).map_err(|e| invalid("delivery.routes.domain", domain, &e))?;
            routes.by_domain.insert(domain, hop);
        }
    }
    Ok(routes)
}

fn next_hop_of(text: &str) -> Result<NextHop, ConfigError> {
    text.parse().map_err(|error| invalid("delivery.routes.next_hop", &text, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_hop_is_a_host_or_an_address_with_a_port() {
        for (text, host, port) in [
            ("mx.example.com:2525", "mx.example.com", 2525),
            ("mx.example.com", "mx.example.com", 25),
            ("127.0.0.1:2526", "127.0.0.1", 2526),
            ("[::1]:2526", "::1", 2526),
        ] {
            assert_eq!(next_hop_of(text).unwrap(), NextHop { host: host.to_owned(), port });
        }
        assert!(next_hop_of("host:x").is_err());
        assert!(next_hop_of("a b:25").is_err());
    }

    #[test]
    fn a_class_has_the_pace_that_the_file_gives_it_and_the_others_their_own() {
        let text =
            "[delivery.retry.classes.greylisted]\nfirst = \"1m\"\nfactor = 1.0\nmax_interval = \"1m\"\n";
        let schedule = toml::from_str::<Config>(text).unwrap().delivery().unwrap().retry;
        assert_eq!(schedule.by_class[&RetryClass::Greylisted].max_interval, Duration::from_secs(60));
        let built_in = RetrySchedule::default().by_class;
        assert_eq!(schedule.by_class[&RetryClass::Dns], built_in[&RetryClass::Dns]);
    }
}
