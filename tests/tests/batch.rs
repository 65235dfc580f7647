//! Many messages in one request, and requests that are only looked at.

use serde_json::{Value, json};

use mailwright_tests::error::Result;
use mailwright_tests::server::Dev;

fn message(to: &str, subject: &str) -> Value {
    json!({ "from": "a@example.com", "to": to, "subject": subject, "text": "hello" })
}

fn ask(dev: &Dev, operation: &str, body: &Value, headers: &[(&str, &str)]) -> Result<Value> {
    Ok(dev.api.post(&dev.api.sending_path(operation), &body.to_string(), headers)?.result())
}

#[test]
fn each_message_of_a_batch_is_accepted_or_refused_by_itself() -> Result<()> {
    let dev = Dev::start()?;
    let mut messages: Vec<_> =
        (0..20).map(|n| message(&format!("b{n}@example.net"), "one of many")).collect();
    messages[3]["from"] = json!("a@example.org");
    messages[7] = json!({ "subject": 7 });
    messages[9]["headers"] = json!({ "Date": "today" });
    let answer = ask(&dev, "send/batch", &json!({ "messages": messages }), &[("prefer", "wait=30")])?;
    assert_eq!(
        (&answer["total"], &answer["accepted"], &answer["refused"]),
        (&json!(20), &json!(17), &json!(3))
    );
    let rows = answer["messages"].as_array().cloned().unwrap_or_default();
    for (index, row) in rows.iter().enumerate() {
        let reason = row["errors"][0]["reason"].as_str();
        let expected = match index {
            3 => Some("E_SENDER_DOMAIN_NOT_AVAILABLE"),
            7 => Some("E_VALIDATION_ERROR"),
            9 => Some("E_HEADER_NOT_ALLOWED"),
            _ => None,
        };
        assert_eq!((row["index"].as_u64(), reason), (Some(index as u64), expected), "{row}");
        assert_eq!(row["success"], expected.is_none());
        if expected.is_none() {
            assert_eq!(row["result"]["delivered"], json!([format!("b{index}@example.net")]), "{row}");
        }
    }
    dev.mailbox.wait_for("b19@example.net")?;
    Ok(())
}

#[test]
fn a_batch_of_nothing_or_too_much_is_refused_whole() -> Result<()> {
    let dev = Dev::start()?;
    let path = dev.api.sending_path("send/batch");
    let too_many = vec![message("a@example.net", "x"); 1_001];
    for body in [json!({ "messages": [] }), json!({ "messages": too_many }), json!({}), json!([])] {
        let answer = dev.api.post(&path, &body.to_string(), &[])?;
        assert_eq!((answer.status, answer.error_code()), (400, 10001));
    }
    Ok(())
}

#[test]
fn preflight_tells_what_would_happen_and_sends_nothing() -> Result<()> {
    let dev = Dev::start()?;
    let good = ask(&dev, "send/preflight", &message("p@example.net", "fine"), &[])?;
    assert_eq!(
        (&good["acceptable"], &good["errors"], &good["advice"]),
        (&json!(true), &json!([]), &json!([]))
    );
    let seen = &good["message"];
    assert_eq!((&seen["signed_by"], &seen["dkim_aligned"]), (&json!("example.com"), &json!(true)));
    assert_eq!((&seen["spf_aligned"], &seen["recipients"]), (&json!(true), &json!(1)));
    assert!(seen["size"].as_u64().is_some_and(|size| size > 100));

    let loud =
        json!({ "from": "a@example.com", "to": "p@example.net", "subject": "FREE", "html": "<p>x</p>" });
    let loud = ask(&dev, "send/preflight", &loud, &[])?;
    let advice: Vec<_> = loud["advice"].as_array().into_iter().flatten().map(|one| &one["code"]).collect();
    assert_eq!(loud["acceptable"], true);
    assert_eq!(advice, ["loud_words", "no_plain_text"]);

    let mut elsewhere = message("p@example.net", "x");
    elsewhere["from"] = json!("a@example.org");
    let refused = ask(&dev, "send/preflight", &elsewhere, &[])?;
    assert_eq!(refused["acceptable"], false);
    assert_eq!(refused["errors"][0]["reason"], "E_SENDER_DOMAIN_NOT_AVAILABLE");
    let malformed = ask(&dev, "send/preflight", &json!({ "from": "a@example.com" }), &[])?;
    assert_eq!(malformed["errors"][0]["reason"], "E_FIELD_MISSING");

    // What is sent now is the only mail there is.
    dev.api.send(&message("last@example.net", "sent"))?;
    dev.mailbox.wait_for("last@example.net")?;
    assert_eq!(dev.mailbox.list()?.len(), 1);
    Ok(())
}
