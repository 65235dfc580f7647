//! The DNS is gone for a while, in one way or another. Domains that are known go on getting their mail; mail for the
//! others waits and leaves soon after the name server is back.

use std::time::{Duration, Instant};

use mailwright_tests::bad_name_server::{BadNameServer, Trouble};
use mailwright_tests::crowd::{self, Closed};
use mailwright_tests::error::Result;
use mailwright_tests::many_domains::{ManyDomains, feed};
use mailwright_tests::metrics::{BOUNCED, QUEUED, until_queue_has};
use mailwright_tests::needs::{Need, skip_without, tell};
use mailwright_tests::wait;

use super::world::{LIMIT, assert_law};

/// Domains with mail before the outage, and those that get their first mail in it.
const KNOWN: usize = 10;
const DOMAINS: usize = 20;
/// Mail in all: one message for each known domain before, then another round for all and one more for the new.
const MESSAGES: usize = 4 * KNOWN;
const FAILED: &str = "mailwright_dns_failed_total";
/// How soon mail leaves once the name server is back: a failure is kept for five seconds, and a question that is under
/// way to a deaf server has some ten to go.
const SOON: Duration = Duration::from_secs(30);

fn domain_of(number: usize) -> usize {
    number % DOMAINS
}

/// Feeds a server before, during and after an outage of its name server.
fn outage(trouble: Option<Trouble>) -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let door = Closed::new()?;
    let mut world = ManyDomains::new(DOMAINS, &door, "", "")?;
    let crowd = door.open()?;
    let server = world.installation.start()?;
    feed(server.smtp, 0..KNOWN, domain_of)?;
    crowd.wait_for(KNOWN, LIMIT)?;

    world.name_server.end();
    let bad = trouble.map(|trouble| BadNameServer::start(world.name_server.address, trouble)).transpose()?;
    feed(server.smtp, KNOWN..MESSAGES, domain_of)?;
    crowd.wait_for(2 * KNOWN, LIMIT)?;
    let start = Instant::now();
    wait::until("failed questions", LIMIT, || {
        Ok((server.metrics()?.get(FAILED) >= KNOWN as u64).then_some(()))
    })?;
    let waiting = (MESSAGES - 2 * KNOWN) as u64;
    // What has arrived leaves the queue a moment later.
    let metrics = until_queue_has(server.http, waiting, LIMIT)?;
    assert_eq!((metrics.get(BOUNCED), metrics.get(QUEUED)), (0, waiting));
    let asked = bad.as_ref().map(BadNameServer::questions);
    tell(&format!("{trouble:?}: all have failed after {:?}, {asked:?} questions", start.elapsed()));

    drop(bad);
    world.name_server.start_again()?;
    let back = Instant::now();
    crowd.wait_for(MESSAGES, SOON)?;
    tell(&format!("{trouble:?}: all mail has come {:?} after the name server", back.elapsed()));
    let name = |number| crowd::recipient(number, domain_of(number));
    let sent: Vec<_> = (0..MESSAGES).map(name).collect();
    let taken = crowd.arrivals().into_iter().map(|arrival| crowd::recipient(arrival.number, arrival.domain));
    assert_law(&server, &sent, &taken.collect::<Vec<_>>())
}

#[test]
fn mail_waits_while_nobody_answers_at_the_name_servers_address() -> Result<()> {
    outage(None)
}

#[test]
fn mail_waits_while_the_name_server_says_nothing() -> Result<()> {
    outage(Some(Trouble::Deaf))
}

#[test]
fn mail_waits_while_the_name_server_fails() -> Result<()> {
    outage(Some(Trouble::Fails))
}

#[test]
fn mail_waits_while_the_name_server_refuses() -> Result<()> {
    outage(Some(Trouble::Refuses))
}
