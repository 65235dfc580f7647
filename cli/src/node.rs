//! The running service: state folder, engine, listeners and API, wired together.

mod control;
mod domains;
mod inbound;
mod metrics;
mod policy_host;
mod ready;
mod records;
mod reports;
mod submission;
mod suppressions;
mod traces;
mod workers;

pub(crate) use control::CONTROL_SOCKET;
pub(crate) use submission::SubmissionAddresses;
pub(crate) use traces::{Addresses, TraceSettings};

use crate::{config::Config, limits, stop_signals::StopSignals};
use actix::Addr;
use actix_rt::{Arbiter, SystemRunner};
use actix_web::web;
use control::ControlSocket;
use inbound::InboundParts;
use mailwright_actors::{
    certificates::CertificateError,
    dns::{CachedDns, Dns, HickoryDns},
    engine::{Engine, EngineError, EngineParts},
    probe::watch_arbiter,
    sending::DomainChecker,
    smtp::{
        listener::{Listener, ListenerTls, LoopbackAuth, bind},
        relay::Relay,
        sandbox::Store,
    },
    tls::TlsError,
};
use mailwright_api::{ApiParts, ApiSettings, AppState, RequestFeed};
use mailwright_engine::{
    dkim::{self, DkimError},
    smtp::server::{Dsn, ServerConfig},
};
use mailwright_routing::{
    held::HeldKeeper, reception::Reception, reports::ReportsInbox, return_path::ReturnPath,
};
use mailwright_storage::{
    Recovery, StateDir, StorageError,
    control::{Control, ControlError},
    suppressions::SuppressionError,
};
use metrics_exporter_prometheus::{BuildError, PrometheusHandle};
use policy_host::PolicyHostParts;
use records::Records;
use std::{
    io,
    net::{SocketAddr, TcpListener},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use submission::SubmissionParts;
use tokio::sync::{Notify, oneshot, watch};
use traces::Traces;
use workers::RunningWorkers;

/// Threads that read content back from disk and do what else would block; each takes memory of its own.
const BLOCKING_THREADS: usize = 16;

/// The event loop of the main thread.
pub(crate) fn system() -> io::Result<SystemRunner> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(BLOCKING_THREADS).build()?;
    Ok(actix_rt::System::with_tokio_rt(move || runtime))
}

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NodeError {
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Suppressions(#[from] SuppressionError),
    #[error("certificates: {0}")]
    Certificate(#[from] CertificateError),
    #[error("signing: {0}")]
    Signing(#[from] DkimError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("{0}")]
    Dns(String),
    #[error("metrics: {0}")]
    Metrics(#[from] BuildError),
    #[error("{what} does not answer ({source}): the log may say why; too few file descriptors (ulimit -n)?")]
    Unserved { what: &'static str, source: io::Error },
    #[error("an HTTP server has ended unasked; the log says why")]
    Ended,
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Where mail goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// To the world.
    Serve,
    /// To a sandbox in the same process, which keeps it in the state folder.
    Dev,
}

impl Mode {
    fn sandbox(self, state: &StateDir) -> io::Result<Option<Arc<Store>>> {
        match self {
            Self::Serve => Ok(None),
            Self::Dev => {
                Store::open(Some(std::path::absolute(state.path().join("sandbox"))?)).map(Arc::new).map(Some)
            }
        }
    }
}

/// The running service.
pub(crate) struct Node {
    pub(crate) state: StateDir,
    pub(crate) control: Arc<Control>,
    /// What receives all mail, if something does.
    pub(crate) sandbox: Option<Arc<Store>>,
    pub(crate) http: Option<SocketAddr>,
    pub(crate) smtp: Vec<SocketAddr>,
    pub(crate) submission: SubmissionAddresses,
    pub(crate) inbound: Vec<SocketAddr>,
    pub(crate) policy_host: Vec<SocketAddr>,
    /// Where `fetch()` handlers of Workers are reached.
    pub(crate) worker_doors: Vec<SocketAddr>,
    engine: Engine,
    domains: Addr<DomainChecker>,
    records: Records,
    traces: Option<Traces>,
    /// Where answered requests are told.
    served: RequestFeed,
    workers: RunningWorkers,
    /// The API, over the network and over the control socket.
    servers: Vec<actix_web::dev::ServerHandle>,
    control_socket: Option<ControlSocket>,
    leaving: watch::Sender<bool>,
    stopping: watch::Sender<bool>,
    signals: StopSignals,
    /// Told when a server ends unasked.
    failed: Arc<Notify>,
    /// Resolve when a listener's last client has gone.
    listeners: Vec<oneshot::Receiver<()>>,
    stop_delay: Duration,
    drain_timeout: Duration,
}

impl Node {
    /// Starts everything that `config` asks for, on the current actix system.
    pub(crate) async fn start(config: &Config, mode: Mode) -> Result<Self, NodeError> {
        let connections = limits::raise_open_files(config.open_files());
        let metrics = metrics::install()?;
        let seeded = tokio::task::spawn_blocking(dkim::seed_randomness);
        let state = StateDir::open(&config.state)?;
        // Before any delivery begins: a port in use ends the process, and deliveries under way with it.
        let sockets = Sockets::bind(config, &state)?;
        let control = Arc::new(Control::open(&state.control_dir())?);
        let sandbox = mode.sandbox(&state)?;
        let (records, starter, recovery) = Records::open(config, &state, &control)?;
        tell(&recovery);
        let (traces, served) = Traces::start(config.traces()?, &records.events, &records.activity)?;
        let dns = HickoryDns::new(&config.dns.servers, &config.anchors()).map_err(NodeError::Dns)?;
        let dns: Rc<dyn Dns> = Rc::new(CachedDns::new(Rc::new(dns)));
        let parts = engine_parts(config, connections, &dns, &control, &records)?;
        seeded.await.map_err(io::Error::from)??;
        // Up to here there is nothing to bring to an end; from here on there is.
        let signals = StopSignals::take()?;
        let engine = Engine::start(starter, parts).await?;
        let domains = domains::start(config, &control)?;
        suppressions::keep_clean(records.suppressions.clone());
        inbound::renew_keys(&control, config.inbound.keys()?);
        let (stopping, _) = watch::channel(false);
        let workers = RunningWorkers::start(config, &state, &control, engine.intake(), &records).await?;
        let mut node = Self {
            state,
            control,
            sandbox,
            http: None,
            smtp: Vec::new(),
            submission: SubmissionAddresses::default(),
            inbound: Vec::new(),
            policy_host: Vec::new(),
            worker_doors: Vec::new(),
            engine,
            domains,
            records,
            traces,
            served,
            workers,
            servers: Vec::new(),
            control_socket: None,
            leaving: watch::channel(false).0,
            stopping,
            signals,
            failed: Arc::default(),
            listeners: Vec::new(),
            stop_delay: config.http.stop_delay,
            drain_timeout: config.delivery.drain_timeout,
        };
        node.serve_smtp(config, sockets.smtp)?;
        node.serve_submission(config, sockets.submission)?;
        let returns = node.return_path(config)?;
        let reports = node.reports_inbox(config)?;
        let (reception, held) = node.reception(config, &returns, &reports)?;
        node.workers.keep(held.clone(), node.stopping.subscribe());
        let queues = node.records.workers.stores.queues.clone();
        node.workers.feed(queues, config.workers.wall_limit, node.stopping.subscribe());
        node.serve_workers(sockets.workers, &config.workers.door())?;
        node.serve_inbound(config, sockets.inbound, &reception)?;
        node.serve_policy_host(config, sockets.policy_host)?;
        node.report(config, dns)?;
        node.http = sockets.http.as_ref().map(TcpListener::local_addr).transpose()?;
        let api = web::Data::new(node.api(config, metrics, returns, reception, reports, held)?);
        if let Some(listener) = sockets.http {
            node.servers.push(mailwright_api::serve(listener, api.clone())?);
        }
        node.serve_control(api);
        node.try_servers().await?;
        Ok(node)
    }

    /// Returns when it is told to stop, or with the reason why it can no longer do its work.
    pub(crate) async fn ends(&mut self) -> Result<(), NodeError> {
        tokio::select! {
            () = self.signals.told() => {}
            () = self.failed.notified() => return Err(NodeError::Ended),
        }
        self.leave().await;
        Ok(())
    }

    /// Says that the server goes, and serves on for as long as others take to notice.
    async fn leave(&mut self) {
        self.leaving.send_replace(true);
        if self.stop_delay.is_zero() {
            return;
        }
        tracing::info!(delay = ?self.stop_delay, "about to stop: /ready says so, and everything is served meanwhile");
        tokio::select! {
            () = tokio::time::sleep(self.stop_delay) => {}
            () = self.signals.told() => {}
            () = self.failed.notified() => {}
        }
    }

    fn serve_smtp(&mut self, config: &Config, sockets: Vec<TcpListener>) -> Result<(), NodeError> {
        let relay = Relay {
            intake: self.engine.intake().clone(),
            hostname: config.hostname(),
            trusted: config.trusted_networks()?,
        };
        // One thread for all clients: sessions wait for the disk far longer than they compute.
        let arbiter = Arbiter::new();
        arbiter.spawn_fn(|| watch_arbiter("relay"));
        let mut listeners = Vec::new();
        for socket in sockets {
            self.smtp.push(socket.local_addr()?);
            listeners.push(Listener {
                socket,
                name: "relay",
                config: ServerConfig {
                    max_message_size: config.max_message_size()?,
                    max_recipients: config.smtp.max_recipients,
                    dsn: Dsn::Offered,
                    ..ServerConfig::new(config.hostname())
                },
                tls: ListenerTls::Off,
                loopback_auth: LoopbackAuth::UnderTls,
                max_sessions: config.smtp.max_sessions,
            });
        }
        self.listeners.extend(spawn_listeners(&arbiter, listeners, || relay, &self.stopping));
        Ok(())
    }

    /// What the API is made of.
    fn api(
        &self,
        config: &Config,
        metrics: PrometheusHandle,
        returns: ReturnPath,
        reception: Reception,
        reports: ReportsInbox,
        held: HeldKeeper,
    ) -> Result<AppState, NodeError> {
        let settings = ApiSettings {
            hostname: config.hostname(),
            workers: config.http.workers.max(1),
            wait: config.http.wait,
            drain: self.drain_timeout,
            sending: config.sending()?,
            verification: config.verification(self.http)?,
            local_handler: config.routing.local_handler,
            features: self.features(),
            retention_days: config.events.retention_days,
            dashboard: config.http.dashboard,
        };
        Ok(AppState::new(ApiParts {
            control: Arc::clone(&self.control),
            intake: self.engine.intake().clone(),
            board: self.engine.board().clone(),
            spool: self.engine.spool().clone(),
            supervisor: self.engine.supervisor().clone(),
            domains: self.domains.clone(),
            traces: self.engine.traces().clone(),
            outbox: self.records.outbox.clone(),
            webhooks: self.engine.webhooks().clone(),
            events: self.records.events.clone(),
            events_dir: self.state.events_dir(),
            activity: self.records.activity.clone(),
            suppressions: self.records.suppressions.clone(),
            requests: self.records.requests.clone(),
            returns,
            reception,
            reports,
            runs: self.workers.runs.clone(),
            stores: self.records.workers.stores.clone(),
            workers: self.workers.workers.clone(),
            held,
            sandbox: self.sandbox.clone(),
            served: self.served.clone(),
            metrics,
            settings,
            leaving: self.leaving.subscribe(),
            stopping: self.stopping.subscribe(),
            failed: Arc::clone(&self.failed),
        }))
    }

    /// What is turned on, as `/version` names it.
    fn features(&self) -> Vec<&'static str> {
        let features = [
            ("relay", !self.smtp.is_empty()),
            ("submission", self.submission.plain.len() + self.submission.tls.len() > 0),
            ("inbound", !self.inbound.is_empty()),
            ("policy_host", !self.policy_host.is_empty()),
            ("workers", self.workers.workers.is_some()),
        ];
        features.into_iter().filter(|(_, is_on)| *is_on).map(|(name, _)| name).collect()
    }

    /// Stops in order: no new mail, then what is under way, then the disk. Clients have half of the time; deliveries go
    /// on meanwhile, and have what is left.
    pub(crate) async fn stop(self) {
        tracing::info!("stopping");
        let until = Instant::now() + self.drain_timeout;
        self.stopping.send_replace(true);
        let clients = async {
            for server in &self.servers {
                server.stop(true).await;
            }
            for listener in self.listeners {
                // A listener that failed has no clients left.
                let _ = listener.await;
            }
        };
        if tokio::time::timeout(self.drain_timeout / 2, clients).await.is_err() {
            tracing::warn!("clients still connected were cut short");
        }
        drop(self.control_socket);
        self.workers.stop().await;
        self.engine.stop(until.saturating_duration_since(Instant::now())).await;
        self.records.close();
        if let Some(traces) = self.traces {
            traces.close();
        }
        if let Err(error) = self.control.flush() {
            tracing::error!(%error, "what was learnt is lost with this process");
        }
        tracing::info!("stopped");
    }
}

/// Every listening socket, and what else can fail before anything begins.
struct Sockets {
    smtp: Vec<TcpListener>,
    submission: SubmissionParts,
    inbound: InboundParts,
    policy_host: PolicyHostParts,
    workers: Vec<TcpListener>,
    http: Option<TcpListener>,
}

impl Sockets {
    fn bind(config: &Config, state: &StateDir) -> Result<Self, NodeError> {
        let issued = policy_host::issued(config, state)?;
        let smtp = bind_all(&config.smtp.listen)?;
        let submission = SubmissionParts::prepare(config, &issued)?;
        let inbound = InboundParts::prepare(config, &issued)?;
        let policy_host = PolicyHostParts::prepare(config, issued)?;
        let workers = if config.workers.are_on() { bind_all(&config.workers.listen)? } else { Vec::new() };
        let failed = |address| move |source| NodeError::Listen { address, source };
        let http = config.http_address()?;
        let http = http.map(|address| bind(address).map_err(failed(address))).transpose()?;
        Ok(Self { smtp, submission, inbound, policy_host, workers, http })
    }
}

/// What the engine is made of, with no more `connections` than there are descriptors for.
fn engine_parts(
    config: &Config,
    connections: usize,
    dns: &Rc<dyn Dns>,
    control: &Arc<Control>,
    records: &Records,
) -> Result<EngineParts, NodeError> {
    let mut settings = config.delivery()?;
    settings.max_connections = settings.max_connections.min(connections);
    Ok(EngineParts {
        settings,
        shaping: config.shaping()?,
        rules: config.bounce_rules()?,
        dns: Rc::clone(dns),
        control: Arc::clone(control),
        events: records.events.clone(),
        outbox: records.outbox.clone(),
        webhooks: config.webhooks.calls()?,
        suppressions: records.bounces.clone(),
    })
}

fn bind_all(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, NodeError> {
    let one = |address: &SocketAddr| {
        bind(*address).map_err(|source| NodeError::Listen { address: *address, source })
    };
    addresses.iter().map(one).collect()
}

/// Runs listeners on `arbiter`, for one service that is made there; each receiver resolves when its listener has ended.
pub(crate) fn spawn_listeners<S>(
    arbiter: &Arbiter,
    listeners: Vec<Listener>,
    service: impl FnOnce() -> S + Send + 'static,
    stopping: &watch::Sender<bool>,
) -> Vec<oneshot::Receiver<()>>
where
    S: mailwright_actors::smtp::Service + Clone + 'static,
{
    let (mut running, mut ended) = (Vec::new(), Vec::new());
    for listener in listeners {
        let (done, end) = oneshot::channel();
        running.push((listener, done, stopping.subscribe()));
        ended.push(end);
    }
    arbiter.spawn_fn(move || {
        let service = service();
        for (listener, done, stopping) in running {
            let service = service.clone();
            actix_rt::spawn(async move {
                if let Err(error) = listener.run(service, stopping).await {
                    tracing::error!(%error, "listener failed");
                }
                drop(done);
            });
        }
    });
    ended
}

fn tell(recovery: &Recovery) {
    if let Some(reason) = &recovery.rebuilt {
        tracing::warn!(reason, "queue state rebuilt from the journal");
    }
    for range in &recovery.damaged {
        tracing::error!(from = range.from, to = range.to, "part of the journal is damaged and was set aside");
    }
    if !recovery.in_doubt.is_empty() {
        let count = recovery.in_doubt.len();
        tracing::warn!(count, "deliveries were between final dot and answer: they may arrive twice");
    }
    if recovery.entries > 0 {
        tracing::info!(entries = recovery.entries, replayed = recovery.replayed, "queue recovered");
    }
}
