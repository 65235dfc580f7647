//! Senders that have an address of their own: clients of submission.

use data_encoding::BASE64;
use mailwright_tests::error::{Error, Result};
use mailwright_tests::message::SENDER;
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::wait;

use crate::world::{LIMIT, World, queue_id, report};

const SUBMISSION: &str = "[submission]\nlisten = [\"127.0.0.1:0\"]\nallow_plain_auth_on_loopback = true\n";

/// Logs in and submits a message.
fn submit(world: &World, to: &str) -> Result<()> {
    let address = world.server.submission.ok_or_else(|| Error::unexpected("find submission", "it is off"))?;
    let mut client = SmtpClient::connect_and_greet(address)?;
    let token = format!("\0me\0{}", world.installation.account.token);
    let login = client.command(&format!("AUTH PLAIN {}", BASE64.encode(token.as_bytes())))?;
    assert_eq!(login.code, 235, "{login:?}");
    let message = format!("From: {SENDER}\r\nTo: {to}\r\nSubject: submitted\r\n\r\nHello\r\n");
    let reply = client.send(SENDER, to, message.as_bytes())?;
    assert_eq!(reply.code, 250, "{reply:?}");
    Ok(())
}

#[test]
fn a_bounce_of_submitted_mail_is_acted_on_and_handed_on() -> Result<()> {
    let world = World::start_with(|config| config.more.push_str(SUBMISSION))?;
    submit(&world, "gone@example.net")?;
    let mail = world.sandbox.mailbox.wait_for("gone@example.net")?;
    assert!(mail.mail_from.starts_with("b-"), "{}", mail.mail_from);
    let words = "550 5.1.1 <gone@example.net>: user unknown";
    world.tell(&mail.mail_from, &report("gone@example.net", "5.1.1", words))?;
    world.until_suppressed("gone@example.net")?;
    assert_eq!(world.events(queue_id(&mail), "late_bounce")?.len(), 1);

    let handed_on = world.sandbox.mailbox.wait_for(SENDER)?;
    assert_eq!(handed_on.mail_from, "");
    let text = String::from_utf8_lossy(&handed_on.message).into_owned();
    assert!(text.contains("user unknown") && text.starts_with("Received:"), "{text}");
    Ok(())
}

#[test]
fn who_wants_to_keep_their_own_envelope_sender_does() -> Result<()> {
    let world = World::start_with(|config| {
        config.more.push_str(SUBMISSION);
        config.more.push_str("return_path = false\n");
    })?;
    submit(&world, "you@example.net")?;
    assert_eq!(world.sandbox.mailbox.wait_for("you@example.net")?.mail_from, SENDER);
    Ok(())
}

#[test]
fn mail_of_trusted_networks_keeps_its_own() -> Result<()> {
    let world = World::start()?;
    let mut client = SmtpClient::connect_and_greet(world.server.smtp)?;
    let message = format!("From: {SENDER}\r\nTo: you@example.net\r\nSubject: relayed\r\n\r\nHello\r\n");
    client.send(SENDER, "you@example.net", message.as_bytes())?;
    let mail = wait::until("the mail", LIMIT, || Ok(world.sandbox.mailbox.list()?.into_iter().next()))?;
    assert_eq!(mail.mail_from, SENDER);
    assert!(!String::from_utf8_lossy(&mail.message).contains("CFBL-Address"));
    Ok(())
}
