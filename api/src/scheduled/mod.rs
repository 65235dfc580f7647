//! `/accounts/{account_id}/email/sending/scheduled`: messages that wait for a time that their sender asked for.
//!
//! `found` finds them in the queue, `change` gives them another time or takes them out.

mod change;
mod found;

use crate::{
    access::Caller,
    answer::{self, ApiError},
    delivery::blocking,
    openapi::{Answer, Input, Known, Lookup, Stretch, objects::mail::ScheduledMessage},
    request::query,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use found::{Scheduled, find, read};
use mailwright_actors::{clock, control::OrderError};
use mailwright_storage::{ListCursor, ListFilter, control::Permission};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};

/// Messages of a page when nobody says.
const PER_PAGE: usize = 20;
/// Most messages of a page: each is read back from the journal.
const PER_PAGE_MAX: usize = 100;

/// What the routes are, for the description of the API.
#[derive(OpenApi)]
#[openapi(paths(list, get, change::reschedule, change::cancel))]
pub(crate) struct Described;

/// The routes.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    let path = "/client/v4/accounts/{account_id}/email/sending/scheduled";
    config.service(answer::resource(path).route(web::get().to(list))).service(
        answer::resource(&format!("{path}/{{id}}"))
            .route(web::get().to(get))
            .route(web::patch().to(change::reschedule))
            .route(web::delete().to(change::cancel)),
    );
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Where the page before ended.
    cursor: Option<String>,
    /// Most messages of the page.
    #[param(minimum = 1, maximum = 100)]
    per_page: Option<usize>,
}

/// `GET …/scheduled?cursor=&per_page=`, the oldest message first.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/sending/scheduled",
    tag = "Sending", operation_id = "list_scheduled_messages",
    params(ListQuery), responses((status = 200, body = Stretch<ScheduledMessage>), Known, Lookup, Input),
)]
async fn list(
    http: HttpRequest,
    caller: Caller,
    account: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account, Permission::Send)?;
    let ListQuery { cursor, per_page } = query(&http)?;
    let per_page = per_page.unwrap_or(PER_PAGE);
    if !(1..=PER_PAGE_MAX).contains(&per_page) {
        return Err(ApiError::schema("per_page", format!("A page has 1 to {PER_PAGE_MAX} messages.")));
    }
    let cursor: Option<ListCursor> = cursor
        .map(|text| text.parse())
        .transpose()
        .map_err(|error| ApiError::schema("cursor", format!("The cursor is {error}.")))?;
    let filter =
        ListFilter { tenant: account.id.tenant(), scheduled_at: Some(clock::now()), ..ListFilter::default() };
    let view = state.spool.view().await.map_err(OrderError::from)?;
    let page =
        blocking(move || Ok(view.list(&filter, cursor.as_ref(), per_page).map_err(OrderError::from)?))
            .await?;
    let mut rows = Vec::new();
    for entry in page.entries {
        let entries = state.spool.entries_of(entry.key().id).await.map_err(OrderError::from)?;
        // A message has an entry for each destination: it stands where its first one does.
        if entries.first().is_some_and(|first| first.key() == entry.key())
            && let Ok(scheduled) = read(&state, &caller, entries).await
        {
            rows.push(scheduled.shown());
        }
    }
    let next = page.next.map(|cursor| cursor.to_string());
    Ok(answer::page(&rows, rows.len(), next.as_deref(), per_page))
}

/// `GET …/scheduled/{id}`
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/sending/scheduled/{id}",
    tag = "Sending", operation_id = "get_scheduled_message",
    responses((status = 200, body = Answer<ScheduledMessage>), Known, Lookup),
)]
async fn get(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (account, id) = &*path;
    let account = caller.account(&state, account, Permission::Send)?;
    let scheduled: Scheduled = find(&state, &caller, &account, id).await?;
    Ok(answer::success(scheduled.shown()))
}
