//! When mail is tried again, when it is given up, and what its sender is told.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::feeder::{Door, Ledger, submit_all};
use mailwright_tests::mailbox::Received;
use mailwright_tests::message::header;
use mailwright_tests::metrics::{ACCEPTED, BOUNCED, DEFERRED, DELIVERED, until_queue_is_empty};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Destination, Installation, Server, free_address};
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::wait;

const LIMIT: Duration = Duration::from_secs(60);
const AUTHOR: &str = "author@sender.example";
const RECIPIENT: &str = "you@example.net";

/// A server whose mail goes to a sandbox with a personality, but for that to `sender.example`, which has one
/// that takes everything.
struct World {
    server: Server,
    sandbox: Sandbox,
    _installation: Installation,
}

impl World {
    fn new(personality: &str, change: impl FnOnce(&mut Config)) -> Result<Self> {
        let sandbox = Sandbox::with(&[personality, ""])?;
        let [receiver, home] = sandbox.addresses[..] else {
            return Err(Error::unexpected("start the sandbox", "not two places"));
        };
        let mut config = Config::to(receiver);
        config.more = format!("[[delivery.routes]]\ndomain = \"sender.example\"\nnext_hop = \"{home}\"\n");
        change(&mut config);
        let installation = Installation::new(&config)?;
        let server = installation.start()?;
        Ok(Self { server, sandbox, _installation: installation })
    }

    /// Relays a message from `author`, with more header fields.
    fn relay(&self, author: &str, fields: &str) -> Result<()> {
        let mut client = SmtpClient::connect_and_greet(self.server.smtp)?;
        let reply = client.send(author, RECIPIENT, original(fields).as_bytes())?;
        assert_eq!(reply.code, 250, "{reply:?}");
        Ok(())
    }

    /// Relays a message with parameters of RFC 3461 on MAIL and RCPT.
    fn relay_asking(&self, on_mail: &str, on_rcpt: &str) -> Result<()> {
        let mut client = SmtpClient::connect_and_greet(self.server.smtp)?;
        let mail = format!("MAIL FROM:<{AUTHOR}> {on_mail}");
        let rcpt = format!("RCPT TO:<{RECIPIENT}> {on_rcpt}");
        for (line, code) in [(mail.as_str(), 250), (&rcpt, 250), ("DATA", 354)] {
            let reply = client.command(line)?;
            assert_eq!(reply.code, code, "{line}: {reply:?}");
        }
        client.write(original("").as_bytes())?;
        let reply = client.command("\r\n.")?;
        assert_eq!(reply.code, 250, "{reply:?}");
        Ok(())
    }

    /// Waits for the only report, and checks that it is one.
    fn report(&self) -> Result<Report> {
        let mail = self.sandbox.mailbox.wait_for(AUTHOR)?;
        assert_eq!(mail.mail_from, "", "a report has the null sender");
        let kind = header(&mail.message, "Content-Type").unwrap_or_default();
        assert!(kind.starts_with("multipart/report") && kind.contains("delivery-status"), "{kind}");
        assert_eq!(header(&mail.message, "To"), Some(format!("<{AUTHOR}>")));
        Ok(Report(String::from_utf8_lossy(&mail.message).into_owned()))
    }

    fn reports(&self) -> Result<Vec<Received>> {
        let mails = self.sandbox.mailbox.list()?;
        Ok(mails.into_iter().filter(|mail| mail.recipients.iter().any(|to| to == AUTHOR)).collect())
    }
}

/// What is sent, with more header fields.
fn original(fields: &str) -> String {
    format!(
        "From: {AUTHOR}\r\nTo: {RECIPIENT}\r\nSubject: the original\r\nMessage-ID: <one@sender.example>\r\n\
         {fields}\r\nbody that is nobody's business\r\n"
    )
}

struct Report(String);

impl Report {
    #[track_caller]
    fn says(&self, words: &[&str]) {
        for words in words {
            assert!(self.0.contains(words), "no {words:?} in:\n{}", self.0);
        }
    }
}

