//! The inbox of the sandbox that receives all mail in `mailwright dev`: `/client/v4/delivery/sandbox/messages`.
//!
//! Everywhere else there is none, and each of its routes answers so.

mod stream;

use crate::{
    access::Operator,
    activity::contents::shown::{self, Source},
    answer::{self, ApiError},
    delivery::{blocking, model::Moment},
    openapi::{
        Answer, Input, Known, Lookup, PageOf,
        objects::{
            accounts::Removed,
            contents::{ReceivedContents, ReceivedMessage, RemovedMessages},
        },
    },
    page::{Page, PageQuery},
    request::query,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::smtp::sandbox::{KeptId, KeptMessage, Store};
use mailwright_engine::message::{self, lint::lint};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{io, sync::Arc};
use utoipa::{IntoParams, OpenApi};

/// Octets of a message that are read for the list.
const HEAD: u64 = 64 << 10;
/// The largest message that is read, in octets: more than one can be sent.
const WHOLE: u64 = 64 << 20;
/// Most messages that are searched, the newest: each has a file.
const SEARCHED: usize = 5_000;

/// What the routes are, for the description of the API.
#[derive(OpenApi)]
#[openapi(paths(list, clear, get, remove, html, raw, attachment, stream::stream))]
pub(crate) struct Described;

/// The routes.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    let resource = |path: &str| answer::resource(&format!("/client/v4/delivery/sandbox/messages{path}"));
    config
        .service(resource("").route(web::get().to(list)).route(web::delete().to(clear)))
        .service(resource("/stream").route(web::get().to(stream::stream)))
        .service(resource("/{id}").route(web::get().to(get)).route(web::delete().to(remove)))
        .service(resource("/{id}/html").route(web::get().to(html)))
        .service(resource("/{id}/raw").route(web::get().to(raw)))
        .service(resource("/{id}/attachments/{number}").route(web::get().to(attachment)));
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct InboxQuery {
    /// What sender, recipients or subject hold.
    search: Option<String>,
}

/// `GET sandbox/messages?search=&page=&per_page=`: what the sandbox has received, the newest first.
#[utoipa::path(
    get, path = "/client/v4/delivery/sandbox/messages", tag = "Sandbox", operation_id = "list_received",
    params(PageQuery, InboxQuery), responses((status = 200, body = PageOf<ReceivedMessage>), Known, Lookup, Input),
)]
async fn list(
    http: HttpRequest,
    _operator: Operator,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (page, InboxQuery { search }) = (Page::of(&http)?, query(&http)?);
    let search = search.unwrap_or_default().to_lowercase();
    let (rows, total) = with(&state, move |store| {
        let ids = store.ids()?;
        if search.is_empty() {
            let of_page = ids.iter().skip(page.skip()).take(page.most());
            return Ok((rows(store, of_page)?, ids.len()));
        }
        let found: Vec<_> =
            rows(store, ids.iter().take(SEARCHED))?.into_iter().filter(|row| holds(row, &search)).collect();
        let total = found.len();
        Ok((found.into_iter().skip(page.skip()).take(page.most()).collect(), total))
    })
    .await?;
    Ok(page.answer(&rows, total))
}

/// Rows of the list; what was removed meanwhile is left out.
fn rows<'a>(store: &Store, ids: impl Iterator<Item = &'a KeptId>) -> io::Result<Vec<Value>> {
    let mut rows = Vec::new();
    for id in ids {
        rows.extend(store.read(id, HEAD)?.map(|message| row(id, &message)));
    }
    Ok(rows)
}

/// A message as in the list.
fn row(id: &KeptId, message: &KeptMessage) -> Value {
    let headers = message::shown_headers(&message.content);
    let header = |wanted: &str| {
        headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str())
    };
    json!({
        "id": id.to_text(), "received_at": Moment::from(id.received_at()), "mail_from": message.mail_from,
        "recipients": message.recipients, "from": header("From"), "subject": header("Subject"), "size": message.size,
    })
}

fn holds(row: &Value, search: &str) -> bool {
    let texts = ["mail_from", "from", "subject"].iter().filter_map(|key| row[key].as_str());
    let recipients = row["recipients"].as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.chain(recipients).any(|text| text.to_lowercase().contains(search))
}

/// `GET sandbox/messages/{id}`: what is in a message, how it came, and what it would be better without, or with.
#[utoipa::path(
    get, path = "/client/v4/delivery/sandbox/messages/{id}", tag = "Sandbox", operation_id = "read_received",
    responses((status = 200, body = Answer<ReceivedContents>), Known, Lookup),
)]
async fn get(
    _operator: Operator,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let told = read(&state, &id, |id, message| {
        let contents = message::contents(&message.content);
        let mut told = row(id, &message);
        let checks = lint(&message.content).into_iter().map(|finding| {
            json!({
                "id": finding.id, "level": finding.level.as_str(), "text": finding.text, "help": finding.help,
            })
        });
        told["checks"] = checks.collect();
        if let (Value::Object(told), Value::Object(contents)) =
            (&mut told, shown::whole(Source::Sandbox, &contents, message.size))
        {
            told.extend(contents);
        }
        told
    });
    Ok(answer::success(told.await?))
}

