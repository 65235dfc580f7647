//! `/accounts`

use super::change;
use crate::{
    access::Caller,
    answer::{self, ApiError},
    page::Page,
    request::{body, query},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_storage::control::{Account, Permission};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Deserialize)]
struct AccountBody {
    name: String,
}

#[derive(Debug, Deserialize)]
struct AccountQuery {
    name: Option<String>,
}

/// `GET /accounts?name=&page=&per_page=`
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
pub(super) async fn get(
    caller: Caller,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = state.control.account(&id).filter(|account| caller.sees_account(account));
    Ok(answer::success(shown(&account.ok_or_else(|| ApiError::no_object("account"))?)))
}

/// `PUT /accounts/{account_id} {name}`
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
pub(super) async fn delete(
    caller: Caller,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &id, Permission::Operator)?;
    let deleted = json!({ "id": account.id });
    change(&state, move |control| control.delete_account(&account.id, &caller.by())).await?;
    Ok(answer::success(deleted))
}

/// An account as the service shows it.
pub(super) fn shown(account: &Account) -> Value {
    json!({
        "id": account.id, "name": account.name, "type": "standard",
        "created_on": account.created.to_string(),
    })
}
