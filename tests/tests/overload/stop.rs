//! The end of the process under load: in time, with a word to every client, and nothing lost or repeated.

use std::io::Read;
use std::time::{Duration, Instant};

use mailwright_tests::error::{Context, Result};
use mailwright_tests::metrics::{DELIVERED, IN_DOUBT, QUEUED, until_queue_is_empty};
use mailwright_tests::needs::tell;
use mailwright_tests::pressure::{Pressure, Told};
use mailwright_tests::wait;

use crate::world::{LIMIT, World};

/// Clients at each of the two doors.
const CLIENTS: usize = 20;
/// Octets of a message.
const SIZE: usize = 1_000;
/// How long clients, and after them deliveries, have to come to an end, as [`DRAIN`] says.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(4);
const DRAIN: &str = "drain_timeout = \"4s\"\n";
/// What an end takes beside that: the last checkpoint of a debug build on a busy machine.
const SLACK: Duration = Duration::from_secs(4);

impl World {
    /// Keeps the clients pushing, asks the server to end in the middle and returns how long that took and what the
    /// clients were told.
    fn stop_under_load(&mut self) -> Result<(Duration, Told)> {
        let pressure = Pressure::start(&self.doors(CLIENTS), SIZE);
        wait::until("deliveries, and a queue", LIMIT, || {
            let queued = self.server.metrics()?.get(QUEUED);
            Ok((self.crowd.count() > 50 && queued > 200).then_some(()))
        })?;
        let start = Instant::now();
        let status = self.server.stop()?;
        let took = start.elapsed();
        assert!(status.success(), "{status}\n{}", self.server.process.log_text());
        let told = pressure.until_all_have_gone()?;
        let (accepted, come) = (told.acknowledged.len(), self.crowd.count());
        tell(&format!(
            "ended in {took:?}: {accepted} accepted, {come} delivered; refused {:?}; {} without an answer; {} connections without a greeting",
            told.refused,
            told.unclear.len(),
            told.cut.len(),
        ));
        Ok((took, told))
    }
}

#[test]
fn a_graceful_end_under_load_loses_and_repeats_nothing() -> Result<()> {
    let mut world = World::with(|config| config.delivery.push_str(DRAIN))?;
    // Twenty connections take a hundred a second: less than comes in.
    world.crowd.set_pause(Duration::from_millis(200));
    let (took, told) = world.stop_under_load()?;
    assert!(took < 2 * DRAIN_TIMEOUT + SLACK, "the end took {took:?}");
    assert!(
        world.crowd.count() < told.acknowledged.len(),
        "all was out: nothing is left for the second start"
    );

    world.crowd.set_pause(Duration::ZERO);
    let server = world.installation.start()?;
    let metrics = until_queue_is_empty(server.http, LIMIT)?;
    let arrivals = world.crowd.arrivals();
    told.assert_delivered_once(&arrivals);
    // Who got no answer may send again: nothing comes of what was not answered.
    let accepted = |number: &usize| arrivals.iter().any(|arrival| arrival.number == *number);
    let unanswered: Vec<_> = told.unclear.keys().filter(|number| accepted(number)).collect();
    assert!(unanswered.is_empty(), "accepted without an answer: {unanswered:?}");
    assert_eq!(metrics.get(IN_DOUBT), 0);
    Ok(())
}

#[test]
fn receivers_that_do_not_answer_the_final_dot_do_not_hold_the_end_up() -> Result<()> {
    let mut world = World::with(|config| config.delivery.push_str(DRAIN))?;
    world.crowd.set_pause(Duration::from_millis(50));
    let pressure = Pressure::start(&world.doors(1), SIZE);
    wait::until("deliveries", LIMIT, || Ok((world.crowd.count() > 50).then_some(())))?;
    world.crowd.set_pause(Duration::from_secs(3_600));
    let told = pressure.stop()?;
    let silent = wait::until("connections without an answer", LIMIT, || {
        let (open, come) = (world.crowd.open_connections() as u64, world.crowd.count() as u64);
        Ok((come == world.server.metrics()?.get(DELIVERED) + open).then_some(open))
    })?;
    let start = Instant::now();
    let status = world.server.stop()?;
    let took = start.elapsed();
    assert!(status.success(), "{status}\n{}", world.server.process.log_text());
    assert!(took < DRAIN_TIMEOUT + SLACK, "the end took {took:?}");

    world.crowd.set_pause(Duration::ZERO);
    let server = world.installation.start()?;
    let metrics = until_queue_is_empty(server.http, LIMIT)?;
    tell(&format!("ended in {took:?} with {silent} deliveries unanswered"));
    assert!(silent > 0 && metrics.get(IN_DOUBT) == silent, "{} in doubt of {silent}", metrics.get(IN_DOUBT));
    let come = world.crowd.count() as u64;
    assert_eq!(come, told.acknowledged.len() as u64 + silent, "each of them once more, nothing else");
    Ok(())
}

#[test]
fn slow_clients_do_not_hold_the_end_up() -> Result<()> {
    let mut world = World::with(|config| config.delivery.push_str(DRAIN))?;
    let smtp = [world.greeted()?, world.in_content()?];
    let _http = [world.in_head()?, world.in_body()?];
    // They have been heard once somebody after them has been answered.
    world.latency()?;
    let start = Instant::now();
    let status = world.server.stop()?;
    let took = start.elapsed();
    assert!(status.success(), "{status}\n{}", world.server.process.log_text());
    tell(&format!("ended in {took:?} beside slow clients"));
    assert!(took < DRAIN_TIMEOUT + SLACK, "the end took {took:?}");
    for mut stream in smtp {
        let mut words = String::new();
        stream.read_to_string(&mut words).context("read a goodbye")?;
        assert!(words.starts_with("421 "), "{words:?}");
    }
    Ok(())
}
