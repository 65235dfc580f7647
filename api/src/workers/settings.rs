//! `…/workers/scripts/{script_name}/settings` and `…/script-settings`: what is said of a Worker beside its code. Bindings
//! and limits are a version's: changing them makes one, which runs at once. What means nothing here (`tags`, `logpush`,
//! `observability`) is kept and told again.

use super::{
    bindings, change, changed,
    form::{self, Form, Part},
    found,
    metadata::Metadata,
    origin, scripts, shown,
};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Body, Known, Lookup,
        objects::workers::{WorkerScriptSettings, WorkerSettings},
    },
    request::{self, body},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_storage::{
    control::{Account, Permission},
    workers::{NewDeployment, NewVersion, Script},
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What clients say of a Worker that means nothing here.
const TOLD_AGAIN: [&str; 4] = ["logpush", "observability", "tags", "tail_consumers"];

/// `GET …/scripts/{script_name}/settings`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/settings",
    tag = "Workers", operation_id = "get_worker_settings",
    responses((status = 200, body = Answer<WorkerSettings>), Known, Lookup),
)]
pub(super) async fn get(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    Ok(answer::success(whole(&*found(&state, &account, &path.1)?)))
}

/// `PATCH …/scripts/{script_name}/settings`: the body is JSON, or has a part `settings` with it. With `bindings`, these and
/// no others; one with nothing but `name` and `type` is that which there is.
#[utoipa::path(
    patch, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/settings",
    tag = "Workers", operation_id = "change_worker_settings",
    request_body = WorkerSettings,
    responses((status = 200, body = Answer<WorkerSettings>), Known, Lookup, Body),
)]
pub(super) async fn patch(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let script = found(&state, &account, &path.1)?;
    let form = if form::is_form(&http) {
        Form::read(&http, &state, payload).await?
    } else {
        let content = state.bodies.read(&http, payload).await?.bytes();
        Form::of(vec![Part { name: "settings".into(), file_name: None, media_type: None, content }])
    };
    let part = form.part("settings").ok_or_else(|| {
        ApiError::schema("settings", "The request needs a part 'settings' that says what is to change.")
    })?;
    let said: Metadata = request::parse(&part.content)?;
    if said.bindings.is_some() {
        rebind(
            &http,
            &caller,
            &state,
            &account,
            &script,
            said.bindings(&form, |reader| reader.read_change())?.only(),
        )
        .await?;
    }
    let told: Map<String, Value> = request::parse(&part.content)?;
    keep(&state, &script, &told).await?;
    Ok(answer::success(whole(&*found(&state, &account, &path.1)?)))
}

/// Has the version that runs go on with other bindings.
async fn rebind(
    http: &HttpRequest,
    caller: &Caller,
    state: &AppState,
    account: &Account,
    script: &Arc<Script>,
    wanted: super::metadata::Bindings,
) -> Result<(), ApiError> {
    let running = script.deployed.clone().ok_or_else(|| ApiError::no_object("version"))?;
    let bindings = wanted.resolve(&running.bindings)?;
    scripts::there_are(state, account, &bindings)?;
    let new = NewVersion { bindings, ..NewVersion::like(&running) };
    let (of, origin) = (Arc::clone(script), origin(http, caller));
    change(state, move |scripts| {
        let version = scripts.upload(&of.account, &of.name, new, origin.clone())?;
        scripts.deploy(&of.account, &of.name, &version.id, NewDeployment::default(), origin)
    })
    .await?;
    changed(state, script);
    Ok(())
}

/// `GET …/scripts/{script_name}/script-settings`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/script-settings",
    tag = "Workers", operation_id = "get_worker_script_settings",
    responses((status = 200, body = Answer<WorkerScriptSettings>), Known, Lookup),
)]
pub(super) async fn get_script(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    Ok(answer::success(of_script(&*found(&state, &account, &path.1)?)))
}

/// `PATCH …/scripts/{script_name}/script-settings`
#[utoipa::path(
    patch, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/script-settings",
    tag = "Workers", operation_id = "change_worker_script_settings",
    request_body = WorkerScriptSettings,
    responses((status = 200, body = Answer<WorkerScriptSettings>), Known, Lookup, Body),
)]
pub(super) async fn patch_script(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let script = found(&state, &account, &path.1)?;
    let told: Map<String, Value> = body(&http, &state, payload).await?;
    keep(&state, &script, &told).await?;
    Ok(answer::success(of_script(&*found(&state, &account, &path.1)?)))
}

/// Keeps what a client says that means nothing here.
async fn keep(state: &AppState, script: &Arc<Script>, told: &Map<String, Value>) -> Result<(), ApiError> {
    let mut settings = script.settings.as_object().cloned().unwrap_or_default();
    for name in TOLD_AGAIN {
        if let Some(value) = told.get(name) {
            settings.insert(name.to_owned(), check(name, value)?);
        }
    }
    let settings = Value::Object(settings);
    if settings != script.settings {
        let of = Arc::clone(script);
        change(state, move |scripts| scripts.set_settings(&of.account, &of.name, &settings)).await?;
    }
    Ok(())
}

fn check(name: &str, value: &Value) -> Result<Value, ApiError> {
    let texts = |list: &Vec<Value>| list.iter().all(Value::is_string);
    let (is_fine, what) = match name {
        "logpush" => (value.is_boolean() || value.is_null(), "true or false"),
        "observability" => (value.is_object() || value.is_null(), "an object"),
        "tags" => (value.as_array().is_some_and(texts) || value.is_null(), "a list of texts"),
        _ => (
            value.is_null() || value.as_array().is_some_and(Vec::is_empty),
            "empty: there are no tail Workers",
        ),
    };
    if is_fine { Ok(value.clone()) } else { Err(ApiError::schema(name, format!("'{name}' must be {what}."))) }
}

fn of_script(script: &Script) -> Value {
    json!({
        "logpush": script.settings.get("logpush").and_then(Value::as_bool).unwrap_or(false),
        "observability": script.settings.get("observability").cloned().unwrap_or_default(),
        "tags": shown::tags(script), "tail_consumers": [],
    })
}

fn whole(script: &Script) -> Value {
    let mut shown = of_script(script);
    shown["usage_model"] = "standard".into();
    shown["placement"] = json!({});
    shown["bindings"] = json!([]);
    if let Some(version) = &script.deployed {
        shown["bindings"] = version.bindings.iter().map(bindings::shown).collect();
        shown["compatibility_date"] = version.compatibility_date.as_str().into();
        shown["compatibility_flags"] = json!(version.compatibility_flags);
        shown["limits"] = shown::limits(version);
    }
    shown
}
