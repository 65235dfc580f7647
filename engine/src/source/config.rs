//! Sources as the configuration writes them.

use super::{Pool, PoolRule, Source, Sources, WarmUp};
use crate::{
    address::Domain,
    class::{PoolName, SourceName, TenantName},
    time::UnixMillis,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

/// The configuration's sections `sources`, `pools` and `pool_rules`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourcesConfig {
    /// By name.
    pub sources: BTreeMap<String, SourceConfig>,
    /// By name; without any, every source is in one pool with the same weight.
    pub pools: BTreeMap<String, PoolConfig>,
    /// In order: the first that fits decides.
    pub pool_rules: Vec<PoolRuleConfig>,
    /// The pool of messages that no rule fits; empty: the first by name.
    pub default_pool: String,
}

/// One source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourceConfig {
    /// The IPv4 address to bind.
    pub ipv4: Option<Ipv4Addr>,
    /// The IPv6 address to bind.
    pub ipv6: Option<Ipv6Addr>,
    /// The name in EHLO; empty: the installation's.
    pub ehlo: String,
    /// The day on which it began to send, as `2026-11-21`; empty: no warm-up.
    pub warm_up_from: String,
    /// Messages allowed on that day and on each one after it.
    pub warm_up: Vec<u64>,
}

/// One pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolConfig {
    /// Weights by source.
    pub sources: BTreeMap<String, u32>,
    /// The pool to use when no source of this one may be; empty: none.
    pub overflow: String,
}

/// Which mail uses a pool; a condition left empty always fits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolRuleConfig {
    /// The account that sends it.
    pub account: String,
    /// The destination domain.
    pub domain: String,
    /// The pool to use.
    pub pool: String,
}

/// What is wrong with the sources of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourcesError {
    /// A name with characters that names may not have.
    #[error(
        "{key}: {name:?} is no name: use 1 to 64 lower-case letters, digits, dots, hyphens and underscores"
    )]
    Name {
        /// Where.
        key: String,
        /// What was there.
        name: String,
    },
    /// A name that nothing has.
    #[error("{key}: there is no {what} {name:?}; define it or mend the name")]
    Unknown {
        /// Where.
        key: String,
        /// `source` or `pool`.
        what: &'static str,
        /// What was there.
        name: String,
    },
    /// A value out of range.
    #[error("{key}: {reason}")]
    Value {
        /// Where.
        key: String,
        /// What is wrong and what to do.
        reason: String,
    },
}

impl SourcesConfig {
    /// The sources and pools that this describes.
    ///
    /// # Errors
    /// The first mistake, with its key.
    pub fn build(&self) -> Result<Sources, SourcesError> {
        if self.sources.is_empty() && self.pools.is_empty() && self.pool_rules.is_empty() {
            return Ok(Sources::default());
        }
        let mut sources = HashMap::new();
        for (name, config) in &self.sources {
            let source = config.build(name)?;
            sources.insert(name.as_str(), Arc::new(source));
        }
        let pools = self.build_pools(&sources)?;
        let default = self.default_pool(&pools)?;
        let rules =
            (0..).zip(&self.pool_rules).map(|(at, rule)| rule.build(at, &pools)).collect::<Result<_, _>>()?;
        Ok(Sources { pools, rules, default })
    }

    fn build_pools(
        &self,
        sources: &HashMap<&str, Arc<Source>>,
    ) -> Result<HashMap<PoolName, Pool>, SourcesError> {
        if self.pools.is_empty() {
            let members = sources.values().map(|source| (Arc::clone(source), 1)).collect();
            return Ok(HashMap::from([(PoolName::unnamed(), Pool { members, overflow: None })]));
        }
        let mut pools = HashMap::new();
        for (name, config) in &self.pools {
            let key = format!("pools.{name}");
            pools.insert(pool_name(&key, name)?, config.build(&key, sources)?);
        }
        for (name, config) in &self.pools {
            if !config.overflow.is_empty() {
                known_pool(&format!("pools.{name}.overflow"), &config.overflow, &pools)?;
            }
        }
        Ok(pools)
    }

