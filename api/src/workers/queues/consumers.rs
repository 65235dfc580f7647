//! Who handles the messages of a queue: at most one Worker.

use super::{
    found,
    model::{self, ConsumerBody},
    work,
};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Body, Known, Lookup,
        objects::{workers::Nothing, workers_kept::QueueConsumer},
    },
    request::body,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::clock;
use mailwright_engine::worker::ScriptName;
use mailwright_storage::{
    control::{Account, ObjectId, Permission},
    workers::{Consumer, Queue},
};
use serde_json::Value;

/// `GET …/queues/{queue_id}/consumers`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/queues/{queue_id}/consumers",
    tag = "Queues", operation_id = "list_queue_consumers",
    responses((status = 200, body = Answer<Vec<QueueConsumer>>), Known, Lookup),
)]
pub(crate) async fn list(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    let queue = found(&state, &account, &path.1)?;
    let shown: Vec<_> = queue.consumer.iter().map(|one| model::consumer(&queue, one)).collect();
    Ok(answer::success(shown))
}

/// `POST …/queues/{queue_id}/consumers {type, script_name, dead_letter_queue?, settings?}`
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/queues/{queue_id}/consumers",
    tag = "Queues", operation_id = "make_queue_consumer",
    request_body = ConsumerBody,
    responses((status = 200, body = Answer<QueueConsumer>), Known, Lookup, Body),
)]
pub(crate) async fn create(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let queue = found(&state, &account, &path.1)?;
    let draft = body::<ConsumerBody>(&http, &state, payload).await?.draft(None)?;
    there_is(&state, &account, &draft.script)?;
    let made = work(&state, move |queues| queues.add_consumer(&account.id, &queue.name, draft, clock::now()));
    shown(&*made.await?)
}

/// `GET …/queues/{queue_id}/consumers/{consumer_id}`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/queues/{queue_id}/consumers/{consumer_id}",
    tag = "Queues", operation_id = "get_queue_consumer",
    responses((status = 200, body = Answer<QueueConsumer>), Known, Lookup),
)]
pub(crate) async fn get(
    caller: Caller,
    path: web::Path<(String, String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    let queue = found(&state, &account, &path.1)?;
    consumer_of(&queue, &path.2)?;
    shown(&queue)
}

/// `PUT …/queues/{queue_id}/consumers/{consumer_id} {type?, script_name?, dead_letter_queue?, settings?}`: as if it was made
/// now.
#[utoipa::path(
    put, path = "/client/v4/accounts/{account_id}/queues/{queue_id}/consumers/{consumer_id}",
    tag = "Queues", operation_id = "replace_queue_consumer",
    request_body = ConsumerBody,
    responses((status = 200, body = Answer<QueueConsumer>), Known, Lookup, Body),
)]
pub(crate) async fn update(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let queue = found(&state, &account, &path.1)?;
    let consumer = consumer_of(&queue, &path.2)?.clone();
    let draft = body::<ConsumerBody>(&http, &state, payload).await?.draft(Some(&consumer))?;
    there_is(&state, &account, &draft.script)?;
    let changed = work(&state, move |queues| {
        queues.change_consumer(&account.id, &queue.name, &consumer.id, draft, clock::now())
    });
    shown(&*changed.await?)
}

/// `DELETE …/queues/{queue_id}/consumers/{consumer_id}`: messages wait for another.
#[utoipa::path(
    delete, path = "/client/v4/accounts/{account_id}/queues/{queue_id}/consumers/{consumer_id}",
    tag = "Queues", operation_id = "remove_queue_consumer",
    responses((status = 200, body = Answer<Nothing>), Known, Lookup),
)]
pub(crate) async fn delete(
    caller: Caller,
    path: web::Path<(String, String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let queue = found(&state, &account, &path.1)?;
    let id = consumer_of(&queue, &path.2)?.id.clone();
    work(&state, move |queues| queues.remove_consumer(&account.id, &queue.name, &id, clock::now())).await?;
    Ok(answer::success(Value::Null))
}

/// Takes a Worker that is gone away from the queues that it consumed.
pub(in super::super) async fn leave(
    state: &crate::server::AppState,
    account: &ObjectId,
    script: &ScriptName,
) -> Result<(), ApiError> {
    let (account, script) = (account.clone(), script.clone());
    work(state, move |queues| {
        for queue in queues.queues(&account) {
            if let Some(consumer) = queue.consumer.as_ref().filter(|one| one.draft.script == script) {
                queues.remove_consumer(&account, &queue.name, &consumer.id, clock::now())?;
            }
        }
        Ok(())
    })
    .await
}

/// Refuses Workers that there are not.
fn there_is(state: &AppState, account: &Account, script: &ScriptName) -> Result<(), ApiError> {
    if state.stores.scripts.script(&account.id, script).is_some() {
        return Ok(());
    }
    let why = format!("There is no Worker {script} in the account: deploy it first.");
    Err(ApiError::schema("script_name", why))
}

fn consumer_of<'a>(queue: &'a Queue, id: &str) -> Result<&'a Consumer, ApiError> {
    let consumer = queue.consumer.as_ref().filter(|consumer| consumer.id.as_str() == id);
    consumer.ok_or_else(|| ApiError::no_object("consumer"))
}

fn shown(queue: &Queue) -> Result<HttpResponse, ApiError> {
    let consumer = queue.consumer.as_ref().ok_or_else(|| ApiError::no_object("consumer"))?;
    Ok(answer::success(model::consumer(queue, consumer)))
}
