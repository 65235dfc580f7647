//! A receiver for very many domains: one socket for all loopback addresses, one thread, any number of connections. It
//! takes every message, notes its number and when it came, and forgets it.
//!
//! Domain number N of the zone that [`records`] writes has a mail exchanger with an address of its own.

use std::fmt::Write;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;

use crate::error::{Context, Error, Result};
use crate::wait;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;

/// How often it is looked whether an answer may still be kept back.
const PAUSE_STEP: Duration = Duration::from_millis(100);

/// What ends a message (RFC 5321 section 4.1.1.4).
const END_OF_DATA: &[u8] = b"\r\n.\r\n";

/// The name of domain number `domain`.
#[must_use]
pub fn domain_name(domain: usize) -> String {
    format!("d{domain}.example")
}

/// The recipient of message number `number` in domain number `domain`.
#[must_use]
pub fn recipient(number: usize, domain: usize) -> String {
    format!("m{number}@{}", domain_name(domain))
}

/// The address of the mail exchanger of domain number `domain`.
#[must_use]
pub fn address_of(domain: usize) -> Ipv4Addr {
    let [_, high, middle, low] = u32::try_from(domain + 1).unwrap_or_default().to_be_bytes();
    Ipv4Addr::new(127, high + 1, middle, low)
}

/// The domain with this number belongs to a provider that accepts connections and never says a word; all of its
/// domains have the one exchanger.
#[must_use]
pub const fn dead_domain(number: usize) -> usize {
    FIRST_DEAD + number
}

/// Domains from this number on are the dead provider's.
const FIRST_DEAD: usize = 1_000_000;

/// The dead provider's address.
const DEAD: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

/// The records of `domains` domains, and of as many at the dead provider, for the zone `example`.
#[must_use]
pub fn records(domains: usize) -> String {
    let mut text = format!("dead A {DEAD}\n");
    for dead in (0..domains).map(dead_domain) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "d{dead} MX 10 dead");
    }
    for domain in 0..domains {
        // Writing to a string does not fail.
        let _ = writeln!(text, "d{domain} MX 10 m{domain}\nm{domain} A {}", address_of(domain));
    }
    text
}

/// A message that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its number.
    pub number: usize,
    /// Its domain's number.
    pub domain: usize,
    /// When its final dot was there.
    pub at: SystemTime,
}

/// A port of every loopback address at which nobody listens yet: who connects is refused.
#[derive(Debug)]
pub struct Closed {
    socket: TcpSocket,
    /// The port.
    pub port: u16,
}

impl Closed {
    /// Takes a free port.
    ///
    /// # Errors
    /// [`Error::Io`] if the system has none.
    pub fn new() -> Result<Self> {
        let what = "reserve a port for the crowd";
        let socket = TcpSocket::new_v4().context(what)?;
        socket.bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))).context(what)?;
        let port = socket.local_addr().context(what)?.port();
        Ok(Self { socket, port })
    }

    /// Begins to receive.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses.
    pub fn open(self) -> Result<Crowd> {
        let books = Arc::<Books>::default();
        let (stop, stopped) = oneshot::channel();
        let (ready, listening) = mpsc::channel();
        let (socket, shared) = (self.socket, Arc::clone(&books));
        let thread = thread::spawn(move || {
            let served = serve(socket, &shared, &ready, stopped);
            // Nobody asks any more when it served; when it could not, this is the answer.
            let _ = ready.send(served);
        });
        let ended = |_| Error::unexpected("open the crowd", "its thread ended");
        listening.recv().map_err(ended)?.context("open the crowd")?;
        Ok(Crowd { books, stop: Some(stop), thread: Some(thread) })
    }
}

#[derive(Debug, Default)]
struct Books {
    arrivals: Mutex<Vec<Arrival>>,
    open: AtomicUsize,
    /// How long the answer to a final dot is kept back, in milliseconds.
    pause: AtomicU64,
}

impl Books {
    /// Waits as long as an answer to a final dot is kept back, which may change meanwhile.
    async fn pause(&self) {
        let begun = Instant::now();
        let left = || Duration::from_millis(self.pause.load(Ordering::Relaxed)).checked_sub(begun.elapsed());
        while let Some(left) = left().filter(|left| !left.is_zero()) {
            tokio::time::sleep(left.min(PAUSE_STEP)).await;
        }
    }
}

/// A running receiver. Dropping it ends it and its connections.
#[derive(Debug)]
pub struct Crowd {
    books: Arc<Books>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Crowd {
    /// Returns what has come, in the order it came.
    #[must_use]
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.books.arrivals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns how many messages have come.
    #[must_use]
    pub fn count(&self) -> usize {
        self.books.arrivals.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Returns how many connections are open.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.books.open.load(Ordering::Relaxed)
    }

    /// Keeps the answer to every final dot back for so long, from now on.
    pub fn set_pause(&self, pause: Duration) {
        let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        self.books.pause.store(pause, Ordering::Relaxed);
    }

    /// Waits until this many messages have come.
    ///
    /// # Errors
    /// [`Error::Timeout`] after `limit`.
    pub fn wait_for(&self, messages: usize, limit: Duration) -> Result<()> {
        let arrived = wait::until("all messages", limit, || Ok((self.count() >= messages).then_some(())));
        arrived.map_err(|error| Error::unexpected(error.to_string(), format!("{} have come", self.count())))
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // One that panicked has been missed by whoever waited for its count.
            let _ = thread.join();
        }
    }
}

