//! Domain: the ready queue of one destination domain.
//!
//! Owns the order of its entries, its MX plan and the hold while its site is out of order. Never opens a
//! connection and never holds more than `READY_MAX` entries: what is beyond waits on disk and is read when
//! there is room. Started by the supervisor when there is work, ends when there has been none for a while,
//! restarted from disk if it ends unasked.
//!
//! Mailbox: one message for each committed batch and each delivery of its own; both are bounded elsewhere.

use crate::{
    clock,
    delivery::{Delivery, InFlightKey, Ready, Untried},
    ledger::{FailDeliveries, Ledger},
    site::{NoWork, OfferWork, Site, SiteTarget},
    supervisor::{Deps, DomainRetired, FindSite, REAP_AFTER, Supervisor},
};
use actix::prelude::*;
use mailwright_engine::{
    address::Domain,
    mx::{MxHost, MxPlan},
    smtp::verdict::{Outcome, Verdict},
    time::UnixMillis,
};
use mailwright_storage::{DueClasses, DueEntries, EntryKey, Fresh, QueueEntry, Spool, StorageError};
use std::{
    collections::{HashSet, VecDeque},
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Most entries held in memory; about 200 octets each, and content only while the spool's budget allows.
const READY_MAX: usize = 1_000;
/// Fewer ready entries than this and more on disk: read on.
const READY_LOW: usize = READY_MAX / 4;
/// Pause after storage could not promise to remember an attempt.
const STORAGE_PAUSE: Duration = Duration::from_secs(1);
/// Pause before entries that an earlier actor of this domain handed out are looked for again.
const STRANGER_PAUSE: Duration = Duration::from_secs(1);
/// Shortest and longest time an MX plan is kept.
const PLAN_TTL: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));

/// Where the domain's mail goes.
enum Plan {
    /// Not looked up, or looked up too long ago.
    Unknown,
    /// Being looked up.
    Asked,
    /// To this site, until the answer expires.
    Known { site: Addr<Site>, until: Instant },
}

/// The actor.
pub struct DomainActor {
    name: Domain,
    deps: Rc<Deps>,
    ledger: Addr<Ledger>,
    supervisor: Addr<Supervisor>,
    ready: VecDeque<Ready>,
    ready_keys: HashSet<EntryKey>,
    plan: Plan,
    /// Whether there may be due entries on disk that are not in memory.
    more_on_disk: bool,
    /// Entries settled since the read under way began, whose answer may still hold them; `None` when no read
    /// is under way.
    settled_while_reading: Option<HashSet<EntryKey>>,
    /// What the last read saw: every entry accepted before this position and due by this time. A committed
    /// batch that arrives after it brings nothing new (it may even have been delivered by now).
    read_up_to: (u64, UnixMillis),
    /// Nothing is offered before this.
    held_until: Option<Instant>,
    idle_since: Instant,
    /// Entries handed out by this actor and not back.
    outstanding: HashSet<EntryKey>,
    /// Look-ups that failed in a row.
    failures: u32,
}

impl DomainActor {
    /// An empty queue for `name`.
    pub fn new(name: Domain, deps: Rc<Deps>, ledger: Addr<Ledger>, supervisor: Addr<Supervisor>) -> Self {
        Self {
            name,
            deps,
            ledger,
            supervisor,
            ready: VecDeque::new(),
            ready_keys: HashSet::new(),
            plan: Plan::Unknown,
            more_on_disk: false,
            settled_while_reading: None,
            read_up_to: (0, UnixMillis::default()),
            held_until: None,
            idle_since: Instant::now(),
            outstanding: HashSet::new(),
            failures: 0,
        }
    }

    fn is_held(&self) -> bool {
        self.held_until.is_some_and(|until| until > Instant::now())
    }

    /// Takes an entry into the ready queue, unless it is there already or being delivered.
    fn admit(&mut self, ready: Ready) {
        let key = ready.entry.key();
        if !self.deps.in_flight.contains(key) && self.ready_keys.insert(key) {
            self.ready.push_back(ready);
        }
    }

