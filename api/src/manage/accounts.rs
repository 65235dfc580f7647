//! `/accounts`

use super::change;
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Body, Input, Known, Lookup, PageOf,
        objects::{self, accounts::Removed},
    },
    page::{Page, PageQuery},
    request::{body, query},
    server::AppState,
    workers,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_storage::control::{Account, Permission};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, ToSchema)]
struct AccountBody {
    /// Its name.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AccountQuery {
    /// Only the account of this name.
    name: Option<String>,
}

/// `GET /accounts?name=&page=&per_page=`
#[utoipa::path(
    get, path = "/client/v4/accounts", tag = "Accounts", operation_id = "list_accounts",
    params(AccountQuery, PageQuery), responses((status = 200, body = PageOf<objects::accounts::Account>), Known, Input),
)]
pub(super) async fn list(
    http: HttpRequest,
    caller: Caller,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let AccountQuery { name } = query(&http)?;
    let is_wanted = |account: &Account| {
        caller.sees_account(account) && name.as_ref().is_none_or(|name| *name == account.name)
    };
    let accounts: Vec<_> = state.control.accounts().into_iter().filter(is_wanted).collect();
    Ok(Page::of(&http)?.of_all(accounts.iter().map(shown)))
}

/// `POST /accounts {name}`
#[utoipa::path(
    post, path = "/client/v4/accounts", tag = "Accounts", operation_id = "make_account",
    request_body = AccountBody, responses((status = 200, body = Answer<objects::accounts::Account>), Known, Body),
)]
pub(super) async fn create(
    http: HttpRequest,
    caller: Caller,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    caller.operator()?;
    let AccountBody { name } = body(&http, &state, payload).await?;
    let account = change(&state, move |control| control.create_account(&name, &caller.by())).await?;
    Ok(answer::success(shown(&account)))
}

/// `GET /accounts/{account_id}`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}", tag = "Accounts", operation_id = "get_account",
    responses((status = 200, body = Answer<objects::accounts::Account>), Known, Lookup),
)]
pub(super) async fn get(
    caller: Caller,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = state.control.account(&id).filter(|account| caller.sees_account(account));
    Ok(answer::success(shown(&account.ok_or_else(|| ApiError::no_object("account"))?)))
}

/// `PUT /accounts/{account_id} {name}`
#[utoipa::path(
    put, path = "/client/v4/accounts/{account_id}", tag = "Accounts", operation_id = "rename_account",
    request_body = AccountBody, responses((status = 200, body = Answer<objects::accounts::Account>), Known, Lookup, Body),
)]
pub(super) async fn rename(
    http: HttpRequest,
    caller: Caller,
    id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &id, Permission::Admin)?;
    let AccountBody { name } = body(&http, &state, payload).await?;
    let renamed =
        change(&state, move |control| control.rename_account(&account.id, &name, &caller.by())).await?;
    Ok(answer::success(shown(&renamed)))
}

/// `DELETE /accounts/{account_id}`
#[utoipa::path(
    delete, path = "/client/v4/accounts/{account_id}", tag = "Accounts", operation_id = "remove_account",
    responses((status = 200, body = Answer<Removed>), Known, Lookup, Input),
)]
pub(super) async fn delete(
    caller: Caller,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &id, Permission::Operator)?;
    let (id, deleted) = (account.id.clone(), json!({ "id": account.id }));
    change(&state, move |control| control.delete_account(&account.id, &caller.by())).await?;
    workers::forget(&state, id).await?;
    Ok(answer::success(deleted))
}

/// An account as the service shows it.
pub(super) fn shown(account: &Account) -> Value {
    json!({
        "id": account.id, "name": account.name, "type": "standard",
        "created_on": account.created.to_string(),
    })
}
