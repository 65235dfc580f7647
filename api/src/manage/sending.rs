//! `/zones/{zone_id}/email/sending…`: which domains of a zone send, and how.

use super::{change, records};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Body, Input, Known, Lookup, PageOf,
        objects::{
            self,
            sending::{RemovedDomain, SendingSettings, SendingZone},
        },
    },
    page::{Page, PageQuery},
    request::{body, optional_body, query},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_engine::{address::Domain, time::UnixMillis};
use mailwright_storage::control::{
    By, NewSendingDomain, ObjectId, Permission, SendingDomain, StoredKey, Zone,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = SendingDomainName)]
struct NameBody {
    /// The domain, or `*.` and a domain for all below it; the zone's own when there is none.
    #[schema(min_length = 1)]
    name: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RemovalQuery {
    /// What becomes of its records: `keep` or `remove`.
    #[param(pattern = "^(keep|remove)$")]
    dns: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = SendingDomainEdit)]
struct EditBody {
    /// Whether suppressed recipients are left out, not refused.
    drop_suppressed_recipients: Option<bool>,
    /// Whether the beginning of messages is kept for looking at.
    preview_enabled: Option<bool>,
}

/// What a client calls a sending domain: `example.com` or `*.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    name: Domain,
    wildcard: bool,
}

impl Pattern {
    fn read(text: &str) -> Result<Self, ApiError> {
        let (wildcard, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        let name = Domain::parse(name).map_err(|error| ApiError::schema("name", format!("{error}.")))?;
        Ok(Self { name, wildcard })
    }

    fn is(&self, domain: &SendingDomain) -> bool {
        domain.name == self.name && domain.wildcard == self.wildcard
    }
}

/// `GET /accounts/{account_id}/email/sending/zones?page=&per_page=`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/sending/zones",
    tag = "Sending domains", operation_id = "list_sending_zones",
    params(PageQuery), responses((status = 200, body = PageOf<SendingZone>), Known, Lookup, Input),
)]
pub(super) async fn zones(
    http: HttpRequest,
    caller: Caller,
    account_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account_id, Permission::AnalyticsRead)?;
    let mut rows = Vec::new();
    for zone in state.control.zones() {
        if zone.account_id == account.id && caller.sees(&zone) {
            let domains = state.control.sending_domains_of(&zone.id);
            if !domains.is_empty() {
                rows.push(zone_row(&zone, &domains));
            }
        }
    }
    Ok(Page::of(&http)?.of_all(rows.into_iter()))
}

/// `GET /zones/{zone_id}/email/sending`
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/sending",
    tag = "Sending domains", operation_id = "get_sending_settings",
    responses((status = 200, body = Answer<SendingSettings>), Known, Lookup),
)]
pub(super) async fn settings(
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::AnalyticsRead)?;
    Ok(answer::success(shown_settings(&state, &zone)))
}

/// `POST /zones/{zone_id}/email/sending/enable {name?}`: the zone's own domain, or another of it.
#[utoipa::path(
    post, path = "/client/v4/zones/{zone_id}/email/sending/enable",
    tag = "Sending domains", operation_id = "enable_sending",
    request_body = Option<NameBody>,
    responses((status = 200, body = Answer<SendingSettings>), Known, Lookup, Body),
)]
pub(super) async fn enable(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::Admin)?;
    let pattern = named(&zone, optional_body(&http, &state, payload).await?)?;
    let known = find(&state, &zone, &pattern);
    let (new, by) = (new_domain(&state, &zone, pattern), caller.by());
    change(&state, move |control| match known {
        Some(known) => control.update_sending_domain(&known.tag, &by, |domain| domain.enabled = true),
        None => control.create_sending_domain(new, &by),
    })
    .await?;
    Ok(answer::success(shown_settings(&state, &zone)))
}

/// `POST /zones/{zone_id}/email/sending/disable {name?}`: nothing more is sent, and everything stays as it is set up.
#[utoipa::path(
    post, path = "/client/v4/zones/{zone_id}/email/sending/disable",
    tag = "Sending domains", operation_id = "disable_sending",
    request_body = Option<NameBody>,
    responses((status = 200, body = Answer<SendingSettings>), Known, Lookup, Body),
)]
pub(super) async fn disable(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::Admin)?;
    let pattern = named(&zone, optional_body(&http, &state, payload).await?)?;
    let known = find(&state, &zone, &pattern).ok_or_else(|| ApiError::no_object("sending domain"))?;
    let by = caller.by();
    change(&state, move |control| {
        control.update_sending_domain(&known.tag, &by, |domain| domain.enabled = false)
    })
    .await?;
    Ok(answer::success(shown_settings(&state, &zone)))
}

