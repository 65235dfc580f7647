//! `…/subdomains/{tag}/doctor`: everything that receivers see of a sending domain.

use super::{records::ask, sending::tagged};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{Answer, Known, Lookup, objects::doctor::DomainExamination},
    server::AppState,
};
use actix_web::{HttpResponse, web};
use mailwright_actors::sending::Examine;
use mailwright_storage::control::Permission;

/// `GET /zones/{zone_id}/email/sending/subdomains/{tag}/doctor`: looks at the DNS now, as `mailwright doctor` does; of the
/// addresses that mail goes out from, what SPF makes of them.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/sending/subdomains/{tag}/doctor",
    tag = "Sending domains", operation_id = "examine_domain",
    responses((status = 200, body = Answer<DomainExamination>), Known, Lookup),
)]
pub(super) async fn examine(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let domain = tagged(&caller, &state, &path, Permission::AnalyticsRead)?;
    let routing = state.control.routing_zone_of_domain(&domain.name);
    // A zone of its own beneath it is not for all to see.
    let routing = routing.filter(|routing| routing.zone_id == domain.zone_id);
    Ok(answer::success(ask(&state, Examine { domain, routing }).await?))
}
