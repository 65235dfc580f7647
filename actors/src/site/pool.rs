//! The connections of a site that were made under one TLS policy, and the mail that may use them.
//!
//! Limits are the site's, trust is the domain's: a connection made for one policy carries no mail of another.

use super::{ConnectionId, Flow, idle::IdleConnections};
use crate::{domain::DomainActor, tls::TlsPlan};
use actix::Addr;
use mailwright_engine::fair::FairShares;
use std::collections::{HashMap, HashSet};

/// One pool.
pub(super) struct Pool {
    /// What its connections must come to.
    pub(super) tls: TlsPlan,
    pub(super) shares: FairShares<Flow>,
    pub(super) domains: HashMap<Flow, Addr<DomainActor>>,
    /// Connections that wait for work.
    pub(super) idle: IdleConnections,
    pub(super) connections: HashSet<ConnectionId>,
    /// Those of them that are being established.
    pub(super) opening: HashSet<ConnectionId>,
}

impl Pool {
    pub(super) fn new(tls: TlsPlan) -> Self {
        Self {
            tls,
            shares: FairShares::default(),
            domains: HashMap::new(),
            idle: IdleConnections::default(),
            connections: HashSet::new(),
            opening: HashSet::new(),
        }
    }

    /// The domain to serve next.
    pub(super) fn take(&mut self) -> Option<(Flow, Addr<DomainActor>)> {
        while let Some(flow) = self.shares.take() {
            if let Some(addr) = self.domains.get(&flow).filter(|addr| addr.connected()) {
                return Some((flow, addr.clone()));
            }
            self.withdraw(&flow);
        }
        None
    }

    pub(super) fn withdraw(&mut self, flow: &Flow) {
        self.shares.withdraw(flow);
        self.domains.remove(flow);
    }

    /// Messages for which there is no connection yet, not even one being made. While connections wait for work
    /// something else holds the mail back, and more of them would only wait along.
    pub(super) fn unserved(&self) -> usize {
        if self.idle.any_open() {
            return 0;
        }
        self.shares.ready().saturating_sub(self.opening.len())
    }

    /// Whether mail waits and no connection will ever come by.
    pub(super) fn is_starved(&self) -> bool {
        self.shares.ready() > 0 && self.connections.is_empty()
    }

    /// Whether nothing is left of it.
    pub(super) fn is_empty(&self) -> bool {
        self.shares.ready() == 0 && self.connections.is_empty()
    }
}
