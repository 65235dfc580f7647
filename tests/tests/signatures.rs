//! Every message leaves with two valid DKIM signatures (RSA, RFC 6376, and Ed25519, RFC 8463), as judged
//! by dkimpy over what the receiver got.

use std::path::PathBuf;

use serde_json::{Value, json};

use mailwright_tests::error::{Context, Result};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::python;
use mailwright_tests::server::Dev;
use mailwright_tests::smtp::SmtpClient;

const SENDER: &str = "sender@example.com";

/// Texts whose canonical form is easy to get wrong.
fn texts() -> Vec<String> {
    vec![
        "plain".into(),
        "trailing blank lines\r\n\r\n\r\n".into(),
        "trailing lines of white space\r\n \r\n\t\r\n".into(),
        "\r\n\r\nleading blank lines and trailing spaces  \t\r\n".into(),
        ".\r\n..\r\nFrom the start of a line\r\n".into(),
        "Grüße, 你好, \u{1f4ec}\r\n".into(),
        format!("{}\r\n", "long line ".repeat(300)),
        format!("{}\r\n", "ü".repeat(2000)),
        "unix\nline\nends\n".into(),
    ]
}

/// Has dkimpy judge messages and asserts that both signatures of each are valid and bind what matters.
fn assert_signed_twice(dev: &Dev, mails: &[PathBuf]) -> Result<()> {
    let mut args = vec![dev.state().join("dkim.json")];
    args.extend_from_slice(mails);
    let found = python::run("verify_dkim.py", args)?;
    for (mail, signatures) in mails.iter().zip(found.as_array().into_iter().flatten()) {
        let mut algorithms: Vec<_> =
            signatures.as_array().into_iter().flatten().map(|one| &one["algorithm"]).collect();
        algorithms.sort_by_key(ToString::to_string);
        assert_eq!(algorithms, ["ed25519-sha256", "rsa-sha256"], "{}: {signatures}", mail.display());
        for signature in signatures.as_array().into_iter().flatten() {
            assert_eq!(signature["valid"], true, "{}: {signature}", mail.display());
            assert_eq!(signature["domain"], "example.com");
            assert_binds(signature);
        }
    }
    assert_eq!(found.as_array().map(Vec::len), Some(mails.len()));
    Ok(())
}

/// From, To and Subject are signed once more than they occur, so that none can be added (RFC 6376 section 8.15).
fn assert_binds(signature: &Value) {
    let headers: Vec<&str> =
        signature["headers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for name in ["from", "to", "subject"] {
        let times = headers.iter().filter(|header| **header == name).count();
        assert_eq!(times, 2, "{name} in {headers:?}");
    }
}

#[test]
fn signs_what_the_api_builds() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let mut mails = Vec::new();
    for (number, text) in texts().iter().enumerate() {
        let to = format!("built{number}@example.net");
        dev.api
            .send(&json!({"from": SENDER, "to": to, "subject": "Grüße ".repeat(20), "text": text}))?
            .result();
        mails.push(dev.mailbox.wait_for(&to)?.path);
    }
    assert_signed_twice(&dev, &mails)
}

#[test]
fn signs_attachments_and_html() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    dev.api
        .send(&json!({
            "from": {"address": SENDER, "name": "Jürgen, \"the\" Sender"}, "to": "files@example.net", "subject": "files",
            "text": "", "html": "<p>only HTML</p>", "headers": {"X-Campaign-ID": "a", "List-Unsubscribe": "<https://example.com/u>"},
            "attachments": [{"content": "AAECAw==", "filename": "naïve.bin", "type": "application/octet-stream", "disposition": "attachment"}]
        }))?
        .result();
    let mail = dev.mailbox.wait_for("files@example.net")?;
    assert_signed_twice(&dev, &[mail.path])
}

/// Says whether a text may stand in a finished message as it is: lines end in CRLF and fit (RFC 5322 section 2.1.1).
fn is_sendable(text: &str) -> bool {
    !text.replace("\r\n", "").contains('\n') && text.lines().all(|line| line.len() <= 998)
}

#[test]
fn signs_raw_messages() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let mut mails = Vec::new();
    for (number, text) in texts().iter().filter(|text| is_sendable(text)).enumerate() {
        let to = format!("raw{number}@example.net");
        let mime = format!(
            "From: {SENDER}\r\nTo: {to}\r\nSubject: raw\r\n  folded\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}"
        );
        dev.api.send_raw(SENDER, &[&to], &mime)?.result();
        mails.push(dev.mailbox.wait_for(&to)?.path);
    }
    assert_signed_twice(&dev, &mails)
}

#[test]
fn signs_relayed_messages() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let to = "relayed@example.net";
    let message = format!("From: {SENDER}\r\nTo: {to}\r\nSubject: relayed\r\n\r\n.\r\nbody\r\n\r\n\r\n");
    let reply = SmtpClient::connect_and_greet(dev.server.smtp)?.send(SENDER, to, message.as_bytes())?;
    assert_eq!(reply.code, 250, "{reply:?}");
    let mail = dev.mailbox.wait_for(to)?;
    assert_signed_twice(&dev, &[mail.path])
}

#[test]
fn a_changed_message_no_longer_verifies() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    dev.api
        .send(&json!({"from": SENDER, "to": "you@example.net", "subject": "s", "text": "genuine"}))?
        .result();
    let mail = dev.mailbox.wait_for("you@example.net")?;
    let changed = dev.state().join("changed.eml");
    let text = String::from_utf8_lossy(&mail.message).replace("genuine", "forged!");
    std::fs::write(&changed, text).context("write the changed message")?;
    let found = python::run("verify_dkim.py", [dev.state().join("dkim.json"), changed])?;
    assert_eq!((&found[0][0]["valid"], &found[0][1]["valid"]), (&json!(false), &json!(false)), "{found}");
    Ok(())
}
