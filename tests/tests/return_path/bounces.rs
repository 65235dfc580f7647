//! Bounces that come after delivery.

use mailwright_tests::certificate::{Authority, Certificate};
use mailwright_tests::error::{Context, Result};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::wait;
use mailwright_tests::webhook_receiver::WebhookReceiver;
use serde_json::{Value, json};

use crate::world::{LIMIT, RETURN_PATH, World, queue_id, report};

const UNKNOWN: &str = "550 5.1.1 <gone@example.net>: user unknown";

#[test]
fn a_late_bounce_changes_the_state_and_suppresses_and_a_restart_keeps_the_keys() -> Result<()> {
    let mut world = World::start()?;
    let mail = world.send(&["gone@example.net"], &json!({}))?;
    let id = queue_id(&mail).to_owned();
    assert!(
        mail.mail_from.starts_with(&format!("b-{id}-0-")) && mail.mail_from.ends_with(RETURN_PATH),
        "{}",
        mail.mail_from
    );

    // The keys outlive the process, and addresses come back in any case.
    world.server.stop()?;
    world.server = world.installation.start()?;
    world.tell(&mail.mail_from.to_uppercase(), &report("gone@example.net", "5.1.1", UNKNOWN))?;

    let row = world.until_suppressed("gone@example.net")?;
    assert_eq!((&row["reason"], &row["read_only"]), (&json!("hard_bounce"), &json!(false)), "{row}");
    assert_eq!(row["scope"], json!({ "type": "account" }));
    let events = world.events(&id, "late_bounce")?;
    let event = events.first().cloned().unwrap_or_default();
    assert_eq!((events.len(), &event["recipient"]), (1, &json!(0)), "{events:?}");
    assert_eq!((&event["class"], &event["status"]), (&json!("no_such_mailbox"), &json!("5.1.1")), "{event}");
    assert!(event["text"].as_str().is_some_and(|text| text.contains("user unknown")), "{event}");
    assert_eq!(world.counted("bounce", "applied")?, 1);
    let shown = world.until_shown(&id, |recipient| recipient["bounced_late"] == true)?;
    assert_eq!(
        (&shown["status"], &shown["class"]),
        (&json!("deliveryFailed"), &json!("no_such_mailbox")),
        "{shown}"
    );
    Ok(())
}

#[test]
fn prose_is_understood_and_a_refusal_that_is_about_us_blames_nobody() -> Result<()> {
    let world = World::start()?;
    let prose = world.send(&["prose@example.net"], &json!({}))?;
    let message = b"From: MAILER-DAEMON@mx.example.net\r\nSubject: failure notice\r\n\r\n\
        Hi. This is the qmail-send program at mx.example.net.\r\n\
        I'm afraid I wasn't able to deliver your message to the following addresses.\r\n\
        This is a permanent error; I've given up. Sorry it didn't work out.\r\n\r\n\
        <prose@example.net>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n\r\n\
        --- Below this line is a copy of the message.\r\n\r\nSubject: hello\r\n\r\nhello\r\n";
    world.tell(&prose.mail_from, message)?;
    assert_eq!(world.until_suppressed("prose@example.net")?["reason"], "hard_bounce");

    let blocked = world.send(&["blocked@example.net"], &json!({}))?;
    let words = "550 5.7.1 Service unavailable; client host blocked using zen.spamhaus.org";
    world.tell(&blocked.mail_from, &report("blocked@example.net", "5.1.1", words))?;
    assert_eq!(world.events(queue_id(&blocked), "late_bounce")?.len(), 1);
    let others: Vec<_> = world.suppressed()?.iter().map(|row| row["email"].clone()).collect();
    assert_eq!(others, ["prose@example.net"]);
    Ok(())
}

