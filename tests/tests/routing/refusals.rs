//! What is refused, and what the sender hears.

use mailwright_tests::error::Result;
use serde_json::json;

use crate::world::{World, message};

#[test]
fn nobody_relays_through_us() -> Result<()> {
    let Some(world) = World::start()? else { return Ok(()) };
    world.forward("info@example.com", &["ann@box.example"])?;
    let foreign = [
        "ann@box.example",
        "ann%box.example@other.example",
        "\"ann@box.example\"@other.example",
        "info@sub.example.com",
        "info@[127.0.0.1]",
    ];
    for address in foreign {
        let mut client = world.client()?;
        client.command("MAIL FROM:<bob@good.example>")?;
        let reply = client.command(&format!("RCPT TO:<{address}>"))?;
        assert!(reply.code == 550 && reply.lines[0].starts_with("5.7.1"), "{address}: {reply:?}");
    }
    let unknown = ["nobody@example.com", "ann%box.example@example.com", "\"ann@box.example\"@example.com"];
    for address in unknown {
        let mut client = world.client()?;
        client.command("MAIL FROM:<bob@good.example>")?;
        let reply = client.command(&format!("RCPT TO:<{address}>"))?;
        assert!(reply.code == 550 && reply.lines[0].starts_with("5.1.1"), "{address}: {reply:?}");
    }
    Ok(())
}

#[test]
fn mail_that_nobody_answers_for_is_refused_with_the_reason() -> Result<()> {
    let Some(world) = World::start()? else { return Ok(()) };
    world.forward("info@example.com", &["ann@box.example"])?;
    let refused = |from: &str, author: &str| world.bring(from, "info@example.com", &message(author));
    let strict = refused("bob@strict.example", "bob@strict.example")?;
    assert!(strict.code == 550 && strict.lines[0].starts_with("5.7.1"), "{strict:?}");
    assert!(strict.lines.concat().contains("strict.example"), "{strict:?}");
    // Sent by a domain that may, in the name of one that has such mail refused.
    let forged = refused("bob@good.example", "bob@strict.example")?;
    assert_eq!(forged.code, 550, "{forged:?}");
    let silent = refused("bob@silent.example", "bob@silent.example")?;
    assert!(silent.code == 550 && silent.lines[0].starts_with("5.7.26"), "{silent:?}");
    let line = world.logged("to=info@example.com&envelope_from=bob@silent.example", "rejected")?;
    assert_eq!((&line["spf"], &line["code"]), (&json!("none"), &json!("5.7.26")), "{line}");
    assert!(world.deliveries()?.is_empty());
    Ok(())
}

#[test]
fn what_the_next_server_refuses_is_told_while_the_sender_waits_and_never_later() -> Result<()> {
    let Some(world) = World::to("reject:100%", |_| {})? else { return Ok(()) };
    world.forward("info@example.com", &["ann.private@box.example"])?;
    let reply = world.bring("bob@good.example", "info@example.com", &message("bob@good.example"))?;
    let said = reply.lines.join(" ");
    assert!(reply.code / 100 == 5 && said.contains("the next server refused it"), "{reply:?}");
    assert!(!said.contains("private"), "the destination is nobody's business: {said}");
    world.logged("to=info@example.com", "deliveryFailed")?;
    // Nobody is written to about it.
    world.until_counted("mailwright_queue_entries", 0)?;
    assert!(world.deliveries()?.is_empty());
    Ok(())
}

#[test]
fn recipients_of_different_kinds_come_in_messages_of_their_own() -> Result<()> {
    let Some(world) = World::start()? else { return Ok(()) };
    world.forward("info@example.com", &["ann@box.example"])?;
    let mut client = world.client()?;
    client.command("MAIL FROM:<>")?;
    assert_eq!(client.command("RCPT TO:<info@example.com>")?.code, 250);
    let other = client.command("RCPT TO:<fbl@cf-bounce.example.com>")?;
    assert!(other.code == 452 && other.lines[0].starts_with("4.5.3"), "{other:?}");
    Ok(())
}
