//! Namespaces of keys.

use super::{found, work};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Body, Input, Known, Lookup, PageOf,
        objects::{workers::Nothing, workers_kept::KvNamespaceRow},
    },
    page::{Page, PageQuery},
    request::{body, query},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::clock;
use mailwright_storage::{control::Permission, workers::KvNamespace};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewKvNamespace)]
pub(crate) struct NamespaceBody {
    /// Its name to people, once in an account.
    title: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OrderQuery {
    /// By what they are ordered.
    #[param(inline)]
    order: Option<Order>,
    /// Which way.
    #[param(inline)]
    direction: Option<Direction>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = KvNamespaceOrder)]
enum Order {
    Id,
    Title,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = KvNamespaceDirection)]
enum Direction {
    Asc,
    Desc,
}

/// `GET …/storage/kv/namespaces?page=&per_page=&order=&direction=`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/storage/kv/namespaces",
    tag = "Workers KV", operation_id = "list_kv_namespaces", params(OrderQuery, PageQuery),
    responses((status = 200, body = PageOf<KvNamespaceRow>), Known, Lookup, Input),
)]
pub(crate) async fn list(
    http: HttpRequest,
    caller: Caller,
    account_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account_id, Permission::WorkersRead)?;
    let OrderQuery { order, direction } = query(&http)?;
    let mut namespaces = state.stores.kv.namespaces(&account.id);
    if order == Some(Order::Id) {
        namespaces.sort_by(|one, other| one.id.cmp(&other.id));
    }
    if direction == Some(Direction::Desc) {
        namespaces.reverse();
    }
    Ok(Page::of(&http)?.of_all(namespaces.iter().map(|namespace| shown(namespace))))
}

/// `POST …/storage/kv/namespaces {title}`
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/storage/kv/namespaces",
    tag = "Workers KV", operation_id = "make_kv_namespace",
    request_body = NamespaceBody,
    responses((status = 200, body = Answer<KvNamespaceRow>), Known, Lookup, Body),
)]
pub(crate) async fn create(
    http: HttpRequest,
    caller: Caller,
    account_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account_id, Permission::WorkersEdit)?;
    let NamespaceBody { title } = body(&http, &state, payload).await?;
    let made = work(&state, move |kv| kv.create(&account.id, &title, clock::now())).await?;
    Ok(answer::success(shown(&made)))
}

/// `GET …/storage/kv/namespaces/{namespace_id}`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/storage/kv/namespaces/{namespace_id}",
    tag = "Workers KV", operation_id = "get_kv_namespace",
    responses((status = 200, body = Answer<KvNamespaceRow>), Known, Lookup),
)]
pub(crate) async fn get(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    Ok(answer::success(shown(&*found(&state, &account, &path.1)?)))
}

/// `PUT …/storage/kv/namespaces/{namespace_id} {title}`
#[utoipa::path(
    put, path = "/client/v4/accounts/{account_id}/storage/kv/namespaces/{namespace_id}",
    tag = "Workers KV", operation_id = "rename_kv_namespace",
    request_body = NamespaceBody,
    responses((status = 200, body = Answer<KvNamespaceRow>), Known, Lookup, Body),
)]
pub(crate) async fn rename(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let known = found(&state, &account, &path.1)?;
    let NamespaceBody { title } = body(&http, &state, payload).await?;
    let renamed = work(&state, move |kv| kv.rename(&known.account, &known.id, &title)).await?;
    Ok(answer::success(shown(&renamed)))
}

/// `DELETE …/storage/kv/namespaces/{namespace_id}`: with all its keys.
#[utoipa::path(
    delete, path = "/client/v4/accounts/{account_id}/storage/kv/namespaces/{namespace_id}",
    tag = "Workers KV", operation_id = "remove_kv_namespace",
    responses((status = 200, body = Answer<Nothing>), Known, Lookup),
)]
pub(crate) async fn delete(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let known = found(&state, &account, &path.1)?;
    work(&state, move |kv| kv.remove(&known.account, &known.id)).await?;
    Ok(answer::success(Value::Null))
}

fn shown(namespace: &KvNamespace) -> Value {
    json!({ "id": namespace.id, "title": namespace.title, "supports_url_encoding": true })
}
