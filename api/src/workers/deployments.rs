//! `…/workers/scripts/{script_name}/deployments`: which version ran when.

use super::{change, changed, found, metadata, origin, shown, versions};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    delivery::blocking,
    openapi::{
        Answer, Body, Known, Lookup,
        objects::workers::{WorkerDeployment, WorkerDeployments},
    },
    request::body,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_storage::{control::Permission, workers::NewDeployment};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewWorkerDeployment)]
pub(super) struct DeploymentBody {
    /// `percentage`.
    strategy: Option<String>,
    /// What is to run: one version, with all there is to do.
    #[schema(min_items = 1, max_items = 1)]
    versions: Vec<Share>,
    /// What is said of it: `workers/message`.
    annotations: Option<BTreeMap<String, Value>>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = WorkerVersionShare)]
struct Share {
    /// The version's id.
    version_id: String,
    /// 100.
    #[schema(minimum = 100, maximum = 100)]
    percentage: f64,
}

/// `GET …/scripts/{script_name}/deployments`: the newest, which is in force, first.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/deployments",
    tag = "Workers", operation_id = "list_worker_deployments",
    responses((status = 200, body = Answer<WorkerDeployments>), Known, Lookup),
)]
pub(super) async fn list(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    let script = found(&state, &account, &path.1)?;
    let scripts = state.stores.scripts.clone();
    let deployments = blocking(move || Ok(scripts.deployments(&script.account, &script.name)?)).await?;
    let shown: Vec<_> = deployments.iter().map(|deployment| shown::deployment(deployment)).collect();
    Ok(answer::success(json!({ "deployments": shown })))
}

/// `POST …/scripts/{script_name}/deployments {strategy, versions: [{version_id, percentage: 100}], annotations?}`: has a
/// version run from now on; messages under way are finished by the one before.
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/deployments",
    tag = "Workers", operation_id = "make_worker_deployment",
    request_body = DeploymentBody,
    responses((status = 200, body = Answer<WorkerDeployment>), Known, Lookup, Body),
)]
pub(super) async fn create(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let script = found(&state, &account, &path.1)?;
    let asked: DeploymentBody = body(&http, &state, payload).await?;
    let version = match (asked.strategy.as_deref(), &asked.versions[..]) {
        // The one number that is meant, however it is written.
        (None | Some("percentage"), [share]) if (share.percentage - 100.0).abs() < f64::EPSILON => {
            versions::found(&state, &script, &share.version_id).await?
        }
        _ => return Err(one_version()),
    };
    let new = NewDeployment { annotations: metadata::annotations(asked.annotations.as_ref())? };
    let (of, id, origin) =
        ((script.account.clone(), script.name.clone()), version.id.clone(), origin(&http, &caller));
    let made = change(&state, move |scripts| scripts.deploy(&of.0, &of.1, &id, new, origin)).await?;
    changed(&state, caller.by(), &script).await;
    Ok(answer::success(shown::deployment(&made)))
}

fn one_version() -> ApiError {
    let why = "One version runs at a time: name it with 'percentage' 100, by the 'strategy' percentage.";
    ApiError::schema("versions", why)
}
