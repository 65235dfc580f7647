//! What is not taken, and what is taken without harm.

use mailwright_tests::error::{Error, Result};
use mailwright_tests::smtp::SmtpClient;
use serde_json::json;

use crate::world::{RETURN_PATH, World, report};

#[test]
fn nothing_is_taken_for_anybody_else() -> Result<()> {
    let world = World::start()?;
    let mail = world.send(&["you@example.net"], &json!({}))?;
    let inbound = world.server.inbound.ok_or_else(|| Error::unexpected("find inbound", "it is off"))?;
    let mut client = SmtpClient::connect_and_greet(inbound)?;
    client.command("MAIL FROM:<>")?;
    let forged = mail.mail_from.replacen("-0-", "-1-", 1);
    let elsewhere = mail.mail_from.replace(RETURN_PATH, "example.org");
    let cases = [
        (forged.as_str(), "5.1.1"),
        (elsewhere.as_str(), "5.7.1"),
        ("somebody@example.net", "5.7.1"),
        ("sender@example.com", "5.7.1"),
        ("postmaster@cf-bounce.example.com", "5.1.1"),
        ("b-1-1@cf-bounce.example.com", "5.1.1"),
        ("\"b-1\"@cf-bounce.example.com", "5.1.1"),
    ];
    for (address, status) in cases {
        let reply = client.command(&format!("RCPT TO:<{address}>"))?;
        assert!(reply.code == 550 && reply.lines[0].starts_with(status), "{address}: {reply:?}");
    }
    assert_eq!(world.counted("address", "forged")?, 1);
    // The same session may still bring what is for us.
    assert_eq!(client.command(&format!("RCPT TO:<{}>", mail.mail_from))?.code, 250);
    Ok(())
}

#[test]
fn whatever_is_sent_is_answered_and_believed_only_as_far_as_it_goes() -> Result<()> {
    let world = World::start()?;
    let mail = world.send(&["you@example.net"], &json!({}))?;
    let bounce = report("you@example.net", "5.1.1", "550 5.1.1 unknown");
    let nested = |depth: usize| {
        let mut message = b"Subject: nested\r\n".to_vec();
        for level in 0..depth {
            let part = format!("Content-Type: multipart/mixed; boundary=\"{level}\"\r\n\r\n--{level}\r\n");
            message.extend_from_slice(part.as_bytes());
        }
        message.extend_from_slice(&bounce);
        message
    };
    let returned = [b"Content-Type: message/rfc822\r\n\r\n".as_slice(), &bounce].concat();
    let harmless: [Vec<u8>; 6] = [
        b"\r\n".to_vec(),
        b"\xff\xfe\x80: \xc3\x28\r\n\r\n\xff\xff\r\n".to_vec(),
        nested(2_000),
        returned,
        [b"Subject: large\r\n\r\n".as_slice(), &b"0123456789abcdef\r\n".repeat(90_000), &bounce].concat(),
        b"Content-Type: message/delivery-status\r\n\r\nFinal-Recipient: \xff\r\nAction: failed\r\n".to_vec(),
    ];
    for message in harmless {
        world.tell(&mail.mail_from, &message)?;
    }
    let too_large = [b"Subject: x\r\n\r\n".as_slice(), &b"0123456789abcdef\r\n".repeat(130_000)].concat();
    assert_eq!(world.bring(&mail.mail_from, &too_large)?.code, 552);
    assert!(!world.suppressed()?.iter().any(|row| row["reason"] == "complaint"));
    // And it goes on.
    world.tell(&mail.mail_from, &bounce)?;
    world.until_suppressed("you@example.net")?;
    Ok(())
}
