//! Starting the HTTP server.

use crate::{
    access,
    activity::{self, StreamSlots},
    answer,
    body::BodyMemory,
    dashboard::{self, SignIns},
    delivery, docs, graphql,
    health::{self, Started},
    inbox, manage, openapi,
    patient::{Counted, PatientStream, Requests, UnderWay},
    routing::{self, VerificationMails, VerificationSettings},
    scheduled, send,
    served::{Noted, RequestFeed},
    suppressions, unsubscribe, webhooks,
    workers::{self, Tails},
};
use actix::Addr;
use actix_http::HttpService;
use actix_rt::net::TcpStream;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{
    App, HttpServer,
    body::BoxBody,
    dev::{AppConfig, Server, ServerHandle, Service, ServiceResponse},
    web,
};
use mailwright_actors::{
    intake::Intake,
    sending::{DomainChecker, RecordSettings},
    smtp::sandbox::Store,
    supervisor::Supervisor,
    trace::TraceHub,
    watch::OutcomeBoard,
    webhooks::WebhookDesk,
};
use mailwright_routing::{
    held::HeldKeeper, reception::Reception, reports::ReportsInbox, return_path::ReturnPath, runs::RunNotes,
};
use mailwright_storage::{
    Spool,
    activity::ActivityLog,
    control::{Control, SendingNames},
    events::EventLog,
    requests::KeyedRequests,
    suppressions::Suppressions,
    webhooks::Outbox,
    workers::WorkerStores,
};
use mailwright_workers::Workers;
use metrics_exporter_prometheus::PrometheusHandle;
use std::{
    future::ready, io, net::TcpListener, os::unix::net::UnixListener, path::PathBuf, rc::Rc, sync::Arc,
    time::Duration,
};
use tokio::sync::{Mutex, Notify, Semaphore, watch};

/// Most connections of one worker; further clients wait to be accepted. Descriptors are needed elsewhere too.
pub const MAX_CONNECTIONS: usize = 2_000;
/// How long the head of a request may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the rest of a body is read that was answered before it had come: were the connection closed at once, the
/// client would find it broken and never see the answer (RFC 9112 section 9.6).
const LINGER: Duration = Duration::from_secs(5);
/// How long a connection without a request stays open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Settings of the HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiSettings {
    /// What the server calls itself in trace fields.
    pub hostname: String,
    /// Threads that serve requests.
    pub workers: usize,
    /// How long a send waits for outcomes unless the client asks otherwise.
    pub wait: Duration,
    /// How long requests under way may take when the server stops.
    pub drain: Duration,
    /// How sending domains are set up.
    pub sending: SendingSettings,
    /// How owners of destination addresses are asked.
    pub verification: VerificationSettings,
    /// Whether programs on the machine itself may hand mail to routing without SMTP.
    pub local_handler: bool,
    /// What of the server is turned on, as `/version` names it.
    pub features: Vec<&'static str>,
    /// For how many days it is kept what happened to messages.
    pub retention_days: u64,
    /// Whether there is a dashboard.
    pub dashboard: bool,
}

/// How sending domains are set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendingSettings {
    /// What their records are called.
    pub names: SendingNames,
    /// What is to be published for them.
    pub records: RecordSettings,
    /// Whether nothing is sent from a domain before the DNS shows that it is the account's own.
    pub verify: bool,
}

/// What handlers share.
pub struct AppState {
    pub(crate) control: Arc<Control>,
    pub(crate) intake: Intake,
    pub(crate) board: OutcomeBoard,
    pub(crate) spool: Spool,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) settings: ApiSettings,
    pub(crate) bodies: BodyMemory,
    pub(crate) supervisor: Addr<Supervisor>,
    pub(crate) domains: Addr<DomainChecker>,
    pub(crate) traces: TraceHub,
    pub(crate) outbox: Outbox,
    pub(crate) webhooks: WebhookDesk,
    pub(crate) events: EventLog,
    pub(crate) events_dir: PathBuf,
    pub(crate) activity: ActivityLog,
    pub(crate) streams: StreamSlots,
    /// Who may read analytics now.
    pub(crate) analysts: Arc<Semaphore>,
    pub(crate) suppressions: Suppressions,
    pub(crate) requests: KeyedRequests,
    /// Held by whoever changes a scheduled message, from what he looks at to what is stored.
    pub(crate) rescheduling: Mutex<()>,
    pub(crate) returns: ReturnPath,
    pub(crate) reception: Reception,
    pub(crate) reports: ReportsInbox,
    pub(crate) runs: RunNotes,
    pub(crate) verification_mails: VerificationMails,
    pub(crate) stores: WorkerStores,
    pub(crate) workers: Option<Workers>,
    pub(crate) held: HeldKeeper,
    pub(crate) sandbox: Option<Arc<Store>>,
    pub(crate) tails: Tails,
    pub(crate) started: Started,
    leaving: watch::Receiver<bool>,
    pub(crate) sign_ins: SignIns,
    pub(crate) served: RequestFeed,
    stopping: watch::Receiver<bool>,
    failed: Arc<Notify>,
}

