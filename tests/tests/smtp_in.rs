//! The relay listener, fed by a client that others wrote and by one that says what no client would.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use mailwright_tests::error::Result;
use mailwright_tests::message::{SENDER, Token};
use mailwright_tests::metrics::ACCEPTED;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::python;
use mailwright_tests::server::{Config, Dev, Installation, free_address};
use mailwright_tests::smtp::{Reply, SmtpClient};

/// Runs one case of `relay.py`.
fn smtplib(server: SocketAddr, case: &str) -> Result<Value> {
    python::run("relay.py", [server.ip().to_string(), server.port().to_string(), case.to_owned()])
}

fn extensions(report: &Value) -> HashSet<&str> {
    report["extensions"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn takes_mail_from_smtplib() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let report = smtplib(dev.server.smtp, "plain")?;
    assert_eq!(report["refused"], Value::Null, "{report}");
    for extension in ["pipelining", "8bitmime", "size", "chunking", "enhancedstatuscodes"] {
        assert!(extensions(&report).contains(extension), "{extension} in {report}");
    }
    let mail = dev.mailbox.wait_for("plain@example.net")?;
    assert_eq!((mail.mail_from.as_str(), mail.recipients.len()), (SENDER, 1));
    assert!(
        mail.message.ends_with(b"\r\n\r\n.\r\n..\r\n.dot\r\nend\r\n"),
        "{}",
        String::from_utf8_lossy(&mail.message)
    );
    Ok(())
}

#[test]
fn takes_eight_bit_bodies_unchanged() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    assert_eq!(smtplib(dev.server.smtp, "eight_bit")?["refused"], Value::Null);
    let mail = dev.mailbox.wait_for("eight@example.net")?;
    assert!(mail.message.ends_with("\r\n\r\nGrüße 你好\r\n".as_bytes()));
    Ok(())
}

#[test]
fn keeps_its_word_about_non_ascii_addresses() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let mut client = SmtpClient::connect(dev.server.smtp)?;
    if client.command("EHLO client.example.com")?.announces("SMTPUTF8") {
        assert_eq!(smtplib(dev.server.smtp, "utf8_address")?["refused"], Value::Null);
        dev.mailbox.wait_for("почта@example.net")?;
    } else {
        let refused = client.command(&format!("MAIL FROM:<{SENDER}> SMTPUTF8"))?;
        assert_eq!(refused.code, 555, "{refused:?}");
    }
    Ok(())
}

#[test]
fn takes_many_messages_and_many_recipients_on_one_connection() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    assert_eq!(smtplib(dev.server.smtp, "many")?["refused"], Value::Null);
    dev.mailbox.wait_for_recipients(100, Duration::from_secs(30))?;
    assert_eq!(dev.mailbox.deliveries()?.len(), 100, "somebody got a message twice");
    Ok(())
}

#[test]
fn refuses_a_message_announced_too_big() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    assert_eq!(smtplib(dev.server.smtp, "too_big")?["refused"], json!(552));
    assert_eq!(dev.server.metrics()?.get(ACCEPTED), 0);
    Ok(())
}

/// The commands that precede a message from [`SENDER`] to `token`'s recipient.
fn envelope(token: &Token) -> String {
    format!("MAIL FROM:<{SENDER}>\r\nRCPT TO:<{}>\r\n", token.recipient())
}

fn read_replies(client: &mut SmtpClient, count: usize) -> Result<Vec<Reply>> {
    (0..count).map(|_| client.read_reply()).collect()
}

