//! From a domain to the hosts that take its mail (RFC 5321 section 5.1, RFC 7505).

use crate::{address::Domain, smtp::verdict::Verdict};
use std::net::IpAddr;

/// Most hosts of a plan: a set of records is bounded by nothing else, and nobody means more.
const MAX_HOSTS: usize = 30;

/// What DNS said when asked for a domain's MX records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MxAnswer {
    /// The records.
    Records(Vec<MxRecord>),
    /// The domain exists (or may exist) and has no MX records.
    NoRecords,
    /// There is no such domain.
    NoDomain,
    /// No answer, or a broken one: try again later. Holds the reason.
    Failed(String),
}

/// One MX record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MxRecord {
    /// Lower is tried first.
    pub preference: u16,
    /// The host's name, without the final dot; empty for the null MX.
    pub exchange: String,
}

/// Where to connect for one domain: hosts in the order to try them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MxPlan {
    /// What to look up or connect to, best first.
    pub hosts: Vec<MxHost>,
}

/// One host of a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MxHost {
    /// A name whose addresses DNS knows.
    Name(String),
    /// An address literal (RFC 5321 section 4.1.3).
    Address(IpAddr),
}

impl std::fmt::Display for MxHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(ip) => write!(f, "[{ip}]"),
        }
    }
}

impl MxPlan {
    /// The plan for an address literal, which needs no DNS.
    pub fn literal(domain: &Domain) -> Option<Self> {
        domain.literal().map(|ip| Self { hosts: vec![MxHost::Address(ip)] })
    }

    /// The plan for `domain` after DNS gave `answer`; equal preferences are shuffled by `seed`. A host of
    /// `own_names` (lower case) is us: it and every host that is no better are left out, because those would
    /// only send the mail back (RFC 5321 section 5.1).
    ///
    /// # Errors
    /// The verdict for every recipient at the domain when there is nowhere to deliver: hard for a domain that
    /// does not exist, takes no mail (null MX) or leads to us, soft when DNS did not answer.
    pub fn new(domain: &Domain, answer: MxAnswer, own_names: &[String], seed: u64) -> Result<Self, Verdict> {
        let mut records = match answer {
            MxAnswer::Records(records) if !records.is_empty() => records,
            // "If an empty list of MXs is returned, the address is treated as if it was associated with an
            // implicit MX RR, with a preference of 0, pointing to that host."
            MxAnswer::Records(_) | MxAnswer::NoRecords => {
                vec![MxRecord { preference: 0, exchange: domain.as_str().to_owned() }]
            }
            MxAnswer::NoDomain => return Err(Verdict::no_such_domain(domain.as_str())),
            MxAnswer::Failed(reason) => return Err(Verdict::dns_failure(&format!("{domain}: {reason}"))),
        };
        records.retain(|record| !record.exchange.is_empty());
        if records.is_empty() {
            return Err(Verdict::null_mx(domain.as_str()));
        }
        cut_off_loop(&mut records, own_names);
        if records.is_empty() {
            return Err(Verdict::mail_loop(domain.as_str()));
        }
        Ok(Self { hosts: in_order(records, seed) })
    }

    /// A name for the set of hosts, the same for every domain they serve.
    pub fn site_name(&self) -> String {
        let mut names: Vec<_> = self.hosts.iter().map(ToString::to_string).collect();
        names.sort_unstable();
        names.dedup();
        names.join(",")
    }
}

/// Hosts by preference, and within one preference in an order that `seed` decides (RFC 5321 section 5.1:
/// "the sender-SMTP MUST randomize them to spread the load").
fn in_order(mut records: Vec<MxRecord>, seed: u64) -> Vec<MxHost> {
    records.sort_by_cached_key(|record| (record.preference, scramble(&record.exchange, seed)));
    records.dedup_by(|a, b| a.exchange.eq_ignore_ascii_case(&b.exchange));
    let hosts = records.into_iter().map(|record| MxHost::Name(record.exchange.to_ascii_lowercase()));
    hosts.take(MAX_HOSTS).collect()
}

/// Leaves only hosts that are better than the best of our own.
fn cut_off_loop(records: &mut Vec<MxRecord>, own_names: &[String]) {
    let is_own = |record: &&MxRecord| own_names.iter().any(|own| own.eq_ignore_ascii_case(&record.exchange));
    let Some(own) = records.iter().filter(is_own).map(|record| record.preference).min() else { return };
    records.retain(|record| record.preference < own);
}

