//! What a process may ask of us: the other end of its Worker's bindings.
//!
//! Each process has a socket of its own, in its run folder. Which Worker asks is known by the socket, which binding by a
//! header field that workerd writes ([`wire`]). Whatever else comes is the Worker's code talking: it is
//! checked as if it came from the network.
//!
//! `kv` and `queue` speak the protocols of the runtime's own bindings; `send` and `points` those of our modules in
//! `js/`; `desk` that of the entry module. `room` bounds what is in memory, `refusal` is how all of them say no.

mod desk;
mod kv;
mod points;
mod queue;
mod refusal;
mod room;
mod send;

use crate::{Events, Mailer, SendRequest, wire, wire::TraceSink};
use bytes::Bytes;
use desk::Question;
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use kv::Namespace;
use mailwright_engine::{
    time::UnixMillis,
    worker::{ActionError, Binding, BindingKind, ScriptName, SendRules},
};
use mailwright_storage::{
    control::ObjectId,
    workers::{KvStore, PointStore, QueueStore},
};
use queue::Producer;
use refusal::Refusal;
use room::{Kept, Rooms, forget};
use serde_json::json;
use std::{convert::Infallible, io, sync::Arc, time::Duration};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    task::JoinSet,
};

/// Most connections of one process; more wait to be accepted.
const CONNECTIONS: usize = 256;
/// Most octets of a request's head: keys and metadata at their longest, each octet of a key as three.
const HEAD_MAX: usize = 16 << 10;
/// Pause after accepting failed, as when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What all hosts share. Clones are the same.
#[derive(Clone)]
pub(crate) struct Services {
    kv: KvStore,
    queues: QueueStore,
    points: PointStore,
    mailer: Arc<dyn Mailer>,
    now: fn() -> UnixMillis,
    rooms: Rooms,
}

impl Services {
    /// Serves from these stores and sends by `mailer`; `now` is the time by which messages of queues are due and values
    /// go.
    pub(crate) fn new(
        kv: KvStore,
        queues: QueueStore,
        points: PointStore,
        mailer: Arc<dyn Mailer>,
        now: fn() -> UnixMillis,
    ) -> Self {
        Self { kv, queues, points, mailer, now, rooms: Rooms::default() }
    }
}

/// Whom a host serves.
pub(crate) struct HostParts {
    /// Whose Worker it is.
    pub(crate) account: ObjectId,
    /// The Worker.
    pub(crate) script: ScriptName,
    /// The bindings of the version that runs, in the order in which its configuration has them.
    pub(crate) bindings: Vec<Binding>,
    /// The messages that it handles.
    pub(crate) events: Events,
    /// Who takes what its tail worker tells.
    pub(crate) traces: Arc<dyn TraceSink>,
}

/// Serves one process.
#[derive(Clone)]
pub(crate) struct Host(Arc<Inner>);

struct Inner {
    services: Services,
    parts: HostParts,
}

impl Host {
    /// A host for the process that `parts` tell of.
    pub(crate) fn new(services: Services, parts: HostParts) -> Self {
        let services = Services { rooms: services.rooms.share(), ..services };
        Self(Arc::new(Inner { services, parts }))
    }

    /// Serves the process's connections. It ends never: dropped, it hangs up on all of them.
    pub(crate) async fn serve(self, listener: UnixListener) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            // The semaphore is never closed.
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let host = self.clone();
                    connections.spawn(async move {
                        // A process that hangs up has ended or was ended, which is told elsewhere.
                        let _ = host.connection(stream).await;
                        drop(slot);
                    });
                }
                Err(error) => self.0.pause(&error).await,
            }
            while connections.try_join_next().is_some() {}
        }
    }

    async fn connection(self, stream: UnixStream) -> hyper::Result<()> {
        let answer = service_fn(move |request| {
            let host = Arc::clone(&self.0);
            async move { Ok::<_, Infallible>(host.answer(request).await) }
        });
        let mut http = http1::Builder::new();
        http.max_buf_size(HEAD_MAX);
        http.serve_connection(TokioIo::new(stream), answer).await
    }
}

impl Inner {
    async fn pause(&self, error: &io::Error) {
        tracing::warn!(script = %self.parts.script, %error, "accepting a Worker's connection failed");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }

    async fn answer(&self, mut request: Request<Incoming>) -> Response<Kept> {
        match Box::pin(self.dispatch(&mut request)).await {
            Ok(answer) => answer,
            Err(refusal) => {
                tracing::debug!(script = %self.parts.script, %refusal, "a Worker's request was refused");
                forget(request.body_mut()).await;
                refusal.answer()
            }
        }
    }