#[test]
fn answers_a_whole_session_sent_at_once() -> Result<()> {
    let dev = Dev::start()?;
    let mut client = SmtpClient::connect_and_greet(dev.server.smtp)?;
    let token = Token::new("pipelined", 1);
    // RFC 2920 section 3.1: MAIL, RCPT and DATA may go together, QUIT may follow the message.
    client.write(format!("{}DATA\r\n", envelope(&token)).as_bytes())?;
    let codes: Vec<u16> = read_replies(&mut client, 3)?.iter().map(|reply| reply.code).collect();
    assert_eq!(codes, [250, 250, 354]);
    client.write(b"Subject: s\r\n\r\nbody\r\n.\r\nMAIL FROM:<>\r\nRSET\r\nNOOP\r\nQUIT\r\n")?;
    let codes: Vec<u16> = read_replies(&mut client, 5)?.iter().map(|reply| reply.code).collect();
    assert_eq!(codes, [250, 250, 250, 250, 221]);
    dev.mailbox.wait_for(&token.recipient())?;
    Ok(())
}

#[test]
fn understands_commands_that_arrive_byte_by_byte() -> Result<()> {
    let dev = Dev::start()?;
    let mut client = SmtpClient::connect_and_greet(dev.server.smtp)?;
    let token = Token::new("bytewise", 1);
    let session = format!("{}DATA\r\n", envelope(&token));
    for byte in session.bytes() {
        client.write(&[byte])?;
    }
    read_replies(&mut client, 3)?;
    for byte in b"Subject: s\r\n\r\n..dot\r\n.\r\n" {
        client.write(&[*byte])?;
    }
    assert_eq!(client.read_reply()?.code, 250);
    let mail = dev.mailbox.wait_for(&token.recipient())?;
    assert!(mail.message.ends_with(b"\r\n\r\n.dot\r\n"));
    Ok(())
}

#[test]
fn takes_chunks_as_they_are() -> Result<()> {
    let dev = Dev::start()?;
    let mut client = SmtpClient::connect_and_greet(dev.server.smtp)?;
    let token = Token::new("chunks", 1);
    let (first, second) = ("Subject: s\r\n\r\n.dot\r\n.\r", "\nafter the dot\r\n");
    let chunks = format!("BDAT {}\r\n{first}BDAT {} LAST\r\n{second}", first.len(), second.len());
    client.write(format!("{}{chunks}", envelope(&token)).as_bytes())?;
    let replies = read_replies(&mut client, 4)?;
    assert!(replies.iter().all(|reply| reply.code == 250), "{replies:?}");
    let mail = dev.mailbox.wait_for(&token.recipient())?;
    assert!(mail.message.ends_with(b"\r\n\r\n.dot\r\n.\r\nafter the dot\r\n"));
    Ok(())
}

#[test]
fn refuses_every_way_to_smuggle_a_second_message() -> Result<()> {
    let dev = Dev::start()?;
    for end in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r\n", "\r.\r", "\r\n.\r", "\n.\r"] {
        let mut client = SmtpClient::connect_and_greet(dev.server.smtp)?;
        let token = Token::new("smuggled", 1);
        client.write(format!("{}DATA\r\n", envelope(&token)).as_bytes())?;
        read_replies(&mut client, 3)?;
        let smuggled =
            format!("Subject: s\r\n\r\nbody{end}{}DATA\r\nSubject: s\r\n\r\nevil\r\n.\r\n", envelope(&token));
        client.write(smuggled.as_bytes())?;
        let reply = client.read_reply()?;
        assert!((500..600).contains(&reply.code), "{end:?}: {reply:?}");
        assert_eq!(dev.server.metrics()?.get(ACCEPTED), 0, "{end:?}");
    }
    assert!(dev.mailbox.list()?.is_empty());
    Ok(())
}

#[test]
fn does_not_relay_for_strangers() -> Result<()> {
    let config = Config { trusted_networks: vec!["192.0.2.0/24".into()], ..Config::to(free_address()?) };
    let installation = Installation::new(&config)?;
    let server = installation.start()?;
    // Refused in place of the greeting (RFC 5321 section 3.1): there is nothing to talk about.
    let refused = SmtpClient::connect(server.smtp).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refused.contains("554") && refused.contains("127.0.0.1 may not relay here"), "{refused}");
    assert_eq!(server.metrics()?.get(ACCEPTED), 0);
    Ok(())
}
