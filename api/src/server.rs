//! Starting the HTTP server.

use crate::{answer, body::BodyMemory, health, send};
use actix_web::{App, HttpServer, dev::ServerHandle, web};
use mailwright_actors::{intake::Intake, watch::OutcomeBoard};
use mailwright_storage::{Spool, control::Control};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{io, net::TcpListener, sync::Arc, time::Duration};
use tokio::sync::watch;

/// Most connections of one worker; further clients wait to be accepted. Descriptors are needed elsewhere too.
const MAX_CONNECTIONS: usize = 2_000;
/// How long the head of a request may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
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
    stopping: watch::Receiver<bool>,
}

impl AppState {
    /// The state of a server. Once `stopping` turns true, requests no longer wait for outcomes.
    pub fn new(
        control: Arc<Control>,
        intake: Intake,
        board: OutcomeBoard,
        spool: Spool,
        metrics: PrometheusHandle,
        settings: ApiSettings,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self { control, intake, board, spool, metrics, settings, bodies: BodyMemory::default(), stopping }
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
pub fn serve(listener: TcpListener, state: AppState) -> io::Result<ServerHandle> {
    let state = web::Data::new(state);
    let ApiSettings { workers, drain, .. } = state.settings;
    let server = HttpServer::new(move || App::new().app_data(state.clone()).configure(routes))
        .workers(workers)
        .max_connections(MAX_CONNECTIONS)
        .client_request_timeout(HEAD_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        // Whole seconds only; none at all would cut off answers that are ready.
        .shutdown_timeout(drain.as_secs().max(1))
        .disable_signals()
        .listen(listener)?
        .run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Ok(handle)
}

fn routes(config: &mut web::ServiceConfig) {
    let resource = |path: &str| web::resource(path).default_service(web::to(answer::wrong_method));
    let sending = "/client/v4/accounts/{account_id}/email/sending";
    config
        .service(resource(&format!("{sending}/send")).route(web::post().to(send::send)))
        .service(resource(&format!("{sending}/send_raw")).route(web::post().to(send::send_raw)))
        .service(resource("/health").route(web::get().to(health::health)))
        .service(resource("/metrics").route(web::get().to(health::metrics)))
        .default_service(web::to(answer::unknown_route));
}
