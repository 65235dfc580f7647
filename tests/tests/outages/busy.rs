//! Every receiver answers 421 for a while, wherever in a session: nothing bounces, they are not stormed, and all mail
//! comes once soon after they have recovered.

use std::thread;
use std::time::Duration;

use mailwright_tests::error::Result;
use mailwright_tests::metrics::{BOUNCED, QUEUED};
use mailwright_tests::moody::{Mood, Moody};
use mailwright_tests::needs::{long, tell};
use mailwright_tests::server::Config;

use super::world::Plan;

const MESSAGES: usize = 500;
/// The most connections that a receiver may get in a second that it turns all of them away: far fewer than there are
/// messages, and generous beside the ten failures in a row after which a site counts as dead.
const MOST_IN_A_SECOND: usize = 20;
/// How soon all mail comes after the receiver has recovered: a dead site rests for a minute, and longer the next time.
const SOON: Duration = Duration::from_secs(90);
const SOON_AFTER_LONG: Duration = Duration::from_secs(180);

/// Has a receiver turn mail away for a while, and counts the connections that it gets meanwhile.
fn turned_away(mood: Mood) -> Result<()> {
    let pace = |config: &mut Config| {
        (config.retry_first, config.retry_max_interval) = ("10s".into(), "10s".into());
    };
    let mut world = Plan { config: &pace, ..Plan::to(Moody::start(mood)?) }.start()?;
    world.send(MESSAGES, 1_000)?;
    let (outage, soon) = if long() { (90, SOON_AFTER_LONG) } else { (5, SOON) };
    thread::sleep(Duration::from_secs(outage));
    let connections = world.receiver.connections();
    let metrics = world.server.metrics()?;
    assert_eq!((metrics.get(BOUNCED), metrics.get(QUEUED)), (0, MESSAGES as u64));
    world.receiver.set(Mood::Well);
    let took = world.until_all_came(soon)?;
    tell(&format!(
        "{mood:?} for {outage} s: {connections} connections for {MESSAGES} messages; all came {took:?} after it"
    ));
    let most = MOST_IN_A_SECOND * usize::try_from(outage).unwrap_or_default();
    assert!(connections <= most, "{connections} connections in {outage} s");
    world.assert_law()
}

#[test]
fn mail_survives_a_421_at_the_greeting() -> Result<()> {
    turned_away(Mood::LeavesAtGreeting)
}

#[test]
fn mail_survives_a_421_at_mail() -> Result<()> {
    turned_away(Mood::LeavesAtMail)
}

#[test]
fn mail_survives_a_421_after_the_dot() -> Result<()> {
    turned_away(Mood::LeavesAfterDot)
}
