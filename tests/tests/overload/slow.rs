//! Clients that hold what they have without using it ("slowloris"): silent ones, those that send an octet now and then,
//! and those that do not read what they asked for.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mailwright_tests::crowd::recipient;
use mailwright_tests::error::{Context, Result};
use mailwright_tests::http;
use mailwright_tests::http_connection::{HttpConnection, submission_head};
use mailwright_tests::message::SENDER;
use mailwright_tests::needs::{long, tell};
use mailwright_tests::smtp::SmtpClient;

use crate::world::World;

/// Clients of each kind.
const EACH: usize = 150;
/// HTTP clients that stay connected between two requests.
const IDLE: usize = 1_000;
/// The pause between two octets of a client.
const PACE: Duration = Duration::from_millis(500);
/// The most memory that one of them takes: an SMTP session has a buffer of 16 KiB.
const MEMORY: u64 = 64 << 10;
/// What time-outs may take longer than they are.
const SLACK: Duration = Duration::from_secs(15);

/// The time-outs of the server, shortest first: the head of a request, a connection without one, a small body, and
/// an SMTP client that is silent.
const HEAD: Duration = Duration::from_secs(10);
const KEPT: Duration = Duration::from_secs(15);
const BODY: Duration = Duration::from_secs(30);
const SILENCE: Duration = Duration::from_secs(300);

/// Clients that send an octet now and then, from a thread of their own.
struct Trickle {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Trickle {
    fn start(streams: &[&TcpStream]) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let copies = streams.iter().map(|stream| stream.try_clone().context("share a connection"));
        let (streams, stopped) = (copies.collect::<Result<Vec<_>>>()?, Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                for mut stream in &streams {
                    // One that the server has ended has nothing more to send.
                    let _ = stream.write(b"x");
                }
                thread::sleep(PACE);
            }
        });
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Trickle {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // It cannot panic.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Makes many of the same kind.
fn many(count: usize, one: impl Fn() -> Result<TcpStream>) -> Result<Vec<TcpStream>> {
    (0..count).map(|_| one()).collect()
}

impl World {
    /// An SMTP client that has said hello.
    pub(crate) fn greeted(&self) -> Result<TcpStream> {
        Ok(SmtpClient::connect_and_greet(self.server.smtp)?.into_stream())
    }

    /// An SMTP client that has begun a message.
    pub(crate) fn in_content(&self) -> Result<TcpStream> {
        let mut client = SmtpClient::connect_and_greet(self.server.smtp)?;
        for (command, code) in [
            (format!("MAIL FROM:<{SENDER}>"), 250),
            (format!("RCPT TO:<{}>", recipient(0, 0)), 250),
            ("DATA".into(), 354),
        ] {
            assert_eq!(client.command(&command)?.code, code);
        }
        Ok(client.into_stream())
    }

    /// An HTTP client that has begun the head of a request.
    pub(crate) fn in_head(&self) -> Result<TcpStream> {
        let mut client = HttpConnection::open(self.server.http)?;
        client.write(b"GET /health HTTP/1.1\r\nhost: mailwright\r\nx-slow: ")?;
        Ok(client.into_stream())
    }

    /// An HTTP client that has begun the body of a request.
    pub(crate) fn in_body(&self) -> Result<TcpStream> {
        let mut client = HttpConnection::open(self.server.http)?;
        client.write(format!("{}{{", submission_head(&self.installation.account, 10_000)).as_bytes())?;
        Ok(client.into_stream())
    }

    /// An HTTP client that has had an answer.
    fn answered(&self) -> Result<HttpConnection> {
        let mut client = HttpConnection::open(self.server.http)?;
        assert_eq!(client.get("/health")?.status, 200);
        Ok(client)
    }
}

/// Waits until the server has ended every connection, `limit` and some slack after `start`, and returns the last words
/// to one of them.
fn until_ended(what: &str, streams: &mut [TcpStream], start: Instant, limit: Duration) -> Result<String> {
    let mut words = String::new();
    for stream in streams {
        let left = (limit + SLACK).saturating_sub(start.elapsed()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left)).context("set the read limit")?;
        let mut octets = Vec::new();
        match stream.read_to_end(&mut octets) {
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            read => drop(read.context(format!("the end of {what} after {limit:?}"))?),
        }
        words = String::from_utf8_lossy(&octets).into_owned();
    }
    tell(&format!("{what}: ended within {:?}", start.elapsed()));
    Ok(words)
}

