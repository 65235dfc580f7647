//! What is in a message: all of it while it waits in the queue, afterwards the beginning, where its sending domain keeps that.
//!
//! A message that waits is read by whoever may administer its account, or the server: it may hold anything, and most people
//! who look at figures need not see it. What a sending domain keeps (`preview_enabled`) is for whoever may see the figures.

pub(crate) mod shown;

use super::{report, scope, with};
use crate::{
    access::{Caller, Operator},
    answer::{self, ApiError},
    delivery::blocking,
    openapi::{Answer, Known, Lookup, objects::contents::MessageContents},
    server::AppState,
};
use actix_web::{HttpResponse, ResponseError, http::StatusCode, web};
use mailwright_actors::control::OrderError;
use mailwright_engine::{id::QueueId, message};
use mailwright_storage::{
    QueueEntry, StorageError,
    activity::{Direction, Scope},
    control::{Account, Permission},
    events::{
        Event,
        event::{Accepted, Kept},
    },
};
use shown::Source;
use utoipa::OpenApi;

/// Events of a message among which its acceptance is: those of an attempt may be written before it.
const FIRST: usize = 10;

/// What the routes are, for the description of the API.
#[derive(OpenApi)]
#[openapi(paths(sent, sent_html, sent_raw, routed, routed_html, routed_raw, any, any_html, any_raw))]
pub(crate) struct Described;

/// The routes.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    let path =
        |of: &str, rest: &str| answer::resource(&format!("/client/v4/{of}/messages/{{id}}/content{rest}"));
    let (sending, routing) = ("accounts/{account_id}/email/sending", "accounts/{account_id}/email/routing");
    config
        .service(path(sending, "").route(web::get().to(sent)))
        .service(path(sending, "/html").route(web::get().to(sent_html)))
        .service(path(sending, "/raw").route(web::get().to(sent_raw)))
        .service(path(routing, "").route(web::get().to(routed)))
        .service(path(routing, "/html").route(web::get().to(routed_html)))
        .service(path(routing, "/raw").route(web::get().to(routed_raw)))
        .service(path("delivery", "").route(web::get().to(any)))
        .service(path("delivery", "/html").route(web::get().to(any_html)))
        .service(path("delivery", "/raw").route(web::get().to(any_raw)));
}

/// `GET …/sending/messages/{id}/content`: what is in a message: all of it while it waits, afterwards the header and the
/// beginning of the HTML, where the sending domain has `preview_enabled`.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/sending/messages/{id}/content",
    tag = "Activity", operation_id = "read_message",
    responses((status = 200, body = Answer<MessageContents>), Known, Lookup),
)]
async fn sent(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    told(find(&state, &Reader::of_account(&caller, &state, &path.0, Direction::Sending)?, &path.1).await?)
        .await
}

/// `GET …/sending/messages/{id}/content/html`: its HTML alone, for a frame: it sandboxes itself and loads nothing.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/sending/messages/{id}/content/html",
    tag = "Activity", operation_id = "show_message_html",
    responses((status = 200, body = String, content_type = "text/html"), Known, Lookup),
)]
async fn sent_html(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    html(find(&state, &Reader::of_account(&caller, &state, &path.0, Direction::Sending)?, &path.1).await?)
        .await
}

/// `GET …/sending/messages/{id}/content/raw`: the message as it waits, as a file.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/sending/messages/{id}/content/raw",
    tag = "Activity", operation_id = "download_message",
    responses((status = 200, body = String, content_type = "message/rfc822"), Known, Lookup),
)]
async fn sent_raw(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    raw(
        find(&state, &Reader::of_account(&caller, &state, &path.0, Direction::Sending)?, &path.1).await?,
        &path.1,
    )
}

/// `GET …/routing/messages/{id}/content`: what is in a message from the world while it waits to go on.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/routing/messages/{id}/content",
    tag = "Activity", operation_id = "read_routed_message",
    responses((status = 200, body = Answer<MessageContents>), Known, Lookup),
)]
async fn routed(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    told(find(&state, &Reader::of_account(&caller, &state, &path.0, Direction::Routing)?, &path.1).await?)
        .await
}

