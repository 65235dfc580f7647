//! Site: the connections from one source to one set of mail exchangers, shared by every domain they serve.
//!
//! Owns how many connections there are and whose mail a free one carries next. What may be done now is the
//! governor's word (limits, feedback, rules, breaker); whose turn it is the fair shares'. Never sees a message.
//! Started by the supervisor when a domain needs it; ends when it has had no work for a while.
//!
//! Mailbox: one offer for each batch or wake-up of its domains, one request for each connection.

mod feedback;
mod idle;
mod notes;
mod opening;
mod pool;
mod snapshot;
mod target;
mod turns;

pub use notes::{Family, SiteNotes};
pub use snapshot::{DescribeSite, SiteSnapshot};
pub use target::{SiteKey, SiteTarget};
pub use turns::FreeConnection;

use crate::{
    budget::Place,
    clock,
    connection::{AttemptReport, Connection, ConnectionEnded, ConnectionId, HowEnded},
    delivery::Delivery,
    domain::{DomainActor, Lane, SiteOutOfOrder, TakeDelivery},
    ledger::Ledger,
    metrics as names,
    supervisor::{Deps, REAP_AFTER, SiteRetired, Supervisor},
    tls::{DomainTls, TlsIdentity},
};
use actix::prelude::*;
use mailwright_engine::{
    address::Domain,
    class::TenantName,
    fair::FairShares,
    governor::{Governor, Hold},
    shaping::Effective,
    smtp::verdict::Verdict,
    source::Source,
    time::UnixMillis,
};
use pool::Pool;
use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;
use turns::Turn;

/// Mail that takes turns with other mail: of one domain and lane.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Flow {
    /// The destination.
    pub domain: Domain,
    /// Class and source.
    pub lane: Lane,
}

/// The actor.
pub struct Site {
    key: SiteKey,
    source: Arc<Source>,
    deps: Rc<Deps>,
    ledger: Addr<Ledger>,
    supervisor: Addr<Supervisor>,
    effective: Effective,
    governor: Governor,
    /// Boxed: a map makes room for several at once, and most sites ever have one.
    pools: HashMap<TlsIdentity, Box<Pool>>,
    addresses: HashMap<ConnectionId, Addr<Connection>>,
    /// What each of them is at.
    turns: HashMap<ConnectionId, Turn>,
    notes: SiteNotes,
    /// Tenants that a rule keeps away for now.
    tenants_away: HashMap<TenantName, Away>,
    /// What keeps it from opening a connection or starting a message, as last told by the governor.
    hold: Option<Hold>,
    last_id: u64,
    /// When it looks again, if a timer runs.
    timer: Option<UnixMillis>,
    failures: u32,
    /// Until when and why nothing is tried after its last connection could not be made.
    unreachable: Option<Box<(Instant, Verdict)>>,
    idle_since: Instant,
    /// Will look for connections that have been idle for too long.
    idle_timer: Option<SpawnHandle>,
    /// Whether the system had no descriptor for its last connection, a moment ago.
    lacks_descriptors: bool,
    /// Its place among the sites that wait for room in the budget of connections.
    waiting: Option<Place>,
    /// Its place among those that could spare a connection.
    sparing: Option<Place>,
    /// Set when the site must stop; answered when its last connection has ended.
    stopping: Option<Vec<oneshot::Sender<()>>>,
}

impl Site {
    /// A site without connections.
    pub fn new(
        key: SiteKey,
        source: Arc<Source>,
        deps: Rc<Deps>,
        ledger: Addr<Ledger>,
        supervisor: Addr<Supervisor>,
    ) -> Self {
        let effective = deps.shaping.resolve(key.own.as_ref(), &key.target.host_names(), &key.source);
        let governor = Governor::new(Arc::clone(&effective.limits), Arc::clone(&effective.rules));
        Self {
            key,
            source,
            deps,
            ledger,
            supervisor,
            effective,
            governor,
            pools: HashMap::new(),
            addresses: HashMap::new(),
            turns: HashMap::new(),
            notes: SiteNotes::default(),
            tenants_away: HashMap::new(),
            hold: None,
            last_id: 0,
            timer: None,
            failures: 0,
            unreachable: None,
            idle_since: Instant::now(),
            idle_timer: None,
            lacks_descriptors: false,
            waiting: None,
            sparing: None,
            stopping: None,
        }
    }

