//! `…/workers/scripts`: Workers, and what they are made of.

use super::{
    change, changed, changed_from, form::Form, found, metadata::Upload, origin, queues, script_name, shown,
};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    delivery::blocking,
    openapi::{
        Answer, Body, Known, Lookup,
        objects::workers::{Nothing, UploadedWorker, Worker, WorkerUpload},
    },
    request::query,
    server::AppState,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderName, HeaderValue},
    web,
};
use mailwright_engine::worker::{Binding, BindingKind, Module, ModuleKind, ScriptName};
use mailwright_storage::{
    control::{Account, By, Permission},
    workers::{NewDeployment, Origin, Script, Version},
};
use mailwright_workers::EventError;
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::Instant;
use utoipa::IntoParams;

/// Most letters of what the runtime says of code that does not start.
const MAX_REASON: usize = 2_000;

/// `GET …/workers/scripts`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/scripts",
    tag = "Workers", operation_id = "list_workers",
    responses((status = 200, body = Answer<Vec<Worker>>), Known, Lookup),
)]
pub(super) async fn list(
    caller: Caller,
    account_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account_id, Permission::WorkersRead)?;
    let scripts = state.stores.scripts.scripts(&account.id);
    Ok(answer::success(scripts.iter().map(|script| shown::script(script)).collect::<Vec<_>>()))
}

/// `PUT …/workers/scripts/{script_name}`: a new version, which runs from now on; the Worker is made with its first. The
/// body is in parts: `metadata` (JSON) and the modules, each with the name by which others import it.
#[utoipa::path(
    put, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}",
    tag = "Workers", operation_id = "deploy_worker",
    request_body(content = WorkerUpload, content_type = "multipart/form-data"),
    responses((status = 200, body = Answer<UploadedWorker>), Known, Lookup, Body),
)]
pub(super) async fn put(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let name = script_name(&path.1)?;
    let upload = Upload::read(&Form::read(&http, &state, payload).await?)?;
    let before = state.stores.scripts.script(&account.id, &name);
    let (version, startup) = add(&state, &account, &name, upload, origin(&http, &caller)).await?;
    let (of, id, origin) = ((account.id.clone(), name.clone()), version.id.clone(), origin(&http, &caller));
    let annotations: BTreeMap<_, _> = [("workers/triggered_by".to_owned(), "upload".to_owned())].into();
    let new = NewDeployment { annotations };
    change(&state, move |scripts| scripts.deploy(&of.0, &of.1, &id, new, origin)).await?;
    changed_from(&state, caller.by(), before, &name, &account.id).await;
    let script = found(&state, &account, name.as_str())?;
    Ok(answer::success(shown::uploaded(&script, &version, startup)))
}

/// Keeps an upload as a version of a Worker. With it comes how long it took to start, as far as that was tried.
pub(super) async fn add(
    state: &AppState,
    account: &Account,
    name: &ScriptName,
    upload: Upload,
    origin: Origin,
) -> Result<(Arc<Version>, Duration), ApiError> {
    let of = (account.id.clone(), name.clone());
    let before = change(state, move |scripts| scripts.latest(&of.0, &of.1)).await?;
    let new = upload.version(before.as_deref())?;
    there_are(state, account, &new.bindings)?;
    let of = (account.id.clone(), name.clone());
    let version = change(state, move |scripts| scripts.upload(&of.0, &of.1, new, origin)).await?;
    let startup = try_to_start(state, account, name, &version).await?;
    Ok((version, startup))
}

/// Starts a version once, and takes it back if its code cannot be started: the first message is too late to find out.
async fn try_to_start(
    state: &AppState,
    account: &Account,
    name: &ScriptName,
    version: &Arc<Version>,
) -> Result<Duration, ApiError> {
    let Some(workers) = &state.workers else { return Ok(Duration::ZERO) };
    let began = Instant::now();
    match workers.try_version(&account.id, name, Arc::clone(version)).await {
        Ok(()) => Ok(began.elapsed()),
        Err(EventError::NotStarted(why)) => {
            let (of, id) = ((account.id.clone(), name.clone()), version.id.clone());
            change(state, move |scripts| scripts.withdraw(&of.0, &of.1, &id)).await?;
            let why: String = why.trim().chars().take(MAX_REASON).collect();
            Err(ApiError::upload("", format!("The Worker does not start, so it is not kept: {why}")))
        }
        // It is not the code's fault: without a runtime, for one, what is uploaded waits for it.
        Err(_) => Ok(Duration::ZERO),
    }
}

/// Refuses bindings to what there is not: the Worker would find out at its first message.
pub(super) fn there_are(state: &AppState, account: &Account, bindings: &[Binding]) -> Result<(), ApiError> {
    for binding in bindings {
        let missing = match &binding.kind {
            BindingKind::Kv(id) => {
                let known = id.parse().ok().and_then(|id| state.stores.kv.namespace(&account.id, &id));
                known.is_none().then(|| {
                    let id: String = id.chars().take(40).collect();
                    format!("KV namespace '{id}' not found: make it with 'wrangler kv namespace create'.")
                })
            }
            BindingKind::Queue { name, .. } => {
                let known = state.stores.queues.queue(&account.id, name);
                known.is_none().then(|| {
                    let name: String = name.chars().take(63).collect();
                    format!("Queue '{name}' not found: make it with 'wrangler queues create'.")
                })
            }
            _ => None,
        };
        if let Some(why) = missing {
            return Err(ApiError::binding("bindings", format!("The binding {}: {why}", binding.name)));
        }
    }
    Ok(())
}

