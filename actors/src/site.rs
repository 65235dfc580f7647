//! Site: the connections to one set of mail exchangers, shared by every domain they serve.
//!
//! Owns how many connections there are, which domain a free connection serves next (round robin, so that no
//! domain starves another) and the pause while the site cannot be reached. Never sees a message. Started by
//! the supervisor when a domain needs it; ends when it has had no work for a while.
//!
//! Mailbox: one offer for each batch or wake-up of its domains, one request for each connection.

use crate::{
    connection::{Connection, ConnectionEnded, ConnectionId, HowEnded},
    delivery::Delivery,
    domain::{DomainActor, SiteOutOfOrder, TakeDelivery},
    ledger::Ledger,
    metrics as names,
    settings::NextHop,
    supervisor::{Deps, REAP_AFTER, SiteRetired, Supervisor},
};
use actix::prelude::*;
use mailwright_engine::{
    address::Domain,
    mx::MxHost,
    smtp::verdict::{Outcome, Verdict},
};
use std::{
    collections::{HashMap, VecDeque},
    fmt,
    hash::{Hash, Hasher},
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Pause before another connection is tried while some are working: the site may limit their number.
const OPEN_PAUSE: Duration = Duration::from_secs(1);

/// What a site is known by, and what its connections need to reach it.
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
    /// What tells sites apart: not the order of hosts, which is shuffled anew at every look-up.
    fn identity(&self) -> (&str, u16) {
        match self {
            Self::Route(hop) => (&hop.host, hop.port),
            Self::Exchangers { name, port, .. } => (name, *port),
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

/// What a site knows of one of its domains.
struct Offer {
    addr: Addr<DomainActor>,
    ready: usize,
}

/// The actor.
pub struct Site {
    target: SiteTarget,
    deps: Rc<Deps>,
    ledger: Addr<Ledger>,
    supervisor: Addr<Supervisor>,
    /// Domains with ready entries; those to serve next are in `turns`.
    offers: HashMap<Domain, Offer>,
    turns: VecDeque<Domain>,
    connections: HashMap<ConnectionId, Addr<Connection>>,
    /// Connections that are being established.
    opening: usize,
    /// Connections that wait for work.
    idle: VecDeque<oneshot::Sender<Delivery>>,
    last_id: u64,
    failures: u32,
    /// No connection is opened before this.
    closed_until: Option<Instant>,
    idle_since: Instant,
    /// Set when the site must stop; answered when its last connection has ended.
    stopping: Option<Vec<oneshot::Sender<()>>>,
}

impl Site {
    /// A site without connections.
    pub fn new(
        target: SiteTarget,
        deps: Rc<Deps>,
        ledger: Addr<Ledger>,
        supervisor: Addr<Supervisor>,
    ) -> Self {
        Self {
            target,
            deps,
            ledger,
            supervisor,
            offers: HashMap::new(),
            turns: VecDeque::new(),
            connections: HashMap::new(),
            opening: 0,
            idle: VecDeque::new(),
            last_id: 0,
            failures: 0,
            closed_until: None,
            idle_since: Instant::now(),
            stopping: None,
        }
    }

    /// Gives free connections work and opens more while there is work for them.
    fn advance(&mut self, ctx: &mut Context<Self>) {
        self.idle.retain(|waiting| !waiting.is_closed());
        while let Some(reply) = self.idle.pop_front() {
            if let Some(reply) = self.serve(reply, ctx) {
                self.idle.push_front(reply);
                break;
            }
        }
        self.open(ctx);
    }

    /// Sends a free connection to the domain whose turn it is; gives the request back when none has work.
    fn serve(
        &mut self,
        reply: oneshot::Sender<Delivery>,
        ctx: &mut Context<Self>,
    ) -> Option<oneshot::Sender<Delivery>> {
        while let Some(domain) = self.turns.pop_front() {
            let Some(offer) = self.offers.get_mut(&domain) else { continue };
            offer.ready = offer.ready.saturating_sub(1);
            let addr = offer.addr.clone();
            if offer.ready == 0 {
                self.offers.remove(&domain);
            } else {
                self.turns.push_back(domain);
            }
            if addr.connected() {
                addr.do_send(TakeDelivery { site: ctx.address(), reply });
                return None;
            }
        }
        Some(reply)
    }

    fn open(&mut self, ctx: &mut Context<Self>) {
        if self.stopping.is_some() || self.closed_until.is_some_and(|until| until > Instant::now()) {
            return;
        }
        let work: usize = self.offers.values().map(|offer| offer.ready).sum();
        let room = self.deps.settings.max_connections.saturating_sub(self.connections.len());
        for _ in 0..work.saturating_sub(self.opening).min(room) {
            self.last_id += 1;
            let id = ConnectionId::new(self.last_id);
            let (deps, ledger) = (Rc::clone(&self.deps), self.ledger.clone());
            let connection = Connection::new(id, self.target.clone(), deps, ctx.address(), ledger);
            self.connections.insert(id, connection.start());
            self.opening += 1;
            ::metrics::gauge!(names::CONNECTIONS_OPEN).increment(1);
        }
    }

    /// A connection could not be made. With others working or being tried this only slows opening (the site may
    /// limit their number); with none left the site is out of order and its domains wait, or give up if the verdict is hard.
    fn unreachable(&mut self, verdict: &Verdict, ctx: &mut Context<Self>) {
        if !self.connections.is_empty() {
            self.close_for(OPEN_PAUSE, ctx);
        } else if verdict.outcome == Outcome::Hard {
            // Nothing to wait for: mail that comes later is told the same, after another look-up.
            self.tell_domains(Duration::ZERO, verdict);
        } else {
            self.failures = self.failures.saturating_add(1);
            let pause = self.deps.settings.backoff(self.failures);
            tracing::warn!(site = %self.target, reason = %verdict, ?pause, "site unreachable");
            self.tell_domains(pause, verdict);
            self.close_for(pause, ctx);
        }
    }

    /// Opens no connection for a while.
    fn close_for(&mut self, pause: Duration, ctx: &mut Context<Self>) {
        self.closed_until = Some(Instant::now() + pause);
        ctx.run_later(pause, Self::advance);
    }

    /// Gives its domains their work back.
    fn tell_domains(&mut self, pause: Duration, verdict: &Verdict) {
        for (_, offer) in self.offers.drain() {
            offer.addr.do_send(SiteOutOfOrder { pause, verdict: verdict.clone() });
        }
        self.turns.clear();
    }

    fn retire_if_idle(&mut self, ctx: &mut Context<Self>) {
        let closed = self.closed_until.is_some_and(|until| until > Instant::now());
        if closed || !self.connections.is_empty() || !self.offers.is_empty() {
            self.idle_since = Instant::now();
        } else if self.idle_since.elapsed() >= REAP_AFTER {
            self.supervisor.do_send(SiteRetired { target: self.target.clone(), addr: ctx.address() });
            ctx.stop();
        }
    }

    fn finish_stopping(&mut self) {
        if self.connections.is_empty()
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

/// A domain has this many entries ready.
#[derive(Message)]
#[rtype(result = "()")]
pub struct OfferWork {
    /// The domain.
    pub domain: Domain,
    /// Its actor.
    pub addr: Addr<DomainActor>,
    /// Entries ready, in all; replaces what it said before.
    pub ready: usize,
}

impl Handler<OfferWork> for Site {
    type Result = ();

    fn handle(&mut self, OfferWork { domain, addr, ready }: OfferWork, ctx: &mut Self::Context) {
        if self.offers.insert(domain.clone(), Offer { addr, ready }).is_none() {
            self.turns.push_back(domain);
        }
        self.advance(ctx);
    }
}

/// A connection is free for a delivery.
#[derive(Message)]
#[rtype(result = "()")]
pub struct NextDelivery {
    /// Whether this is the connection's first request, that is, it has just been established.
    pub first: bool,
    /// Where the delivery goes; dropped when there will be none.
    pub reply: oneshot::Sender<Delivery>,
}

impl Handler<NextDelivery> for Site {
    type Result = ();

    fn handle(&mut self, NextDelivery { first, reply }: NextDelivery, ctx: &mut Self::Context) {
        if first {
            self.opening = self.opening.saturating_sub(1);
            self.failures = 0;
            self.closed_until = None;
        }
        if self.stopping.is_none()
            && let Some(reply) = self.serve(reply, ctx)
        {
            self.idle.push_back(reply);
        }
    }
}

/// A domain had nothing ready after all.
#[derive(Message)]
#[rtype(result = "()")]
pub struct NoWork {
    /// The domain.
    pub domain: Domain,
    /// The connection that is still free.
    pub reply: oneshot::Sender<Delivery>,
}

impl Handler<NoWork> for Site {
    type Result = ();

    fn handle(&mut self, NoWork { domain, reply }: NoWork, ctx: &mut Self::Context) {
        self.offers.remove(&domain);
        self.turns.retain(|turn| *turn != domain);
        if self.stopping.is_none()
            && let Some(reply) = self.serve(reply, ctx)
        {
            self.idle.push_back(reply);
        }
    }
}

impl Handler<ConnectionEnded> for Site {
    type Result = ();

    fn handle(&mut self, ConnectionEnded { id, how }: ConnectionEnded, ctx: &mut Self::Context) {
        if self.connections.remove(&id).is_some() {
            ::metrics::gauge!(names::CONNECTIONS_OPEN).decrement(1);
        }
        match how {
            HowEnded::NotEstablished(verdict) => {
                self.opening = self.opening.saturating_sub(1);
                self.unreachable(&verdict, ctx);
            }
            HowEnded::Used => self.advance(ctx),
        }
        self.finish_stopping();
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
        // A free connection whose request is dropped says QUIT.
        self.idle.clear();
        self.finish_stopping();
        Box::pin(async {
            // The sender goes only with the actor, whose connections go with it.
            let _ = stopped.await;
        })
    }
}
