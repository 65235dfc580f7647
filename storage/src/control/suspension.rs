//! Suspensions: what must not be delivered for now, whoever decided so. They survive a restart.

use super::{Control, ControlError, database, encode};
use mailwright_engine::{
    address::Domain,
    class::{SourceName, TenantName},
    time::UnixMillis,
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

pub(super) const TABLE: &str = "suspension/";

/// What a suspension stops.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SuspensionScope {
    /// Mail to one domain.
    Domain(Domain),
    /// Mail to all domains of a site, by the site's name.
    Site(String),
    /// Mail by way of one source.
    Source(SourceName),
    /// Mail of one tenant.
    Tenant(TenantName),
}

/// Text that is no [`SuspensionScope`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is nothing to suspend: say domain:, site:, source: or tenant: and a name")]
pub struct InvalidScope(String);

impl fmt::Display for SuspensionScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(name) => write!(f, "domain:{name}"),
            Self::Site(name) => write!(f, "site:{name}"),
            Self::Source(name) => write!(f, "source:{name}"),
            Self::Tenant(name) => write!(f, "tenant:{name}"),
        }
    }
}

impl FromStr for SuspensionScope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let scope = match text.split_once(':') {
            Some(("domain", name)) => Domain::parse(name).ok().map(Self::Domain),
            Some(("site", name)) if !name.trim().is_empty() => Some(Self::Site(name.trim().to_owned())),
            Some(("source", name)) => SourceName::parse(name).ok().map(Self::Source),
            Some(("tenant", name)) => TenantName::parse(name).ok().map(Self::Tenant),
            _ => None,
        };
        scope.ok_or_else(|| InvalidScope(text.chars().take(100).collect()))
    }
}

impl TryFrom<String> for SuspensionScope {
    type Error = InvalidScope;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<SuspensionScope> for String {
    fn from(scope: SuspensionScope) -> Self {
        scope.to_string()
    }
}

/// Delivery stopped for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// What is stopped.
    pub scope: SuspensionScope,
    /// When it ends by itself; `None` if somebody has to end it.
    pub until: Option<UnixMillis>,
    /// Why, for people.
    pub reason: String,
    /// Whose doing: an operator, or the rule that asked for it.
    pub by: String,
    /// Since when.
    pub created: UnixMillis,
}

impl Suspension {
    /// Whether it has ended by `now`.
    pub fn is_over(&self, now: UnixMillis) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

impl Control {
    /// Suspends, in place of an earlier suspension of the same scope. Blocks for a sync.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn suspend(&self, suspension: Suspension) -> Result<(), ControlError> {
        self.store(TABLE, &suspension.scope.to_string(), &suspension)?;
        self.write(|state| state.suspensions.insert(suspension.scope.clone(), suspension));
        Ok(())
    }

    /// Ends a suspension; `None` if there was none. Blocks for a sync.
    ///
    /// # Errors
    /// When it cannot be stored; then it is suspended still.
    pub fn resume(&self, scope: &SuspensionScope) -> Result<Option<Suspension>, ControlError> {
        if !self.read(|state| state.suspensions.contains_key(scope)) {
            return Ok(None);
        }
        let mut batch = sled::Batch::default();
        batch.remove(format!("{TABLE}{scope}").as_str());
        self.commit(batch)?;
        Ok(self.write(|state| state.suspensions.remove(scope)))
    }

    /// What is suspended at `now`, in the order of scopes. Forgets what is over.
    pub fn suspensions(&self, now: UnixMillis) -> Vec<Suspension> {
        let (over, lasting): (Vec<_>, Vec<_>) = self
            .read(|state| state.suspensions.values().cloned().collect::<Vec<_>>())
            .into_iter()
            .partition(|suspension| suspension.is_over(now));
        for suspension in over {
            if let Err(error) = self.forget(&suspension) {
                tracing::warn!(scope = %suspension.scope, %error, "a suspension that is over was not forgotten");
            }
        }
        lasting
    }

    /// Removes exactly this suspension: a new one of its scope may have taken its place meanwhile. Not synced:
    /// what comes back after a power cut is over all the same.
    fn forget(&self, over: &Suspension) -> Result<(), ControlError> {
        let stored = encode(over)?;
        let key = format!("{TABLE}{}", over.scope);
        let _taken = self.db.compare_and_swap(key, Some(stored), None::<Vec<u8>>).map_err(database)?;
        self.write(|state| {
            if state.suspensions.get(&over.scope) == Some(over) {
                state.suspensions.remove(&over.scope);
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_000);

    fn suspension(scope: &str, until: Option<u64>) -> Suspension {
        Suspension {
            scope: scope.parse().unwrap(),
            until: until.map(UnixMillis::new),
            reason: "too many complaints".into(),
            by: "operator".into(),
            created: UnixMillis::new(1),
        }
    }

    #[test]
    fn suspensions_survive_a_restart_until_they_are_over_or_ended() {
        let dir = tempfile::tempdir().unwrap();
        let control = Control::open(dir.path()).unwrap();
        let lasting = suspension("tenant:shop", None);
        let until = suspension("site:mx1.example,mx2.example", Some(1_001));
        for each in [&lasting, &until, &suspension("domain:one.example", Some(1_000))] {
            control.suspend(each.clone()).unwrap();
        }
        control.suspend(suspension("source:a", None)).unwrap();
        assert!(control.resume(&"source:a".parse().unwrap()).unwrap().is_some());
        assert_eq!(control.resume(&"source:a".parse().unwrap()).unwrap(), None);
        drop(control);

        let control = Control::open(dir.path()).unwrap();
        assert_eq!(control.suspensions(NOW), [until, lasting.clone()]);
        assert_eq!(control.suspensions(UnixMillis::new(1_001)), [lasting]);
        // Forgotten, not only hidden.
        assert_eq!(control.suspensions(UnixMillis::new(0)).len(), 1);
    }

    #[test]
    fn a_second_suspension_takes_the_place_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let control = Control::open(dir.path()).unwrap();
        control.suspend(suspension("domain:one.example", Some(5_000))).unwrap();
        let longer = suspension("domain:one.example", Some(9_000));
        control.suspend(longer.clone()).unwrap();
        assert_eq!(control.suspensions(NOW), [longer]);
    }

    #[test]
    fn a_scope_reads_back_what_it_prints() {
        for text in ["domain:one.example", "site:mx1.example,[192.0.2.1]", "source:a", "tenant:shop"] {
            assert_eq!(text.parse::<SuspensionScope>().unwrap().to_string(), text);
        }
        for wrong in ["", "shop", "account:shop", "domain:", "domain:a b", "site: ", "source:A"] {
            assert!(wrong.parse::<SuspensionScope>().is_err(), "{wrong}");
        }
    }
}