/// `GET sandbox/messages/{id}/html`: its HTML alone, for a frame: it sandboxes itself and loads nothing.
#[utoipa::path(
    get, path = "/client/v4/delivery/sandbox/messages/{id}/html", tag = "Sandbox", operation_id = "show_received_html",
    responses((status = 200, body = String, content_type = "text/html"), Known, Lookup),
)]
async fn html(
    _operator: Operator,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let html = read(&state, &id, |_, message| message::html_alone(&message.content)).await?;
    html.map(shown::html).ok_or_else(shown::no_html)
}

/// `GET sandbox/messages/{id}/raw`: the message as it was received, as a file.
#[utoipa::path(
    get, path = "/client/v4/delivery/sandbox/messages/{id}/raw", tag = "Sandbox", operation_id = "download_received",
    responses((status = 200, body = String, content_type = "message/rfc822"), Known, Lookup),
)]
async fn raw(
    _operator: Operator,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    Ok(shown::raw(read(&state, &id, |_, message| message.content).await?, &id))
}

/// `GET sandbox/messages/{id}/attachments/{number}`: a file of the message, counted from 0 in the order of `attachments`.
#[utoipa::path(
    get, path = "/client/v4/delivery/sandbox/messages/{id}/attachments/{number}",
    tag = "Sandbox", operation_id = "download_received_attachment",
    responses((status = 200, body = String, content_type = "application/octet-stream"), Known, Lookup),
)]
async fn attachment(
    _operator: Operator,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let number: usize = path.1.parse().map_err(|_| ApiError::no_object("attachment"))?;
    let found =
        read(&state, &path.0, move |_, message| message::attached_file(&message.content, number)).await?;
    let (file, octets) = found.ok_or_else(|| ApiError::no_object("attachment"))?;
    Ok(shown::attached(&file, octets))
}

/// `DELETE sandbox/messages/{id}`: removes a message.
#[utoipa::path(
    delete, path = "/client/v4/delivery/sandbox/messages/{id}", tag = "Sandbox", operation_id = "remove_received",
    responses((status = 200, body = Answer<Removed>), Known, Lookup),
)]
async fn remove(
    _operator: Operator,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let kept = KeptId::parse(&id).ok_or_else(no_message)?;
    let text = kept.to_text();
    match with(&state, move |store| store.remove(&kept)).await? {
        true => Ok(answer::success(json!({ "id": text }))),
        false => Err(no_message()),
    }
}

/// `DELETE sandbox/messages`: removes all messages.
#[utoipa::path(
    delete, path = "/client/v4/delivery/sandbox/messages", tag = "Sandbox", operation_id = "clear_received",
    responses((status = 200, body = Answer<RemovedMessages>), Known, Lookup),
)]
async fn clear(_operator: Operator, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let removed = with(&state, |store| {
        let mut removed = 0;
        for id in store.ids()? {
            removed += u64::from(store.remove(&id)?);
        }
        Ok(removed)
    });
    Ok(answer::success(json!({ "removed": removed.await? })))
}

/// Reads a whole message and makes something of it, off the worker's thread.
async fn read<T: Send + 'static>(
    state: &AppState,
    id: &str,
    make: impl FnOnce(&KeptId, KeptMessage) -> T + Send + 'static,
) -> Result<T, ApiError> {
    let id = KeptId::parse(id).ok_or_else(no_message)?;
    let made =
        with(state, move |store| Ok(store.read(&id, WHOLE)?.map(|message| make(&id, message)))).await?;
    made.ok_or_else(no_message)
}

/// Asks the sandbox's store. It waits for the disk, so not on the worker's thread.
async fn with<T: Send + 'static>(
    state: &AppState,
    work: impl FnOnce(&Store) -> io::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    let store = store(state)?;
    blocking(move || {
        work(&store).map_err(|error| {
            tracing::error!(%error, "the sandbox's folder was not read or changed");
            ApiError::unavailable(
                "The sandbox's folder could not be read or changed; the server's log says why.",
            )
        })
    })
    .await
}

/// # Errors
/// 404 where there is no sandbox.
fn store(state: &AppState) -> Result<Arc<Store>, ApiError> {
    state.sandbox.clone().ok_or_else(|| {
        ApiError::no_object("sandbox").with_detail(
            "This server sends mail to the world and has no sandbox; `mailwright dev` starts one that has.",
        )
    })
}

fn no_message() -> ApiError {
    ApiError::no_object("message").with_detail("The sandbox keeps no message with this id.")
}
