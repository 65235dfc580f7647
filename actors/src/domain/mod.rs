//! Domain: the queue of one destination domain.
//!
//! Owns the order of its entries, its MX plan and the holds while a site is out of order. Never opens a
//! connection and never holds more than a bounded number of entries of each class: what is beyond waits on
//! disk and is read when there is room. Started by the supervisor when there is work and a place for it, ends when
//! there has been none for a while or others want its place, restarted from disk if it ends unasked.
//!
//! Mailbox: one message for each committed batch and each delivery of its own; both are bounded elsewhere.

mod offers;
mod outlived;
mod place;
mod plan;
mod queue;
mod read;
mod snapshot;

pub use place::GiveUpPlace;
pub(crate) use place::Leaving;
pub use queue::{Lane, ReadyTotal};
pub use snapshot::{DescribeDomain, DomainSnapshot, HoldKind, HoldSnapshot, LaneSnapshot, PlanSnapshot};

use crate::{
    control::{Ordered, cancelled as cancelled_by},
    delivery::{Delivery, InFlightKey, Ready, Untried},
    ledger::{FailDeliveries, Ledger},
    site::{Flow, FreeConnection, NoWork, Site},
    supervisor::{Deps, REAP_AFTER, Supervisor},
    tls::TlsIdentity,
};
use actix::prelude::*;
use mailwright_engine::{
    address::Domain,
    class::{QueueClass, SourceName, TransportSecurity},
    roster::Spare,
    smtp::verdict::{Outcome, Verdict},
    source::NoSource,
    time::UnixMillis,
};
use mailwright_storage::{
    EntryKey, Fresh, QueueEntry, StoredMessage,
    events::{Event, event::Cancelled},
};
use offers::Links;
use outlived::Looks;
use plan::Plan;
use queue::ReadyQueue;
use read::Reading;
use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

/// Pause after storage could not promise to remember an attempt.
const STORAGE_PAUSE: Duration = Duration::from_secs(1);
/// How long mail without a usable source waits when nobody can say.
const SOURCE_PAUSE: Duration = Duration::from_secs(60);

/// The actor.
pub struct DomainActor {
    name: Domain,
    deps: Rc<Deps>,
    ledger: Addr<Ledger>,
    supervisor: Addr<Supervisor>,
    queue: ReadyQueue,
    plan: Plan,
    /// The sites of the plan, by source.
    links: Links,
    /// Nothing is offered before this: there is no plan, or storage needs a rest.
    held: Option<Hold>,
    /// Classes none of whose sources can be used, and until when.
    unsourced: HashMap<QueueClass, Instant>,
    /// The read from disk that is under way.
    reading: Option<Reading>,
    /// When to look on disk for what outlived its lifetime.
    looks: Looks,
    idle_since: Instant,
    /// Entries handed out by this actor and not back.
    outstanding: HashSet<EntryKey>,
    /// Look-ups that failed in a row.
    failures: u32,
    /// Messages from the supervisor that brought work.
    received: u64,
    /// What the roster was told last.
    spare: Option<Spare>,
}

/// A pause, and what it is for.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    until: Instant,
    kind: HoldKind,
    why: String,
}

impl Hold {
    fn new(pause: Duration, kind: HoldKind, why: impl Into<String>) -> Self {
        Self { until: Instant::now() + pause, kind, why: why.into() }
    }

    fn is_over(&self) -> bool {
        self.until <= Instant::now()
    }
}

impl DomainActor {
    /// An empty queue for `name`, whose last look-ups failed so many times in a row.
    pub fn new(
        name: Domain,
        failures: u32,
        deps: Rc<Deps>,
        ledger: Addr<Ledger>,
        supervisor: Addr<Supervisor>,
    ) -> Self {
        let queue = ReadyQueue::new(deps.ready_total.clone());
        Self {
            name,
            deps,
            ledger,
            supervisor,
            queue,
            plan: Plan::Unknown,
            links: Links::default(),
            held: None,
            unsourced: HashMap::new(),
            reading: None,
            looks: Looks::default(),
            idle_since: Instant::now(),
            outstanding: HashSet::new(),
            failures,
            received: 0,
            spare: None,
        }
    }

    fn is_held(&self) -> bool {
        self.held.as_ref().is_some_and(|hold| !hold.is_over())
    }

    fn is_suspended(&self) -> bool {
        self.deps.suspensions.domain(&self.name).is_some()
    }

    /// Takes an entry into the ready queue, unless it is there already or being delivered, or nothing may carry
    /// it now.
    fn admit(&mut self, entry: QueueEntry, message: Option<Arc<StoredMessage>>, ctx: &mut Context<Self>) {
        if self.deps.in_flight.contains(entry.key()) {
            return;
        }
        match self.choose(&entry) {
            Ok(source) => self.queue.push(Ready { entry, message, source }),
            Err(none) => {
                tracing::debug!(domain = %self.name, reason = %none, "mail waits for a source");
                self.wait_for_source(entry.place.class, none.until, ctx);
            }
        }
    }

