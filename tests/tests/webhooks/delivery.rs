//! Events come, signed and in order, even if the server dies in between.

use std::collections::{BTreeMap, HashSet};

use mailwright_tests::error::Result;
use mailwright_tests::needs::skip_without;
use mailwright_tests::wait;
use serde_json::{Value, json};

use crate::world::{LIMIT, NEEDS, SOON, World};

/// The types of the events of each recipient, in order.
fn stories(events: &[Value]) -> BTreeMap<String, Vec<String>> {
    let mut stories: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in events {
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        stories.entry(text("recipient")).or_default().push(text("type"));
    }
    stories
}

fn ids(events: &[Value]) -> HashSet<String> {
    events.iter().filter_map(|event| event["id"].as_str().map(str::to_owned)).collect()
}

#[test]
fn every_message_has_its_story_told_in_order_and_signed() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut world = World::start("defer:40%+reject:20%", SOON)?;
    world.create(&[])?;
    world.send(0..30)?;
    let done =
        |event: &&Value| matches!(event["type"].as_str(), Some("message.delivered" | "message.bounced"));
    let events = wait::until("30 ends", LIMIT, || {
        let events = world.receiver.events();
        Ok((events.iter().filter(done).count() >= 30).then_some(events))
    })?;
    assert!(world.receiver.calls().iter().all(|call| call.verified == [true] && call.path == "/hooks"));
    let stories = stories(&events);
    assert_eq!(stories.len(), 30);
    for (recipient, story) in &stories {
        let (first, rest) = story.split_first().unwrap();
        let (last, between) = rest.split_last().unwrap();
        assert_eq!(first, "message.accepted", "{recipient}: {story:?}");
        assert!(between.iter().all(|kind| kind == "message.deferred"), "{recipient}: {story:?}");
        assert!(["message.delivered", "message.bounced"].contains(&last.as_str()), "{recipient}: {story:?}");
    }
    assert!(stories.values().any(|story| story.len() > 2), "nothing was deferred");
    assert_eq!(ids(&events).len(), events.len());
    let account = world.api().account.account_id;
    for event in &events {
        assert_eq!(event["account_id"], json!(account));
        assert_eq!(event["domain"], "example.net");
        assert!(event["message_id"].as_str().is_some_and(|id| id.ends_with("@example.com")), "{event}");
    }
    let deferred = events.iter().find(|event| event["type"] == "message.deferred").unwrap();
    assert!(deferred["smtp"]["code"].as_u64().is_some_and(|code| code / 100 == 4), "{deferred}");
    assert!(deferred["next_attempt_at"].is_string() && deferred["attempt"] == 1, "{deferred}");
    Ok(())
}

#[test]
fn an_endpoint_hears_only_of_what_it_wants() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut world = World::start("", SOON)?;
    world.create(&["message.delivered"])?;
    world.send(0..5)?;
    let events = world.wait_for("message.delivered", 5)?;
    assert_eq!(events.len(), 5, "{events:?}");
    Ok(())
}

#[test]
fn what_an_endpoint_did_not_take_comes_again_from_the_next_process_as_the_same_batch() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut world = World::start("", SOON)?;
    world.create(&["message.delivered"])?;
    world.receiver.answer(503, &[])?;
    world.send(0..10)?;
    wait::until("two calls in vain", LIMIT, || Ok((world.receiver.calls().len() >= 2).then_some(())))?;
    world.server.process.kill()?;
    let before = world.receiver.calls();
    world.server = world.installation.start()?;
    wait::until("a call of the next process", LIMIT, || {
        Ok((world.receiver.calls().len() > before.len()).then_some(()))
    })?;
    world.receiver.answer(204, &[])?;
    // A delivery that was in doubt when the process was killed may be made, and told of, once more.
    wait::until(
        "10 recipients",
        LIMIT,
        || Ok((stories(&world.receiver.events()).len() == 10).then_some(())),
    )?;
    let first = &before[0];
    let same: Vec<_> = world.receiver.calls().into_iter().filter(|call| call.id == first.id).collect();
    assert!(same.len() > 2 && same.iter().all(|call| call.body["data"] == first.body["data"]), "{same:?}");
    assert!(world.receiver.calls().iter().all(|call| call.verified == [true]));
    Ok(())
}

#[test]
fn a_server_killed_while_it_delivers_tells_of_every_message() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut world = World::start("", SOON)?;
    world.create(&[])?;
    for round in 0..3 {
        world.send(round * 20..round * 20 + 20)?;
        // Somewhere among deliveries and calls, at another point each time.
        wait::until("calls", LIMIT, || Ok((!world.receiver.calls().is_empty()).then_some(())))?;
        world.server.process.kill()?;
        world.server = world.installation.start()?;
    }
    let told = || {
        let events = world.receiver.events();
        let stories = stories(&events);
        let whole = |story: &Vec<String>| {
            story.iter().any(|kind| kind == "message.accepted")
                && story.iter().any(|kind| kind == "message.delivered")
        };
        Ok((stories.len() == 60 && stories.values().all(whole)).then_some(()))
    };
    wait::until("60 stories", LIMIT, told)
}
