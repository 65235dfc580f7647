//! Connections to a socket of a process, kept for the next event.

use super::body::{BodyError, FetchBody};
use crate::process::Socket;
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use std::{
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{net::UnixStream, runtime::Handle, time::Instant};

/// How long a connection is kept: workerd closes one that was silent for five seconds.
const KEPT: Duration = Duration::from_secs(3);
/// Most octets of an answer's head.
const HEAD: usize = 256 * 1024;

/// A conversation with a process came to no good end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// There was no connection.
    #[error("no connection to it: {0}")]
    Connect(#[from] io::Error),
    /// It was no HTTP, or ended early.
    #[error("its connection: {0}")]
    Http(#[from] hyper::Error),
    /// What it answered cannot be read.
    #[error("its answer: {0}")]
    Body(BodyError),
}

/// The connections to one socket.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    socket: Socket,
    /// The runtime on which connections live, whoever uses them.
    runtime: Handle,
    idle: Mutex<Vec<(Instant, SendRequest<FetchBody>)>>,
}

/// A connection that an answer comes by; to be put back once it has been read.
pub(crate) struct Lent {
    pool: Pool,
    sender: SendRequest<FetchBody>,
}

impl Pool {
    /// The pool of a socket.
    pub(crate) fn new(socket: Socket, runtime: Handle) -> Self {
        Self(Arc::new(Shared { socket, runtime, idle: Mutex::default() }))
    }

    /// Sends a request. The connection is put back by the caller, when the body of the response has been read.
    pub(crate) async fn send(
        &self,
        request: Request<FetchBody>,
    ) -> Result<(Response<Incoming>, Lent), Broken> {
        let mut sender = match self.ready().await {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let response = sender.send_request(request).await?;
        Ok((response, Lent { pool: self.clone(), sender }))
    }

    /// The connection that was put back last, if it is good.
    async fn ready(&self) -> Option<SendRequest<FetchBody>> {
        while let Some(mut sender) = self.kept() {
            if sender.ready().await.is_ok() {
                return Some(sender);
            }
        }
        None
    }

    fn kept(&self) -> Option<SendRequest<FetchBody>> {
        let mut idle = self.idle();
        let (since, sender) = idle.pop()?;
        if since.elapsed() > KEPT {
            idle.clear();
            return None;
        }
        Some(sender)
    }

    async fn connect(&self) -> Result<SendRequest<FetchBody>, Broken> {
        let shared = self.0.clone();
        let connecting = self.0.runtime.spawn(async move {
            let stream = UnixStream::connect(shared.socket.path()).await?;
            let made = http1::Builder::new().max_buf_size(HEAD).handshake(TokioIo::new(stream)).await;
            let (sender, connection) = made?;
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "connection to a Worker");
                }
            });
            Ok(sender)
        });
        connecting.await.map_err(io::Error::other)?
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Instant, SendRequest<FetchBody>)>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent {
    /// Keeps the connection for the next request.
    pub(crate) fn put_back(self) {
        if !self.sender.is_closed() {
            self.pool.idle().push((Instant::now(), self.sender));
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("socket", &self.0.socket)
            .field("idle", &self.idle().len())
            .finish_non_exhaustive()
    }
}