/// `DELETE …/workers/scripts/{script_name}`: with all its versions.
#[utoipa::path(
    delete, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}",
    tag = "Workers", operation_id = "remove_worker",
    responses((status = 200, body = Answer<Nothing>), Known, Lookup),
)]
pub(super) async fn delete(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let script = found(&state, &account, &path.1)?;
    remove(&state, caller.by(), script).await?;
    Ok(answer::success(Value::Null))
}

/// Removes a Worker with all that is its own.
pub(super) async fn remove(state: &AppState, by: By, script: Arc<Script>) -> Result<(), ApiError> {
    let of = (script.account.clone(), script.name.clone());
    change(state, move |scripts| scripts.remove(&of.0, &of.1)).await?;
    changed(state, by, &script).await;
    queues::consumers::leave(state, &script.account, &script.name).await
}

/// `GET …/workers/scripts/{script_name}`: the modules of the version that runs, in parts.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}",
    tag = "Workers", operation_id = "read_worker",
    responses((status = 200, body = String, content_type = "multipart/form-data"), Known, Lookup),
)]
pub(super) async fn get(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    let script = found(&state, &account, &path.1)?;
    content(&state, &script, None).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ContentQuery {
    /// The version; that which runs when none is named.
    version: Option<String>,
}

/// `GET …/workers/scripts/{script_name}/content/v2?version=`: the modules of a version, in parts.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/content/v2",
    tag = "Workers", operation_id = "read_worker_version", params(ContentQuery),
    responses((status = 200, body = String, content_type = "multipart/form-data"), Known, Lookup, crate::openapi::Input),
)]
pub(super) async fn content_v2(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    let script = found(&state, &account, &path.1)?;
    let ContentQuery { version } = query(&http)?;
    content(&state, &script, version.as_deref()).await
}

async fn content(state: &AppState, script: &Script, id: Option<&str>) -> Result<HttpResponse, ApiError> {
    let version = match id {
        Some(id) => super::versions::found(state, script, id).await?,
        None => script.deployed.clone().ok_or_else(|| ApiError::no_object("version"))?,
    };
    let (scripts, of, name) = (state.stores.scripts.clone(), script.account.clone(), script.name.clone());
    let main = version.main_module.clone();
    let modules = blocking(move || Ok(scripts.modules(&of, &name, &version)?)).await?;
    let boundary = format!("mailwright-{}", script.id);
    let body = in_parts(&modules, &boundary);
    let mut answer = HttpResponse::Ok();
    answer.content_type(format!("multipart/form-data; boundary={boundary}"));
    if let Ok(main) = HeaderValue::from_bytes(main.as_bytes()) {
        answer.insert_header((HeaderName::from_static("cf-entrypoint"), main));
    }
    Ok(answer.body(body))
}

/// Modules as a body in parts.
fn in_parts(modules: &[Module], boundary: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(modules.iter().map(|module| module.content.len() + 256).sum());
    for Module { name, kind, content } in modules {
        let name = header_text(name);
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\
             Content-Type: {}\r\n\r\n",
            media_type(*kind)
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    body
}

/// A name as it can stand in a header, quoted or not (WHATWG HTML, section 4.10.22.8).
fn header_text(name: &str) -> String {
    let escaped = |letter: char| match letter {
        '"' => "%22".to_owned(),
        '\r' => "%0D".to_owned(),
        '\n' => "%0A".to_owned(),
        other => other.to_string(),
    };
    name.chars().map(escaped).collect()
}

fn media_type(kind: ModuleKind) -> &'static str {
    match kind {
        ModuleKind::EsModule => "application/javascript+module",
        ModuleKind::CommonJs => "application/javascript",
        ModuleKind::Wasm => "application/wasm",
        ModuleKind::Text => "text/plain",
        ModuleKind::Data => "application/octet-stream",
        ModuleKind::Json => "application/json",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_given_back_in_parts_that_cannot_be_broken_out_of() {
        let modules = [
            Module { name: "a\"\r\nX: y".into(), kind: ModuleKind::EsModule, content: b"one".to_vec() },
            Module { name: "b.wasm".into(), kind: ModuleKind::Wasm, content: vec![0, 1] },
        ];
        let body = String::from_utf8(in_parts(&modules, "B")).unwrap();
        assert_eq!(
            body,
            "--B\r\nContent-Disposition: form-data; name=\"a%22%0D%0AX: y\"; filename=\"a%22%0D%0AX: y\"\r\n\
             Content-Type: application/javascript+module\r\n\r\none\r\n\
             --B\r\nContent-Disposition: form-data; name=\"b.wasm\"; filename=\"b.wasm\"\r\n\
             Content-Type: application/wasm\r\n\r\n\0\u{1}\r\n--B--\r\n"
        );
    }
}
