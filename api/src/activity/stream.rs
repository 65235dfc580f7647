//! What happens to messages, live: Server-Sent Events (WHATWG HTML, section 9.2).

use super::{
    known::{self, About, Met},
    read::{self, FilterQuery, LiveQuery, ZoneQuery},
    scope,
    slots::StreamSlot,
    story,
};
use crate::{
    access::{Caller, Operator},
    answer::ApiError,
    delivery::blocking,
    openapi::{Input, Known, Limited, Lookup},
    request::query,
    server::AppState,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Bytes},
};
use mailwright_actors::clock;
use mailwright_engine::{envelope::Origin, id::QueueId};
use mailwright_storage::{
    activity::{ActivityFilter, Direction, Message, Scope},
    control::Token,
    events::{Event, Heard, Listener, LoggedEvent, Place, Placed, Tail},
};
use serde_json::{Value, json};
use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often a comment is sent: a client that is gone is noticed by it, and a token that ended.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events of the past that are read at a time.
const PAST: usize = 2_000;
/// What a client hears first.
const WELCOME: &[u8] = b": from here on nothing is left out unsaid\n\n";

/// `GET …/sending/messages/stream`: what happens to the account's messages, as Server-Sent Events. The filters are the
/// list's but for times; `Last-Event-ID` goes on after that event.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/email/sending/messages/stream",
    tag = "Activity", operation_id = "stream_messages",
    params(FilterQuery, LiveQuery, ZoneQuery),
    responses((status = 200, body = String, content_type = "text/event-stream"), Known, Lookup, Input, Limited),
)]
pub(super) async fn of_account(
    http: HttpRequest,
    caller: Caller,
    account: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let scope = scope::of_account(&caller, &state, &account, Direction::Sending)?;
    begin(&http, state, read::narrowed(&http, scope)?, &caller)
}

/// `GET /delivery/messages/stream`: the same for all messages.
#[utoipa::path(
    get, path = "/client/v4/delivery/messages/stream",
    tag = "Activity", operation_id = "stream_all_messages",
    params(FilterQuery, LiveQuery, ZoneQuery),
    responses((status = 200, body = String, content_type = "text/event-stream"), Known, Input, Limited),
)]
pub(super) async fn of_all(
    http: HttpRequest,
    caller: Caller,
    _operator: Operator,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    begin(&http, state, read::narrowed(&http, Scope::default())?, &caller)
}

