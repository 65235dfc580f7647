//! What became of mail from the world: `/accounts/{account_id}/email/routing/messages`,
//! `/zones/{zone_id}/email/routing/messages`, and `/delivery/routing/messages` for whoever operates the
//! server.

use super::{
    read::{LiveQuery, PartQuery},
    read_routed::RoutedQuery,
    scope, stream,
};
use crate::{
    access::{Caller, Operator},
    answer::{self, ApiError},
    openapi::{
        Answer, Input, Known, Limited, Lookup,
        objects::{
            activity::{ActivityPage, TimelineEvent},
            routed::{RoutedLine, RoutedMessage},
        },
    },
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_storage::activity::Direction;
use utoipa::OpenApi;

/// What the routes are, for the description of the API.
#[derive(OpenApi)]
#[openapi(paths(
    list,
    list_of_zone,
    list_all,
    get,
    get_of_zone,
    get_any,
    timeline,
    timeline_of_zone,
    timeline_of_any,
    stream_of_account,
    stream_of_zone,
    stream_of_all,
))]
pub(crate) struct Described;

/// The routes.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    let of_account = |path: &str| {
        answer::resource(&format!("/client/v4/accounts/{{account_id}}/email/routing/messages{path}"))
    };
    let of_zone =
        |path: &str| answer::resource(&format!("/client/v4/zones/{{zone_id}}/email/routing/messages{path}"));
    let of_all = |path: &str| answer::resource(&format!("/client/v4/delivery/routing/messages{path}"));
    config
        .service(of_account("").route(web::get().to(list)))
        .service(of_account("/stream").route(web::get().to(stream_of_account)))
        .service(of_account("/{id}").route(web::get().to(get)))
        .service(of_account("/{id}/timeline").route(web::get().to(timeline)))
        .service(of_zone("").route(web::get().to(list_of_zone)))
        .service(of_zone("/stream").route(web::get().to(stream_of_zone)))
        .service(of_zone("/{id}").route(web::get().to(get_of_zone)))
        .service(of_zone("/{id}/timeline").route(web::get().to(timeline_of_zone)))
        .service(of_all("").route(web::get().to(list_all)))
        .service(of_all("/stream").route(web::get().to(stream_of_all)))
        .service(of_all("/{id}").route(web::get().to(get_any)))
        .service(of_all("/{id}/timeline").route(web::get().to(timeline_of_any)));
}

/// `GET …/routing/messages`: mail from the world for the account's addresses, the newest first: a line for each address and destination.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/routing/messages",
    tag = "Activity", operation_id = "list_routed_messages",
    params(RoutedQuery, PartQuery),
    responses((status = 200, body = ActivityPage<RoutedLine>), Known, Lookup, Input),
)]
async fn list(
    http: HttpRequest,
    caller: Caller,
    account: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    super::page(&http, &state, scope::of_account(&caller, &state, &account, Direction::Routing)?).await
}

/// `GET /zones/{zone_id}/email/routing/messages`: mail from the world for the addresses of a zone, the newest first: a line for each address and destination.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/routing/messages",
    tag = "Activity", operation_id = "list_routed_messages_of_zone",
    params(RoutedQuery, PartQuery),
    responses((status = 200, body = ActivityPage<RoutedLine>), Known, Lookup, Input),
)]
async fn list_of_zone(
    http: HttpRequest,
    caller: Caller,
    zone: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    super::page(&http, &state, scope::of_zone(&caller, &state, &zone)?).await
}

/// `GET /delivery/routing/messages`: mail from the world for addresses of all accounts, the newest first: a line for each address and destination.
#[utoipa::path(
    get, path = "/client/v4/delivery/routing/messages",
    tag = "Activity", operation_id = "list_all_routed_messages",
    params(RoutedQuery, PartQuery),
    responses((status = 200, body = ActivityPage<RoutedLine>), Known, Input),
)]
async fn list_all(
    http: HttpRequest,
    _operator: Operator,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    super::page(&http, &state, scope::of_world()).await
}

/// `GET …/routing/messages/{id}`: a message from the world, and what became of it for each address.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/routing/messages/{id}",
    tag = "Activity", operation_id = "show_routed_message",
    responses((status = 200, body = Answer<RoutedMessage>), Known, Lookup),
)]
async fn get(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    super::one(&state, scope::of_account(&caller, &state, &path.0, Direction::Routing)?, &path.1).await
}

