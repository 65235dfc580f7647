//! Putting the delivery engine together.

use crate::{
    budget::ConnectionBudget,
    clock,
    delivery::InFlight,
    dns::Dns,
    domain::ReadyTotal,
    intake::Intake,
    outgoing::Outgoing,
    places::Places,
    probe::watch_arbiter,
    reroutes::Reroutes,
    settings::{DeliverySettings, NextHop},
    shaping::ShapingBook,
    sources::SourceBook,
    supervisor::{Backlog, Deps, DispatchCommitted, Drain, ResumeQueue, Supervisor},
    suspensions::Suspensions,
    tls::{ClientConfigs, TlsError, TlsPolicies, TlsReporter},
    trace::TraceHub,
    watch::OutcomeBoard,
    webhooks::{self, WebhookDesk, WebhookSettings},
};
use actix::{Actor, Addr, MailboxError};
use mailwright_engine::classify::BounceRules;
use mailwright_storage::{
    Fresh, Spool, SpoolStarter, SpoolThreads, StorageError,
    control::{Control, ControlError},
    events::EventLog,
    suppressions::SuppressionFeed,
    webhooks::{Outbox, WebhookFeed},
};
use std::{
    rc::Rc,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How often a checkpoint looks whether webhooks were told of what the last process did.
const TELLING: Duration = Duration::from_millis(5);

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Journal or queue.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Control data.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// TLS configuration.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The supervisor ended while starting.
    #[error("the delivery engine ended while starting: {0}")]
    Ended(#[from] MailboxError),
}

/// What the engine is made of.
pub struct EngineParts {
    /// How to deliver.
    pub settings: DeliverySettings,
    /// How each site wants to be treated.
    pub shaping: ShapingBook,
    /// What replies mean.
    pub rules: BounceRules,
    /// Name resolution; asked for each look-up, so something that remembers
    /// ([`CachedDns`](crate::dns::CachedDns)).
    pub dns: Rc<dyn Dns>,
    /// Accounts, keys, and what operators ordered.
    pub control: Arc<Control>,
    /// Where events are told.
    pub events: EventLog,
    /// What endpoints of accounts are to be told.
    pub outbox: Outbox,
    /// How they are.
    pub webhooks: WebhookSettings,
    /// What is told of outcomes to the suppression list.
    pub suppressions: SuppressionFeed,
}

/// The running delivery engine.
pub struct Engine {
    supervisor: Addr<Supervisor>,
    deps: Rc<Deps>,
    threads: SpoolThreads,
    intake: Intake,
    board: OutcomeBoard,
    desk: WebhookDesk,
}

impl Engine {
    /// Starts delivery on the current arbiter, beginning with what the last process left.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn start(mut starter: SpoolStarter, parts: EngineParts) -> Result<Self, EngineError> {
        let backlog = Backlog::default();
        watch_arbiter("delivery");
        // The spool needs to know the supervisor and the supervisor the spool; nothing is committed before
        // both are there.
        let (outbox, calls) = (parts.outbox.clone(), parts.webhooks);
        let feed = WebhookFeed::new(Arc::clone(&parts.control), outbox.clone());
        let supervisor_cell: Arc<OnceLock<Addr<Supervisor>>> = Arc::default();
        let recent = starter.take_recent();
        let (written, told_again) = (outbox.clone(), Arc::new(AtomicBool::new(recent.is_empty())));
        let is_told = Arc::clone(&told_again);
        starter.before_checkpoint(move || {
            // Soon: mail is not even delivered before.
            while !is_told.load(Ordering::Acquire) {
                std::thread::sleep(TELLING);
            }
            written.flush_now();
        });
        let (spool, threads) =
            starter.start(sink(Arc::clone(&supervisor_cell), backlog.clone(), feed.clone()))?;
        let board = OutcomeBoard::default();
        let control = Arc::clone(&parts.control);
        let outgoing = Outgoing::new(Arc::clone(&control), parts.settings.return_path.clone());
        let events = parts.events.clone();
        let intake = Intake::new(spool.clone(), backlog.clone(), control, events, feed.clone(), outgoing);
        let deps = Rc::new(Deps::new(parts, spool, feed)?);
        let supervisor = Supervisor::launch(Rc::clone(&deps), intake.clone(), board.clone(), backlog);
        let supervisor = supervisor_cell.get_or_init(|| supervisor).clone();
        TlsReporter::new(Rc::clone(&deps), intake.clone()).start();
        // Before anything new happens to that mail.
        webhooks::tell_again(recent, &deps).await;
        told_again.store(true, Ordering::Release);
        let desk = webhooks::start(&deps, outbox, &calls);
        supervisor.send(ResumeQueue).await??;
        Ok(Self { supervisor, deps, threads, intake, board, desk })
    }

    /// The door for new mail.
    pub fn intake(&self) -> &Intake {
        &self.intake
    }

    /// Where outcomes can be watched.
    pub fn board(&self) -> &OutcomeBoard {
        &self.board
    }

    /// Where the sender of webhooks is asked.
    pub fn webhooks(&self) -> &WebhookDesk {
        &self.desk
    }

    /// What webhooks are told.
    pub fn webhook_feed(&self) -> &WebhookFeed {
        &self.deps.webhooks
    }

    /// Journal and queue.
    pub fn spool(&self) -> &Spool {
        &self.deps.spool
    }

    /// Who takes orders.
    pub fn supervisor(&self) -> &Addr<Supervisor> {
        &self.supervisor
    }

    /// Where protocol dialogues can be watched.
    pub fn traces(&self) -> &TraceHub {
        &self.deps.traces
    }

    /// Finishes what is under way, for at most `patience`, and leaves everything on disk. Intake must have
    /// stopped. What is cut short is delivered again at the next start, and counted as in doubt if it was
    /// past its final dot.
    pub async fn stop(self, patience: Duration) {
        if tokio::time::timeout(patience, self.supervisor.send(Drain)).await.is_err() {
            tracing::warn!(?patience, "deliveries still under way were cut short");
        }
        self.deps.sources.store().await;
        self.deps.tls.keep(&self.deps.control);
        let threads = self.threads;
        let closed = tokio::task::spawn_blocking(move || threads.close()).await;
        if closed.is_err() {
            tracing::error!("closing the spool panicked");
        }
    }
}