fn scramble(name: &str, seed: u64) -> u64 {
    let hash = name.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0000_0100_0000_01b3)
    });
    spread(hash)
}

/// Makes neighbouring numbers into unrelated ones.
pub(crate) const fn spread(number: u64) -> u64 {
    let mixed = (number ^ (number >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 32)).wrapping_mul(0x94d0_49bb_1331_11eb) ^ (mixed >> 31)
}

/// The addresses of a host in the order to try them: IPv6 first, then IPv4, each family as DNS gave it.
pub fn by_family(addresses: impl IntoIterator<Item = IpAddr>) -> Vec<IpAddr> {
    let (mut six, four): (Vec<_>, Vec<_>) = addresses.into_iter().partition(IpAddr::is_ipv6);
    six.extend(four);
    six
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::verdict::Outcome;

    fn domain() -> Domain {
        Domain::parse("example.com").unwrap()
    }

    fn record(preference: u16, exchange: &str) -> MxRecord {
        MxRecord { preference, exchange: exchange.to_owned() }
    }

    fn names(plan: &MxPlan) -> Vec<String> {
        plan.hosts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn orders_hosts_by_preference() {
        let answer = MxAnswer::Records(vec![record(20, "b.example"), record(5, "A.example"), record(20, "")]);
        let plan = MxPlan::new(&domain(), answer, &[], 1).unwrap();
        assert_eq!(names(&plan), ["a.example", "b.example"]);
    }

    #[test]
    fn shuffles_equal_preferences_by_the_seed_and_keeps_every_host() {
        let answer = MxAnswer::Records((0..8).map(|n| record(10, &format!("mx{n}.example"))).collect());
        let orders: std::collections::HashSet<_> =
            (0..50).map(|seed| names(&MxPlan::new(&domain(), answer.clone(), &[], seed).unwrap())).collect();
        assert!(orders.len() > 10);
        let sites: std::collections::HashSet<_> = (0..50)
            .map(|seed| MxPlan::new(&domain(), answer.clone(), &[], seed).unwrap().site_name())
            .collect();
        assert_eq!(sites.len(), 1);
    }

    #[test]
    fn a_domain_without_mx_records_is_its_own_host() {
        for answer in [MxAnswer::NoRecords, MxAnswer::Records(Vec::new())] {
            assert_eq!(names(&MxPlan::new(&domain(), answer, &[], 0).unwrap()), ["example.com"]);
        }
    }

    #[test]
    fn null_mx_and_no_domain_are_hard_and_no_answer_is_soft() {
        let outcome = |answer| MxPlan::new(&domain(), answer, &[], 0).unwrap_err().outcome;
        assert_eq!(outcome(MxAnswer::Records(vec![record(0, "")])), Outcome::Hard);
        assert_eq!(outcome(MxAnswer::NoDomain), Outcome::Hard);
        assert_eq!(outcome(MxAnswer::Failed("SERVFAIL".into())), Outcome::Soft);
    }

    #[test]
    fn leaves_out_ourselves_and_every_host_that_is_no_better() {
        let records = || {
            vec![
                record(5, "a.example"),
                record(10, "Us.example"),
                record(10, "c.example"),
                record(20, "d.example"),
            ]
        };
        let own = ["us.example".to_owned()];
        let plan = MxPlan::new(&domain(), MxAnswer::Records(records()), &own, 0).unwrap();
        assert_eq!(names(&plan), ["a.example"]);
        let only_us = MxAnswer::Records(records().split_off(1));
        let verdict = MxPlan::new(&domain(), only_us, &own, 0).unwrap_err();
        assert_eq!((verdict.outcome, verdict.status.to_string()), (Outcome::Hard, "5.4.6".to_owned()));
        let implicit = MxPlan::new(&domain(), MxAnswer::NoRecords, &["example.com".to_owned()], 0);
        assert!(implicit.is_err());
    }

    #[test]
    fn address_literals_need_no_dns() {
        let plan = MxPlan::literal(&Domain::parse("[192.0.2.1]").unwrap()).unwrap();
        assert_eq!(names(&plan), ["[192.0.2.1]"]);
        assert_eq!(MxPlan::literal(&domain()), None);
    }

    #[test]
    fn tries_ipv6_first() {
        let addresses: Vec<IpAddr> =
            ["192.0.2.1", "2001:db8::1", "192.0.2.2"].iter().map(|a| a.parse().unwrap()).collect();
        assert_eq!(by_family(addresses.clone()), [addresses[1], addresses[0], addresses[2]]);
    }
}