#[test]
fn greylisted_mail_is_tried_again_when_the_receiver_says() -> Result<()> {
    let world = World::new("greylist:wait=31s", |_| {})?;
    let start = Instant::now();
    world.relay(AUTHOR, "")?;
    wait::until("the delivery", LIMIT, || Ok((world.sandbox.stats()?.accepted == 1).then_some(())))?;
    let took = start.elapsed();
    assert!((31..=45).contains(&took.as_secs()), "{took:?}");
    assert_eq!(world.sandbox.stats()?.refused_by("greylist"), 1, "it came too early");
    Ok(())
}

#[test]
fn a_site_that_cannot_be_reached_rests_as_one_and_costs_no_attempts() -> Result<()> {
    const MESSAGES: usize = 60;
    let address: SocketAddr = free_address()?;
    let installation =
        Installation::new(&Config { retry: "max_attempts = 2".into(), ..Config::to(address) })?;
    let server = installation.start()?;
    let ledger = Ledger::new("trouble");
    submit_all(&ledger, &Door::Smtp(server.smtp), MESSAGES, "body\r\n")?;
    let failures = "mailwright_connects_failed_total";
    wait::until("some failures", LIMIT, || Ok((server.metrics()?.get(failures) >= 4).then_some(())))?;
    let metrics = server.metrics()?;
    assert_eq!((metrics.get(DEFERRED), metrics.get(BOUNCED)), (0, 0), "messages paid for it");
    let tried = metrics.get(failures);
    assert!(tried < MESSAGES as u64 / 2, "{tried} tries for {MESSAGES} messages");
    let sandbox = Sandbox::on(address)?;
    // Beyond the breaker's first minute, should a slow machine have let it open.
    let metrics = until_queue_is_empty(server.http, Duration::from_secs(120))?;
    assert_eq!((metrics.get(DELIVERED), metrics.get(DEFERRED)), (MESSAGES as u64, 0));
    assert_eq!(sandbox.mailbox.deliveries()?.len(), MESSAGES);
    Ok(())
}

#[test]
fn a_message_is_given_up_after_the_most_attempts() -> Result<()> {
    let world = World::new("defer:100%", |config| config.retry = "max_attempts = 3".into())?;
    world.relay(AUTHOR, "")?;
    world.report()?.says(&["Action: failed", "451", "try again later"]);
    assert_eq!(world.sandbox.stats()?.refused_by("defer"), 3);
    Ok(())
}

#[test]
fn expiry_is_a_failure_that_names_the_last_reply() -> Result<()> {
    let world = World::new("defer:100%", |config| config.retry_max_age = "3s".into())?;
    world.relay(AUTHOR, "")?;
    let report = world.report()?;
    let last = "451 4.2.0 you@example.net: try again later";
    report.says(&["Action: failed", "Status: 4.4.7", "Final-Recipient: rfc822; you@example.net", last]);
    assert!(world.sandbox.stats()?.refused_by("defer") >= 2, "it was tried once only");
    Ok(())
}

#[test]
fn a_message_may_say_itself_how_long_it_is_tried() -> Result<()> {
    let world = World::new("defer:100%", |_| {})?;
    let start = Instant::now();
    world.relay(AUTHOR, "X-Mailwright-Expires: 2s\r\n")?;
    let report = world.report()?;
    assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
    report.says(&["Action: failed", "Status: 4.4.7"]);
    assert!(!report.0.contains("X-Mailwright-Expires"), "it is for us alone");
    Ok(())
}

#[test]
fn a_lifetime_ends_behind_more_mail_than_memory_holds_that_may_wait_longer() -> Result<()> {
    // Nobody listens where the mail goes.
    let nobody = free_address()?;
    // It is tried again and again all the same.
    let files = tempfile::tempdir().context("make a folder")?;
    let path = files.path().join("shaping.toml");
    fs::write(&path, "[default]\nbreaker_failures = 1000\n").context("write the shaping file")?;
    let world = World::new("", |config| {
        config.destination = Destination::NextHop(nobody);
        config.delivery = format!("shaping = {path:?}");
    })?;
    let mut client = SmtpClient::connect_and_greet(world.server.smtp)?;
    for _ in 0..1_100 {
        let reply = client.send(AUTHOR, RECIPIENT, original("").as_bytes())?;
        assert_eq!(reply.code, 250, "{reply:?}");
    }
    world.relay(AUTHOR, "X-Mailwright-Expires: 2s\r\n")?;
    let bounced = || Ok((world.server.metrics()?.get(BOUNCED) > 0).then_some(()));
    wait::until("the end of the lifetime", LIMIT, bounced)?;
    world.report()?.says(&["Action: failed", "Status: 4.4.7"]);
    assert_eq!(world.server.metrics()?.get(BOUNCED), 1, "others were given up too");
    Ok(())
}