/// Begins to tell the caller what happens in `scope`.
pub(super) fn begin(
    http: &HttpRequest,
    state: web::Data<AppState>,
    scope: Scope,
    caller: &Caller,
) -> Result<HttpResponse, ApiError> {
    let filter = read::live_filter(http, scope.direction)?;
    let LiveQuery { failures } = query(http)?;
    let past = last_event(http)?.map(|place| Tail::new(&state.events_dir, place.after()));
    let slot = state.streams.take(scope.account.as_deref().unwrap_or_default())?;
    let mut beat = interval(HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is at once.
    beat.reset();
    let listener = past.is_none().then(|| state.events.listen());
    let told = Told {
        ready: VecDeque::from([Bytes::from_static(WELCOME)]),
        known: Met::new(filter.addressed.clone()),
        last: None,
        state,
        scope,
        filter,
        only_failures: failures,
        token: caller.token().cloned(),
        listener,
        past,
        beat,
        _slot: slot,
    };
    let events = futures_util::stream::unfold(told, |mut told| async move {
        let bytes = told.next().await?;
        Some((Ok::<_, Infallible>(bytes), told))
    });
    let mut answer = HttpResponse::Ok();
    answer.content_type("text/event-stream").insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(answer.streaming(events))
}

/// The event after which the client wants to go on, if it says so.
fn last_event(http: &HttpRequest) -> Result<Option<Place>, ApiError> {
    let Some(text) = http.headers().get("last-event-id") else { return Ok(None) };
    let place = text.to_str().ok().and_then(|text| text.parse().ok());
    let why = "Last-Event-ID is not the id of an event of this stream.";
    place.map(Some).ok_or_else(|| ApiError::schema("Last-Event-ID", why))
}

/// One client's stream. Nothing of it grows: the listener's buffer is bounded and shared, and what is ready is sent
/// before more is taken.
struct Told {
    state: web::Data<AppState>,
    scope: Scope,
    filter: ActivityFilter,
    only_failures: bool,
    token: Option<Arc<Token>>,
    known: Met,
    ready: VecDeque<Bytes>,
    /// What came while nobody listened, until it is told.
    past: Option<Tail>,
    /// `None` until the past is told to its end.
    listener: Option<Listener>,
    /// The last event that was looked at.
    last: Option<Place>,
    beat: Interval,
    _slot: StreamSlot,
}

/// What a stream wakes up for.
enum Woken {
    Heard(Option<Heard>),
    Beat,
    Stops,
}

impl Told {
    /// What is sent next; `None` when the stream ends.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Some(bytes);
            }
            let done = if self.past.is_some() { self.read_past().await } else { self.listen().await? };
            if let Err(error) = done {
                // The client comes back with the id of the last event that it got.
                tracing::warn!(%error, "a stream of activity was ended");
                return None;
            }
        }
    }

    /// Waits for what is to be told; `None` at the end.
    async fn listen(&mut self) -> Option<Result<(), ApiError>> {
        let listener = self.listener.as_mut()?;
        let woken = tokio::select! {
            heard = listener.next() => Woken::Heard(heard),
            _ = self.beat.tick() => Woken::Beat,
            () = self.state.stops() => Woken::Stops,
        };
        match woken {
            Woken::Heard(Some(Heard::Event(event))) => Some(self.tell(&event).await),
            Woken::Heard(Some(Heard::Missed(count))) => {
                let missed = json!({ "count": count });
                self.ready.push_back(format!("event: missed\ndata: {missed}\n\n").into());
                Some(Ok(()))
            }
            Woken::Beat if self.is_welcome() => {
                self.ready.push_back(Bytes::from_static(b":\n\n"));
                Some(Ok(()))
            }
            Woken::Beat | Woken::Stops | Woken::Heard(None) => None,
        }
    }

    /// Whether the token is still good.
    fn is_welcome(&self) -> bool {
        self.token.as_ref().is_none_or(|token| {
            let now = self.state.control.token(&token.id);
            now.is_some_and(|now| {
                now.is_active(clock::now()) && now.hash == token.hash && now.zones == token.zones
            })
        })
    }

    /// Reads a part of the past. What comes while its end is read is heard, too.
    async fn read_past(&mut self) -> Result<(), ApiError> {
        let Some(mut tail) = self.past.take() else { return Ok(()) };
        let (scope, listens) = (self.scope.clone(), self.listener.is_some());
        let log = self.state.events.clone();
        let read = move || {
            if listens {
                // What was on its way to the file when the listener came is not heard.
                log.flush();
            }
            let mut events = Vec::new();
            for _ in 0..PAST {
                match tail.next_event().map_err(|error| super::unreadable(&error))? {
                    Some(placed) if may_concern(&scope, &placed.logged) => events.push(placed),
                    Some(_) => {}
                    None => return Ok((None, tail, events)),
                }
            }
            Ok((Some(()), tail, events))
        };
        let (more, tail, events) = blocking(read).await?;
        if more.is_some() || self.listener.is_none() {
            self.past = Some(tail);
        }
        if more.is_none() && self.listener.is_none() {
            self.listener = Some(self.state.events.listen());
        }
        for placed in &events {
            self.tell(placed).await?;
        }
        Ok(())
    }

    /// Tells an event, if it is wanted and was not told.
    async fn tell(&mut self, placed: &Placed) -> Result<(), ApiError> {
        let Placed { place, logged } = placed;
        if self.last.is_some_and(|last| *place <= last) {
            return Ok(());
        }
        self.last = Some(*place);
        if self.only_failures && !story::is_failure(&logged.event) {
            return Ok(());
        }
        let Some(id) = logged.about.filter(|_| may_concern(&self.scope, logged)) else { return Ok(()) };
        let Some(about) = self.known.message(&self.state, id, logged).await? else { return Ok(()) };
        if !self.scope.sees(&about.message) {
            return Ok(());
        }
        let row = self.row(id, logged).await?;
        if self.wants(&about, &row, &logged.event) {
            let kind = logged.event.kind();
            let data = data(&about.message, &row);
            self.ready.push_back(format!("id: {place}\nevent: {kind}\ndata: {data}\n\n").into());
        }
        Ok(())
    }

    async fn row(&self, id: QueueId, logged: &LoggedEvent) -> Result<story::Row, ApiError> {
        let direction = self.scope.direction;
        if story::indexes(&logged.event).is_empty() {
            return Ok(story::row(logged, direction, |_| None));
        }
        let report = known::report(&self.state, id, direction).await?;
        let recipients = report.map(|report| report.recipients).unwrap_or_default();
        Ok(story::row(logged, direction, |index| {
            let found = recipients.iter().find(|recipient| recipient.index == index);
            found.map(|recipient| recipient.address.clone())
        }))
    }

    fn wants(&self, about: &About, row: &story::Row, event: &Event) -> bool {
        let filter = &self.filter;
        let (class, words) = story::said(event);
        let to = |wanted: &Option<String>, part: fn(&str) -> &str| {
            let of = |address: &String| part(address).to_lowercase();
            wanted.as_ref().is_none_or(|wanted| row.recipients.iter().any(|address| of(address) == *wanted))
        };
        filter.matches_message(&about.message)
            && filter.status.is_none_or(|status| row.status == Some(status))
            && (!filter.complained || matches!(event, Event::Complaint(_)))
            && filter.class.as_deref().is_none_or(|wanted| wanted == class)
            && filter.reply.as_ref().is_none_or(|text| words.to_lowercase().contains(text.as_str()))
            && (filter.addressed.is_none() || story::is_about_any(event, &about.wanted))
            && to(&filter.recipient, |address| address)
            && to(&filter.domain, |address| address.rsplit_once('@').map_or("", |(_, domain)| domain))
    }
}

