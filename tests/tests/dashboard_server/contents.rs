//! What is in messages: of those that wait everything, of those that have gone what was kept.

use std::time::Duration;

use mailwright_tests::error::Result;
use mailwright_tests::http::{Answer, Api};
use mailwright_tests::server::Dev;
use mailwright_tests::wait;
use serde_json::{Value, json};

use crate::world::{assert_shut_in, client, header};

/// The longest until the index has heard of a message.
const LIMIT: Duration = Duration::from_secs(20);

/// HTML of somebody who means no good.
const HOSTILE: &str =
    "<p>Hello</p><script>alert(1)</script><img src=cid:logo@x><img src=https://evil.example/x.png>";

/// A message with everything in it.
fn message(to: &str) -> Value {
    json!({
        "from": "Example <a@example.com>", "to": to, "subject": "Grüße", "text": "Hello", "html": HOSTILE,
        "attachments": [
            { "content": "iVBORw0KGgo=", "filename": "logo.png", "type": "image/png", "disposition": "inline", "content_id": "logo@x" },
            { "content": "JVBERg==", "filename": "a \"b\".pdf", "type": "application/pdf", "disposition": "attachment" },
        ],
    })
}

/// Sends a message and returns its id once the activity log knows it, with as many attempts.
fn sent(api: &Api, to: &str) -> Result<String> {
    api.submit(&message(to))?.result();
    wait::until(&format!("the message to {to}"), LIMIT, || {
        let path = format!("{}?recipient={to}", api.sending_path("messages"));
        let lines = api.request("GET", &path, "", &[])?.result();
        let is_tried = lines[0]["attempts"].as_u64().is_some_and(|attempts| attempts > 0);
        Ok(lines[0]["id"].as_str().filter(|_| is_tried).map(ToOwned::to_owned))
    })
}

/// `GET …/messages/{id}/content` and what follows.
fn content(api: &Api, id: &str, rest: &str) -> Result<Answer> {
    api.request("GET", &api.sending_path(&format!("messages/{id}/content{rest}")), "", &[])
}

fn detail(answer: &Answer) -> String {
    answer.json()["errors"][0]["detail"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_message_that_waits_is_read_by_those_who_administer_its_account() -> Result<()> {
    let dev = Dev::start()?;
    let id = sent(&dev.api, "defer@example.net")?;
    let admin = client(&dev.server, &dev.api, "admin")?;
    let read = content(&admin, &id, "")?.result();
    assert_eq!(
        (&read["source"], &read["text"], &read["truncated"]),
        (&json!("queue"), &json!("Hello"), &json!(false))
    );
    assert_eq!(read["html"], HOSTILE);
    let headers = read["headers"].as_array().cloned().unwrap_or_default();
    let subject = headers.iter().find(|field| field["name"] == "Subject");
    assert_eq!(subject.map(|field| &field["value"]), Some(&json!("Grüße")), "{headers:?}");
    let files = &read["attachments"];
    assert_eq!(
        (&files[0]["content_id"], &files[0]["disposition"]),
        (&json!("logo@x"), &json!("inline")),
        "{files}"
    );
    assert_eq!((&files[1]["filename"], &files[1]["size"]), (&json!("a \"b\".pdf"), &json!(4)), "{files}");

    let raw = content(&admin, &id, "/raw")?;
    assert_eq!((raw.status, raw.content_type.as_str()), (200, "message/rfc822"));
    assert!(
        header(&raw, "content-disposition").starts_with("attachment;")
            && raw.text.contains("DKIM-Signature:")
    );
    assert_shut_in(&raw);
    let any = dev.api.request("GET", &format!("/client/v4/delivery/messages/{id}/content"), "", &[])?;
    assert_eq!(any.result()["html"], HOSTILE);

    let reader = client(&dev.server, &dev.api, "analytics_read")?;
    for rest in ["", "/html", "/raw"] {
        let refused = content(&reader, &id, rest)?;
        assert_eq!(refused.status, 403, "{rest}: {}", refused.text);
        assert!(detail(&refused).contains("administer"), "{}", refused.text);
        assert_eq!(content(&admin, "0660ddc2861234", rest)?.error_code(), 7003);
    }
    assert_eq!(content(&client(&dev.server, &dev.api, "send")?, &id, "")?.status, 403);
    // It is sent, not routed.
    let path =
        format!("/client/v4/accounts/{}/email/routing/messages/{id}/content", dev.api.account.account_id);
    assert_eq!(dev.api.request("GET", &path, "", &[])?.status, 404);
    Ok(())
}

#[test]
fn html_of_strangers_is_shut_in_wherever_it_is_shown() -> Result<()> {
    let dev = Dev::start()?;
    let id = sent(&dev.api, "defer@example.net")?;
    let paths = [
        dev.api.sending_path(&format!("messages/{id}/content/html")),
        format!("/client/v4/delivery/messages/{id}/content/html"),
    ];
    for path in paths {
        let html = dev.api.request("GET", &path, "", &[])?;
        assert_eq!((html.status, html.content_type.as_str()), (200, "text/html"), "{path}");
        assert_shut_in(&html);
        assert!(html.text.contains("<script>"), "as it was written: {}", html.text);
        assert!(html.text.contains("src=data:image/png;base64,iVBORw0KGgo="), "{}", html.text);
    }
    // As JSON it is text.
    let read = content(&dev.api, &id, "")?;
    assert_eq!(
        (read.content_type.as_str(), header(&read, "content-security-policy")),
        ("application/json", "")
    );
    Ok(())
}

#[test]
fn of_a_message_that_has_gone_there_is_what_its_domain_keeps() -> Result<()> {
    let dev = Dev::start()?;
    let gone = sent(&dev.api, "ann@example.net")?;
    for rest in ["", "/html"] {
        let answer = content(&dev.api, &gone, rest)?;
        assert_eq!(answer.status, 404, "{}", answer.text);
        assert!(detail(&answer).contains("preview_enabled"), "{}", answer.text);
    }
    let subdomains = format!("/client/v4/zones/{}/email/sending/subdomains", dev.api.account.zone_id);
    let listed = dev.api.request("GET", &subdomains, "", &[])?.result();
    let tag = listed[0]["tag"].as_str().unwrap_or_default();
    let body = json!({ "preview_enabled": true }).to_string();
    assert_eq!(dev.api.request("PATCH", &format!("{subdomains}/{tag}"), &body, &[])?.status, 200);

    let kept = sent(&dev.api, "bob@example.net")?;
    let reader = client(&dev.server, &dev.api, "analytics_read")?;
    let read = content(&reader, &kept, "")?.result();
    assert_eq!(
        (&read["source"], &read["html"], &read["text"]),
        (&json!("kept"), &json!(HOSTILE), &json!("Hello"))
    );
    let headers = read["headers"].to_string();
    assert!(headers.contains("Grüße") && headers.contains("DKIM-Signature"), "{headers}");
    let html = content(&reader, &kept, "/html")?;
    assert!(html.status == 200 && html.text == HOSTILE, "{}", html.text);
    assert_shut_in(&html);
    assert_eq!(content(&reader, &kept, "/raw")?.status, 404);
    // It is in no timeline and no report.
    let timeline = dev.api.request("GET", &format!("/client/v4/delivery/queue/messages/{kept}"), "", &[])?;
    assert!(timeline.status == 200 && !timeline.text.contains("<script>"), "{}", timeline.text);
    let dev = dev.restart()?;
    assert_eq!(content(&dev.api, &kept, "")?.result()["html"], HOSTILE);
    Ok(())
}