/// What a server is made of.
pub struct ApiParts {
    /// Accounts, tokens, suspensions.
    pub control: Arc<Control>,
    /// The door for new mail.
    pub intake: Intake,
    /// Where outcomes are seen.
    pub board: OutcomeBoard,
    /// Journal and queue.
    pub spool: Spool,
    /// Who takes operators' orders.
    pub supervisor: Addr<Supervisor>,
    /// Who looks after sending domains.
    pub domains: Addr<DomainChecker>,
    /// Where protocol dialogues are watched.
    pub traces: TraceHub,
    /// What webhooks are to be told.
    pub outbox: Outbox,
    /// Where the sender of webhooks is asked.
    pub webhooks: WebhookDesk,
    /// What happens, live.
    pub events: EventLog,
    /// Where the event log is.
    pub events_dir: PathBuf,
    /// What became of each message.
    pub activity: ActivityLog,
    /// Whom accounts must not write to.
    pub suppressions: Suppressions,
    /// What remembers requests by the keys that clients gave.
    pub requests: KeyedRequests,
    /// What follows from what comes back.
    pub returns: ReturnPath,
    /// Who looks after mail from the world.
    pub reception: Reception,
    /// What others report about zones.
    pub reports: ReportsInbox,
    /// What Workers did with messages.
    pub runs: RunNotes,
    /// People's own code, and what it keeps.
    pub stores: WorkerStores,
    /// Who runs it; `None` where that is turned off.
    pub workers: Option<Workers>,
    /// Who looks after mail that waits for a Worker.
    pub held: HeldKeeper,
    /// What the sandbox keeps, where one receives all mail (`mailwright dev`).
    pub sandbox: Option<Arc<Store>>,
    /// Where answered requests are told.
    pub served: RequestFeed,
    /// What `/metrics` tells.
    pub metrics: PrometheusHandle,
    /// Settings.
    pub settings: ApiSettings,
    /// Once it turns true, the server is about to stop: it still takes mail and says that it should get no more.
    pub leaving: watch::Receiver<bool>,
    /// Once it turns true, requests no longer wait for outcomes.
    pub stopping: watch::Receiver<bool>,
    /// Told when a server ends before that.
    pub failed: Arc<Notify>,
}

impl AppState {
    /// The state of a server.
    pub fn new(parts: ApiParts) -> Self {
        let ApiParts {
            control,
            intake,
            board,
            spool,
            supervisor,
            domains,
            traces,
            outbox,
            webhooks,
            events,
            events_dir,
            activity,
            suppressions,
            requests,
            returns,
            reception,
            reports,
            runs,
            stores,
            workers,
            held,
            sandbox,
            served,
            metrics,
            settings,
            leaving,
            stopping,
            failed,
        } = parts;
        Self {
            control,
            intake,
            board,
            spool,
            metrics,
            settings,
            bodies: BodyMemory::default(),
            supervisor,
            domains,
            traces,
            outbox,
            webhooks,
            events,
            events_dir,
            activity,
            streams: StreamSlots::default(),
            analysts: Arc::new(Semaphore::new(graphql::AT_A_TIME)),
            suppressions,
            requests,
            rescheduling: Mutex::default(),
            returns,
            reception,
            reports,
            runs,
            verification_mails: VerificationMails::default(),
            stores,
            workers,
            held,
            sandbox,
            tails: Tails::default(),
            started: Started::now(),
            leaving,
            sign_ins: SignIns::default(),
            served,
            stopping,
            failed,
        }
    }

    /// Whether the server is about to stop, or stops.
    pub(crate) fn is_leaving(&self) -> bool {
        *self.leaving.borrow() || *self.stopping.borrow()
    }

    /// How the server was started.
    pub(crate) fn mode(&self) -> &'static str {
        if self.sandbox.is_some() { "dev" } else { "serve" }
    }

    /// Returns when the process is about to stop.
    pub(crate) async fn stops(&self) {
        // A sender that is gone went with the process.
        let _ = self.stopping.clone().wait_for(|stopping| *stopping).await;
    }
}

