//! Suspensions: what must not be delivered for now.

use super::{ask, model::SuspensionRow, read};
use crate::{
    access::Operator,
    answer::{self, ApiError},
    openapi::{Answer, Body, Input, Known, Lookup, objects::delivery::Resumed},
    request::{body, query},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::{
    clock,
    control::{Resume, Suspend},
};
use mailwright_storage::control::{Suspension, SuspensionScope};
use serde::Deserialize;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// Most characters of a reason.
const REASON_MAX: usize = 500;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSuspension)]
struct SuspendBody {
    /// `domain:`, `site:`, `source:` or `tenant:` and a name.
    #[schema(pattern = "^(domain|site|source|tenant):.")]
    scope: String,
    /// How long, as `2h`; without it until somebody resumes.
    #[serde(default, rename = "for", with = "humantime_serde")]
    #[schema(value_type = Option<String>)]
    lasting: Option<Duration>,
    /// Why; cut after 500 characters.
    #[serde(default)]
    reason: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ScopeQuery {
    /// `domain:`, `site:`, `source:` or `tenant:` and a name.
    #[param(pattern = "^(domain|site|source|tenant):.")]
    scope: String,
}

/// `GET suspensions`
#[utoipa::path(
    get, path = "/client/v4/delivery/suspensions", tag = "Delivery", operation_id = "list_suspensions",
    responses((status = 200, body = Answer<Vec<SuspensionRow>>), Known),
)]
pub(super) async fn list(_operator: Operator, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let rows: Vec<_> = state.control.suspensions(clock::now()).into_iter().map(row).collect();
    Ok(answer::success(rows))
}

/// `POST suspensions {scope, for, reason}`
#[utoipa::path(
    post, path = "/client/v4/delivery/suspensions", tag = "Delivery", operation_id = "suspend_delivery",
    request_body = SuspendBody, responses((status = 200, body = Answer<SuspensionRow>), Known, Body),
)]
pub(super) async fn suspend(
    http: HttpRequest,
    operator: Operator,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let SuspendBody { scope, lasting, reason } = body(&http, &state, payload).await?;
    let (scope, now): (SuspensionScope, _) = (read("scope", &scope)?, clock::now());
    let suspension = Suspension {
        scope,
        until: lasting.map(|lasting| now.saturating_add(lasting)),
        reason: reason.chars().take(REASON_MAX).collect(),
        by: operator.name,
        created: now,
    };
    ask(&state, Suspend(suspension.clone())).await?;
    Ok(answer::success(row(suspension)))
}

/// `DELETE suspensions?scope=`
#[utoipa::path(
    delete, path = "/client/v4/delivery/suspensions", tag = "Delivery", operation_id = "resume_delivery",
    params(ScopeQuery), responses((status = 200, body = Answer<Resumed>), Known, Lookup, Input),
)]
pub(super) async fn resume(
    http: HttpRequest,
    operator: Operator,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let scope: SuspensionScope = read("scope", &query::<ScopeQuery>(&http)?.scope)?;
    if !ask(&state, Resume { scope: scope.clone(), by: operator.name }).await? {
        return Err(ApiError::nothing_there(format!("{scope} is not suspended.")));
    }
    Ok(answer::success(serde_json::json!({ "scope": scope })))
}

fn row(suspension: Suspension) -> SuspensionRow {
    let Suspension { scope, until, reason, by, created } = suspension;
    let until = until.map(Into::into);
    SuspensionRow { scope: scope.to_string(), until, reason, by, created: created.into() }
}
