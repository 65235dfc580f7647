//! What is published for a sending domain, what is to be, and what there is to mend.

use super::sending::tagged;
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Body, Input, Known, Lookup,
        objects::dns::{DnsRecord as Record, DomainCheck, RecordChanges, ZoneRecord},
    },
    request::{optional_body, query},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, http::header::ContentType, web};
use mailwright_actors::sending::{
    Check, CheckError, Checked, DomainChecker, LastCheck, PublishRecords, RemoveRecords,
};
use mailwright_engine::{
    domain_dns::{Change, DnsRecord, DomainReport, OnForeign, RecordState, RecordStatus, Update, zone_lines},
    time::UnixMillis,
};
use mailwright_storage::control::{Permission, SendingDomain};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FormatQuery {
    /// `json`, or `bind` for lines of a zone file.
    #[param(pattern = "^(json|bind)$")]
    format: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
struct PublishBody {
    /// Whether what others have put in the place of records is replaced.
    #[serde(default)]
    replace: bool,
}

/// `GET /zones/{zone_id}/email/sending/dns?format=`: the records of the zone's own domain.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/sending/dns",
    tag = "Sending domains", operation_id = "list_apex_records",
    params(FormatQuery),
    responses(
        (status = 200, content((Answer<Vec<Record>> = "application/json"), (String = "text/plain"))),
        Known, Lookup, Input
    ),
)]
pub(super) async fn of_apex(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::AnalyticsRead)?;
    let domains = state.control.sending_domains_of(&zone.id);
    let apex = domains.iter().find(|domain| domain.name == zone.name && !domain.wildcard);
    let apex = apex.ok_or_else(|| ApiError::no_object("sending domain"))?;
    shown(&http, &state.settings.sending.records.of(apex))
}

/// `GET …/subdomains/{tag}/dns?format=`: as JSON, or with `format=bind` as lines for a zone file.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/sending/subdomains/{tag}/dns",
    tag = "Sending domains", operation_id = "list_domain_records",
    params(FormatQuery),
    responses(
        (status = 200, content((Answer<Vec<Record>> = "application/json"), (String = "text/plain"))),
        Known, Lookup, Input
    ),
)]
pub(super) async fn of_domain(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let domain = tagged(&caller, &state, &path, Permission::AnalyticsRead)?;
    shown(&http, &state.settings.sending.records.of(&domain))
}

/// Records as JSON or as lines for a zone file, as the query wants them.
pub(crate) fn shown(http: &HttpRequest, records: &[DnsRecord]) -> Result<HttpResponse, ApiError> {
    match query::<FormatQuery>(http)?.format.as_deref() {
        None | Some("json") => Ok(answer::success(records)),
        Some("bind") => {
            Ok(HttpResponse::Ok().content_type(ContentType::plaintext()).body(zone_lines(records)))
        }
        Some(_) => Err(ApiError::schema("format", "The format is 'json' or 'bind'.")),
    }
}

/// `GET /zones/{zone_id}/dns_records`: every record of the zone's sending domains and of its routing, and where it
/// stands.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/dns_records",
    tag = "Zones", operation_id = "list_zone_records",
    responses((status = 200, body = Answer<Vec<ZoneRecord>>), Known, Lookup),
)]
pub(super) async fn of_zone(
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::AnalyticsRead)?;
    let settings = &state.settings.sending.records;
    let mut rows = Vec::new();
    for domain in state.control.sending_domains_of(&zone.id) {
        let checked = ask(&state, LastCheck(Arc::clone(&domain))).await?;
        let found = checked.as_ref().map(|checked| (checked.at, &checked.report.records[..]));
        let tag = json!(domain.tag);
        rows.extend(settings.of(&domain).iter().map(|record| row("sending", &tag, record, found)));
    }
    if let Some(routing) = state.control.routing_zone(&zone.id).filter(|routing| routing.enabled) {
        let checked = ask(&state, LastCheck(Arc::clone(&routing))).await?;
        let found = checked.as_ref().map(|checked| (checked.at, &checked.report.records[..]));
        let records = settings.of_routing(&routing);
        rows.extend(records.iter().map(|record| row("routing", &Value::Null, record, found)));
    }
    Ok(answer::success(rows))
}

/// A record by what needs it, and where a look `found` it to stand.
fn row(
    service: &str,
    sending_domain: &Value,
    record: &DnsRecord,
    found: Option<(UnixMillis, &[RecordStatus])>,
) -> Value {
    let known = found.and_then(|(_, records)| records.iter().find(|one| one.record == *record));
    let state = known.map_or(RecordState::Unknown, |known| known.state);
    let mut row = json!(record);
    row["state"] = json!(state);
    row["locked"] = (state == RecordState::Locked).into();
    row["service"] = service.into();
    row["sending_domain"] = sending_domain.clone();
    row["checked_on"] = json!(found.map(|(at, _)| at.to_string()));
    row
}