/// Serves the API on `listener` until the handle is told to stop. Must run inside an actix system.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(listener: TcpListener, state: web::Data<AppState>) -> io::Result<ServerHandle> {
    let ApiSettings { workers, drain, .. } = state.settings;
    let (stopping, failed) = (state.stopping.clone(), Arc::clone(&state.failed));
    let builder = actix_server::Server::build();
    let stops = builder.graceful_shutdown_signal();
    // What `HttpServer` does, but for the stream.
    let service = move || {
        let (state, stops) = (state.clone(), stops.clone());
        let feed = state.served.clone();
        let app = App::new().app_data(state).configure(routes).wrap_fn(move |request, service| {
            let under_way = request.conn_data::<Rc<Requests>>().map(Requests::begin);
            let noted = feed.begin(&request);
            counted(service.call(request), under_way, noted)
        });
        let app = app.into_factory().map_err(|error: actix_web::Error| error.error_response());
        let http = HttpService::<PatientStream, _, _>::build()
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(HEAD_TIMEOUT)
            .client_disconnect_timeout(LINGER)
            .graceful_shutdown_signal(move || {
                let stops = stops.clone();
                async move { stops.notified().await }
            })
            .on_connect_ext(|stream: &PatientStream, data| {
                data.insert(stream.requests());
            })
            .h1(map_config(app, |()| AppConfig::default()));
        let patient = fn_service(|socket: TcpStream| {
            let client = socket.peer_addr().ok();
            ready(Ok((PatientStream::new(socket), client)))
        });
        patient.and_then(http)
    };
    let server = builder
        .workers(workers)
        .max_concurrent_connections(MAX_CONNECTIONS)
        // Whole seconds only; none at all would cut off answers that are ready.
        .shutdown_timeout(drain.as_secs().max(1))
        .disable_signals()
        .listen("api", listener, service)?
        .run();
    Ok(spawn(server, stopping, failed))
}

/// Counts a request as under way until its answer is out, and tells of it.
async fn counted(
    answer: impl Future<Output = Result<ServiceResponse, actix_web::Error>>,
    under_way: Option<UnderWay>,
    noted: Option<Noted>,
) -> Result<ServiceResponse, actix_web::Error> {
    let answer = answer.await?;
    if let Some(noted) = noted {
        noted.end(&answer);
    }
    Ok(match under_way {
        Some(under_way) => answer.map_body(|_, body| BoxBody::new(Counted::new(body, under_way))),
        None => answer,
    })
}

/// Serves the API on the control socket. Whoever can open it needs no token. Must run
/// inside an actix system.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve_control(listener: UnixListener, state: web::Data<AppState>) -> io::Result<ServerHandle> {
    let drain = state.settings.drain;
    let (stopping, failed) = (state.stopping.clone(), Arc::clone(&state.failed));
    let app = move || App::new().app_data(state.clone()).configure(routes);
    let server = HttpServer::new(app)
        .workers(1)
        .client_request_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(LINGER)
        .keep_alive(KEEP_ALIVE)
        .on_connect(access::note_local_user)
        .shutdown_timeout(drain.as_secs().max(1))
        .disable_signals()
        .listen_uds(listener)?
        .run();
    Ok(spawn(server, stopping, failed))
}

/// Runs a server, which is to end no sooner than the process is stopped.
fn spawn(server: Server, stopping: watch::Receiver<bool>, failed: Arc<Notify>) -> ServerHandle {
    let handle = server.handle();
    actix_web::rt::spawn(async move {
        let ended = server.await;
        if !*stopping.borrow() {
            tracing::error!(?ended, "an HTTP server has ended unasked");
            failed.notify_one();
        }
    });
    handle
}

/// Every route.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    let sending = "/client/v4/accounts/{account_id}/email/sending";
    config
        .configure(delivery::routes)
        .configure(manage::routes)
        .configure(webhooks::routes)
        .configure(suppressions::routes)
        .configure(routing::routes)
        .configure(scheduled::routes)
        .configure(unsubscribe::routes)
        .configure(activity::routes)
        .configure(activity::routing::routes)
        .configure(graphql::routes)
        .configure(activity::contents::routes)
        .configure(inbox::routes)
        .configure(workers::routes)
        .configure(health::routes)
        .configure(dashboard::routes)
        .configure(docs::routes)
        .service(answer::resource(&format!("{sending}/send")).route(web::post().to(send::send)))
        .service(answer::resource(&format!("{sending}/send/batch")).route(web::post().to(send::batch)))
        .service(
            answer::resource(&format!("{sending}/send/preflight")).route(web::post().to(send::preflight)),
        )
        .service(answer::resource(&format!("{sending}/send_raw")).route(web::post().to(send::send_raw)))
        .service(answer::resource(openapi::PATH).route(web::get().to(openapi::describe)))
        .default_service(web::to(answer::unknown_route));
}
