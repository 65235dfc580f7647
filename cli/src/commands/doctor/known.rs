//! What the running server knows of a domain that is set up there.

use super::CommandError;
use crate::{
    config::Config,
    control_client::{ControlClient, ControlClientError},
};
use mailwright_engine::{
    address::Domain,
    domain_dns::{DkimRole, DomainKey, RoutingZone},
};
use serde::Deserialize;
use serde_json::Value;

/// How the domain is set up.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) return_path: Option<Domain>,
    pub(super) keys: Vec<DomainKey>,
    pub(super) mx: Vec<Domain>,
    pub(super) routing: Option<KnownRouting>,
}

/// How the zone takes mail that the domain is in.
#[derive(Debug)]
pub(super) struct KnownRouting {
    zone: Domain,
    names: Vec<Domain>,
    keys: Vec<DomainKey>,
}

impl KnownRouting {
    /// What the DNS is to say about it, by the configuration.
    pub(super) fn described(self, config: &Config) -> Result<RoutingZone, CommandError> {
        let described = config.sending()?.records.describe_names(&self.zone, self.names, &[]);
        Ok(RoutingZone { keys: self.keys, ..described })
    }
}

#[derive(Deserialize)]
struct ShownRouting {
    name: String,
    enabled: bool,
    subdomains: Vec<ShownSubdomain>,
}

#[derive(Deserialize)]
struct ShownSubdomain {
    name: String,
    enabled: bool,
}

#[derive(Deserialize)]
struct Shown {
    tag: String,
    name: String,
    return_path_domain: String,
    dkim_keys: Vec<ShownKey>,
}

#[derive(Deserialize)]
struct ShownKey {
    selector: String,
    stage: String,
}

#[derive(Deserialize)]
struct ShownRecord {
    r#type: String,
    name: String,
    content: String,
}

/// What the server knows of `name`; nothing where none runs, or the domain is not set up there.
pub(super) fn known(client: &ControlClient, name: &str) -> Result<Known, CommandError> {
    let zones = match client.list("zones") {
        Err(error) if error.is_no_server() => return Ok(Known::default()),
        zones => zones?,
    };
    let is_within = |zone: &&Value| {
        let zone = zone["name"].as_str().unwrap_or_default();
        name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
    };
    for zone in zones.iter().filter(is_within) {
        let zone = format!("zones/{}/email", zone["id"].as_str().unwrap_or_default());
        let (path, routing) = (format!("{zone}/sending"), routed(client, &zone, name)?);
        if let Some(domain) = set_up(client, &path, name)? {
            let records: Vec<ShownRecord> = client.get(&format!("{path}/subdomains/{}/dns", domain.tag))?;
            return Ok(Known { routing, ..domain.known(&records)? });
        }
        if routing.is_some() {
            return Ok(Known { routing, ..Known::default() });
        }
    }
    Ok(Known::default())
}

/// How mail to `name` is routed in a zone, if it is.
fn routed(client: &ControlClient, zone: &str, name: &str) -> Result<Option<KnownRouting>, CommandError> {
    let settings: ShownRouting = client.get(&format!("{zone}/routing"))?;
    let below = settings.subdomains.into_iter().filter(|below| below.enabled).map(|below| below.name);
    let names: Vec<_> = std::iter::once(settings.name.clone()).chain(below).collect();
    if !settings.enabled || !names.iter().any(|one| one == name) {
        return Ok(None);
    }
    let records: Vec<ShownRecord> = client.get(&format!("{zone}/routing/dns"))?;
    let key = |record: &ShownRecord| {
        let selector = record.name.split_once("._domainkey.")?.0;
        DomainKey::new(selector, Some(record.content.clone()), DkimRole::Signing).ok()
    };
    let names = names.iter().map(|name| Domain::parse(name)).collect::<Result<_, _>>()?;
    let (zone, keys) = (Domain::parse(&settings.name)?, records.iter().filter_map(key).collect());
    Ok(Some(KnownRouting { zone, names, keys }))
}

fn set_up(client: &ControlClient, path: &str, name: &str) -> Result<Option<Shown>, ControlClientError> {
    let mut sending: Value = client.get(path)?;
    let domains: Vec<Shown> = serde_json::from_value(sending["subdomains"].take())?;
    Ok(domains.into_iter().find(|domain| domain.name == name))
}

impl Shown {
    fn known(self, records: &[ShownRecord]) -> Result<Known, CommandError> {
        let return_path = Domain::parse(&self.return_path_domain)?;
        let is_ours = |record: &&ShownRecord| record.r#type == "MX" && record.name == return_path.as_str();
        let mx = records.iter().filter(is_ours).map(|record| Domain::parse(&record.content));
        let mx = mx.collect::<Result<_, _>>()?;
        let key = |key: &ShownKey| {
            let at = format!("{}._domainkey.", key.selector);
            let record = records.iter().find(|record| record.name.starts_with(&at));
            DomainKey::new(&key.selector, record.map(|record| record.content.clone()), key.role())
        };
        let keys = self.dkim_keys.iter().map(key).collect::<Result<_, _>>()?;
        Ok(Known { return_path: Some(return_path), keys, mx, routing: None })
    }
}

impl ShownKey {
    fn role(&self) -> DkimRole {
        match self.stage.as_str() {
            "waiting" => DkimRole::Waiting,
            "retiring" => DkimRole::Retiring,
            _ => DkimRole::Signing,
        }
    }
}
