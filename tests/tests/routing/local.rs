//! Routing without SMTP, in development.

use mailwright_tests::error::Result;
use mailwright_tests::http;
use mailwright_tests::server::Dev;
use serde_json::Value;

/// Hands a message to the door for local tests.
fn hand_in(dev: &Dev, from: &str, to: &str, message: &str) -> Result<Value> {
    let path = format!("/cdn-cgi/handler/email?from={from}&to={to}");
    Ok(dev.api.post(&path, message, &[("content-type", "message/rfc822")])?.json())
}

#[test]
fn a_message_handed_in_goes_the_way_of_mail() -> Result<()> {
    let dev = Dev::start()?;
    let message = "From: John <sender@example.org>\nTo: you\nSubject: Testing\n\nHi there\n";
    let said = hand_in(&dev, "sender@example.org", "hello@example.com", message)?;
    assert_eq!(said["result"]["outcome"], "forwarded", "{said}");
    assert_eq!(said["result"]["authentication"]["dkim"], "none", "{said}");
    let mail = dev.mailbox.wait_for("you@example.net")?;
    assert!(mail.message.ends_with(b"Subject: Testing\r\n\r\nHi there\r\n"));
    let unknown = hand_in(&dev, "sender@example.org", "hello@other.example", message)?;
    assert_eq!(unknown["result"]["outcome"], "refused", "{unknown}");
    assert!(
        unknown["result"]["reply"].as_str().is_some_and(|reply| reply.starts_with("550 5.7.1")),
        "{unknown}"
    );
    for (from, to) in [("nonsense", "a@example.com"), ("a@example.com", "nonsense")] {
        assert_eq!(hand_in(&dev, from, to, message)?["success"], false);
    }
    Ok(())
}

#[test]
fn a_server_that_is_not_for_development_has_no_such_door() -> Result<()> {
    let world = crate::world::World::start()?;
    let Some(world) = world else { return Ok(()) };
    assert_eq!(
        world.api().post("/cdn-cgi/handler/email?from=a@b.example&to=c@d.example", "x", &[])?.status,
        404
    );
    assert_eq!(http::get(world.server.http, "/cdn-cgi/handler/email")?.status / 100, 4);
    Ok(())
}