    /// Whether the entry was handed out by an actor of this domain that has died: if it comes back untried,
    /// nobody will be told.
    fn is_stranger(&self, entry: &QueueEntry) -> bool {
        let key = entry.key();
        self.deps.in_flight.contains(key) && !self.outstanding.contains(&key)
    }

    /// Reads on from disk when there is room and tells the site how much is ready.
    fn advance(&mut self, ctx: &mut Context<Self>) {
        if self.more_on_disk && self.settled_while_reading.is_none() && self.ready.len() < READY_LOW {
            self.read(ctx);
        }
        if self.ready.is_empty() || self.is_held() {
            return;
        }
        match &self.plan {
            Plan::Known { site, until } if *until > Instant::now() && site.connected() => {
                site.do_send(OfferWork {
                    domain: self.name.clone(),
                    addr: ctx.address(),
                    ready: self.ready.len(),
                });
            }
            Plan::Asked => {}
            _ => self.find_site(ctx),
        }
    }

    fn look_on_disk(&mut self, ctx: &mut Context<Self>) {
        self.more_on_disk = true;
        self.advance(ctx);
    }

    fn read(&mut self, ctx: &mut Context<Self>) {
        // Whoever finds more on disk while the read is under way says so again.
        self.more_on_disk = false;
        self.settled_while_reading = Some(HashSet::new());
        let limit = READY_MAX + self.ready.len() + self.outstanding.len();
        let now = clock::now();
        let read = read_due(self.deps.spool.clone(), self.name.clone(), now, limit);
        ctx.spawn(read.into_actor(self).map(move |due, actor, ctx| {
            if let Ok(due) = &due {
                actor.read_up_to = (due.position, now);
            }
            actor.read_done(due.map(|due| due.entries), limit, ctx);
        }));
    }

    fn read_done(
        &mut self,
        entries: Result<Vec<QueueEntry>, StorageError>,
        limit: usize,
        ctx: &mut Context<Self>,
    ) {
        let settled = self.settled_while_reading.take().unwrap_or_default();
        match entries {
            Ok(entries) => {
                self.more_on_disk |= entries.len() == limit;
                if entries.iter().any(|entry| self.is_stranger(entry)) {
                    ctx.run_later(STRANGER_PAUSE, Self::look_on_disk);
                }
                for entry in entries.into_iter().filter(|entry| !settled.contains(&entry.key())) {
                    self.admit(Ready { entry, message: None });
                }
                self.advance(ctx);
            }
            Err(error) => {
                tracing::error!(domain = %self.name, %error, "queued entries could not be read");
                ctx.run_later(STORAGE_PAUSE, Self::look_on_disk);
            }
        }
    }

    /// Finds out where the mail goes: a configured route, an address literal, or MX records.
    fn find_site(&mut self, ctx: &mut Context<Self>) {
        self.plan = Plan::Asked;
        let (deps, supervisor, name) = (Rc::clone(&self.deps), self.supervisor.clone(), self.name.clone());
        let find = async move {
            let (target, ttl) = target(&deps, &name).await?;
            let site = supervisor.send(FindSite(target)).await;
            site.map(|site| (site, ttl)).map_err(|_| Verdict::dns_failure("delivery is stopping"))
        };
        ctx.spawn(find.into_actor(self).map(|found, actor, ctx| match found {
            Ok((site, ttl)) => {
                actor.failures = 0;
                actor.plan = Plan::Known { site, until: Instant::now() + ttl.clamp(PLAN_TTL.0, PLAN_TTL.1) };
                actor.advance(ctx);
            }
            Err(verdict) => actor.nowhere_to_go(&verdict, ctx),
        }));
    }

    /// There is no site: a hard verdict bounces what is ready, a soft one holds the domain.
    fn nowhere_to_go(&mut self, verdict: &Verdict, ctx: &mut Context<Self>) {
        if verdict.outcome == Outcome::Hard {
            return self.give_up(verdict, ctx);
        }
        self.plan = Plan::Unknown;
        self.failures = self.failures.saturating_add(1);
        let pause = self.deps.settings.backoff(self.failures);
        tracing::warn!(domain = %self.name, reason = %verdict, ?pause, "no mail exchanger found");
        self.expire_ready(verdict, ctx);
        self.hold(pause, ctx);
    }

