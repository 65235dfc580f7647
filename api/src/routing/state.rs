//! What a zone's routing is, and how it comes to be on, off and unlocked.

use crate::{
    access::Caller,
    answer::{self, ApiError},
    manage::{change, records::ask},
    server::AppState,
};
use actix_web::HttpResponse;
use mailwright_actors::{
    clock,
    sending::{Check, CheckError, LastCheck, PublishRecords, RemoveRecords},
};
use mailwright_engine::{
    address::Domain,
    domain_dns::{DomainState, OnForeign, RoutingStatus},
};
use mailwright_storage::control::{RoutedSubdomain, RoutingZone, Zone};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use utoipa::ToSchema;

/// How long an answer waits for a look at the DNS. It goes on without whoever waited.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RoutingDomainName)]
pub(super) struct NameBody {
    /// The zone's own domain, or one below it; the zone's own when there is none.
    #[schema(min_length = 1)]
    pub(super) name: Option<String>,
}

/// The domain of `zone` that a client means; the zone's own when none is named.
pub(super) fn named(zone: &Zone, name: Option<&str>) -> Result<Domain, ApiError> {
    let Some(name) = name else { return Ok(zone.name.clone()) };
    let name = Domain::parse(name).map_err(|error| ApiError::schema("name", format!("{error}.")))?;
    if zone.holds(&name) {
        Ok(name)
    } else {
        Err(ApiError::schema("name", format!("{name} is not in the zone {}.", zone.name)))
    }
}

/// How the zone takes mail, where that was ever said.
pub(super) fn known(state: &AppState, zone: &Zone) -> Result<Arc<RoutingZone>, ApiError> {
    state.control.routing_zone(&zone.id).ok_or_else(|| ApiError::no_object("routing of the zone"))
}

/// The settings of a zone, with the word for where it stands.
pub(super) async fn shown(state: &AppState, zone: &Zone) -> Result<Value, ApiError> {
    let Some(routing) = state.control.routing_zone(&zone.id) else {
        return Ok(json!({
            "id": zone.id, "tag": zone.id, "name": zone.name, "enabled": false,
            "status": RoutingStatus::Unconfigured, "locked": false, "skip_wizard": false,
            "support_subaddress": false, "spam_limit": null, "subdomains": [], "created": null, "modified": null,
        }));
    };
    let status = status(state, &routing).await?;
    Ok(settings(&routing, status))
}

/// The settings of a zone of a list, for which nobody looks at the DNS.
pub(super) async fn row(state: &AppState, routing: &Arc<RoutingZone>) -> Result<Value, ApiError> {
    let last = ask(state, LastCheck(Arc::clone(routing))).await?.filter(|_| routing.enabled);
    let status = match last {
        Some(checked) => RoutingStatus::of(checked.state, routing.locked),
        None if routing.enabled => RoutingStatus::of(DomainState::Unknown, routing.locked),
        None => RoutingStatus::Unconfigured,
    };
    Ok(settings(routing, status))
}

fn settings(routing: &RoutingZone, status: RoutingStatus) -> Value {
    let subdomain = |below: &RoutedSubdomain| {
        json!({
            "name": below.name, "enabled": below.enabled, "created": below.created.to_string(),
            "modified": below.modified.to_string(),
        })
    };
    json!({
        "id": routing.zone_id, "tag": routing.zone_id, "name": routing.name, "enabled": routing.enabled,
        "status": status,
        "locked": routing.locked, "skip_wizard": routing.skip_wizard,
        "support_subaddress": routing.support_subaddress, "spam_limit": routing.spam_limit,
        "subdomains": routing.subdomains.iter().map(subdomain).collect::<Vec<_>>(),
        "created": routing.created.to_string(), "modified": routing.modified.to_string(),
    })
}

async fn status(state: &AppState, routing: &Arc<RoutingZone>) -> Result<RoutingStatus, ApiError> {
    if !routing.enabled {
        return Ok(RoutingStatus::Unconfigured);
    }
    let last = ask(state, LastCheck(Arc::clone(routing))).await?;
    let found = match last {
        Some(checked) => checked.state,
        None => look(state, routing).await?,
    };
    Ok(RoutingStatus::of(found, routing.locked))
}

