//! `/accounts/{account_id}/audit_logs`: who changed what.

use crate::{
    access::Caller,
    answer::ApiError,
    delivery::blocking,
    openapi::{Input, Known, Lookup, PageOf, objects},
    page::{Page, PageQuery},
    request::query,
    server::AppState,
    time::read_time,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_storage::control::{Actor, AuditFilter, AuditRecord, Permission};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// Changes from then on: a time, or a day.
    since: Option<String>,
    /// Changes before then.
    before: Option<String>,
    /// Changes of one kind of object, as `zone`.
    #[serde(rename = "resource.type")]
    kind: Option<String>,
    /// Changes of one object.
    #[serde(rename = "resource.id")]
    object: Option<String>,
}

/// `GET /accounts/{account_id}/audit_logs?since=&before=&resource.type=&resource.id=&page=&per_page=`, newest first.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/audit_logs",
    tag = "Accounts", operation_id = "list_audit_logs",
    params(AuditQuery, PageQuery),
    responses((status = 200, body = PageOf<objects::accounts::AuditRecord>), Known, Lookup, Input),
)]
pub(super) async fn list(
    http: HttpRequest,
    caller: Caller,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &id, Permission::Admin)?;
    let AuditQuery { since, before, kind, object } = query(&http)?;
    let time = |field: &str, text: Option<String>| text.map(|text| read_time(field, &text)).transpose();
    let (since, before) = (time("since", since)?, time("before", before)?);
    let filter = AuditFilter { account_id: Some(account.id), since, before, kind, object };
    let (control, page) = (Arc::clone(&state.control), Page::of(&http)?);
    let read = blocking(move || Ok(control.audit_log(&filter, page.skip(), page.most())?));
    let (records, total) = read.await?;
    Ok(page.answer(&records.iter().map(shown).collect::<Vec<_>>(), total))
}

/// A record as the service shows it.
fn shown(record: &AuditRecord) -> Value {
    let (actor, interface) = match &record.actor {
        Actor::Server => (json!({ "type": "system", "id": null }), "server"),
        Actor::Local { uid } => (json!({ "type": "user", "id": format!("uid {uid}") }), "CLI"),
        Actor::Token { id, name } => (json!({ "type": "user", "id": id, "name": name }), "API"),
    };
    let mut actor = actor;
    actor["ip"] = json!(record.from);
    json!({
        "id": record.id, "when": record.at.to_string(),
        "action": { "type": record.action.as_str(), "result": true },
        "actor": actor, "interface": interface, "metadata": {},
        "owner": { "id": record.account_id },
        "resource": { "type": record.kind, "id": record.object },
        "oldValue": record.before.as_ref().map(Value::to_string),
        "newValue": record.after.as_ref().map(Value::to_string),
        "oldValueJson": record.before, "newValueJson": record.after,
    })
}
