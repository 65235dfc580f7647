//! Lists of keys, and what is said of a key.

use super::{found, key, work};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Input, Known, Lookup, Stretch,
        objects::workers_kept::{Anything, KvKeyRow},
    },
    request::query,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::clock;
use mailwright_storage::{
    control::Permission,
    workers::{KvKey, KvList, MAX_LISTED},
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct KeysQuery {
    /// What the keys begin with.
    prefix: Option<String>,
    /// Most keys of a page; 1,000 when nobody says.
    #[param(minimum = 1, maximum = 1_000)]
    limit: Option<usize>,
    /// Where the page before ended.
    cursor: Option<String>,
}

/// `GET …/namespaces/{namespace_id}/keys?prefix=&limit=&cursor=`: in the order of their octets.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/keys",
    tag = "Workers KV", operation_id = "list_kv_keys", params(KeysQuery),
    responses((status = 200, body = Stretch<KvKeyRow>), Known, Lookup, Input),
)]
pub(crate) async fn list(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    let known = found(&state, &account, &path.1)?;
    let KeysQuery { prefix, limit, cursor } = query(&http)?;
    let cursor = cursor.filter(|cursor| !cursor.is_empty());
    let list = KvList { prefix: prefix.unwrap_or_default(), limit, cursor };
    let page = work(&state, move |kv| kv.list(&known.account, &known.id, &list, clock::now())).await?;
    let rows: Vec<_> = page.keys.iter().map(shown).collect();
    Ok(answer::page(&rows, rows.len(), page.cursor.as_deref(), limit.unwrap_or(MAX_LISTED)))
}

/// `GET …/namespaces/{namespace_id}/metadata/{key_name}`: what is said of a key; `null` if nothing is.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/metadata/{key_name}",
    tag = "Workers KV", operation_id = "read_kv_metadata",
    responses((status = 200, body = Answer<Anything>), Known, Lookup, Input),
)]
pub(crate) async fn metadata(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    let known = found(&state, &account, &path.1)?;
    let name = key::at_the_end(&http)?;
    let entry = work(&state, move |kv| kv.get(&known.account, &known.id, &name, clock::now())).await?;
    let entry = entry.ok_or_else(ApiError::no_key)?;
    Ok(answer::success(said(entry.metadata.as_deref())))
}

/// What is said of an entry.
pub(super) fn said(metadata: Option<&str>) -> Value {
    metadata.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn shown(key: &KvKey) -> Value {
    let mut shown = json!({ "name": key.name });
    if let Some(expiration) = key.expiration {
        shown["expiration"] = expiration.into();
    }
    if key.metadata.is_some() {
        shown["metadata"] = said(key.metadata.as_deref());
    }
    shown
}
