//! Next hops that operators set for destination domains while we run; they come before those of the
//! configuration and are kept over restarts.

use crate::settings::NextHop;
use mailwright_engine::address::Domain;
use std::{cell::RefCell, collections::HashMap};

/// The next hops in force. Used on one thread.
#[derive(Debug, Default)]
pub struct Reroutes(RefCell<HashMap<Domain, NextHop>>);

impl Reroutes {
    /// The next hops that were stored.
    pub fn new(stored: impl IntoIterator<Item = (Domain, NextHop)>) -> Self {
        Self(RefCell::new(stored.into_iter().collect()))
    }

    /// The next hop of `domain`, if one was set.
    pub fn get(&self, domain: &Domain) -> Option<NextHop> {
        self.0.borrow().get(domain).cloned()
    }

    /// Sets the next hop of `domain`, or takes it away.
    pub fn set(&self, domain: Domain, hop: Option<NextHop>) {
        match hop {
            Some(hop) => self.0.borrow_mut().insert(domain, hop),
            None => self.0.borrow_mut().remove(&domain),
        };
    }

    /// Every next hop that was set.
    pub fn all(&self) -> Vec<(Domain, NextHop)> {
        self.0.borrow().iter().map(|(domain, hop)| (domain.clone(), hop.clone())).collect()
    }
}
