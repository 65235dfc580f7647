//! `…/workers/scripts/{script_name}/versions`: what was uploaded, whether it runs or not.

use super::{form::Form, found as script_of, metadata::Upload, origin, scripts, shown};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    delivery::blocking,
    openapi::{
        Answer, Body, Input, Known, Lookup,
        objects::workers::{WholeVersion, WorkerUpload, WorkerVersions},
    },
    page::{Page, PageQuery},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_storage::{
    control::Permission,
    workers::{Script, Version, VersionId},
};
use serde_json::json;
use std::sync::Arc;

/// The version of this id.
pub(super) async fn found(state: &AppState, script: &Script, id: &str) -> Result<Arc<Version>, ApiError> {
    let no_version = || ApiError::no_object("version");
    let id: VersionId = id.parse().map_err(|_| no_version())?;
    let (scripts, of) = (state.stores.scripts.clone(), (script.account.clone(), script.name.clone()));
    blocking(move || scripts.version(&of.0, &of.1, &id)?.ok_or_else(no_version)).await
}

/// `GET …/scripts/{script_name}/versions?page=&per_page=`: the newest first.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/versions",
    tag = "Workers", operation_id = "list_worker_versions", params(PageQuery),
    responses((status = 200, body = Answer<WorkerVersions>), Known, Lookup, Input),
)]
pub(super) async fn list(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    let script = script_of(&state, &account, &path.1)?;
    let page = Page::of(&http)?;
    let (scripts, of) = (state.stores.scripts.clone(), (script.account.clone(), script.name.clone()));
    let versions = blocking(move || Ok(scripts.versions(&of.0, &of.1)?)).await?;
    let items: Vec<_> =
        versions.iter().skip(page.skip()).take(page.most()).map(|version| shown::version(version)).collect();
    Ok(answer::success(json!({ "items": items })))
}

/// `POST …/scripts/{script_name}/versions`: another version, which does not run yet. The body is as of a deployment.
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/versions",
    tag = "Workers", operation_id = "upload_worker_version",
    request_body(content = WorkerUpload, content_type = "multipart/form-data"),
    responses((status = 200, body = Answer<WholeVersion>), Known, Lookup, Body),
)]
pub(super) async fn create(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let script = script_of(&state, &account, &path.1)?;
    let upload = Upload::read(&Form::read(&http, &state, payload).await?)?;
    let (version, startup) =
        scripts::add(&state, &account, &script.name, upload, origin(&http, &caller)).await?;
    let mut answer = shown::whole_version(&version);
    answer["startup_time_ms"] = shown::millis(startup).into();
    Ok(answer::success(answer))
}

/// `GET …/scripts/{script_name}/versions/{version_id}`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/versions/{version_id}",
    tag = "Workers", operation_id = "get_worker_version",
    responses((status = 200, body = Answer<WholeVersion>), Known, Lookup),
)]
pub(super) async fn get(
    caller: Caller,
    path: web::Path<(String, String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    let script = script_of(&state, &account, &path.1)?;
    let version = found(&state, &script, &path.2).await?;
    Ok(answer::success(shown::whole_version(&version)))
}
