//! The link to a receiver is down for a while, with a message under way.

use std::net::SocketAddr;

use mailwright_tests::error::Result;
use mailwright_tests::metrics::{IN_DOUBT, QUEUED};
use mailwright_tests::moody::{Mood, Moody};
use mailwright_tests::needs::{Need, skip_without, tell};
use mailwright_tests::network::{Break, Network};
use mailwright_tests::server::Config;
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::wait;

use super::world::{LIMIT, Plan, World};

/// More than the buffers of two sockets hold.
const LARGE: usize = 8 << 20;

/// Two seconds for each step: what takes longer has failed.
const IMPATIENT: &str = r#"
[default]
connections = 2
connect_timeout = "2s"
timeouts.greeting = "2s"
timeouts.hello = "2s"
timeouts.mail = "2s"
timeouts.rcpt = "2s"
timeouts.data = "2s"
timeouts.body = "2s"
timeouts.dot = "2s"
timeouts.rset = "2s"
timeouts.quit = "2s"
"#;

/// A server, a receiver at the other end of a cable, and one on this machine.
struct Setup {
    network: Network,
    world: World,
    neighbour: Moody,
}

impl Setup {
    fn new(mood: Mood) -> Result<Self> {
        let network = Network::new()?;
        let neighbour = Moody::start(Mood::Well)?;
        let route = format!(
            "[[delivery.routes]]\ndomain = \"neighbour.example\"\nnext_hop = \"{}\"\n",
            neighbour.address
        );
        let config = |config: &mut Config| config.more = route.clone();
        let receiver = Moody::serve(network.listen()?, mood)?;
        let world = Plan { shaping: IMPATIENT, config: &config, ..Plan::to(receiver) }.start()?;
        Ok(Self { network, world, neighbour })
    }

    /// Breaks the cable until the server has given up what was under way and has tried again; others get their mail
    /// meanwhile. Then everybody is well again.
    fn outage(&self, place: Break) -> Result<()> {
        self.network.cut(place)?;
        self.world.receiver.set(Mood::Well);
        send_to_neighbour(self.world.server.smtp)?;
        self.neighbour.until_taken(1, LIMIT)?;
        self.world.logged(&["site unreachable"])?;
        wait::until("one message to be left", LIMIT, || {
            Ok((self.world.server.metrics()?.get(QUEUED) == 1).then_some(()))
        })?;
        self.network.mend()
    }

    /// Asserts the law for both receivers.
    fn assert_law(mut self) -> Result<u64> {
        let neighbour = "you@neighbour.example".to_owned();
        self.world.sent.push(neighbour);
        let mut taken = self.world.receiver.taken();
        taken.extend(self.neighbour.taken());
        super::world::assert_law(&self.world.server, &self.world.sent, &taken)?;
        Ok(self.world.server.metrics()?.get(IN_DOUBT))
    }
}

fn send_to_neighbour(server: SocketAddr) -> Result<()> {
    let mut client = SmtpClient::connect_and_greet(server)?;
    let reply = client.send("", "you@neighbour.example", b"Subject: x\r\n\r\nx\r\n")?;
    assert_eq!(reply.code, 250, "{reply:?}");
    Ok(())
}

/// Breaks the cable in the middle of a large body.
fn in_mid_body(place: Break) -> Result<()> {
    if skip_without(&[Need::NetworkNamespaces]) {
        return Ok(());
    }
    let mut setup = Setup::new(Mood::StopsInBody)?;
    setup.world.send(1, LARGE)?;
    setup.world.receiver.until_stopped(1, LIMIT)?;
    setup.outage(place)?;
    let took = setup.world.until_all_came(LIMIT)?;
    tell(&format!("cable broken {place:?} in mid-body: the message came {took:?} after it was mended"));
    assert_eq!(setup.world.receiver.taken().len(), 1);
    assert_eq!(setup.assert_law()?, 0, "in doubt, without a final dot");
    Ok(())
}

#[test]
fn a_message_whose_link_is_cut_in_mid_body_comes_once() -> Result<()> {
    in_mid_body(Break::Here)
}

#[test]
fn a_message_whose_body_is_never_heard_of_again_comes_once() -> Result<()> {
    in_mid_body(Break::There)
}

#[test]
fn a_message_whose_answer_is_lost_is_in_doubt_and_comes_again() -> Result<()> {
    if skip_without(&[Need::NetworkNamespaces]) {
        return Ok(());
    }
    let mut setup = Setup::new(Mood::SilentAfterDot)?;
    setup.world.send(1, 1_000)?;
    setup.world.receiver.until_taken(1, LIMIT)?;
    setup.outage(Break::There)?;
    setup.world.receiver.until_taken(2, LIMIT)?;
    assert_eq!(setup.assert_law()?, 1, "in doubt");
    Ok(())
}