    fn is_suspended(&self) -> bool {
        let suspensions = &self.deps.suspensions;
        suspensions.site(&self.key.name()).is_some()
            || suspensions.provider(&self.effective.provider, &self.key.source).is_some()
    }

    /// Gives free connections work and opens more while there is work for them.
    fn advance(&mut self, ctx: &mut Context<Self>) {
        let identities: Vec<_> = self.pools.keys().cloned().collect();
        for identity in identities {
            self.serve_idle(&identity, ctx);
        }
        self.tell_idle(ctx);
        self.open(ctx);
        self.wake_in_time(ctx);
    }

    fn serve_idle(&mut self, identity: &TlsIdentity, ctx: &mut Context<Self>) {
        let Some(pool) = self.pools.get_mut(identity) else { return };
        pool.idle.prune();
        while let Some((since, free)) = self.pools.get_mut(identity).and_then(|pool| pool.idle.pop_newest()) {
            if let Some(free) = self.serve(identity, free, ctx) {
                if let Some(pool) = self.pools.get_mut(identity) {
                    pool.idle.restore((since, free));
                }
                break;
            }
        }
    }

    /// Sends a free connection to the domain whose turn it is; gives it back when none has work or
    /// none may go out now.
    fn serve(
        &mut self,
        identity: &TlsIdentity,
        free: FreeConnection,
        ctx: &mut Context<Self>,
    ) -> Option<FreeConnection> {
        let waits = self.pools.get(identity).is_some_and(|pool| pool.shares.ready() > 0);
        if !waits || self.is_suspended() {
            return Some(free);
        }
        let now = clock::now();
        if let Err(hold) = self.governor.may_send(now) {
            self.wait_for(hold);
            return Some(free);
        }
        let Some((flow, addr)) = self.pools.get_mut(identity).and_then(|pool| pool.take()) else {
            return Some(free);
        };
        self.turn_begins(free.id);
        addr.do_send(TakeDelivery::new(flow, identity.clone(), ctx.address(), free));
        None
    }

    fn wait_for(&mut self, hold: Hold) {
        if self.hold.as_ref().is_none_or(|held| held.cause != hold.cause) {
            let provider = self.effective.provider.to_string();
            let cause = hold.cause.label();
            ::metrics::counter!(names::THROTTLED, "cause" => cause, "provider" => provider).increment(1);
        }
        self.hold = Some(hold);
    }

    /// Ends idle connections when a pool has mail and cannot get one of its own: the site's connections are
    /// for all policies.
    fn make_way(&mut self) {
        if self.pools.len() > 1 && self.pools.values().any(|pool| pool.is_starved()) {
            for pool in self.pools.values_mut().filter(|pool| pool.shares.ready() == 0) {
                // A free connection whose request is dropped says QUIT.
                pool.idle.pop_oldest();
            }
        }
    }

    /// Whether a connection of `identity` that asks for more work should end, so that a starved pool gets its
    /// place.
    fn should_make_way(&self, identity: &TlsIdentity) -> bool {
        self.pools.len() > 1
            && self.pools.iter().any(|(other, pool)| other != identity && pool.is_starved())
            && matches!(self.hold.as_ref(), Some(hold) if hold.cause.is_about_connections())
    }

    /// Sets the timer for whatever comes next: the end of a hold or the governor's own clock.
    fn wake_in_time(&mut self, ctx: &mut Context<Self>) {
        let hold = self.hold.as_ref().map(|hold| hold.until);
        let Some(next) = [hold, self.governor.next_tick()].into_iter().flatten().min() else { return };
        let now = clock::now();
        if self.timer.is_some_and(|timer| timer <= next && timer > now) {
            return;
        }
        self.timer = Some(next);
        ctx.run_later(next.since(now), |site, ctx| {
            let now = clock::now();
            if site.timer.is_some_and(|timer| timer <= now) {
                site.timer = None;
            }
            if site.hold.as_ref().is_some_and(|hold| hold.until <= now) {
                site.hold = None;
            }
            let events = site.governor.tick(now);
            site.tell(events);
            site.advance(ctx);
        });
    }