/// Whether an event may be for this scope: what can be said without knowing its message.
fn may_concern(scope: &Scope, logged: &LoggedEvent) -> bool {
    let (account, origin) = match &logged.event {
        Event::Accepted(accepted) => (accepted.account.as_ref(), Some(accepted.origin)),
        Event::Attempt(attempt) => (attempt.tenant.as_ref(), None),
        Event::Rejected(refused) | Event::Failed(refused) => (Some(&refused.account), Some(refused.origin)),
        Event::Dropped(dropped) | Event::Processed(dropped) | Event::Held(dropped) => {
            (Some(&dropped.account), Some(Origin::Routing))
        }
        Event::Ran(ran) => (Some(&ran.account), Some(Origin::Routing)),
        _ => return logged.about.is_some(),
    };
    let of_scope = |wanted: &String| account.is_some_and(|account| account.as_str() == wanted);
    logged.about.is_some()
        && origin.is_none_or(|origin| Direction::of(origin) == scope.direction)
        && scope.account.as_ref().is_none_or(of_scope)
}

/// An event with what tells messages apart.
fn data(message: &Message, row: &story::Row) -> Value {
    let mut data = json!({
        "id": message.id.to_string(), "account_id": message.account, "message_id": message.message_id,
        "from": message.from, "subject": message.subject,
    });
    match message.direction() {
        Direction::Sending => data["campaign"] = message.campaign.clone().into(),
        Direction::Routing => data["zone_id"] = message.zone.clone().into(),
    }
    // Strings, numbers and times: they always serialise.
    if let (Value::Object(data), Ok(Value::Object(row))) = (&mut data, serde_json::to_value(row)) {
        data.extend(row);
    }
    data
}
