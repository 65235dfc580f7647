//! The first minutes with the program: start it, send a mail with one request, find it in the sandbox.

use std::time::Duration;

use serde_json::json;

use mailwright_tests::error::Result;
use mailwright_tests::http;
use mailwright_tests::mailbox::{assert_wire_form, only};
use mailwright_tests::message::header;
use mailwright_tests::metrics::{ACCEPTED, DELIVERED, until_queue_is_empty};
use mailwright_tests::server::Dev;

/// The request of the README.
fn welcome() -> serde_json::Value {
    json!({
        "from": {"address": "welcome@example.com", "name": "Example"},
        "to": "you@example.net",
        "subject": "Welcome",
        "text": "Thanks for signing up.",
        "html": "<h1>Welcome!</h1><p>Thanks for signing up.</p>"
    })
}

#[test]
fn delivers_the_first_mail_to_the_sandbox() -> Result<()> {
    let dev = Dev::start()?;
    let result = dev.api.send(&welcome())?.result();
    assert_eq!(result["delivered"], json!(["you@example.net"]), "{result}");
    assert_eq!((&result["queued"], &result["permanent_bounces"]), (&json!([]), &json!([])));
    assert_eq!(result["suppressed_recipients"], json!([]));

    dev.mailbox.wait_for("you@example.net")?;
    let mail = only(dev.mailbox.list()?)?;
    assert_eq!(mail.recipients, ["you@example.net"]);
    assert_eq!(header(&mail.message, "Subject").as_deref(), Some("Welcome"));
    assert_eq!(header(&mail.message, "From").as_deref(), Some("\"Example\" <welcome@example.com>"));
    let message_id = header(&mail.message, "Message-ID").unwrap_or_default();
    let reported = result["message_id"].as_str().unwrap_or_default();
    assert!(
        !reported.is_empty() && message_id.contains(reported.trim_matches(['<', '>'])),
        "{message_id} {result}"
    );
    assert_wire_form(&mail.message);
    Ok(())
}

#[test]
fn counts_what_it_does() -> Result<()> {
    let dev = Dev::start()?;
    let health = http::get(dev.server.http, "/health")?;
    assert_eq!((health.status, health.json()["status"].as_str()), (200, Some("ok")));
    assert_eq!(dev.server.metrics()?.get(ACCEPTED), 0);
    dev.api.send(&welcome())?.result();
    // The outcome is told as it goes to the journal, and leaves the queue when it is there.
    let metrics = until_queue_is_empty(dev.server.http, Duration::from_secs(10))?;
    assert_eq!((metrics.get(ACCEPTED), metrics.get(DELIVERED)), (1, 1));
    Ok(())
}

#[test]
fn keeps_account_and_token_over_a_graceful_restart() -> Result<()> {
    let dev = Dev::start()?;
    let before = dev.api.account.clone();
    let dev = dev.restart()?;
    assert_eq!(dev.api.account, before);
    dev.api.send(&welcome())?.result();
    dev.mailbox.wait_for("you@example.net")?;
    Ok(())
}
