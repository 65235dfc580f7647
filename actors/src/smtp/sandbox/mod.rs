//! The sandbox: a mail exchanger that keeps everything it gets, and misbehaves on request.
//!
//! What it does about a client is decided by the pure [`Receiver`] of its [`Personality`]; here are its sockets
//! and its disk. It drives sessions with code of its own instead of the listeners' because it does what no server
//! should: answer single octets, go deaf, say goodbye to a RSET. The protocol itself is the same
//! [`ServerSession`](mailwright_engine::smtp::server::ServerSession).

mod conversation;
mod store;

pub use store::{KeptId, KeptMessage, Store};

use crate::{clock, metrics as names};
use conversation::Conversation;
use mailwright_engine::{
    sandbox::{Answer, Event, Personality, Receiver, Stats, Visit, Wire},
    smtp::server::{ReceivedMessage, ServerConfig, StartTls},
};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

/// What a sandbox calls itself, and the name in its certificate.
pub const HOSTNAME: &str = "sandbox.localhost";

/// Pause after accepting failed, as when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// One sandbox: a personality, a store and its books. Clones share everything.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    receiver: Mutex<Receiver>,
    wire: Wire,
    store: Arc<Store>,
    config: Arc<ServerConfig>,
    tls: Option<TlsAcceptor>,
}

impl Sandbox {
    /// A sandbox before its first client; it offers STARTTLS if it is given `tls`.
    pub fn new(personality: Personality, store: Arc<Store>, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let receiver = Receiver::new(personality, clock::unix_micros());
        let starttls = if tls.is_some() { StartTls::Offered } else { StartTls::NotOffered };
        let config = ServerConfig { starttls, ..ServerConfig::new(HOSTNAME) };
        Self(Arc::new(Inner {
            wire: receiver.wire(),
            receiver: Mutex::new(receiver),
            store,
            config: Arc::new(config),
            tls: tls.map(TlsAcceptor::from),
        }))
    }

    /// What it has done so far.
    pub fn stats(&self) -> Stats {
        self.0.receiver().stats().clone()
    }

    /// Receives on the current arbiter until `stopping` turns true and the last client has gone. Those that are
    /// between two commands are told 421; to end the others too, drop the future.
    ///
    /// # Errors
    /// When the socket cannot be used at all.
    pub async fn run(
        self,
        socket: std::net::TcpListener,
        mut stopping: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let listener = TcpListener::from_std(socket)?;
        let mut conversations = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                // Collects those that have ended, so that the set does not grow.
                Some(_) = conversations.join_next() => continue,
                _ = stopping.wait_for(|stopping| *stopping) => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let (inner, stopping) = (Arc::clone(&self.0), stopping.clone());
                    conversations.spawn_local(serve(stream, peer, inner, stopping));
                }
                Err(error) => {
                    tracing::warn!(listener = "sandbox", %error, "accepting failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        while conversations.join_next().await.is_some() {}
        Ok(())
    }
}

impl Inner {
    /// The decisions. A thread that panicked while deciding left them in order: each is one small step.
    fn receiver(&self) -> MutexGuard<'_, Receiver> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves one client until it goes.
async fn serve(stream: TcpStream, peer: SocketAddr, inner: Arc<Inner>, stopping: watch::Receiver<bool>) {
    let (guest, answer) = Guest::enter(&inner, peer);
    let conversation = Conversation::new(guest, &inner, stopping);
    if let Err(error) = conversation.hold(stream, answer).await {
        tracing::debug!(%peer, %error, "client of the sandbox lost");
    }
}

/// A client in the books, until dropped.
struct Guest<'a> {
    inner: &'a Inner,
    visit: Visit,
    sessions: metrics::Gauge,
}

impl<'a> Guest<'a> {
    fn enter(inner: &'a Inner, peer: SocketAddr) -> (Self, Answer) {
        let (visit, answer) = inner.receiver().connect(peer.ip().to_canonical(), clock::now());
        let sessions = ::metrics::gauge!(names::SMTP_SESSIONS, "listener" => "sandbox");
        sessions.increment(1);
        (Self { inner, visit, sessions }, answer)
    }

    /// What to do about something that the client does.
    fn ask(&self, event: &Event<'_>) -> Answer {
        self.inner.receiver().on(&self.visit, event, clock::now())
    }

    /// Keeps a message and returns the name of its file. It writes on the sandbox's own thread: nothing else runs
    /// there.
    fn keep(&mut self, message: &ReceivedMessage) -> io::Result<String> {
        let name = self.inner.store.keep(message)?;
        self.inner.receiver().kept(&mut self.visit, message.recipients.len());
        Ok(name)
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.inner.receiver().leave(&self.visit);
        self.sessions.decrement(1);
    }
}
