//! Mail servers that others wrote receive what we deliver: all of it, once, unchanged, and over TLS where
//! they offer it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use mailwright_tests::error::Result;
use mailwright_tests::exim::Exim;
use mailwright_tests::feeder::{Door, Ledger, submit_through_all};
use mailwright_tests::message::{SENDER, Token, header};
use mailwright_tests::metrics::{BOUNCED, DELIVERED, IN_DOUBT, until_queue_is_empty};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::opensmtpd::OpenSmtpd;
use mailwright_tests::postfix::{Announce, Postfix};
use mailwright_tests::server::{Config, Installation, Server};
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::smtp_sink::SmtpSink;
use mailwright_tests::wait;

const LIMIT: Duration = Duration::from_secs(60);

/// Messages through each of the two doors.
const MESSAGES: usize = 200;

/// Clients at each door.
const CLIENTS: usize = 4;

fn serve(next_hop: SocketAddr) -> Result<(Installation, Server)> {
    let installation = Installation::new(&Config::to(next_hop))?;
    let server = installation.start()?;
    Ok((installation, server))
}

/// A body with what transparency (RFC 5321 section 4.5.2) and an eight-bit path have to keep.
const BODY: &str = ".\r\n..leading dots\r\nGrüße\r\n";

/// Feeds both doors and waits until the receiver, as `received` shows it, has each message exactly once.
/// Returns what it has.
fn assert_all_arrive_once(
    next_hop: SocketAddr,
    received: impl Fn() -> Result<Vec<Vec<u8>>>,
) -> Result<Vec<Vec<u8>>> {
    let (installation, server) = serve(next_hop)?;
    let ledger = Ledger::new("receivers");
    for door in [Door::Smtp(server.smtp), Door::Http(installation.api(&server))] {
        submit_through_all(&ledger, &vec![door; CLIENTS], MESSAGES, BODY)?;
    }
    let metrics = until_queue_is_empty(server.http, LIMIT)?;
    assert_eq!((metrics.get(BOUNCED), metrics.get(IN_DOUBT)), (0, 0));
    assert_eq!(metrics.get(DELIVERED), 2 * MESSAGES as u64);
    // A receiver may hand a message on after it has answered: the mailbox is complete a little later.
    let all = wait::until("all mail in the mailbox", LIMIT, || {
        Ok(Some(received()?).filter(|all| all.len() >= 2 * MESSAGES))
    })?;
    let mut copies: HashMap<String, usize> = HashMap::new();
    for mail in &all {
        *copies.entry(header(mail, "Subject").unwrap_or_default()).or_default() += 1;
    }
    let expected: HashMap<String, usize> =
        ledger.acknowledged().iter().map(|token| (token.subject(), 1)).collect();
    assert_eq!(copies, expected);
    Ok(all)
}

/// Relays bodies that are easy to spoil and compares what the receiver has with what was sent.
fn assert_bodies_arrive_unchanged(
    next_hop: SocketAddr,
    received: impl Fn() -> Result<Vec<Vec<u8>>>,
) -> Result<Vec<Vec<u8>>> {
    let (_installation, server) = serve(next_hop)?;
    let mut client = SmtpClient::connect_and_greet(server.smtp)?;
    let tokens: Vec<_> = bodies().iter().enumerate().map(|(number, _)| Token::new("bytes", number)).collect();
    for (token, body) in tokens.iter().zip(bodies()) {
        let reply = client.send(SENDER, &token.recipient(), &token.message(&body))?;
        assert_eq!(reply.code, 250, "{reply:?}");
    }
    let subject = |mail: &Vec<u8>| header(mail, "Subject").unwrap_or_default();
    let ours = |mail: &Vec<u8>| tokens.iter().any(|token| token.subject() == subject(mail));
    let all = wait::until("all mail", LIMIT, || {
        let all: Vec<_> = received()?.into_iter().filter(ours).collect();
        Ok(Some(all).filter(|all| all.len() == tokens.len()))
    })?;
    for (token, body) in tokens.iter().zip(bodies()) {
        let stored = all.iter().find(|mail| subject(mail) == token.subject());
        let sent = String::from_utf8_lossy(&token.message(&body)).replace("\r\n", "\n");
        assert!(
            stored.is_some_and(|mail| mail.ends_with(sent.as_bytes())),
            "{} changed on the way",
            token.as_str()
        );
    }
    Ok(all)
}

