//! Nothing that was taken is lost, and nothing goes round for ever.

use std::time::Duration;

use mailwright_tests::error::Result;

use crate::world::{World, message};

#[test]
fn what_the_next_server_does_not_take_now_is_kept_over_a_kill() -> Result<()> {
    let Some(mut world) = World::to("defer:100%", |config| config.retry_first = "1s".into())? else {
        return Ok(());
    };
    world.forward("info@example.com", &["ann@box.example"])?;
    let reply = world.bring("bob@good.example", "info@example.com", &message("bob@good.example"))?;
    assert_eq!((reply.code, reply.lines[0].contains("queued as")), (250, true), "{reply:?}");
    world.server.process.kill()?;
    world.server = world.installation.start()?;
    let queue = world.api().request("GET", "/client/v4/delivery/queue", "", &[])?.text;
    assert!(queue.contains("box.example"), "{queue}");
    Ok(())
}

#[test]
fn a_message_that_comes_by_again_is_refused() -> Result<()> {
    let Some(world) = World::start()? else { return Ok(()) };
    world.forward("info@example.com", &["ann@box.example"])?;
    assert_eq!(world.bring("bob@good.example", "info@example.com", &message("bob@good.example"))?.code, 250);
    let once = world.arrived("ann@box.example")?.message;
    let again = world.bring("bob@good.example", "info@example.com", &once)?;
    assert!(again.code == 554 && again.lines[0].starts_with("5.4.6"), "{again:?}");
    Ok(())
}

#[test]
fn a_sender_is_not_kept_waiting_longer_than_is_configured() -> Result<()> {
    let config = |config: &mut mailwright_tests::server::Config| {
        config.more = config.more.replace("in_session = \"20s\"", "in_session = \"0s\"");
    };
    // This receiver takes minutes for everything.
    let Some(world) = World::to("tarpit:60s", config)? else { return Ok(()) };
    world.forward("info@example.com", &["ann@box.example"])?;
    let began = std::time::Instant::now();
    let reply = world.bring("bob@good.example", "info@example.com", &message("bob@good.example"))?;
    assert_eq!((reply.code, reply.lines[0].contains("queued as")), (250, true), "{reply:?}");
    assert!(began.elapsed() < Duration::from_secs(30));
    Ok(())
}