    /// Hands entries to the ledger with one verdict for all: in flight until it is in the journal.
    fn fail(&mut self, entries: impl IntoIterator<Item = Ready>, verdict: Verdict, ctx: &mut Context<Self>) {
        let deliveries: Vec<_> = entries.into_iter().map(|ready| self.deliver(ready, ctx)).collect();
        if !deliveries.is_empty() {
            self.ledger.do_send(FailDeliveries { deliveries, verdict });
        }
    }

    /// Takes an entry that left the ready queue into flight.
    fn deliver(&mut self, ready: Ready, ctx: &mut Context<Self>) -> Delivery {
        self.ready_keys.remove(&ready.entry.key());
        self.outstanding.insert(ready.entry.key());
        Delivery::new(ready, &self.deps.in_flight, ctx.address())
    }

    /// Bounces all that is ready. What comes later is looked up anew.
    fn give_up(&mut self, verdict: &Verdict, ctx: &mut Context<Self>) {
        self.plan = Plan::Unknown;
        let all = std::mem::take(&mut self.ready);
        self.fail(all, verdict.clone(), ctx);
        self.advance(ctx);
    }

    /// Ends what waited too long behind a site that is out of order.
    fn expire_ready(&mut self, verdict: &Verdict, ctx: &mut Context<Self>) {
        let (now, max_age) = (clock::now(), self.deps.settings.retry.max_age);
        let waiting = std::mem::take(&mut self.ready);
        let (expired, waiting): (VecDeque<_>, VecDeque<_>) =
            waiting.into_iter().partition(|ready| now.since(ready.entry.accepted_at) >= max_age);
        self.ready = waiting;
        self.fail(expired, Verdict::expired(verdict), ctx);
    }

    fn hold(&mut self, pause: Duration, ctx: &mut Context<Self>) {
        self.held_until = Some(Instant::now() + pause);
        // The memory budget is for mail that moves.
        for ready in &mut self.ready {
            ready.message = None;
        }
        ctx.run_later(pause, |actor, ctx| {
            if !actor.is_held() {
                actor.held_until = None;
                actor.advance(ctx);
            }
        });
    }

    fn retire_if_idle(&mut self, ctx: &mut Context<Self>) {
        let reading = self.settled_while_reading.is_some();
        let busy = !self.ready.is_empty() || !self.outstanding.is_empty() || reading || self.more_on_disk;
        if busy {
            self.idle_since = Instant::now();
        } else if self.idle_since.elapsed() >= REAP_AFTER {
            self.supervisor.do_send(DomainRetired { domain: self.name.clone(), addr: ctx.address() });
            ctx.stop();
        }
    }
}

/// Most classes looked at in one read.
const CLASSES_MAX: usize = 1_000;

/// The entries of `name` due at `now`, urgent classes first, at most `limit`.
async fn read_due(
    spool: Spool,
    name: Domain,
    now: UnixMillis,
    limit: usize,
) -> Result<DueEntries, StorageError> {
    let DueClasses { classes, position } = spool.classes_due(name.clone(), None, now, CLASSES_MAX).await?;
    let mut due = DueEntries { entries: Vec::new(), position };
    for (class, _) in classes {
        let rest = limit.saturating_sub(due.entries.len());
        if rest == 0 {
            break;
        }
        due.entries.extend(spool.due_in_domain(name.clone(), class, now, rest).await?.entries);
    }
    Ok(due)
}

/// Where mail for `name` goes and how long that is known.
async fn target(deps: &Deps, name: &Domain) -> Result<(SiteTarget, Duration), Verdict> {
    if let Some(hop) = deps.settings.routes.for_domain(name) {
        return Ok((SiteTarget::Route(hop.clone()), PLAN_TTL.1));
    }
    if let Some(plan) = MxPlan::literal(name) {
        return Ok((exchangers(deps, &plan), PLAN_TTL.1));
    }
    let found = deps.dns.mx(name).await;
    let plan =
        MxPlan::new(name, found.answer, std::slice::from_ref(&deps.settings.hostname), clock::unix_micros())?;
    Ok((exchangers(deps, &plan), found.valid_until.saturating_duration_since(Instant::now())))
}

