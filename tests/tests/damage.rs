//! Octets of the journal that have changed on disk cost the messages they belong to: these are set aside and reported,
//! and all others are delivered.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::feeder::{Door, Ledger, submit_all};
use mailwright_tests::message::{SENDER, Token};
use mailwright_tests::metrics::{BOUNCED, until_queue_has, until_queue_is_empty};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, free_address};

const LIMIT: Duration = Duration::from_secs(60);
const MESSAGES: usize = 30;
/// In the body of each message, so that it is found on disk.
const BODY: &str = "the words of the message\r\n";

/// The journal's files.
fn segments(state: &Path) -> Result<Vec<PathBuf>> {
    let listing = fs::read_dir(state.join("spool")).context("list the journal")?;
    let paths = listing.map(|item| item.map(|item| item.path()).context("list the journal"));
    let mut paths = paths.collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.is_file());
    Ok(paths)
}

/// Changes an octet in the body of the message of `token`, wherever it is on disk.
fn damage(state: &Path, token: &Token) -> Result<()> {
    let subject = token.subject() + "\r\n";
    for path in segments(state)? {
        let octets = fs::read(&path).context("read the journal")?;
        let find = |what: &str, from: usize| {
            octets[from..]
                .windows(what.len())
                .position(|window| window == what.as_bytes())
                .map(|at| from + at)
        };
        if let Some(at) = find(&subject, 0).and_then(|subject| find(BODY, subject)) {
            let file = File::options().write(true).open(&path).context("open the journal")?;
            return file.write_all_at(b"X", at as u64).context("damage the journal");
        }
    }
    Err(Error::unexpected("damage a message", format!("{subject} is not in the journal")))
}

#[test]
fn damaged_messages_are_set_aside_and_reported_and_all_others_delivered() -> Result<()> {
    let address = free_address()?;
    let installation =
        Installation::new(&Config { delivery: "delay_warning = \"0s\"".into(), ..Config::to(address) })?;
    let ledger = Ledger::new("d");
    let mut server = installation.start()?;
    submit_all(&ledger, &Door::Smtp(server.smtp), MESSAGES, BODY)?;
    until_queue_has(server.http, MESSAGES as u64, LIMIT)?;
    server.stop()?;
    let damaged = [Token::new("d", 3), Token::new("d", 17)];
    damaged.iter().try_for_each(|token| damage(installation.state(), token))?;

    let sandbox = Sandbox::on(address)?;
    let server = installation.start()?;
    let metrics = until_queue_is_empty(server.http, LIMIT)?;
    assert_eq!(metrics.get(BOUNCED), damaged.len() as u64);
    let log = server.process.log_text();
    assert_eq!(log.matches("queued message could not be read").count(), damaged.len(), "{log}");
    let set_aside =
        fs::read_dir(installation.state().join("spool/damaged")).context("list what was set aside")?;
    assert_eq!(set_aside.count(), damaged.len());
    let mut expected: Vec<_> = ledger.acknowledged().into_iter().collect();
    expected.retain(|token| !damaged.contains(token));
    let (told, came): (Vec<_>, Vec<_>) =
        sandbox.mailbox.deliveries()?.into_iter().partition(|to| to == SENDER);
    let mut came: Vec<_> = came.iter().filter_map(|to| Token::of_address(to)).collect();
    expected.sort();
    came.sort();
    assert_eq!(came, expected);
    assert_eq!(told.len(), damaged.len(), "reports to the sender");
    Ok(())
}
