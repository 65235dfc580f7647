//! Mail finds its way by the DNS (RFC 5321 section 5.1): mail exchangers by preference, addresses by family,
//! and an answer to the sender where there is no way.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use mailwright_tests::error::Result;
use mailwright_tests::message::SENDER;
use mailwright_tests::metrics::{
    BOUNCED, CONNECTIONS_OPENED, CONNECTIONS_REUSED, DELIVERED, QUEUED, until_queue_is_empty,
};
use mailwright_tests::name_server::{BROKEN, NameServer};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Destination, Installation, Server, free_address};
use mailwright_tests::wait;
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(30);
const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const THIRD: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// A server that knows the hosts of one zone, whose mail exchangers all listen on one port.
struct World {
    _name_server: NameServer,
    installation: Installation,
    server: Server,
    port: u16,
}

impl World {
    fn with(records: &str) -> Result<Self> {
        let name_server = NameServer::start(records)?;
        // Free on every loopback address, most probably: programs that let the system choose take 127.0.0.1.
        let port = free_address()?.port();
        let destination = Destination::Exchangers { name_server: name_server.address, port };
        let installation = Installation::new(&Config::with(destination))?;
        let server = installation.start()?;
        Ok(Self { _name_server: name_server, installation, server, port })
    }

    /// A receiver on a loopback address.
    fn receiver(&self, ip: impl Into<IpAddr>) -> Result<Sandbox> {
        Sandbox::on(SocketAddr::new(ip.into(), self.port))
    }

    /// Has a message accepted for delivery to `recipient`.
    fn send(&self, recipient: &str) -> Result<()> {
        let request = json!({"from": SENDER, "to": recipient, "subject": "DNS", "text": "Where to?"});
        let answer = self.installation.api(&self.server).submit(&request)?;
        assert_eq!(answer.status, 200, "{}", answer.text);
        Ok(())
    }

    /// Sends to `recipient` and waits for the line of the log that tells of the bounce.
    fn bounce(&self, recipient: &str) -> Result<String> {
        self.send(recipient)?;
        let metrics = until_queue_is_empty(self.server.http, LIMIT)?;
        assert_eq!((metrics.get(BOUNCED), metrics.get(DELIVERED)), (1, 0));
        self.logged(&["bounced", recipient])
    }

    /// Waits for a line of the log that has all of `parts`.
    fn logged(&self, parts: &[&str]) -> Result<String> {
        wait::until(&format!("a line of the log with {parts:?}"), LIMIT, || {
            let log = self.server.process.log_text();
            Ok(log.lines().find(|line| parts.iter().all(|part| line.contains(part))).map(str::to_owned))
        })
    }
}

const TWO_EXCHANGERS: &str = "
two   MX 10 best
two   MX 20 worse
best  A 127.0.0.2
worse A 127.0.0.3
";

#[test]
fn all_mail_goes_to_the_exchanger_of_best_preference() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let world = World::with(TWO_EXCHANGERS)?;
    let (best, worse) = (world.receiver(SECOND)?, world.receiver(THIRD)?);
    for number in 0..10 {
        world.send(&format!("user{number}@two.example"))?;
    }
    best.mailbox.wait_for_recipients(10, LIMIT)?;
    until_queue_is_empty(world.server.http, LIMIT)?;
    assert_eq!((best.mailbox.list()?.len(), worse.mailbox.list()?.len()), (10, 0));
    Ok(())
}

#[test]
fn the_next_exchanger_gets_the_mail_while_the_best_is_down() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let world = World::with(TWO_EXCHANGERS)?;
    let worse = world.receiver(THIRD)?;
    world.send("user@two.example")?;
    worse.mailbox.wait_for("user@two.example")?;
    Ok(())
}

#[test]
fn an_exchanger_without_address_is_passed_over() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let world = World::with("half MX 10 gone\nhalf MX 20 there\nthere A 127.0.0.2")?;
    let receiver = world.receiver(SECOND)?;
    world.send("user@half.example")?;
    receiver.mailbox.wait_for("user@half.example")?;
    Ok(())
}