    /// The source for an entry: one whose site works, if there is one, else whatever may be used.
    fn choose(&self, entry: &QueueEntry) -> Result<SourceName, NoSource> {
        let (sources, security) = (&self.deps.sources, entry.place.class.security);
        let working = sources.choose_except(entry, |source| self.links.is_held(source, security));
        working.or_else(|_| sources.choose(entry)).map(|source| source.name.clone())
    }

    /// Leaves a class on disk until one of its sources may be used.
    fn wait_for_source(&mut self, class: QueueClass, until: Option<UnixMillis>, ctx: &mut Context<Self>) {
        let pause = until.map_or(SOURCE_PAUSE, |until| until.since(crate::clock::now()).min(SOURCE_PAUSE));
        self.queue.look_again(&class);
        if self.unsourced.insert(class, Instant::now() + pause).is_none() {
            ctx.run_later(pause, |actor, ctx| {
                actor.unsourced.retain(|_, until| *until > Instant::now());
                actor.advance(ctx);
            });
        }
    }

    /// Does what can be done now, and tells the roster if that is nothing.
    fn advance(&mut self, ctx: &mut Context<Self>) {
        self.go_on(ctx);
        self.tell_standing(ctx);
    }

    /// Reads on from disk when there is room, finds out where the mail goes, and tells the sites what is ready.
    fn go_on(&mut self, ctx: &mut Context<Self>) {
        self.read_if_wanted(ctx);
        if self.queue.is_empty() || self.is_held() || self.is_suspended() {
            return;
        }
        if self.plan.is_current() {
            self.offer(ctx);
        } else if !self.plan.is_asked() {
            self.find_plan(ctx);
        }
    }

    /// Hands entries to the ledger with one verdict for all: in flight until it is in the journal.
    fn fail(&mut self, entries: Vec<Ready>, verdict: Verdict, ctx: &mut Context<Self>) {
        let deliveries: Vec<_> = entries.into_iter().map(|ready| self.deliver(ready, ctx)).collect();
        if !deliveries.is_empty() {
            self.ledger.do_send(FailDeliveries { deliveries, verdict });
        }
    }

    /// Takes entries out of the ready queue, and those that are on disk alone as they are.
    fn take_out(&mut self, entries: Vec<QueueEntry>) -> Vec<Ready> {
        let keys: HashSet<_> = entries.iter().map(QueueEntry::key).collect();
        let in_memory = self.queue.take_where(|_, ready| keys.contains(&ready.entry.key()));
        let known: HashSet<_> = in_memory.iter().map(|ready| ready.entry.key()).collect();
        let on_disk = entries.into_iter().filter(|entry| !known.contains(&entry.key()));
        let unsent = |entry| Ready { entry, message: None, source: SourceName::unnamed() };
        in_memory.into_iter().chain(on_disk.map(unsent)).collect()
    }

    /// Takes an entry that left the ready queue into flight.
    fn deliver(&mut self, ready: Ready, ctx: &mut Context<Self>) -> Delivery {
        self.outstanding.insert(ready.entry.key());
        Delivery::new(ready, &self.deps.in_flight, ctx.address())
    }

    /// Bounces what is ready in the lanes that are `concerned`. What comes later is looked up anew.
    fn give_up(&mut self, verdict: &Verdict, concerned: impl Fn(&Lane) -> bool, ctx: &mut Context<Self>) {
        self.plan = Plan::Unknown;
        let all = self.queue.take_where(|lane, _| concerned(lane));
        self.fail(all, verdict.clone(), ctx);
        self.advance(ctx);
    }

    /// Ends what waited too long, in the lanes that are `concerned`, behind something that is out of order.
    fn expire_ready(
        &mut self,
        verdict: &Verdict,
        concerned: impl Fn(&Lane) -> bool,
        ctx: &mut Context<Self>,
    ) {
        let now = crate::clock::now();
        let retry = &self.deps.settings.retry;
        let is_over = |entry: &QueueEntry| retry.expiry(entry.accepted_at, entry.expires_at) <= now;
        let expired = self.queue.take_where(|lane, ready| concerned(lane) && is_over(&ready.entry));
        self.fail(expired, Verdict::expired(verdict), ctx);
    }

    fn hold(&mut self, pause: Duration, kind: HoldKind, why: String, ctx: &mut Context<Self>) {
        self.held = Some(Hold::new(pause, kind, why));
        self.queue.drop_contents();
        ctx.run_later(pause, |actor, ctx| {
            if !actor.is_held() {
                actor.held = None;
                actor.advance(ctx);
            }
        });
        self.tell_standing(ctx);
    }
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
        self.received += 1;
        self.take_fresh(fresh, ctx);
        self.advance(ctx);
    }
}

/// There may be due entries on disk, or a site has died.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ReadFromDisk;

impl Handler<ReadFromDisk> for DomainActor {
    type Result = ();

