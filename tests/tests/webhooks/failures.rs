//! Endpoints that fail rest, and are given up in the end.

use mailwright_tests::error::Result;
use mailwright_tests::needs::skip_without;
use mailwright_tests::wait;
use serde_json::{Value, json};

use crate::world::{LIMIT, NEEDS, SOON, World, path};

fn seconds_between(earlier: &Value, later: &Value) -> u64 {
    let seconds = |time: &Value| {
        let text = time.as_str().unwrap_or_default();
        let of = |from: usize| text.get(from..from + 2).and_then(|digits| digits.parse::<u64>().ok());
        of(11).unwrap_or(0) * 3600 + of(14).unwrap_or(0) * 60 + of(17).unwrap_or(0)
    };
    (86_400 + seconds(later) - seconds(earlier)) % 86_400
}

#[test]
fn an_endpoint_that_fails_for_long_is_disabled_and_hears_the_rest_once_it_is_enabled() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut world = World::start("", &format!("{SOON}disable_after = \"1s\"\n"))?;
    let made = world.create(&["message.delivered"])?;
    world.receiver.answer(500, &[])?;
    world.send(0..3)?;
    let disabled = wait::until("the end of patience", LIMIT, || {
        let endpoint = world.endpoint(&made)?;
        Ok((endpoint["enabled"] == false).then_some(endpoint))
    })?;
    let reason = disabled["disabled_reason"].as_str().unwrap_or_default();
    assert!(reason.contains("failed") && reason.contains("status 500"), "{disabled}");
    assert!(
        disabled["disabled_at"].is_string() && disabled["waiting_events"].as_u64() > Some(0),
        "{disabled}"
    );
    // Nothing is kept for it from now on, and nothing sent.
    let calls = world.receiver.calls().len();
    let api = world.api();
    assert_eq!(api.send(&mailwright_tests::message::Token::new("hook", 9).request("text"))?.status, 200);
    assert_eq!(world.receiver.calls().len(), calls);
    world.receiver.answer(200, &[])?;
    let enabled = world.ask("PATCH", &path(&made, ""), &json!({"enabled": true}))?.result();
    assert!(enabled["enabled"] == true && enabled["disabled_reason"].is_null(), "{enabled}");
    assert!(enabled["failing_since"].is_null(), "{enabled}");
    let events = world.wait_for("message.delivered", 3)?;
    assert!(events.iter().all(|event| event["recipient"] != "hook-9@example.net"), "{events:?}");
    Ok(())
}

#[test]
fn an_endpoint_that_is_gone_is_disabled_at_once() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut world = World::start("", SOON)?;
    let made = world.create(&["message.delivered"])?;
    world.receiver.answer(410, &[])?;
    world.send(0..1)?;
    let disabled = wait::until("the end", LIMIT, || {
        let endpoint = world.endpoint(&made)?;
        Ok((endpoint["enabled"] == false).then_some(endpoint))
    })?;
    assert!(disabled["disabled_reason"].as_str().is_some_and(|why| why.contains("410")), "{disabled}");
    assert_eq!(world.receiver.calls().len(), 1);
    Ok(())
}

#[test]
fn an_endpoint_may_ask_for_a_longer_pause() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut world = World::start("", SOON)?;
    let made = world.create(&["message.delivered"])?;
    world.receiver.answer(429, &[("retry-after", "600")])?;
    world.send(0..1)?;
    let resting = wait::until("a rest", LIMIT, || {
        let endpoint = world.endpoint(&made)?;
        Ok(endpoint["next_attempt_at"].is_string().then_some(endpoint))
    })?;
    let pause = seconds_between(&resting["failing_since"], &resting["next_attempt_at"]);
    assert!((599..=660).contains(&pause), "{resting}");
    // A test that succeeds ends the rest.
    world.receiver.answer(200, &[])?;
    let tried = world.ask("POST", &path(&made, "/test"), &json!({}))?.result();
    assert!(tried["delivered"] == true && tried["events"] == 0, "{tried}");
    world.wait_for("message.delivered", 1)?;
    Ok(())
}

#[test]
fn redirects_are_not_followed() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut world = World::start("", SOON)?;
    let made = world.create(&["message.delivered"])?;
    world.receiver.answer(307, &[("location", "/elsewhere")])?;
    let tried = world.ask("POST", &path(&made, "/test"), &json!({}))?.result();
    assert!(tried["delivered"] == false && tried["status"] == 307, "{tried}");
    assert!(tried["error"].as_str().is_some_and(|why| why.contains("redirect")), "{tried}");
    assert_eq!(tried["response"], "as told");
    let paths: Vec<_> = world.receiver.calls().into_iter().map(|call| call.path).collect();
    assert_eq!(paths, ["/hooks"]);
    assert_eq!(world.attempts(&made)?, [tried]);
    Ok(())
}
