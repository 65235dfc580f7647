//! `/accounts/{account_id}/email/sending/suppressions`: whom an account must not write to.
//!
//! [`read`] makes the store's model of requests, [`shown`] the service's forms of rows, and `bulk` does many at once.

mod bulk;
mod read;
mod shown;

use crate::{
    access::Caller,
    answer::{self, ApiError},
    delivery::blocking,
    openapi::{
        Answer, Body, Input, Known, Limited, Lookup, Stretch,
        objects::suppressions::{RemovedSuppression, Suppression},
    },
    request::{body, query},
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::clock;
use mailwright_storage::{
    control::{Account, Permission},
    suppressions::{SuppressionError, SuppressionId, Suppressions},
};
use read::{CreateBody, EditBody, ListQuery};
use utoipa::OpenApi;

/// What the routes are, for the description of the API.
#[derive(OpenApi)]
#[openapi(paths(list, create, get, edit, delete, bulk::import,))]
pub(crate) struct Described;

/// The routes.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    let resource = |path: &str| {
        answer::resource(&format!("/client/v4/accounts/{{account_id}}/email/sending/suppressions{path}"))
    };
    config
        .service(resource("").route(web::get().to(list)).route(web::post().to(create)))
        .service(resource("/bulk").route(web::post().to(bulk::import)))
        .service(
            resource("/{suppression_id}")
                .route(web::get().to(get))
                .route(web::patch().to(edit))
                .route(web::delete().to(delete)),
        );
}

/// `GET …/suppressions?cursor=&email=&per_page=&reason=&scope_type=&scope_value=&search=`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/sending/suppressions",
    tag = "Suppressions", operation_id = "list_suppressions",
    params(ListQuery), responses((status = 200, body = Stretch<Suppression>), Known, Lookup, Input),
)]
async fn list(
    http: HttpRequest,
    caller: Caller,
    account: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account, Permission::SuppressionRead)?;
    let asked: ListQuery = query(&http)?;
    let (start, per_page) = asked.read()?;
    let page = with(&state, move |store| store.list(&account.id, start, per_page, clock::now())).await?;
    Ok(shown::page(&page, per_page))
}

/// `POST …/suppressions {email, expires_at?, note?, scope?}`
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/email/sending/suppressions",
    tag = "Suppressions", operation_id = "make_suppression",
    request_body = CreateBody, responses((status = 200, body = Answer<Suppression>), Known, Lookup, Body),
)]
async fn create(
    http: HttpRequest,
    caller: Caller,
    account: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account, Permission::SuppressionEdit)?;
    let asked: CreateBody = body(&http, &state, payload).await?;
    let now = clock::now();
    let new = asked.read(now)?;
    let stored = with(&state, move |store| store.create(&account.id, new, now)).await?;
    Ok(answer::success(shown::row(&stored.row)))
}

/// `GET …/suppressions/{suppression_id}`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/sending/suppressions/{suppression_id}",
    tag = "Suppressions", operation_id = "get_suppression",
    responses((status = 200, body = Answer<Suppression>), Known, Lookup),
)]
async fn get(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (account, id) = one(&caller, &state, &path, Permission::SuppressionRead)?;
    let row = with(&state, move |store| store.get(&account.id, id, clock::now())).await?;
    Ok(answer::success(shown::row(&row)))
}

/// `PATCH …/suppressions/{suppression_id} {expires_at?, note?}`
#[utoipa::path(
    patch, path = "/client/v4/accounts/{account_id}/email/sending/suppressions/{suppression_id}",
    tag = "Suppressions", operation_id = "change_suppression",
    request_body = EditBody, responses((status = 200, body = Answer<Suppression>), Known, Lookup, Body),
)]
async fn edit(
    http: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let (account, id) = one(&caller, &state, &path, Permission::SuppressionEdit)?;
    let asked: EditBody = body(&http, &state, payload).await?;
    let now = clock::now();
    let edit = asked.read(now)?;
    let row = with(&state, move |store| store.edit(&account.id, id, edit, now)).await?;
    Ok(answer::success(shown::row(&row)))
}

/// `DELETE …/suppressions/{suppression_id}`
#[utoipa::path(
    delete, path = "/client/v4/accounts/{account_id}/email/sending/suppressions/{suppression_id}",
    tag = "Suppressions", operation_id = "remove_suppression",
    responses((status = 200, body = Answer<RemovedSuppression>), Known, Lookup, Limited),
)]
async fn delete(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (account, id) = one(&caller, &state, &path, Permission::SuppressionEdit)?;
    let row = with(&state, move |store| store.remove(&account.id, id, clock::now())).await?;
    Ok(answer::success(shown::name(&row)))
}

/// The account and the id that a path names.
fn one(
    caller: &Caller,
    state: &AppState,
    path: &(String, String),
    permission: Permission,
) -> Result<(Account, SuppressionId), ApiError> {
    let account = caller.account(state, &path.0, permission)?;
    let id = path.1.parse().map_err(|_| ApiError::no_object("suppression"))?;
    Ok((account, id))
}

/// Asks the store. It waits for the disk, so not on the worker's thread.
async fn with<T: Send + 'static>(
    state: &AppState,
    work: impl FnOnce(&Suppressions) -> Result<T, SuppressionError> + Send + 'static,
) -> Result<T, ApiError> {
    let store = state.suppressions.clone();
    blocking(move || Ok(work(&store)?)).await
}

impl From<SuppressionError> for ApiError {
    fn from(error: SuppressionError) -> Self {
        match error {
            SuppressionError::NotFound(_) => Self::no_object("suppression"),
            SuppressionError::ReadOnly { reason, .. } => Self::read_only(format!(
                "The service manages this suppression (reason {reason}): it can be neither changed nor removed."
            )),
            SuppressionError::RemovalLimit { limit, again } => {
                let why = format!(
                    "An account can remove at most {limit} suppressions for complaints in 24 hours; the next at {again}."
                );
                Self::throttled(why, again.since(clock::now()))
            }
            SuppressionError::Storage(_) | SuppressionError::Randomness => {
                tracing::error!(%error, "suppressions were not read or changed");
                Self::unavailable(
                    "The suppression list could not be read or changed; the server's log says why.",
                )
            }
        }
    }
}
