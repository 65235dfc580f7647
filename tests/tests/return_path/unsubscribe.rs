//! Hosted links to unsubscribe.

use std::process::Command;

use mailwright_tests::error::{Context, Result};
use mailwright_tests::http;
use mailwright_tests::mailbox::Received;
use mailwright_tests::message::header;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::python;
use serde_json::{Value, json};

use crate::world::{PUBLIC_URL, World, queue_id};

/// The path of the link and the address in a List-Unsubscribe field.
fn ways(field: &str) -> (String, String) {
    let between = |start: &str, end: &str| {
        let rest = field.split_once(start).map(|(_, rest)| rest).unwrap_or_default();
        rest.split(end).next().unwrap_or_default().to_owned()
    };
    (between(&format!("<{PUBLIC_URL}"), ">"), between("<mailto:", "?"))
}

#[test]
fn a_click_unsubscribes_and_a_look_does_not() -> Result<()> {
    let world = World::start()?;
    let mail = world.send(&["reader@example.net"], &json!({ "unsubscribe": "hosted" }))?;
    let (path, _) = ways(&header(&mail.message, "List-Unsubscribe").unwrap_or_default());
    assert_eq!(header(&mail.message, "List-Unsubscribe-Post").as_deref(), Some("List-Unsubscribe=One-Click"));
    let shown = http::get(world.server.http, &path)?;
    assert_eq!((shown.status, shown.content_type.as_str()), (200, "text/html"));
    assert!(shown.text.contains("reader@example.net") && shown.text.contains("<form method=\"post\">"));
    assert_eq!(world.api().post(&path, "nothing=at-all", &[])?.status, 400);
    assert!(world.suppressed()?.is_empty());

    for _ in 0..2 {
        let done = world.api().post(&path, "List-Unsubscribe=One-Click", &[])?;
        assert_eq!(done.status, 200, "{}", done.text);
    }
    let rows = world.suppressed()?;
    let row = rows.first().cloned().unwrap_or_default();
    assert_eq!(
        (rows.len(), &row["email"], &row["reason"]),
        (1, &json!("reader@example.net"), &json!("policy"))
    );
    assert_eq!(row["scope"], json!({ "type": "sending_domain", "value": "example.com" }));
    assert_eq!(row["read_only"], false);
    assert!(!world.events(queue_id(&mail), "unsubscribed")?.is_empty());
    world.until_shown(queue_id(&mail), |recipient| recipient["unsubscribed_at"].is_string())?;
    let again = json!({ "from": "a@example.com", "to": "reader@example.net", "subject": "s", "text": "t" });
    assert_eq!(world.api().send(&again)?.json()["errors"][0]["reason"], "E_RECIPIENT_SUPPRESSED");
    Ok(())
}

#[test]
fn a_mail_to_the_address_beside_the_link_unsubscribes() -> Result<()> {
    let world = World::start()?;
    let mail = world.send(&["reader@example.net"], &json!({ "unsubscribe": "hosted" }))?;
    let (_, address) = ways(&header(&mail.message, "List-Unsubscribe").unwrap_or_default());
    // A bounce of somebody's mail to it is nobody's wish.
    world.tell(&address, &crate::world::report("reader@example.net", "5.1.1", "550 unknown"))?;
    assert!(world.suppressed()?.is_empty());
    world.tell(&address, b"From: reader@example.net\r\nSubject: unsubscribe\r\n\r\n\r\n")?;
    let row = world.until_suppressed("reader@example.net")?;
    assert_eq!(row["scope"]["value"], "example.com", "{row}");
    Ok(())
}

#[test]
fn links_that_were_changed_are_refused_as_pages() -> Result<()> {
    let world = World::start()?;
    let mail = world.send(&["reader@example.net"], &json!({ "unsubscribe": "hosted" }))?;
    let (path, _) = ways(&header(&mail.message, "List-Unsubscribe").unwrap_or_default());
    let changed = format!("{}AAAA", path.get(..path.len() - 4).unwrap_or_default());
    for wrong in [changed.as_str(), "/unsubscribe/a", "/unsubscribe/%ff%fe", "/unsubscribe/%3Cscript%3E"] {
        let shown = http::get(world.server.http, wrong)?;
        assert_eq!((shown.status, shown.content_type.as_str()), (404, "text/html"), "{wrong}");
        assert!(!shown.text.contains("<script>"), "{wrong}");
        assert_eq!(world.api().post(wrong, "List-Unsubscribe=One-Click", &[])?.status, 404, "{wrong}");
    }
    assert_eq!(world.api().post(&path, &"x".repeat(100_000), &[])?.status, 400);
    assert_eq!(world.api().request("PUT", &path, "", &[])?.status, 405);
    assert!(world.suppressed()?.is_empty() && world.counted("unsubscribe", "forged")? >= 2);
    Ok(())
}

