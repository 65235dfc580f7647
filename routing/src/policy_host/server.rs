//! The HTTPS server around [`PolicyHost`].
//!
//! The name that a client asks for by SNI says which certificate it is shown; what it gets then depends on the Host field
//! alone, for all of it is public. A client that offers `acme-tls/1` and nothing else is an authority that looks at a
//! challenge (RFC 8737 section 3): it is shown the challenge's certificate and nothing is said.

use super::PolicyHost;
use crate::acme::Challenges;
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use mailwright_actors::{
    certificates::Certificates,
    clock,
    smtp::guard::{AddressLimits, Guard},
    tls::TlsError,
};
use rustls::{ServerConfig, server::Acceptor};
use std::{convert::Infallible, io, net::SocketAddr, rc::Rc, sync::Arc, time::Duration};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::timeout,
};
use tokio_rustls::LazyConfigAcceptor;

/// How long a connection may take in all. Senders ask at once and are answered with a few hundred octets.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most octets of a request's head: as few as the library knows. Senders need some two hundred.
const MOST_HEAD: usize = 8_192;
/// Most fields of a request.
const MOST_FIELDS: usize = 32;
/// Pause after accepting failed, as when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the server is made of.
pub struct PolicyServerParts {
    /// What it answers.
    pub host: PolicyHost,
    /// What it shows.
    pub certificates: Arc<Certificates>,
    /// The challenges that it answers.
    pub challenges: Challenges,
    /// Most clients at a time, over all listeners; the next is hung up on.
    pub max_connections: usize,
    /// Most from one address (of IPv6 from one network of 64 bits).
    pub max_connections_per_address: usize,
}

/// The server. Clones share its limits.
#[derive(Clone)]
pub struct PolicyServer {
    host: PolicyHost,
    tls: Arc<ServerConfig>,
    challenges: Challenges,
    slots: Arc<Semaphore>,
    guard: Arc<Guard>,
}

impl PolicyServer {
    /// Serves as `parts` say.
    ///
    /// # Errors
    /// When there can be no TLS; not with the provider built in.
    pub fn new(parts: PolicyServerParts) -> Result<Self, TlsError> {
        let mut tls = ServerConfig::clone(&*parts.certificates.server()?);
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        // There is nothing to fail at without log-ins.
        let limits = AddressLimits {
            sessions: parts.max_connections_per_address,
            failures: 1,
            at_once: 0,
            memory: Duration::ZERO,
            sessions_per_minute: 0,
            messages_per_minute: 0,
        };
        Ok(Self {
            host: parts.host,
            tls: Arc::new(tls),
            challenges: parts.challenges,
            slots: Arc::new(Semaphore::new(parts.max_connections)),
            guard: Arc::new(Guard::new(limits)),
        })
    }

    /// Serves the clients of one socket, bound, listening and non-blocking, on the current thread until `stopping` turns true. Those that are connected
    /// then are not waited for: they ask again.
    ///
    /// # Errors
    /// When the socket cannot be used at all.
    pub async fn run(
        self,
        socket: std::net::TcpListener,
        mut stopping: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let listener = TcpListener::from_std(socket)?;
        let server = Rc::new(self);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stopping.wait_for(|stopping| *stopping) => return Ok(()),
            };
            match accepted {
                Ok((stream, peer)) => server.take(stream, peer),
                Err(error) => {
                    tracing::warn!(listener = "policy_host", %error, "accepting failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Serves a client if it may be served: who has connected too often is hung up on, there is no plain text to say
    /// why in.
    fn take(self: &Rc<Self>, stream: TcpStream, peer: SocketAddr) {
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else { return };
        let Ok(turn) = self.guard.admit(peer.ip(), clock::now()) else { return };
        let server = Rc::clone(self);
        tokio::task::spawn_local(async move {
            match timeout(PATIENCE, Box::pin(server.serve(stream))).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%peer, %error, "client of the policy host lost"),
                Err(_) => tracing::debug!(%peer, "client of the policy host took too long"),
            }
            drop((slot, turn));
        });
    }

    async fn serve(&self, stream: TcpStream) -> Result<(), Box<dyn std::error::Error>> {
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        if let Some(challenge) = self.challenges.asked_for(&hello.client_hello()) {
            let mut stream = hello.into_stream(challenge).await?;
            return Ok(stream.shutdown().await?);
        }
        let stream = hello.into_stream(Arc::clone(&self.tls)).await?;
        let answer = service_fn(|request: Request<Incoming>| {
            std::future::ready(Ok::<_, Infallible>(self.host.answer(&request)))
        });
        let mut http = http1::Builder::new();
        http.keep_alive(false).max_buf_size(MOST_HEAD).max_headers(MOST_FIELDS);
        http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
        Ok(http.serve_connection(TokioIo::new(stream), answer).await?)
    }
}
