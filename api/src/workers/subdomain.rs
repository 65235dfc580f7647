//! Whether a Worker answers requests under a host name of its own, and what the account's names end in.

use super::{change, found};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Body, Known, Lookup,
        objects::workers::{AccountSubdomain, WorkerSubdomain},
    },
    request::body,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_storage::{
    control::Permission,
    workers::{Host, Script},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = WorkerSubdomainChange)]
pub(super) struct SubdomainBody {
    /// Whether it answers under its own host name.
    enabled: bool,
    /// Whether its versions do.
    previews_enabled: Option<bool>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = AccountSubdomainChange)]
pub(super) struct LabelBody {
    /// A label of a host name.
    subdomain: String,
}

/// `GET …/workers/subdomain`: what the host names of the account's Workers end in; its id when nobody has chosen.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/subdomain",
    tag = "Workers", operation_id = "get_workers_subdomain",
    responses((status = 200, body = Answer<AccountSubdomain>), Known, Lookup),
)]
pub(super) async fn of_account(
    caller: Caller,
    account_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account_id, Permission::WorkersRead)?;
    let label = state.stores.scripts.subdomain(&account.id);
    Ok(answer::success(json!({ "subdomain": label.unwrap_or_else(|| account.id.to_string()) })))
}

/// `PUT …/workers/subdomain {subdomain}`
#[utoipa::path(
    put, path = "/client/v4/accounts/{account_id}/workers/subdomain",
    tag = "Workers", operation_id = "set_workers_subdomain",
    request_body = LabelBody,
    responses((status = 200, body = Answer<AccountSubdomain>), Known, Lookup, Body),
)]
pub(super) async fn set_of_account(
    http: HttpRequest,
    caller: Caller,
    account_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account_id, Permission::WorkersEdit)?;
    let LabelBody { subdomain } = body(&http, &state, payload).await?;
    let answer = json!({ "subdomain": subdomain.to_ascii_lowercase() });
    change(&state, move |scripts| scripts.set_subdomain(&account.id, &subdomain)).await?;
    Ok(answer::success(answer))
}

/// `GET …/scripts/{script_name}/subdomain`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/subdomain",
    tag = "Workers", operation_id = "get_worker_subdomain",
    responses((status = 200, body = Answer<WorkerSubdomain>), Known, Lookup),
)]
pub(super) async fn get(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    Ok(answer::success(shown(&*found(&state, &account, &path.1)?)))
}

/// `POST …/scripts/{script_name}/subdomain {enabled, previews_enabled?}`
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/subdomain",
    tag = "Workers", operation_id = "set_worker_subdomain",
    request_body = SubdomainBody,
    responses((status = 200, body = Answer<WorkerSubdomain>), Known, Lookup, Body),
)]
pub(super) async fn set(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let script = found(&state, &account, &path.1)?;
    let SubdomainBody { enabled, previews_enabled } = body(&http, &state, payload).await?;
    let host = Host { workers_dev: enabled, previews: previews_enabled.unwrap_or(script.previews) };
    let of = Arc::clone(&script);
    let script = change(&state, move |scripts| scripts.set_host(&of.account, &of.name, host)).await?;
    Ok(answer::success(shown(&script)))
}

/// `DELETE …/scripts/{script_name}/subdomain`: it answers under no host name.
#[utoipa::path(
    delete, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/subdomain",
    tag = "Workers", operation_id = "remove_worker_subdomain",
    responses((status = 200, body = Answer<WorkerSubdomain>), Known, Lookup),
)]
pub(super) async fn delete(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let of = found(&state, &account, &path.1)?;
    let host = Host { workers_dev: false, previews: false };
    let script = change(&state, move |scripts| scripts.set_host(&of.account, &of.name, host)).await?;
    Ok(answer::success(shown(&script)))
}

fn shown(script: &Script) -> Value {
    json!({ "enabled": script.workers_dev, "previews_enabled": script.previews })
}