/// `GET /zones/{zone_id}/email/sending/subdomains`
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/sending/subdomains",
    tag = "Sending domains", operation_id = "list_sending_domains",
    responses((status = 200, body = Answer<Vec<objects::sending::SendingDomain>>), Known, Lookup),
)]
pub(super) async fn list(
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::AnalyticsRead)?;
    let domains = state.control.sending_domains_of(&zone.id);
    Ok(answer::success(domains.iter().map(|domain| shown(domain)).collect::<Vec<_>>()))
}

/// `POST /zones/{zone_id}/email/sending/subdomains {name}`; one that is there already is the answer.
#[utoipa::path(
    post, path = "/client/v4/zones/{zone_id}/email/sending/subdomains",
    tag = "Sending domains", operation_id = "onboard_sending_domain",
    request_body = NameBody,
    responses((status = 200, body = Answer<objects::sending::SendingDomain>), Known, Lookup, Body),
)]
pub(super) async fn create(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::Admin)?;
    let NameBody { name } = body(&http, &state, payload).await?;
    let name = name.ok_or_else(|| ApiError::schema("name", "The field 'name' is required."))?;
    let pattern = Pattern::read(&name)?;
    if let Some(known) = find(&state, &zone, &pattern) {
        return Ok(answer::success(shown(&known)));
    }
    let (new, by) = (new_domain(&state, &zone, pattern), caller.by());
    let domain = change(&state, move |control| control.create_sending_domain(new, &by)).await?;
    Ok(answer::success(shown(&domain)))
}

/// `GET /zones/{zone_id}/email/sending/subdomains/{tag}`
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/sending/subdomains/{tag}",
    tag = "Sending domains", operation_id = "get_sending_domain",
    responses((status = 200, body = Answer<objects::sending::SendingDomain>), Known, Lookup),
)]
pub(super) async fn get(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let domain = tagged(&caller, &state, &path, Permission::AnalyticsRead)?;
    Ok(answer::success(shown(&domain)))
}

/// `PATCH /zones/{zone_id}/email/sending/subdomains/{tag} {drop_suppressed_recipients?, preview_enabled?}`
#[utoipa::path(
    patch, path = "/client/v4/zones/{zone_id}/email/sending/subdomains/{tag}",
    tag = "Sending domains", operation_id = "change_sending_domain",
    request_body = EditBody,
    responses((status = 200, body = Answer<objects::sending::SendingDomain>), Known, Lookup, Body),
)]
pub(super) async fn edit(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let domain = tagged(&caller, &state, &path, Permission::Admin)?;
    let EditBody { drop_suppressed_recipients, preview_enabled } = body(&http, &state, payload).await?;
    let edited = update(&state, caller.by(), &domain, move |domain| {
        domain.drop_suppressed_recipients =
            drop_suppressed_recipients.unwrap_or(domain.drop_suppressed_recipients);
        domain.preview_enabled = preview_enabled.unwrap_or(domain.preview_enabled);
    })
    .await?;
    Ok(answer::success(shown(&edited)))
}

/// `DELETE /zones/{zone_id}/email/sending/subdomains/{tag}?dns=`: nothing is sent from it any more, and its keys are gone.
/// What is published stays, unless `dns=remove` has it taken out at the configured name server first.
#[utoipa::path(
    delete, path = "/client/v4/zones/{zone_id}/email/sending/subdomains/{tag}",
    tag = "Sending domains", operation_id = "remove_sending_domain",
    params(RemovalQuery), responses((status = 200, body = Answer<RemovedDomain>), Known, Lookup, Input),
)]
pub(super) async fn delete(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let domain = tagged(&caller, &state, &path, Permission::Admin)?;
    match query::<RemovalQuery>(&http)?.dns.as_deref() {
        None | Some("keep") => {}
        Some("remove") => drop(records::take_out(&state, Arc::clone(&domain)).await?),
        Some(_) => return Err(ApiError::schema("dns", "Records are to 'keep' or to 'remove'.")),
    }
    let by = caller.by();
    let gone = change(&state, move |control| control.delete_sending_domain(&domain.tag, &by)).await?;
    Ok(answer::success(json!({ "tag": gone.tag })))
}

