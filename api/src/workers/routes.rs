//! The routes, and what they are called.

use super::{
    account, deployments, kv, queues, schedules, scripts, secrets, services, settings, subdomain, tail,
    versions,
};
use crate::answer;
use actix_web::{Resource, web};
use utoipa::OpenApi;

/// What the routes are, for the description of the API.
#[derive(OpenApi)]
#[openapi(paths(
    account::get,
    subdomain::of_account,
    subdomain::set_of_account,
    services::get,
    services::delete,
    services::references,
    services::tail_producers,
    scripts::list,
    scripts::get,
    scripts::put,
    scripts::delete,
    scripts::content_v2,
    settings::get,
    settings::patch,
    settings::get_script,
    settings::patch_script,
    deployments::list,
    deployments::create,
    versions::list,
    versions::create,
    versions::get,
    subdomain::get,
    subdomain::set,
    subdomain::delete,
    secrets::list,
    secrets::put,
    secrets::bulk,
    secrets::get,
    secrets::delete,
    schedules::list,
    schedules::put,
    tail::list,
    tail::create,
    tail::delete,
    tail::socket::connect,
    kv::namespaces::list,
    kv::namespaces::create,
    kv::namespaces::get,
    kv::namespaces::rename,
    kv::namespaces::delete,
    kv::keys::list,
    kv::keys::metadata,
    kv::values::get,
    kv::values::put,
    kv::values::delete,
    kv::bulk::put,
    kv::bulk::delete,
    kv::bulk::delete_by_post,
    kv::bulk::get,
    queues::list,
    queues::create,
    queues::get,
    queues::update,
    queues::edit,
    queues::delete,
    queues::consumers::list,
    queues::consumers::create,
    queues::consumers::get,
    queues::consumers::update,
    queues::consumers::delete,
    queues::messages::send,
    queues::messages::send_batch,
    queues::messages::metrics,
    queues::messages::purge,
))]
pub(crate) struct Described;

/// A path of an account's.
fn resource(path: &str) -> Resource {
    answer::resource(&format!("/client/v4/accounts/{{account_id}}/{path}"))
}

/// The routes.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .configure(of_account)
        .configure(of_script)
        .configure(of_versions)
        .configure(kv_routes)
        .configure(queue_routes);
}

fn of_account(config: &mut web::ServiceConfig) {
    config
        .service(resource("workers/account-settings").route(web::get().to(account::get)))
        .service(
            resource("workers/subdomain")
                .route(web::get().to(subdomain::of_account))
                .route(web::put().to(subdomain::set_of_account)),
        )
        .service(
            resource("workers/services/{script_name}")
                .route(web::get().to(services::get))
                .route(web::delete().to(services::delete)),
        )
        .service(
            resource("workers/tails/by-consumer/{script_name}")
                .route(web::get().to(services::tail_producers)),
        )
        .service(resource("workers/scripts").route(web::get().to(scripts::list)));
}

fn of_script(config: &mut web::ServiceConfig) {
    let script = |path: &str| resource(&format!("workers/scripts/{{script_name}}{path}"));
    config
        .service(
            script("")
                .route(web::get().to(scripts::get))
                .route(web::put().to(scripts::put))
                .route(web::delete().to(scripts::delete)),
        )
        .service(script("/references").route(web::get().to(services::references)))
        .service(
            script("/settings").route(web::get().to(settings::get)).route(web::patch().to(settings::patch)),
        )
        .service(
            script("/script-settings")
                .route(web::get().to(settings::get_script))
                .route(web::patch().to(settings::patch_script)),
        )
        .service(
            script("/subdomain")
                .route(web::get().to(subdomain::get))
                .route(web::post().to(subdomain::set))
                .route(web::delete().to(subdomain::delete)),
        )
        .service(script("/secrets").route(web::get().to(secrets::list)).route(web::put().to(secrets::put)))
        .service(script("/secrets-bulk").route(web::patch().to(secrets::bulk)))
        .service(
            script("/secrets/{secret_name}")
                .route(web::get().to(secrets::get))
                .route(web::delete().to(secrets::delete)),
        )
        .service(
            script("/schedules").route(web::get().to(schedules::list)).route(web::put().to(schedules::put)),
        )
        .service(script("/tails").route(web::get().to(tail::list)).route(web::post().to(tail::create)))
        .service(script("/tails/{tail_id}").route(web::delete().to(tail::delete)))
        .service(script("/tails/{tail_id}/connect").route(web::get().to(tail::socket::connect)));
}

fn of_versions(config: &mut web::ServiceConfig) {
    let script = |path: &str| resource(&format!("workers/scripts/{{script_name}}{path}"));
    config
        .service(script("/content/v2").route(web::get().to(scripts::content_v2)))
        .service(
            script("/deployments")
                .route(web::get().to(deployments::list))
                .route(web::post().to(deployments::create)),
        )
        .service(
            script("/versions").route(web::get().to(versions::list)).route(web::post().to(versions::create)),
        )
        .service(script("/versions/{version_id}").route(web::get().to(versions::get)));
}

fn kv_routes(config: &mut web::ServiceConfig) {
    let kv = |path: &str| resource(&format!("storage/kv/namespaces{path}"));
    config
        .service(
            kv("").route(web::get().to(kv::namespaces::list)).route(web::post().to(kv::namespaces::create)),
        )
        .service(
            kv("/{namespace_id}")
                .route(web::get().to(kv::namespaces::get))
                .route(web::put().to(kv::namespaces::rename))
                .route(web::delete().to(kv::namespaces::delete)),
        )
        .service(kv("/{namespace_id}/keys").route(web::get().to(kv::keys::list)))
        .service(kv("/{namespace_id}/metadata/{key_name}").route(web::get().to(kv::keys::metadata)))
        .service(
            kv("/{namespace_id}/values/{key_name}")
                .route(web::get().to(kv::values::get))
                .route(web::put().to(kv::values::put))
                .route(web::delete().to(kv::values::delete)),
        )
        .service(
            kv("/{namespace_id}/bulk")
                .route(web::put().to(kv::bulk::put))
                .route(web::delete().to(kv::bulk::delete)),
        )
        .service(kv("/{namespace_id}/bulk/delete").route(web::post().to(kv::bulk::delete_by_post)))
        .service(kv("/{namespace_id}/bulk/get").route(web::post().to(kv::bulk::get)));
}

fn queue_routes(config: &mut web::ServiceConfig) {
    let queue = |path: &str| resource(&format!("queues{path}"));
    config
        .service(queue("").route(web::get().to(queues::list)).route(web::post().to(queues::create)))
        .service(
            queue("/{queue_id}")
                .route(web::get().to(queues::get))
                .route(web::put().to(queues::update))
                .route(web::patch().to(queues::edit))
                .route(web::delete().to(queues::delete)),
        )
        .service(
            queue("/{queue_id}/consumers")
                .route(web::get().to(queues::consumers::list))
                .route(web::post().to(queues::consumers::create)),
        )
        .service(
            queue("/{queue_id}/consumers/{consumer_id}")
                .route(web::get().to(queues::consumers::get))
                .route(web::put().to(queues::consumers::update))
                .route(web::delete().to(queues::consumers::delete)),
        )
        .service(queue("/{queue_id}/messages").route(web::post().to(queues::messages::send)))
        .service(queue("/{queue_id}/messages/batch").route(web::post().to(queues::messages::send_batch)))
        .service(queue("/{queue_id}/metrics").route(web::get().to(queues::messages::metrics)))
        .service(queue("/{queue_id}/purge").route(web::post().to(queues::messages::purge)));
}
