//! The DNS: where the mail of each domain goes, today.

use fastrand::Rng;
use mailwright_engine::{
    address::Domain,
    mx::{MxAnswer, MxRecord},
};
use std::{collections::BTreeMap, time::Duration};

/// What is published for a domain, if its servers answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    /// The exchangers of a provider.
    Hosted(usize),
    /// No MX records: the domain is its own host.
    NoRecords,
    /// It takes no mail (RFC 7505).
    NullMx,
    /// There is no such domain.
    NoDomain,
    /// Servers that are at a loss.
    Broken,
    /// Servers that say nothing.
    Mute,
}

/// What is known of a host's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Addresses {
    One,
    None,
    Failed,
}

/// The names.
pub(super) struct Names {
    zones: BTreeMap<Domain, Zone>,
    /// Hosts whose addresses are not found.
    lost_hosts: BTreeMap<String, Addresses>,
    providers: usize,
    /// Domains that the last answer sent nowhere for good.
    nowhere: BTreeMap<Domain, bool>,
}

/// The name of one of a provider's exchangers.
pub(super) fn exchanger(provider: usize, number: usize) -> String {
    format!("mx{number}.{}", provider_name(provider))
}

fn provider_name(provider: usize) -> String {
    format!("p{provider}.example")
}

/// Whose host it is: what limits hold for together.
pub(super) fn group_of(host: &str) -> &str {
    if host.starts_with("mx") { host.split_once('.').map_or(host, |(_, group)| group) } else { host }
}

/// How many exchangers a provider has.
pub(super) fn exchangers(provider: usize) -> usize {
    1 + provider % 3
}

impl Names {
    pub(super) fn new(domains: usize, providers: usize, rng: &mut Rng) -> Self {
        let zones = (0..domains).map(|number| {
            let domain = Domain::parse(&format!("d{number}.example")).unwrap();
            (domain, healthy(providers, rng))
        });
        Self { zones: zones.collect(), lost_hosts: BTreeMap::new(), providers, nowhere: BTreeMap::new() }
    }

    pub(super) fn domains(&self) -> impl Iterator<Item = &Domain> {
        self.zones.keys()
    }

    /// Something else is published for one of the domains, or one of the hosts.
    pub(super) fn change(&mut self, hosts: &[String], rng: &mut Rng) {
        let domain = rng.usize(0..self.zones.len());
        let zone = match rng.u8(0..12) {
            0 => Zone::NoDomain,
            1 => Zone::NullMx,
            2..=3 => Zone::Broken,
            4 => Zone::Mute,
            _ => healthy(self.providers, rng),
        };
        *self.zones.values_mut().nth(domain).unwrap() = zone;
        let host = hosts[rng.usize(0..hosts.len())].clone();
        match rng.u8(0..12) {
            0 => drop(self.lost_hosts.insert(host, Addresses::None)),
            1..=2 => drop(self.lost_hosts.insert(host, Addresses::Failed)),
            _ => drop(self.lost_hosts.remove(&host)),
        }
    }

    /// Everything answers.
    pub(super) fn heal(&mut self, rng: &mut Rng) {
        self.lost_hosts.clear();
        for zone in self.zones.values_mut() {
            if !matches!(zone, Zone::Hosted(_) | Zone::NoRecords) {
                *zone = healthy(self.providers, rng);
            }
        }
    }

    /// The answer, and how long it takes and holds.
    pub(super) fn mx(&mut self, domain: &Domain, rng: &mut Rng) -> (MxAnswer, Duration, Duration) {
        let zone = self.zones[domain];
        self.nowhere.insert(domain.clone(), matches!(zone, Zone::NoDomain | Zone::NullMx));
        let answer = match zone {
            Zone::Hosted(provider) => MxAnswer::Records(
                (0..exchangers(provider))
                    .map(|number| record(10 * (number as u16 / 2), &exchanger(provider, number)))
                    .collect(),
            ),
            Zone::NoRecords => MxAnswer::NoRecords,
            Zone::NullMx => MxAnswer::Records(vec![record(0, "")]),
            Zone::NoDomain => MxAnswer::NoDomain,
            Zone::Broken => MxAnswer::Failed("SERVFAIL".to_owned()),
            Zone::Mute => MxAnswer::Failed("timed out".to_owned()),
        };
        let took = if zone == Zone::Mute { 10_000 } else { rng.u64(0..300) };
        let holds = Duration::from_secs(rng.u64(60..3_600));
        (answer, Duration::from_millis(took), holds)
    }

    /// Whether the last answer was that mail for this domain goes nowhere.
    pub(super) fn is_nowhere(&self, domain: &Domain) -> bool {
        self.nowhere.get(domain).copied().unwrap_or(false)
    }

    pub(super) fn addresses(&self, host: &str) -> Addresses {
        self.lost_hosts.get(host).copied().unwrap_or(Addresses::One)
    }
}

fn healthy(providers: usize, rng: &mut Rng) -> Zone {
    if rng.u8(0..10) == 0 { Zone::NoRecords } else { Zone::Hosted(rng.usize(0..providers)) }
}

fn record(preference: u16, exchange: &str) -> MxRecord {
    MxRecord { preference, exchange: exchange.to_owned() }
}