fn exchangers(deps: &Deps, plan: &MxPlan) -> SiteTarget {
    let hosts: Vec<MxHost> = plan.hosts.clone();
    SiteTarget::Exchangers { name: plan.site_name(), hosts, port: deps.settings.port }
}

impl Actor for DomainActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(REAP_AFTER / 4, DomainActor::retire_if_idle);
    }
}

/// Entries just committed for this domain.
#[derive(Message)]
#[rtype(result = "()")]
pub struct EnqueueFresh(pub Vec<Fresh>);

impl Handler<EnqueueFresh> for DomainActor {
    type Result = ();

    fn handle(&mut self, EnqueueFresh(fresh): EnqueueFresh, ctx: &mut Self::Context) {
        let (position, due) = self.read_up_to;
        let seen = |entry: &QueueEntry| entry.location.lsn < position && entry.place.due <= due;
        for Fresh { entry, message } in fresh.into_iter().filter(|fresh| !seen(&fresh.entry)) {
            // While held or behind older entries on disk, waiting in memory gains nothing.
            if self.more_on_disk || self.ready.len() >= READY_MAX {
                self.more_on_disk = true;
            } else {
                self.admit(Ready { entry, message });
            }
        }
        self.advance(ctx);
    }
}

/// There may be due entries on disk.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ReadFromDisk;

impl Handler<ReadFromDisk> for DomainActor {
    type Result = ();

    fn handle(&mut self, _: ReadFromDisk, ctx: &mut Self::Context) {
        self.look_on_disk(ctx);
    }
}

/// A connection of the domain's site is ready for a message.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TakeDelivery {
    /// Whose connection it is.
    pub site: Addr<Site>,
    /// Where the delivery goes.
    pub reply: oneshot::Sender<Delivery>,
}

impl Handler<TakeDelivery> for DomainActor {
    type Result = ();

    fn handle(&mut self, TakeDelivery { site, reply }: TakeDelivery, ctx: &mut Self::Context) {
        // A site that the plan has left gets none of this domain's mail any more.
        let left = matches!(&self.plan, Plan::Known { site: known, .. } if *known != site);
        let next = if left || self.is_held() { None } else { self.ready.pop_front() };
        match next {
            Some(ready) => {
                let delivery = self.deliver(ready, ctx);
                // A connection that gave up waiting drops the delivery, which comes back by itself.
                let _ = reply.send(delivery);
            }
            None => site.do_send(NoWork { domain: self.name.clone(), reply }),
        }
        if self.more_on_disk {
            self.advance(ctx);
        }
    }
}

/// A delivery has ended, with or without outcome.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LeaseEnded {
    /// Its place in flight, given up when this is handled.
    pub place: InFlightKey,
    /// The entry and why it was not tried, unless it was settled.
    pub returned: Option<(Ready, Untried)>,
}

impl Handler<LeaseEnded> for DomainActor {
    type Result = ();

    fn handle(&mut self, LeaseEnded { place, returned }: LeaseEnded, ctx: &mut Self::Context) {
        self.outstanding.remove(&place.key());
        let Some((ready, why)) = returned else {
            if let Some(settled) = &mut self.settled_while_reading {
                settled.insert(place.key());
            }
            return;
        };
        if self.ready_keys.insert(ready.entry.key()) {
            self.ready.push_front(ready);
        }
        match why {
            Untried::ConnectionEnded => self.advance(ctx),
            Untried::StorageRefused => self.hold(STORAGE_PAUSE, ctx),
        }
    }
}

/// The domain's site cannot be reached: for now, or for good if the verdict is hard.
#[derive(Message, Clone)]
#[rtype(result = "()")]
pub struct SiteOutOfOrder {
    /// How long to wait; zero if the verdict is hard.
    pub pause: Duration,
    /// Why.
    pub verdict: Verdict,
}

impl Handler<SiteOutOfOrder> for DomainActor {
    type Result = ();

    fn handle(&mut self, SiteOutOfOrder { pause, verdict }: SiteOutOfOrder, ctx: &mut Self::Context) {
        if verdict.outcome == Outcome::Hard {
            return self.give_up(&verdict, ctx);
        }
        self.expire_ready(&verdict, ctx);
        self.hold(pause, ctx);
    }
}
