//! The sink: an SMTP server that takes every message, counts it and forgets it, as fast as it can.

mod session;
mod tls;

pub use tls::Resumption;

use crate::{Error, Result, background::Background, error::Context};
use session::{Session, StartTls};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};
use tokio_rustls::{TlsAcceptor, rustls::HandshakeKind};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;
/// Room for one read from a connection.
const READ: usize = 64 * 1024;
/// Pause between two looks at the count: it bounds how late its end is noticed, not how exactly it is timed.
const PAUSE: Duration = Duration::from_millis(2);

/// An address that belongs to a sink which does not listen yet: who connects is refused.
#[derive(Debug)]
pub struct Reserved {
    socket: TcpSocket,
    address: SocketAddr,
}

impl Reserved {
    /// Takes a free port on loopback.
    ///
    /// # Errors
    /// [`Error::Io`] if the system has none.
    pub fn new() -> Result<Self> {
        Self::at(Ipv4Addr::LOCALHOST)
    }

    /// Takes a free port of all loopback addresses.
    ///
    /// # Errors
    /// [`Error::Io`] if the system has none.
    pub fn everywhere() -> Result<Self> {
        Self::at(Ipv4Addr::UNSPECIFIED)
    }

    fn at(address: Ipv4Addr) -> Result<Self> {
        let what = "reserve an address for the sink";
        let socket = TcpSocket::new_v4().context(what)?;
        socket.bind(SocketAddr::from((address, 0))).context(what)?;
        let address = socket.local_addr().context(what)?;
        Ok(Self { socket, address })
    }

    /// Returns the address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to listen.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses.
    pub fn listen(self) -> Result<Sink> {
        self.receive(None)
    }

    fn receive(self, tls: Option<TlsAcceptor>) -> Result<Sink> {
        let tally = Arc::new(Tally::new());
        let (socket, counted) = (self.socket, Arc::clone(&tally));
        let open = move || Ok(accept(socket.listen(BACKLOG)?, counted, tls));
        let thread = Background::start("the sink", open)?;
        Ok(Sink { address: self.address, tally, _thread: thread })
    }
}

/// A running sink. Dropping it ends it and its connections.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    tally: Arc<Tally>,
    _thread: Background,
}

impl Sink {
    /// Starts a sink on a free port on loopback.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses.
    pub fn start() -> Result<Self> {
        Reserved::new()?.listen()
    }

    /// Starts one that offers STARTTLS, with a certificate that nobody vouches for.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses, [`Error::Unexpected`] if no certificate can be made.
    pub fn with_tls(resumption: Resumption) -> Result<Self> {
        Reserved::new()?.receive(Some(tls::acceptor(resumption)?))
    }

    /// Returns the address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns what has come.
    #[must_use]
    pub fn arrivals(&self) -> Arrivals {
        self.tally.read()
    }

    /// Waits until this many messages have come.
    ///
    /// # Errors
    /// [`Error::Timeout`] if they have not after `limit`, [`Error::Unexpected`] if there are more.
    pub async fn wait_for(&self, messages: u64, limit: Duration) -> Result<Arrivals> {
        let arrivals = self.wait_for_some(messages, limit).await?;
        if arrivals.messages > messages {
            let so_far = format!("{} of {messages} messages", arrivals.messages);
            return Err(Error::unexpected("the sink got a message twice", so_far));
        }
        Ok(arrivals)
    }

