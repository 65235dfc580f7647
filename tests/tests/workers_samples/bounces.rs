//! The sample that keeps a list of addresses that bounce, and the one that asks it.

use mailwright_tests::error::Result;
use mailwright_tests::worker::Bundles;
use mailwright_tests::worker_world::WorkerWorld;
use serde_json::{Value, json};

use crate::brought;

/// As the documentation prints it.
const BOUNCE: &str = "From: Mail Delivery Subsystem <mailer-daemon@good.example>\n\
    To: bounce-handler@yourdomain.com\n\
    Subject: Mail delivery failed: returning message to sender\n\
    Date: Wed, 28 Aug 2024 10:30:00 +0000\n\
    Message-ID: <bounce123@example.com>\n\n\
    This message was created automatically by mail delivery software.\n\
    A message that you sent could not be delivered to one or more of its\n\
    recipients. This is a permanent error. The following address(es) failed:\n\n  \
    nonexistent@example.com\n    \
    SMTP error from remote mail server after RCPT TO:<nonexistent@example.com>:\n    \
    host mx.example.com [192.168.1.1]: 550 5.1.1 User unknown\n\n\
    ------ This is a copy of the message, including all the headers. ------\n\n\
    Return-path: <sender@yourdomain.com>\nFrom: sender@yourdomain.com\nTo: nonexistent@example.com\n\
    Subject: Welcome to our service\nMessage-ID: <original123@yourdomain.com>\n\nWelcome! Thanks for signing up.\n";

#[test]
fn addresses_that_bounce_are_on_the_list_and_nothing_is_sent_to_them() -> Result<()> {
    let Some(world) = WorkerWorld::start(&["yourdomain.com"], "")? else { return Ok(()) };
    let bundles = Bundles::of(&[
        ("hard-bounce", &["hard-bounce.js"]),
        ("suppression", &["suppression-check.js", "../suppression-use.js"]),
    ])?;
    let list = world.namespace("suppressed")?;
    world.destinations(&["admin@yourdomain.com"])?;
    let handler = bundles.worker("hard-bounce")?.with_email().with_kv("SUPPRESSION_LIST", &list);
    world.deploy_in("yourdomain.com", &handler)?;
    world.deploy(&bundles.worker("suppression")?.with_kv("SUPPRESSION_LIST", &list))?;

    let bounce = BOUNCE.replace('\n', "\r\n");
    let reply =
        world.bring("mailer-daemon@good.example", "bounce-handler@yourdomain.com", bounce.as_bytes())?;
    assert_eq!(reply.code, 250, "{reply:?}");
    let keys = world.account("GET", &format!("storage/kv/namespaces/{list}/keys"), &Value::Null)?;
    let key = keys[0]["name"].as_str().unwrap_or_default();
    assert!(key.contains("nonexistent@example.com"), "{keys}");
    assert_eq!(keys[0]["metadata"]["bounceType"], "hard", "{keys}");
    let entry = world.stored(&list, &key.replace('>', "%3E").replace('<', "%3C").replace(':', "%3A"))?;
    assert_eq!((&entry["type"], &entry["status"]), (&json!("hard_bounce"), &json!("suppressed")), "{entry}");
    assert!(world.passed_on()?.is_empty(), "a bounce goes nowhere");
    brought(&world, "any@yourdomain.com", "honest")?;
    world.arrived("admin@yourdomain.com", "honest")?;

    let asked = |to: &str| world.fetch("suppression", "GET", &format!("/?to={to}"), "text/plain", b"");
    assert_eq!(asked("ann@example.net")?.json(), json!("sent"));
    let entry = json!({ "reason": "by hand" }).to_string();
    let path = format!(
        "/client/v4/accounts/{}/storage/kv/namespaces/{list}/values/ann@example.net",
        world.installation.account.account_id
    );
    world.api().upload("PUT", &path, "text/plain", entry.into_bytes())?.result();
    assert_eq!(asked("ann@example.net")?.json(), json!({ "success": false, "reason": "suppressed" }));
    Ok(())
}
