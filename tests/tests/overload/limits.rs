//! What the server takes on at a time: beyond it, clients hear that they are to come back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mailwright_tests::crowd::recipient;
use mailwright_tests::error::{Error, Result};
use mailwright_tests::http_connection::{HttpConnection, submission_head};
use mailwright_tests::message::{SENDER, Token};
use mailwright_tests::metrics::QUEUED;
use mailwright_tests::needs::{long, tell};
use mailwright_tests::smtp::{Reply, SmtpClient};
use mailwright_tests::wait;

use crate::world::{LIMIT, World};

/// Octets of the largest request.
const LARGEST: usize = 36 << 20;
/// Octets of all requests that are being read.
const IN_ALL: usize = 256 << 20;

/// Recipients of a message: the most that it may have.
const RECIPIENTS: usize = 1_000;
/// Clients that flood.
const CLIENTS: usize = 8;
/// The memory that a domain takes which waits for its turn, beside what a busy server has anyway.
const MEMORY_PER_DOMAIN: u64 = 512;
const MEMORY: u64 = 160 << 20;

impl World {
    /// Begins a request of the largest size, and returns at once what it is told if it is not to go on.
    fn begin_large_request(&self) -> Result<HttpConnection> {
        let mut client = HttpConnection::open(self.server.http)?;
        client.write(submission_head(&self.installation.account, LARGEST).as_bytes())?;
        Ok(client)
    }
}

#[test]
fn requests_beyond_the_memory_for_them_are_refused_for_now() -> Result<()> {
    let world = World::with(|_| {})?;
    // One more than there is memory for, and any of them may be the last.
    let begin = |_| world.begin_large_request();
    let mut reading = (0..=IN_ALL / LARGEST).map(begin).collect::<Result<Vec<_>>>()?;
    let refused = wait::until("a refusal", LIMIT, || first_answered(&reading))?;
    let answer = reading.remove(refused).read_answer()?;
    assert_eq!((answer.status, answer.retry_after.is_some()), (503, true), "{answer:?}");
    assert_eq!(first_answered(&reading)?, None, "more are refused than there is no memory for");
    // A small one still finds room, and a large one does once the others have gone.
    world.send_by_http()?;
    drop(reading);
    wait::until("memory for a large request", LIMIT, || {
        let again = world.begin_large_request()?;
        // Whoever is refused is so before others are answered.
        world.send_by_http()?;
        Ok((!again.is_answered()?).then_some(()))
    })
}

