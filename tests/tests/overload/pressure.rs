//! Mail that comes in faster than it goes out.

use std::thread;
use std::time::{Duration, Instant};

use mailwright_tests::crowd::recipient;
use mailwright_tests::error::Result;
use mailwright_tests::metrics::{BOUNCED, IN_DOUBT, QUEUED, RESTARTS, until_queue_is_empty};
use mailwright_tests::needs::{long, tell};
use mailwright_tests::pressure::{Pressure, Told};
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::wait;

use crate::world::{LIMIT, World};

/// Clients at each of the two doors.
const CLIENTS: usize = 20;
/// Octets of a message.
const SIZE: usize = 4_000;
/// How long the receiver keeps back its answer to each message: its twenty connections take a hundred a second.
const PAUSE: Duration = Duration::from_millis(200);
/// Numbers from here on are another tenant's messages.
const OTHERS: usize = 100_000_000;
/// The most memory of the server above that of an idle one, whatever waits: what `spool.memory` allows, and three
/// times as much for everything else.
const MEMORY: u64 = 128 << 20;

#[test]
fn more_mail_in_than_out_costs_no_memory_and_loses_nothing() -> Result<()> {
    let (time, drain) = if long() { (600, 3_600) } else { (8, 120) };
    let world = World::with(|_| {})?;
    world.crowd.set_pause(PAUSE);
    let idle = world.server.process.resident_bytes()?;
    let start = Instant::now();
    let pressure = Pressure::start(&world.doors(CLIENTS), SIZE);
    thread::sleep(Duration::from_secs(time));
    let told = pressure.stop()?;
    let pushed = start.elapsed();
    let grown = world.server.process.peak_resident_bytes()?.saturating_sub(idle);
    let queued = world.server.metrics()?.get(QUEUED);
    report(&told, pushed, queued, grown);
    assert!(
        queued > told.acknowledged.len() as u64 / 2,
        "mail went out as fast as it came: nothing was tested"
    );

    world.crowd.set_pause(Duration::ZERO);
    let start = Instant::now();
    let metrics = until_queue_is_empty(world.server.http, Duration::from_secs(drain))?;
    tell(&format!("drained {:.0}/s", queued as f64 / start.elapsed().as_secs_f64()));
    metrics.assert_all_accounted_for();
    told.assert_delivered_once(&world.crowd.arrivals());
    assert_all_were_answered(&told);
    assert_eq!((metrics.get(BOUNCED), metrics.get(IN_DOUBT), metrics.get(RESTARTS)), (0, 0, 0));
    let grown = world.server.process.peak_resident_bytes()?.saturating_sub(idle);
    assert!(grown < MEMORY, "{} MiB of memory", grown >> 20);
    Ok(())
}

#[test]
fn one_tenants_burst_does_not_hold_another_up() -> Result<()> {
    /// Messages in front of the other tenant's: a quarter of a minute's work.
    const IN_FRONT: u64 = 1_500;
    /// How soon its message is there all the same.
    const SOON: Duration = Duration::from_secs(3);
    let world = World::with(|_| {})?;
    world.crowd.set_pause(PAUSE);
    let pressure = Pressure::start(&world.doors(CLIENTS), SIZE);
    wait::until("a burst", LIMIT, || Ok((world.server.metrics()?.get(QUEUED) > IN_FRONT).then_some(())))?;
    let mut times = Vec::new();
    for number in OTHERS..OTHERS + 5 {
        let start = Instant::now();
        let mut client = SmtpClient::connect_and_greet(world.server.smtp)?;
        let reply = client.send("a@other.example", &recipient(number, 0), b"Subject: x\r\n\r\nx\r\n")?;
        assert_eq!(reply.code, 250, "{reply:?}");
        wait::until("the other tenant's message", LIMIT, || {
            Ok(world.crowd.arrivals().iter().any(|arrival| arrival.number == number).then_some(()))
        })?;
        times.push(start.elapsed());
    }
    let told = pressure.stop()?;
    tell(&format!("beside a burst of {} messages another tenant's took {times:?}", told.acknowledged.len()));
    assert!(times.iter().all(|took| *took < SOON), "{times:?}");
    Ok(())
}

fn report(told: &Told, pushed: Duration, queued: u64, grown: u64) {
    let accepted = told.acknowledged.len();
    tell(&format!(
        "{accepted} messages accepted at {:.0}/s, refused {:?}; {queued} queued; {} MiB of memory more ({} octets a message)",
        accepted as f64 / pushed.as_secs_f64(),
        told.refused,
        grown >> 20,
        grown / queued.max(1),
    ));
}

/// Asserts that nobody was left without a word.
fn assert_all_were_answered(told: &Told) {
    assert!(told.unclear.is_empty() && told.cut.is_empty(), "{:?} {:?}", told.unclear, told.cut);
}