/// Accepts connections until `stopped`; says on `ready` when it listens.
fn serve(
    socket: TcpSocket,
    books: &Arc<Books>,
    ready: &mpsc::Sender<io::Result<()>>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = socket.listen(BACKLOG)?;
        // Whoever asked waits for exactly this.
        let _ = ready.send(Ok(()));
        tokio::select! {
            accepted = accept(&listener, books) => accepted,
            _ = stopped => Ok(()),
        }
    })
}

async fn accept(listener: &TcpListener, books: &Arc<Books>) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let books = Arc::clone(books);
        tokio::spawn(async move {
            books.open.fetch_add(1, Ordering::Relaxed);
            // A connection that breaks off leaves its messages uncounted, which the test notices.
            let _ = receive(stream, &books).await;
            books.open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

async fn receive(mut stream: TcpStream, books: &Books) -> io::Result<()> {
    let is_silent = stream.local_addr()?.ip() == DEAD;
    let mut session = Session::default();
    let mut replies = if is_silent { Vec::new() } else { b"220 crowd.example ESMTP\r\n".to_vec() };
    let mut buffer = [0; 4096];
    loop {
        stream.write_all(&replies).await?;
        replies.clear();
        if session.state == State::Over {
            return Ok(());
        }
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        if !is_silent {
            session.pending.extend_from_slice(&buffer[..read]);
            session.advance(&mut replies, books);
        }
        if std::mem::take(&mut session.took) {
            books.pause().await;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum State {
    #[default]
    Command,
    Data,
    Over,
}

/// One connection's dialogue.
#[derive(Debug, Default)]
struct Session {
    pending: Vec<u8>,
    state: State,
    recipients: Vec<(usize, usize)>,
    /// Whether a message has been taken whose answer is still to be written.
    took: bool,
}

impl Session {
    /// Deals with all that is whole of what was read.
    fn advance(&mut self, replies: &mut Vec<u8>, books: &Books) {
        loop {
            let end: &[u8] = if self.state == State::Data { END_OF_DATA } else { b"\r\n" };
            let Some(at) = self.pending.windows(end.len()).position(|window| window == end) else {
                return self.forget_content();
            };
            let whole: Vec<u8> = self.pending.drain(..at + end.len()).collect();
            match self.state {
                State::Command => replies.extend_from_slice(self.command(&whole)),
                State::Data => {
                    let at = SystemTime::now();
                    let arrivals =
                        self.recipients.drain(..).map(|(number, domain)| Arrival { number, domain, at });
                    books.arrivals.lock().unwrap_or_else(PoisonError::into_inner).extend(arrivals);
                    self.state = State::Command;
                    self.took = true;
                    replies.extend_from_slice(b"250 Ok\r\n");
                }
                State::Over => return,
            }
        }
    }

    /// Keeps of a message only what may be the beginning of its end.
    fn forget_content(&mut self) {
        if self.state == State::Data {
            let done = self.pending.len().saturating_sub(END_OF_DATA.len() - 1);
            self.pending.drain(..done);
        }
    }

    fn command(&mut self, line: &[u8]) -> &'static [u8] {
        match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_slice() {
            b"EHLO" => b"250-crowd.example\r\n250 PIPELINING\r\n",
            b"RCPT" => match numbers(line) {
                Some(numbers) => {
                    self.recipients.push(numbers);
                    b"250 Ok\r\n"
                }
                None => b"550 not one of ours\r\n",
            },
            b"MAIL" | b"RSET" => {
                self.recipients.clear();
                b"250 Ok\r\n"
            }
            b"DATA" if self.recipients.is_empty() => b"554 no recipients\r\n",
            b"DATA" => {
                self.state = State::Data;
                b"354 End with a dot\r\n"
            }
            b"QUIT" => {
                self.state = State::Over;
                b"221 Bye\r\n"
            }
            _ => b"502 Not implemented\r\n",
        }
    }
}

/// The numbers in `RCPT TO:<m12@d3.example>`.
fn numbers(line: &[u8]) -> Option<(usize, usize)> {
    let text = std::str::from_utf8(line).ok()?;
    let (_, address) = text.split_once("<m")?;
    let (number, rest) = address.split_once("@d")?;
    let (domain, _) = rest.split_once('.')?;
    Some((number.parse().ok()?, domain.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::SmtpClient;

    #[test]
    fn notes_the_numbers_of_what_it_takes_at_any_address() -> Result<()> {
        let closed = Closed::new()?;
        let port = closed.port;
        let place = |domain| SocketAddr::from((address_of(domain), port));
        assert!(SmtpClient::connect(place(0)).is_err());
        let crowd = closed.open()?;
        for (number, domain) in [(7, 0), (8, 19_999)] {
            let mut client = SmtpClient::connect_and_greet(place(domain))?;
            let content = format!("Subject: x\r\n\r\n{}\r\n", ".x\r\n".repeat(3_000));
            let reply = client.send("", &recipient(number, domain), content.as_bytes())?;
            assert_eq!(reply.code, 250);
            assert_eq!(client.send("", "somebody@d0.example", b"x\r\n")?.code, 550);
        }
        let seen: Vec<_> = crowd.arrivals().iter().map(|arrival| (arrival.number, arrival.domain)).collect();
        assert_eq!(seen, [(7, 0), (8, 19_999)]);
        Ok(())
    }

    #[test]
    fn every_domain_has_an_address_of_its_own() {
        let mut all: Vec<_> = (0..20_000).map(address_of).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 20_000);
        assert!(all.iter().all(Ipv4Addr::is_loopback) && all[0] > Ipv4Addr::new(127, 0, 255, 255));
    }
}