    fn default_pool(&self, pools: &HashMap<PoolName, Pool>) -> Result<PoolName, SourcesError> {
        if !self.default_pool.is_empty() {
            return known_pool("default_pool", &self.default_pool, pools);
        }
        Ok(pools.keys().min().cloned().unwrap_or_else(PoolName::unnamed))
    }
}

impl SourceConfig {
    fn build(&self, name: &str) -> Result<Source, SourcesError> {
        let key = format!("sources.{name}");
        let name = SourceName::parse(name)
            .map_err(|_| SourcesError::Name { key: key.clone(), name: name.to_owned() })?;
        let warm_up = self.warm_up(&key)?;
        let ehlo = (!self.ehlo.is_empty()).then(|| self.ehlo.clone());
        if ehlo.as_deref().is_some_and(|ehlo| !ehlo.bytes().all(|b| b.is_ascii_graphic())) {
            let reason = "a host name has no spaces, controls or letters beyond ASCII".to_owned();
            return Err(SourcesError::Value { key: format!("{key}.ehlo"), reason });
        }
        Ok(Source { name, ipv4: self.ipv4, ipv6: self.ipv6, ehlo, warm_up })
    }

    fn warm_up(&self, key: &str) -> Result<Option<WarmUp>, SourcesError> {
        match (self.warm_up_from.as_str(), self.warm_up.as_slice()) {
            ("", []) => Ok(None),
            ("", _) => {
                let reason = "needs warm_up_from, the day on which the source began to send".to_owned();
                Err(SourcesError::Value { key: format!("{key}.warm_up"), reason })
            }
            (day, caps) => match UnixMillis::from_date(day) {
                Some(start) => Ok(Some(WarmUp::new(start, caps.to_vec()))),
                None => {
                    let reason = format!("{day:?} is no day; write it as 2026-11-21");
                    Err(SourcesError::Value { key: format!("{key}.warm_up_from"), reason })
                }
            },
        }
    }
}

impl PoolConfig {
    fn build(&self, key: &str, sources: &HashMap<&str, Arc<Source>>) -> Result<Pool, SourcesError> {
        let mut members = Vec::new();
        for (name, weight) in &self.sources {
            let key = format!("{key}.sources.{name}");
            let Some(source) = sources.get(name.as_str()) else {
                return Err(SourcesError::Unknown { key, what: "source", name: name.clone() });
            };
            if *weight == 0 {
                let reason = "a weight is at least 1; leave a source out to give it nothing".to_owned();
                return Err(SourcesError::Value { key, reason });
            }
            members.push((Arc::clone(source), *weight));
        }
        if members.is_empty() {
            let reason = "a pool needs at least one source".to_owned();
            return Err(SourcesError::Value { key: format!("{key}.sources"), reason });
        }
        let overflow = match self.overflow.as_str() {
            "" => None,
            name => Some(pool_name(&format!("{key}.overflow"), name)?),
        };
        Ok(Pool { members, overflow })
    }
}

impl PoolRuleConfig {
    fn build(&self, at: usize, pools: &HashMap<PoolName, Pool>) -> Result<PoolRule, SourcesError> {
        let key = format!("pool_rules[{at}]");
        let tenant =
            match self.account.as_str() {
                "" => None,
                name => Some(TenantName::parse(name).map_err(|_| SourcesError::Name {
                    key: format!("{key}.account"),
                    name: name.to_owned(),
                })?),
            };
        let destination = match self.domain.as_str() {
            "" => None,
            name => Some(Domain::parse(name).map_err(|error| SourcesError::Value {
                key: format!("{key}.domain"),
                reason: error.to_string(),
            })?),
        };
        let pool = known_pool(&format!("{key}.pool"), &self.pool, pools)?;
        Ok(PoolRule { tenant, destination, pool })
    }
}

fn pool_name(key: &str, name: &str) -> Result<PoolName, SourcesError> {
    PoolName::parse(name).map_err(|_| SourcesError::Name { key: key.to_owned(), name: name.to_owned() })
}

fn known_pool(key: &str, name: &str, pools: &HashMap<PoolName, Pool>) -> Result<PoolName, SourcesError> {
    let known = pool_name(key, name)?;
    if pools.contains_key(&known) {
        return Ok(known);
    }
    Err(SourcesError::Unknown { key: key.to_owned(), what: "pool", name: name.to_owned() })
}
