//! `/zones/{zone_id}/email/auth…`: what a zone publishes about its mail.

use super::{change, records::ask};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    delivery::blocking,
    digest::hash,
    openapi::{
        Answer, Body, Input, Known, Lookup,
        objects::dns::{DmarcReporting, SpfInspected},
    },
    request::{body, query},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::sending::{InspectSpf, LookAtZone};
use mailwright_engine::domain_dns::{ApprovedSource, Published, PublishedRecord, PublishedRecords};
use mailwright_storage::control::{DmarcReports, Permission, StoredKey, Zone};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// What a zone's owner wants of reports; at least one of both.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = DmarcReportingChange)]
pub(super) struct EditBody {
    /// Whether reports are wanted.
    enabled: Option<bool>,
    /// Whether the steps that lead there are not to be shown any more.
    skip_wizard: Option<bool>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct InspectQuery {
    /// The id of the SPF record.
    #[param(required)]
    id: Option<String>,
}

/// `GET /zones/{zone_id}/email/auth/dmarc-reports`
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/auth/dmarc-reports",
    tag = "Sending domains", operation_id = "get_dmarc_reports",
    responses((status = 200, body = Answer<DmarcReporting>), Known, Lookup),
)]
pub(super) async fn get(
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::AnalyticsRead)?;
    let (control, id) = (Arc::clone(&state.control), zone.id.clone());
    let reports = blocking(move || Ok(control.dmarc_reports(&id)?)).await?;
    Ok(answer::success(shown(&state, &zone, reports.as_ref(), look(&state, &zone).await?)))
}

/// `PATCH /zones/{zone_id}/email/auth/dmarc-reports {enabled?, skip_wizard?}`
#[utoipa::path(
    patch, path = "/client/v4/zones/{zone_id}/email/auth/dmarc-reports",
    tag = "Sending domains", operation_id = "set_dmarc_reports",
    request_body = EditBody,
    responses((status = 200, body = Answer<DmarcReporting>), Known, Lookup, Body),
)]
pub(super) async fn edit(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::Admin)?;
    let EditBody { enabled, skip_wizard } = body(&http, &state, payload).await?;
    if enabled.is_none() && skip_wizard.is_none() {
        return Err(ApiError::schema("", "Say what to change: 'enabled', 'skip_wizard' or both."));
    }
    let (by, changed) = (caller.by(), zone.clone());
    let reports =
        change(&state, move |control| control.set_dmarc_reports(&changed, enabled, skip_wizard, &by)).await?;
    Ok(answer::success(shown(&state, &zone, Some(&reports), look(&state, &zone).await?)))
}

/// `GET /zones/{zone_id}/email/auth/spf/inspect?id=`: the id of an SPF record that the zone publishes, as the route above
/// has it.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/auth/spf/inspect",
    tag = "Sending domains", operation_id = "inspect_spf",
    params(InspectQuery), responses((status = 200, body = Answer<SpfInspected>), Known, Lookup, Input),
)]
pub(super) async fn inspect(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::AnalyticsRead)?;
    let InspectQuery { id } = query(&http)?;
    let id = id.ok_or_else(|| ApiError::schema("id", "Say which record: 'id' is required."))?;
    let PublishedRecords { spf_records, cname_spf_records, .. } = look(&state, &zone).await?.records;
    let behind = |alias: &PublishedRecord| alias.resolved.as_ref().and_then(|texts| texts.first().cloned());
    let texts = spf_records.iter().map(|record| (record, Some(record.content.clone())));
    let aliases = cname_spf_records.iter().map(|alias| (alias, behind(alias)));
    let found = texts.chain(aliases).find(|(record, _)| record_id(&zone, record) == id);
    let record = found.and_then(|(_, text)| text).ok_or_else(|| ApiError::no_object("SPF record"))?;
    let inspection = ask(&state, InspectSpf { domain: zone.name.to_string(), record }).await?;
    Ok(answer::success(inspection))
}

/// What the zone publishes now.
async fn look(state: &AppState, zone: &Zone) -> Result<Published, ApiError> {
    let domains = state.control.sending_domains_of(&zone.id);
    let key_names = domains.iter().flat_map(|domain| {
        let name = |key: &StoredKey| format!("{}._domainkey.{}", key.selector, domain.name);
        domain.keys.iter().map(name).collect::<Vec<_>>()
    });
    let key_names = key_names.collect();
    ask(state, LookAtZone { zone: zone.name.to_string(), key_names }).await
}

/// As the service shows it. What was never set has no times and no prefix; an empty list of sources is left out.
fn shown(state: &AppState, zone: &Zone, reports: Option<&DmarcReports>, found: Published) -> Value {
    let Published { records, status, sources } = found;
    let mut shown = json!({
        "zone_id": zone.id, "tag": zone.id,
        "enabled": reports.is_some_and(|reports| reports.enabled),
        "skip_wizard": reports.is_some_and(|reports| reports.skip_wizard),
        "records": with_ids(zone, &records),
    });
    if let Some(address) =
        reports.filter(|reports| reports.enabled).and_then(|r| state.reports.address(zone, r))
    {
        shown["rua"] = json!(format!("mailto:{address}"));
    }
    if let Some(DmarcReports { rua_prefix, created, modified, .. }) = reports {
        let (created, modified) = (created.to_string(), modified.to_string());
        shown["rua_prefix"] = json!(rua_prefix);
        (shown["created"], shown["created_at"]) = (json!(created), json!(created));
        (shown["modified"], shown["modified_at"]) = (json!(modified), json!(modified));
    }
    if let Some(status) = status {
        shown["status"] = json!(status);
    }
    if !sources.is_empty() {
        shown["approved_sources"] = sources.iter().map(|source| shown_source(zone, source)).collect();
    }
    shown
}

fn shown_source(zone: &Zone, source: &ApprovedSource) -> Value {
    let tag = name_of([zone.id.as_str(), "source", &source.domain]);
    let slug = source.domain.replace('.', "-");
    json!({ "domain": source.domain, "name": source.domain, "slug": slug, "ips": source.ips, "tag": tag })
}

/// The records with their ids. What was found behind an alias is somebody else's and has none.
fn with_ids(zone: &Zone, records: &PublishedRecords) -> Value {
    let mut lists = json!(records);
    let own = [
        ("spf_records", &records.spf_records),
        ("dkim_records", &records.dkim_records),
        ("dmarc_records", &records.dmarc_records),
        ("bimi_records", &records.bimi_records),
        ("cname_spf_records", &records.cname_spf_records),
        ("cname_dkim_records", &records.cname_dkim_records),
        ("cname_dmarc_records", &records.cname_dmarc_records),
    ];
    for (name, records) in own {
        for (at, record) in records.iter().enumerate() {
            lists[name][at]["id"] = record_id(zone, record).into();
        }
    }
    lists
}

/// What clients call a record: the same for the same record.
fn record_id(zone: &Zone, record: &PublishedRecord) -> String {
    name_of([zone.id.as_str(), record.kind, &record.name, &record.content])
}

fn name_of<const N: usize>(parts: [&str; N]) -> String {
    data_encoding::HEXLOWER.encode(&hash(parts.map(str::as_bytes)))
}
