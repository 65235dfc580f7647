//! The sink: an SMTP server that takes every message, counts it and forgets it, as fast as it can.
//!
//! On a thread of its own, so that the generator's work does not delay its answers.

mod session;

use crate::{Error, Result, error::Context};
use session::Session;
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::oneshot,
};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;
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
        let what = "reserve an address for the sink";
        let socket = TcpSocket::new_v4().context(what)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).context(what)?;
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
        let tally = Arc::new(Tally::new());
        let (stop, stopped) = oneshot::channel();
        let (ready, listening) = mpsc::channel();
        let (socket, counted) = (self.socket, Arc::clone(&tally));
        let thread = thread::spawn(move || {
            let served = serve(socket, &counted, &ready, stopped);
            // Nobody asks any more when it served; when it could not, this is the answer.
            let _ = ready.send(served);
        });
        let ended = |_| Error::unexpected("start the sink", "its thread ended");
        listening.recv().map_err(ended)?.context("start the sink")?;
        Ok(Sink { address: self.address, tally, stop: Some(stop), thread: Some(thread) })
    }
}

/// A running sink. Dropping it ends it and its connections.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    tally: Arc<Tally>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sink {
    /// Starts a sink on a free port on loopback.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses.
    pub fn start() -> Result<Self> {
        Reserved::new()?.listen()
    }

    /// Returns the address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until this many messages have come.
    ///
    /// # Errors
    /// [`Error::Timeout`] if they have not after `limit`, [`Error::Unexpected`] if there are more.
    pub async fn wait_for(&self, messages: u64, limit: Duration) -> Result<Arrivals> {
        let start = Instant::now();
        loop {
            let arrivals = self.tally.read();
            if arrivals.messages == messages {
                return Ok(arrivals);
            }
            let so_far = format!("{} of {messages} messages", arrivals.messages);
            if arrivals.messages > messages {
                return Err(Error::unexpected("the sink got a message twice", so_far));
            }
            if start.elapsed() > limit {
                return Err(Error::Timeout { what: format!("the sink, which got {so_far}"), waited: limit });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A sink that panicked has been missed by whoever waited for its count.
            let _ = thread.join();
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
}

/// The count; written by the sink's thread only.
#[derive(Debug)]
struct Tally {
    start: Instant,
    messages: AtomicU64,
    /// Nanoseconds after `start`.
    first: AtomicU64,
    last: AtomicU64,
}

impl Tally {
    fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self { start: Instant::now(), messages: zero(), first: zero(), last: zero() }
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
        Arrivals { messages, first: at(&self.first), last: at(&self.last) }
    }
}

/// Accepts connections until `stopped`; says on `ready` when it listens.
fn serve(
    socket: TcpSocket,
    tally: &Arc<Tally>,
    ready: &mpsc::Sender<io::Result<()>>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = socket.listen(BACKLOG)?;
        // Whoever asked waits for exactly this.
        let _ = ready.send(Ok(()));
        tokio::select! {
            accepted = accept(&listener, tally) => accepted,
            _ = stopped => Ok(()),
        }
    })
}

async fn accept(listener: &TcpListener, tally: &Arc<Tally>) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A connection that breaks off leaves its messages uncounted, which the bench notices.
        tokio::spawn(receive(stream, Arc::clone(tally)));
    }
}

/// Serves one connection. What was read at once is answered at once (RFC 2920).
async fn receive(mut stream: TcpStream, tally: Arc<Tally>) -> io::Result<()> {
    let mut session = Session::default();
    let mut replies = session::GREETING.to_vec();
    loop {
        stream.write_all(&replies).await?;
        replies.clear();
        if session.is_over() {
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
        let load = Load { sessions: 3, messages: 30, limit: Duration::from_secs(10) };
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
