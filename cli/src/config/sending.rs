//! `[sending]`

use super::{Config, ConfigError, invalid};
use mailwright_actors::{
    dns_update::{DnsUpdater, TsigKey},
    sending::{RecordSettings, checker::CheckerSettings},
};
use mailwright_api::SendingSettings;
use mailwright_engine::{
    address::{Domain, EmailAddress},
    domain_dns::{DmarcPolicy, DmarcWish, SpfAuthority},
};
use mailwright_storage::control::SendingNames;
use serde::Deserialize;
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sending {
    pub(crate) return_path_label: String,
    pub(crate) dkim_selector: String,
    pub(crate) verify: bool,
    #[serde(with = "humantime_serde")]
    pub(crate) check_interval: Duration,
    pub(crate) spf_include: String,
    pub(crate) mx: Vec<String>,
    pub(crate) dmarc_policy: String,
    pub(crate) dmarc_reports: String,
    #[serde(with = "humantime_serde")]
    pub(crate) key_lifetime: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) key_overlap: Duration,
    pub(crate) feedback_id: String,
    pub(crate) dns_updates: Vec<DnsUpdates>,
}

/// A name server that takes updates.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DnsUpdates {
    zone: String,
    server: SocketAddr,
    key_name: Option<String>,
    #[serde(default = "hmac_sha256")]
    key_algorithm: String,
    key_file: Option<PathBuf>,
}

fn hmac_sha256() -> String {
    "hmac-sha256".to_owned()
}

impl Default for Sending {
    fn default() -> Self {
        let SendingNames { return_path_label, selector_prefix } = SendingNames::default();
        Self {
            return_path_label,
            dkim_selector: selector_prefix,
            verify: true,
            check_interval: Duration::from_secs(3600),
            spf_include: String::new(),
            mx: Vec::new(),
            dmarc_policy: DmarcPolicy::None.as_str().to_owned(),
            dmarc_reports: String::new(),
            key_lifetime: Duration::ZERO,
            key_overlap: Duration::from_secs(7 * 86_400),
            feedback_id: "mailwright".to_owned(),
            dns_updates: Vec::new(),
        }
    }
}

impl Config {
    /// How sending domains are set up.
    pub(crate) fn sending(&self) -> Result<SendingSettings, ConfigError> {
        Ok(SendingSettings {
            names: self.sending_names()?,
            records: self.sending_records()?,
            verify: self.sending.verify,
        })
    }

    /// How sending domains are looked after.
    pub(crate) fn checker(&self) -> Result<CheckerSettings, ConfigError> {
        let Sending { check_interval, key_lifetime, key_overlap, .. } = self.sending;
        if check_interval < Duration::from_secs(1) {
            let shown = format!("{check_interval:?}");
            return Err(invalid("sending.check_interval", &shown, &"at least 1s"));
        }
        Ok(CheckerSettings {
            records: self.sending_records()?,
            names: self.sending_names()?,
            interval: check_interval,
            key_lifetime: (!key_lifetime.is_zero()).then_some(key_lifetime),
            key_overlap,
            updaters: self
                .sending
                .dns_updates
                .iter()
                .map(|one| self.updater(one))
                .collect::<Result<_, _>>()?,
        })
    }

    fn sending_names(&self) -> Result<SendingNames, ConfigError> {
        let label = |key: &'static str, label: &String| {
            let is_label = !label.contains('.') && Domain::parse(&format!("{label}.example")).is_ok();
            let wrong = || invalid(key, label, &"write one label of letters, digits and hyphens");
            is_label.then(|| label.to_ascii_lowercase()).ok_or_else(wrong)
        };
        Ok(SendingNames {
            return_path_label: label("sending.return_path_label", &self.sending.return_path_label)?,
            selector_prefix: label("sending.dkim_selector", &self.sending.dkim_selector)?,
        })
    }

    fn sending_records(&self) -> Result<RecordSettings, ConfigError> {
        let addresses: Vec<_> = self
            .delivery()?
            .sources
            .all()
            .into_iter()
            .flat_map(|source| source.ipv4.map(IpAddr::V4).into_iter().chain(source.ipv6.map(IpAddr::V6)))
            .filter(|address| !address.is_loopback())
            .collect();
        let spf = self.spf(&addresses)?;
        Ok(RecordSettings {
            routing: self.routing_records(spf.clone())?,
            spf,
            mx: self.bounce_hosts()?,
            dmarc: self.dmarc()?,
            addresses,
        })
    }

    fn spf(&self, addresses: &[IpAddr]) -> Result<Option<SpfAuthority>, ConfigError> {
        let include = &self.sending.spf_include;
        if !include.is_empty() {
            let found = SpfAuthority::include(include);
            return found.map(Some).map_err(|error| invalid("sending.spf_include", include, &error));
        }
        Ok((!addresses.is_empty()).then(|| SpfAuthority::Addresses(addresses.to_vec())))
    }

    pub(super) fn bounce_hosts(&self) -> Result<Vec<Domain>, ConfigError> {
        if self.sending.mx.is_empty() {
            return Ok(Domain::parse(&self.hostname()).into_iter().collect());
        }
        let host = |name: &String| Domain::parse(name).map_err(|error| invalid("sending.mx", name, &error));
        self.sending.mx.iter().map(host).collect()
    }

    fn dmarc(&self) -> Result<Option<DmarcWish>, ConfigError> {
        let Sending { dmarc_policy, dmarc_reports, .. } = &self.sending;
        let policies = [DmarcPolicy::None, DmarcPolicy::Quarantine, DmarcPolicy::Reject];
        let policy = policies.into_iter().find(|policy| policy.as_str() == dmarc_policy);
        if policy.is_none() && !dmarc_policy.is_empty() {
            return Err(invalid("sending.dmarc_policy", dmarc_policy, &"none, quarantine or reject"));
        }
        let reports = (!dmarc_reports.is_empty()).then(|| EmailAddress::parse(dmarc_reports)).transpose();
        let reports = reports.map_err(|error| invalid("sending.dmarc_reports", dmarc_reports, &error))?;
        Ok(policy.map(|policy| DmarcWish { policy, reports }))
    }

    fn updater(&self, updates: &DnsUpdates) -> Result<(Domain, DnsUpdater), ConfigError> {
        let wrong =
            |field: &'static str, value: &str, error: &dyn std::fmt::Display| invalid(field, &value, error);
        let zone = Domain::parse(&updates.zone)
            .map_err(|error| wrong("sending.dns_updates.zone", &updates.zone, &error))?;
        let key = match (&updates.key_name, &updates.key_file) {
            (None, None) => None,
            (Some(name), Some(file)) => {
                let path = self.folder.join(file);
                let secret = std::fs::read_to_string(&path).map_err(|error| {
                    wrong("sending.dns_updates.key_file", &path.display().to_string(), &error)
                })?;
                let key = TsigKey::new(name, &updates.key_algorithm, secret.trim());
                Some(key.map_err(|error| wrong("sending.dns_updates.key_name", name, &error))?)
            }
            _ => {
                let why = "key_name and key_file go together";
                return Err(wrong("sending.dns_updates.key_file", &updates.zone, &why));
            }
        };
        Ok((zone, DnsUpdater::new(updates.server, key)))
    }
}
