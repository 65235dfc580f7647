//! `/zones/{zone_id}/email/routing`: whether a zone takes mail, and how.

use super::state::{self, NameBody};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    manage::change,
    openapi::{Answer, Body, Known, Lookup, objects::routing::RoutingSettings},
    request::{body, optional_body},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_engine::{domain_dns::OnForeign, spam::Score};
use mailwright_storage::control::Permission;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RoutingSettingsEdit)]
pub(super) struct EditBody {
    /// Has no effect here: mail is taken from `POST …/enable` to `POST …/disable`.
    #[serde(rename = "enabled")]
    _enabled: Option<bool>,
    /// Whether the zone's owner wants no guide through setting it up.
    skip_wizard: Option<bool>,
    /// Whether `user+detail` is looked for as `user`, too.
    support_subaddress: Option<bool>,
    /// Above which spam score mail is refused, from 0 (never) to 1000; null: as the server is configured. Ours.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1000)]
    spam_limit: Option<Option<f64>>,
}

/// Tells null from what is left out.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

fn spam_limit(points: f64) -> Result<Score, ApiError> {
    let limit = Score::new(points).filter(|limit| *limit >= Score::default());
    limit.ok_or_else(|| {
        ApiError::schema(
            "spam_limit",
            "'spam_limit' is a score from 0 (nothing is refused) to 1000, or null.",
        )
    })
}

/// `GET /zones/{zone_id}/email/routing`
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/routing",
    tag = "Email routing", operation_id = "get_routing_settings",
    responses((status = 200, body = Answer<RoutingSettings>), Known, Lookup),
)]
pub(super) async fn get(
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::RoutingRead)?;
    Ok(answer::success(state::shown(&state, &zone).await?))
}

/// `PUT /zones/{zone_id}/email/routing {skip_wizard?, support_subaddress?, spam_limit?}`: what is left out stays as it is.
#[utoipa::path(
    put, path = "/client/v4/zones/{zone_id}/email/routing",
    tag = "Email routing", operation_id = "set_routing_settings",
    request_body = EditBody,
    responses((status = 200, body = Answer<RoutingSettings>), Known, Lookup, Body),
)]
pub(super) async fn put(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::RoutingEdit)?;
    let EditBody { skip_wizard, support_subaddress, spam_limit: limit, .. } =
        body(&http, &state, payload).await?;
    let limit = limit.map(|limit| limit.map(spam_limit).transpose()).transpose()?;
    let (id, by) = (zone.id.clone(), caller.by());
    change(&state, move |control| {
        control.update_routing_zone(&id, &by, |routing| {
            routing.skip_wizard = skip_wizard.unwrap_or(routing.skip_wizard);
            routing.support_subaddress = support_subaddress.unwrap_or(routing.support_subaddress);
            routing.spam_limit = limit.unwrap_or(routing.spam_limit);
        })
    })
    .await?;
    Ok(answer::success(state::shown(&state, &zone).await?))
}

/// `PATCH /zones/{zone_id}/email/routing {skip_wizard?, support_subaddress?, spam_limit?}`
#[utoipa::path(
    patch, path = "/client/v4/zones/{zone_id}/email/routing",
    tag = "Email routing", operation_id = "change_routing_settings",
    request_body = EditBody,
    responses((status = 200, body = Answer<RoutingSettings>), Known, Lookup, Body),
)]
pub(super) async fn patch(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    put(http, caller, zone_id, state, payload).await
}

/// `POST /zones/{zone_id}/email/routing/enable`: the zone takes mail from now on, and its records are locked.
#[utoipa::path(
    post, path = "/client/v4/zones/{zone_id}/email/routing/enable",
    tag = "Email routing", operation_id = "enable_routing",
    request_body = Option<NameBody>,
    responses((status = 200, body = Answer<RoutingSettings>), Known, Lookup, Body),
)]
pub(super) async fn enable(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::RoutingEdit)?;
    let NameBody { name } = optional_body(&http, &state, payload).await?;
    let name = state::named(&zone, name.as_deref())?;
    state::enable(&state, &caller, &zone, name, OnForeign::Refuse).await
}

/// `POST /zones/{zone_id}/email/routing/disable`: the zone takes no more mail, and its records go, where a name server
/// takes updates for them. Its rules stay.
#[utoipa::path(
    post, path = "/client/v4/zones/{zone_id}/email/routing/disable",
    tag = "Email routing", operation_id = "disable_routing",
    request_body = Option<NameBody>,
    responses((status = 200, body = Answer<RoutingSettings>), Known, Lookup, Body),
)]
pub(super) async fn disable(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::RoutingEdit)?;
    let NameBody { name } = optional_body(&http, &state, payload).await?;
    let name = state::named(&zone, name.as_deref())?;
    state::disable(&state, &caller, &zone, name).await
}

/// `POST /zones/{zone_id}/email/routing/unlock`: the records are no more looked after, and may be changed.
#[utoipa::path(
    post, path = "/client/v4/zones/{zone_id}/email/routing/unlock",
    tag = "Email routing", operation_id = "unlock_routing",
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
    let zone = caller.zone(&state, &zone_id, Permission::RoutingEdit)?;
    let NameBody { name } = optional_body(&http, &state, payload).await?;
    state::named(&zone, name.as_deref())?;
    state::unlock(&state, &caller, &zone).await
}
