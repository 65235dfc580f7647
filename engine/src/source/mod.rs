//! Sources: the addresses mail leaves from, their pools, weights and warm-up.
//!
//! A *source* is a pair of local addresses and the name we give in EHLO from them. A *pool* shares mail over
//! sources by weight and may overflow into another pool. Which pool a message uses is decided when it is
//! accepted ([`Sources::pool_for`]), which source before each attempt ([`Sources::choose`]): by then some may
//! be suspended, refused as blocklisted, or have spent the daily allowance of their warm-up.

mod config;
mod warm_up;

pub use config::{PoolConfig, PoolRuleConfig, SourceConfig, SourcesConfig, SourcesError};
pub use warm_up::WarmUp;

use crate::{
    address::Domain,
    class::{PoolName, SourceName, TenantName},
    time::UnixMillis,
};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

/// Where mail leaves from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: SourceName,
    /// The IPv4 address to bind; without any address at all the system chooses.
    pub ipv4: Option<Ipv4Addr>,
    /// The IPv6 address to bind.
    pub ipv6: Option<Ipv6Addr>,
    /// The name to give in EHLO, if not the installation's.
    pub ehlo: Option<String>,
    /// How much it may send while it is new.
    pub warm_up: Option<WarmUp>,
}

/// How a source reaches one family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bind {
    /// From whatever address the system chooses.
    Any,
    /// From this address.
    Address(IpAddr),
    /// Not at all: the source has addresses, but none of this family.
    Impossible,
}

impl Source {
    /// The source that there is when none is configured: the system chooses the addresses.
    pub fn unnamed() -> Self {
        Self { name: SourceName::unnamed(), ipv4: None, ipv6: None, ehlo: None, warm_up: None }
    }

    /// How to reach `peer`.
    pub fn bind_for(&self, peer: IpAddr) -> Bind {
        let own = match peer {
            IpAddr::V4(_) => self.ipv4.map(IpAddr::V4),
            IpAddr::V6(_) => self.ipv6.map(IpAddr::V6),
        };
        match own {
            Some(address) => Bind::Address(address),
            None if self.ipv4.is_none() && self.ipv6.is_none() => Bind::Any,
            None => Bind::Impossible,
        }
    }
}

/// Whether a source may be used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// It may.
    Usable,
    /// Not before this time; `None`: not until somebody resumes it.
    Not {
        /// When it may be used again.
        until: Option<UnixMillis>,
    },
}

/// Why a pool gives no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no source of pool {pool} can be used now: all are suspended or have sent their daily allowance")]
pub struct NoSource {
    /// The pool asked for.
    pub pool: PoolName,
    /// When the first of its sources may be used again, if that is known.
    pub until: Option<UnixMillis>,
}

/// What a message tells about the pool it should use.
#[derive(Debug, Clone, Copy, Default)]
pub struct PoolFacts<'a> {
    /// Who sends it.
    pub tenant: Option<&'a TenantName>,
    /// Where it goes.
    pub destination: Option<&'a Domain>,
    /// What its header asks for.
    pub asked: Option<&'a PoolName>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pool {
    members: Vec<(Arc<Source>, u32)>,
    overflow: Option<PoolName>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct PoolRule {
    tenant: Option<TenantName>,
    destination: Option<Domain>,
    pool: PoolName,
}

/// Every source and pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    pools: HashMap<PoolName, Pool>,
    rules: Vec<PoolRule>,
    default: PoolName,
}

impl Default for Sources {
    /// One source, whose addresses the system chooses.
    fn default() -> Self {
        let source =
            Source { name: SourceName::unnamed(), ipv4: None, ipv6: None, ehlo: None, warm_up: None };
        let pool = Pool { members: vec![(Arc::new(source), 1)], overflow: None };
        let default = PoolName::unnamed();
        Self { pools: HashMap::from([(default.clone(), pool)]), rules: Vec::new(), default }
    }
}

