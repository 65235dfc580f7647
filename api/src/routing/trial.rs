//! `/zones/{zone_id}/email/routing/try`: what would become of mail to an address.

use super::rule_model::{ActionBody, RuleRow, shown_action};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{Answer, Body, Known, Lookup},
    request::body,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_engine::address::{EmailAddress, ReversePath};
use mailwright_routing::addressee::Addressee;
use mailwright_storage::control::{Control, Permission, Route, RoutingRule, Zone};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// The message that is thought of.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RoutingTrialOf)]
struct TrialBody {
    /// The recipient, in a domain of the zone.
    to: String,
    /// The envelope sender; empty for the null sender, as when nobody says.
    from: Option<String>,
}

/// What would become of a message, as far as its envelope says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RoutingTrial)]
struct Trial {
    /// The recipient.
    to: String,
    /// Whether it would be taken.
    outcome: Outcome,
    /// What would be done with it; of destinations those that are verified. `null` for what no rule decides.
    action: Option<ActionBody>,
    /// The rule that decides, or that would if its destinations were verified.
    rule: Option<RuleRow>,
    /// The subaddress that was left out to find the rule: `detail` of `user+detail`.
    detail: Option<String>,
    /// What the client would be told that names the recipient; `null` if it is taken.
    reply: Option<String>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RoutingTrialOutcome)]
enum Outcome {
    /// An action says what becomes of it.
    Routed,
    /// It is news of mail that was sent, or a report: the server itself hears it.
    Heard,
    /// It goes back to whoever wrote what was forwarded.
    Returned,
    /// It is refused: for good, or for now where the reply begins with 4.
    Refused,
}

/// `POST /zones/{zone_id}/email/routing/try {to, from?}`: nothing is sent. What content is judged by (authentication, spam)
/// comes later, and is not asked.
#[utoipa::path(
    post, path = "/client/v4/zones/{zone_id}/email/routing/try",
    tag = "Email routing", operation_id = "try_routing",
    request_body = TrialBody, responses((status = 200, body = Answer<Trial>), Known, Lookup, Body),
)]
pub(super) async fn try_address(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(&state, &zone_id, Permission::RoutingRead)?;
    let TrialBody { to, from } = body(&http, &state, payload).await?;
    let wrong = |field: &str, error| ApiError::schema(field, format!("{error}."));
    let to = EmailAddress::parse(&to).map_err(|error| wrong("to", error))?;
    let from = ReversePath::parse(&from.unwrap_or_default()).map_err(|error| wrong("from", error))?;
    if !is_of(&state.control, &zone, &to) {
        return Err(ApiError::schema("to", format!("{} is not in the zone {}.", to.domain(), zone.name)));
    }
    Ok(answer::success(trial(&state, &zone, &from, &to)))
}

fn trial(state: &AppState, zone: &Zone, from: &ReversePath, to: &EmailAddress) -> Trial {
    let (rule, detail) = decided_by(&state.control, to);
    let rule = rule.map(|rule| RuleRow::new(&state.control, zone, &rule));
    let said = |outcome, action| Trial {
        to: to.to_string(),
        outcome,
        action,
        rule: None,
        detail: None,
        reply: None,
    };
    match state.reception.find(from, to) {
        Ok(Addressee::Routed(_, action)) => {
            Trial { rule, detail, ..said(Outcome::Routed, Some(shown_action(&action))) }
        }
        Ok(Addressee::Returned(_) | Addressee::Reports(_)) => said(Outcome::Heard, None),
        Ok(Addressee::Sender(..)) => said(Outcome::Returned, None),
        Err(reply) => Trial { rule, detail, reply: Some(reply.to_string()), ..said(Outcome::Refused, None) },
    }
}

/// Whether the zone says what becomes of mail to an address: a zone of its own beneath it is not for all to see.
fn is_of(control: &Control, zone: &Zone, to: &EmailAddress) -> bool {
    let taken_by = control.routing_zone_of_domain(to.domain());
    zone.holds(to.domain()) && taken_by.is_none_or(|routing| routing.zone_id == zone.id)
}

/// The rule for an address, and the subaddress that was left out to find it.
fn decided_by(control: &Control, to: &EmailAddress) -> (Option<Arc<RoutingRule>>, Option<String>) {
    match control.route(to) {
        Route::Take(matched) => (Some(matched.rule), matched.detail),
        Route::Inactive(_, rule) => (Some(rule), None),
        Route::Foreign | Route::Unknown(_) => (None, None),
    }
}
