//! More domains with mail than may be active at a time.

use std::net::SocketAddr;

use mailwright_tests::error::Result;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, free_address};

use crate::world::World;

/// A server that works on one domain at a time.
fn one_place(next_hop: SocketAddr, limits: &str) -> Result<World> {
    let delivery = "max_active_domains = 1".to_owned();
    World::with(Config { delivery, ..Config::to(next_hop) }, limits)
}

#[test]
fn a_suspended_domain_makes_way_and_comes_back_when_it_may() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let world = one_place(sandbox.address, "")?;
    world.text(&["suspend", "domain:a.example"])?;
    world.send("1@a.example")?;
    let ids = world.wait_for_ids(1)?;
    world.wait_until_held_by(&ids[0], "suspension")?;
    for number in 2..5 {
        let to = format!("{number}@d{number}.example");
        world.send(&to)?;
        sandbox.mailbox.wait_for(&to)?;
    }
    world.wait_until_held_by(&ids[0], "suspension")?;
    world.text(&["resume", "domain:a.example"])?;
    sandbox.mailbox.wait_for("1@a.example")?;
    world.wait_for_ids(0)?;
    Ok(())
}

#[test]
fn why_names_the_line_that_a_domain_waits_in() -> Result<()> {
    let sandbox = Sandbox::with(&["stall:pause=1m"])?;
    let world = one_place(sandbox.address, "")?;
    world.send("1@a.example")?;
    let first = world.wait_for_ids(1)?.remove(0);
    world.wait_until_held_by(&first, "in_flight")?;
    world.send("2@b.example")?;
    let second = world.wait_for_ids(2)?.remove(1);
    let detail = world.wait_until_held_by(&second, "turn")?;
    assert!(detail.contains("delivery.max_active_domains"), "{detail}");
    // Orders reach it all the same.
    world.text(&["cancel", "--id", &second, "--yes"])?;
    world.wait_for_ids(1)?;
    Ok(())
}

#[test]
fn domains_that_rest_say_why() -> Result<()> {
    let world = one_place(free_address()?, "")?;
    for to in ["1@a.example", "2@b.example", "3@c.example"] {
        world.send(to)?;
    }
    for id in world.wait_for_ids(3)? {
        let detail = world.wait_until_held_by(&id, "site")?;
        assert!(detail.contains("refused"), "{detail}");
    }
    let queue = world.text(&["queue"])?;
    assert!(queue.starts_with("3 entries to 3 domains"), "{queue}");
    Ok(())
}
