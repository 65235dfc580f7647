//! The listener of the front door.

use super::{
    Fetch, address,
    fields::{strip_hop_by_hop, tell_of_client},
    patience::{Connection, Sent},
    refused::{answer, instead},
};
use crate::FetchBody;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use mailwright_engine::worker::ScriptName;
use mailwright_storage::control::ObjectId;
use std::{convert::Infallible, io, net::IpAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::timeout,
};

/// Most octets of a request's head.
const HEAD_MAX: usize = 32 << 10;
/// Most fields of a request.
const FIELDS_MAX: usize = 100;
/// How long a client may send nothing of a body, or read nothing of an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a request's head may take, and a connection may be without one.
const HEAD_PATIENCE: Duration = Duration::from_secs(15);
/// Most octets of a request's body.
const BODY_MAX: u64 = 100 << 20;
/// Pause after accepting failed, as when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Which Workers a door leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Those at `NAME.SUBDOMAIN.` of a domain, in lower case.
    Below(String),
    /// One, whatever host a request names.
    One(ObjectId, ScriptName),
}

/// Settings of a door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorSettings {
    /// Which Workers it leads to.
    pub scope: Scope,
    /// Most clients at a time; more wait to be accepted.
    pub max_connections: usize,
}

/// Serves clients.
pub(crate) struct Listener<F> {
    workers: F,
    settings: DoorSettings,
    patience: Duration,
}

impl<F: Fetch> Listener<F> {
    pub(crate) fn new(workers: F, settings: DoorSettings) -> Self {
        Self { workers, settings, patience: PATIENCE }
    }

    /// As it is, but clients may be idle for so long.
    #[cfg(test)]
    pub(crate) fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Serves the clients of a socket, bound, listening and non-blocking, until `stopping` turns true. Requests under way
    /// are answered then, as far as they are within half a minute.
    ///
    /// # Errors
    /// When the socket cannot be used at all.
    pub(crate) async fn run(
        self,
        socket: std::net::TcpListener,
        stopping: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let listener = TcpListener::from_std(socket)?;
        let slots = Arc::new(Semaphore::new(self.settings.max_connections));
        let door = Arc::new(self);
        let mut clients = JoinSet::new();
        let is_over = stopping.clone();
        let accept = async {
            loop {
                // The semaphore is never closed.
                let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
                match listener.accept().await {
                    Ok((stream, peer)) => {
                        let (door, is_over) = (Arc::clone(&door), is_over.clone());
                        clients.spawn(async move {
                            let served = Box::pin(door.client(stream, peer.ip(), is_over)).await;
                            if let Err(error) = served {
                                tracing::debug!(%peer, %error, "client of a Worker lost");
                            }
                            drop(slot);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(listener = "workers", %error, "accepting failed");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
                while clients.try_join_next().is_some() {}
            }
        };
        let mut stopping = stopping;
        tokio::select! {
            () = accept => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
        let ended = async { while clients.join_next().await.is_some() {} };
        if timeout(PATIENCE, ended).await.is_err() {
            tracing::info!("requests for Workers were cut off by the end of the server");
        }
        Ok(())
    }

    async fn client(
        self: Arc<Self>,
        stream: TcpStream,
        peer: IpAddr,
        mut stopping: watch::Receiver<bool>,
    ) -> hyper::Result<()> {
        // Without effect where it fails.
        let _ = stream.set_nodelay(true);
        let door = &self;
        let answer = service_fn(move |request| async move {
            Ok::<_, Infallible>(Box::pin(door.answer(request, peer)).await)
        });
        let mut http = http1::Builder::new();
        http.max_buf_size(HEAD_MAX).max_headers(FIELDS_MAX);
        http.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
        let connection = http.serve_connection(TokioIo::new(Connection::new(stream, self.patience)), answer);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            served = connection.as_mut() => return served,
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
        connection.as_mut().graceful_shutdown();
        connection.await
    }

    async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Response<FetchBody> {
        let (account, script) = match self.place(&request) {
            Ok(place) => place,
            Err((status, why)) => return answer(status, why),
        };
        if request.size_hint().lower() > BODY_MAX {
            return answer(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The request is longer than the 100 MiB that it may have.",
            );
        }
        let mut request = request.map(|body| Sent::boxed(body, BODY_MAX, self.patience));
        strip_hop_by_hop(request.headers_mut());
        tell_of_client(request.headers_mut(), peer);
        match self.workers.fetch(&account, &script, request).await {
            Ok(mut answer) => {
                strip_hop_by_hop(answer.headers_mut());
                answer
            }
            Err(error) => {
                tracing::debug!(%account, %script, %error, "a Worker has not answered a request");
                instead(&error)
            }
        }
    }

    /// Whose a request is; a status and a sentence if nobody's.
    fn place<B>(&self, request: &Request<B>) -> Result<(ObjectId, ScriptName), (StatusCode, &'static str)> {
        if request.method() == Method::CONNECT {
            return Err((StatusCode::METHOD_NOT_ALLOWED, "This is no proxy."));
        }
        let domain = match &self.settings.scope {
            Scope::One(account, script) => return Ok((account.clone(), script.clone())),
            Scope::Below(domain) => domain,
        };
        let host = address::host(request.uri(), request.headers());
        let host = host.ok_or((StatusCode::BAD_REQUEST, "The request names no host."))?;
        let found = address::place(&host, domain);
        let found = found.and_then(|place| self.workers.at(&place.script, &place.subdomain));
        found.ok_or((StatusCode::NOT_FOUND, "There is no Worker at this address."))
    }
}
