//! Webhooks: where an account wants to be told what became of its mail, under
//! `/accounts/{account_id}/email/sending/webhooks`.
//!
//! For whoever may administer the account: a secret is shown to whoever makes or rotates it, once.

mod attempts;
mod endpoints;
mod model;

use crate::{
    access::Caller,
    answer::{self, ApiError},
    server::AppState,
};
use actix_web::web;
use mailwright_storage::{
    StorageError,
    control::{Permission, Webhook},
};
use std::sync::Arc;
use utoipa::OpenApi;

/// What the routes are, for the description of the API.
#[derive(OpenApi)]
#[openapi(paths(
    endpoints::list,
    endpoints::create,
    endpoints::get,
    endpoints::change,
    endpoints::delete,
    endpoints::rotate_secret,
    attempts::list,
    attempts::test,
    attempts::replay,
))]
pub(crate) struct Described;

/// The routes.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    let resource = |path: &str| {
        answer::resource(&format!("/client/v4/accounts/{{account_id}}/email/sending/webhooks{path}"))
    };
    config
        .service(resource("").route(web::get().to(endpoints::list)).route(web::post().to(endpoints::create)))
        .service(
            resource("/{id}")
                .route(web::get().to(endpoints::get))
                .route(web::patch().to(endpoints::change))
                .route(web::delete().to(endpoints::delete)),
        )
        .service(resource("/{id}/rotate-secret").route(web::post().to(endpoints::rotate_secret)))
        .service(resource("/{id}/test").route(web::post().to(attempts::test)))
        .service(resource("/{id}/replay").route(web::post().to(attempts::replay)))
        .service(resource("/{id}/attempts").route(web::get().to(attempts::list)));
}

/// A webhook of the account, for whoever may administer it.
fn webhook(
    caller: &Caller,
    state: &AppState,
    (account_id, id): &(String, String),
) -> Result<Arc<Webhook>, ApiError> {
    let account = caller.account(state, account_id, Permission::Admin)?;
    let found = state.control.webhook(account.id.as_str(), id);
    found.ok_or_else(|| ApiError::no_object("webhook"))
}

/// The outbox could not be asked.
fn outbox_error(error: &StorageError) -> ApiError {
    tracing::error!(%error, "the outbox of webhooks was not read or changed");
    ApiError::unavailable("The events of webhooks could not be read or changed; the server's log says why.")
}
