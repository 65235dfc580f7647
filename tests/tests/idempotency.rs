//! A send that names itself with `Idempotency-Key` is carried out once, whatever becomes of its answer.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use mailwright_tests::error::Result;
use mailwright_tests::http::{Answer, Api};
use mailwright_tests::message::header;
use mailwright_tests::metrics::{QUEUED, until_queue_has};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Dev, Installation, Server};
use mailwright_tests::wait;

const LIMIT: Duration = Duration::from_secs(30);

fn message(to: &str) -> Value {
    json!({ "from": "a@example.com", "to": to, "subject": "once", "text": "hello" })
}

fn ask(api: &Api, operation: &str, body: &Value, key: &str) -> Result<Answer> {
    api.post(&api.sending_path(operation), &body.to_string(), &[("idempotency-key", key)])
}

#[test]
fn the_same_request_again_gets_the_same_answer_and_sends_nothing() -> Result<()> {
    let dev = Dev::start()?;
    let first = ask(&dev.api, "send", &message("b@example.net"), "order-17")?;
    let again = ask(&dev.api, "send", &message("b@example.net"), "order-17")?;
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_eq!(first.result()["delivered"], json!(["b@example.net"]));
    assert_eq!(first.result(), again.result());

    // Without a key, or with another, it is another message.
    let other = ask(&dev.api, "send", &message("b@example.net"), "order-18")?;
    assert!(!other.replayed && other.result()["message_id"] != first.result()["message_id"]);
    assert_eq!(dev.mailbox.list()?.len(), 2);

    // After a restart too.
    let dev = dev.restart()?;
    let later = ask(&dev.api, "send", &message("b@example.net"), "order-17")?;
    assert!(later.replayed);
    assert_eq!(later.result(), first.result());
    assert_eq!(dev.mailbox.list()?.len(), 2);
    Ok(())
}

#[test]
fn a_key_is_for_one_request_of_one_kind() -> Result<()> {
    let dev = Dev::start()?;
    ask(&dev.api, "send", &message("b@example.net"), "k")?.result();
    let raw = json!({ "from": "a@example.com", "recipients": ["b@example.net"],
        "mime_message": "From: a@example.com\r\nSubject: s\r\n\r\nhello\r\n" });
    let batch = json!({ "messages": [message("b@example.net")] });
    let others = [("send", &message("c@example.net")), ("send_raw", &raw), ("send/batch", &batch)];
    for (operation, body) in others {
        let refused = ask(&dev.api, operation, body, "k")?;
        assert_eq!((refused.status, refused.error_code()), (422, 10422), "{operation}");
        let detail = refused.json()["errors"][0]["detail"].clone();
        assert!(detail.as_str().is_some_and(|text| text.contains("key of its own")), "{detail}");
        let mine = ask(&dev.api, operation, body, operation)?;
        assert_eq!(ask(&dev.api, operation, body, operation)?.result(), mine.result());
    }
    Ok(())
}

#[test]
fn what_was_refused_may_be_mended_under_the_same_key() -> Result<()> {
    let dev = Dev::start()?;
    let mut body = message("b@example.net");
    body["from"] = json!("a@example.org");
    assert_eq!(ask(&dev.api, "send", &body, "k")?.error_code(), 10203);
    assert_eq!(
        ask(&dev.api, "send", &message("b@example.net"), "k")?.result()["delivered"],
        json!(["b@example.net"])
    );
    Ok(())
}

#[test]
fn what_is_no_key_is_refused() -> Result<()> {
    let dev = Dev::start()?;
    for key in ["two words", "", &"k".repeat(256), "schl\u{fc}ssel"] {
        let refused = ask(&dev.api, "send", &message("b@example.net"), key)?;
        assert_eq!((refused.status, refused.error_code()), (400, 10001), "{key:?}");
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "a")];
    let refused =
        dev.api.post(&dev.api.sending_path("send"), &message("b@example.net").to_string(), &twice)?;
    assert_eq!(refused.status, 400);
    Ok(())
}

/// A server whose receiver takes its time, so that a first answer does.
struct Slow {
    api: Api,
    _server: Server,
    _installation: Installation,
    sandbox: Sandbox,
}

impl Slow {
    fn new() -> Result<Self> {
        let sandbox = Sandbox::with(&["stall:pause=500ms"])?;
        let installation = Installation::new(&Config::to(sandbox.address))?;
        let server = installation.start()?;
        Ok(Self { api: installation.api(&server), _server: server, _installation: installation, sandbox })
    }
}

