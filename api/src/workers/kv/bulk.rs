//! Many keys at once: all that a request asks for is done, or nothing of it.

use super::{found, keys::said, values::end, work};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{
        Answer, Body, Known, Lookup,
        objects::workers_kept::{KvBulkDone, KvBulkFound},
    },
    request::{self, body},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use data_encoding::BASE64;
use mailwright_actors::clock;
use mailwright_storage::{
    control::Permission,
    workers::{KvEntry, KvPut},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use std::iter::zip;
use utoipa::ToSchema;

/// An entry to be.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewKvEntry)]
pub(crate) struct EntryBody {
    /// Its key.
    #[schema(min_length = 1, max_length = 512)]
    key: String,
    /// Its value.
    value: String,
    /// Whether the value is base64.
    base64: Option<bool>,
    /// The second since 1970 from which on it is gone.
    #[schema(value_type = Option<u64>)]
    expiration: Option<f64>,
    /// For how many seconds it is there, at least 60; counts more than `expiration`.
    #[schema(value_type = Option<u64>)]
    expiration_ttl: Option<f64>,
    /// What is said of it.
    metadata: Option<Value>,
}

impl EntryBody {
    fn read(self, at: usize) -> Result<KvPut, ApiError> {
        let value = if self.base64 == Some(true) {
            BASE64.decode(self.value.as_bytes()).map_err(|error| {
                ApiError::schema(format!("[{at}].value"), format!("The value is not base64: {error}."))
            })?
        } else {
            self.value.into_bytes()
        };
        let (expiration, ttl) = (whole(self.expiration, at)?, whole(self.expiration_ttl, at)?);
        let metadata = self.metadata.filter(|said| !said.is_null()).map(|said| said.to_string());
        Ok(KvPut { key: self.key, value, metadata, expiration: end(expiration, ttl) })
    }
}

/// Seconds, which clients may write as any number.
fn whole(seconds: Option<f64>, at: usize) -> Result<Option<u64>, ApiError> {
    match seconds {
        None => Ok(None),
        // Whole, and far below what its type holds.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked here")]
        Some(seconds) if seconds.fract() == 0.0 && (0.0..=1e12).contains(&seconds) => {
            Ok(Some(seconds as u64))
        }
        Some(_) => {
            let why = "'expiration' and 'expiration_ttl' are whole seconds.";
            Err(ApiError::schema(format!("[{at}].expiration"), why))
        }
    }
}

/// What is read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = KvBulkRead)]
pub(crate) struct ReadBody {
    /// Which keys: 100 at most.
    #[schema(min_items = 1, max_items = 100)]
    keys: Vec<String>,
    /// What values are: `text` or `json`.
    #[serde(rename = "type")]
    kind: Option<Kind>,
    /// Whether what is said of them is told, too.
    with_metadata: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = KvValueType)]
enum Kind {
    Text,
    Json,
}

/// Most keys that are read together.
const MAX_READ: usize = 100;

/// `PUT …/namespaces/{namespace_id}/bulk [{key, value, base64?, expiration?, expiration_ttl?, metadata?}, …]`
#[utoipa::path(
    put, path = "/client/v4/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/bulk",
    tag = "Workers KV", operation_id = "write_kv_values",
    request_body(content = Vec<EntryBody>, content_type = "application/json"),
    responses((status = 200, body = Answer<KvBulkDone>), Known, Lookup, Body),
)]
pub(crate) async fn put(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let known = found(&state, &account, &path.1)?;
    let entries: Vec<Map<String, Value>> = list(&http, &state, payload).await?;
    let read = |(at, entry)| request::typed::<EntryBody>(Value::Object(entry))?.read(at);
    let puts = entries.into_iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
    let count = puts.len();
    work(&state, move |kv| kv.put_many(&known.account, &known.id, puts, clock::now())).await?;
    Ok(done(count))
}

