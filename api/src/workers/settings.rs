//! `…/workers/scripts/{script_name}/settings` and `…/script-settings`: what is said of a Worker beside its code. Bindings
//! and limits are a version's: changing them makes one, which runs at once. What means nothing here (`tags`, `logpush`,
//! `observability`) is kept and told again.

use super::{
    bindings, change, changed,
    form::{self, Form},
    found,
    metadata::Metadata,
    origin, scripts, shown,
};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Body, Known, Lookup,
        objects::workers::{WorkerBinding, WorkerLimits, WorkerScriptSettings, WorkerSettings},
    },
    request::{self, body},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_storage::{
    control::{Account, Permission},
    workers::{NewDeployment, NewVersion, Origin, Script},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use utoipa::ToSchema;

/// What a client says of a Worker that means nothing here; what it does not say stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = WorkerScriptSettingsChange)]
pub(super) struct ScriptSettingsBody {
    /// Kept.
    logpush: Option<bool>,
    /// Kept.
    #[schema(value_type = Option<Object>)]
    observability: Option<Map<String, Value>>,
    /// What it is to be marked with.
    tags: Option<Vec<String>>,
    /// None: there are no tail Workers.
    #[schema(value_type = Option<Vec<Object>>, max_items = 0)]
    tail_consumers: Option<Vec<Value>>,
}

/// What a client says of a Worker beside its code.
#[derive(Debug, ToSchema)]
#[schema(as = WorkerSettingsChange)]
#[expect(
    dead_code,
    reason = "the metadata of uploads is read in its place; this describes what of it can be changed"
)]
pub(super) struct SettingsBody {
    /// What means nothing here.
    #[serde(flatten)]
    #[schema(inline)]
    script: ScriptSettingsBody,
    /// What it may use from now on; one with nothing but `name` and `type` is that which there is.
    bindings: Option<Vec<WorkerBinding>>,
    /// The day whose behaviour of the runtime it wants.
    compatibility_date: Option<String>,
    /// Changes of that behaviour.
    compatibility_flags: Option<Vec<String>>,
    /// What it may take.
    limits: Option<WorkerLimits>,
}

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
    request_body = SettingsBody,
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
        Form::of_one("settings", state.bodies.read(&http, payload).await?)
    };
    let part = form.part("settings").ok_or_else(|| {
        ApiError::schema("settings", "The request needs a part 'settings' that says what is to change.")
    })?;
    let said: Metadata = request::parse(&part.content)?;
    let told: ScriptSettingsBody = request::parse(&part.content)?;
    told.check()?;
    if said.changes_version() {
        let new = amended(&state, &account, &script, said, &form)?;
        run(&state, &caller, &script, new, origin(&http, &caller)).await?;
    }
    keep(&state, &script, told).await?;
    Ok(answer::success(whole(&*found(&state, &account, &path.1)?)))
}

/// The version that runs, with what is said of it in place of what it was.
fn amended(
    state: &AppState,
    account: &Account,
    script: &Script,
    said: Metadata,
    form: &Form,
) -> Result<NewVersion, ApiError> {
    let running = script.deployed.as_ref().ok_or_else(|| ApiError::no_object("version"))?;
    let mut new = NewVersion::like(running);
    if said.bindings.is_some() {
        #[expect(
            clippy::redundant_closure_for_method_calls,
            reason = "the method is of one lifetime of its type"
        )]
        let wanted = said.bindings(form, |reader| reader.read_change())?.only();
        new.bindings = wanted.resolve(&running.bindings)?;
        scripts::there_are(state, account, &new.bindings)?;
    }
    said.amend(new)
}

/// Has a version run from now on that has the code of one that did.
async fn run(
    state: &AppState,
    caller: &Caller,
    script: &Arc<Script>,
    new: NewVersion,
    origin: Origin,
) -> Result<(), ApiError> {
    let of = Arc::clone(script);
    change(state, move |scripts| {
        let version = scripts.upload(&of.account, &of.name, new, origin.clone())?;
        scripts.deploy(&of.account, &of.name, &version.id, NewDeployment::default(), origin)
    })
    .await?;
    changed(state, caller.by(), script).await;
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
    request_body = ScriptSettingsBody,
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
    let told: ScriptSettingsBody = body(&http, &state, payload).await?;
    told.check()?;
    keep(&state, &script, told).await?;
    Ok(answer::success(of_script(&*found(&state, &account, &path.1)?)))
}

impl ScriptSettingsBody {
    fn check(&self) -> Result<(), ApiError> {
        if self.tail_consumers.as_ref().is_none_or(Vec::is_empty) {
            return Ok(());
        }
        let why = "Tail Workers are not part of this server: leave 'tail_consumers' empty.";
        Err(ApiError::schema("tail_consumers", why))
    }
}

/// Keeps what a client says that means nothing here.
async fn keep(state: &AppState, script: &Arc<Script>, told: ScriptSettingsBody) -> Result<(), ApiError> {
    let mut settings = script.settings.as_object().cloned().unwrap_or_default();
    let said = [
        ("logpush", told.logpush.map(Value::from)),
        ("observability", told.observability.map(Value::Object)),
        ("tags", told.tags.map(Value::from)),
    ];
    for (name, value) in said {
        if let Some(value) = value {
            settings.insert(name.to_owned(), value);
        }
    }
    let settings = Value::Object(settings);
    if settings != script.settings {
        let of = Arc::clone(script);
        change(state, move |scripts| scripts.set_settings(&of.account, &of.name, &settings)).await?;
    }
    Ok(())
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
