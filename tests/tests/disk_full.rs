//! A full disk refuses mail for now and loses none of what it has.

use std::time::Duration;

use mailwright_tests::error::Result;
use mailwright_tests::feeder::{Entrance, Ledger, Submitted};
use mailwright_tests::http;
use mailwright_tests::message::Token;
use mailwright_tests::metrics::{BOUNCED, until_queue_is_empty};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server, free_address};
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::tmpfs::Tmpfs;
use mailwright_tests::wait;

/// The receiver is away for a while, and may count as dead for a minute then.
const LIMIT: Duration = Duration::from_secs(150);

/// The size of the file system, in MiB.
const DISK: u32 = 96;

/// What a file of nobody's business takes of it, in MiB.
const FILLER: usize = 32;

/// More messages of this size than fit on the disk, so that filling it comes to an end.
const BODY_LINES: usize = 4000;
const TOO_MANY: usize = 2000;

fn entrances(installation: &Installation, server: &Server) -> Result<[Entrance; 2]> {
    Ok([
        Entrance::Smtp(SmtpClient::connect_and_greet(server.smtp)?),
        Entrance::Http(installation.api(server)),
    ])
}

/// Submits through one entrance until the server refuses, and returns the code of the refusal.
fn fill(entrance: &mut Entrance, ledger: &Ledger) -> Result<Option<u16>> {
    let body = "sixteen bytes.\r\n".repeat(BODY_LINES);
    for _ in 0..TOO_MANY {
        let token = ledger.next();
        match entrance.submit(&token, &body)? {
            Submitted::Acknowledged => ledger.acknowledge(token),
            Submitted::RefusedForNow(code) => return Ok(Some(code)),
        }
    }
    Ok(None)
}

/// Waits until the entrance takes a message again.
fn until_accepted(entrance: &mut Entrance, ledger: &Ledger) -> Result<()> {
    wait::until("an acceptance after room was made", LIMIT, || {
        let token: Token = ledger.next();
        let accepted = entrance.submit(&token, "small\r\n")? == Submitted::Acknowledged;
        Ok(accepted.then(|| ledger.acknowledge(token)))
    })
}

#[test]
fn refuses_for_now_when_full_and_delivers_all_it_accepted() -> Result<()> {
    if skip_without(&[Need::Root]) {
        return Ok(());
    }
    let disk = Tmpfs::mount(DISK)?;
    let destination = free_address()?;
    let config = Config { segment_size: "4MiB".into(), min_free: "8MiB".into(), ..Config::to(destination) };
    let installation = Installation::inside(disk.path(), &config)?;
    let filler = disk.take(FILLER)?;
    let mut server = installation.start()?;
    let ledger = Ledger::new("full");

    let [mut smtp, mut http] = entrances(&installation, &server)?;
    assert_eq!(fill(&mut smtp, &ledger)?, Some(452), "SMTP on a full disk");
    assert_eq!(fill(&mut http, &ledger)?, Some(503), "HTTP on a full disk");
    assert!(ledger.acknowledged().len() > 100, "the disk was full from the start");
    assert!(server.process.ended()?.is_none(), "{}", server.process.log_text());
    assert_eq!(http::get(server.http, "/metrics")?.status, 200);

    Tmpfs::give_back(&filler)?;
    // A server may close the connection of a client that it had to refuse.
    let [mut smtp, mut http] = entrances(&installation, &server)?;
    until_accepted(&mut smtp, &ledger)?;
    until_accepted(&mut http, &ledger)?;

    let sandbox = Sandbox::on(destination)?;
    let metrics = until_queue_is_empty(server.http, LIMIT)?;
    assert_eq!(metrics.get(BOUNCED), 0);
    let delivered = sandbox.mailbox.deliveries()?;
    let lost: Vec<_> =
        (ledger.acknowledged().into_iter()).filter(|token| !delivered.contains(&token.recipient())).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    Ok(())
}

#[test]
fn comes_up_again_on_a_full_disk() -> Result<()> {
    if skip_without(&[Need::Root]) {
        return Ok(());
    }
    let disk = Tmpfs::mount(DISK)?;
    let destination = free_address()?;
    let config = Config { segment_size: "4MiB".into(), min_free: "8MiB".into(), ..Config::to(destination) };
    let installation = Installation::inside(disk.path(), &config)?;
    let mut server = installation.start()?;
    let ledger = Ledger::new("again");
    let [mut smtp, _] = entrances(&installation, &server)?;
    assert_eq!(fill(&mut smtp, &ledger)?, Some(452));
    server.process.kill()?;

    let server = installation.start()?;
    let sandbox = Sandbox::on(destination)?;
    until_queue_is_empty(server.http, LIMIT)?;
    let delivered = sandbox.mailbox.deliveries()?;
    assert!(ledger.acknowledged().iter().all(|token| delivered.contains(&token.recipient())));
    Ok(())
}