impl Sources {
    /// The pool for a message: what its header asks for, if there is such a pool, else the first rule that
    /// fits, else `None`, the default pool.
    pub fn pool_for(&self, facts: &PoolFacts<'_>) -> Option<PoolName> {
        let asked = facts.asked.filter(|pool| self.pools.contains_key(pool));
        let ruled = || self.rules.iter().find(|rule| rule.fits(facts)).map(|rule| &rule.pool);
        asked.or_else(ruled).cloned()
    }

    /// The source for the next attempt at a message of `pool` (`None` or a pool that is no more: the default).
    ///
    /// Members share by weight, decided by `seed`. One that is not available, by `availability`, is passed
    /// over; so is `avoid`, the source of the last attempt if that was refused as blocklisted, as long as there
    /// is another. A pool with no usable member overflows.
    ///
    /// # Errors
    /// When neither the pool nor what it overflows into has a usable source.
    pub fn choose(
        &self,
        pool: Option<&PoolName>,
        seed: u64,
        avoid: Option<&SourceName>,
        availability: impl Fn(&Source) -> Availability,
    ) -> Result<&Arc<Source>, NoSource> {
        let asked = pool.filter(|pool| self.pools.contains_key(pool)).unwrap_or(&self.default);
        let members =
            |name: &PoolName| self.pools.get(name).map(|pool| pool.members.as_slice()).unwrap_or_default();
        let mut avoided = None;
        let mut until: Option<UnixMillis> = None;
        for name in self.with_overflow(asked) {
            let mut usable = Vec::new();
            for (source, weight) in members(name) {
                match availability(source) {
                    Availability::Usable if avoid == Some(&source.name) => avoided = Some(source),
                    Availability::Usable => usable.push((source, *weight)),
                    Availability::Not { until: again } => until = earlier(until, again),
                }
            }
            if let Some(source) = by_weight(&usable, seed) {
                return Ok(source);
            }
        }
        avoided.ok_or_else(|| NoSource { pool: asked.clone(), until })
    }

    /// A pool and those it overflows into, in order, each once.
    fn with_overflow<'a>(&'a self, first: &'a PoolName) -> impl Iterator<Item = &'a PoolName> {
        let next = |name: &&'a PoolName| self.pools.get(*name).and_then(|pool| pool.overflow.as_ref());
        std::iter::successors(Some(first), next).take(self.pools.len())
    }

    /// Every source, once, by name.
    pub fn all(&self) -> Vec<&Arc<Source>> {
        let mut all: Vec<_> =
            self.pools.values().flat_map(|pool| pool.members.iter().map(|(source, _)| source)).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all.dedup_by(|a, b| a.name == b.name);
        all
    }

    /// The source of this name.
    pub fn get(&self, name: &SourceName) -> Option<&Arc<Source>> {
        self.all().into_iter().find(|source| source.name == *name)
    }
}

impl PoolRule {
    fn fits(&self, facts: &PoolFacts<'_>) -> bool {
        self.tenant.as_ref().is_none_or(|tenant| facts.tenant == Some(tenant))
            && self.destination.as_ref().is_none_or(|domain| facts.destination == Some(domain))
    }
}

fn earlier(a: Option<UnixMillis>, b: Option<UnixMillis>) -> Option<UnixMillis> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

fn by_weight<'a>(members: &[(&'a Arc<Source>, u32)], seed: u64) -> Option<&'a Arc<Source>> {
    let total: u64 = members.iter().map(|(_, weight)| u64::from(*weight)).sum();
    // Seeds may be counters: spread them.
    let mut point = crate::mx::spread(seed).checked_rem(total)?;
    members.iter().find_map(|(source, weight)| {
        let weight = u64::from(*weight);
        let hit = point < weight;
        point = point.wrapping_sub(weight);
        hit.then_some(*source)
    })
}

#[cfg(test)]
mod tests;
