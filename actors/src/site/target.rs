//! What a site is known by.

use crate::settings::NextHop;
use mailwright_engine::{address::Domain, class::SourceName, mx::MxHost};
use std::{
    fmt,
    hash::{Hash, Hasher},
};

/// Where a site's connections go.
#[derive(Debug, Clone)]
pub enum SiteTarget {
    /// A configured next hop.
    Route(NextHop),
    /// Mail exchangers, in the order to try them. Known by `name`, which leaves the order out.
    Exchangers {
        /// Their names, sorted.
        name: String,
        /// The hosts.
        hosts: Vec<MxHost>,
        /// Their port.
        port: u16,
    },
}

impl SiteTarget {
    /// What tells targets apart: not the order of hosts, which is shuffled anew at every look-up.
    fn identity(&self) -> (&str, u16) {
        match self {
            Self::Route(hop) => (&hop.host, hop.port),
            Self::Exchangers { name, port, .. } => (name, *port),
        }
    }

    /// The names by which shaping knows the target.
    pub fn host_names(&self) -> Vec<String> {
        match self {
            Self::Route(hop) => vec![hop.host.clone()],
            Self::Exchangers { hosts, .. } => hosts.iter().map(ToString::to_string).collect(),
        }
    }
}

impl PartialEq for SiteTarget {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.identity() == other.identity()
    }
}

impl Eq for SiteTarget {}

impl Hash for SiteTarget {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl fmt::Display for SiteTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route(hop) => write!(f, "{hop}"),
            Self::Exchangers { name, .. } => f.write_str(name),
        }
    }
}

/// A site: a target as seen from one source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SiteKey {
    /// Where connections go.
    pub target: SiteTarget,
    /// Where they come from.
    pub source: SourceName,
    /// The domain it is for, when shaping has a section for that domain alone; such a domain does not share
    /// its connections.
    pub own: Option<Domain>,
}

impl SiteKey {
    /// The name that events, `mailwright queue` and suspensions use.
    pub fn name(&self) -> String {
        self.target.to_string()
    }
}

impl fmt::Display for SiteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.target)?;
        if self.source != SourceName::unnamed() {
            write!(f, " from {}", self.source)?;
        }
        match &self.own {
            Some(domain) => write!(f, " for {domain}"),
            None => Ok(()),
        }
    }
}
