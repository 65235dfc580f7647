//! What operators ask of the delivery engine and tell it, under `/client/v4/delivery`.
//!
//! Who may: the holder of a token with the permission `operator`, and whoever can open the control socket in the
//! state folder, which only its owner can. [`model`] is the form of the answers, which `mailwright queue` and its
//! like read again.

mod about;
mod automatic;
mod entries;
mod filter;
mod message;
pub mod model;
mod orders;
mod shaping;
mod site_model;
mod standing;
mod summary;
mod suspensions;
mod trace;

use crate::{
    answer::{self, ApiError},
    server::AppState,
};
use actix_web::web;
use mailwright_actors::{control::OrderError, supervisor::Supervisor};
use utoipa::OpenApi;

/// What the routes are, for the description of the API.
#[derive(OpenApi)]
#[openapi(paths(
    summary::queue,
    summary::sources,
    automatic::automatic,
    about::server,
    entries::entries,
    message::message,
    message::why,
    orders::retry,
    orders::cancel,
    orders::reroute,
    suspensions::list,
    suspensions::suspend,
    suspensions::resume,
    shaping::reload,
    shaping::explain,
    shaping::replay,
    trace::trace,
))]
pub(crate) struct Described;

/// The routes.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    let resource = |path: &str| answer::resource(&format!("/client/v4/delivery/{path}"));
    config
        .service(resource("queue").route(web::get().to(summary::queue)))
        .service(resource("sources").route(web::get().to(summary::sources)))
        .service(resource("automatic").route(web::get().to(automatic::automatic)))
        .service(resource("server").route(web::get().to(about::server)))
        .service(resource("queue/entries").route(web::get().to(entries::entries)))
        .service(resource("queue/messages/{id}").route(web::get().to(message::message)))
        .service(resource("queue/messages/{id}/why").route(web::get().to(message::why)))
        .service(resource("queue/retry").route(web::post().to(orders::retry)))
        .service(resource("queue/cancel").route(web::post().to(orders::cancel)))
        .service(resource("queue/reroute").route(web::post().to(orders::reroute)))
        .service(
            resource("suspensions")
                .route(web::get().to(suspensions::list))
                .route(web::post().to(suspensions::suspend))
                .route(web::delete().to(suspensions::resume)),
        )
        .service(resource("shaping/reload").route(web::post().to(shaping::reload)))
        .service(resource("shaping/explain").route(web::get().to(shaping::explain)))
        .service(resource("shaping/replay").route(web::post().to(shaping::replay)))
        .service(resource("trace").route(web::get().to(trace::trace)));
}

/// Asks the supervisor. Its thread has a moment for everybody; what it reads from disk it reads elsewhere.
pub(crate) async fn ask<M, T>(state: &AppState, message: M) -> Result<T, ApiError>
where
    M: actix::Message<Result = Result<T, OrderError>> + Send + 'static,
    T: Send + 'static,
    Supervisor: actix::Handler<M>,
    <Supervisor as actix::Actor>::Context: actix::dev::ToEnvelope<Supervisor, M>,
{
    let answered = state.supervisor.send(message).await;
    Ok(answered.map_err(|_| OrderError::Stopping)??)
}

/// Does what blocks off the worker's thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    web::block(work).await.unwrap_or_else(|_| Err(OrderError::Stopping.into()))
}

/// Reads something an operator wrote; the error names the field.
fn read<T>(field: &str, text: &str) -> Result<T, ApiError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.parse().map_err(|error: T::Err| ApiError::senseless(field, format!("{error}.")))
}