/// Both of the above with a receiver that offers STARTTLS: it has to note in each trace field that it got
/// the message over TLS.
fn assert_all_arrive_once_over_tls(
    next_hop: SocketAddr,
    received: impl Fn() -> Result<Vec<Vec<u8>>>,
) -> Result<()> {
    let mut all = assert_all_arrive_once(next_hop, &received)?;
    all.extend(assert_bodies_arrive_unchanged(next_hop, &received)?);
    for mail in &all {
        // The first is the receiver's own. They write TLSv1.3 (Postfix, OpenSMTPD) or TLS1.3 (Exim).
        let trace = header(mail, "Received").unwrap_or_default();
        assert!(trace.contains("TLSv1.") || trace.contains("TLS1."), "{trace}");
    }
    Ok(())
}

#[test]
fn postfix_gets_each_message_once() -> Result<()> {
    if skip_without(&[Need::Postfix]) {
        return Ok(());
    }
    let postfix = Postfix::start(Announce::Everything)?;
    assert_all_arrive_once(postfix.address, || postfix.received()).map(|_| ())
}

#[test]
fn postfix_without_pipelining_and_chunking_gets_each_message_once() -> Result<()> {
    if skip_without(&[Need::Postfix]) {
        return Ok(());
    }
    let postfix = Postfix::start(Announce::NoPipeliningNoChunking)?;
    assert_all_arrive_once(postfix.address, || postfix.received()).map(|_| ())
}

#[test]
fn smtp_sink_gets_each_message_once() -> Result<()> {
    if skip_without(&[Need::Postfix]) {
        return Ok(());
    }
    let sink = SmtpSink::start()?;
    assert_all_arrive_once(sink.address, || sink.received()).map(|_| ())
}

/// Bodies that are easy to spoil on the way.
fn bodies() -> [String; 6] {
    let longest_line = "y".repeat(998);
    [
        ".\r\n..\r\n...\r\n.dot\r\n".into(),
        "\r\n\r\ntrailing lines\r\n\r\n\r\n".into(),
        "From the start\r\n>From quoted\r\ntrailing space \r\n".into(),
        format!("{longest_line}\r\n.{}\r\n", "z".repeat(997)),
        "no trouble\r\n".into(),
        "a line of a long body\r\n".repeat(100_000),
    ]
}

#[test]
fn relayed_bodies_arrive_byte_for_byte() -> Result<()> {
    if skip_without(&[Need::Postfix]) {
        return Ok(());
    }
    for announce in [Announce::Everything, Announce::NoPipeliningNoChunking] {
        let postfix = Postfix::start(announce)?;
        assert_bodies_arrive_unchanged(postfix.address, || postfix.received())?;
    }
    Ok(())
}

#[test]
fn postfix_gets_all_mail_once_unchanged_over_tls() -> Result<()> {
    if skip_without(&[Need::Postfix]) {
        return Ok(());
    }
    let postfix = Postfix::start(Announce::StartTls)?;
    assert_all_arrive_once_over_tls(postfix.address, || postfix.received())
}

#[test]
fn exim_gets_all_mail_once_unchanged_over_tls() -> Result<()> {
    if skip_without(&[Need::Exim]) {
        return Ok(());
    }
    let exim = Exim::start()?;
    assert_all_arrive_once_over_tls(exim.address, || exim.received())
}

#[test]
fn opensmtpd_gets_all_mail_once_unchanged_over_tls() -> Result<()> {
    if skip_without(&[Need::OpenSmtpd]) {
        return Ok(());
    }
    let smtpd = OpenSmtpd::start()?;
    assert_all_arrive_once_over_tls(smtpd.address, || smtpd.received())
}
