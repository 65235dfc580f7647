//! Supervisor: starts, finds and watches the other delivery actors.
//!
//! Owns the register of domain and site actors, and starts no more domains than there are places for. Never touches a
//! message beyond handing committed entries to their domain. Supervised by nobody: it does nothing that can fail, and
//! if its arbiter ends so does the process.
//!
//! Mailbox: committed batches and wake-ups arrive by `do_send`. Their number is bounded by intake, which
//! refuses mail while [`Backlog`] says that delivery is behind.

mod domains;

pub(crate) use domains::DomainLeaves;
pub use domains::{DispatchCommitted, FindDomain, WakeDomain};

use crate::{
    budget::ConnectionBudget,
    clock,
    delivery::InFlight,
    dns::Dns,
    domain::{ReadFromDisk, ReadyTotal},
    intake::Intake,
    ledger::Ledger,
    metrics as names,
    outgoing::Outgoing,
    places::Places,
    probe::Probes,
    reroutes::Reroutes,
    retry_scheduler::{Reach, RetryScheduler},
    settings::DeliverySettings,
    shaping::ShapingBook,
    site::{Site, SiteKey, StopSite},
    sources::SourceBook,
    suspensions::Suspensions,
    tls::TlsPolicies,
    trace::TraceHub,
    watch::OutcomeBoard,
};
use actix::prelude::*;
use domains::Active;
use futures_util::future::join_all;
use mailwright_engine::{
    address::Domain, class::SourceName, classify::BounceRules, roster::Census, shaping::ProviderName,
    source::Source, time::UnixMillis,
};
use mailwright_storage::{
    Spool, StorageError,
    control::Control,
    events::{Event, EventLog, event::Resumed},
    suppressions::SuppressionFeed,
    webhooks::WebhookFeed,
};
use std::{
    collections::HashMap,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// How often actors are looked at.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How often the whole queue is looked through for due work that no timer stands for.
const SWEEP: Duration = Duration::from_secs(60);
/// How often state that has an end or changes outside is looked at: suspensions, the shaping file, counters.
const UPKEEP: Duration = Duration::from_secs(5);
/// How far the system's clock may be from ours before operators are told, in seconds.
const CLOCK_SKEW: u64 = 30;
/// How long a domain or site actor without work is kept.
pub(crate) const REAP_AFTER: Duration = Duration::from_secs(60);

/// Committed entries that delivery has not taken over yet: what intake looks at before it accepts more.
#[derive(Debug, Clone, Default)]
pub struct Backlog(Arc<AtomicUsize>);

impl Backlog {
    /// Entries committed and not yet with their domain actor.
    pub fn entries(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts entries in, on their way from the journal.
    pub(crate) fn add(&self, entries: usize) {
        self.0.fetch_add(entries, Ordering::Relaxed);
    }
}

/// What every delivery actor needs; one for the arbiter.
pub struct Deps {
    /// How to deliver.
    pub settings: DeliverySettings,
    /// Journal and queue.
    pub spool: Spool,
    /// Name resolution.
    pub dns: Rc<dyn Dns>,
    /// TLS for connections out, and the policies of recipient domains.
    pub tls: TlsPolicies,
    /// What is being delivered.
    pub in_flight: InFlight,
    /// How each site wants to be treated.
    pub shaping: ShapingBook,
    /// Where mail leaves from.
    pub sources: SourceBook,
    /// What is suspended.
    pub suspensions: Suspensions,
    /// Next hops that operators set while we run.
    pub reroutes: Reroutes,
    /// How many connections there may be in all.
    pub connections: ConnectionBudget,
    /// Which domains are active.
    pub places: Places,
    /// How many entries are in memory in all.
    pub ready_total: ReadyTotal,
    /// Where events are told.
    pub events: EventLog,
    /// What replies mean.
    pub rules: BounceRules,
    /// What operators ordered, kept over restarts.
    pub control: Arc<Control>,
    /// Who watches protocol dialogues.
    pub traces: TraceHub,
    /// What webhooks are told.
    pub webhooks: WebhookFeed,
    /// What the suppression list is told.
    pub suppressions: SuppressionFeed,
    /// Envelope senders of transactions.
    pub outgoing: Outgoing,
}

/// The actor.
pub struct Supervisor {
    deps: Rc<Deps>,
    ledger: Addr<Ledger>,
    scheduler: Addr<RetryScheduler>,
    domains: HashMap<Domain, Active>,
    sites: HashMap<SiteKey, Addr<Site>>,
    backlog: Backlog,
    probes: Probes,
    /// How far the clocks were apart when operators were last told, in seconds.
    clock_ahead: i64,
    draining: bool,
}

impl Supervisor {
    /// Starts the supervisor, the ledger and the retry scheduler on the current arbiter. Reports to senders go out
    /// through `intake`.
    pub fn launch(deps: Rc<Deps>, intake: Intake, board: OutcomeBoard, backlog: Backlog) -> Addr<Self> {
        Self::create(|ctx| {
            let (spool, own) = (deps.spool.clone(), ctx.address().recipient());
            let scheduler = RetryScheduler::new(spool, clock::now(), own, Reach::default()).start();
            let ledger = Ledger::new(Rc::clone(&deps), intake, board, scheduler.clone().recipient()).start();
            let probes = Probes::new(ctx.address(), ledger.clone(), scheduler.clone());
            let (domains, sites) = (HashMap::new(), HashMap::new());
            Self { deps, ledger, scheduler, domains, sites, backlog, probes, clock_ahead: 0, draining: false }
        })
    }

    pub(crate) fn deps(&self) -> Rc<Deps> {
        Rc::clone(&self.deps)
    }

    pub(crate) fn site_actors(&self) -> &HashMap<SiteKey, Addr<Site>> {
        &self.sites
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(HEARTBEAT, Supervisor::look_after);
        ctx.run_interval(HEARTBEAT, |supervisor, ctx| {
            supervisor.measure();
            supervisor.turn_over(ctx);
        });
        ctx.run_interval(SWEEP, Self::sweep);
        ctx.run_interval(UPKEEP, Self::keep_up);
    }
}

impl Supervisor {
    /// Tells operators of a clock that was set: the times of the queue and its events are not its times.
    fn compare_clocks(&mut self) {
        let ahead = clock::ahead();
        if ahead.abs_diff(self.clock_ahead) > CLOCK_SKEW {
            tracing::warn!(
                ahead_seconds = ahead,
                "the system clock was set; queue and events keep the time of before until a restart"
            );
            self.clock_ahead = ahead;
        }
    }

    /// Ends suspensions that are over, follows the shaping file, and puts down what should survive.
    fn keep_up(&mut self, ctx: &mut Context<Self>) {
        self.compare_clocks();
        let now = clock::now();
        let ended = self.deps.suspensions.expire(now);
        for scope in &ended {
            let resumed = Resumed { scope: scope.clone(), by: "its end".to_owned() };
            self.deps.events.record(now, None, Event::Resumed(resumed));
        }
        if self.deps.shaping.has_changed() {
            match self.deps.shaping.reload() {
                Ok(()) => tracing::info!("shaping reloaded"),
                Err(why) => tracing::error!("{why}; what was in force stays"),
            }
            self.reconsider(ctx);
        } else if !ended.is_empty() {
            self.reconsider(ctx);
        }
        ctx.spawn(self.deps.sources.store().into_actor(self));
        self.deps.connections.recover();
    }

    /// Finds work that nobody waits for any more: timers run on a clock that is never set, due times on one that
    /// is.
    pub(crate) fn sweep(&mut self, ctx: &mut Context<Self>) {
        let spool = self.deps.spool.clone();
        let domains = async move { spool.domains().await };
        ctx.spawn(domains.into_actor(self).map(|domains, actor, ctx| match domains {
            Ok(domains) if !actor.draining => {
                ::metrics::gauge!(names::QUEUED_DOMAINS).set(domains.len() as f64);
                actor.wake_due(domains, ctx);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the queue could not be swept"),
        }));
    }

    /// Restarts domains that ended unasked (they may have left entries on disk only) and forgets sites that
    /// did: domains that had offered it their work find another.
    fn look_after(&mut self, ctx: &mut Context<Self>) {
        self.restart_domains(ctx);
        let sites = self.sites.len();
        self.sites.retain(|site, addr| {
            let alive = addr.connected();
            if !alive {
                ::metrics::counter!(names::RESTARTS, "actor" => "site").increment(1);
                tracing::error!(%site, "site actor ended unasked");
            }
            alive
        });
        if self.sites.len() < sites {
            // Which domains it served only they know.
            for domain in self.domains.values_mut() {
                domain.tell(ReadFromDisk);
            }
        }
    }

    /// Tells what it alone knows.
    fn measure(&self) {
        let oldest = self.deps.spool.oldest().map_or(Duration::ZERO, |oldest| clock::now().since(oldest));
        ::metrics::gauge!(names::OLDEST).set(oldest);
        ::metrics::gauge!(names::BACKLOG).set(self.backlog.entries() as f64);
        ::metrics::gauge!(names::IN_FLIGHT).set(self.deps.in_flight.len() as f64);
        ::metrics::gauge!(names::READY).set(self.deps.ready_total.get() as f64);
        ::metrics::gauge!(names::ACTORS, "actor" => "domain").set(self.domains.len() as f64);
        let Census { active, waiting, resting } = self.deps.places.census();
        for (state, count) in [("active", active), ("waiting", waiting), ("resting", resting)] {
            ::metrics::gauge!(names::DOMAINS, "state" => state).set(count as f64);
        }
        ::metrics::gauge!(names::ACTORS, "actor" => "site").set(self.sites.len() as f64);
        self.probes.send();
    }
}

/// Starts delivery of what the last process left: wakes every domain that has something due.
#[derive(Message)]
#[rtype(result = "Result<(), StorageError>")]
pub struct ResumeQueue;

impl Handler<ResumeQueue> for Supervisor {
    type Result = ResponseActFuture<Self, Result<(), StorageError>>;

    fn handle(&mut self, _: ResumeQueue, _: &mut Self::Context) -> Self::Result {
        let spool = self.deps.spool.clone();
        let domains = async move { spool.domains().await };
        Box::pin(domains.into_actor(self).map(|domains, actor, ctx| {
            let domains = domains?;
            ::metrics::gauge!(names::QUEUED_DOMAINS).set(domains.len() as f64);
            actor.wake_due(domains, ctx);
            Ok(())
        }))
    }
}

/// Asks for the site that serves a target; many domains share one.
#[derive(Message)]
#[rtype(result = "Addr<Site>")]
pub struct FindSite(pub SiteKey);

impl Handler<FindSite> for Supervisor {
    type Result = MessageResult<FindSite>;

    fn handle(&mut self, FindSite(key): FindSite, ctx: &mut Self::Context) -> Self::Result {
        if let Some(addr) = self.sites.get(&key).filter(|addr| addr.connected()) {
            return MessageResult(addr.clone());
        }
        let source =
            self.deps.sources.get(&key.source).cloned().unwrap_or_else(|| Arc::new(Source::unnamed()));
        let site = Site::new(key.clone(), source, Rc::clone(&self.deps), self.ledger.clone(), ctx.address());
        let addr = site.start();
        if self.draining {
            addr.do_send(StopSite);
        }
        self.sites.insert(key, addr.clone());
        MessageResult(addr)
    }
}

/// A site actor has had nothing to do for a while and ended.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SiteRetired {
    /// Which site's.
    pub key: SiteKey,
    /// The actor: the site may have a new one by now.
    pub addr: Addr<Site>,
}

impl Handler<SiteRetired> for Supervisor {
    type Result = ();

    fn handle(&mut self, SiteRetired { key, addr }: SiteRetired, _: &mut Self::Context) {
        if self.sites.get(&key) == Some(&addr) {
            self.sites.remove(&key);
        }
    }
}

/// Stops handing out deliveries and returns when those under way have ended. The caller bounds the wait.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Drain;

impl Handler<Drain> for Supervisor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Drain, _: &mut Self::Context) -> Self::Result {
        self.draining = true;
        let stopped: Vec<_> = self.sites.values().map(|site| site.send(StopSite)).collect();
        Box::pin(async move {
            // A site that is gone has stopped.
            let _ = join_all(stopped).await;
        })
    }
}

/// A rule keeps a source away from all sites of a provider for a while.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SuspendProvider {
    /// The provider.
    pub provider: ProviderName,
    /// The source.
    pub source: SourceName,
    /// Until when.
    pub until: UnixMillis,
}

impl Handler<SuspendProvider> for Supervisor {
    type Result = ();

    fn handle(
        &mut self,
        SuspendProvider { provider, source, until }: SuspendProvider,
        ctx: &mut Self::Context,
    ) {
        self.deps.suspensions.put_provider(provider, source, until);
        ctx.run_later(until.since(clock::now()), Self::reconsider);
    }
}
