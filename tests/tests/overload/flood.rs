//! Floods of connections.

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use mailwright_tests::control;
use mailwright_tests::crowd::recipient;
use mailwright_tests::error::{Context, Result};
use mailwright_tests::http;
use mailwright_tests::message::SENDER;
use mailwright_tests::pressure::Told;
use mailwright_tests::server::Installation;
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::wait;

use crate::world::{LIMIT, Latency, World};

/// Connections that are left open at each door: fewer than there are places.
const LEFT: usize = 1_500;
/// The most connections that are opened and closed at each door. Each keeps a port of this machine for a minute.
const CLOSED: usize = 5_000;
/// Open files that may come and go by themselves.
const OTHER_FILES: usize = 20;

/// Opens connections one after the other as fast as possible and closes each at once; how many.
fn flood(server: SocketAddr, over: &AtomicBool, opened: &AtomicUsize) {
    let mut mine = 0;
    while !over.load(Ordering::Relaxed) && mine < CLOSED {
        // Where the system has no port left for us, the flood pauses.
        mine += usize::from(TcpStream::connect(server).is_ok());
        opened.fetch_add(1, Ordering::Relaxed);
    }
}

/// Measures the latency of others beside a flood at both doors.
fn beside_floods(world: &World) -> Result<(Latency, usize)> {
    let (over, opened) = (AtomicBool::new(false), AtomicUsize::new(0));
    let latency = thread::scope(|scope| {
        for server in [world.server.smtp, world.server.http] {
            let (over, opened) = (&over, &opened);
            scope.spawn(move || flood(server, over, opened));
        }
        let latency = world.latency();
        over.store(true, Ordering::Relaxed);
        latency
    })?;
    Ok((latency, opened.into_inner()))
}

#[test]
fn a_flood_of_connections_keeps_nobody_out() -> Result<()> {
    let world = World::with(|_| {})?;
    let alone = world.latency()?;
    let files = world.server.process.open_files()?;
    let (beside, opened) = beside_floods(&world)?;
    assert!(opened > 500, "only {opened} connections were opened meanwhile: nothing was flooded");
    alone.assert_hardly_more(beside, &format!("{opened} connections that were opened and closed meanwhile"));

    let doors = [world.server.smtp, world.server.http];
    let connect = |server| (0..LEFT).map(|_| TcpStream::connect(server).context("connect")).collect();
    let left = doors.map(connect).into_iter().collect::<Result<Vec<Vec<_>>>>()?;
    let beside = world.latency()?;
    alone.assert_hardly_more(beside, &format!("{} connections that were opened and left", 2 * LEFT));
    assert!(world.server.process.open_files()? > files + LEFT, "nothing was flooded");
    drop(left);
    wait::until("as many open files as before", LIMIT, || {
        Ok((world.server.process.open_files()? <= files + OTHER_FILES).then_some(()))
    })?;
    world.assert_unharmed()
}

#[test]
fn a_server_without_file_descriptors_goes_on_accepting_mail() -> Result<()> {
    const FILES: u64 = 150;
    /// A few segments of the journal.
    const MESSAGES: usize = 40;
    const SIZE: usize = 100_000;
    let world = World::starting(
        |config| config.segment_size = "1MiB".into(),
        |installation: &Installation| installation.start_with_open_files(FILES, FILES),
    )?;
    // What a start does that finds no files is another matter: all doors are open before the flood.
    assert_eq!(http::get(world.server.http, "/health")?.status, 200);
    control::json(world.installation.state(), &["queue", "list"])?;
    let mut client = SmtpClient::connect_and_greet(world.server.smtp)?;
    let connect = |_| TcpStream::connect(world.server.smtp).context("connect");
    let flood = (0..FILES).map(connect).collect::<Result<Vec<_>>>()?;
    wait::until("the server to be out of files", LIMIT, || {
        Ok(world.server.process.log_text().contains("accepting failed").then_some(()))
    })?;
    let content = format!("Subject: x\r\n\r\n{}", "sixteen octets.\r\n".repeat(SIZE / 17));
    let mut send = |number| client.send(SENDER, &recipient(number, 0), content.as_bytes());
    let codes = (0..MESSAGES).map(|number| Ok(send(number)?.code)).collect::<Result<Vec<_>>>()?;
    assert!(codes.iter().all(|code| matches!(code, 250 | 400..500)), "{codes:?}");
    drop(flood);
    wait::until("a message that is accepted again", LIMIT, || {
        Ok((send(MESSAGES)?.code == 250).then_some(()))
    })?;

    let acknowledged = (0..).zip(codes).filter(|(_, code)| *code == 250).map(|(number, _)| number);
    let told = Told { acknowledged: acknowledged.chain([MESSAGES]).collect(), ..Told::default() };
    world.crowd.wait_for(told.acknowledged.len(), LIMIT)?;
    told.assert_delivered_once(&world.crowd.arrivals());
    world.assert_unharmed()
}
