//! Orders about queued mail.

use mailwright_tests::control;
use mailwright_tests::error::Result;
use mailwright_tests::metrics::QUEUED;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::Config;
use mailwright_tests::wait;
use serde_json::json;

use crate::world::{DEFERS, LIMIT, World};

#[test]
fn retry_now_delivers_what_would_wait() -> Result<()> {
    let sandbox = Sandbox::with(&["greylist:wait=1s"])?;
    let world = World::to(sandbox.address)?;
    world.send("1@a.example")?;
    world.wait_until_deferred(1)?;
    wait::until("the mail that is tried again", LIMIT, || {
        let ordered = world.json(&["retry-now", "--domain", "a.example"])?;
        assert!(ordered["changed"].as_u64().is_some_and(|changed| changed <= 1), "{ordered}");
        Ok((!sandbox.mailbox.list()?.is_empty()).then_some(()))
    })
}

#[test]
fn cancelled_mail_is_gone_and_the_books_balance() -> Result<()> {
    let sandbox = Sandbox::with(&[DEFERS])?;
    let world = World::to(sandbox.address)?;
    for to in ["1@a.example", "2@a.example", "1@b.example"] {
        world.send(to)?;
    }
    world.wait_until_deferred(3)?;
    let id = world.ids()?.remove(0);
    let cancelled = world.json(&["cancel", "--domain", "a.example", "--yes"])?;
    assert_eq!(cancelled, json!({"changed": 2, "in_flight": 0}));
    wait::until("the events of the cancelled message", LIMIT, || {
        // Between the order and its events the message is in neither queue nor log: the command fails.
        let shown = control::run(world.state(), &["queue", "show", &id])?;
        let shown = String::from_utf8_lossy(&shown.stdout);
        Ok((shown.contains("not in the queue any more") && shown.contains("cancelled by local user"))
            .then_some(()))
    })?;
    // Senders are told: those reports wait too.
    wait::until("an empty queue", LIMIT, || {
        world.call("POST", "queue/cancel", &json!({"all": true}))?.result();
        let metrics = world.server.metrics()?;
        Ok((metrics.get(QUEUED) == 0).then_some(metrics))
    })?
    .assert_all_accounted_for();
    Ok(())
}

#[test]
fn rerouted_mail_goes_elsewhere_until_the_order_is_taken_back() -> Result<()> {
    let (before, after) = (Sandbox::with(&[DEFERS])?, Sandbox::start()?);
    let mut world = World::to(before.address)?;
    world.send("1@a.example")?;
    world.send("1@b.example")?;
    world.wait_until_deferred(2)?;
    let via = after.address.to_string();
    world.text(&["reroute", "--domain", "a.example", "--via", &via])?;
    world.text(&["retry-now", "--all"])?;
    after.mailbox.wait_for("1@a.example")?;
    world.restart()?;
    world.send("2@a.example")?;
    after.mailbox.wait_for("2@a.example")?;
    world.text(&["reroute", "--domain", "a.example", "--via-default"])?;
    world.send("3@a.example")?;
    let ids = world.wait_for_ids(2)?;
    world.wait_until_held_by(&ids[1], "retry")?;
    assert_eq!(after.mailbox.deliveries()?, ["1@a.example", "2@a.example"]);
    Ok(())
}

#[test]
fn entries_can_leave_from_another_pool() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let pools = "[outbound]\ndefault_pool = \"old\"\n[outbound.sources.one]\nipv4 = \"127.0.0.2\"\n[outbound.sources.two]\n\
                 ipv4 = \"127.0.0.3\"\n[outbound.pools.old]\nsources = { one = 1 }\n[outbound.pools.new]\nsources = { two = 1 }\n";
    let world = World::with(Config { more: pools.into(), ..Config::to(sandbox.address) }, "")?;
    world.text(&["suspend", "source:one"])?;
    world.send("1@a.example")?;
    let ids = world.wait_for_ids(1)?;
    world.wait_until_held_by(&ids[0], "suspension")?;
    assert_eq!(world.get("sources")?[0]["usable"], false);
    let ordered = world.json(&["reroute", "--all", "--to-pool", "new"])?;
    assert_eq!(ordered, json!({"changed": 1, "in_flight": 0}));
    sandbox.mailbox.wait_for("1@a.example")?;
    Ok(())
}