    /// Waits until at least this many messages have come.
    ///
    /// # Errors
    /// [`Error::Timeout`] if they have not after `limit`.
    pub async fn wait_for_some(&self, messages: u64, limit: Duration) -> Result<Arrivals> {
        let start = Instant::now();
        loop {
            let arrivals = self.arrivals();
            if arrivals.messages >= messages {
                return Ok(arrivals);
            }
            if start.elapsed() > limit {
                let what = format!("the sink, which got {} of {messages} messages", arrivals.messages);
                return Err(Error::Timeout { what, waited: limit });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What has come, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrivals {
    /// Number of messages.
    pub messages: u64,
    /// When the first was whole.
    pub first: Instant,
    /// When the last was whole.
    pub last: Instant,
    /// Number of connections.
    pub connections: u64,
    /// How many of them began TLS.
    pub encrypted: u64,
    /// How many of these resumed a session.
    pub resumed: u64,
}

/// The count; written by the sink's thread only.
#[derive(Debug)]
struct Tally {
    start: Instant,
    messages: AtomicU64,
    /// Nanoseconds after `start`.
    first: AtomicU64,
    last: AtomicU64,
    connections: AtomicU64,
    encrypted: AtomicU64,
    resumed: AtomicU64,
}

impl Tally {
    fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            start: Instant::now(),
            messages: zero(),
            first: zero(),
            last: zero(),
            connections: zero(),
            encrypted: zero(),
            resumed: zero(),
        }
    }

    fn add(&self, messages: u64) {
        let now = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if self.messages.load(Ordering::Relaxed) == 0 {
            self.first.store(now, Ordering::Relaxed);
        }
        self.last.store(now, Ordering::Relaxed);
        // Last, and releasing: who sees the count sees its times.
        self.messages.fetch_add(messages, Ordering::Release);
    }

    fn read(&self) -> Arrivals {
        let messages = self.messages.load(Ordering::Acquire);
        let at = |nanos: &AtomicU64| self.start + Duration::from_nanos(nanos.load(Ordering::Relaxed));
        Arrivals {
            messages,
            first: at(&self.first),
            last: at(&self.last),
            connections: self.connections.load(Ordering::Relaxed),
            encrypted: self.encrypted.load(Ordering::Relaxed),
            resumed: self.resumed.load(Ordering::Relaxed),
        }
    }
}

/// Accepts connections, from this machine only.
async fn accept(listener: TcpListener, tally: Arc<Tally>, tls: Option<TlsAcceptor>) -> io::Result<()> {
    loop {
        let (stream, client) = listener.accept().await?;
        if client.ip().is_loopback() {
            stream.set_nodelay(true)?;
            tally.connections.fetch_add(1, Ordering::Relaxed);
            // A connection that breaks off leaves its messages uncounted, which the bench notices.
            tokio::spawn(receive(stream, Arc::clone(&tally), tls.clone()));
        }
    }
}

/// Serves one connection.
async fn receive(mut stream: TcpStream, tally: Arc<Tally>, tls: Option<TlsAcceptor>) -> io::Result<()> {
    let Some(tls) = tls else {
        return converse(&mut stream, &mut Session::default(), session::GREETING, &tally).await;
    };
    let mut session = Session::new(StartTls::Offered);
    converse(&mut stream, &mut session, session::GREETING, &tally).await?;
    if !session.is_tls_next() {
        return Ok(());
    }
    let mut stream = tls.accept(stream).await?;
    tally.encrypted.fetch_add(1, Ordering::Relaxed);
    if stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed) {
        tally.resumed.fetch_add(1, Ordering::Relaxed);
    }
    converse(&mut stream, &mut Session::default(), b"", &tally).await
}

/// Says `greeting` and takes the session to its end. What was read at once is answered at once (RFC 2920).
async fn converse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    session: &mut Session,
    greeting: &[u8],
    tally: &Tally,
) -> io::Result<()> {
    let mut replies = greeting.to_vec();
    loop {
        stream.write_all(&replies).await?;
        stream.flush().await?;
        replies.clear();
        if session.is_over() || session.is_tls_next() {
            return Ok(());
        }
        let pending = session.pending();
        pending.reserve(READ);
        if stream.read_buf(pending).await? == 0 {
            return Ok(());
        }
        let messages = session.advance(&mut replies);
        if messages > 0 {
            tally.add(messages);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        generator::{Client, Load},
        message::Domains,
        smtp::{Script, SmtpClient},
    };

    #[tokio::test]
    async fn counts_what_the_generator_sends() {
        let sink = Sink::start().unwrap();
        let (address, script) = (sink.address(), Script::new(Domains::ONE, 2_000));
        let load = Load { sessions: 3, messages: 30, limit: Duration::from_secs(10), pace: None };
        load.run(|| SmtpClient::connect(address, script.clone())).await.unwrap();
        let arrivals = sink.wait_for(30, Duration::from_secs(10)).await.unwrap();
        assert!(arrivals.first < arrivals.last);
        assert!(matches!(sink.wait_for(29, Duration::ZERO).await, Err(Error::Unexpected { .. })));
        assert!(matches!(sink.wait_for(31, Duration::ZERO).await, Err(Error::Timeout { .. })));
    }

    #[tokio::test]
    async fn a_reserved_address_refuses_until_it_listens() {
        let reserved = Reserved::new().unwrap();
        let (address, script) = (reserved.address(), Script::new(Domains::ONE, 10));
        assert!(SmtpClient::connect(address, script.clone()).await.is_err());
        let _sink = reserved.listen().unwrap();
        SmtpClient::connect(address, script).await.unwrap().close().await.unwrap();
    }
}