#[test]
fn a_refused_message_comes_back_with_its_header_and_without_its_body() -> Result<()> {
    let world = World::new("reject:100%", |_| {})?;
    world.relay(AUTHOR, "")?;
    let report = world.report()?;
    report.says(&["Action: failed", "Status: 5.1.1", "no such mailbox", "Subject: the original"]);
    report.says(&["Message-ID: <one@sender.example>", "Reporting-MTA: dns; mx.example.com"]);
    assert!(!report.0.contains("nobody's business"), "the body came along");
    Ok(())
}

#[test]
fn nobody_is_told_of_mail_from_the_null_sender_and_no_report_is_reported() -> Result<()> {
    // Reports go to where everything is refused, too.
    let world = World::new("reject:100%", |config| config.more.clear())?;
    world.relay("", "")?;
    world.relay(AUTHOR, "")?;
    let metrics = until_queue_is_empty(world.server.http, LIMIT)?;
    // Both messages, and one report of the second.
    assert_eq!((metrics.get(ACCEPTED), metrics.get(BOUNCED), metrics.get(DELIVERED)), (3, 3, 0));
    Ok(())
}

#[test]
fn a_sender_is_warned_once_that_a_message_is_late() -> Result<()> {
    let world = World::new("defer:100%", |config| {
        config.delivery = "delay_warning = \"1s\"".into();
        config.retry_max_age = "8s".into();
    })?;
    world.relay(AUTHOR, "")?;
    world.report()?.says(&["Action: delayed", "451", "Will-Retry-Until: "]);
    let metrics = until_queue_is_empty(world.server.http, LIMIT)?;
    assert_eq!((metrics.get(BOUNCED), metrics.get(DELIVERED)), (1, 2), "one warning and one failure");
    let texts = world.reports()?.into_iter().map(|mail| String::from_utf8_lossy(&mail.message).into_owned());
    let actions: Vec<_> = texts.map(|text| text.contains("Action: delayed")).collect();
    assert_eq!(actions, [true, false]);
    Ok(())
}

#[test]
fn a_report_names_what_the_sender_called_message_and_recipient_and_returns_what_it_asked_for() -> Result<()> {
    let world = World::new("reject:100%", |_| {})?;
    world.relay_asking(
        "RET=FULL ENVID=QQ314159",
        "NOTIFY=FAILURE,DELAY ORCPT=rfc822;first+2Bme@example.org",
    )?;
    let report = world.report()?;
    report.says(&["Original-Envelope-Id: QQ314159", "Original-Recipient: rfc822; first+me@example.org"]);
    report.says(&["Final-Recipient: rfc822; you@example.net", "nobody's business"]);
    Ok(())
}

#[test]
fn a_sender_who_wants_to_hear_nothing_hears_nothing() -> Result<()> {
    let world = World::new("reject:100%", |_| {})?;
    world.relay_asking("", "NOTIFY=NEVER")?;
    let metrics = until_queue_is_empty(world.server.http, LIMIT)?;
    assert_eq!((metrics.get(ACCEPTED), metrics.get(BOUNCED)), (1, 1), "a report was accepted");
    Ok(())
}

#[test]
fn a_sender_who_wants_to_hear_of_success_hears_that_the_next_server_has_it() -> Result<()> {
    let world = World::new("", |_| {})?;
    world.relay_asking("ENVID=yes", "NOTIFY=SUCCESS")?;
    world.report()?.says(&[
        "Action: relayed",
        "Original-Envelope-Id: yes",
        "Final-Recipient: rfc822; you@example.net",
    ]);
    Ok(())
}