    /// Gives the domains their work back: all of it, or with `only` that of one pool.
    fn tell_domains(&mut self, only: Option<&TlsIdentity>, pause: Duration, verdict: &Verdict) {
        let source = &self.key.source;
        let mut told = HashSet::new();
        for (_, pool) in
            self.pools.iter_mut().filter(|(identity, _)| only.is_none_or(|only| only == *identity))
        {
            pool.shares = FairShares::default();
            for (flow, addr) in pool.domains.drain() {
                let security = only.map(|_| flow.lane.class.security);
                if told.insert((flow.domain, security)) {
                    let verdict = verdict.clone();
                    addr.do_send(SiteOutOfOrder { source: source.clone(), security, pause, verdict });
                }
            }
        }
    }

    fn retire_if_idle(&mut self, ctx: &mut Context<Self>) {
        self.pools.retain(|_, pool| !pool.is_empty());
        let now = clock::now();
        let busy = !self.addresses.is_empty() || !self.pools.is_empty() || !self.governor.is_at_rest(now);
        if busy {
            self.idle_since = Instant::now();
        } else if self.idle_since.elapsed() >= REAP_AFTER {
            self.supervisor.do_send(SiteRetired { key: self.key.clone(), addr: ctx.address() });
            ctx.stop();
        }
    }

    fn finish_stopping(&mut self) {
        if self.addresses.is_empty()
            && let Some(waiting) = self.stopping.as_mut()
        {
            for waiter in waiting.drain(..) {
                // Whoever asked may have lost patience.
                let _ = waiter.send(());
            }
        }
    }
}

impl Actor for Site {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(REAP_AFTER / 4, Site::retire_if_idle);
    }
}

/// A tenant that a rule keeps away.
#[derive(Default)]
struct Away {
    /// Until when.
    until: UnixMillis,
    /// Domains with mail of its, which are to offer it again then.
    domains: HashMap<Domain, Addr<DomainActor>>,
}

/// A domain has this much ready in one lane.
#[derive(Message)]
#[rtype(result = "()")]
pub struct OfferWork {
    /// Domain and lane.
    pub flow: Flow,
    /// The domain's actor.
    pub addr: Addr<DomainActor>,
    /// What the domain asks of TLS.
    pub tls: Arc<DomainTls>,
    /// The tenant's share against others.
    pub weight: u32,
    /// Entries ready, in all; replaces what it said before.
    pub ready: usize,
}

impl Handler<OfferWork> for Site {
    type Result = ();

    fn handle(&mut self, OfferWork { flow, addr, tls, weight, ready }: OfferWork, ctx: &mut Self::Context) {
        let class = &flow.lane.class;
        let away = class.tenant.as_ref().and_then(|tenant| self.tenants_away.get_mut(tenant));
        if let Some(away) = away.filter(|away| away.until > clock::now()) {
            away.domains.insert(flow.domain, addr);
            return;
        }
        if self.turns_away(&flow, &addr) {
            return;
        }
        let plan = tls.plan(class.security, &self.effective.limits);
        let pool = self.pools.entry(plan.identity()).or_insert_with(|| Box::new(Pool::new(plan)));
        pool.shares.offer(&flow, class.priority, class.tenant.as_ref(), weight, ready);
        pool.domains.insert(flow, addr);
        self.advance(ctx);
    }
}

/// A domain takes back what it offered.
#[derive(Message)]
#[rtype(result = "()")]
pub struct WithdrawWork(pub Flow);

impl Handler<WithdrawWork> for Site {
    type Result = ();

    fn handle(&mut self, WithdrawWork(flow): WithdrawWork, _: &mut Self::Context) {
        for pool in self.pools.values_mut() {
            pool.withdraw(&flow);
        }
    }
}

/// A connection is free for a delivery.
#[derive(Message)]
#[rtype(result = "()")]
pub struct NextDelivery {
    /// The connection.
    pub id: ConnectionId,
    /// The pool it belongs to.
    pub identity: TlsIdentity,
    /// What its last delivery came to; `None` if it has just been established.
    pub last: Option<AttemptReport>,
    /// Where the delivery goes; dropped when there will be none.
    pub reply: oneshot::Sender<Delivery>,
}

