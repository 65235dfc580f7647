//! What is to be published for sending domains and routing zones.

use mailwright_engine::{
    address::{Domain, EmailAddress},
    domain_dns::{
        DEFAULT_TTL, DkimRole, DmarcWish, DnsRecord, DomainKey, PolicyWish,
        RoutingZone as RoutingDescription, SendingDomain as Description, SendingName, SpfAuthority, records,
        routing_records,
    },
};
use mailwright_storage::control::{KeyStage, RoutingZone, SendingDomain, StoredKey};
use std::net::IpAddr;

/// What the records of all domains have in common.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordSettings {
    /// How SPF names our hosts; `None` where any valid record will do.
    pub spf: Option<SpfAuthority>,
    /// Our hosts that take bounces, best first; empty where any will do.
    pub mx: Vec<Domain>,
    /// The DMARC policy to publish; `None` to leave it to the domain's owner.
    pub dmarc: Option<DmarcWish>,
    /// Addresses that mail leaves from, as far as they are known.
    pub addresses: Vec<IpAddr>,
    /// What those of routing zones have in common.
    pub routing: RoutingRecords,
}

/// What the records of all routing zones have in common.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoutingRecords {
    /// How SPF names our hosts that forward; `None` where any valid record will do.
    pub spf: Option<SpfAuthority>,
    /// Our hosts that take mail from the world, best first; empty where any will do.
    pub mx: Vec<Domain>,
    /// The policy of MTA-STS, and who serves it.
    pub mta_sts: Option<PolicyWish>,
    /// Who gets reports about TLS.
    pub tls_reports: Option<EmailAddress>,
}

impl RecordSettings {
    /// What the DNS is to say about `domain`.
    pub fn describe(&self, domain: &SendingDomain) -> Description {
        let name = domain.name.clone();
        Description {
            name: if domain.wildcard { SendingName::Wildcard(name) } else { SendingName::Exact(name) },
            return_path: domain.return_path_domain.clone(),
            keys: domain.keys.iter().filter_map(key).collect(),
            spf: self.spf.clone(),
            mx: self.mx.clone(),
            dmarc: self.dmarc.clone(),
            ttl: DEFAULT_TTL,
        }
    }

    /// The records of `domain`.
    pub fn of(&self, domain: &SendingDomain) -> Vec<DnsRecord> {
        records(&self.describe(domain))
    }

    /// What the DNS is to say about `zone` and those of its subdomains that take mail.
    pub fn describe_routing(&self, zone: &RoutingZone) -> RoutingDescription {
        let below = zone.subdomains.iter().filter(|below| below.enabled).map(|below| &below.name);
        let names = std::iter::once(&zone.name).chain(below).cloned().collect();
        self.describe_names(&zone.name, names, &zone.keys)
    }

    /// What the DNS is to say about `names` of a zone with these keys, if they are to take mail.
    pub fn describe_names(
        &self,
        zone: &Domain,
        names: Vec<Domain>,
        keys: &[StoredKey],
    ) -> RoutingDescription {
        let RoutingRecords { spf, mx, mta_sts, tls_reports } = self.routing.clone();
        let keys = keys.iter().filter_map(key).collect();
        RoutingDescription {
            zone: zone.clone(),
            names,
            mx,
            spf,
            keys,
            mta_sts,
            tls_reports,
            ttl: DEFAULT_TTL,
        }
    }

    /// The records of `zone`.
    pub fn of_routing(&self, zone: &RoutingZone) -> Vec<DnsRecord> {
        routing_records(&self.describe_routing(zone))
    }
}

/// A key as the DNS is to show it. Its selector was a label when it was made.
fn key(key: &StoredKey) -> Option<DomainKey> {
    let role = match key.stage {
        KeyStage::Waiting => DkimRole::Waiting,
        KeyStage::Signing => DkimRole::Signing,
        KeyStage::Retiring => DkimRole::Retiring,
    };
    DomainKey::new(&key.selector, Some(key.public_record.clone()), role).ok()
}
