//! The WebSocket of a tail.

use super::{
    message,
    reader::{Reader, Said},
    register::{Open, Tail},
};
use crate::{
    answer::ApiError,
    openapi::{Input, Lookup},
    patient::Requests,
    request::query,
    server::AppState,
};
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev, web};
use actix_ws::{CloseCode, CloseReason, Closed, Session};
use mailwright_actors::clock;
use mailwright_workers::Run;
use serde::Deserialize;
use std::{rc::Rc, sync::Arc, time::Duration};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Interval, MissedTickBehavior, interval},
};
use utoipa::IntoParams;

/// What the service's tools speak.
const PROTOCOL: &str = "trace-v1";
/// How often the reader is asked whether it is there.
const HEARTBEAT: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConnectQuery {
    /// What the tail's URL has.
    secret: Option<String>,
}

/// `GET …/tails/{tail_id}/connect?secret=`: the WebSocket of a tail, with the subprotocol `trace-v1`: a message of JSON for
/// each event.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/workers/scripts/{script_name}/tails/{tail_id}/connect",
    tag = "Workers", operation_id = "read_worker_tail", security(()),
    params(ConnectQuery), responses((status = 101), Lookup, Input),
)]
pub(crate) async fn connect(
    http: HttpRequest,
    path: web::Path<(String, String, String)>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let ConnectQuery { secret } = query(&http)?;
    let open = state.tails.open(&path.2, &secret.unwrap_or_default(), clock::now());
    let is_named = |open: &Open| open.tail.account.as_str() == path.0 && open.tail.script.as_str() == path.1;
    let open = open.filter(is_named).ok_or_else(|| ApiError::no_object("tail"))?;
    let runs = super::super::running(&state)?.tail(&open.tail.account, &open.tail.script);
    let nothing = web::Payload::from_request(&http, &mut dev::Payload::None).await;
    let begun = nothing.and_then(|nothing| actix_ws::handle_with_protocols(&http, nothing, &[PROTOCOL]));
    let (answer, session, _) =
        begun.map_err(|error| ApiError::schema("", format!("This is read as a WebSocket: {error}.")))?;
    if let Some(requests) = http.conn_data::<Rc<Requests>>() {
        requests.trust();
    }
    let mut beat = interval(HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    actix_web::rt::spawn(Told { state, open, runs, session, client: Reader::new(payload), beat }.run());
    Ok(answer)
}

/// A tail that is told. Nothing of it grows: what comes while its reader is slow is bounded, and what is left out is said.
struct Told {
    state: web::Data<AppState>,
    open: Open,
    runs: Receiver<Arc<Run>>,
    session: Session,
    client: Reader,
    beat: Interval,
}

impl Told {
    async fn run(mut self) {
        // A client that is gone needs no word of it.
        while self.next().await == Ok(true) {}
        let reason = CloseReason { code: CloseCode::Normal, description: None };
        let _ = self.session.close(Some(reason)).await;
    }

    /// Waits for what comes next and acts on it; false at the end.
    async fn next(&mut self) -> Result<bool, Gone> {
        tokio::select! {
            run = self.runs.recv() => match run {
                Ok(run) => self.tell(&run).await?,
                Err(RecvError::Lagged(count)) => {
                    self.session.text(message::missed(count).to_string()).await?;
                }
                Err(RecvError::Closed) => return Ok(false),
            },
            said = self.client.next() => match said {
                Said::Ping(octets) => self.session.pong(&octets).await?,
                Said::Close => return Ok(false),
                Said::Other => {}
            },
            _ = self.beat.tick() => {
                if !is_welcome(&self.state, &self.open.tail) {
                    return Ok(false);
                }
                self.session.ping(b"").await?;
            }
            () = self.state.stops() => return Ok(false),
        }
        Ok(true)
    }

    async fn tell(&mut self, run: &Run) -> Result<(), Gone> {
        if self.open.tail.filters.pass(run, die()) {
            self.session.text(message::message(run).to_string()).await?;
        }
        Ok(())
    }
}

/// The client has gone.
#[derive(Debug, PartialEq, Eq)]
struct Gone;

impl From<Closed> for Gone {
    fn from(_: Closed) -> Self {
        Self
    }
}

/// Whether the tail was not ended, and its maker's token is still good.
fn is_welcome(state: &AppState, tail: &Tail) -> bool {
    let now = clock::now();
    state.tails.has(&tail.id, now)
        && tail.token.as_ref().is_none_or(|token| {
            let known = state.control.token(&token.id);
            known.is_some_and(|known| known.is_active(now) && known.hash == token.hash)
        })
}

/// A number of 0 to 1. Without randomness it is 0, for which everything is told.
fn die() -> f64 {
    let mut octets = [0; 4];
    match aws_lc_rs::rand::fill(&mut octets) {
        Ok(()) => f64::from(u32::from_be_bytes(octets)) / f64::from(u32::MAX),
        Err(_) => 0.0,
    }
}
