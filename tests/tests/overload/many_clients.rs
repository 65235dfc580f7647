//! Two thousand clients at the same time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mailwright_tests::crowd::recipient;
use mailwright_tests::error::{Error, Result};
use mailwright_tests::http;
use mailwright_tests::http_connection::{HttpConnection, submission};
use mailwright_tests::message::SENDER;
use mailwright_tests::metrics::{ACCEPTED, RESTARTS, until_queue_is_empty};
use mailwright_tests::needs::{long, tell};
use mailwright_tests::pressure::Told;
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::wait;

use crate::world::{LIMIT, World};

/// As many sessions as a listener has where nothing else is said.
const CLIENTS: usize = 2_000;
/// HTTP clients that send in the same moment, of a debug build; in release all of them. The API signs their messages
/// and answers whoever comes after them on the same threads.
const AT_ONCE: usize = 200;
/// How soon the API says meanwhile that all is well: a second, on a machine that has nothing else to do.
const HEALTH: Duration = Duration::from_secs(4);
/// What the server takes for each client, whose session has a buffer of 16 KiB.
const MEMORY: u64 = 64 << 10;

/// Does `work` while somebody asks again and again whether all is well; how long the slowest answer took.
fn beside_health_checks(world: &World, work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let (over, server) = (AtomicBool::new(false), world.server.http);
    thread::scope(|scope| {
        let checks = scope.spawn(|| {
            let mut slowest = Duration::ZERO;
            while !over.load(Ordering::Relaxed) {
                let start = Instant::now();
                assert_eq!(http::get(server, "/health")?.status, 200);
                slowest = slowest.max(start.elapsed());
            }
            Ok(slowest)
        });
        let worked = work();
        over.store(true, Ordering::Relaxed);
        let slowest = checks.join().unwrap_or_else(|_| Err(Error::unexpected("GET /health", "not 200")));
        worked.and(slowest)
    })
}

/// Has every client say the same thing at the same time, and each hear that it is well.
fn all_say(clients: &mut [SmtpClient], say: impl Fn(usize) -> String, replies: &[u16]) -> Result<()> {
    for (number, client) in clients.iter_mut().enumerate() {
        client.write(say(number).as_bytes())?;
    }
    for client in clients {
        for code in replies {
            let reply = client.read_reply()?;
            assert_eq!(reply.code, *code, "{reply:?}");
        }
    }
    Ok(())
}

/// Waits until all has come, and checks that it has come once.
fn assert_all_delivered_once(world: &World) -> Result<()> {
    world.crowd.wait_for(CLIENTS, LIMIT)?;
    let metrics = until_queue_is_empty(world.server.http, LIMIT)?;
    let told = Told { acknowledged: (0..CLIENTS).collect(), ..Told::default() };
    told.assert_delivered_once(&world.crowd.arrivals());
    assert_eq!((metrics.get(ACCEPTED), metrics.get(RESTARTS)), (CLIENTS as u64, 0));
    metrics.assert_all_accounted_for();
    Ok(())
}

#[test]
fn two_thousand_smtp_clients_are_served_and_the_next_is_turned_away() -> Result<()> {
    let world = World::with(|_| {})?;
    let idle = world.server.process.resident_bytes()?;
    let start = Instant::now();
    let mut clients =
        (0..CLIENTS).map(|_| SmtpClient::connect(world.server.smtp)).collect::<Result<Vec<_>>>()?;
    let connected = start.elapsed();
    let refused = SmtpClient::connect(world.server.smtp).err().map(|error| error.to_string());
    assert!(refused.unwrap_or_default().contains("code: 421"), "one more is not turned away");

    let slowest = beside_health_checks(&world, || {
        all_say(&mut clients, |_| "EHLO client.example.com\r\n".into(), &[250])?;
        let envelope =
            |number| format!("MAIL FROM:<{SENDER}>\r\nRCPT TO:<{}>\r\nDATA\r\n", recipient(number, 0));
        all_say(&mut clients, envelope, &[250, 250, 354])?;
        all_say(&mut clients, |_| format!("From: {SENDER}\r\nSubject: x\r\n\r\nx\r\n.\r\n"), &[250])?;
        all_say(&mut clients, |_| "QUIT\r\n".into(), &[221])
    })?;
    let took = start.elapsed();
    assert_all_delivered_once(&world)?;
    let grown = world.server.process.peak_resident_bytes()?.saturating_sub(idle) / CLIENTS as u64;
    tell(&format!(
        "{CLIENTS} SMTP clients connected in {connected:?} and were done in {took:?}; {} KiB each; GET /health took {slowest:?} at most",
        grown >> 10
    ));
    assert!(slowest < HEALTH && grown < MEMORY, "GET /health took {slowest:?}; {} KiB a client", grown >> 10);
    // There is room again.
    wait::until("a place for another client", LIMIT, || Ok(SmtpClient::connect(world.server.smtp).ok()))?;
    Ok(())
}

#[test]
fn two_thousand_http_clients_that_stay_connected_are_served() -> Result<()> {
    let world = World::with(|_| {})?;
    let idle = world.server.process.resident_bytes()?;
    let at_once = if long() { CLIENTS } else { AT_ONCE };
    let open = |_| HttpConnection::open(world.server.http);
    let start = Instant::now();
    let mut clients = (0..CLIENTS).map(open).collect::<Result<Vec<_>>>()?;
    let connected = start.elapsed();
    let slowest = beside_health_checks(&world, || {
        for (group, clients) in clients.chunks_mut(at_once).enumerate() {
            for (number, client) in clients.iter_mut().enumerate() {
                let to = recipient(group * at_once + number, 0);
                client.write(&submission(&world.installation.account, &to, "x"))?;
            }
            for client in clients {
                let answer = client.read_answer()?;
                assert_eq!(answer.status, 200, "{answer:?}");
            }
        }
        for client in &mut clients {
            assert_eq!(client.get("/health")?.status, 200, "on a connection that was kept");
        }
        Ok(())
    })?;
    let took = start.elapsed();
    assert_all_delivered_once(&world)?;
    let grown = world.server.process.peak_resident_bytes()?.saturating_sub(idle) / CLIENTS as u64;
    tell(&format!(
        "{CLIENTS} HTTP clients connected in {connected:?} and were done in {took:?}; {} KiB each; GET /health took {slowest:?} at most",
        grown >> 10
    ));
    assert!(slowest < HEALTH && grown < MEMORY, "GET /health took {slowest:?}; {} KiB a client", grown >> 10);
    Ok(())
}
