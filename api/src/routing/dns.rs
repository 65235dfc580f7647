//! `/zones/{zone_id}/email/routing/dns`: the records of a zone that takes mail; to publish and lock them is to enable it.

use super::state::{self, NameBody};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    manage::records::{ask, shown},
    openapi::{
        Answer, Body, Input, Known, Lookup,
        objects::routing::{RoutingCheck, RoutingRecords, RoutingSettings},
    },
    request::{optional_body, query},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::sending::{Check, Checked, LastCheck, LookAtRouting};
use mailwright_engine::{
    address::Domain,
    domain_dns::{DnsRecord, OnForeign, Purpose, RecordState, RecordStatus, RoutingReport, routing_records},
};
use mailwright_storage::control::{Permission, RoutingZone, Zone};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// The records of this name alone, with what is wrong with them: `{errors, record}`.
    subdomain: Option<String>,
    /// `json`, or `bind` for lines of a zone file.
    #[param(pattern = "^(json|bind)$")]
    #[serde(rename = "format")]
    _format: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RoutingDomainToPublish)]
struct PublishBody {
    /// The zone's own domain, or one below it that is to take mail, too; the zone's own when there is none.
    #[schema(min_length = 1)]
    name: Option<String>,
    /// Whether what others have put in the place of records is replaced. An SPF record is joined to ours in any case.
    #[serde(default)]
    replace: bool,
}

/// `GET /zones/{zone_id}/email/routing/dns?subdomain=&format=`: what is to be published, whether it is or not.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/routing/dns",
    tag = "Email routing", operation_id = "list_routing_records",
    params(ListQuery),
    responses(
        (status = 200, content(
            (Answer<RoutingRecords> = "application/json"), (String = "text/plain"),
        )),
        Known, Lookup, Input
    ),
)]
pub(super) async fn list(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::RoutingRead)?;
    let routing = state.control.routing_zone(&zone.id);
    match query::<ListQuery>(&http)?.subdomain {
        Some(name) => {
            let name = state::named(&zone, Some(&name))?;
            Ok(answer::success(of_name(&state, &zone, routing, name).await?))
        }
        None => shown(&http, &of_zone(&state, &zone, routing.as_deref())),
    }
}

/// What is to be published for what takes mail; for the zone's own domain, if nothing does yet.
fn of_zone(state: &AppState, zone: &Zone, routing: Option<&RoutingZone>) -> Vec<DnsRecord> {
    let settings = &state.settings.sending.records;
    match routing {
        Some(routing) => settings.of_routing(routing),
        None => routing_records(&settings.describe_names(&zone.name, vec![zone.name.clone()], &[])),
    }
}

/// What is to be published for one name, and what the DNS lacks of it.
async fn of_name(
    state: &AppState,
    zone: &Zone,
    routing: Option<Arc<RoutingZone>>,
    name: Domain,
) -> Result<Value, ApiError> {
    let keys = routing.map(|routing| routing.keys.clone()).unwrap_or_default();
    let described = state.settings.sending.records.describe_names(&zone.name, vec![name], &keys);
    let report = ask(state, LookAtRouting(described)).await?;
    let errors: Vec<_> = report.records.iter().filter_map(|status| fault(status, &report)).collect();
    let records: Vec<_> = report.records.iter().map(|status| &status.record).collect();
    Ok(json!({ "errors": errors, "record": records }))
}

/// What is wrong with a record, if anything is.
fn fault(status: &RecordStatus, report: &RoutingReport) -> Option<Value> {
    let record = &status.record;
    let what = match record.purpose {
        Purpose::Routing | Purpose::ReturnPath => "mx",
        Purpose::Spf | Purpose::SharedSpf => "spf",
        Purpose::Dkim => "dkim",
        Purpose::Dmarc => "dmarc",
        Purpose::MtaSts | Purpose::PolicyHost => "mta_sts",
        Purpose::TlsRpt => "tls_rpt",
    };
    let how = match status.state {
        RecordState::Locked => return None,
        RecordState::NotFound => "missing",
        RecordState::Conflict => "conflict",
        RecordState::Unknown => "unknown",
    };
    let told = report.findings.iter().find(|finding| finding.name == record.name);
    let told = told.map(|finding| finding.message.as_str());
    Some(json!({ "code": format!("{what}.{how}"), "missing": record, "message": told }))
}

/// `POST /zones/{zone_id}/email/routing/dns {name?, replace?}`: has the zone, or a domain below it, take mail; publishes
/// and locks its records, where a name server takes updates for them.
#[utoipa::path(
    post, path = "/client/v4/zones/{zone_id}/email/routing/dns",
    tag = "Email routing", operation_id = "publish_routing_records",
    request_body = Option<PublishBody>,
    responses((status = 200, body = Answer<RoutingSettings>), Known, Lookup, Body),
)]
pub(super) async fn publish(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::RoutingEdit)?;
    let PublishBody { name, replace } = optional_body(&http, &state, payload).await?;
    let name = state::named(&zone, name.as_deref())?;
    let on_foreign = if replace { OnForeign::Replace } else { OnForeign::Refuse };
    state::enable(&state, &caller, &zone, name, on_foreign).await
}

/// `PATCH /zones/{zone_id}/email/routing/dns`: unlocks the records.
#[utoipa::path(
    patch, path = "/client/v4/zones/{zone_id}/email/routing/dns",
    tag = "Email routing", operation_id = "unlock_routing_records",
    request_body = Option<NameBody>,
    responses((status = 200, body = Answer<RoutingSettings>), Known, Lookup, Body),
)]
pub(super) async fn unlock(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    super::settings::unlock(http, caller, zone_id, state, payload).await
}

/// `DELETE /zones/{zone_id}/email/routing/dns {name?}`: has the zone, or a domain below it, take no more mail, and takes
/// its records out, where a name server takes updates for them.
#[utoipa::path(
    delete, path = "/client/v4/zones/{zone_id}/email/routing/dns",
    tag = "Email routing", operation_id = "remove_routing_records",
    request_body = Option<NameBody>,
    responses((status = 200, body = Answer<RoutingSettings>), Known, Lookup, Body),
)]
pub(super) async fn remove(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    super::settings::disable(http, caller, zone_id, state, payload).await
}

/// `POST /zones/{zone_id}/email/routing/check`: looks at the DNS now.
#[utoipa::path(
    post, path = "/client/v4/zones/{zone_id}/email/routing/check",
    tag = "Email routing", operation_id = "check_routing",
    responses((status = 200, body = Answer<RoutingCheck>), Known, Lookup, Input),
)]
pub(super) async fn check(
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::RoutingEdit)?;
    let routing = state::known(&state, &zone)?;
    let checked = ask(&state, Check(routing)).await??;
    Ok(answer::success(told(Some(&checked))))
}

/// `GET /zones/{zone_id}/email/routing/check`: what the last look found.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/routing/check",
    tag = "Email routing", operation_id = "get_routing_check",
    responses((status = 200, body = Answer<RoutingCheck>), Known, Lookup),
)]
pub(super) async fn checked(
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::RoutingRead)?;
    let checked = ask(&state, LastCheck(state::known(&state, &zone)?)).await?;
    Ok(answer::success(told(checked.as_deref())))
}

fn told(checked: Option<&Checked<RoutingReport>>) -> Value {
    json!({
        "checked_on": checked.map(|checked| checked.at.to_string()),
        "report": checked.map(|checked| &checked.report),
    })
}
