//! What a caller may see.

use crate::{access::Caller, answer::ApiError, server::AppState};
use mailwright_storage::{
    activity::{Direction, Scope},
    control::Permission,
};

/// What the caller may see of an account's mail that goes this way.
///
/// # Errors
/// Those of [`Caller::account`].
pub(super) fn of_account(
    caller: &Caller,
    state: &AppState,
    account: &str,
    direction: Direction,
) -> Result<Scope, ApiError> {
    let account = caller.account(state, account, Permission::AnalyticsRead)?;
    let zones = caller.token().and_then(|token| token.zones.as_ref());
    let zones = zones.map(|zones| zones.iter().map(ToString::to_string).collect());
    Ok(Scope { direction, account: Some(account.id.to_string()), zones })
}

/// What the caller may see of the mail from the world for a zone.
///
/// # Errors
/// Those of [`Caller::zone`].
pub(super) fn of_zone(caller: &Caller, state: &AppState, zone: &str) -> Result<Scope, ApiError> {
    let zone = caller.zone(state, zone, Permission::AnalyticsRead)?;
    let (account, zones) = (Some(zone.account_id.to_string()), Some(vec![zone.id.to_string()]));
    Ok(Scope { direction: Direction::Routing, account, zones })
}

/// All mail from the world, for whoever operates the server.
pub(super) fn of_world() -> Scope {
    Scope { direction: Direction::Routing, ..Scope::default() }
}