/// `GET …/routing/messages/{id}/content/html`: its HTML alone, for a frame: it sandboxes itself and loads nothing.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/routing/messages/{id}/content/html",
    tag = "Activity", operation_id = "show_routed_message_html",
    responses((status = 200, body = String, content_type = "text/html"), Known, Lookup),
)]
async fn routed_html(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    html(find(&state, &Reader::of_account(&caller, &state, &path.0, Direction::Routing)?, &path.1).await?)
        .await
}

/// `GET …/routing/messages/{id}/content/raw`: the message as it waits, as a file.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/routing/messages/{id}/content/raw",
    tag = "Activity", operation_id = "download_routed_message",
    responses((status = 200, body = String, content_type = "message/rfc822"), Known, Lookup),
)]
async fn routed_raw(
    caller: Caller,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    raw(
        find(&state, &Reader::of_account(&caller, &state, &path.0, Direction::Routing)?, &path.1).await?,
        &path.1,
    )
}

/// `GET /delivery/messages/{id}/content`: what is in any message, in either direction.
#[utoipa::path(
    get, path = "/client/v4/delivery/messages/{id}/content",
    tag = "Activity", operation_id = "read_any_message",
    responses((status = 200, body = Answer<MessageContents>), Known, Lookup),
)]
async fn any(
    _operator: Operator,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    told(find(&state, &Reader::operator(), &id).await?).await
}

/// `GET /delivery/messages/{id}/content/html`: its HTML alone, for a frame: it sandboxes itself and loads nothing.
#[utoipa::path(
    get, path = "/client/v4/delivery/messages/{id}/content/html",
    tag = "Activity", operation_id = "show_any_message_html",
    responses((status = 200, body = String, content_type = "text/html"), Known, Lookup),
)]
async fn any_html(
    _operator: Operator,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    html(find(&state, &Reader::operator(), &id).await?).await
}

/// `GET /delivery/messages/{id}/content/raw`: the message as it waits, as a file.
#[utoipa::path(
    get, path = "/client/v4/delivery/messages/{id}/content/raw",
    tag = "Activity", operation_id = "download_any_message",
    responses((status = 200, body = String, content_type = "message/rfc822"), Known, Lookup),
)]
async fn any_raw(
    _operator: Operator,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    raw(find(&state, &Reader::operator(), &id).await?, &id)
}

/// Who reads, and what he may.
struct Reader {
    /// What he may see of figures; `None` for everything.
    scope: Option<Scope>,
    /// Whose mail that waits he may read; `None` for everybody's.
    account: Option<Account>,
    may_read_waiting: bool,
}

impl Reader {
    fn operator() -> Self {
        Self { scope: None, account: None, may_read_waiting: true }
    }

    fn of_account(
        caller: &Caller,
        state: &AppState,
        account: &str,
        direction: Direction,
    ) -> Result<Self, ApiError> {
        let scope = scope::of_account(caller, state, account, direction)?;
        let may_read_waiting = caller.account(state, account, Permission::Admin).is_ok();
        let account = caller.account(state, account, Permission::AnalyticsRead)?;
        Ok(Self { scope: Some(scope), account: Some(account), may_read_waiting })
    }

    fn owns(&self, entry: &QueueEntry) -> bool {
        let owner = &entry.place.class.tenant;
        self.account.as_ref().is_none_or(|account| owner.is_some() && *owner == account.id.tenant())
    }
}

/// What was found of a message.
enum Found {
    /// It waits: all of it.
    Waiting(Vec<u8>),
    /// It has gone: what was kept.
    Kept(Box<Accepted>, Box<Kept>),
}

