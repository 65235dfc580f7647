//! Whether mail is taken now.

use super::now;
use crate::server::AppState;
use actix_web::{HttpResponse, web};
use mailwright_actors::intake::IntakeError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One of the things that mail needs to be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ReadyCheck)]
pub struct Check {
    /// `running`, `journal`, `disk`, `queue`, `delivery` or `memory`.
    pub name: String,
    /// Whether it is well.
    pub ok: bool,
    /// What is found, in words.
    pub text: String,
}

/// Whether mail is taken now, and what says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// Whether all is well.
    pub ready: bool,
    /// Each thing that mail needs.
    pub checks: Vec<Check>,
}

/// `GET /ready`: 200 when mail is taken now, 503 when it would be refused or the server is about to stop. What waits is
/// delivered all the same.
#[utoipa::path(
    get, path = "/ready", tag = "Server", operation_id = "get_readiness", security(()),
    responses((status = 200, body = Ready), (status = 503, body = Ready)),
)]
pub(crate) async fn ready(state: web::Data<AppState>) -> HttpResponse {
    let spool = state.spool.clone();
    // The file system is asked: it may be slow. A disk that does not say is taken to have no room.
    let disk_room = web::block(move || spool.has_disk_room().unwrap_or(false)).await.unwrap_or(false);
    let checks = checks(&state, disk_room);
    let is_ready = checks.iter().all(|check| check.ok);
    let mut response = if is_ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    now(response.json(Ready { ready: is_ready, checks }))
}

fn checks(state: &AppState, disk_room: bool) -> Vec<Check> {
    let room = state.intake.has_room();
    let is_full = matches!(room, Err(IntakeError::QueueFull));
    vec![
        check("running", !state.is_leaving(), "The server runs.", "The server is about to stop."),
        check(
            "journal",
            !state.spool.is_failed(),
            "What is accepted gets safe.",
            "Journal or queue state failed: nothing is accepted until a restart. The log says why.",
        ),
        check(
            "disk",
            disk_room,
            "There is room for mail.",
            "There is no room for more mail (spool.min_free); what waits is delivered.",
        ),
        check(
            "queue",
            !is_full,
            "The queue takes mail.",
            "The queue has as many entries as it may (spool.max_entries).",
        ),
        check(
            "delivery",
            is_full || room.is_ok(),
            "Delivery keeps up with what is accepted.",
            "Too much accepted mail waits to be queued: it is refused for a moment.",
        ),
        check(
            "memory",
            state.bodies.has_room(),
            "There is memory for requests.",
            "The requests being read take all the memory that is theirs: more are refused for a moment.",
        ),
    ]
}

fn check(name: &str, ok: bool, well: &str, wrong: &str) -> Check {
    Check { name: name.to_owned(), ok, text: if ok { well } else { wrong }.to_owned() }
}