/// `DELETE …/namespaces/{namespace_id}/bulk [KEY, …]`
#[utoipa::path(
    delete, path = "/client/v4/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/bulk",
    tag = "Workers KV", operation_id = "remove_kv_values",
    request_body(content = Vec<String>, content_type = "application/json"),
    responses((status = 200, body = Answer<KvBulkDone>), Known, Lookup, Body),
)]
pub(crate) async fn delete(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    remove(http, caller, path, state, payload).await
}

/// `POST …/namespaces/{namespace_id}/bulk/delete [KEY, …]`
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/bulk/delete",
    tag = "Workers KV", operation_id = "remove_kv_values_by_post",
    request_body(content = Vec<String>, content_type = "application/json"),
    responses((status = 200, body = Answer<KvBulkDone>), Known, Lookup, Body),
)]
pub(crate) async fn delete_by_post(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    remove(http, caller, path, state, payload).await
}

async fn remove(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let known = found(&state, &account, &path.1)?;
    let keys: Vec<String> = list(&http, &state, payload).await?;
    let count = keys.len();
    work(&state, move |kv| kv.delete_many(&known.account, &known.id, keys, clock::now())).await?;
    Ok(done(count))
}

/// `POST …/namespaces/{namespace_id}/bulk/get {keys, type?, withMetadata?}`: keys that there are not have `null`.
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/bulk/get",
    tag = "Workers KV", operation_id = "read_kv_values",
    request_body = ReadBody,
    responses((status = 200, body = Answer<KvBulkFound>), Known, Lookup, Body),
)]
pub(crate) async fn get(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersRead)?;
    let known = found(&state, &account, &path.1)?;
    let ReadBody { keys, kind, with_metadata } = body(&http, &state, payload).await?;
    if !(1..=MAX_READ).contains(&keys.len()) {
        return Err(ApiError::schema("keys", format!("1 to {MAX_READ} keys are read at a time.")));
    }
    let wanted = keys.clone();
    let entries =
        work(&state, move |kv| kv.get_many(&known.account, &known.id, &wanted, clock::now())).await?;
    let mut values = Map::new();
    for (key, entry) in zip(keys, entries) {
        let shown = match entry {
            None => Value::Null,
            Some(entry) => shown(&key, entry, kind, with_metadata == Some(true))?,
        };
        values.insert(key, shown);
    }
    Ok(answer::success(json!({ "values": values })))
}

fn shown(key: &str, entry: KvEntry, kind: Option<Kind>, with_metadata: bool) -> Result<Value, ApiError> {
    let unreadable = |what: &str| {
        let key: String = key.chars().take(80).collect();
        ApiError::schema("type", format!("The value of {key:?} is not {what}: read it by itself."))
    };
    let value = match kind {
        Some(Kind::Json) => serde_json::from_slice(&entry.value).map_err(|_| unreadable("JSON"))?,
        None | Some(Kind::Text) => {
            Value::String(String::from_utf8(entry.value).map_err(|_| unreadable("text"))?)
        }
    };
    if !with_metadata {
        return Ok(value);
    }
    let mut shown = json!({ "value": value, "metadata": said(entry.metadata.as_deref()) });
    if let Some(expiration) = entry.expiration {
        shown["expiration"] = expiration.into();
    }
    Ok(shown)
}

/// Reads the list in the body of a request.
async fn list<T: DeserializeOwned>(
    http: &HttpRequest,
    state: &AppState,
    payload: web::Payload,
) -> Result<Vec<T>, ApiError> {
    let body = state.bodies.read(http, payload).await?;
    let invalid = |error: serde_json::Error| {
        ApiError::schema("", format!("The request body must be a list, as JSON: {error}."))
    };
    let list: Vec<T> = serde_json::from_slice(body.as_ref()).map_err(invalid)?;
    if list.is_empty() {
        return Err(ApiError::schema("", "The list in the request body is empty: there is nothing to do."));
    }
    Ok(list)
}

fn done(count: usize) -> HttpResponse {
    answer::success(json!({ "successful_key_count": count, "unsuccessful_keys": [] }))
}
