//! `…/workers/scripts/{script_name}/schedules`: there are none, and nobody is told otherwise.

use super::found;
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Body, Known, Lookup,
        objects::workers::{Schedule, WorkerSchedules},
    },
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_storage::control::Permission;
use serde_json::{Value, json};

/// `GET …/scripts/{script_name}/schedules`: none.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/schedules",
    tag = "Workers", operation_id = "list_worker_schedules",
    responses((status = 200, body = Answer<WorkerSchedules>), Known, Lookup),
)]
pub(super) async fn list(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    found(&state, &account, &path.1)?;
    Ok(answer::success(json!({ "schedules": [] })))
}

/// `PUT …/scripts/{script_name}/schedules`: an empty list; any other is refused, since nothing would come of it.
#[utoipa::path(
    put, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/schedules",
    tag = "Workers", operation_id = "set_worker_schedules",
    request_body(content = Vec<Schedule>, content_type = "application/json"),
    responses((status = 200, body = Answer<WorkerSchedules>), Known, Lookup, Body),
)]
pub(super) async fn put(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    found(&state, &account, &path.1)?;
    let body = state.bodies.read(&http, payload).await?;
    match serde_json::from_slice::<Value>(body.as_ref()) {
        Ok(Value::Array(list)) if list.is_empty() => Ok(answer::success(json!({ "schedules": [] }))),
        Ok(Value::Array(_)) => {
            let why = "Cron triggers are not part of this server: leave 'triggers.crons' empty, and have the Worker \
                called from outside, by cron and curl for one.";
            Err(ApiError::schema("", why))
        }
        _ => Err(ApiError::schema("", "The request body must be a list of schedules, as JSON.")),
    }
}
