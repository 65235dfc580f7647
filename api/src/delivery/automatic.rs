//! What the engine did by itself of late, from the event log.

use super::{blocking, model::Moment};
use crate::{
    access::Operator,
    answer::{self, ApiError},
    openapi::{Answer, Input, Known},
    request::query,
    server::AppState,
    time::read_time,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::{clock, control::OrderError};
use mailwright_engine::time::UnixMillis;
use mailwright_storage::{
    StorageError,
    events::{
        Event, EventKind, EventReader, LoggedEvent, ScanFilter,
        event::{Automatic, Fallback, Family},
    },
};
use serde::{Deserialize, Serialize};
use std::{collections::VecDeque, time::Duration};
use utoipa::{IntoParams, ToSchema};

/// How far back it is looked when nobody says.
const A_DAY: Duration = Duration::from_secs(86_400);
/// The furthest: each day of log is read through.
const FURTHEST: Duration = Duration::from_secs(7 * 86_400);
/// Actions that are told when nobody says, and most.
const ACTIONS: usize = 100;
const ACTIONS_MAX: usize = 1_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AutomaticQuery {
    /// From then on, at most seven days ago; a day ago when nobody says.
    since: Option<String>,
    /// Most actions, the newest; 100 when nobody says.
    #[param(minimum = 1, maximum = 1_000)]
    limit: Option<usize>,
}

/// Something that the engine did by itself.
#[derive(Debug, Serialize, ToSchema)]
struct AutomaticAction {
    /// When.
    at: Moment,
    /// Towards which site.
    site: String,
    /// For which source; `null` for all.
    source: Option<String>,
    /// For which tenant; `null` for all.
    tenant: Option<String>,
    /// What it does, in words.
    action: String,
    /// What made it.
    cause: String,
    /// When it ends; `null` if it ends step by step or is an end itself.
    until: Option<Moment>,
}

/// `GET automatic?since=&limit=`: what the engine did by itself, and why; the newest first.
#[utoipa::path(
    get, path = "/client/v4/delivery/automatic", tag = "Delivery", operation_id = "list_automatic_actions",
    params(AutomaticQuery), responses((status = 200, body = Answer<Vec<AutomaticAction>>), Known, Input),
)]
pub(super) async fn automatic(
    http: HttpRequest,
    _operator: Operator,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let AutomaticQuery { since, limit } = query(&http)?;
    let limit = limit.unwrap_or(ACTIONS);
    if !(1..=ACTIONS_MAX).contains(&limit) {
        let why = format!("Between 1 and {ACTIONS_MAX} actions are told.");
        return Err(ApiError::senseless("limit", why));
    }
    let now = clock::now();
    let since = since.map(|text| read_time("since", &text)).transpose()?;
    let since = since.unwrap_or_else(|| before(now, A_DAY)).max(before(now, FURTHEST));
    let reader = EventReader::new(&state.events_dir);
    let found = blocking(move || Ok(newest(&reader, since, now, limit).map_err(OrderError::from)?));
    Ok(answer::success(found.await?.iter().rev().filter_map(shown).collect::<Vec<_>>()))
}

fn before(now: UnixMillis, time: Duration) -> UnixMillis {
    UnixMillis::new(now.as_millis().saturating_sub(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
}

/// The last `limit` of them, in the order of time.
fn newest(
    reader: &EventReader,
    since: UnixMillis,
    now: UnixMillis,
    limit: usize,
) -> Result<VecDeque<LoggedEvent>, StorageError> {
    let filter = ScanFilter { kinds: vec![EventKind::Automatic, EventKind::Fallback], about: None };
    let mut found = VecDeque::new();
    for event in reader.scan(since, now, &filter)? {
        if found.len() == limit {
            found.pop_front();
        }
        found.push_back(event?);
    }
    Ok(found)
}

fn shown(logged: &LoggedEvent) -> Option<AutomaticAction> {
    let at = logged.at.into();
    match &logged.event {
        Event::Automatic(automatic) => {
            let Automatic { site, source, tenant, action, cause, until } = automatic.as_ref();
            Some(AutomaticAction {
                at,
                site: site.clone(),
                source: source.as_ref().map(ToString::to_string),
                tenant: tenant.as_ref().map(ToString::to_string),
                action: action.clone(),
                cause: cause.clone(),
                until: until.map(Moment::from),
            })
        }
        Event::Fallback(Fallback { site, from, to, reason }) => Some(AutomaticAction {
            at,
            site: site.clone(),
            source: None,
            tenant: None,
            action: format!("tries {} instead of {}", name(*to), name(*from)),
            cause: reason.clone(),
            until: None,
        }),
        _ => None,
    }
}

const fn name(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}
