//! Which domains have an actor: those with a place among the active ones.

use super::Supervisor;
use crate::{
    clock,
    domain::{DomainActor, EnqueueFresh, GiveUpPlace, Leaving, ReadFromDisk, Reconsider},
    metrics as names,
    places::Note,
    retry_scheduler::RetryLater,
    site::Reshape,
};
use actix::{dev::ToEnvelope, prelude::*};
use mailwright_engine::{
    address::Domain,
    class::Priority,
    roster::{Urgency, Woken},
    time::UnixMillis,
};
use mailwright_storage::Fresh;
use std::{collections::HashMap, rc::Rc, sync::atomic::Ordering};

/// A domain's actor.
pub(crate) struct Active {
    addr: Addr<DomainActor>,
    /// Messages sent to it that bring work.
    sent: u64,
}

impl Active {
    /// The actor.
    pub(crate) fn addr(&self) -> &Addr<DomainActor> {
        &self.addr
    }

    /// Sends it something that brings work.
    pub(super) fn tell<M>(&mut self, message: M)
    where
        M: Message<Result = ()> + Send + 'static,
        DomainActor: Handler<M>,
        Context<DomainActor>: ToEnvelope<DomainActor, M>,
    {
        self.sent += 1;
        self.addr.do_send(message);
    }
}

impl Supervisor {
    /// The actors of active domains.
    pub(crate) fn domain_actors(&self) -> &HashMap<Domain, Active> {
        &self.domains
    }

    /// Whether the actor of `domain` has ended unasked. One that leaves has said so, or will before it is forgotten.
    fn is_dead(&self, domain: &Domain, active: &Active) -> bool {
        !active.addr.connected() && !self.deps.places.is_leaving(domain)
    }

    /// The actor of `domain`, which has a place; started if there is none.
    fn actor_of(&mut self, domain: &Domain, note: Option<&Note>, ctx: &mut Context<Self>) -> &mut Active {
        self.domains.entry(domain.clone()).or_insert_with(|| {
            self.deps.places.is_busy(domain);
            let (deps, ledger) = (Rc::clone(&self.deps), self.ledger.clone());
            let failures = note.map_or(0, |note| note.failures);
            let addr = DomainActor::new(domain.clone(), failures, deps, ledger, ctx.address()).start();
            Active { addr, sent: 0 }
        })
    }

    /// Has `domain` look for due entries on disk, as soon as it may be active.
    fn wake(&mut self, domain: &Domain, urgency: Urgency, ctx: &mut Context<Self>) {
        match self.deps.places.wake(domain, urgency) {
            Woken::Active => self.actor_of(domain, None, ctx).tell(ReadFromDisk),
            Woken::Starts(note) => self.actor_of(domain, note.as_ref(), ctx).tell(ReadFromDisk),
            Woken::Waits => self.fill_places(ctx),
            Woken::Rests => {}
        }
    }

    /// Wakes every domain that has something due.
    pub(super) fn wake_due(&mut self, domains: Vec<(Domain, UnixMillis)>, ctx: &mut Context<Self>) {
        let now = clock::now();
        for (domain, _) in domains.into_iter().filter(|(_, due)| *due <= now) {
            self.wake(&domain, Urgency::Due, ctx);
        }
    }

    /// Gives entries that were just committed to their domain. If it waits for a place or rests they are on disk for
    /// it.
    fn dispatch(&mut self, domain: &Domain, items: Vec<Fresh>, ctx: &mut Context<Self>) {
        let is_high = |item: &Fresh| item.entry.place.class.priority == Priority::High;
        let urgency = if items.iter().any(is_high) { Urgency::High } else { Urgency::Fresh };
        match self.deps.places.wake_for_fresh(domain, urgency) {
            Woken::Active | Woken::Starts(None) => {
                self.actor_of(domain, None, ctx).tell(EnqueueFresh(items));
            }
            Woken::Starts(note) => self.actor_of(domain, note.as_ref(), ctx).tell(ReadFromDisk),
            Woken::Waits => self.fill_places(ctx),
            Woken::Rests => {}
        }
    }

    /// Gives free places to who waits for them, and asks others for theirs if there are not enough.
    fn fill_places(&mut self, ctx: &mut Context<Self>) {
        if self.draining {
            return;
        }
        while let Some((domain, note)) = self.deps.places.next_in_line() {
            self.actor_of(&domain, note.as_ref(), ctx).tell(ReadFromDisk);
        }
        while let Some(domain) = self.deps.places.ask_to_leave() {
            match self.domains.get(&domain) {
                Some(active) => active.addr.do_send(GiveUpPlace),
                None => self.deps.places.has_ended(&domain),
            }
        }
    }

