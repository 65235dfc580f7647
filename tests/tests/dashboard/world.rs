//! A server with mail in it.

use std::time::Duration;

use mailwright_tests::browser;
use mailwright_tests::error::Result;
use mailwright_tests::http::Api;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::server::Dev;
use mailwright_tests::wait;
use mailwright_tests::workerd;
use serde_json::{Value, json};

/// The longest until everything that was sent has been told.
const LIMIT: Duration = Duration::from_secs(30);

/// To whom the mail goes: the sandbox decides by the name. What the last two get waits and is tried again.
const RECIPIENTS: [&str; 7] = [
    "ann@example.net",
    "bob@example.org",
    "carol@example.net",
    "bounce@example.org",
    "blocked@example.net",
    "defer@example.com",
    "full@example.org",
];

/// Runs a journey on a new server with mail in it; nothing, where there is no browser.
pub(crate) fn travel(name: &str) -> Result<()> {
    if skip_without(&[Need::Chromium]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    fill(&dev.api)?;
    browser::journey(name, &dev.api).map(drop)
}

/// Does the same on a server that runs Workers.
pub(crate) fn travel_with_workers(name: &str) -> Result<()> {
    if skip_without(&[Need::Chromium, Need::Workerd]) {
        return Ok(());
    }
    let dev = Dev::start_with(|command| {
        // The runtime is found where npm has put it.
        command.current_dir(workerd::packages());
    })?;
    fill(&dev.api)?;
    browser::journey(name, &dev.api).map(drop)
}

/// Sends mail that is delivered, bounces and waits, has mail come from the world, and waits until all of it is on record.
fn fill(api: &Api) -> Result<()> {
    for to in RECIPIENTS {
        api.submit(&newsletter(to))?.result();
    }
    api.submit(&receipt())?.result();
    let zone = "/cdn-cgi/handler/email?from=sender@example.org&to=hello@example.com";
    let message = b"From: Sam <sender@example.org>\r\nTo: hello@example.com\r\nSubject: A question\r\n\r\nHow are you?\r\n";
    api.upload("POST", zone, "message/rfc822", message.to_vec())?;
    wait::until("everything to be on record", LIMIT, || {
        let lines = api.request("GET", &api.sending_path("messages"), "", &[])?.result();
        Ok((lines.as_array().map_or(0, Vec::len) == RECIPIENTS.len() + 1 && is_settled(&lines)).then_some(()))
    })
}

/// Whether what was sent has been tried.
fn is_settled(lines: &Value) -> bool {
    lines.as_array().is_some_and(|lines| lines.iter().all(|line| line["attempts"] != 0))
}

fn newsletter(to: &str) -> Value {
    json!({
        "from": {"address": "news@example.com", "name": "Example News"}, "to": to, "campaign": "november",
        "subject": "What is new in November", "text": "Three things are new.\n\nhttps://example.com/news",
        "html": "<h1>November</h1><p>Three things are <a href=\"https://example.com/news\">new</a>.</p>",
    })
}

fn receipt() -> Value {
    json!({
        "from": {"address": "shop@example.com", "name": "Example Shop"}, "to": "dave@example.net",
        "subject": "Your receipt", "text": "Thanks. The receipt is attached.",
        "html": "<p>Thanks. <img src=\"https://tracker.example/open.gif\" alt=\"\"> The receipt is attached.</p>",
        "attachments": [{
            "content": "JVBERi0xLjQKJSVFT0YK", "filename": "receipt.pdf", "type": "application/pdf",
            "disposition": "attachment",
        }],
    })
}