#[test]
fn of_several_recipients_the_report_or_the_address_says_which() -> Result<()> {
    let world = World::start()?;
    let both = world.send(&["one@example.net", "two@example.net"], &json!({}))?;
    // One copy to two recipients: the sender names neither.
    assert_eq!(both.mail_from.split('@').next().map(|local| local.matches('-').count()), Some(2));
    world.tell(&both.mail_from, &report("TWO@example.net", "5.1.1", UNKNOWN))?;
    world.until_suppressed("two@example.net")?;
    world.tell(&both.mail_from, &report("somebody.else@example.net", "5.1.1", UNKNOWN))?;
    assert_eq!((world.suppressed()?.len(), world.counted("bounce", "unmatched")?), (1, 1));

    // A copy for each domain: the sender names the recipient, whatever its server calls it.
    world.send(&["three@example.net", "four@example.org"], &json!({}))?;
    let four = world.sandbox.mailbox.wait_for("four@example.org")?;
    assert!(four.mail_from.contains("-1-"), "{}", four.mail_from);
    world.tell(&four.mail_from, &report("alias@elsewhere.example", "5.1.1", UNKNOWN))?;
    world.until_suppressed("four@example.org")?;
    Ok(())
}

#[test]
fn automatic_answers_and_news_do_nothing() -> Result<()> {
    let world = World::start()?;
    let mail = world.send(&["away@example.net"], &json!({}))?;
    let reply = b"From: away@example.net\r\nSubject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\nBack soon.\r\n";
    world.tell(&mail.mail_from, reply)?;
    let late = String::from_utf8_lossy(&report("away@example.net", "4.4.1", "450 later")).into_owned();
    world.tell(&mail.mail_from, late.replace("Action: failed", "Action: delayed").as_bytes())?;
    world.tell(&mail.mail_from, b"From: a@example.net\r\nSubject: Re: hello\r\n\r\nThank you!\r\n")?;
    assert!(world.suppressed()?.is_empty() && world.events(queue_id(&mail), "late_bounce")?.is_empty());
    let counted = [("reply", 1), ("news", 1), ("other", 1)];
    for (kind, times) in counted {
        assert_eq!(world.counted(kind, "ignored")?, times, "{kind}");
    }
    Ok(())
}

#[test]
fn webhooks_hear_of_it_once_however_often_it_is_reported() -> Result<()> {
    if skip_without(&[Need::Python, Need::Openssl]) {
        return Ok(());
    }
    let files = tempfile::tempdir().context("make a temporary folder")?;
    let authority = Authority::new(files.path())?;
    let certificate = Certificate::signed_by(files.path(), "localhost", &authority)?;
    let mut receiver = WebhookReceiver::start(&certificate)?;
    let world = World::start_with(|config| {
        config.tls = format!("{}\nauthorities = {:?}\n", config.tls, authority.certificate);
        config.more.push_str("[webhooks]\nprivate_hosts = true\n");
    })?;
    let api = world.api();
    let endpoint = json!({ "url": format!("https://localhost:{}/hooks", receiver.port), "name": "test",
        "events": ["message.bounced", "message.complained"] });
    let made = api.post(&api.sending_path("webhooks"), &endpoint.to_string(), &[])?.result();
    receiver.know(&[made["secret"].as_str().unwrap_or_default()]);
    receiver.answer(200, &[])?;

    let mail = world.send(&["gone@example.net"], &json!({ "campaign": "spring" }))?;
    for _ in 0..2 {
        world.tell(&mail.mail_from, &report("gone@example.net", "5.1.1", UNKNOWN))?;
    }
    world.tell(&mail.mail_from, &crate::world::complaint(&mail))?;
    let events = wait::until("the complaint", LIMIT, || {
        let events = receiver.events();
        Ok(events.iter().any(|event| event["type"] == "message.complained").then_some(events))
    })?;
    let bounced: Vec<&Value> = events.iter().filter(|event| event["type"] == "message.bounced").collect();
    assert_eq!(bounced.len(), 1, "{events:?}");
    let bounced = bounced.first().copied().cloned().unwrap_or_default();
    assert_eq!(
        (&bounced["recipient"], &bounced["class"]),
        (&json!("gone@example.net"), &json!("no_such_mailbox")),
        "{bounced}"
    );
    assert_eq!((&bounced["smtp"]["status"], &bounced["tags"]), (&json!("5.1.1"), &json!(["spring"])));
    assert!(bounced["message_id"].as_str().is_some_and(|id| id.ends_with("@example.com")), "{bounced}");
    Ok(())
}