    /// Wakes who has rested, and lets some of those who wait have a turn.
    pub(super) fn turn_over(&mut self, ctx: &mut Context<Self>) {
        if self.draining {
            return;
        }
        for domain in self.deps.places.rested() {
            self.wake(&domain, Urgency::Due, ctx);
        }
        self.fill_places(ctx);
    }

    /// Restarts domains that ended unasked: they may have left entries on disk only.
    pub(super) fn restart_domains(&mut self, ctx: &mut Context<Self>) {
        let dead = self.domains.iter().filter(|(domain, active)| self.is_dead(domain, active));
        let dead: Vec<_> = dead.map(|(domain, _)| domain.clone()).collect();
        for domain in dead {
            tracing::error!(%domain, "domain actor ended unasked; restarting it from disk");
            ::metrics::counter!(names::RESTARTS, "actor" => "domain").increment(1);
            self.domains.remove(&domain);
            self.actor_of(&domain, None, ctx).tell(ReadFromDisk);
        }
    }

    /// Has everybody look again at what may be done.
    pub(crate) fn reconsider(&mut self, ctx: &mut Context<Self>) {
        for site in self.site_actors().values() {
            site.do_send(Reshape);
        }
        for domain in self.domains.values() {
            domain.addr.do_send(Reconsider);
        }
        for domain in self.deps.places.begin_era() {
            self.wake(&domain, Urgency::Due, ctx);
        }
    }
}

/// Entries just committed, for their domains. From the committer's thread.
#[derive(Message)]
#[rtype(result = "()")]
pub struct DispatchCommitted(pub Vec<Fresh>);

impl Handler<DispatchCommitted> for Supervisor {
    type Result = ();

    fn handle(&mut self, DispatchCommitted(fresh): DispatchCommitted, ctx: &mut Self::Context) {
        self.backlog.0.fetch_sub(fresh.len(), Ordering::Relaxed);
        if self.draining {
            return; // They are on disk: the next start finds them.
        }
        let now = clock::now();
        let mut by_domain: HashMap<Domain, Vec<Fresh>> = HashMap::new();
        for item in fresh {
            // What is scheduled is woken like what was deferred.
            if item.entry.place.due > now {
                self.scheduler.do_send(RetryLater(item.entry.place));
                continue;
            }
            by_domain.entry(item.entry.place.domain.clone()).or_default().push(item);
        }
        for (domain, items) in by_domain {
            self.dispatch(&domain, items, ctx);
        }
    }
}

/// A domain has entries on disk that are due.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct WakeDomain(pub Domain);

impl Handler<WakeDomain> for Supervisor {
    type Result = ();

    fn handle(&mut self, WakeDomain(domain): WakeDomain, ctx: &mut Self::Context) {
        if !self.draining {
            self.wake(&domain, Urgency::Due, ctx);
        }
    }
}

/// A domain actor gives its place up and ends.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct DomainLeaves {
    /// Which domain's.
    pub(crate) domain: Domain,
    /// The actor: the domain may have a new one by now.
    pub(crate) addr: Addr<DomainActor>,
    /// Why, and for how long.
    pub(crate) how: Leaving,
    /// Messages that it got and that brought work.
    pub(crate) received: u64,
    /// The era in which it decided.
    pub(crate) era: u64,
}

impl Handler<DomainLeaves> for Supervisor {
    type Result = ();

    fn handle(&mut self, message: DomainLeaves, ctx: &mut Self::Context) {
        let DomainLeaves { domain, addr, how, received, era } = message;
        let Some(active) = self.domains.get(&domain).filter(|active| active.addr == addr) else { return };
        let has_missed_work = active.sent > received;
        self.domains.remove(&domain);
        let places = &self.deps.places;
        match how {
            Leaving::Idle => places.has_ended(&domain),
            Leaving::Rests(rest, note) if era == places.era() => places.rests(&domain, rest, note),
            Leaving::Rests(_, note) | Leaving::Yields(note) => places.yields(&domain, note),
        }
        if has_missed_work && !self.draining {
            // What was sent to it after it decided is on disk.
            self.wake(&domain, Urgency::Due, ctx);
        }
        self.fill_places(ctx);
    }
}

/// Asks for the actor of a domain, started if there is none.
#[derive(Message)]
#[rtype(result = "Addr<DomainActor>")]
pub struct FindDomain(pub Domain);

impl Handler<FindDomain> for Supervisor {
    type Result = MessageResult<FindDomain>;

    fn handle(&mut self, FindDomain(domain): FindDomain, ctx: &mut Self::Context) -> Self::Result {
        let waits = self.deps.places.is_waiting(&domain);
        let note = self.deps.places.admit(&domain);
        let active = self.actor_of(&domain, note.as_ref(), ctx);
        if waits || note.is_some() {
            active.tell(ReadFromDisk);
        }
        MessageResult(active.addr.clone())
    }
}