#[test]
fn of_two_at_once_one_sends() -> Result<()> {
    let slow = Slow::new()?;
    let body = message("b@example.net");
    let answers: Vec<_> = std::thread::scope(|scope| {
        let one = || ask(&slow.api.clone(), "send", &body, "race");
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Result<_>>()
    })?;
    let sent = answers.iter().filter(|answer| answer.status == 200 && !answer.replayed).count();
    let busy = answers.iter().filter(|answer| answer.status == 409);
    assert_eq!(sent, 1);
    for answer in busy.clone() {
        assert_eq!((answer.error_code(), answer.retry_after), (10409, Some(1)));
    }
    assert!(busy.count() > 0, "none of eight met another");
    let again = ask(&slow.api, "send", &body, "race")?;
    assert!(again.replayed);
    assert_eq!(slow.sandbox.stats()?.accepted, 1);
    Ok(())
}

/// A server that is killed at a moment, with a client that got no answer.
struct Killed {
    sandbox: Sandbox,
    installation: Installation,
}

impl Killed {
    /// Asks a server that dies at `point`, until it has.
    fn at(point: &str, operation: &str, body: &Value) -> Result<Self> {
        let sandbox = Sandbox::start()?;
        let installation = Installation::new(&Config::to(sandbox.address))?;
        let mut server = installation.start_with(|command| {
            command.env("MAILWRIGHT_KILL_AT", point);
        })?;
        let answer = ask(&installation.api(&server), operation, body, "key");
        assert!(answer.is_err(), "{point}: it lived to answer {answer:?}");
        wait::until("the end of the server", LIMIT, || Ok(server.process.ended()?.map(|_| ())))?;
        Ok(Self { sandbox, installation })
    }

    /// Asks the next server, and returns its answer once everything is delivered.
    fn again(&self, operation: &str, body: &Value) -> Result<(Answer, Server)> {
        let server = self.installation.start()?;
        let answer = ask(&self.installation.api(&server), operation, body, "key")?;
        assert_eq!(until_queue_has(server.http, 0, LIMIT)?.get(QUEUED), 0);
        Ok((answer, server))
    }
}

#[test]
fn who_was_left_without_an_answer_by_a_kill_asks_again_and_gets_the_message_that_was_accepted() -> Result<()>
{
    // Whether it was accepted; what was written whole is accepted by the next start.
    for (point, accepted) in [
        ("before-append:1", false),
        ("after-append:1", true),
        ("after-sync:1", true),
        ("before-answer:1", true),
    ] {
        let body = message("b@example.net");
        let killed = Killed::at(point, "send", &body)?;
        let (answer, _server) = killed.again("send", &body)?;
        assert_eq!(answer.replayed, accepted, "{point}");
        assert!(answer.result()["message_id"].as_str().is_some_and(|id| id.ends_with("@example.com")));
        assert_eq!(killed.sandbox.stats()?.accepted, 1, "{point}");
        let mail = killed.sandbox.mailbox.wait_for("b@example.net")?;
        let text = String::from_utf8_lossy(&mail.message);
        let message_id = answer.result()["message_id"].as_str().unwrap_or_default().to_owned();
        assert!(text.contains(&format!("Message-ID: <{message_id}>")), "{point}: {text}");
    }
    Ok(())
}

#[test]
fn the_queue_state_may_be_lost_besides() -> Result<()> {
    let body = message("b@example.net");
    let killed = Killed::at("before-answer:1", "send", &body)?;
    for folder in ["queue", "requests"] {
        std::fs::remove_dir_all(killed.installation.state().join(folder)).expect("a folder of the state");
    }
    let (answer, _server) = killed.again("send", &body)?;
    assert!(answer.replayed);
    assert_eq!(killed.sandbox.stats()?.accepted, 1);
    Ok(())
}

#[test]
fn a_batch_cut_short_by_a_kill_is_completed_and_nothing_of_it_is_sent_twice() -> Result<()> {
    let recipients: Vec<_> = (0..200).map(|n| format!("b{n}@example.net")).collect();
    let mut messages: Vec<_> = recipients.iter().map(|to| message(to)).collect();
    messages[5]["subject"] = json!(5);
    let body = json!({ "messages": messages });
    // Messages wait for the disk together: 200 of them take a few batches of records.
    let killed = Killed::at("before-append:3", "send/batch", &body)?;
    let (answer, server) = killed.again("send/batch", &body)?;
    let result = answer.result();
    assert_eq!((&result["accepted"], &result["refused"]), (&json!(199), &json!(1)), "{result}");
    assert!(!answer.replayed, "something of it was to be done");
    // A delivery that was under way when the server was killed may be made again; it is the same message then.
    let mail = killed.sandbox.mailbox.list()?.into_iter();
    let messages: BTreeSet<_> =
        mail.map(|mail| (mail.recipients, header(&mail.message, "Message-ID"))).collect();
    let delivered: Vec<_> = messages.into_iter().flat_map(|(recipients, _)| recipients).collect();
    let mut expected: Vec<_> = recipients.iter().filter(|to| *to != "b5@example.net").cloned().collect();
    expected.sort_unstable();
    assert_eq!(delivered, expected);

    let again = ask(&killed.installation.api(&server), "send/batch", &body, "key")?;
    assert!(again.replayed);
    assert_eq!(again.result(), result);
    Ok(())
}
