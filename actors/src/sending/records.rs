//! What is to be published for a sending domain.

use mailwright_engine::{
    address::Domain,
    domain_dns::{
        DEFAULT_TTL, DkimRole, DmarcWish, DnsRecord, DomainKey, SendingDomain as Description, SendingName,
        SpfAuthority, records,
    },
};
use mailwright_storage::control::{KeyStage, SendingDomain, StoredKey};
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
