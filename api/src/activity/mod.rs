//! What became of each message and recipient: `/accounts/{account_id}/email/sending/messages` for an account, and
//! `/delivery/messages` for whoever operates the server; [`routing`] has the routes of mail from the world.
//!
//! [`scope`] says what a caller may see, [`read`] makes the index's model of requests, [`shown`] the forms of answers,
//! [`story`] the words of a timeline, and `stream` tells it live.

pub(crate) mod contents;
mod known;
mod read;
mod read_routed;
pub(crate) mod routing;
mod scope;
mod shown;
mod slots;
mod story;
mod stream;

pub(crate) use slots::{StreamSlot, StreamSlots};

use crate::{
    access::{Caller, Operator},
    answer::{self, ApiError},
    delivery::blocking,
    openapi::{
        Answer, Input, Known, Lookup,
        objects::activity::{ActivityLine, ActivityPage, SentMessage, TimelineEvent},
    },
    request::query,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_engine::id::QueueId;
use mailwright_storage::{
    StorageError,
    activity::{ActivityLog, Direction, MessageReport, Scope},
};
use read::{FilterQuery, PartQuery, ZoneQuery};
use utoipa::OpenApi;

/// What the routes are, for the description of the API.
#[derive(OpenApi)]
#[openapi(paths(
    list,
    list_all,
    get,
    get_any,
    timeline,
    timeline_of_any,
    stream::of_account,
    stream::of_all,
))]
pub(crate) struct Described;

/// The routes.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    let of_account = |path: &str| {
        answer::resource(&format!("/client/v4/accounts/{{account_id}}/email/sending/messages{path}"))
    };
    let of_all = |path: &str| answer::resource(&format!("/client/v4/delivery/messages{path}"));
    config
        .service(of_account("").route(web::get().to(list)))
        .service(of_account("/stream").route(web::get().to(stream::of_account)))
        .service(of_account("/{id}").route(web::get().to(get)))
        .service(of_account("/{id}/timeline").route(web::get().to(timeline)))
        .service(of_all("").route(web::get().to(list_all)))
        .service(of_all("/stream").route(web::get().to(stream::of_all)))
        .service(of_all("/{id}").route(web::get().to(get_any)))
        .service(of_all("/{id}/timeline").route(web::get().to(timeline_of_any)));
}

/// `GET …/messages`: recipients of the account's messages, the newest message first.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/sending/messages",
    tag = "Activity", operation_id = "list_messages",
    params(FilterQuery, ZoneQuery, PartQuery),
    responses((status = 200, body = ActivityPage<ActivityLine>), Known, Lookup, Input),
)]
async fn list(
    http: HttpRequest,
    caller: Caller,
    account: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let scope = scope::of_account(&caller, &state, &account, Direction::Sending)?;
    page(&http, &state, read::narrowed(&http, scope)?).await
}

/// `GET /delivery/messages`: recipients of all messages, the newest message first.
#[utoipa::path(
    get, path = "/client/v4/delivery/messages",
    tag = "Activity", operation_id = "list_all_messages",
    params(FilterQuery, ZoneQuery, PartQuery),
    responses((status = 200, body = ActivityPage<ActivityLine>), Known, Input),
)]
async fn list_all(
    http: HttpRequest,
    _operator: Operator,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    page(&http, &state, read::narrowed(&http, Scope::default())?).await
}

async fn page(http: &HttpRequest, state: &AppState, scope: Scope) -> Result<HttpResponse, ApiError> {
    let (start, per_page) = query::<PartQuery>(http)?.read(read::filter(http, scope.direction)?)?;
    let direction = scope.direction;
    // Before the page: what it says of completeness must hold for the page.
    let complete_until = state.activity.complete_until();
    let page = with(state, move |log| log.list(&scope, start, per_page)).await?;
    Ok(shown::page(&page, direction, per_page, complete_until))
}

/// `GET …/messages/{id}`: a message with its recipients.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/sending/messages/{id}",
    tag = "Activity", operation_id = "show_message_activity",
    responses((status = 200, body = Answer<SentMessage>), Known, Lookup),
)]
async fn get(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    one(&state, scope::of_account(&caller, &state, &path.0, Direction::Sending)?, &path.1).await
}

/// `GET /delivery/messages/{id}`: any message with its recipients.
#[utoipa::path(
    get, path = "/client/v4/delivery/messages/{id}",
    tag = "Activity", operation_id = "show_any_message",
    responses((status = 200, body = Answer<SentMessage>), Known, Lookup),
)]
async fn get_any(
    id: web::Path<String>,
    _operator: Operator,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    one(&state, Scope::default(), &id).await
}

/// `GET …/messages/{id}/timeline`: what happened to a message, in order.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/sending/messages/{id}/timeline",
    tag = "Activity", operation_id = "message_timeline",
    params(PartQuery),
    responses((status = 200, body = ActivityPage<TimelineEvent>), Known, Lookup, Input),
)]
async fn timeline(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    told(&http, &state, scope::of_account(&caller, &state, &path.0, Direction::Sending)?, &path.1).await
}

/// `GET /delivery/messages/{id}/timeline`: what happened to any message, in order.
#[utoipa::path(
    get, path = "/client/v4/delivery/messages/{id}/timeline",
    tag = "Activity", operation_id = "any_message_timeline",
    params(PartQuery),
    responses((status = 200, body = ActivityPage<TimelineEvent>), Known, Lookup, Input),
)]
async fn timeline_of_any(
    http: HttpRequest,
    id: web::Path<String>,
    _operator: Operator,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    told(&http, &state, Scope::default(), &id).await
}

async fn one(state: &AppState, scope: Scope, id: &str) -> Result<HttpResponse, ApiError> {
    Ok(answer::success(shown::report(&report(state, scope, id).await?)))
}

async fn told(
    http: &HttpRequest,
    state: &AppState,
    scope: Scope,
    id: &str,
) -> Result<HttpResponse, ApiError> {
    let (from, per_page) = query::<PartQuery>(http)?.read_place()?;
    let complete_until = state.activity.complete_until();
    let report = report(state, scope.clone(), id).await?;
    let id = report.message.id;
    let page = with(state, move |log| log.timeline(&scope, id, from, per_page)).await?;
    let page = page.ok_or_else(|| ApiError::no_object("message"))?;
    Ok(shown::timeline(&report, &page, per_page, complete_until))
}

async fn report(state: &AppState, scope: Scope, id: &str) -> Result<MessageReport, ApiError> {
    let id: QueueId = id.parse().map_err(|_| ApiError::no_object("message"))?;
    let found = with(state, move |log| log.message(&scope, id)).await?;
    found.ok_or_else(|| ApiError::no_object("message"))
}

/// Asks the index. It waits for the disk, so not on the worker's thread.
async fn with<T: Send + 'static>(
    state: &AppState,
    work: impl FnOnce(&ActivityLog) -> Result<T, StorageError> + Send + 'static,
) -> Result<T, ApiError> {
    let log = state.activity.clone();
    blocking(move || work(&log).map_err(|error| unreadable(&error))).await
}

fn unreadable(error: &StorageError) -> ApiError {
    tracing::error!(%error, "the activity log was not read");
    ApiError::unavailable(
        "The activity log could not be read; the server's log says why. It may be mended soon.",
    )
}