/// `POST /zones/{zone_id}/email/sending/subdomains/{tag}/rotate`: new keys, which sign once they are published.
#[utoipa::path(
    post, path = "/client/v4/zones/{zone_id}/email/sending/subdomains/{tag}/rotate",
    tag = "Sending domains", operation_id = "rotate_domain_keys",
    responses((status = 200, body = Answer<objects::sending::SendingDomain>), Known, Lookup, Input),
)]
pub(super) async fn rotate(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let domain = tagged(&caller, &state, &path, Permission::Admin)?;
    let (by, names) = (caller.by(), state.settings.sending.names.clone());
    let rotated = change(&state, move |control| control.begin_key_rotation(&domain.tag, &names, &by)).await?;
    Ok(answer::success(shown(&rotated)))
}

async fn update(
    state: &AppState,
    by: By,
    domain: &SendingDomain,
    edit: impl FnOnce(&mut SendingDomain) + Send + 'static,
) -> Result<Arc<SendingDomain>, ApiError> {
    let tag = domain.tag.clone();
    change(state, move |control| control.update_sending_domain(&tag, &by, edit)).await
}

/// The domain that a body names, or the zone's own.
fn named(zone: &Zone, NameBody { name }: NameBody) -> Result<Pattern, ApiError> {
    match name {
        Some(name) => Pattern::read(&name),
        None => Ok(Pattern { name: zone.name.clone(), wildcard: false }),
    }
}

fn find(state: &AppState, zone: &Zone, pattern: &Pattern) -> Option<Arc<SendingDomain>> {
    state.control.sending_domains_of(&zone.id).into_iter().find(|domain| pattern.is(domain))
}

fn new_domain(state: &AppState, zone: &Zone, pattern: Pattern) -> NewSendingDomain {
    let sending = &state.settings.sending;
    NewSendingDomain {
        zone_id: zone.id.clone(),
        name: pattern.name,
        wildcard: pattern.wildcard,
        vouched_for: !sending.verify,
        names: sending.names.clone(),
    }
}

/// The sending domain with this tag in a zone of the caller's.
pub(super) fn tagged(
    caller: &Caller,
    state: &AppState,
    (zone_id, tag): &(String, String),
    permission: Permission,
) -> Result<Arc<SendingDomain>, ApiError> {
    let zone = caller.zone(state, zone_id, permission)?;
    let domain = tag.parse().ok().and_then(|tag: ObjectId| state.control.sending_domain_tagged(&tag));
    let domain = domain.filter(|domain| domain.zone_id == zone.id);
    domain.ok_or_else(|| ApiError::no_object("sending domain"))
}

fn shown_settings(state: &AppState, zone: &Zone) -> Value {
    let domains = state.control.sending_domains_of(&zone.id);
    let mut settings = zone_row(zone, &domains);
    settings["subdomains"] = domains.iter().map(|domain| shown(domain)).collect();
    settings
}

/// A zone by what it sends: its own domain first.
fn zone_row(zone: &Zone, domains: &[Arc<SendingDomain>]) -> Value {
    let apex = domains.iter().find(|domain| domain.name == zone.name && !domain.wildcard);
    let time = |at: Option<UnixMillis>| at.map(|at| at.to_string());
    let status = match apex {
        None => "unconfigured",
        Some(apex) if apex.verified.is_none() => "misconfigured",
        Some(_) => "ready",
    };
    json!({
        "id": zone.id, "tag": zone.id, "name": zone.name, "status": status,
        "enabled": apex.is_some_and(|apex| apex.enabled),
        "created": time(apex.map(|apex| apex.created)), "modified": time(apex.map(|apex| apex.modified)),
    })
}

/// A sending domain as the service shows it; its keys and whether it is verified are ours.
fn shown(domain: &SendingDomain) -> Value {
    let key = |key: &StoredKey| {
        json!({
            "selector": key.selector, "algorithm": key.algorithm.as_str(), "stage": key.stage,
            "since": key.since.to_string(),
        })
    };
    let keys: Vec<_> = domain.keys.iter().map(key).collect();
    let selector = domain.signing_keys().next().map(|key| &key.selector);
    json!({
        "tag": domain.tag, "name": domain.pattern(), "enabled": domain.enabled,
        "dkim_selector": selector, "return_path_domain": domain.return_path_domain,
        "drop_suppressed_recipients": domain.drop_suppressed_recipients,
        "preview_enabled": domain.preview_enabled,
        "verified": domain.verified.map(|at| at.to_string()), "dkim_keys": keys,
        "created": domain.created.to_string(), "modified": domain.modified.to_string(),
    })
}
