//! Destination addresses as accounts see them.

use super::mail;
use crate::{
    access::Caller,
    answer::{self, ApiError},
    manage::change,
    openapi::{
        Answer, Body, Input, Known, Limited, Lookup, PageOf, objects::routing::DestinationAddress as Shown,
    },
    page::{Page, PageQuery},
    request::{body, query},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::clock;
use mailwright_engine::{address::EmailAddress, time::UnixMillis};
use mailwright_storage::{
    control::{Account, DestinationAddress, Permission},
    suppressions::AddressKey,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewDestinationAddress)]
struct CreateBody {
    /// The address.
    email: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = DestinationAddressEdit)]
struct EditBody {
    /// What it is to be.
    status: Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DestinationAddressStatus)]
enum Status {
    Unverified,
    Verified,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those that are, or are not.
    verified: Option<bool>,
    /// By what they are sorted.
    #[serde(default)]
    #[param(inline)]
    order: Order,
    /// Which way.
    #[serde(default)]
    #[param(inline)]
    direction: Direction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Order {
    #[default]
    Created,
    Modified,
    Email,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Direction {
    #[default]
    Asc,
    Desc,
}

/// `GET …/addresses?verified=&order=&direction=&page=&per_page=`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/routing/addresses",
    tag = "Destination addresses", operation_id = "list_destination_addresses",
    params(ListQuery, PageQuery), responses((status = 200, body = PageOf<Shown>), Known, Lookup, Input),
)]
pub(super) async fn list(
    http: HttpRequest,
    caller: Caller,
    account_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account_id, Permission::RoutingRead)?;
    let ListQuery { verified, order, direction } = query(&http)?;
    let mut addresses = state.control.destinations(&account.id);
    addresses.retain(|address| verified.is_none_or(|verified| verified == address.verified.is_some()));
    match order {
        Order::Created => addresses.sort_by_key(|address| address.created),
        Order::Modified => addresses.sort_by_key(|address| address.modified),
        // As they come.
        Order::Email => {}
    }
    if direction == Direction::Desc {
        addresses.reverse();
    }
    Ok(Page::of(&http)?.of_all(addresses.iter().map(|address| shown(address))))
}

/// `POST …/addresses {email}`: its owner is sent a link. For an address that is there and not verified, another one.
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/email/routing/addresses",
    tag = "Destination addresses", operation_id = "make_destination_address",
    request_body = CreateBody,
    responses((status = 200, body = Answer<Shown>), Known, Lookup, Body, Limited),
)]
pub(super) async fn create(
    http: HttpRequest,
    caller: Caller,
    account_id: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account_id, Permission::RoutingEdit)?;
    let CreateBody { email } = body(&http, &state, payload).await?;
    let email =
        EmailAddress::parse(&email).map_err(|error| ApiError::schema("email", format!("{error}.")))?;
    if let Some(verified) = verified(&state, &account, &email) {
        return Ok(answer::success(shown(&verified)));
    }
    let counted = state.verification_mails.reserve(&account, &email, clock::now())?;
    let made = make(&state, &caller, account, email).await;
    if made.is_err() {
        state.verification_mails.release(&counted);
    }
    let address = made?;
    Ok(answer::success(shown(&address)))
}

/// Makes the address and sends the link.
async fn make(
    state: &AppState,
    caller: &Caller,
    account: Account,
    email: EmailAddress,
) -> Result<Arc<DestinationAddress>, ApiError> {
    let (by, owner) = (caller.by(), account.clone());
    let made = change(state, move |control| control.create_destination(&owner, email, &by)).await?;
    if let (address, Some(secret)) = &made {
        mail::send(state, &account, &address.email, secret).await?;
    }
    Ok(made.0)
}

/// The address, if it is there and verified.
fn verified(state: &AppState, account: &Account, email: &EmailAddress) -> Option<Arc<DestinationAddress>> {
    let key = AddressKey::of(email);
    let mut known = state.control.destinations(&account.id).into_iter();
    known.find(|known| known.verified.is_some() && AddressKey::of(&known.email) == key)
}

/// `GET …/addresses/{address_id}`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/routing/addresses/{address_id}",
    tag = "Destination addresses", operation_id = "show_destination_address",
    responses((status = 200, body = Answer<Shown>), Known, Lookup),
)]
pub(super) async fn get(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::RoutingRead)?;
    Ok(answer::success(shown(&*found(&state, &account, &path.1)?)))
}

/// The account's address of this id.
fn found(state: &AppState, account: &Account, id: &str) -> Result<Arc<DestinationAddress>, ApiError> {
    let address = state.control.destination(&account.id, id);
    address.ok_or_else(|| ApiError::no_object("destination address"))
}

/// `PATCH …/addresses/{address_id} {status}`: `unverified`, or by who operates the server `verified`.
#[utoipa::path(
    patch, path = "/client/v4/accounts/{account_id}/email/routing/addresses/{address_id}",
    tag = "Destination addresses", operation_id = "change_destination_address",
    request_body = EditBody, responses((status = 200, body = Answer<Shown>), Known, Lookup, Body),
)]
pub(super) async fn edit(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::RoutingEdit)?;
    found(&state, &account, &path.1)?;
    let EditBody { status } = body(&http, &state, payload).await?;
    if status == Status::Verified {
        // Or accounts could say of everybody that he agreed.
        caller.operator()?;
    }
    let (id, by) = (path.into_inner().1, caller.by());
    let is_verified = status == Status::Verified;
    let edited =
        change(&state, move |control| control.set_destination_verified(&account.id, &id, is_verified, &by));
    let address = edited.await?;
    Ok(answer::success(shown(&address)))
}

/// `DELETE …/addresses/{address_id}`
#[utoipa::path(
    delete, path = "/client/v4/accounts/{account_id}/email/routing/addresses/{address_id}",
    tag = "Destination addresses", operation_id = "remove_destination_address",
    responses((status = 200, body = Answer<Shown>), Known, Lookup),
)]
pub(super) async fn delete(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &path.0, Permission::RoutingEdit)?;
    let (id, by) = (path.into_inner().1, caller.by());
    let deleted = change(&state, move |control| control.delete_destination(&account.id, &id, &by)).await?;
    Ok(answer::success(shown(&deleted)))
}

/// An address as the service shows it.
fn shown(address: &DestinationAddress) -> Value {
    let time = |at: UnixMillis| at.to_string();
    json!({
        "id": address.id, "tag": address.id, "email": address.email,
        "verified": address.verified.map(time),
        "created": time(address.created), "modified": time(address.modified),
    })
}