/// Looks at the DNS now, but does not wait long.
async fn look(state: &AppState, routing: &Arc<RoutingZone>) -> Result<DomainState, ApiError> {
    match timeout(PATIENCE, ask(state, Check(Arc::clone(routing)))).await {
        Ok(checked) => Ok(checked??.state),
        Err(_) => Ok(DomainState::Unknown),
    }
}

/// Has `name` take mail, and its zone; publishes and locks the records where that can be done, and answers with the
/// settings. What kept records from being published does not keep mail from being taken; it is told besides.
pub(super) async fn enable(
    state: &AppState,
    caller: &Caller,
    zone: &Zone,
    name: Domain,
    on_foreign: OnForeign,
) -> Result<HttpResponse, ApiError> {
    let is_on = state.control.routing_zone(&zone.id).is_some_and(|routing| routing.enabled);
    if name != zone.name && !is_on {
        let why = format!("Enable routing for {} first; then domains below it can have it, too.", zone.name);
        return Err(ApiError::schema("name", why));
    }
    let routing = set(state, caller, zone, name, true).await?;
    let published = ask(state, PublishRecords { of: Arc::clone(&routing), on_foreign }).await?;
    let note = not_done(published.err(), "The records are not published");
    look(state, &routing).await?;
    Ok(answer::success_noting(shown(state, zone).await?, note))
}

/// Has `name` take no more mail; of the zone's own domain, nothing of the zone does. Its records are taken out where
/// that can be done.
pub(super) async fn disable(
    state: &AppState,
    caller: &Caller,
    zone: &Zone,
    name: Domain,
) -> Result<HttpResponse, ApiError> {
    let Some(before) = state.control.routing_zone(&zone.id) else {
        return Ok(answer::success(shown(state, zone).await?));
    };
    let after = set(state, caller, zone, name, false).await?;
    let but = after.enabled.then(|| Arc::clone(&after));
    let removed = ask(state, RemoveRecords { of: before, but }).await?;
    let note = not_done(removed.err(), "The records are not taken out");
    if after.enabled {
        look(state, &after).await?;
    }
    Ok(answer::success_noting(shown(state, zone).await?, note))
}

/// Has the records not looked after any more.
pub(super) async fn unlock(state: &AppState, caller: &Caller, zone: &Zone) -> Result<HttpResponse, ApiError> {
    if state.control.routing_zone(&zone.id).is_some() {
        let (id, by) = (zone.id.clone(), caller.by());
        change(state, move |control| control.update_routing_zone(&id, &by, |routing| routing.locked = false))
            .await?;
    }
    Ok(answer::success(shown(state, zone).await?))
}

/// Turns routing on or off for `name`.
async fn set(
    state: &AppState,
    caller: &Caller,
    zone: &Zone,
    name: Domain,
    enabled: bool,
) -> Result<Arc<RoutingZone>, ApiError> {
    let (id, by) = (zone.id.clone(), caller.by());
    change(state, move |control| {
        control.update_routing_zone(&id, &by, |routing| {
            if name == routing.name {
                (routing.enabled, routing.locked) = (enabled, enabled);
                return;
            }
            routing.locked |= enabled;
            set_subdomain(routing, name, enabled);
        })
    })
    .await
}

fn set_subdomain(routing: &mut RoutingZone, name: Domain, enabled: bool) {
    let now = clock::now();
    match routing.subdomains.iter_mut().find(|below| below.name == name) {
        Some(below) if below.enabled == enabled => {}
        Some(below) => (below.enabled, below.modified) = (enabled, now),
        None if enabled => {
            routing.subdomains.push(RoutedSubdomain { name, enabled, created: now, modified: now });
        }
        None => {}
    }
}

/// What to tell of something that came to nothing. That nobody takes updates for a zone is how most are.
fn not_done(error: Option<CheckError>, what: &str) -> Option<String> {
    match error? {
        CheckError::NoUpdater(_) => None,
        error => {
            tracing::warn!(%error, "records of a routing zone were not changed");
            Some(format!("{what}: {error}."))
        }
    }
}