/// The number of the first client that has an answer.
fn first_answered(clients: &[HttpConnection]) -> Result<Option<usize>> {
    for (number, client) in clients.iter().enumerate() {
        if client.is_answered()? {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// Sends messages to a thousand recipients each, every one in a domain of its own, until `until`; the first refusal.
fn flood_with_domains(world: &World, numbers: &AtomicUsize, until: Instant) -> Result<Option<Reply>> {
    let mut client = SmtpClient::connect_and_greet(world.server.smtp)?;
    while Instant::now() < until {
        let first = numbers.fetch_add(RECIPIENTS, Ordering::Relaxed);
        let recipients =
            (first..first + RECIPIENTS).map(|number| format!("RCPT TO:<{}>\r\n", recipient(number, number)));
        client.write(
            format!("MAIL FROM:<{SENDER}>\r\n{}DATA\r\n", recipients.collect::<String>()).as_bytes(),
        )?;
        let replies = (0..RECIPIENTS + 2).map(|_| client.read_reply()).collect::<Result<Vec<_>>>()?;
        if let Some(refusal) = replies.into_iter().find(|reply| !reply.is_positive()) {
            return Ok(Some(refusal));
        }
        client.write(b"Subject: x\r\n\r\nx\r\n.\r\n")?;
        let reply = client.read_reply()?;
        if !reply.is_positive() {
            return Ok(Some(reply));
        }
    }
    Ok(None)
}

#[test]
fn a_flood_of_domains_is_refused_for_now_when_it_is_too_much() -> Result<()> {
    let time = Duration::from_secs(if long() { 60 } else { 4 });
    let world = World::with(|_| {})?;
    let idle = world.server.process.resident_bytes()?;
    let (numbers, until) = (AtomicUsize::new(0), Instant::now() + time);
    let refusals = thread::scope(|scope| {
        let client = |_| scope.spawn(|| flood_with_domains(&world, &numbers, until));
        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        let panicked = |_| Err(Error::unexpected("a flooding client", "panicked"));
        clients.into_iter().map(|client| client.join().unwrap_or_else(panicked)).collect::<Result<Vec<_>>>()
    })?;
    let refusals: Vec<_> = refusals.into_iter().flatten().collect();
    assert!(refusals.iter().all(|reply| reply.code == 452), "{refusals:?}");

    let grown = world.server.process.peak_resident_bytes()?.saturating_sub(idle);
    let queued = world.server.metrics()?.get(QUEUED);
    tell(&format!(
        "{queued} entries for as many domains, {} MiB of memory more; {} of {CLIENTS} clients were refused for now",
        grown >> 20,
        refusals.len()
    ));
    assert!(grown < MEMORY + queued * MEMORY_PER_DOMAIN, "{} MiB of memory", grown >> 20);
    wait::until("a message that is accepted again", LIMIT, || {
        let mut client = SmtpClient::connect_and_greet(world.server.smtp)?;
        Ok((client.send(SENDER, &recipient(0, 0), b"Subject: x\r\n\r\nx\r\n")?.code == 250).then_some(()))
    })?;
    world.assert_unharmed()
}

/// Messages that a full queue holds.
const MOST_QUEUED: usize = 30;

#[test]
fn a_full_queue_refuses_for_now_and_takes_mail_again() -> Result<()> {
    let world = World::with(|config| config.spool = format!("max_entries = {MOST_QUEUED}"))?;
    world.crowd.set_pause(Duration::from_secs(3));
    let mut client = SmtpClient::connect_and_greet(world.server.smtp)?;
    let mut send = || client.send(SENDER, &recipient(0, 0), b"Subject: x\r\n\r\nx\r\n");
    for _ in 0..MOST_QUEUED {
        assert!(send()?.is_positive());
    }
    let refused = send()?;
    assert_eq!((refused.code, refused.lines[0].starts_with("4.3.1")), (452, true), "{refused:?}");
    let answer = world.installation.api(&world.server).submit(&Token::new("full", 0).request("x"))?;
    assert_eq!((answer.status, answer.retry_after.is_some()), (503, true), "{answer:?}");
    world.crowd.set_pause(Duration::ZERO);
    wait::until("room in the queue", LIMIT, || Ok(send()?.is_positive().then_some(())))
}

/// Octets of a message that is never finished, and clients that have one under way: more than there is memory for.
const UNFINISHED: usize = 20 << 20;
const UNFINISHED_CLIENTS: usize = 20;

#[test]
fn messages_that_are_not_finished_have_a_bound_in_common() -> Result<()> {
    const MOST: u64 = 400 << 20;
    let world = World::with(|_| {})?;
    let idle = world.server.process.resident_bytes()?;
    let line = [b"x".repeat(998).as_slice(), b"\r\n"].concat();
    let content = line.repeat(UNFINISHED / line.len());
    let mut clients = Vec::new();
    for _ in 0..UNFINISHED_CLIENTS {
        let mut client = SmtpClient::connect_and_greet(world.server.smtp)?;
        for command in [&format!("MAIL FROM:<{SENDER}>"), "RCPT TO:<a@b.example>", "DATA"] {
            client.command(command)?;
        }
        // Whoever is sent away need not get all of it through.
        let _ = client.write(&content);
        clients.push(client);
    }
    // Others go on with messages of a common size.
    world.latency()?;
    let sent_away = wait::until("a client that is sent away", LIMIT, || {
        // The connection of one that had more to say is reset.
        let gone = clients.iter().filter(|client| client.is_answered().unwrap_or(true)).count();
        Ok((gone > 0).then_some(gone))
    })?;
    let grown = world.server.process.peak_resident_bytes()?.saturating_sub(idle);
    tell(&format!(
        "{} MiB for {UNFINISHED_CLIENTS} messages that are not finished, {sent_away} sent away",
        grown >> 20
    ));
    assert!(grown < MOST, "{} MiB", grown >> 20);
    drop(clients);
    world.assert_unharmed()
}