#[test]
fn both_fields_are_signed_and_so_are_those_for_complaints() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let world = World::start()?;
    let mail = world.send(&["reader@example.net"], &json!({ "unsubscribe": "hosted" }))?;
    assert_signed(&world, &mail)
}

#[test]
fn a_message_that_is_put_off_keeps_them_signed() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let world = World::start()?;
    let message = json!({ "from": "a@example.com", "to": ["later@example.net"], "subject": "s", "text": "t",
        "unsubscribe": "hosted", "send_at": ahead("1 hour")? });
    let api = world.api();
    let sent = api.send(&message)?.result();
    let path = format!("scheduled/{}", sent["scheduled_id"].as_str().unwrap_or_default());
    let sooner = json!({ "send_at": ahead("3 seconds")? }).to_string();
    api.request("PATCH", &api.sending_path(&path), &sooner, &[])?.result();
    let mail = world.sandbox.mailbox.wait_for("later@example.net")?;
    assert_eq!(String::from_utf8_lossy(&mail.message).matches("\nList-Unsubscribe: ").count(), 1);
    assert_signed(&world, &mail)
}

/// The time so far from now, by date(1).
fn ahead(far: &str) -> Result<String> {
    let mut date = Command::new("date");
    let said =
        date.args(["-u", "-d", &format!("+{far}"), "+%Y-%m-%dT%H:%M:%SZ"]).output().context("run date")?;
    Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

fn assert_signed(world: &World, mail: &Received) -> Result<()> {
    let keys = world.installation.state().join("dkim.json");
    let found = python::run("verify_dkim.py", [keys, mail.path.clone()])?;
    let signatures = found[0].as_array().cloned().unwrap_or_default();
    assert_eq!(signatures.len(), 2, "{found}");
    for signature in signatures {
        assert_eq!(signature["valid"], true, "{signature}");
        for name in [
            "list-unsubscribe",
            "list-unsubscribe-post",
            "feedback-id",
            "cfbl-address",
            "cfbl-feedback-id",
            "tls-report-domain",
            "tls-report-submitter",
        ] {
            let named = signature["headers"].as_array().is_some_and(|all| all.contains(&json!(name)));
            assert!(named, "{name}: {signature}");
        }
    }
    Ok(())
}

#[test]
fn a_link_that_could_not_work_is_refused_with_the_reason() -> Result<()> {
    let world = World::start()?;
    let refused = |api: &mailwright_tests::http::Api, more: &Value| -> Result<String> {
        let mut message = json!({ "from": "a@example.com", "to": "you@example.net", "subject": "s", "text": "t",
            "unsubscribe": "hosted" });
        for (key, value) in more.as_object().into_iter().flatten() {
            message[key] = value.clone();
        }
        let preflight = api.post(&api.sending_path("send/preflight"), &message.to_string(), &[])?.result();
        let answer = api.send(&message)?;
        assert_eq!(answer.status, 400, "{}", answer.text);
        let detail = answer.json()["errors"][0]["detail"].as_str().unwrap_or_default().to_owned();
        assert_eq!(preflight["errors"].get(0).map(|error| &error["detail"]), Some(&json!(detail)));
        Ok(detail)
    };
    let api = world.api();
    let many = refused(&api, &json!({ "to": ["a@example.net", "b@example.net"] }))?;
    assert!(many.contains("one recipient"), "{many}");
    let own = refused(&api, &json!({ "headers": { "List-Unsubscribe": "<https://example.com/u>" } }))?;
    assert!(own.contains("of its own"), "{own}");
    let off = World::start_with(|config| config.http.clear())?;
    assert!(refused(&off.api(), &json!({}))?.contains("http.public_url"));
    Ok(())
}