#[test]
fn slow_clients_do_not_slow_the_others_and_are_sent_away() -> Result<()> {
    let world = World::with(|_| {})?;
    let alone = world.latency()?;
    let idle = world.server.process.resident_bytes()?;
    let start = Instant::now();
    let mut silent = many(EACH, || world.greeted())?;
    let commands = many(EACH, || world.greeted())?;
    let contents = many(EACH, || world.in_content())?;
    let mut heads = many(EACH, || world.in_head())?;
    let mut bodies = many(EACH, || world.in_body())?;
    let mut kept = many(IDLE, || Ok(world.answered()?.into_stream()))?;
    let slow = [&commands, &contents, &heads, &bodies].into_iter().flatten().collect::<Vec<_>>();
    let _trickle = Trickle::start(&slow)?;

    let beside = world.latency()?;
    let grown = world.server.process.resident_bytes()?.saturating_sub(idle) / (5 * EACH + IDLE) as u64;
    alone
        .assert_hardly_more(beside, &format!("{} slow clients of {} KiB each", 5 * EACH + IDLE, grown >> 10));
    assert!(grown < MEMORY, "{} KiB a client", grown >> 10);

    let words = until_ended("heads that trickle", &mut heads, start, HEAD)?;
    assert!(words.starts_with("HTTP/1.1 408"), "{words}");
    until_ended("connections without a request", &mut kept, start, KEPT)?;
    if long() {
        let words = until_ended("bodies that trickle", &mut bodies, start, BODY)?;
        assert!(words.starts_with("HTTP/1.1 408"), "{words}");
        let words = until_ended("silent SMTP clients", &mut silent, start, SILENCE)?;
        assert!(words.starts_with("421 4.4.2"), "{words}");
    }
    world.assert_unharmed()
}

#[test]
fn the_head_of_a_later_request_has_a_time_too() -> Result<()> {
    let world = World::with(|_| {})?;
    let start = Instant::now();
    let second = || {
        let mut client = world.answered()?;
        client.write(b"G")?;
        Ok(client.into_stream())
    };
    let mut heads = many(EACH, second)?;
    until_ended("heads of second requests", &mut heads, start, KEPT).map(drop)
}

#[test]
fn answers_that_nobody_reads_do_not_fill_the_memory() -> Result<()> {
    const CLIENTS: usize = 20;
    const REQUESTS: usize = 2_000;
    /// Answers under way for a client, of the thousands that it asked for.
    const MOST: u64 = 40;
    let world = World::with(|_| {})?;
    let answer = http::get(world.server.http, "/metrics")?.text.len() as u64;
    let idle = world.server.process.resident_bytes()?;
    let requests = "GET /metrics HTTP/1.1\r\nhost: mailwright\r\n\r\n".repeat(REQUESTS);
    let ask = || {
        let mut stream = HttpConnection::open(world.server.http)?.into_stream();
        stream.set_nonblocking(true).context("do not wait")?;
        // As many as there is room for.
        let _ = stream.write(requests.as_bytes());
        Ok(stream)
    };
    let _deaf = many(CLIENTS, ask)?;
    // Others are served all the while, and with them whatever was asked before.
    world.latency()?;
    let grown = world.server.process.peak_resident_bytes()?.saturating_sub(idle) / CLIENTS as u64;
    tell(&format!("a client that asks for {} KiB and does not read takes {} KiB", answer >> 10, grown >> 10));
    assert!(grown < MOST * answer, "{} KiB a client", grown >> 10);
    Ok(())
}

#[test]
fn other_clients_are_served_once_those_that_say_nothing_are_sent_away() -> Result<()> {
    /// More than the API has places for.
    const SILENT: usize = 4_050;
    let world = World::with(|_| {})?;
    let start = Instant::now();
    let connect = || TcpStream::connect(world.server.http).context("connect");
    let _silent = many(SILENT, connect)?;
    let connected = start.elapsed();
    let waited = world.send_by_http()?;
    tell(&format!(
        "{SILENT} silent HTTP clients connected in {connected:?}; the next one's message took {waited:?}"
    ));
    assert!(start.elapsed() < HEAD + SLACK, "{waited:?}");
    world.assert_unharmed()
}
