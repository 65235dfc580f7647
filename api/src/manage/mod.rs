//! What accounts set up: accounts, zones, tokens, and the record of who changed what.
//!
//! Paths and forms are the service's, so that its clients work unchanged.

mod accounts;
mod audit;
mod doctor;
mod email_auth;
mod limits;
pub(crate) mod records;
mod reports;
mod sending;
mod tokens;
mod user;
mod zones;

use crate::{
    answer::{self, ApiError},
    delivery::blocking,
    server::AppState,
};
use actix_web::{Resource, web};
use mailwright_storage::control::{Control, ControlError};
use std::sync::Arc;
use utoipa::OpenApi;

/// A path beneath the API's.
fn resource(path: &str) -> Resource {
    answer::resource(&format!("/client/v4/{path}"))
}

/// What the routes are, for the description of the API.
#[derive(OpenApi)]
#[openapi(paths(
    user::user,
    user::memberships,
    accounts::list,
    accounts::create,
    accounts::get,
    accounts::rename,
    accounts::delete,
    audit::list,
    doctor::examine,
    email_auth::get,
    email_auth::edit,
    email_auth::inspect,
    reports::sources,
    reports::reports,
    reports::tls,
    limits::get,
    limits::put,
    zones::list,
    zones::create,
    zones::get,
    zones::delete,
    records::of_apex,
    records::of_domain,
    records::of_zone,
    records::check,
    records::checked,
    records::publish,
    records::remove,
    sending::zones,
    sending::settings,
    sending::enable,
    sending::disable,
    sending::list,
    sending::create,
    sending::get,
    sending::edit,
    sending::delete,
    sending::rotate,
    tokens::verify,
    tokens::permission_groups,
    tokens::list,
    tokens::create,
    tokens::get,
    tokens::delete,
    tokens::roll,
))]
pub(crate) struct Described;

/// The routes.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("user").route(web::get().to(user::user)))
        .service(resource("memberships").route(web::get().to(user::memberships)))
        .service(
            resource("accounts").route(web::get().to(accounts::list)).route(web::post().to(accounts::create)),
        )
        .service(
            resource("accounts/{account_id}")
                .route(web::get().to(accounts::get))
                .route(web::put().to(accounts::rename))
                .route(web::delete().to(accounts::delete)),
        )
        .service(resource("accounts/{account_id}/audit_logs").route(web::get().to(audit::list)))
        .service(resource("zones").route(web::get().to(zones::list)).route(web::post().to(zones::create)))
        .service(resource("zones/{zone_id}/dns_records").route(web::get().to(records::of_zone)))
        .service(
            resource("zones/{zone_id}")
                .route(web::get().to(zones::get))
                .route(web::delete().to(zones::delete)),
        )
        .configure(sending_routes)
        .service(resource("user/tokens/verify").route(web::get().to(tokens::verify)))
        .service(resource("user/tokens/permission_groups").route(web::get().to(tokens::permission_groups)))
        .service(
            resource("user/tokens").route(web::get().to(tokens::list)).route(web::post().to(tokens::create)),
        )
        .service(
            resource("user/tokens/{token_id}")
                .route(web::get().to(tokens::get))
                .route(web::delete().to(tokens::delete)),
        )
        .service(resource("user/tokens/{token_id}/value").route(web::put().to(tokens::roll)));
}

fn sending_routes(config: &mut web::ServiceConfig) {
    let of_zone = |path: &str| resource(&format!("zones/{{zone_id}}/email/sending{path}"));
    let of_auth = |path: &str| resource(&format!("zones/{{zone_id}}/email/auth{path}"));
    config
        .service(
            of_auth("/dmarc-reports")
                .route(web::get().to(email_auth::get))
                .route(web::patch().to(email_auth::edit)),
        )
        .service(of_auth("/dmarc-reports/sources").route(web::get().to(reports::sources)))
        .service(of_auth("/dmarc-reports/reports").route(web::get().to(reports::reports)))
        .service(of_auth("/tls-reports").route(web::get().to(reports::tls)))
        .service(of_auth("/spf/inspect").route(web::get().to(email_auth::inspect)))
        .service(resource("accounts/{account_id}/email/sending/zones").route(web::get().to(sending::zones)))
        .service(
            resource("accounts/{account_id}/email/sending/limits")
                .route(web::get().to(limits::get))
                .route(web::put().to(limits::put)),
        )
        .service(of_zone("").route(web::get().to(sending::settings)))
        .service(of_zone("/enable").route(web::post().to(sending::enable)))
        .service(of_zone("/disable").route(web::post().to(sending::disable)))
        .service(
            of_zone("/subdomains").route(web::get().to(sending::list)).route(web::post().to(sending::create)),
        )
        .service(
            of_zone("/subdomains/{tag}")
                .route(web::get().to(sending::get))
                .route(web::patch().to(sending::edit))
                .route(web::delete().to(sending::delete)),
        )
        .service(of_zone("/dns").route(web::get().to(records::of_apex)))
        .service(
            of_zone("/subdomains/{tag}/dns")
                .route(web::get().to(records::of_domain))
                .route(web::post().to(records::publish))
                .route(web::delete().to(records::remove)),
        )
        .service(
            of_zone("/subdomains/{tag}/check")
                .route(web::get().to(records::checked))
                .route(web::post().to(records::check)),
        )
        .service(of_zone("/subdomains/{tag}/doctor").route(web::get().to(doctor::examine)))
        .service(of_zone("/subdomains/{tag}/rotate").route(web::post().to(sending::rotate)));
}

/// Changes the configuration. Waits for the disk, so not on the worker's thread.
pub(crate) async fn change<T: Send + 'static>(
    state: &AppState,
    work: impl FnOnce(&Control) -> Result<T, ControlError> + Send + 'static,
) -> Result<T, ApiError> {
    let control = Arc::clone(&state.control);
    blocking(move || Ok(work(&control)?)).await
}
