//! A domain's protocol dialogues, live.

use crate::{
    access::Operator,
    answer::ApiError,
    openapi::{Input, Known},
    request::query,
    server::AppState,
};
use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Bytes},
};
use mailwright_actors::trace::{Speaker, TraceLine};
use mailwright_engine::address::Domain;
use serde::Deserialize;
use std::{convert::Infallible, time::Duration};
use tokio::{sync::mpsc::Receiver, time::sleep};
use utoipa::IntoParams;

/// How often an empty line is sent where there is nothing to tell: a watcher that is gone is noticed by it.
const HEARTBEAT: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TraceQuery {
    /// The domain.
    #[param(min_length = 1)]
    domain: String,
}

/// `GET trace?domain=`: a line of JSON for each line said on connections that carry the domain's mail, until the
/// client goes. Empty lines mean nothing.
#[utoipa::path(
    get, path = "/client/v4/delivery/trace",
    tag = "Delivery", operation_id = "trace_domain",
    params(TraceQuery),
    responses((status = 200, body = String, content_type = "application/x-ndjson"), Known, Input),
)]
pub(super) async fn trace(
    http: HttpRequest,
    _operator: Operator,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let TraceQuery { domain } = query(&http)?;
    let domain =
        Domain::parse(&domain).map_err(|error| ApiError::senseless("domain", format!("{error}.")))?;
    let first = json_line(&TraceLine {
        connection: domain.to_string(),
        speaker: Speaker::Note,
        text: "watching".to_owned(),
    });
    let watching = Watching { first: Some(first), lines: state.traces.watch(domain), state };
    let lines = futures_util::stream::unfold(watching, |mut watching| async move {
        let line = watching.next().await?;
        Some((Ok::<_, Infallible>(line), watching))
    });
    Ok(HttpResponse::Ok().content_type("application/x-ndjson").streaming(lines))
}

struct Watching {
    /// Says that from here on nothing is missed.
    first: Option<Bytes>,
    lines: Receiver<TraceLine>,
    state: web::Data<AppState>,
}

impl Watching {
    /// The next line; `None` when the server stops.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        tokio::select! {
            line = self.lines.recv() => line.as_ref().map(json_line),
            () = sleep(HEARTBEAT) => Some(Bytes::from_static(b"\n")),
            () = self.state.stops() => None,
        }
    }
}

fn json_line(line: &TraceLine) -> Bytes {
    // Strings and an enum: they always serialise.
    let mut json = serde_json::to_vec(line).unwrap_or_default();
    json.push(b'\n');
    Bytes::from(json)
}
