//! The published Python SDK works against us by its base URL alone.

use data_encoding::BASE64;
use serde_json::{Value, json};

use mailwright_tests::error::Result;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::python;
use mailwright_tests::server::Dev;

fn sdk(dev: &Dev, case: &str) -> Result<Value> {
    let base_url = dev.api.base_url();
    python::run("sdk_send.py", [&base_url, &dev.api.account.token, &dev.api.account.account_id, case])
}

/// Waits for the mail to `recipient` and has it parsed by Python.
fn parsed(dev: &Dev, recipient: &str) -> Result<Value> {
    let mail = dev.mailbox.wait_for(recipient)?;
    Ok(python::run("parse_mime.py", [mail.path])?[0].clone())
}

fn header<'a>(mail: &'a Value, name: &str) -> Option<&'a str> {
    let mut headers = mail["headers"].as_array().into_iter().flatten();
    headers.find(|pair| pair[0].as_str().is_some_and(|found| found.eq_ignore_ascii_case(name)))?[1].as_str()
}

#[test]
fn sends_a_plain_message() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let answer = sdk(&dev, "plain")?;
    assert_eq!(answer["delivered"], json!(["plain@example.net"]), "{answer}");
    let mail = parsed(&dev, "plain@example.net")?;
    assert_eq!((header(&mail, "subject"), &mail["defects"]), (Some("plain by SDK"), &json!([])));
    Ok(())
}

#[test]
fn sends_every_field() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let answer = sdk(&dev, "everything")?;
    let mut delivered: Vec<&str> =
        answer["delivered"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    delivered.sort_unstable();
    assert_eq!(delivered, ["four@example.net", "one@example.net", "three@example.net", "two@example.net"]);

    let mail = parsed(&dev, "one@example.net")?;
    assert_eq!(mail["from"], json!([["Jürgen Sender", "sender@example.com"]]));
    assert_eq!(mail["to"], json!([["", "one@example.net"], ["Two, Number", "two@example.net"]]));
    assert_eq!(mail["cc"], json!([["", "three@example.net"]]));
    assert_eq!(mail["reply_to"], json!([["Answers", "answers@example.com"]]));
    assert_eq!(header(&mail, "subject"), Some("everything by SDK ✓"));
    assert_eq!(header(&mail, "X-Campaign-ID"), Some("autumn"));
    assert_eq!(header(&mail, "List-Unsubscribe"), Some("<https://example.com/u>"));
    assert_eq!(mail["defects"], json!([]));
    assert_attachments(&mail);
    Ok(())
}

fn assert_attachments(mail: &Value) {
    let part = |media_type: &str| {
        let mut parts = mail["parts"].as_array().into_iter().flatten();
        parts.find(|part| part["type"] == media_type).cloned().unwrap_or_default()
    };
    let (file, picture) = (part("application/octet-stream"), part("image/png"));
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!((&file["filename"], &file["disposition"]), (&json!("bytes.bin"), &json!("attachment")));
    assert_eq!(file["content"], BASE64.encode(&bytes));
    assert_eq!((&picture["content_id"], &picture["disposition"]), (&json!("<logo>"), &json!("inline")));
}

#[test]
fn keeps_blind_copies_blind() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    sdk(&dev, "everything")?;
    for recipient in ["one@example.net", "four@example.net"] {
        let mail = dev.mailbox.wait_for(recipient)?;
        assert!(
            !String::from_utf8_lossy(&mail.message).contains("four@example.net"),
            "{}",
            mail.path.display()
        );
    }
    Ok(())
}

#[test]
fn sends_a_raw_message() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let answer = sdk(&dev, "raw")?;
    assert_eq!(answer["delivered"], json!(["raw@example.net"]), "{answer}");
    let mail = parsed(&dev, "raw@example.net")?;
    assert_eq!(header(&mail, "subject"), Some("raw by SDK"));
    assert_eq!(mail["parts"][0]["content"], BASE64.encode("Grüße\r\n.\r\n".as_bytes()));
    Ok(())
}

#[test]
fn reports_a_wrong_token_in_the_sdks_own_terms() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let failure = sdk(&dev, "wrong_token")?;
    assert!(matches!(failure["status"].as_u64(), Some(401 | 403)), "{failure}");
    assert_eq!(failure["codes"], json!([10000]));
    Ok(())
}
