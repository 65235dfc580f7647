//! The clock is set by hours, as time daemons and virtual machines do: what is to happen in a moment happens in a
//! moment by any clock. This is about mail; what holds mail back is in `clock_holds`, clients are in `clock_clients`.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use mailwright_tests::control;
use mailwright_tests::error::{Error, Result};
use mailwright_tests::metrics::{BOUNCED, DEFERRED, until_queue_is_empty};
use mailwright_tests::moody::{Mood, Moody};
use mailwright_tests::needs::{Need, skip_without, tell};
use mailwright_tests::server::Config;
use mailwright_tests::stepped_clock::SteppedClock;
use mailwright_tests::wait;

use super::world::{LIMIT, Plan, World};

pub(crate) const HOUR: i64 = 3_600;
/// What is due within seconds by the clock of before may wait for the next look through the whole queue, which is
/// once a minute, and not for hours.
pub(crate) const SOON: Duration = Duration::from_secs(90);
/// New mail has nothing to do with a clock that was set.
const AT_ONCE: Duration = Duration::from_secs(30);
pub(crate) const LATER: Mood = Mood::Says("451 4.2.0 later");

/// A world whose server goes by a clock of its own.
pub(crate) fn world(
    mood: Mood,
    shaping: &str,
    config: &dyn Fn(&mut Config),
) -> Result<(World, SteppedClock)> {
    let clock = SteppedClock::new()?;
    let command = |command: &mut Command| clock.rule(command);
    let plan = Plan { shaping, config, command: &command, ..Plan::to(Moody::start(mood)?) };
    let world = plan.start()?;
    Ok((world, clock))
}

/// Retries after a few seconds, so that the clock can be set before.
pub(crate) fn unhurried(config: &mut Config) {
    (config.retry_first, config.retry_max_interval) = ("5s".into(), "5s".into());
}

#[test]
fn new_mail_leaves_at_once_however_the_clock_is_set() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    let (mut world, clock) = world(Mood::Well, "", &|_| {})?;
    for hours in [0, 5, 0, -3, -26, 0] {
        // One is under way when the clock is set.
        world.receiver.set(Mood::SilentAfterDot);
        world.send(1, 100)?;
        world.receiver.until_taken(world.sent.len(), LIMIT)?;
        clock.set(hours * HOUR)?;
        world.receiver.set(Mood::Well);
        world.send(5, 100)?;
        let took = world.until_all_came(AT_ONCE)?;
        tell(&format!("at {hours} hours off: new mail took {took:?}"));
    }
    // What came is in the log once the queue is empty.
    world.assert_law()?;
    assert_ids_are_unique(&world)
}

/// Asserts that no two messages were given the same id, which the log tells with every delivery.
fn assert_ids_are_unique(world: &World) -> Result<()> {
    let log = world.server.process.log_text();
    let delivered = log.lines().filter(|line| line.contains(" delivered "));
    let ids: Vec<_> = delivered.filter_map(id_in).collect();
    let different: BTreeSet<_> = ids.iter().collect();
    if ids.len() != world.sent.len() {
        return Err(Error::unexpected(format!("{} ids in the log", world.sent.len()), log));
    }
    assert_eq!(different.len(), ids.len(), "{ids:?}");
    Ok(())
}

/// The id in a line of the log.
fn id_in(line: &str) -> Option<&str> {
    line.split("id=").nth(1)?.split(' ').next()
}

#[test]
fn mail_deferred_for_seconds_does_not_wait_for_hours_when_the_clock_steps_back() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    let (mut world, clock) = world(LATER, "", &unhurried)?;
    world.send(5, 100)?;
    world.until_counted(DEFERRED, 5)?;
    clock.set(-3 * HOUR)?;
    world.receiver.set(Mood::Well);
    let took = world.until_all_came(SOON)?;
    tell(&format!("deferred for 5 s when the clock was set back by three hours: delivered after {took:?}"));
    world.assert_law()
}

#[test]
fn mail_that_fails_again_after_the_clock_stepped_forward_is_not_given_up() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    let config = |config: &mut Config| {
        unhurried(config);
        // By the clock it is hours late; senders are told so, which is not what this is about.
        config.delivery = "delay_warning = \"3d\"".into();
    };
    let (mut world, clock) = world(LATER, "", &config)?;
    world.send(5, 100)?;
    world.until_counted(DEFERRED, 5)?;
    clock.set(5 * HOUR)?;
    // A message that is too old is given up after its next failure.
    world.until_counted(DEFERRED, 10)?;
    world.receiver.set(Mood::Well);
    let took = world.until_all_came(SOON)?;
    tell(&format!("deferred over a step of five hours forward: delivered after {took:?}"));
    world.assert_law()
}

/// Has mail deferred after the clock was set, and returns how long it took from there to be delivered.
fn deferred_after_a_step(hours: i64) -> Result<()> {
    let (mut world, clock) = world(Mood::Well, "", &unhurried)?;
    world.send(1, 100)?;
    world.until_all_came(LIMIT)?;
    clock.set(hours * HOUR)?;
    world.receiver.set(LATER);
    world.send(5, 100)?;
    world.until_counted(DEFERRED, 5)?;
    world.receiver.set(Mood::Well);
    let took = world.until_all_came(SOON)?;
    tell(&format!("deferred for 5 s after the clock was set by {hours} hours: delivered after {took:?}"));
    world.assert_law()
}

#[test]
fn mail_deferred_after_a_step_back_keeps_to_its_schedule() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    deferred_after_a_step(-3)
}

#[test]
fn mail_deferred_after_a_step_forward_keeps_to_its_schedule() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    deferred_after_a_step(5)
}

#[test]
fn mail_that_waits_when_the_clock_steps_back_is_tried_soon_after_a_restart() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    let (mut world, clock) = world(LATER, "", &unhurried)?;
    world.send(5, 100)?;
    world.until_counted(DEFERRED, 5)?;
    assert!(world.server.stop()?.success());
    clock.set(-3 * HOUR)?;
    world.receiver.set(Mood::Well);
    world.server = world.installation.start_with(|command| clock.rule(command))?;
    let took = world.until_all_came(SOON)?;
    tell(&format!("deferred for 5 s, then a restart three hours earlier: delivered after {took:?}"));
    let metrics = until_queue_is_empty(world.server.http, LIMIT)?;
    assert_eq!((metrics.get(BOUNCED), world.receiver.taken().len()), (0, world.sent.len()));
    Ok(())
}

#[test]
fn a_message_accepted_after_the_clock_stepped_back_can_be_followed() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    let (mut world, clock) = world(Mood::Well, "", &|_| {})?;
    for hours in [0, -3] {
        clock.set(hours * HOUR)?;
        world.send(1, 100)?;
        let recipient = world.sent.last().cloned().unwrap_or_default();
        let line = world.logged(&[" delivered ", &recipient])?;
        let id = id_in(&line).unwrap_or_default();
        let shows = || Ok(control::text(world.installation.state(), &["queue", "show", id]).ok());
        let found = wait::until("the message's events", AT_ONCE, || {
            Ok(shows()?.filter(|text| text.contains(&recipient) && text.contains("attempt")))
        });
        found.map_err(|why| {
            Error::unexpected(format!("{hours} hours off: {why}"), format!("{:?}", shows()))
        })?;
    }
    world.assert_law()
}
