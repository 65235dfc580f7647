//! Messages that are sent from outside, and how much waits.

use super::{found, model::whole, work};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Body, Known, Lookup,
        objects::workers_kept::{QueueBacklog, QueueSent},
    },
    request::{body, optional_body},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::clock;
use mailwright_engine::time::UnixMillis;
use mailwright_storage::{
    control::{ObjectId, Permission},
    workers::{BodyKind, NewMessage, QueueStatus},
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// A message to be sent.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewQueueMessage)]
pub(crate) struct MessageBody {
    /// What it says.
    body: Value,
    /// What that is: `json` when nobody says.
    content_type: Option<ContentType>,
    /// Seconds that it waits; as the queue says when nobody does.
    #[schema(value_type = Option<u32>, maximum = 43_200)]
    delay_seconds: Option<f64>,
}

/// Messages to be sent.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewQueueMessages)]
pub(crate) struct MessagesBody {
    /// Which.
    #[schema(min_items = 1, max_items = 100)]
    messages: Vec<MessageBody>,
    /// Seconds that each waits that says nothing itself.
    #[schema(value_type = Option<u32>, maximum = 43_200)]
    delay_seconds: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = QueueMessageType)]
enum ContentType {
    Text,
    Json,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = QueuePurge)]
pub(crate) struct PurgeBody {
    /// That it is meant.
    delete_messages_permanently: bool,
}

impl MessageBody {
    fn read(self, delay: Option<u32>) -> Result<NewMessage, ApiError> {
        let (kind, body) = match (self.content_type, self.body) {
            (Some(ContentType::Text), Value::String(text)) => (BodyKind::Text, text.into_bytes()),
            (Some(ContentType::Text), _) => {
                return Err(ApiError::schema(
                    "body",
                    "A message of the type 'text' has a string as its body.",
                ));
            }
            (None | Some(ContentType::Json), body) => (BodyKind::Json, body.to_string().into_bytes()),
        };
        let delay = whole("delay_seconds", self.delay_seconds)?.or(delay);
        Ok(NewMessage { kind, body, delay })
    }
}

/// `POST …/queues/{queue_id}/messages {body, content_type?, delay_seconds?}`
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/queues/{queue_id}/messages",
    tag = "Queues", operation_id = "send_queue_message",
    request_body = MessageBody,
    responses((status = 200, body = Answer<QueueSent>), Known, Lookup, Body),
)]
pub(crate) async fn send(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let queue = found(&state, &account, &path.1)?;
    let message = body::<MessageBody>(&http, &state, payload).await?.read(None)?;
    put(&state, account.id, queue.name.clone(), vec![message]).await
}

/// `POST …/queues/{queue_id}/messages/batch {messages, delay_seconds?}`: all of them or none.
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/queues/{queue_id}/messages/batch",
    tag = "Queues", operation_id = "send_queue_messages",
    request_body = MessagesBody,
    responses((status = 200, body = Answer<QueueSent>), Known, Lookup, Body),
)]
pub(crate) async fn send_batch(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let queue = found(&state, &account, &path.1)?;
    let MessagesBody { messages, delay_seconds } = body(&http, &state, payload).await?;
    let delay = whole("delay_seconds", delay_seconds)?;
    if messages.is_empty() {
        return Err(ApiError::schema("messages", "There are no messages to send."));
    }
    let messages = messages.into_iter().map(|message| message.read(delay)).collect::<Result<_, _>>()?;
    put(&state, account.id, queue.name.clone(), messages).await
}

async fn put(
    state: &AppState,
    account: ObjectId,
    queue: String,
    messages: Vec<NewMessage>,
) -> Result<HttpResponse, ApiError> {
    let status = work(state, move |queues| {
        queues.send(&account, &queue, messages, clock::now())?;
        queues.status(&account, &queue, clock::now())
    })
    .await?;
    Ok(answer::success(json!({ "metadata": { "metrics": backlog(&status) } })))
}

/// `GET …/queues/{queue_id}/metrics`: how much waits.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/queues/{queue_id}/metrics",
    tag = "Queues", operation_id = "get_queue_backlog",
    responses((status = 200, body = Answer<QueueBacklog>), Known, Lookup),
)]
pub(crate) async fn metrics(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    let queue = found(&state, &account, &path.1)?;
    let status = work(&state, move |queues| queues.status(&account.id, &queue.name, clock::now())).await?;
    Ok(answer::success(backlog(&status)))
}

/// `POST …/queues/{queue_id}/purge {delete_messages_permanently: true}`: removes all that waits.
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/queues/{queue_id}/purge",
    tag = "Queues", operation_id = "purge_queue",
    request_body = Option<PurgeBody>,
    responses((status = 200, body = Answer<super::QueueRow>), Known, Lookup, Body),
)]
pub(crate) async fn purge(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let queue = found(&state, &account, &path.1)?;
    let PurgeBody { delete_messages_permanently } = optional_body(&http, &state, payload).await?;
    if !delete_messages_permanently {
        let why = "This removes all that waits in the queue: say 'delete_messages_permanently' true.";
        return Err(ApiError::schema("delete_messages_permanently", why));
    }
    let name = queue.name.clone();
    work(&state, move |queues| queues.empty(&account.id, &name)).await?;
    Ok(super::shown(&state, &queue))
}

fn backlog(status: &QueueStatus) -> Value {
    json!({
        "backlog_count": status.waiting(), "backlog_bytes": status.octets,
        "oldest_message_timestamp_ms": status.oldest.map_or(0, UnixMillis::as_millis),
    })
}