impl Handler<NextDelivery> for Site {
    type Result = ();

    fn handle(&mut self, NextDelivery { id, identity, last, reply }: NextDelivery, ctx: &mut Self::Context) {
        match last {
            None => self.connected(id, &identity),
            Some(report) => {
                self.turn_ends(id);
                self.attempt_finished(&report);
            }
        }
        let goes_on = self.stopping.is_none() && !self.should_make_way(&identity);
        if goes_on && !self.has_done_its_part(id) {
            self.keep_busy(&identity, FreeConnection { id, reply }, ctx);
        }
        self.open(ctx);
        self.wake_in_time(ctx);
    }
}

impl Site {
    /// Serves a free connection or lets it wait.
    fn keep_busy(&mut self, identity: &TlsIdentity, free: FreeConnection, ctx: &mut Context<Self>) {
        if let Some(free) = self.serve(identity, free, ctx)
            && let Some(pool) = self.pools.get_mut(identity)
        {
            pool.idle.push(free);
            self.tell_idle(ctx);
            if self.idle_timer.is_none() {
                self.end_idle(ctx);
            }
        }
    }
}

/// A domain had nothing ready after all.
#[derive(Message)]
#[rtype(result = "()")]
pub struct NoWork {
    /// What there is nothing of.
    pub flow: Flow,
    /// The pool of the connection.
    pub identity: TlsIdentity,
    /// The connection that is still free.
    pub free: FreeConnection,
}

impl Handler<NoWork> for Site {
    type Result = ();

    fn handle(&mut self, NoWork { flow, identity, free }: NoWork, ctx: &mut Self::Context) {
        self.turn_lapses(free.id);
        if let Some(pool) = self.pools.get_mut(&identity) {
            pool.withdraw(&flow);
        }
        if self.stopping.is_none() {
            self.keep_busy(&identity, free, ctx);
        }
        self.wake_in_time(ctx);
    }
}

impl Handler<ConnectionEnded> for Site {
    type Result = ();

    fn handle(&mut self, ConnectionEnded { id, how }: ConnectionEnded, ctx: &mut Self::Context) {
        self.addresses.remove(&id);
        let mut identity = None;
        for (name, pool) in &mut self.pools {
            if pool.connections.remove(&id) {
                identity = Some(name.clone());
            }
            pool.opening.remove(&id);
        }
        self.turns_end(id, matches!(how, HowEnded::Used(None)));
        match how {
            HowEnded::NotEstablished(verdict) => self.not_established(verdict, identity.as_ref(), ctx),
            HowEnded::NoDescriptor => self.no_descriptor(ctx),
            HowEnded::Used(report) => {
                if let Some(report) = report {
                    self.attempt_finished(&report);
                }
                self.advance(ctx);
            }
        }
        self.finish_stopping();
    }
}

/// Shaping or suspensions have changed.
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
pub struct Reshape;

impl Handler<Reshape> for Site {
    type Result = ();

    fn handle(&mut self, _: Reshape, ctx: &mut Self::Context) {
        let key = &self.key;
        self.effective = self.deps.shaping.resolve(key.own.as_ref(), &key.target.host_names(), &key.source);
        let (limits, rules) = (Arc::clone(&self.effective.limits), Arc::clone(&self.effective.rules));
        self.governor.reshape(limits, rules);
        self.hold = None;
        self.unreachable = None;
        self.end_idle(ctx);
        self.advance(ctx);
    }
}

/// Ends the site's connections as they become free; answered when all have.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StopSite;

impl Handler<StopSite> for Site {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: StopSite, _: &mut Self::Context) -> Self::Result {
        let (done, stopped) = oneshot::channel();
        self.stopping.get_or_insert_default().push(done);
        for pool in self.pools.values_mut() {
            // A free connection whose request is dropped says QUIT.
            pool.idle.clear();
        }
        self.finish_stopping();
        Box::pin(async {
            // The sender goes only with the actor, whose connections go with it.
            let _ = stopped.await;
        })
    }
}
