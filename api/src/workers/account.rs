//! `…/workers/account-settings`: what holds for all Workers of an account.

use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{Answer, Known, Lookup, objects::workers::WorkersAccountSettings},
    server::AppState,
};
use actix_web::{HttpResponse, web};
use mailwright_storage::control::Permission;
use serde_json::json;

/// `GET …/workers/account-settings`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/account-settings",
    tag = "Workers", operation_id = "get_workers_account_settings",
    responses((status = 200, body = Answer<WorkersAccountSettings>), Known, Lookup),
)]
pub(super) async fn get(
    caller: Caller,
    account_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.account(&state, &account_id, Permission::WorkersRead)?;
    Ok(answer::success(json!({ "default_usage_model": "standard", "green_compute": false })))
}
