//! `…/queues`: queues of messages for Workers, from outside.

pub(super) mod consumers;
pub(super) mod messages;
pub(super) mod model;

use super::{sentence, stored};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    delivery::blocking,
    openapi::{
        Answer, Body, Input, Known, Lookup, PageOf,
        objects::{workers::Nothing, workers_kept::QueueRow},
    },
    page::{Page, PageQuery},
    request::body,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::clock;
use mailwright_storage::{
    control::{Account, Permission},
    workers::{Queue, QueueDraft, QueueError, QueueStore},
};
use model::QueueBody;
use serde_json::Value;
use std::sync::Arc;

/// The queue of this id in an account.
fn found(state: &AppState, account: &Account, id: &str) -> Result<Arc<Queue>, ApiError> {
    let queue = id.parse().ok().and_then(|id| state.stores.queues.queue_by_id(&account.id, &id));
    queue.ok_or_else(ApiError::no_queue)
}

/// Reads or changes queues. Waits for the disk, so not on the worker's thread.
async fn work<T: Send + 'static>(
    state: &AppState,
    work: impl FnOnce(&QueueStore) -> Result<T, QueueError> + Send + 'static,
) -> Result<T, ApiError> {
    let queues = state.stores.queues.clone();
    blocking(move || Ok(work(&queues)?)).await
}

impl From<QueueError> for ApiError {
    fn from(error: QueueError) -> Self {
        let why = sentence(&error.to_string());
        match error {
            QueueError::NoQueue(_) => Self::no_queue(),
            QueueError::Taken(_) => Self::name_taken(11009, "queue_name", why),
            QueueError::Consumed { .. } => Self::name_taken(11004, "", why),
            QueueError::NoConsumer(_) => Self::no_object("consumer"),
            QueueError::InUse(_)
            | QueueError::Invalid(_)
            | QueueError::TooLong { .. }
            | QueueError::Full { .. } => Self::schema("", why),
            QueueError::Backlog { .. } => Self::unavailable(why),
            QueueError::Storage(error) => stored(&error),
        }
    }
}

/// The names that a request asks for; none for all.
fn names(http: &HttpRequest) -> Result<Vec<String>, ApiError> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(http.query_string());
    let pairs = pairs.map_err(|error| ApiError::schema("", format!("The query is not valid: {error}.")))?;
    Ok(pairs.into_inner().into_iter().filter(|(field, _)| field == "name").map(|(_, name)| name).collect())
}

/// `GET …/queues?name=&page=&per_page=`: by name; `name` may come more than once.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/queues",
    tag = "Queues", operation_id = "list_queues", 
    params(("name" = Option<String>, Query, description = "Only queues of these names."), PageQuery),
    responses((status = 200, body = PageOf<QueueRow>), Known, Lookup, Input),
)]
pub(crate) async fn list(
    http: HttpRequest,
    caller: Caller,
    account_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account_id, Permission::WorkersRead)?;
    let names = names(&http)?;
    let mut queues = state.stores.queues.queues(&account.id);
    queues.retain(|queue| names.is_empty() || names.contains(&queue.name));
    let scripts = state.stores.scripts.scripts(&account.id);
    Ok(Page::of(&http)?.of_all(queues.iter().map(|queue| model::shown(queue, &scripts))))
}

/// `POST …/queues {queue_name, settings?}`
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/queues",
    tag = "Queues", operation_id = "make_queue",
    request_body = QueueBody,
    responses((status = 200, body = Answer<QueueRow>), Known, Lookup, Body),
)]
pub(crate) async fn create(
    http: HttpRequest,
    caller: Caller,
    account_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account_id, Permission::WorkersEdit)?;
    let asked: QueueBody = body(&http, &state, payload).await?;
    let draft = asked.draft(&QueueDraft::default())?;
    let name = asked.name.ok_or_else(|| ApiError::schema("queue_name", "'queue_name' is required."))?;
    let made = work(&state, move |queues| queues.create(&account.id, &name, draft, clock::now())).await?;
    Ok(shown(&state, &made))
}

/// `GET …/queues/{queue_id}`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/queues/{queue_id}",
    tag = "Queues", operation_id = "get_queue_of_workers",
    responses((status = 200, body = Answer<QueueRow>), Known, Lookup),
)]
pub(crate) async fn get(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    Ok(shown(&state, &*found(&state, &account, &path.1)?))
}

/// `PUT …/queues/{queue_id} {settings?}`
#[utoipa::path(
    put, path = "/client/v4/accounts/{account_id}/queues/{queue_id}",
    tag = "Queues", operation_id = "replace_queue",
    request_body = QueueBody,
    responses((status = 200, body = Answer<QueueRow>), Known, Lookup, Body),
)]
pub(crate) async fn update(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    change(http, caller, path, state, payload).await
}

/// `PATCH …/queues/{queue_id} {settings?}`: what is not named stays.
#[utoipa::path(
    patch, path = "/client/v4/accounts/{account_id}/queues/{queue_id}",
    tag = "Queues", operation_id = "change_queue",
    request_body = QueueBody,
    responses((status = 200, body = Answer<QueueRow>), Known, Lookup, Body),
)]
pub(crate) async fn edit(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    change(http, caller, path, state, payload).await
}

async fn change(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let known = found(&state, &account, &path.1)?;
    let asked: QueueBody = body(&http, &state, payload).await?;
    if asked.name.as_ref().is_some_and(|name| *name != known.name) {
        let why = "A queue keeps its name, by which Workers know it: make another.";
        return Err(ApiError::schema("queue_name", why));
    }
    let draft = asked.draft(&known.draft)?;
    let changed =
        work(&state, move |queues| queues.update(&account.id, &known.name, draft, clock::now())).await?;
    Ok(shown(&state, &changed))
}

/// `DELETE …/queues/{queue_id}`: with all that waits in it.
#[utoipa::path(
    delete, path = "/client/v4/accounts/{account_id}/queues/{queue_id}",
    tag = "Queues", operation_id = "remove_queue",
    responses((status = 200, body = Answer<Nothing>), Known, Lookup, Input),
)]
pub(crate) async fn delete(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let known = found(&state, &account, &path.1)?;
    work(&state, move |queues| queues.remove(&account.id, &known.name)).await?;
    Ok(answer::success(Value::Null))
}

fn shown(state: &AppState, queue: &Queue) -> HttpResponse {
    answer::success(model::shown(queue, &state.stores.scripts.scripts(&queue.account)))
}
