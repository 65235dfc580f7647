//! `…/workers/scripts/{script_name}/secrets`: what the code may know and nobody reads again. Each change is a version of
//! its own, which runs at once.

use super::{bindings::Reader, change, changed, found, origin};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Body, Known, Lookup,
        objects::workers::{Nothing, WorkerSecret},
    },
    request::body,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_engine::worker::{Binding, BindingKind};
use mailwright_storage::{control::Permission, workers::Script};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};
use utoipa::ToSchema;

/// A secret to be.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewWorkerSecret)]
pub(super) struct SecretBody {
    /// Its name in `env`.
    name: String,
    /// What it says.
    text: String,
    /// `secret_text`.
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// Secrets to be, and not to be.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewWorkerSecrets)]
pub(super) struct SecretsBody {
    /// By their names `{text}`; `null` takes a secret away.
    #[schema(value_type = Object)]
    secrets: BTreeMap<String, Option<SecretText>>,
}

#[derive(Deserialize)]
pub(super) struct SecretText {
    /// What it says.
    text: String,
}

/// `GET …/scripts/{script_name}/secrets`: their names.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/secrets",
    tag = "Workers", operation_id = "list_worker_secrets",
    responses((status = 200, body = Answer<Vec<WorkerSecret>>), Known, Lookup),
)]
pub(super) async fn list(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    let script = found(&state, &account, &path.1)?;
    Ok(answer::success(shown(&script)))
}

/// `PUT …/scripts/{script_name}/secrets {name, text, type?}`: sets one, in place of what had its name.
#[utoipa::path(
    put, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/secrets",
    tag = "Workers", operation_id = "set_worker_secret",
    request_body = SecretBody,
    responses((status = 200, body = Answer<WorkerSecret>), Known, Lookup, Body),
)]
pub(super) async fn put(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let script = found(&state, &account, &path.1)?;
    let SecretBody { name, text, kind } = body(&http, &state, payload).await?;
    if kind.is_some_and(|kind| kind != "secret_text") {
        return Err(ApiError::schema("type", "A secret is of the type 'secret_text'."));
    }
    check_name(&name)?;
    let answer = json!({ "name": name, "type": "secret_text" });
    set(&http, &caller, &state, &script, [(name, text)].into()).await?;
    Ok(answer::success(answer))
}

/// `PATCH …/scripts/{script_name}/secrets-bulk {secrets: {NAME: {text} | null}}`: sets and takes away several.
#[utoipa::path(
    patch, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/secrets-bulk",
    tag = "Workers", operation_id = "change_worker_secrets",
    request_body = SecretsBody,
    responses((status = 200, body = Answer<Vec<WorkerSecret>>), Known, Lookup, Body),
)]
pub(super) async fn bulk(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let script = found(&state, &account, &path.1)?;
    let SecretsBody { secrets } = body(&http, &state, payload).await?;
    let mut set_to = BTreeMap::new();
    let mut gone = Vec::new();
    for (name, secret) in secrets {
        check_name(&name)?;
        match secret {
            Some(SecretText { text }) => drop(set_to.insert(name, text)),
            None => gone.push(name),
        }
    }
    if !set_to.is_empty() {
        set(&http, &caller, &state, &script, set_to).await?;
    }
    for name in gone {
        remove(&http, &caller, &state, &script, name).await?;
    }
    Ok(answer::success(shown(&*found(&state, &account, &path.1)?)))
}

/// `DELETE …/scripts/{script_name}/secrets/{secret_name}`
#[utoipa::path(
    delete, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/secrets/{secret_name}",
    tag = "Workers", operation_id = "remove_worker_secret",
    responses((status = 200, body = Answer<Nothing>), Known, Lookup),
)]
pub(super) async fn delete(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let script = found(&state, &account, &path.1)?;
    remove(&http, &caller, &state, &script, path.into_inner().2).await?;
    Ok(answer::success(Value::Null))
}

/// `GET …/scripts/{script_name}/secrets/{secret_name}`: that there is one.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/secrets/{secret_name}",
    tag = "Workers", operation_id = "get_worker_secret",
    responses((status = 200, body = Answer<WorkerSecret>), Known, Lookup),
)]
pub(super) async fn get(
    caller: Caller,
    path: web::Path<(String, String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    let script = found(&state, &account, &path.1)?;
    let secret = shown(&script).into_iter().find(|secret| secret["name"] == path.2.as_str());
    Ok(answer::success(secret.ok_or_else(|| ApiError::nothing_of_worker("secret"))?))
}

async fn set(
    http: &HttpRequest,
    caller: &Caller,
    state: &AppState,
    script: &Arc<Script>,
    secrets: BTreeMap<String, String>,
) -> Result<(), ApiError> {
    let (of, origin) = (Arc::clone(script), origin(http, caller));
    change(state, move |scripts| scripts.set_secrets(&of.account, &of.name, secrets, origin)).await?;
    changed(state, caller.by(), script).await;
    Ok(())
}

async fn remove(
    http: &HttpRequest,
    caller: &Caller,
    state: &AppState,
    script: &Arc<Script>,
    name: String,
) -> Result<(), ApiError> {
    let (of, origin) = (Arc::clone(script), origin(http, caller));
    change(state, move |scripts| scripts.remove_secret(&of.account, &of.name, &name, origin)).await?;
    changed(state, caller.by(), script).await;
    Ok(())
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let fields: Map<String, Value> =
        [("name".to_owned(), name.into()), ("type".to_owned(), "version_metadata".into())]
            .into_iter()
            .collect();
    Reader { at: "secret".to_owned(), fields: &fields, part: &|_| None }.read().map(drop)
}

fn shown(script: &Script) -> Vec<Value> {
    let bindings = script.deployed.iter().flat_map(|version| &version.bindings);
    let is_secret = |binding: &&Binding| matches!(binding.kind, BindingKind::SecretText(_));
    bindings.filter(is_secret).map(super::bindings::shown).collect()
}