    async fn dispatch(&self, request: &mut Request<Incoming>) -> Result<Response<Kept>, Refusal> {
        let who = request.headers().get(wire::BINDING).cloned();
        match who.as_ref().and_then(|field| field.to_str().ok()) {
            Some(wire::DESK) => self.desk(request).await,
            Some(wire::TAIL) => self.traces(request).await,
            Some(index) => self.binding(index, request).await,
            None => Err(Refusal::bad("The request says not which binding it is for.")),
        }
    }

    async fn binding(&self, index: &str, request: &mut Request<Incoming>) -> Result<Response<Kept>, Refusal> {
        let found = index.parse::<usize>().ok().and_then(|index| self.parts.bindings.get(index));
        let (services, account) = (&self.services, &self.parts.account);
        match found.map(|binding| &binding.kind) {
            Some(BindingKind::Kv(id)) => Namespace::new(services, account, id)?.answer(request).await,
            Some(BindingKind::Queue { name: queue, delay }) => {
                Producer { services, account, queue, delay: *delay }.answer(request).await
            }
            Some(BindingKind::SendEmail(rules)) => self.send(rules, request).await,
            Some(BindingKind::Analytics(dataset)) => self.points(dataset, request).await,
            _ => Err(Refusal::bad("There is no such binding.")),
        }
    }

    async fn send(
        &self,
        rules: &SendRules,
        request: &mut Request<Incoming>,
    ) -> Result<Response<Kept>, Refusal> {
        expect(request, "/send")?;
        let (body, _room) = self.services.rooms.read(request.body_mut(), send::BODY_MAX).await?;
        let sent = match send::read(&body) {
            Ok(message) => {
                let (account, script) = (self.parts.account.clone(), self.parts.script.clone());
                let request = SendRequest { account, script, rules: rules.clone(), message };
                self.services.mailer.send(request).await
            }
            Err(error) => Err(error),
        };
        let answer = match sent {
            Ok(message_id) => json!({ "messageId": message_id }),
            Err(error) => exception(&error),
        };
        Ok(Response::new(Kept::from(&answer)))
    }

    async fn points(
        &self,
        dataset: &str,
        request: &mut Request<Incoming>,
    ) -> Result<Response<Kept>, Refusal> {
        expect(request, "/points")?;
        let (body, _room) = self.services.rooms.read(request.body_mut(), points::BODY_MAX).await?;
        for point in points::read(&body)? {
            // Each by itself: one that cannot be is no reason to lose the others.
            let written =
                self.services.points.write(&self.parts.account, dataset, vec![point], (self.services.now)());
            if let Err(error) = written {
                tracing::debug!(script = %self.parts.script, %error, "a data point was not written");
            }
        }
        Ok(no_content())
    }

    async fn desk(&self, request: &mut Request<Incoming>) -> Result<Response<Kept>, Refusal> {
        let question = Question::read(request.method(), request.uri().path())?;
        let desk = desk::of(&self.parts.events, request.headers());
        let (body, room) = self.services.rooms.read(request.body_mut(), desk::BODY_MAX).await?;
        let answered = match (desk, question) {
            (Err(error), _) => Err(error),
            (Ok(desk), Question::MayForward) => question.ask(&*desk, &body),
            // A whole message is read and judged.
            (Ok(desk), Question::Reply) => {
                let asked = tokio::task::spawn_blocking(move || question.ask(&*desk, &body)).await;
                asked.map_err(|error| Refusal::storage("reply", &error))?
            }
        };
        drop(room);
        let answer = answered.map_or_else(|error| exception(&error), |()| json!({}));
        Ok(Response::new(Kept::from(&answer)))
    }

    async fn traces(&self, request: &mut Request<Incoming>) -> Result<Response<Kept>, Refusal> {
        let (body, _room) = self.services.rooms.read(request.body_mut(), wire::TRACES_MAX).await?;
        self.parts.traces.traces(&body);
        Ok(no_content())
    }
}

fn expect(request: &Request<Incoming>, path: &str) -> Result<(), Refusal> {
    if request.method() == Method::POST && request.uri().path() == path {
        return Ok(());
    }
    Err(Refusal::bad(format!("This binding takes POST {path}.")))
}

/// What becomes an exception in the Worker's code.
fn exception(ActionError { code, message }: &ActionError) -> serde_json::Value {
    match code {
        Some(code) => json!({ "error": { "code": code, "message": message } }),
        None => json!({ "error": { "message": message } }),
    }
}

fn no_content() -> Response<Kept> {
    let mut answer = Response::new(Kept::from(Bytes::new()));
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}
