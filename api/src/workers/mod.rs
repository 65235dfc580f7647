//! People's own code for their mail, as the service's tools upload it and look after it: `…/workers`, and what it keeps:
//! keys and values at `…/storage/kv`, queues at `…/queues`.
//!
//! Paths and forms are the service's, so that `wrangler` works with nothing but its base URL changed. An upload comes in
//! parts ([`form`]); [`metadata`] says what they are, [`bindings`] what the code may use. What of the service there is not
//! here is refused by its name, never taken and forgotten.

mod account;
mod bindings;
mod deployments;
mod form;
mod kv;
mod metadata;
mod queues;
mod refused;
mod routes;
mod schedules;
mod scripts;
mod secrets;
mod services;
mod settings;
mod shown;
mod subdomain;
mod tail;
mod versions;

pub(crate) use routes::{Described, routes};
pub(crate) use tail::Tails;

use crate::{access::Caller, answer::ApiError, delivery::blocking, server::AppState};
use mailwright_actors::clock;
use mailwright_engine::worker::ScriptName;
use mailwright_storage::{
    control::{Account, By, Noted, ObjectId},
    workers::{Origin, Script, ScriptError, ScriptStore},
};
use mailwright_workers::Workers;
use serde_json::{Value, json};
use std::sync::Arc;

/// The Worker of this name in an account.
fn found(state: &AppState, account: &Account, name: &str) -> Result<Arc<Script>, ApiError> {
    let script =
        name.parse().ok().and_then(|name: ScriptName| state.stores.scripts.script(&account.id, &name));
    script.ok_or_else(ApiError::no_worker)
}

/// The name of a Worker to be, or of one that may be gone.
fn script_name(name: &str) -> Result<ScriptName, ApiError> {
    name.parse().map_err(|error| ApiError::schema("script_name", format!("{error}.")))
}

/// Who runs Workers.
///
/// # Errors
/// 503 where Workers are turned off.
fn running(state: &AppState) -> Result<&Workers, ApiError> {
    state.workers.as_ref().ok_or_else(|| {
        ApiError::unavailable("Workers are not run on this server: its operator has turned them off.")
    })
}

/// Who makes a version or a deployment, and with what.
fn origin(http: &actix_web::HttpRequest, caller: &Caller) -> Origin {
    let agent = http.headers().get(actix_web::http::header::USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let source = match agent.split_once('/').map(|(tool, _)| tool) {
        Some("wrangler") => "wrangler",
        _ => "api",
    };
    Origin { at: clock::now(), author: caller.name(), source: source.to_owned() }
}

/// Changes Workers. Waits for the disk, so not on the worker's thread.
async fn change<T: Send + 'static>(
    state: &AppState,
    work: impl FnOnce(&ScriptStore) -> Result<T, ScriptError> + Send + 'static,
) -> Result<T, ApiError> {
    let scripts = state.stores.scripts.clone();
    blocking(move || Ok(work(&scripts)?)).await
}

/// A Worker that there was is changed; `script` is how it was.
async fn changed(state: &AppState, by: By, script: &Arc<Script>) {
    changed_from(state, by, Some(Arc::clone(script)), &script.name, &script.account).await;
}

/// A Worker was changed: it is on record who did it, and whoever runs it looks at it. `before` is how it was.
async fn changed_from(
    state: &AppState,
    by: By,
    before: Option<Arc<Script>>,
    name: &ScriptName,
    account: &ObjectId,
) {
    look_again(state, account, name);
    let after = state.stores.scripts.script(account, name);
    let noted = Noted {
        kind: "worker",
        object: name.to_string(),
        account_id: Some(account.clone()),
        before: before.map(|script| on_record(&script)),
        after: after.map(|script| on_record(&script)),
    };
    let control = Arc::clone(&state.control);
    if let Err(error) = blocking(move || Ok(control.note(&by, noted)?)).await {
        // It is changed, whatever the record says.
        tracing::error!(worker = %name, ?error, "a change of a Worker is not on record");
    }
}

/// A Worker as the record has it.
fn on_record(script: &Script) -> Value {
    json!({
        "version": script.deployed.as_ref().map(|version| version.id.to_string()),
        "bindings": script.deployed.as_ref().map(|version| {
            version.bindings.iter().map(|binding| binding.name.clone()).collect::<Vec<_>>()
        }),
        "workers_dev": script.workers_dev,
    })
}

/// Has whoever runs a Worker look at it again.
fn look_again(state: &AppState, account: &ObjectId, name: &ScriptName) {
    if let Some(workers) = &state.workers {
        workers.changed(account, name);
    }
    // What it could not have before it may have now.
    state.held.hurry();
}

/// Removes the Workers of an account that is gone, and what they keep.
///
/// # Errors
/// 503 when something of it stays on the disk; nobody can ask for it any more.
pub(crate) async fn forget(state: &AppState, account: ObjectId) -> Result<(), ApiError> {
    let (stores, scripts) = (state.stores.clone(), state.stores.scripts.scripts(&account));
    blocking(move || stores.remove_account(&account).map_err(|error| stored(&error))).await?;
    scripts.iter().for_each(|script| look_again(state, &script.account, &script.name));
    Ok(())
}

impl From<ScriptError> for ApiError {
    fn from(error: ScriptError) -> Self {
        match error {
            ScriptError::NoScript(_) => Self::no_worker(),
            ScriptError::NoVersion { .. } => Self::no_object("version"),
            ScriptError::NoSecret { .. } => Self::nothing_of_worker("secret"),
            ScriptError::Invalid(_) | ScriptError::Full { .. } | ScriptError::Taken(_) => {
                Self::upload("", sentence(&error.to_string()))
            }
            ScriptError::Storage(error) => stored(&error),
        }
    }
}

/// What a database or the file system refused is for our log: it names folders.
fn stored(error: &mailwright_storage::StorageError) -> ApiError {
    tracing::error!(%error, "something of Workers was not read or changed");
    if error.is_disk_full() {
        return ApiError::unavailable("There is no room for more; try again later.");
    }
    ApiError::unavailable("This could not be read or stored; the server's log says why.")
}

/// Words as a sentence of their own.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).chain(['.']).collect()
}