    fn handle(&mut self, _: ReadFromDisk, ctx: &mut Self::Context) {
        self.received += 1;
        for source in self.links.forget_dead() {
            self.queue.touch(&source);
        }
        self.look_on_disk(ctx);
    }
}

/// Something that decides where mail may go has changed: suspensions, sources, shaping, or an order to try
/// again now.
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
pub struct Reconsider;

impl Handler<Reconsider> for DomainActor {
    type Result = ();

    fn handle(&mut self, _: Reconsider, ctx: &mut Self::Context) {
        self.held = None;
        self.unsourced.clear();
        self.links.forget_holds();
        self.plan = Plan::Unknown;
        // Everything chooses its source anew, in the order it had.
        for ready in self.queue.take_where(|_, _| true) {
            self.admit(ready.entry, ready.message, ctx);
        }
        self.look_on_disk(ctx);
    }
}

/// A connection of one of the domain's sites is ready for a message. Dropped by a domain that has nothing for it, or
/// is no more, it goes back to its site.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TakeDelivery {
    flow: Flow,
    identity: TlsIdentity,
    site: Addr<Site>,
    /// There until taken.
    free: Option<FreeConnection>,
}

impl TakeDelivery {
    /// Offers the connection `free` of `site`, in its pool `identity`, to what waits in `flow`.
    pub fn new(flow: Flow, identity: TlsIdentity, site: Addr<Site>, free: FreeConnection) -> Self {
        Self { flow, identity, site, free: Some(free) }
    }
}

impl Drop for TakeDelivery {
    fn drop(&mut self) {
        if let Some(free) = self.free.take() {
            self.site.do_send(NoWork { flow: self.flow.clone(), identity: self.identity.clone(), free });
        }
    }
}

impl Handler<TakeDelivery> for DomainActor {
    type Result = ();

    fn handle(&mut self, mut offered: TakeDelivery, ctx: &mut Self::Context) {
        if let Some(ready) = self.next_for(&offered.flow.lane, &offered.site, ctx)
            && let Some(free) = offered.free.take()
        {
            let delivery = self.deliver(ready, ctx);
            // A connection that gave up waiting drops the delivery, which comes back by itself.
            let _ = free.reply.send(delivery);
        }
        self.read_if_wanted(ctx);
        self.tell_standing(ctx);
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
            if let Some(reading) = &mut self.reading {
                reading.settled.insert(place.key());
            }
            return self.tell_standing(ctx);
        };
        self.deps.sources.give_back(&ready.source);
        self.queue.push_front(ready);
        match why {
            Untried::ConnectionEnded => self.advance(ctx),
            Untried::StorageRefused => {
                self.hold(STORAGE_PAUSE, HoldKind::Storage, "storage needs a rest".to_owned(), ctx);
            }
        }
    }
}

/// A site of the domain cannot be reached: for now, or for good if the verdict is hard.
#[derive(Message, Clone)]
#[rtype(result = "()")]
pub struct SiteOutOfOrder {
    /// What leaves from where.
    pub source: SourceName,
    /// Only what asks this of TLS; `None` for all of it.
    pub security: Option<TransportSecurity>,
    /// How long to wait; zero if the verdict is hard.
    pub pause: Duration,
    /// Why.
    pub verdict: Verdict,
}

impl Handler<SiteOutOfOrder> for DomainActor {
    type Result = ();

    fn handle(&mut self, message: SiteOutOfOrder, ctx: &mut Self::Context) {
        let SiteOutOfOrder { source, security, pause, verdict } = message;
        if verdict.outcome == Outcome::Hard {
            return self.give_up(&verdict, |lane| lane.is_of(&source, security), ctx);
        }
        self.expire_ready(&verdict, |lane| lane.is_of(&source, security), ctx);
        self.end_outlived(&verdict, security, ctx);
        self.hold_link(source, security, pause, &verdict, ctx);
    }
}

/// Ends entries of this domain as failed; those being delivered are left alone.
#[derive(Message, Clone)]
#[rtype(result = "Ordered")]
pub struct CancelEntries {
    /// Which.
    pub entries: Vec<QueueEntry>,
    /// Who says so.
    pub by: String,
}

impl Handler<CancelEntries> for DomainActor {
    type Result = MessageResult<CancelEntries>;

    fn handle(
        &mut self,
        CancelEntries { entries, by }: CancelEntries,
        ctx: &mut Self::Context,
    ) -> Self::Result {
        let (in_flight, free): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| self.deps.in_flight.contains(entry.key()));
        let cancelled = self.take_out(free);
        for Ready { entry, .. } in &cancelled {
            let (group, recipients) = (entry.key().group, entry.pending.clone());
            let event = Event::Cancelled(Cancelled { group, recipients, by: by.clone() });
            self.deps.events.record(crate::clock::now(), Some(entry.key().id), event);
        }
        let ordered = Ordered { changed: cancelled.len() as u64, in_flight: in_flight.len() as u64 };
        self.fail(cancelled, cancelled_by(&by), ctx);
        MessageResult(ordered)
    }
}
