//! The queue, entry by entry.

use super::{blocking, filter::FilterFields, model::EntryRow, read};
use crate::{
    access::Operator,
    answer::{self, ApiError},
    openapi::{Input, Known, Stretch},
    request::query,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::{clock, control::OrderError};
use mailwright_storage::{ListCursor, QueueEntry};
use serde::Deserialize;
use utoipa::IntoParams;

/// Entries of a page unless the client asks for another number.
const PER_PAGE: usize = 100;
/// Most entries of a page.
const PER_PAGE_MAX: usize = 1_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EntriesQuery {
    #[serde(flatten)]
    #[param(ignore)]
    filter: FilterFields,
    /// Where the page before ended.
    cursor: Option<String>,
    /// Most entries of a page; 100 when nobody says.
    #[param(minimum = 1, maximum = 1_000)]
    per_page: Option<usize>,
}

/// `GET queue/entries?domain=&tenant=&pool=&id=&cursor=&per_page=`
#[utoipa::path(
    get, path = "/client/v4/delivery/queue/entries", tag = "Delivery", operation_id = "list_queue_entries",
    params(FilterFields, EntriesQuery), responses((status = 200, body = Stretch<EntryRow>), Known, Input),
)]
pub(super) async fn entries(
    http: HttpRequest,
    _operator: Operator,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let asked: EntriesQuery = query(&http)?;
    let filter = asked.filter.read()?;
    let cursor: Option<ListCursor> = asked.cursor.map(|text| read("cursor", &text)).transpose()?;
    let per_page = asked.per_page.unwrap_or(PER_PAGE);
    if !(1..=PER_PAGE_MAX).contains(&per_page) {
        return Err(ApiError::senseless("per_page", format!("A page has 1 to {PER_PAGE_MAX} entries.")));
    }
    let view = state.spool.view().await.map_err(OrderError::from)?;
    let page =
        blocking(move || Ok(view.list(&filter, cursor.as_ref(), per_page).map_err(OrderError::from)?));
    let page = page.await?;
    let rows: Vec<_> = page.entries.iter().map(row).collect();
    let next = page.next.map(|cursor| cursor.to_string());
    Ok(answer::page(&rows, rows.len(), next.as_deref(), per_page))
}

fn row(entry: &QueueEntry) -> EntryRow {
    let class = &entry.place.class;
    EntryRow {
        id: entry.key().id.to_string(),
        domain: entry.place.domain.to_string(),
        tenant: class.tenant.as_ref().map(ToString::to_string),
        pool: class.pool.as_ref().map(ToString::to_string),
        priority: class.priority.to_string(),
        recipients: entry.pending.len(),
        attempts: entry.attempts,
        accepted: entry.accepted_at.into(),
        due: entry.place.due.into(),
        scheduled: entry.is_scheduled(clock::now()),
        last: entry.last.as_ref().map(|last| last.text.clone()),
    }
}
