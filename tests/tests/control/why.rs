//! The one thing that holds a message.

use mailwright_tests::error::Result;
use mailwright_tests::name_server::{BROKEN, NameServer};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Destination, free_address};
use serde_json::json;

use crate::world::World;

#[test]
fn why_names_a_delivery_under_way_and_the_connections_that_are_busy() -> Result<()> {
    let sandbox = Sandbox::with(&["stall:pause=1m"])?;
    let world = World::shaped(sandbox.address, "connections = 1")?;
    world.send("1@a.example")?;
    let first = world.wait_for_ids(1)?.remove(0);
    world.wait_until_held_by(&first, "in_flight")?;
    world.send("2@a.example")?;
    let second = world.wait_for_ids(2)?.remove(1);
    let detail = world.wait_until_held_by(&second, "concurrency")?;
    assert!(detail.contains("1 connections are allowed"), "{detail}");
    let left = world.json(&["cancel", "--id", &first, "--yes"])?;
    assert_eq!(left, json!({"changed": 0, "in_flight": 1}));
    Ok(())
}

#[test]
fn why_names_the_rate() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let world = World::shaped(sandbox.address, "message_rate = \"1/h\"")?;
    world.send("1@a.example")?;
    sandbox.mailbox.wait_for("1@a.example")?;
    world.wait_for_ids(0)?;
    world.send("2@a.example")?;
    let ids = world.wait_for_ids(1)?;
    let detail = world.wait_until_held_by(&ids[0], "rate")?;
    assert!(detail.contains("1/h"), "{detail}");
    Ok(())
}

#[test]
fn why_names_the_breaker_of_a_dead_destination() -> Result<()> {
    let world = World::shaped(free_address()?, "breaker_failures = 1")?;
    world.send("1@a.example")?;
    let ids = world.wait_for_ids(1)?;
    world.wait_until_held_by(&ids[0], "breaker")?;
    Ok(())
}

#[test]
fn why_names_a_site_that_cannot_be_reached() -> Result<()> {
    let world = World::to(free_address()?)?;
    world.send("1@a.example")?;
    let ids = world.wait_for_ids(1)?;
    let detail = world.wait_until_held_by(&ids[0], "site")?;
    assert!(detail.contains("refused"), "{detail}");
    Ok(())
}

#[test]
fn why_names_a_tls_policy_that_is_not_met() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let world = World::shaped(sandbox.address, "tls = \"required\"")?;
    world.send("1@a.example")?;
    let ids = world.wait_for_ids(1)?;
    let detail = world.wait_until_held_by(&ids[0], "policy")?;
    assert!(detail.contains("TLS"), "{detail}");
    Ok(())
}

#[test]
fn why_names_a_name_server_that_does_not_answer() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let name_server = NameServer::start("")?;
    let exchangers = Destination::Exchangers { name_server: name_server.address, port: 25 };
    let world = World::with(Config::with(exchangers), "")?;
    world.send(&format!("1@{BROKEN}"))?;
    let ids = world.wait_for_ids(1)?;
    let detail = world.wait_until_held_by(&ids[0], "dns")?;
    assert!(detail.contains(BROKEN), "{detail}");
    Ok(())
}
