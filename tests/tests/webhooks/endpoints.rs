//! What can be done with an endpoint: secrets, tests, replays.

use mailwright_tests::error::Result;
use mailwright_tests::needs::skip_without;
use mailwright_tests::wait;
use serde_json::{Value, json};

use crate::world::{LIMIT, NEEDS, SOON, World, path};

#[test]
fn a_secret_is_shown_once_and_the_old_one_signs_on_for_a_while() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut world = World::start("", SOON)?;
    let made = world.create(&[])?;
    let old = made["secret"].as_str().unwrap_or_default();
    assert!(old.starts_with("whsec_"), "{made}");
    assert!(world.endpoint(&made)?.get("secret").is_none());
    let list = world.ask("GET", "", &Value::Null)?.json();
    assert!(list["result"][0].get("secret").is_none() && list["result_info"]["count"] == 1, "{list}");
    let rotated = world.ask("POST", &path(&made, "/rotate-secret"), &json!({"overlap": "1h"}))?.result();
    let new = rotated["secret"].as_str().unwrap_or_default();
    assert!(new != old && rotated["previous_secret_expires_at"].is_string(), "{rotated}");
    world.receiver.know(&[old, new]);
    world.receiver.answer(200, &[])?;
    world.ask("POST", &path(&made, "/test"), &json!({}))?.result();
    let rotated = world.ask("POST", &path(&made, "/rotate-secret"), &json!({"overlap": "0s"}))?.result();
    let newest = rotated["secret"].as_str().unwrap_or_default();
    assert!(rotated["previous_secret_expires_at"].is_null(), "{rotated}");
    world.receiver.know(&[old, new, newest]);
    world.receiver.answer(200, &[])?;
    world.ask("POST", &path(&made, "/test"), &Value::Null)?.result();
    let verified: Vec<_> = world.receiver.calls().into_iter().map(|call| call.verified).collect();
    assert_eq!(verified, [vec![true, true], vec![false, false, true]]);
    assert_eq!(world.receiver.calls()[0].body["type"], "webhook.test");
    assert!(!world.server.process.log_text().contains("whsec_"));
    Ok(())
}

#[test]
fn a_range_of_time_is_told_again_with_the_same_ids() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut world = World::start("", SOON)?;
    let made = world.create(&["message.delivered"])?;
    world.send(0..4)?;
    let told = world.wait_for("message.delivered", 4)?;
    // What is not noted as told yet is not told again.
    wait::until("nothing to wait", LIMIT, || {
        Ok((world.endpoint(&made)?["waiting_events"] == 0).then_some(()))
    })?;
    let mut times: Vec<_> = told.iter().filter_map(|event| event["timestamp"].as_str()).collect();
    times.sort_unstable();
    let range = json!({"from": times[0], "to": "2100-01-01T00:00:00+01:00"});
    let replayed = world.ask("POST", &path(&made, "/replay"), &range)?.result();
    assert_eq!(replayed, json!({"replayed": 4}));
    let all = world.wait_for("message.delivered", 8)?;
    assert_eq!(all[4..], told[..]);
    let backwards = json!({"from": times[0], "to": times[0]});
    for (range, field) in [(backwards, "to"), (json!({"from": "yesterday", "to": times[0]}), "from")] {
        let refused = world.ask("POST", &path(&made, "/replay"), &range)?;
        assert_eq!((refused.status, refused.error_code()), (400, 10001), "{range}");
        assert_eq!(refused.json()["errors"][0]["field"], field);
    }
    Ok(())
}

#[test]
fn an_endpoint_that_was_taken_away_is_told_nothing_more() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut world = World::start("", SOON)?;
    let made = world.create(&["message.delivered"])?;
    world.receiver.answer(500, &[])?;
    world.send(0..1)?;
    wait::until("a call", LIMIT, || Ok((!world.receiver.calls().is_empty()).then_some(())))?;
    assert_eq!(world.ask("DELETE", &path(&made, ""), &Value::Null)?.result()["id"], made["id"]);
    for (method, more) in
        [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/attempts"), ("POST", "/test")]
    {
        let body = if method == "GET" || method == "DELETE" { Value::Null } else { json!({}) };
        let answer = world.ask(method, &path(&made, more), &body)?;
        assert_eq!((answer.status, answer.error_code() > 0), (404, true), "{method} {more}");
    }
    world.receiver.answer(200, &[])?;
    world.create(&["message.delivered"])?;
    world.send(1..2)?;
    let events = world.wait_for("message.delivered", 1)?;
    assert!(events.iter().all(|event| event["recipient"] == "hook-1@example.net"), "{events:?}");
    Ok(())
}