impl Deps {
    /// What the actors need, from `parts` and what an earlier process left.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub fn new(parts: EngineParts, spool: Spool, webhooks: WebhookFeed) -> Result<Self, EngineError> {
        let EngineParts { settings, shaping, rules, dns, control, events, suppressions, .. } = parts;
        let suspensions = Suspensions::new(control.suspensions(clock::now()));
        let sources = SourceBook::new(settings.sources.clone(), suspensions.clone(), Arc::clone(&control));
        let stored = control.reroutes()?;
        let hops = stored
            .into_iter()
            .map(|stored| (stored.domain, NextHop { host: stored.host, port: stored.port }));
        let configs = ClientConfigs::new(&settings.roots)?;
        let tls = TlsPolicies::new(Rc::clone(&dns), configs, settings.policy_fetch, settings.tls_reports);
        let outgoing = Outgoing::new(Arc::clone(&control), settings.return_path.clone());
        let deps = Self {
            connections: ConnectionBudget::new(settings.max_connections),
            places: Places::new(settings.max_active_domains, settings.sources.all().len()),
            reroutes: Reroutes::new(hops),
            ready_total: ReadyTotal::default(),
            in_flight: InFlight::default(),
            traces: TraceHub::default(),
            settings,
            spool,
            dns,
            tls,
            shaping,
            sources,
            suspensions,
            events,
            rules,
            control,
            webhooks,
            suppressions,
            outgoing,
        };
        deps.tls.recall(&deps.control);
        Ok(deps)
    }
}

/// Hands committed entries to the supervisor, counted until it has them. Webhooks hear of them before anybody can
/// deliver them.
fn sink(
    supervisor: Arc<OnceLock<Addr<Supervisor>>>,
    backlog: Backlog,
    feed: WebhookFeed,
) -> Box<dyn FnMut(Vec<Fresh>) + Send> {
    Box::new(move |fresh| {
        feed.confirm(fresh.iter().map(|fresh| fresh.entry.key().id));
        if let Some(supervisor) = supervisor.get() {
            backlog.add(fresh.len());
            supervisor.do_send(DispatchCommitted(fresh));
        }
    })
}
