//! The messages that the API builds, as another program's parser sees them.

use data_encoding::BASE64;
use serde_json::{Value, json};

use mailwright_tests::error::Result;
use mailwright_tests::mailbox::assert_wire_form;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::python;
use mailwright_tests::server::Dev;

/// Sends a message, checks its form on the wire and returns Python's view of it, which has no defects.
fn sent_and_parsed(message: Value) -> Result<Value> {
    let dev = Dev::start()?;
    let mut message = message;
    message["from"] = message.get("from").cloned().unwrap_or_else(|| json!("sender@example.com"));
    message["to"] = message.get("to").cloned().unwrap_or_else(|| json!("you@example.net"));
    message["subject"] = message.get("subject").cloned().unwrap_or_else(|| json!("subject"));
    dev.api.send(&message)?.result();
    let mail = dev.mailbox.wait_for("you@example.net")?;
    assert_wire_form(&mail.message);
    let parsed = python::run("parse_mime.py", [mail.path])?[0].clone();
    assert_eq!(parsed["defects"], json!([]), "{}", String::from_utf8_lossy(&mail.message));
    Ok(parsed)
}

fn header<'a>(mail: &'a Value, name: &str) -> Option<&'a str> {
    let mut headers = mail["headers"].as_array().into_iter().flatten();
    headers.find(|pair| pair[0].as_str().is_some_and(|found| found.eq_ignore_ascii_case(name)))?[1].as_str()
}

/// The decoded text of a part, line ends as in the request.
fn text_of(part: &Value) -> String {
    let bytes = BASE64.decode(part["content"].as_str().unwrap_or_default().as_bytes()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace("\r\n", "\n").trim_end_matches('\n').to_owned()
}

#[test]
fn carries_any_subject() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let long = "Ein sehr langer Betreff mit Umlauten äöü und 漢字 ".repeat(12);
    let unbroken = "x".repeat(700);
    for subject in
        ["Grüße ✓ 📬", long.trim(), unbroken.as_str(), "=?utf-8?q?not_encoded?=", "two  spaces\tand a tab"]
    {
        let mail = sent_and_parsed(json!({"subject": subject, "text": "t"}))?;
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(header(&mail, "subject").map(squeezed), Some(squeezed(subject)));
    }
    Ok(())
}

#[test]
fn carries_any_display_name() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    for name in ["Jürgen Müller", "Last, First", "with \"quotes\" and \\", "a@b (c) <d>", "名前", "trailing."]
    {
        let address = |address: &str| json!({"address": address, "name": name});
        let message = json!({"from": address("sender@example.com"), "to": [address("you@example.net")],
            "reply_to": address("answers@example.com"), "text": "t"});
        let mail = sent_and_parsed(message)?;
        assert_eq!(mail["from"], json!([[name, "sender@example.com"]]));
        assert_eq!(mail["to"], json!([[name, "you@example.net"]]));
        assert_eq!(mail["reply_to"], json!([[name, "answers@example.com"]]));
    }
    Ok(())
}

#[test]
fn carries_any_text() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let long = "word ".repeat(2000);
    let unbroken = "ü".repeat(3000);
    for text in
        ["Grüße\n.\n..\nFrom here\n", long.trim_end(), unbroken.as_str(), "a = b\ttab  \nend", "\u{feff}bom"]
    {
        let mail = sent_and_parsed(json!({"text": text, "html": format!("<p>{text}</p>")}))?;
        assert_eq!(mail["tree"], json!(["multipart/alternative", ["text/plain"], ["text/html"]]));
        assert_eq!(text_of(&mail["parts"][0]), text.trim_end_matches('\n'));
        assert_eq!(text_of(&mail["parts"][1]), format!("<p>{text}</p>"));
    }
    Ok(())
}

#[test]
fn carries_attachments_byte_for_byte() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let all_bytes: Vec<u8> = (0..=255).cycle().take(100_003).collect();
    let contents = [all_bytes.as_slice(), b"", b"\r\n.\r\n", b"one line without an end"];
    let names = [
        "plain.bin",
        "naïve übung.txt",
        "with \"quotes\"; and = signs.txt",
        "漢字のとても長い名前".repeat(8).as_str(),
    ]
    .map(ToOwned::to_owned);
    let attachments: Vec<Value> = (contents.iter().zip(&names))
        .map(|(bytes, name)| {
            json!({"content": BASE64.encode(bytes), "filename": name, "type": "application/octet-stream", "disposition": "attachment"})
        })
        .collect();
    let mail = sent_and_parsed(json!({"text": "see files", "attachments": attachments}))?;
    assert_eq!(mail["tree"][0], "multipart/mixed");
    for (index, (bytes, name)) in contents.iter().zip(&names).enumerate() {
        let part = &mail["parts"][index + 1];
        assert_eq!(
            (part["filename"].as_str(), part["disposition"].as_str()),
            (Some(name.as_str()), Some("attachment"))
        );
        assert_eq!(part["content"], BASE64.encode(bytes), "{name}");
    }
    Ok(())
}

#[test]
fn puts_inline_pictures_beside_the_html_that_shows_them() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let mail = sent_and_parsed(json!({
        "text": "t", "html": "<img src=\"cid:logo\">",
        "attachments": [
            {"content": "UE5H", "filename": "logo.png", "type": "image/png", "disposition": "inline", "content_id": "logo"},
            {"content": "UERG", "filename": "a.pdf", "type": "application/pdf", "disposition": "attachment"}
        ]
    }))?;
    let related = json!(["multipart/related", ["text/html"], ["image/png"]]);
    let nested =
        json!(["multipart/mixed", ["multipart/alternative", ["text/plain"], related], ["application/pdf"]]);
    assert_eq!(mail["tree"], nested);
    assert_eq!(mail["parts"][2]["content_id"], "<logo>");
    assert_eq!(mail["parts"][2]["disposition"], "inline");
    Ok(())
}

#[test]
fn has_the_headers_every_message_needs() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let mail = sent_and_parsed(json!({"html": "<p>only HTML</p>"}))?;
    assert_eq!(mail["tree"], json!(["text/html"]));
    for name in ["date", "message-id", "from", "to", "subject", "mime-version", "content-type"] {
        let headers = mail["headers"].as_array().into_iter().flatten();
        let count = headers
            .filter(|pair| pair[0].as_str().is_some_and(|found| found.eq_ignore_ascii_case(name)))
            .count();
        assert_eq!(count, 1, "{name} in {}", mail["headers"]);
    }
    Ok(())
}