/// `POST …/subdomains/{tag}/check`: looks at the DNS now; a domain that is found in order is verified from then on.
#[utoipa::path(
    post, path = "/client/v4/zones/{zone_id}/email/sending/subdomains/{tag}/check",
    tag = "Sending domains", operation_id = "check_domain",
    responses((status = 200, body = Answer<DomainCheck>), Known, Lookup, Input),
)]
pub(super) async fn check(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let domain = tagged(&caller, &state, &path, Permission::Admin)?;
    let checked = ask(&state, Check(Arc::clone(&domain))).await??;
    Ok(answer::success(report(&state, &domain, Some(&checked))))
}

/// `GET …/subdomains/{tag}/check`: what the last look found.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/sending/subdomains/{tag}/check",
    tag = "Sending domains", operation_id = "get_domain_check",
    responses((status = 200, body = Answer<DomainCheck>), Known, Lookup),
)]
pub(super) async fn checked(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let domain = tagged(&caller, &state, &path, Permission::AnalyticsRead)?;
    let checked = ask(&state, LastCheck(Arc::clone(&domain))).await?;
    Ok(answer::success(report(&state, &domain, checked.as_deref())))
}

fn report(state: &AppState, domain: &SendingDomain, checked: Option<&Checked<DomainReport>>) -> Value {
    // It may have been verified just now.
    let domain = state.control.sending_domain_tagged(&domain.tag);
    json!({
        "checked_on": checked.map(|checked| checked.at.to_string()),
        "verified": domain.and_then(|domain| domain.verified).map(|at| at.to_string()),
        "report": checked.map(|checked| &checked.report),
    })
}

/// `POST …/subdomains/{tag}/dns {replace?}`: publishes the records at the configured name server. What others have put
/// in their place is left alone, and nothing is done then, unless `replace` says otherwise.
#[utoipa::path(
    post, path = "/client/v4/zones/{zone_id}/email/sending/subdomains/{tag}/dns",
    tag = "Sending domains", operation_id = "publish_domain_records",
    request_body = Option<PublishBody>,
    responses((status = 200, body = Answer<RecordChanges>), Known, Lookup, Body),
)]
pub(super) async fn publish(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let domain = tagged(&caller, &state, &path, Permission::Admin)?;
    let PublishBody { replace } = optional_body(&http, &state, payload).await?;
    let on_foreign = if replace { OnForeign::Replace } else { OnForeign::Refuse };
    let plan = ask(&state, PublishRecords { of: domain, on_foreign }).await??;
    let mut done = changes(&plan.update);
    done["kept"] = json!(plan.kept);
    Ok(answer::success(done))
}

/// `DELETE …/subdomains/{tag}/dns`: takes the records out at the configured name server, and leaves what is not exactly
/// ours.
#[utoipa::path(
    delete, path = "/client/v4/zones/{zone_id}/email/sending/subdomains/{tag}/dns",
    tag = "Sending domains", operation_id = "remove_domain_records",
    responses((status = 200, body = Answer<RecordChanges>), Known, Lookup, Input),
)]
pub(super) async fn remove(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let domain = tagged(&caller, &state, &path, Permission::Admin)?;
    Ok(answer::success(take_out(&state, domain).await?))
}

/// Takes a domain's records out at the configured name server.
pub(super) async fn take_out(state: &AppState, domain: Arc<SendingDomain>) -> Result<Value, ApiError> {
    Ok(changes(&ask(state, RemoveRecords { of: domain, but: None }).await??))
}

fn changes(update: &Update) -> Value {
    let row = |change: &Change| {
        let (done, record) = match change {
            Change::Add(record) => ("added", record),
            Change::Remove(found) => ("removed", &found.record),
        };
        json!({ "change": done, "type": record.kind, "name": record.name, "content": record.content })
    };
    json!({ "changes": update.changes.iter().map(row).collect::<Vec<_>>() })
}

/// Asks who looks after the domains.
pub(crate) async fn ask<M>(state: &AppState, message: M) -> Result<M::Result, ApiError>
where
    M: actix::Message<Result: Send> + Send + 'static,
    DomainChecker: actix::Handler<M>,
    <DomainChecker as actix::Actor>::Context: actix::dev::ToEnvelope<DomainChecker, M>,
{
    let answered = state.domains.send(message).await;
    answered
        .map_err(|_| ApiError::unavailable("Domains are not looked after now; the server's log says why."))
}

impl From<CheckError> for ApiError {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Gone => Self::no_object("domain"),
            CheckError::Control(error) => error.into(),
            // What the name server said is for whoever configured it, and it is theirs.
            CheckError::NoUpdater(_) | CheckError::Update(_) => Self::schema("", format!("{error}.")),
        }
    }
}
