//! Telling of requests, for whoever makes traces of them.

use crate::server::AppState;
use actix_web::{
    HttpMessage, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};
use mailwright_actors::clock;
use mailwright_engine::{id::QueueId, time::UnixMillis};
use std::{
    net::IpAddr,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// Routes that machines ask every few seconds, and of which nobody wants to hear.
const UNTOLD: [&str; 4] = ["/health", "/ready", "/metrics", "/version"];

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedRequest {
    /// When it came.
    pub began: UnixMillis,
    /// How long its answer took to begin.
    pub took: Duration,
    /// Its method.
    pub method: String,
    /// The pattern that its path met; `None` for an unknown route. Never the path itself, which may be a secret.
    pub route: Option<String>,
    /// The status code of the answer.
    pub status: u16,
    /// Address of the client.
    pub client: Option<IpAddr>,
    /// What it is a part of, as it says itself (W3C Trace Context).
    pub traceparent: Option<String>,
    /// The same, for those who made that.
    pub tracestate: Option<String>,
    /// The messages that were accepted with it.
    pub messages: Vec<QueueId>,
}

/// Where answered requests are told.
#[derive(Clone)]
pub struct RequestFeed(Option<Told>);

#[derive(Clone)]
struct Told {
    to: mpsc::Sender<ServedRequest>,
    lost: fn(),
}

impl RequestFeed {
    /// A feed, and its end, with room for so many requests; `lost` is called for each beyond them.
    pub fn new(room: usize, lost: fn()) -> (Self, mpsc::Receiver<ServedRequest>) {
        let (to, served) = mpsc::channel(room);
        (Self(Some(Told { to, lost })), served)
    }

    /// Nobody wants to hear.
    pub const fn disabled() -> Self {
        Self(None)
    }

    /// Begins to look at a request, if anybody wants to hear of it.
    pub(crate) fn begin(&self, request: &ServiceRequest) -> Option<Noted> {
        let told = self.0.clone().filter(|_| !UNTOLD.contains(&request.path()))?;
        let header = |name: &str| Some(request.headers().get(name)?.to_str().ok()?.to_owned());
        let request = ServedRequest {
            began: clock::now(),
            took: Duration::ZERO,
            method: request.method().as_str().to_owned(),
            route: None,
            status: 0,
            client: request.peer_addr().map(|client| client.ip()),
            traceparent: header("traceparent"),
            tracestate: header("tracestate"),
            messages: Vec::new(),
        };
        Some(Noted { told, request, begun: Instant::now() })
    }
}

/// A request under way that is told of.
pub(crate) struct Noted {
    told: Told,
    request: ServedRequest,
    begun: Instant,
}

impl Noted {
    /// Tells what was answered. Never waits.
    pub(crate) fn end(mut self, answer: &ServiceResponse<impl MessageBody>) {
        let request = answer.request();
        self.request.took = self.begun.elapsed();
        self.request.status = answer.status().as_u16();
        self.request.route = request.match_pattern();
        self.request.messages = request.extensions_mut().remove::<Messages>().unwrap_or_default().0;
        if self.told.to.try_send(self.request).is_err() {
            (self.told.lost)();
        }
    }
}

/// The messages that were accepted with a request.
#[derive(Debug, Default)]
struct Messages(Vec<QueueId>);

/// Notes which messages were accepted with a request, if anybody wants to hear of it.
pub(crate) fn accepted(http: &HttpRequest, state: &AppState, messages: impl IntoIterator<Item = QueueId>) {
    if state.served.0.is_some() {
        http.extensions_mut().insert(Messages(messages.into_iter().collect()));
    }
}
