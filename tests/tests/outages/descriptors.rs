//! The server may not open another file for a while, because its clients have taken all: what is open works on, and the
//! rest goes on when they are gone. (`many_connections` has the connections out and clients that wait.)

use std::fs;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use mailwright_tests::crowd::{self, Closed};
use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::moody::{Mood, Moody};
use mailwright_tests::name_server::NameServer;
use mailwright_tests::needs::{Need, skip_without, tell};
use mailwright_tests::server::{Config, Destination, Installation, Server};
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::wait;

use super::world::{LIMIT, Plan, assert_law, logged};

/// How many files the server may have open.
const FILES: u64 = 140;
/// How soon all goes on once files may be opened again: a site that was dead for a minute would be noticed.
const SOON: Duration = Duration::from_secs(30);
/// How long there is no file for a look-up: several tries by the pace of these tests.
const OUTAGE: Duration = Duration::from_secs(4);

/// Takes every descriptor that a server has left, with clients that say nothing.
fn take_all(server: &Server) -> Result<Vec<TcpStream>> {
    let connect = |_| TcpStream::connect(server.smtp).context("connect");
    let clients = (0..FILES).map(connect).collect::<Result<Vec<_>>>()?;
    logged(server, &["accepting failed"])?;
    Ok(clients)
}

#[test]
fn clients_hand_in_mail_or_are_put_off_while_no_file_can_be_opened_and_are_served_afterwards() -> Result<()> {
    /// Enough for several segments of the journal, for each of which a file has to be opened.
    const MESSAGES: usize = 40;
    const SIZE: usize = 100_000;
    let config = |config: &mut Config| config.segment_size = "1MiB".into();
    let receiver = Moody::start(Mood::Well)?;
    let mut world = Plan { config: &config, open_files: Some(FILES), ..Plan::to(receiver) }.start()?;
    let mut client = SmtpClient::connect_and_greet(world.server.smtp)?;
    let takers = take_all(&world.server)?;
    let mut refused = Vec::new();
    for _ in 0..MESSAGES {
        let reply = world.offer(&mut client, SIZE)?;
        if reply.code != 250 {
            assert!((400..500).contains(&reply.code), "{reply:?}");
            refused.push(reply);
        }
    }
    let taken = world.sent.len();
    tell(&format!("without files: {taken} taken, {} put off, as with {:?}", refused.len(), refused.first()));

    // It has lined up, and is greeted when others go.
    let waiting = TcpStream::connect(world.server.smtp).context("connect")?;
    drop(takers);
    let start = Instant::now();
    greeted(&waiting)?;
    tell(&format!("files again: a client that waited was greeted after {:?}", start.elapsed()));
    // Those who still stand in line for a moment have a descriptor each before it is seen that they are gone.
    for _ in 0..MESSAGES {
        wait::until("mail to be taken again", SOON, || {
            Ok((world.offer(&mut client, SIZE)?.code == 250).then_some(()))
        })?;
    }
    tell(&format!("files again: all mail came after {:?} more", world.until_all_came(SOON)?));
    world.assert_law()
}

/// Waits for the greeting of a connection.
fn greeted(stream: &TcpStream) -> Result<()> {
    use std::io::Read;
    stream.set_read_timeout(Some(LIMIT)).context("set the read limit")?;
    let mut greeting = [0; 4];
    let mut stream = stream;
    stream.read_exact(&mut greeting).context("read the greeting")?;
    if &greeting == b"220 " { Ok(()) } else { Err(Error::unexpected("greeting", format!("{greeting:?}"))) }
}

/// One domain, whose mail exchanger's address has to be asked for each time.
const RECORDS: &str = "d0 MX 10 m0\nm0 1 A 127.1.0.1\n";

/// Two failures in a row, and a site counts as dead.
const SHAPING: &str = "[default]\nidle_timeout = \"1s\"\nbreaker_failures = 2\n";

#[test]
fn a_look_up_that_fails_for_want_of_a_file_says_nothing_about_the_receiver() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let (name_server, door) = (NameServer::start(RECORDS)?, Closed::new()?);
    let files = tempfile::tempdir().context("make a temporary folder")?;
    let shaping = files.path().join("shaping.toml");
    fs::write(&shaping, SHAPING).context("write shaping.toml")?;
    let destination = Destination::Exchangers { name_server: name_server.address, port: door.port };
    let mut config = Config::with(destination);
    config.delivery = format!("shaping = {shaping:?}\n");
    let installation = Installation::new(&config)?;
    let crowd = door.open()?;
    let server = installation.start_with_open_files(FILES, FILES)?;
    let mut client = SmtpClient::connect_and_greet(server.smtp)?;
    send(&mut client, 0)?;
    crowd.wait_for(1, LIMIT)?;
    let address_of_m0_is_forgotten = Instant::now() + Duration::from_secs(2);

    let takers = take_all(&server)?;
    thread::sleep(address_of_m0_is_forgotten.saturating_duration_since(Instant::now()));
    for number in 1..=5 {
        send(&mut client, number)?;
    }
    thread::sleep(OUTAGE);
    drop(takers);
    let start = Instant::now();
    crowd.wait_for(6, SOON).map_err(|why| Error::unexpected(why.to_string(), server.process.log_text()))?;
    tell(&format!(
        "files again: mail whose receiver could not be looked up came after {:?}",
        start.elapsed()
    ));
    let sent: Vec<_> = (0..6).map(|number| crowd::recipient(number, 0)).collect();
    let taken = crowd.arrivals().into_iter().map(|arrival| crowd::recipient(arrival.number, arrival.domain));
    assert_law(&server, &sent, &taken.collect::<Vec<_>>())
}

fn send(client: &mut SmtpClient, number: usize) -> Result<()> {
    let reply = client.send("", &crowd::recipient(number, 0), b"Subject: x\r\n\r\nx\r\n")?;
    if reply.code == 250 { Ok(()) } else { Err(Error::unexpected("hand in mail", format!("{reply:?}"))) }
}
