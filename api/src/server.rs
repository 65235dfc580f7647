//! Starting the HTTP server.

use crate::{answer, health, send};
use actix_web::{
    App, HttpServer,
    dev::ServerHandle,
    web::{self, PayloadConfig},
};
use mailwright_actors::{intake::Intake, watch::OutcomeBoard};
use mailwright_storage::{Spool, control::Control};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{io, net::TcpListener, sync::Arc, time::Duration};

/// Most octets of a request: 25 MiB of content as base64 in JSON, and room for the rest.
const MAX_REQUEST: usize = 36 << 20;

/// Settings of the HTTP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiSettings {
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
    pub(crate) hostname: String,
    pub(crate) wait: Duration,
}

impl AppState {
    /// The state of a server that calls itself `hostname` in trace fields.
    pub fn new(
        control: Arc<Control>,
        intake: Intake,
        board: OutcomeBoard,
        spool: Spool,
        metrics: PrometheusHandle,
        hostname: String,
        wait: Duration,
    ) -> Self {
        Self { control, intake, board, spool, metrics, hostname, wait }
    }
}

/// Serves the API on `listener` until the handle is told to stop. Must run inside an actix system.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(listener: TcpListener, state: AppState, settings: ApiSettings) -> io::Result<ServerHandle> {
    let state = web::Data::new(state);
    let server = HttpServer::new(move || App::new().app_data(state.clone()).configure(routes))
        .workers(settings.workers)
        .shutdown_timeout(settings.drain.as_secs())
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
        .app_data(PayloadConfig::new(MAX_REQUEST))
        .service(resource(&format!("{sending}/send")).route(web::post().to(send::send)))
        .service(resource(&format!("{sending}/send_raw")).route(web::post().to(send::send_raw)))
        .service(resource("/health").route(web::get().to(health::health)))
        .service(resource("/metrics").route(web::get().to(health::metrics)))
        .default_service(web::to(answer::unknown_route));
}
