//! What is suspended now: by operators, kept over restarts, and by rules, for a while.

use crate::{clock, domain::Lane};
use mailwright_engine::{
    address::Domain,
    class::{SourceName, TenantName},
    shaping::ProviderName,
    time::UnixMillis,
};
use mailwright_storage::control::{Suspension, SuspensionScope};
use std::{cell::RefCell, collections::HashMap, rc::Rc};

/// The suspensions in force. Clones share them. Used on one thread.
#[derive(Debug, Clone, Default)]
pub struct Suspensions(Rc<RefCell<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    by_operators: HashMap<SuspensionScope, Suspension>,
    /// By rules: nothing of this source to this provider, until then.
    by_rules: HashMap<(ProviderName, SourceName), UnixMillis>,
}

impl Suspensions {
    /// The suspensions that `stored` holds.
    pub fn new(stored: Vec<Suspension>) -> Self {
        let suspensions = Self::default();
        stored.into_iter().for_each(|suspension| suspensions.put(suspension));
        suspensions
    }

    /// Puts one in force, in place of an earlier one of the same scope.
    pub fn put(&self, suspension: Suspension) {
        self.0.borrow_mut().by_operators.insert(suspension.scope.clone(), suspension);
    }

    /// Ends one; false if there was none.
    pub fn remove(&self, scope: &SuspensionScope) -> bool {
        self.0.borrow_mut().by_operators.remove(scope).is_some()
    }

    /// Keeps `source` away from `provider` until then.
    pub fn put_provider(&self, provider: ProviderName, source: SourceName, until: UnixMillis) {
        self.0.borrow_mut().by_rules.insert((provider, source), until);
    }

    fn get(&self, scope: &SuspensionScope) -> Option<Suspension> {
        let now = clock::now();
        let inner = self.0.borrow();
        if inner.by_operators.is_empty() {
            return None;
        }
        let in_force = |suspension: &&Suspension| suspension.until.is_none_or(|until| until > now);
        inner.by_operators.get(scope).filter(in_force).cloned()
    }

    /// What holds a destination domain.
    pub fn domain(&self, domain: &Domain) -> Option<Suspension> {
        self.get(&SuspensionScope::Domain(domain.clone()))
    }

    /// What holds a site.
    pub fn site(&self, name: &str) -> Option<Suspension> {
        self.get(&SuspensionScope::Site(name.to_owned()))
    }

    /// What holds a source.
    pub fn source(&self, source: &SourceName) -> Option<Suspension> {
        self.get(&SuspensionScope::Source(source.clone()))
    }

    /// What holds a tenant.
    pub fn tenant(&self, tenant: &TenantName) -> Option<Suspension> {
        self.get(&SuspensionScope::Tenant(tenant.clone()))
    }

    /// What holds a lane: its tenant or its source.
    pub fn lane(&self, lane: &Lane) -> Option<Suspension> {
        let tenant = lane.class.tenant.as_ref().and_then(|tenant| self.tenant(tenant));
        tenant.or_else(|| self.source(&lane.source))
    }

    /// Until when rules keep `source` away from `provider`.
    pub fn provider(&self, provider: &ProviderName, source: &SourceName) -> Option<UnixMillis> {
        let inner = self.0.borrow();
        if inner.by_rules.is_empty() {
            return None;
        }
        inner.by_rules.get(&(provider.clone(), source.clone())).copied().filter(|until| *until > clock::now())
    }

    /// Forgets what is over; returns the scopes of operators' suspensions that ended.
    pub fn expire(&self, now: UnixMillis) -> Vec<SuspensionScope> {
        let mut inner = self.0.borrow_mut();
        inner.by_rules.retain(|_, until| *until > now);
        let over = |suspension: &Suspension| suspension.until.is_some_and(|until| until <= now);
        let ended = inner.by_operators.values().filter(|s| over(s)).map(|s| s.scope.clone()).collect();
        inner.by_operators.retain(|_, suspension| !over(suspension));
        ended
    }

    /// Every suspension by operators in force.
    pub fn all(&self) -> Vec<Suspension> {
        self.0.borrow().by_operators.values().cloned().collect()
    }
}
