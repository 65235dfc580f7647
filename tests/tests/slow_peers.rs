//! Receivers that are slow, deaf, talkative or always about to leave: each gets what its trouble lets it take and
//! nothing counts as delivered that was not, and mail for somebody else on the same server does not notice.

use std::collections::HashSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use mailwright_tests::crowd::{self, Crowd};
use mailwright_tests::error::{Context, Result};
use mailwright_tests::many_domains::{MEASURED, shortest, time_to_delivery};
use mailwright_tests::metrics::{
    BOUNCED, CONNECTIONS_OPEN, DELIVERED, IN_DOUBT, until_queue_has, until_queue_is_empty,
};
use mailwright_tests::needs::tell;
use mailwright_tests::sandbox::{Sandbox, Stats};
use mailwright_tests::server::{Config, Destination, Installation, Server, free_address};
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::wait;
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(60);
/// Messages for each receiver that is in trouble.
const TROUBLED: usize = 10;
/// What the time to delivery may gain beside half of itself: the machine has other work too.
const SLACK: Duration = Duration::from_millis(15);
/// The most connections to a receiver, as [`IMPATIENT`] says.
const MOST_CONNECTIONS: u64 = 2;

/// A second for each step: what takes longer has failed.
const IMPATIENT: &str = r#"
[default]
connections = 2
breaker_failures = 1000
timeouts.greeting = "1s"
timeouts.hello = "1s"
timeouts.mail = "1s"
timeouts.rcpt = "1s"
timeouts.data = "1s"
timeouts.body = "1s"
timeouts.dot = "1s"
timeouts.rset = "1s"
timeouts.quit = "1s"
"#;

/// A server, a receiver in health, and others, at addresses of their own, in trouble.
struct World {
    healthy: Crowd,
    sandbox: Sandbox,
    server: Server,
    _installation: Installation,
    _shaping: TempDir,
    healthy_sent: usize,
}

/// The address of the receiver in trouble number `index`.
fn receiver(index: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(index + 1).unwrap_or(u8::MAX))
}

impl World {
    fn with(troubles: &[&str]) -> Result<Self> {
        // Free on every loopback address, most probably: programs that let the system choose take 127.0.0.1.
        let port = free_address()?.port();
        let personalities = troubles.iter().enumerate();
        let places: Vec<_> =
            personalities.map(|(index, text)| format!("{}:{port}={text}", receiver(index))).collect();
        let sandbox = Sandbox::at_places(&places)?;
        let shaping = tempfile::tempdir().context("make a temporary folder")?;
        let file = shaping.path().join("shaping.toml");
        fs::write(&file, IMPATIENT).context("write shaping.toml")?;
        // Recipients are at address literals: nobody is asked for a name.
        let destination =
            Destination::Exchangers { name_server: SocketAddr::from(([127, 0, 0, 1], 9)), port };
        let mut config = Config::with(destination);
        config.delivery = format!("shaping = {file:?}\n");
        let door = crowd::Closed::new()?;
        let next_hop = SocketAddr::from((Ipv4Addr::LOCALHOST, door.port));
        config.more = format!("[[delivery.routes]]\ndomain = \"d0.example\"\nnext_hop = \"{next_hop}\"\n");
        let healthy = door.open()?;
        let installation = Installation::new(&config)?;
        let server = installation.start()?;
        Ok(Self { healthy, sandbox, server, _installation: installation, _shaping: shaping, healthy_sent: 0 })
    }

    /// Has messages with bodies of `size` octets accepted for a receiver in trouble.
    fn trouble(&self, index: usize, size: usize) -> Result<()> {
        let mut client = SmtpClient::connect_and_greet(self.server.smtp)?;
        let content = format!("Subject: x\r\n\r\n{}", "sixteen octets.\r\n".repeat(size / 17 + 1));
        for number in 0..TROUBLED {
            let reply = client.send("", &format!("m{number}@[{}]", receiver(index)), content.as_bytes())?;
            assert_eq!(reply.code, 250, "{reply:?}");
        }
        Ok(())
    }

    /// Sends mail to the receiver in health and returns the median of the times until it was there.
    fn time_to_delivery(&mut self) -> Result<Duration> {
        let first = self.healthy_sent;
        self.healthy_sent += MEASURED;
        time_to_delivery(self.server.smtp, &self.healthy, first, |_| 0)
    }

    /// Waits until every receiver in trouble has seen so many connections.
    fn until_tried(&self, connections: u64) -> Result<()> {
        wait::until("connections to every receiver in trouble", LIMIT, || {
            let stats = self.sandbox.all_stats()?;
            Ok(stats.iter().all(|stats| tries(stats) >= connections).then_some(()))
        })
    }

    /// Measures the healthy alone, then beside receivers in trouble that were sent messages of `size` octets.
    fn assert_no_harm(&mut self, size: usize) -> Result<()> {
        let alone = self.time_to_delivery()?;
        let troubles = self.sandbox.addresses.len();
        for index in 0..troubles {
            self.trouble(index, size)?;
        }
        self.until_tried(1)?;
        let bound = alone * 3 / 2 + SLACK;
        let beside = shortest(bound, |_| self.time_to_delivery())?;
        tell(&format!("time to delivery: {alone:?} alone, {beside:?} beside {troubles} in trouble"));
        assert!(beside <= bound, "{beside:?} beside {troubles} in trouble, {alone:?} alone");
        Ok(())
    }

