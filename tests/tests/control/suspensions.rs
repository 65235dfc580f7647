//! Mail that is held for now.

use std::time::{Duration, Instant};

use mailwright_tests::error::Result;
use mailwright_tests::sandbox::Sandbox;
use serde_json::json;

use crate::world::World;

#[test]
fn a_suspension_holds_its_mail_over_a_restart_until_it_is_ended() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let mut world = World::to(sandbox.address)?;
    let account = world.installation.account.account_id.clone();
    let site = format!("site:{}", sandbox.address);
    let scopes = ["domain:held.example", &site, "source:default", &format!("tenant:{account}")];
    for (number, scope) in scopes.into_iter().enumerate() {
        world.text(&["suspend", scope, "--reason", "we look into it"])?;
        let to = format!("{number}@held.example");
        world.send(&to)?;
        let [id] = &world.wait_for_ids(1)?[..] else { panic!("one message") };
        let detail = world.wait_until_held_by(id, "suspension")?;
        assert!(detail.starts_with(scope) && detail.ends_with(": we look into it"), "{detail}");
        world.restart()?;
        world.wait_until_held_by(id, "suspension")?;
        assert_eq!(world.get("suspensions")?[0]["scope"], scope);
        assert_eq!(sandbox.mailbox.list()?.len(), number);
        world.text(&["resume", scope])?;
        sandbox.mailbox.wait_for(&to)?;
        assert_eq!(world.get("suspensions")?, json!([]));
        world.wait_for_ids(0)?;
    }
    Ok(())
}

#[test]
fn a_suspension_of_one_domain_holds_nobody_elses_mail() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let world = World::to(sandbox.address)?;
    world.call("POST", "suspensions", &json!({"scope": "domain:held.example"}))?.result();
    world.send("1@held.example")?;
    world.send("1@free.example")?;
    sandbox.mailbox.wait_for("1@free.example")?;
    assert_eq!(sandbox.mailbox.list()?.len(), 1);
    Ok(())
}

#[test]
fn a_suspension_with_an_end_ends_by_itself() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let world = World::to(sandbox.address)?;
    let began = Instant::now();
    world.text(&["suspend", "domain:held.example", "--for", "2s"])?;
    world.send("1@held.example")?;
    sandbox.mailbox.wait_for("1@held.example")?;
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert_eq!(world.get("suspensions")?, json!([]));
    Ok(())
}
