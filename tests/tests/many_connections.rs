//! Very many connections at a time: those without work cost another destination nothing, and a process that may not
//! open another file slows down and goes on.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use mailwright_tests::crowd::{self, Closed};
use mailwright_tests::error::{Context, Result};
use mailwright_tests::many_domains::{ManyDomains, allow_open_files, feed, shortest, time_to_delivery};
use mailwright_tests::metrics::{BOUNCED, CONNECTIONS_OPEN, DELIVERED, until_queue_is_empty};
use mailwright_tests::needs::{Need, skip_without, tell};
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::wait;

const LIMIT: Duration = Duration::from_secs(120);
/// Connections that are kept open without work: as many as a server makes where nothing else is said.
const IDLE: usize = 5_000;
/// What they may add to the server's memory, each with a domain and a site of its own: 50 KiB for each, a quarter
/// more than a debug build takes.
const MEMORY_LIMIT: u64 = 50 * 1024 * IDLE as u64;
/// Open files of a server without connections.
const OTHER_FILES: usize = 200;
/// What the time to delivery may gain beside half of itself: the machine has other work too.
const SLACK: Duration = Duration::from_millis(15);

/// Connections stay open as long as the test takes.
const PATIENT: &str = "[default]\nidle_timeout = \"1h\"\n";

#[test]
fn five_thousand_idle_connections_cost_another_destination_nothing() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    allow_open_files(2 * IDLE as u64)?;
    let door = Closed::new()?;
    let world = ManyDomains::new(IDLE + 1, &door, PATIENT, &format!("max_connections = {IDLE}"))?;
    let crowd = door.open()?;
    // The soft limit is what systems begin with; the server has to raise it.
    let server = world.installation.start_with_open_files(1_024, 10_000)?;
    let alone = time_to_delivery(server.smtp, &crowd, 1_000_000, |_| IDLE)?;
    let (memory, before) = (server.process.resident_bytes()?, crowd.count());

    feed(server.smtp, 0..IDLE, |number| number)?;
    crowd.wait_for(before + IDLE, LIMIT)?;
    until_queue_is_empty(server.http, LIMIT)?;
    wait::until("idle connections", LIMIT, || Ok((crowd.open_connections() == IDLE).then_some(())))?;
    let busy = server.process.processor_time()?;
    thread::sleep(Duration::from_secs(2));
    let busy = server.process.processor_time()? - busy;
    assert!(busy < Duration::from_millis(500), "{busy:?} of processor time in two idle seconds");

    // There is no room for another connection: one that has no work makes way.
    let bound = alone * 3 / 2 + SLACK;
    let beside =
        shortest(bound, |round| time_to_delivery(server.smtp, &crowd, (2 + round) * 1_000_000, |_| IDLE))?;
    let grown = server.process.resident_bytes()?.saturating_sub(memory);
    let files = server.process.open_files()?;
    tell(&format!(
        "{IDLE} idle connections: {} KiB each, {files} open files, {busy:?} of processor time in two seconds; \
         time to delivery {alone:?} alone, {beside:?} beside them",
        (grown >> 10) / IDLE as u64
    ));
    assert!(beside <= bound, "{beside:?} beside idle connections, {alone:?} alone");
    assert!(grown < MEMORY_LIMIT, "{IDLE} idle connections take {} MiB", grown >> 20);
    assert!(files <= IDLE + OTHER_FILES, "{files} files are open");
    // The one that made way may still be saying goodbye.
    let metrics = wait::until("as many connections as before", LIMIT, || {
        let metrics = server.metrics()?;
        Ok((metrics.get(CONNECTIONS_OPEN) == IDLE as u64).then_some(metrics))
    })?;
    assert_eq!((metrics.get(DELIVERED), metrics.get(BOUNCED)), (crowd.count() as u64, 0));
    Ok(())
}

#[test]
fn a_server_that_may_not_open_another_file_delivers_over_fewer_connections() -> Result<()> {
    const DOMAINS: usize = 400;
    /// Far fewer than one connection to each domain takes, and our clients take some of them.
    const FILES: u64 = 250;
    const CLIENTS: usize = 70;
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let door = Closed::new()?;
    let world = ManyDomains::new(DOMAINS, &door, "[default]\nidle_timeout = \"2s\"\n", "")?;
    let crowd = door.open()?;
    let server = world.installation.start_with_open_files(FILES, FILES)?;
    assert!(server.process.log_text().contains("250 files may be open"), "{}", server.process.log_text());
    let connect = |_| SmtpClient::connect(server.smtp);
    let _clients = (0..CLIENTS).map(connect).collect::<Result<Vec<_>>>()?;
    feed(server.smtp, 0..DOMAINS, |number| number)?;
    crowd.wait_for(DOMAINS, LIMIT)?;
    let metrics = until_queue_is_empty(server.http, LIMIT)?;
    assert_eq!((metrics.get(DELIVERED), metrics.get(BOUNCED)), (DOMAINS as u64, 0));
    // Whichever asked for a file first when there was none: a connection or a question to the name server.
    let log = server.process.log_text();
    assert!(
        log.contains("no file descriptor left") || log.contains("no connections available"),
        "the server never ran out of files: nothing was tested"
    );
    Ok(())
}

#[test]
fn a_server_that_cannot_accept_another_client_waits_until_it_can() -> Result<()> {
    const FILES: u64 = 120;
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let door = Closed::new()?;
    let world = ManyDomains::new(1, &door, PATIENT, "")?;
    let crowd = door.open()?;
    let server = world.installation.start_with_open_files(FILES, FILES)?;
    // More than it can take; those beyond wait in the system's queue and get no greeting.
    let connect = |_| TcpStream::connect(server.smtp).context("connect");
    let clients = (0..FILES).map(connect).collect::<Result<Vec<_>>>()?;
    wait::until("the server to say so", LIMIT, || {
        Ok(server.process.log_text().contains("accepting failed").then_some(()))
    })?;
    let (busy, start) = (server.process.processor_time()?, Instant::now());
    thread::sleep(Duration::from_secs(2));
    let busy = server.process.processor_time()? - busy;
    assert!(busy < Duration::from_millis(500), "{busy:?} of processor time in {:?}", start.elapsed());
    drop(clients);
    let mut client = SmtpClient::connect_and_greet(server.smtp)?;
    assert_eq!(client.send("", &crowd::recipient(0, 0), b"Subject: x\r\n\r\nx\r\n")?.code, 250);
    crowd.wait_for(1, LIMIT)
}