async fn find(state: &AppState, reader: &Reader, id: &str) -> Result<Found, ApiError> {
    let id: QueueId = id.parse().map_err(|_| ApiError::no_object("message"))?;
    let waiting = waiting(state, reader, id).await?;
    match (waiting, reader.may_read_waiting) {
        (Some(octets), true) => Ok(Found::Waiting(octets)),
        (waiting, _) => match kept(state, reader, id).await? {
            Some((accepted, kept)) => Ok(Found::Kept(accepted, kept)),
            None if waiting.is_some() => Err(ApiError::forbidden()
                .with_detail("What is in a message that waits is for those who may administer its account.")),
            None => Err(not_kept()),
        },
    }
}

fn not_kept() -> ApiError {
    ApiError::no_object("message").with_detail(
        "What was in this message is not kept. Set preview_enabled for its sending domain, and the header and the \
         beginning of the HTML of messages to come will be.",
    )
}

/// The whole message, if it waits and goes the reader's way.
async fn waiting(state: &AppState, reader: &Reader, id: QueueId) -> Result<Option<Vec<u8>>, ApiError> {
    let entries = state.spool.entries_of(id).await.map_err(OrderError::from)?;
    let Some(first) = entries.into_iter().next().filter(|entry| reader.owns(entry)) else { return Ok(None) };
    let spool = state.spool.clone();
    let loaded = blocking(move || match spool.load(&first) {
        Ok(message) => Ok(Some(message)),
        // It has gone, or its journal was tidied up, since the queue was asked.
        Err(StorageError::Missing { .. }) => Ok(None),
        Err(error) => Err(OrderError::from(error).into()),
    });
    let goes_their_way = |direction| reader.scope.as_ref().is_none_or(|scope| scope.direction == direction);
    let message = loaded.await?.filter(|message| goes_their_way(Direction::of(message.envelope.origin)));
    Ok(message.map(|message| [&message.content.head[..], &message.content.body[..]].concat()))
}

/// What was kept of a message that the reader may know of.
///
/// # Errors
/// 404 if there is no such message.
async fn kept(
    state: &AppState,
    reader: &Reader,
    id: QueueId,
) -> Result<Option<(Box<Accepted>, Box<Kept>)>, ApiError> {
    let scopes = match &reader.scope {
        Some(scope) => vec![scope.clone()],
        None => vec![Scope::default(), scope::of_world()],
    };
    let mut found = Err(ApiError::no_object("message"));
    for scope in scopes {
        match report(state, scope.clone(), &id.to_string()).await {
            Ok(_) => found = with(state, move |log| log.timeline(&scope, id, None, FIRST)).await,
            Err(error) if error.status_code() == StatusCode::NOT_FOUND => {}
            Err(error) => return Err(error),
        }
    }
    let events = found?.map(|page| page.events).unwrap_or_default();
    Ok(events.into_iter().find_map(|logged| match logged.event {
        Event::Accepted(mut accepted) => accepted.kept.take().map(|kept| (accepted, kept)),
        _ => None,
    }))
}

/// Everything that was found, as JSON.
async fn told(found: Found) -> Result<HttpResponse, ApiError> {
    let told = blocking(move || {
        Ok(match found {
            Found::Waiting(octets) => {
                shown::whole(Source::Queue, &message::contents(&octets), octets.len() as u64)
            }
            Found::Kept(accepted, kept) => shown::kept(&accepted, &kept),
        })
    });
    Ok(answer::success(told.await?))
}

/// Its HTML, shut in.
async fn html(found: Found) -> Result<HttpResponse, ApiError> {
    let html = blocking(move || {
        Ok(match found {
            Found::Waiting(octets) => message::html_alone(&octets),
            Found::Kept(_, kept) => kept.html,
        })
    });
    html.await?.map(shown::html).ok_or_else(shown::no_html)
}

fn raw(found: Found, id: &str) -> Result<HttpResponse, ApiError> {
    match found {
        Found::Waiting(octets) => Ok(shown::raw(octets, id)),
        Found::Kept(..) => Err(ApiError::no_object("message")
            .with_detail("The whole message is there only while it waits; this one has left the queue.")),
    }
}