/// `GET /zones/{zone_id}/email/routing/messages/{id}`: the same for a zone.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/routing/messages/{id}",
    tag = "Activity", operation_id = "show_routed_message_of_zone",
    responses((status = 200, body = Answer<RoutedMessage>), Known, Lookup),
)]
async fn get_of_zone(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    super::one(&state, scope::of_zone(&caller, &state, &path.0)?, &path.1).await
}

/// `GET /delivery/routing/messages/{id}`: the same for any message.
#[utoipa::path(
    get, path = "/client/v4/delivery/routing/messages/{id}",
    tag = "Activity", operation_id = "show_any_routed_message",
    responses((status = 200, body = Answer<RoutedMessage>), Known, Lookup),
)]
async fn get_any(
    _operator: Operator,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    super::one(&state, scope::of_world(), &id).await
}

/// `GET …/routing/messages/{id}/timeline`: what happened to a message from the world, in order.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/routing/messages/{id}/timeline",
    tag = "Activity", operation_id = "routed_message_timeline",
    params(PartQuery),
    responses((status = 200, body = ActivityPage<TimelineEvent>), Known, Lookup, Input),
)]
async fn timeline(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    super::told(&http, &state, scope::of_account(&caller, &state, &path.0, Direction::Routing)?, &path.1)
        .await
}

/// `GET /zones/{zone_id}/email/routing/messages/{id}/timeline`: the same for a zone.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/routing/messages/{id}/timeline",
    tag = "Activity", operation_id = "routed_message_timeline_of_zone",
    params(PartQuery),
    responses((status = 200, body = ActivityPage<TimelineEvent>), Known, Lookup, Input),
)]
async fn timeline_of_zone(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    super::told(&http, &state, scope::of_zone(&caller, &state, &path.0)?, &path.1).await
}

/// `GET /delivery/routing/messages/{id}/timeline`: the same for any message.
#[utoipa::path(
    get, path = "/client/v4/delivery/routing/messages/{id}/timeline",
    tag = "Activity", operation_id = "any_routed_message_timeline",
    params(PartQuery),
    responses((status = 200, body = ActivityPage<TimelineEvent>), Known, Lookup, Input),
)]
async fn timeline_of_any(
    http: HttpRequest,
    _operator: Operator,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    super::told(&http, &state, scope::of_world(), &id).await
}

/// `GET …/routing/messages/stream`: what happens to mail from the world, as Server-Sent Events. The filters are the list's but for
/// times; `Last-Event-ID` goes on after that event.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/routing/messages/stream",
    tag = "Activity", operation_id = "stream_routed_messages",
    params(RoutedQuery, LiveQuery),
    responses((status = 200, body = String, content_type = "text/event-stream"), Known, Lookup, Input, Limited),
)]
async fn stream_of_account(
    http: HttpRequest,
    caller: Caller,
    account: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let scope = scope::of_account(&caller, &state, &account, Direction::Routing)?;
    stream::begin(&http, state, scope, &caller)
}

/// `GET /zones/{zone_id}/email/routing/messages/stream`: the same for a zone.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/routing/messages/stream",
    tag = "Activity", operation_id = "stream_routed_messages_of_zone",
    params(RoutedQuery, LiveQuery),
    responses((status = 200, body = String, content_type = "text/event-stream"), Known, Lookup, Input, Limited),
)]
async fn stream_of_zone(
    http: HttpRequest,
    caller: Caller,
    zone: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let scope = scope::of_zone(&caller, &state, &zone)?;
    stream::begin(&http, state, scope, &caller)
}

/// `GET /delivery/routing/messages/stream`: the same for all messages.
#[utoipa::path(
    get, path = "/client/v4/delivery/routing/messages/stream",
    tag = "Activity", operation_id = "stream_all_routed_messages",
    params(RoutedQuery, LiveQuery),
    responses((status = 200, body = String, content_type = "text/event-stream"), Known, Input, Limited),
)]
async fn stream_of_all(
    http: HttpRequest,
    caller: Caller,
    _operator: Operator,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let scope = scope::of_world();
    stream::begin(&http, state, scope, &caller)
}