    /// Asserts that nobody in trouble took anything, that each is tried again, and that the server knows.
    fn assert_nothing_delivered_and_all_tried_again(&self) -> Result<()> {
        // Of more than there may be at a time, some are second tries.
        self.until_tried(2 * MOST_CONNECTIONS + 1)?;
        for (index, stats) in self.sandbox.all_stats()?.iter().enumerate() {
            assert_eq!(stats.accepted, 0, "receiver {index}");
        }
        let waiting = self.sandbox.addresses.len() * TROUBLED;
        let metrics = until_queue_has(self.server.http, waiting as u64, LIMIT)?;
        // Not what the receivers count: one that is deaf does not hear either that a connection has ended.
        let most = (self.sandbox.addresses.len() as u64 + 1) * MOST_CONNECTIONS;
        assert!(metrics.get(CONNECTIONS_OPEN) <= most, "{} connections", metrics.get(CONNECTIONS_OPEN));
        assert_eq!((metrics.get(DELIVERED), metrics.get(BOUNCED)), (self.healthy_sent as u64, 0));
        Ok(())
    }

    /// Asserts that everybody in trouble gets each message exactly once.
    fn assert_all_delivered_once(&self) -> Result<()> {
        let troubled = self.sandbox.addresses.len() * TROUBLED;
        let metrics = until_queue_is_empty(self.server.http, LIMIT)?;
        let delivered = (self.healthy_sent + troubled) as u64;
        assert_eq!((metrics.get(DELIVERED), metrics.get(IN_DOUBT)), (delivered, 0));
        let deliveries = self.sandbox.mailbox.deliveries()?;
        let different: HashSet<_> = deliveries.iter().collect();
        assert_eq!((deliveries.len(), different.len()), (troubled, troubled));
        for stats in self.sandbox.all_stats()? {
            assert!(stats.peak <= MOST_CONNECTIONS, "{} connections", stats.peak);
        }
        Ok(())
    }
}

/// Connections that were greeted or refused.
fn tries(stats: &Stats) -> u64 {
    stats.connections.max(stats.refused.values().sum())
}

#[test]
fn octets_that_trickle_do_not_outlive_the_time_a_reply_has() -> Result<()> {
    // An octet always comes well within the second that a reply has, the whole greeting takes several.
    let mut world = World::with(&["slow-octets:100ms"])?;
    world.assert_no_harm(1_000)?;
    world.assert_nothing_delivered_and_all_tried_again()?;
    assert_eq!(world.server.metrics()?.get(IN_DOUBT), 0);
    Ok(())
}

#[test]
fn octets_that_trickle_within_the_time_a_reply_has_are_waited_for() -> Result<()> {
    let mut world = World::with(&["slow-octets:2ms", "split-replies"])?;
    world.assert_no_harm(1_000)?;
    world.assert_all_delivered_once()
}

#[test]
fn a_peer_that_stops_reading_in_a_body_has_not_got_it() -> Result<()> {
    // More than the buffers of two sockets hold, and a body that they do: the one is not written to its end, the
    // other not answered.
    let mut world = World::with(&["stop-reading:after=1k,pause=1h"])?;
    world.assert_no_harm(6 << 20)?;
    world.assert_nothing_delivered_and_all_tried_again()?;
    let mut world = World::with(&["stop-reading:after=1k,pause=1h"])?;
    world.assert_no_harm(20_000)?;
    world.assert_nothing_delivered_and_all_tried_again()?;
    assert!(world.server.metrics()?.get(IN_DOUBT) > 0, "what was sent to its dot may have arrived");
    Ok(())
}

#[test]
fn a_reply_of_a_hundred_thousand_octets_is_a_reply() -> Result<()> {
    let mut world =
        World::with(&["huge-reply:100k", "huge-reply:100k,to=greeting", "huge-reply:100k,to=ehlo"])?;
    world.assert_no_harm(1_000)?;
    world.assert_all_delivered_once()
}

#[test]
fn a_peer_that_leaves_before_it_has_a_message_gets_none_and_is_tried_again() -> Result<()> {
    let places = ["greeting", "ehlo", "mail", "rcpt", "data", "dot"];
    let personalities = places.map(|place| format!("421-after:{place}"));
    let mut world = World::with(&personalities.each_ref().map(String::as_str))?;
    world.assert_no_harm(1_000)?;
    world.assert_nothing_delivered_and_all_tried_again()?;
    assert_eq!(world.server.metrics()?.get(IN_DOUBT), 0, "each was told that it was not taken");
    Ok(())
}

#[test]
fn a_peer_that_leaves_after_a_message_has_it_once() -> Result<()> {
    let mut world = World::with(&["421-after:rset", "421-after:quit"])?;
    world.assert_no_harm(1_000)?;
    world.assert_all_delivered_once()
}
