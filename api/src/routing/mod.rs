//! What becomes of mail from the world: which zones take it, `/zones/{zone_id}/email/routing`, their rules beneath it at
//! `…/rules`, and destination addresses, `/accounts/{account_id}/email/routing/addresses`, with the page behind the link
//! that their owners are sent; and a door
//! for local tests.

mod addresses;
mod dns;
mod local;
mod mail;
mod rule_model;
mod rules;
mod settings;
mod state;
mod trial;
mod verify;
mod zones;

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
    rules::list,
    rules::of_account,
    rules::create,
    rules::get,
    rules::update,
    rules::delete,
    rules::catch_all,
    rules::set_catch_all,
    zones::list,
    dns::list,
    dns::publish,
    dns::unlock,
    dns::remove,
    dns::check,
    dns::checked,
    settings::get,
    settings::put,
    settings::patch,
    settings::enable,
    settings::disable,
    settings::unlock,
    trial::try_address,
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
        .configure(rule_routes)
        .configure(zone_routes)
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

fn zone_routes(config: &mut web::ServiceConfig) {
    let resource =
        |path: &str| answer::resource(&format!("/client/v4/zones/{{zone_id}}/email/routing{path}"));
    config
        .service(
            resource("")
                .route(web::get().to(settings::get))
                .route(web::put().to(settings::put))
                .route(web::patch().to(settings::patch)),
        )
        .service(resource("/enable").route(web::post().to(settings::enable)))
        .service(resource("/disable").route(web::post().to(settings::disable)))
        .service(resource("/unlock").route(web::post().to(settings::unlock)))
        .service(resource("/try").route(web::post().to(trial::try_address)))
        .service(
            resource("/dns")
                .route(web::get().to(dns::list))
                .route(web::post().to(dns::publish))
                .route(web::patch().to(dns::unlock))
                .route(web::delete().to(dns::remove)),
        )
        .service(resource("/check").route(web::get().to(dns::checked)).route(web::post().to(dns::check)));
}

fn rule_routes(config: &mut web::ServiceConfig) {
    let of_account =
        |path: &str| answer::resource(&format!("/client/v4/accounts/{{account_id}}/email/routing/{path}"));
    let of_zone =
        |path: &str| answer::resource(&format!("/client/v4/zones/{{zone_id}}/email/routing/rules{path}"));
    config
        .service(of_account("rules").route(web::get().to(rules::of_account)))
        .service(of_account("zones").route(web::get().to(zones::list)))
        .service(of_zone("").route(web::get().to(rules::list)).route(web::post().to(rules::create)))
        .service(
            of_zone("/catch_all")
                .route(web::get().to(rules::catch_all))
                .route(web::put().to(rules::set_catch_all)),
        )
        .service(
            of_zone("/{rule_id}")
                .route(web::get().to(rules::get))
                .route(web::put().to(rules::update))
                .route(web::delete().to(rules::delete)),
        );
}
