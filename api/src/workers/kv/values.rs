//! Values, one by one.

use super::{super::form, found, key, work};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{Answer, Body, Input, Known, Lookup, objects::workers::Nothing},
    request::query,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::clock;
use mailwright_storage::{control::Permission, workers::KvPut};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LifeQuery {
    /// The second since 1970 from which on the entry is gone.
    expiration: Option<u64>,
    /// For how many seconds it is there, at least 60; counts more than `expiration`.
    #[param(minimum = 60)]
    expiration_ttl: Option<u64>,
}

/// The second from which on an entry is gone.
pub(super) fn end(expiration: Option<u64>, ttl: Option<u64>) -> Option<u64> {
    ttl.map(|ttl| clock::now().as_secs().saturating_add(ttl)).or(expiration)
}

/// `GET …/namespaces/{namespace_id}/values/{key_name}`: the value as it is.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/values/{key_name}",
    tag = "Workers KV", operation_id = "read_kv_value",
    responses((status = 200, body = String, content_type = "application/octet-stream"), Known, Lookup, Input),
)]
pub(crate) async fn get(
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
    let mut answer = HttpResponse::Ok();
    answer.content_type("application/octet-stream");
    if let Some(expiration) = entry.expiration {
        answer.insert_header(("expiration", expiration.to_string()));
    }
    Ok(answer.body(entry.value))
}

/// `PUT …/namespaces/{namespace_id}/values/{key_name}?expiration=&expiration_ttl=`: the body is the value, or has it in a
/// part `value`, with JSON in a part `metadata`.
#[utoipa::path(
    put, path = "/client/v4/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/values/{key_name}",
    tag = "Workers KV", operation_id = "write_kv_value", params(LifeQuery),
    request_body(content = String, content_type = "application/octet-stream"),
    responses((status = 200, body = Answer<Nothing>), Known, Lookup, Body),
)]
pub(crate) async fn put(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let known = found(&state, &account, &path.1)?;
    let name = key::at_the_end(&http)?;
    let LifeQuery { expiration, expiration_ttl } = query(&http)?;
    let (value, metadata) = if form::is_form(&http) {
        let form = form::Form::read(&http, &state, payload).await?;
        let value = form.part("value").ok_or_else(|| {
            ApiError::schema("value", "The request needs a part 'value' with what the key is to say.")
        })?;
        (value.content.to_vec(), form.part("metadata").map(|part| part.content.clone()))
    } else {
        (state.bodies.read(&http, payload).await?.as_ref().to_vec(), None)
    };
    let metadata =
        metadata.map(|text| String::from_utf8(text.to_vec()).map_err(|_| no_json())).transpose()?;
    let metadata = metadata.filter(|text| !text.is_empty());
    let put = KvPut { key: name, value, metadata, expiration: end(expiration, expiration_ttl) };
    work(&state, move |kv| kv.put(&known.account, &known.id, put, clock::now())).await?;
    Ok(answer::success(Value::Null))
}

fn no_json() -> ApiError {
    ApiError::schema("metadata", "The part 'metadata' must be JSON.")
}

/// `DELETE …/namespaces/{namespace_id}/values/{key_name}`: that there is no such key is as good.
#[utoipa::path(
    delete, path = "/client/v4/accounts/{account_id}/storage/kv/namespaces/{namespace_id}/values/{key_name}",
    tag = "Workers KV", operation_id = "remove_kv_value",
    responses((status = 200, body = Answer<Nothing>), Known, Lookup, Input),
)]
pub(crate) async fn delete(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::WorkersEdit)?;
    let known = found(&state, &account, &path.1)?;
    let name = key::at_the_end(&http)?;
    work(&state, move |kv| kv.delete(&known.account, &known.id, &name, clock::now())).await?;
    Ok(answer::success(Value::Null))
}
