//! Routing: destination addresses at `/accounts/{account_id}/email/routing/addresses`, the page behind the link that
//! their owners are sent, and a door for local tests.

mod addresses;
mod local;
mod mail;
mod verify;

pub(crate) use mail::VerificationMails;
pub use mail::VerificationSettings;

use crate::answer;
use actix_web::web;
use utoipa::OpenApi;

/// What the routes are, for the description of the API.
#[derive(OpenApi)]
#[openapi(paths(
    addresses::list,
    addresses::create,
    addresses::get,
    addresses::edit,
    addresses::delete,
    verify::ask,
    verify::confirm,
    local::handle,
))]
pub(crate) struct Described;

/// The routes.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    let resource = |path: &str| {
        answer::resource(&format!("/client/v4/accounts/{{account_id}}/email/routing/addresses{path}"))
    };
    config
        .service(resource("").route(web::get().to(addresses::list)).route(web::post().to(addresses::create)))
        .service(
            resource("/{address_id}")
                .route(web::get().to(addresses::get))
                .route(web::patch().to(addresses::edit))
                .route(web::delete().to(addresses::delete)),
        )
        .service(
            answer::resource("/verify/{secret}")
                .route(web::get().to(verify::ask))
                .route(web::post().to(verify::confirm)),
        )
        .service(answer::resource("/cdn-cgi/handler/email").route(web::post().to(local::handle)));
}
