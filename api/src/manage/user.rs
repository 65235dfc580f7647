//! `/user` and `/memberships`: what command-line clients ask first. A token is a user of its own here.

use super::accounts;
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Input, Known, PageOf,
        objects::accounts::{Membership, User},
    },
    page::{Page, PageQuery},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

/// `GET /user`
#[utoipa::path(
    get, path = "/client/v4/user", tag = "Accounts", operation_id = "get_user",
    responses((status = 200, body = Answer<User>), Known),
)]
pub(super) async fn user(caller: Caller, state: web::Data<AppState>) -> HttpResponse {
    let id = caller.token().map(|token| token.id.clone());
    let accounts: Vec<_> =
        state.control.accounts().into_iter().filter(|account| caller.sees_account(account)).collect();
    let organizations: Vec<_> = accounts.iter().map(accounts::shown).collect();
    answer::success(json!({
        "id": id, "email": null, "first_name": caller.name(), "last_name": null, "username": caller.name(),
        "suspended": false, "two_factor_authentication_enabled": false, "organizations": organizations,
    }))
}

/// `GET /memberships?page=&per_page=`
#[utoipa::path(
    get, path = "/client/v4/memberships", tag = "Accounts", operation_id = "list_memberships",
    params(PageQuery), responses((status = 200, body = PageOf<Membership>), Known, Input),
)]
pub(super) async fn memberships(
    http: HttpRequest,
    caller: Caller,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let accounts: Vec<_> =
        state.control.accounts().into_iter().filter(|account| caller.sees_account(account)).collect();
    let permissions: Vec<_> = match caller.token() {
        Some(token) => token.permissions.clone(),
        None => mailwright_storage::control::Permission::ALL.to_vec(),
    };
    Ok(Page::of(&http)?.of_all(accounts.iter().map(|account| {
        json!({
            "id": account.id, "account": accounts::shown(account), "status": "accepted",
            "api_access_enabled": true, "roles": permissions, "permissions": {},
        })
    })))
}
