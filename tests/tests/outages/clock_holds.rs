//! The clock is set back while something holds mail back for seconds: rates, rules, the breaker, suspensions, rests.

use std::time::Instant;

use mailwright_tests::control;
use mailwright_tests::error::Result;
use mailwright_tests::http;
use mailwright_tests::moody::Mood;
use mailwright_tests::needs::{Need, long, skip_without, tell};
use mailwright_tests::server::Config;
use mailwright_tests::wait;

use super::clock::{HOUR, LATER, SOON, unhurried, world};
use super::world::LIMIT;

const TOO_FAST: Mood = Mood::Says("450 4.7.28 you send too fast");
/// The log does not tell of rates: the first delivery says that they are used.
const DELIVERED: &str = " delivered ";

/// Has a site hold mail back for a moment, sets the clock back by seconds, and waits for all mail without sending more.
fn held_over_a_small_step(what: &str, shaping: &str, mood: Mood, sign: &str) -> Result<()> {
    let (mut world, clock) = world(mood, shaping, &|_| {})?;
    world.send(20, 100)?;
    world.logged(&[sign])?;
    clock.set(-10)?;
    world.receiver.set(Mood::Well);
    let took = world.until_all_came(SOON)?;
    tell(&format!("{what}, when the clock was set back by ten seconds: all came after {took:?}"));
    world.assert_law()
}

#[test]
fn a_message_rate_goes_on_when_the_clock_steps_back_by_seconds() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    held_over_a_small_step("a rate of 1/s", "[default]\nmessage_rate = \"60/min\"\n", Mood::Well, DELIVERED)
}

#[test]
fn a_connection_rate_goes_on_when_the_clock_steps_back_by_seconds() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    let shaping = "[default]\nconnection_rate = \"60/min\"\nmessages_per_connection = 1\n";
    held_over_a_small_step("a connection a second", shaping, Mood::Well, DELIVERED)
}

#[test]
fn a_suspended_site_goes_on_when_the_clock_steps_back_by_seconds() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    held_over_a_small_step("a site suspended for 3 s", &rule("\"suspend-site\""), LATER, "rule held")
}

/// Has the governor hold mail back, sets the clock back, lets the receiver recover, and waits for mail that is
/// accepted from then on, then for all.
fn held_over_a_step_back(what: &str, shaping: &str, mood: Mood, sign: &str) -> Result<()> {
    let pace = |config: &mut Config| {
        config.retry =
            "classes.rate_limited = { first = \"1s\", factor = 1.0, max_interval = \"1s\" }".into();
    };
    let (mut world, clock) = world(mood, shaping, &pace)?;
    world.send(60, 100)?;
    world.logged(&[sign])?;
    clock.set(-3 * HOUR)?;
    world.receiver.set(Mood::Well);
    world.send(1, 100)?;
    let newest = world.sent.last().cloned();
    let came = || world.receiver.taken().last().cloned() == newest || world.receiver.taken().len() > 60;
    let start = Instant::now();
    wait::until(&format!("new mail past {what}"), SOON, || Ok(came().then_some(())))?;
    tell(&format!(
        "{what}, when the clock was set back by three hours: new mail after {:?}",
        start.elapsed()
    ));
    let took = world.until_all_came(SOON)?;
    tell(&format!("{what}, when the clock was set back by three hours: all after {took:?} more"));
    world.assert_law()
}

/// A shaping file with a rule that acts on the first reply of [`LATER`] or [`TOO_FAST`].
fn rule(action: &str) -> String {
    format!(
        "[[default.rules]]\nname = \"held\"\ncodes = [45]\ncount = 1\nwithin = \"1m\"\naction = {action}\nhold = \"3s\"\n"
    )
}

#[test]
fn a_message_rate_is_a_rate_when_the_clock_steps_back() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    held_over_a_step_back("a rate of 5/s", "[default]\nmessage_rate = \"300/min\"\n", Mood::Well, DELIVERED)
}

#[test]
fn a_connection_rate_is_a_rate_when_the_clock_steps_back() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    let shaping = "[default]\nconnection_rate = \"300/min\"\nmessages_per_connection = 1\n";
    held_over_a_step_back("5 connections/s", shaping, Mood::Well, DELIVERED)
}

#[test]
fn a_suspended_site_is_not_shut_for_hours_when_the_clock_steps_back() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    held_over_a_step_back("a site suspended for 3 s", &rule("\"suspend-site\""), LATER, "rule held")
}

#[test]
fn a_suspended_source_is_not_shut_for_hours_when_the_clock_steps_back() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    held_over_a_step_back("a source suspended for 3 s", &rule("\"suspend-source\""), LATER, "rule held")
}

#[test]
fn a_site_that_backs_off_does_not_for_hours_when_the_clock_steps_back() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    held_over_a_step_back("a back-off of 3 s", &rule("{ back-off = 0.5 }"), TOO_FAST, "rule held")
}

#[test]
fn a_dead_site_is_not_dead_for_hours_when_the_clock_steps_back() -> Result<()> {
    // It counts as dead for a minute at least.
    if skip_without(&[Need::Cc]) || !long() {
        return Ok(());
    }
    let shaping = "[default]\nbreaker_failures = 2\n";
    held_over_a_step_back(
        "a site dead for a minute",
        shaping,
        Mood::LeavesAtGreeting,
        "dead: nothing is tried",
    )
}

#[test]
fn a_suspension_for_seconds_is_not_one_for_hours_when_the_clock_steps_back() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    let (mut world, clock) = world(Mood::Well, "", &|_| {})?;
    let suspend = ["suspend", "domain:d0.example", "--for", "5s"];
    control::text(world.installation.state(), &suspend)?;
    world.send(5, 100)?;
    clock.set(-3 * HOUR)?;
    let took = world.until_all_came(SOON)?;
    tell(&format!("suspended for 5 s when the clock was set back by three hours: delivered after {took:?}"));
    world.assert_law()
}

#[test]
fn domains_that_rest_without_a_place_do_not_for_hours_when_the_clock_steps_back() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    let config = |config: &mut Config| {
        unhurried(config);
        config.delivery = "max_active_domains = 1\n".into();
    };
    let (mut world, clock) = world(Mood::LeavesAtGreeting, "", &config)?;
    world.domains = 5;
    world.send(world.domains, 100)?;
    wait::until("domains that rest", LIMIT, || {
        let text = http::get(world.server.http, "/metrics")?.text;
        let resting =
            text.lines().find_map(|line| line.strip_prefix("mailwright_domains{state=\"resting\"} "));
        Ok((resting == Some("4")).then_some(()))
    })?;
    clock.set(-3 * HOUR)?;
    world.receiver.set(Mood::Well);
    let took = world.until_all_came(SOON)?;
    tell(&format!("4 domains rest when the clock is set back by three hours: delivered after {took:?}"));
    world.assert_law()
}
