//! `…/workers/services`: Workers by the name that older routes have for them.

use super::{found, scripts, shown};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Known, Lookup,
        objects::workers::{Nothing, Reference, WorkerReferences, WorkerService},
    },
    server::AppState,
};
use actix_web::{HttpResponse, web};
use mailwright_storage::control::Permission;
use serde_json::{Value, json};

/// `GET …/workers/services/{script_name}`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/services/{script_name}",
    tag = "Workers", operation_id = "get_worker_service",
    responses((status = 200, body = Answer<WorkerService>), Known, Lookup),
)]
pub(super) async fn get(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    let script = found(&state, &account, &path.1).map_err(|_| ApiError::no_service())?;
    let (created, modified) = (script.created.to_string(), script.modified.to_string());
    let environment = json!({
        "environment": "production", "created_on": created, "modified_on": modified,
        "script_tag": script.id, "script": shown::script(&script),
    });
    Ok(answer::success(json!({
        "id": script.name.as_str(), "default_environment": environment, "environments": [environment],
        "created_on": created, "modified_on": modified, "usage_model": "standard",
    })))
}

/// `DELETE …/workers/services/{script_name}`: the Worker with all its versions.
#[utoipa::path(
    delete, path = "/client/v4/accounts/{account_id}/workers/services/{script_name}",
    tag = "Workers", operation_id = "remove_worker_service",
    responses((status = 200, body = Answer<Nothing>), Known, Lookup),
)]
pub(super) async fn delete(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let script = found(&state, &account, &path.1).map_err(|_| ApiError::no_service())?;
    scripts::remove(&state, caller.by(), script).await?;
    Ok(answer::success(Value::Null))
}

/// `GET …/workers/scripts/{script_name}/references`: which other Workers need this one; none do.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/references",
    tag = "Workers", operation_id = "list_worker_references",
    responses((status = 200, body = Answer<WorkerReferences>), Known, Lookup),
)]
pub(super) async fn references(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    found(&state, &account, &path.1)?;
    Ok(answer::success(json!({
        "services": { "incoming": [], "outgoing": [], "pages_function": false },
        "durable_objects": [], "dispatch_outbounds": [],
    })))
}

/// `GET …/workers/tails/by-consumer/{script_name}`: whose events go to this Worker; nobody's do.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/tails/by-consumer/{script_name}",
    tag = "Workers", operation_id = "list_worker_tail_producers",
    responses((status = 200, body = Answer<Vec<Reference>>), Known, Lookup),
)]
pub(super) async fn tail_producers(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    found(&state, &account, &path.1)?;
    Ok(answer::success(json!([])))
}