#[test]
fn a_domain_without_mx_records_is_its_own_exchanger() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let world = World::with("host A 127.0.0.2\nalias CNAME host")?;
    let receiver = world.receiver(SECOND)?;
    for recipient in ["user@host.example", "user@alias.example"] {
        world.send(recipient)?;
        receiver.mailbox.wait_for(recipient)?;
    }
    Ok(())
}

#[test]
fn an_address_literal_needs_no_dns() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let world = World::with("")?;
    let receiver = world.receiver(SECOND)?;
    world.send("user@[127.0.0.2]")?;
    receiver.mailbox.wait_for("user@[127.0.0.2]")?;
    Ok(())
}

const BOTH_FAMILIES: &str = "both A 127.0.0.2\nboth AAAA ::1";

#[test]
fn a_host_of_both_families_is_reached_over_ipv6() -> Result<()> {
    if skip_without(&[Need::Nsd, Need::Ipv6]) {
        return Ok(());
    }
    let world = World::with(BOTH_FAMILIES)?;
    let (four, six) = (world.receiver(SECOND)?, world.receiver(Ipv6Addr::LOCALHOST)?);
    world.send("user@both.example")?;
    six.mailbox.wait_for("user@both.example")?;
    assert_eq!(four.mailbox.list()?.len(), 0);
    Ok(())
}

#[test]
fn a_host_that_refuses_ipv6_is_reached_over_ipv4() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let world = World::with(BOTH_FAMILIES)?;
    let four = world.receiver(SECOND)?;
    world.send("user@both.example")?;
    four.mailbox.wait_for("user@both.example")?;
    Ok(())
}

#[test]
fn a_null_mx_bounces_as_a_domain_that_takes_no_mail() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let line = World::with("null MX 0 .\nnull A 127.0.0.2")?.bounce("user@null.example")?;
    assert!(line.contains("5.1.10"), "{line}");
    Ok(())
}

#[test]
fn a_domain_that_does_not_exist_bounces() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let line = World::with("")?.bounce("user@nobody.example")?;
    assert!(line.contains("5.1.2"), "{line}");
    Ok(())
}

#[test]
fn a_domain_without_mail_host_bounces() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let line = World::with("silent TXT hello")?.bounce("user@silent.example")?;
    assert!(line.contains("5.4.4"), "{line}");
    Ok(())
}

#[test]
fn a_domain_whose_exchangers_have_no_address_bounces() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let world = World::with("lost MX 10 nowhere\nlost MX 20 silent\nlost A 127.0.0.2\nsilent TXT hello")?;
    let line = world.bounce("user@lost.example")?;
    assert!(line.contains("5.4.4"), "{line}");
    Ok(())
}

#[test]
fn mail_waits_while_the_name_server_fails() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let world = World::with(&format!("unsure MX 10 nowhere\nunsure MX 20 host.{BROKEN}."))?;
    // The look-up of the mail exchangers fails for one, that of an exchanger's addresses for the other.
    for recipient in [format!("user@{BROKEN}"), "user@unsure.example".to_owned()] {
        world.send(&recipient)?;
    }
    world.logged(&["no mail exchanger found", BROKEN])?;
    world.logged(&["site unreachable", "nowhere.example"])?;
    let metrics = world.server.metrics()?;
    assert_eq!((metrics.get(QUEUED), metrics.get(BOUNCED)), (2, 0));
    Ok(())
}

#[test]
fn domains_with_the_same_exchangers_share_connections() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let world = World::with(
        "one MX 10 mx1\none MX 20 mx2\ntwo MX 10 mx1\ntwo MX 20 mx2\nthree MX 10 mx1\nmx1 A 127.0.0.2",
    )?;
    let receiver = world.receiver(SECOND)?;
    let connections = |recipient: &str| -> Result<(u64, u64)> {
        world.send(recipient)?;
        receiver.mailbox.wait_for(recipient)?;
        let metrics = until_queue_is_empty(world.server.http, LIMIT)?;
        Ok((metrics.get(CONNECTIONS_OPENED), metrics.get(CONNECTIONS_REUSED)))
    };
    assert_eq!(connections("user@one.example")?, (1, 0));
    assert_eq!(connections("user@two.example")?, (1, 1));
    assert_eq!(connections("other@one.example")?, (1, 2));
    // The same host, but not the same set of hosts.
    assert_eq!(connections("user@three.example")?, (2, 2));
    Ok(())
}
