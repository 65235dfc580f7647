//! What a Worker says while it runs, live: `…/workers/scripts/{script_name}/tails`, and the WebSocket (RFC 6455) behind
//! each, with the subprotocol `trace-v1` of the service's tools.

mod filter;
mod message;
mod reader;
mod register;
pub(super) mod socket;

pub(crate) use register::Tails;

use super::{found, script_name};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Body, Known, Limited, Lookup,
        objects::workers::{Nothing, WorkerTail},
    },
    request::optional_body,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use filter::{Filters, TailBody};
use mailwright_actors::clock;
use mailwright_storage::control::Permission;
use register::Tail;
use serde_json::{Value, json};

/// `GET …/scripts/{script_name}/tails`: those that are read now, or are about to be.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/tails",
    tag = "Workers", operation_id = "list_worker_tails",
    responses((status = 200, body = Answer<Vec<WorkerTail>>), Known, Lookup),
)]
pub(super) async fn list(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    let script = found(&state, &account, &path.1)?;
    let tails = state.tails.of(&account.id, &script.name, clock::now());
    Ok(answer::success(tails.iter().map(|tail| shown(&http, tail, None)).collect::<Vec<_>>()))
}

/// `POST …/scripts/{script_name}/tails {filters?}`: a tail, whose `url` is to be opened within a minute as a WebSocket.
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/tails",
    tag = "Workers", operation_id = "make_worker_tail",
    request_body = Option<TailBody>,
    responses((status = 200, body = Answer<WorkerTail>), Known, Lookup, Body, Limited),
)]
pub(super) async fn create(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    let script = found(&state, &account, &path.1)?;
    let filters = Filters::read(optional_body(&http, &state, payload).await?)?;
    super::running(&state)?;
    let of = (account.id, script.name.clone());
    let tail = state.tails.make(of, filters, caller.token().cloned(), clock::now())?;
    Ok(answer::success(shown(&http, &tail, Some(&tail.secret))))
}

/// `DELETE …/scripts/{script_name}/tails/{tail_id}`
#[utoipa::path(
    delete, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/tails/{tail_id}",
    tag = "Workers", operation_id = "end_worker_tail",
    responses((status = 200, body = Answer<Nothing>), Known, Lookup),
)]
pub(super) async fn delete(
    caller: Caller,
    path: web::Path<(String, String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    let is_ended = |name| state.tails.end(&account.id, &name, &path.2, clock::now());
    if script_name(&path.1).is_ok_and(is_ended) {
        Ok(answer::success(Value::Null))
    } else {
        Err(ApiError::no_object("tail"))
    }
}

/// A tail as answers have it. Its URL is of the host that the client asked.
fn shown(http: &HttpRequest, tail: &Tail, secret: Option<&str>) -> Value {
    let connection = http.connection_info();
    let scheme = if connection.scheme() == "https" { "wss" } else { "ws" };
    let (host, account, script) = (connection.host(), &tail.account, &tail.script);
    let secret = secret.map(|secret| format!("?secret={secret}")).unwrap_or_default();
    json!({
        "id": tail.id, "expires_at": tail.expires.to_string(),
        "url": format!(
            "{scheme}://{host}/client/v4/accounts/{account}/workers/scripts/{script}/tails/{}/connect{secret}",
            tail.id,
        ),
    })
}
