//! Accepting SMTP clients.

use super::{
    Service,
    session::{self, Encryption},
};
use crate::metrics as names;
use mailwright_engine::smtp::{
    reply::{EnhancedCode, Reply, SmtpCode},
    server::ServerConfig,
};
use std::{io, net::SocketAddr, rc::Rc, sync::Arc, time::Duration};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};
use tokio_rustls::TlsAcceptor;

/// Pause after accepting failed, as when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a client is told for which there is no place.
const FULL: &str = "too many connections, try again later";

/// How a listener uses TLS.
#[derive(Debug, Clone)]
pub enum ListenerTls {
    /// Not at all.
    Off,
    /// When the client says STARTTLS (RFC 3207); the listener's `config` must offer it.
    OnRequest(Arc<rustls::ServerConfig>),
    /// From the first octet (RFC 8314 section 3.3).
    Implicit(Arc<rustls::ServerConfig>),
}

/// How clients on the machine itself may log in, where `config` asks for a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoopbackAuth {
    /// As all others.
    UnderTls,
    /// Without TLS too: nobody overhears them.
    InPlainText,
}

/// A listening socket and what it offers.
pub struct Listener {
    /// Bound and listening; non-blocking.
    pub socket: std::net::TcpListener,
    /// A short name for metrics and logs.
    pub name: &'static str,
    /// What sessions offer.
    pub config: ServerConfig,
    /// How it uses TLS.
    pub tls: ListenerTls,
    /// How clients on the machine itself may log in.
    pub loopback_auth: LoopbackAuth,
    /// Most clients at a time; the next is told 421.
    pub max_sessions: usize,
}

/// Binds `address` for a [`Listener`].
///
/// # Errors
/// What the system says.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}

impl Listener {
    /// Serves clients on the current arbiter until `stopping` turns true and the last one has gone.
    ///
    /// # Errors
    /// When the socket cannot be used at all.
    pub async fn run<S: Service + Clone + 'static>(
        self,
        service: S,
        mut stopping: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let listener = TcpListener::from_std(self.socket)?;
        let slots = Arc::new(Semaphore::new(self.max_sessions));
        let config = Arc::new(self.config);
        let full = Reply::new(SmtpCode::SHUTTING_DOWN, Some(EnhancedCode::new(4, 3, 2)), FULL);
        let full: Rc<[u8]> = session::farewell(&config, &full).into();
        let context = Rc::new(session::Context {
            config,
            service,
            encryption: match self.tls {
                ListenerTls::Off => Encryption::Never,
                ListenerTls::OnRequest(tls) => Encryption::OnRequest(TlsAcceptor::from(tls)),
                ListenerTls::Implicit(tls) => Encryption::AtOnce(TlsAcceptor::from(tls)),
            },
            loopback_auth: self.loopback_auth,
            patience: session::PATIENCE,
            stopping: stopping.clone(),
        });
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stopping.wait_for(|stopping| *stopping) => break,
            };
            match (accepted, Arc::clone(&slots).try_acquire_owned()) {
                (Ok((stream, peer)), Ok(slot)) => {
                    let (context, counted) = (Rc::clone(&context), Counted::new(self.name));
                    actix_rt::spawn(async move {
                        if let Err(error) = session::serve(stream, peer, &context).await {
                            tracing::debug!(%peer, %error, "client lost");
                        }
                        drop((slot, counted));
                    });
                }
                // It would take words in plain text for a broken handshake.
                (Ok(_), Err(_)) if matches!(context.encryption, Encryption::AtOnce(_)) => {}
                (Ok((stream, _)), Err(_)) => drop(actix_rt::spawn(turn_away(stream, Rc::clone(&full)))),
                (Err(error), _) => {
                    tracing::warn!(listener = self.name, %error, "accepting failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        let everyone = u32::try_from(self.max_sessions).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        let _ = slots.acquire_many(everyone).await;
        Ok(())
    }
}

/// A client in the gauge of sessions, until dropped: one whose session panicked must not count for ever.
struct Counted(metrics::Gauge);

impl Counted {
    fn new(listener: &'static str) -> Self {
        let sessions = ::metrics::gauge!(names::SMTP_SESSIONS, "listener" => listener);
        sessions.increment(1);
        Self(sessions)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

async fn turn_away(mut stream: TcpStream, reply: Rc<[u8]>) {
    // A client that does not read its refusal needs none.
    let _ = stream.write_all(&reply).await;
}
