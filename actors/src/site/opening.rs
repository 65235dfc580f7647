//! Opening connections within the budget that all sites share, and sparing one for another site.

use super::{Site, turns::Turn};
use crate::{
    budget::{RoomForConnection, Slot, SpareConnection},
    clock,
    connection::{Connection, ConnectionId, ConnectionPlan},
};
use actix::prelude::*;
use mailwright_engine::{governor::Opening, time::UnixMillis};
use std::{rc::Rc, sync::Arc, time::Duration};

/// Pause after the system had no descriptor left: until then others may have closed some.
const DESCRIPTOR_PAUSE: Duration = Duration::from_secs(1);

impl Site {
    /// Opens as many connections as there is work, the governor allows and the budget has room for.
    pub(super) fn open(&mut self, ctx: &mut Context<Self>) {
        let now = clock::now();
        let count = self.connections_wanted(now);
        if count == 0 {
            self.waiting = None;
            return;
        }
        let granted = self.deps.connections.grant(count);
        if granted.len() < count && self.waiting.is_none() {
            self.waiting = Some(self.deps.connections.wait(ctx.address().recipient()));
        }
        for slot in granted {
            self.open_one(slot, now, ctx);
        }
        self.make_way();
    }

    /// How many connections there should be beside those there are.
    fn connections_wanted(&mut self, now: UnixMillis) -> usize {
        if self.stopping.is_some() || self.is_suspended() || self.lacks_descriptors {
            return 0;
        }
        let work = self.pools.values().map(|pool| pool.unserved()).sum();
        if work == 0 {
            return 0;
        }
        match self.governor.connections_wanted(work, self.addresses.len(), now) {
            Opening::Open(count) => count,
            Opening::Wait(hold) => {
                self.make_way();
                self.wait_for(hold);
                0
            }
        }
    }

    /// Opens a connection for the pool that needs it most.
    fn open_one(&mut self, slot: Slot, now: UnixMillis, ctx: &mut Context<Self>) {
        let neediest = self
            .pools
            .iter_mut()
            .filter(|(_, pool)| pool.unserved() > 0)
            .min_by_key(|(_, pool)| pool.connections.len());
        let Some((identity, pool)) = neediest else { return };
        self.last_id += 1;
        let id = ConnectionId::new(self.last_id);
        let plan = ConnectionPlan {
            target: self.key.target.clone(),
            source: Arc::clone(&self.source),
            provider: self.effective.provider.clone(),
            tls: pool.tls.clone(),
            identity: identity.clone(),
            limits: Arc::clone(&self.effective.limits),
            notes: self.notes.clone(),
            tracer: self.deps.traces.tracer(pool.domains.keys().map(|flow| &flow.domain), || self.key.name()),
        };
        pool.connections.insert(id);
        pool.opening.insert(id);
        let (deps, ledger) = (Rc::clone(&self.deps), self.ledger.clone());
        let connection = Connection::new(id, plan, slot, deps, ctx.address(), ledger);
        self.addresses.insert(id, connection.start());
        self.turns.insert(id, Turn::opening());
        self.governor.connection_started(now);
    }

    /// Tells the budget whether there is a connection to spare.
    pub(super) fn tell_idle(&mut self, ctx: &mut Context<Self>) {
        if self.pools.values().all(|pool| pool.idle.is_empty()) {
            self.sparing = None;
        } else if self.sparing.is_none() {
            self.sparing = Some(self.deps.connections.has_idle(ctx.address().recipient()));
        }
    }

    /// A connection could not be made for want of a descriptor: neither the messages nor the receiver are to blame.
    pub(super) fn no_descriptor(&mut self, ctx: &mut Context<Self>) {
        self.lacks_descriptors = true;
        ctx.run_later(DESCRIPTOR_PAUSE, |site, ctx| {
            site.lacks_descriptors = false;
            site.advance(ctx);
        });
    }
}

impl Handler<RoomForConnection> for Site {
    type Result = ();

    fn handle(&mut self, RoomForConnection(slot): RoomForConnection, ctx: &mut Self::Context) {
        self.waiting = None;
        let now = clock::now();
        if self.connections_wanted(now) > 0 {
            self.open_one(slot, now, ctx);
        }
        // For more than one it lines up again.
        self.open(ctx);
        self.wake_in_time(ctx);
    }
}

impl Handler<SpareConnection> for Site {
    type Result = ();

    fn handle(&mut self, _: SpareConnection, ctx: &mut Self::Context) {
        self.sparing = None;
        for pool in self.pools.values_mut() {
            pool.idle.prune();
        }
        // A free connection whose request is dropped says QUIT.
        let spared = self.pools.values_mut().find_map(|pool| pool.idle.pop_oldest());
        if spared.is_none() {
            self.deps.connections.nothing_to_spare();
        }
        drop(spared);
        self.tell_idle(ctx);
    }
}
