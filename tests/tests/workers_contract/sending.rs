//! `env.EMAIL.send()`.

use mailwright_tests::error::Result;
use mailwright_tests::message::header;
use serde_json::{Value, json};

use crate::world::{Contract, assert_thrown};

/// A case and the code that it is to fail with.
const ERRORS: &[(&str, &str)] = &[
    ("nothing", "E_VALIDATION_ERROR"),
    ("empty", "E_FIELD_MISSING"),
    ("noSubject", "E_FIELD_MISSING"),
    ("noContent", "E_FIELD_MISSING"),
    ("badAddress", "E_VALIDATION_ERROR"),
    ("foreign", "E_SENDER_DOMAIN_NOT_AVAILABLE"),
    ("tooMany", "E_TOO_MANY_RECIPIENTS"),
    ("dateField", "E_HEADER_NOT_ALLOWED"),
    ("fromField", "E_HEADER_USE_API_FIELD"),
    ("longField", "E_HEADER_VALUE_TOO_LONG"),
    ("badField", "E_HEADER_NAME_INVALID"),
    ("injected", "E_VALIDATION_ERROR"),
    ("suppressed", "E_RECIPIENT_SUPPRESSED"),
    ("badRaw", "E_VALIDATION_ERROR"),
    ("foreignRaw", "E_SENDER_DOMAIN_NOT_AVAILABLE"),
];

#[test]
fn mail_of_a_worker_has_all_that_it_was_given() -> Result<()> {
    let Some(world) = Contract::start()? else { return Ok(()) };
    let said = world.said("send")?;
    assert!(said["returned"]["messageId"].is_string(), "{said}");
    for recipient in ["ann@example.net", "ben@example.net", "cy@example.net", "dan@example.net"] {
        world.arrived(recipient, "From a Worker")?;
    }
    let mail = world.arrived("ann@example.net", "From a Worker")?.message;
    let text = String::from_utf8_lossy(&mail).into_owned();
    assert_eq!(header(&mail, "X-Order").as_deref(), Some("7"), "{text}");
    assert!(header(&mail, "Reply-To").is_some_and(|line| line.contains("help@example.com")), "{text}");
    assert!(header(&mail, "DKIM-Signature").is_some_and(|line| line.contains("d=example.com")), "{text}");
    assert!(header(&mail, "Cc").is_some_and(|line| line.contains("cy@example.net")), "{text}");
    assert!(!text.contains("dan@example.net"), "{text}");
    // The whole buffer, the view of it without its ends, and what was base64 already.
    assert_eq!(text.matches("AAEC//4=").count(), 2, "{text}");
    assert!(text.contains("\r\nAQL/\r\n"), "{text}");

    assert!(world.said("send-raw")?["returned"]["messageId"].is_string());
    let raw = world.arrived("ann@example.net", "Raw from a Worker")?.message;
    mailwright_tests::mailbox::assert_wire_form(&raw);
    Ok(())
}

#[test]
fn mail_that_cannot_be_sent_throws_with_a_code() -> Result<()> {
    let Some(world) = Contract::start()? else { return Ok(()) };
    let suppressed = json!({ "email": "gone@example.net" });
    world.account("POST", "email/sending/suppressions", &suppressed)?;
    let said = world.said("send-errors")?;
    let code = |case: &str| said[case]["code"].as_str().unwrap_or("none").to_owned();
    let found: Vec<_> = ERRORS.iter().map(|(case, _)| (*case, code(case))).collect();
    let expected: Vec<_> = ERRORS.iter().map(|(case, code)| (*case, (*code).to_owned())).collect();
    assert_eq!(found, expected, "{said:#}");
    let are_sentences =
        ERRORS.iter().all(|(case, _)| said[case]["message"].as_str().is_some_and(|text| text.len() > 10));
    assert!(are_sentences, "{said:#}");
    assert_eq!(world.passed_on()?.len(), 0);
    Ok(())
}

#[test]
fn a_binding_that_is_restricted_sends_only_what_it_may() -> Result<()> {
    let Some(world) = Contract::start()? else { return Ok(()) };
    let said = world.said("restricted")?;
    for case in ["fromShop", "toAnn", "toFriends"] {
        assert!(said[case]["returned"]["messageId"].is_string(), "{said:#}");
    }
    assert_eq!(said["fromOther"]["code"], "E_SENDER_NOT_VERIFIED", "{said:#}");
    assert_thrown(&said["fromOther"], "other@example.com");
    for case in ["toStranger", "hiddenStranger", "rawStranger"] {
        assert_eq!(said[case]["code"], "E_RECIPIENT_NOT_ALLOWED", "{said:#}");
        assert_thrown(&said[case], "eve@example.net");
    }
    for (recipient, subject) in
        [("ann@example.net", "Allowed"), ("ann@example.net", "To Ann"), ("ben@example.net", "To a friend")]
    {
        world.arrived(recipient, subject)?;
    }
    // Where a binding has one recipient, others are refused or their mail goes there: never to them.
    assert!(said["toBen"] != Value::Null);
    assert_eq!((world.count_for("eve@example.net")?, world.count_for("ben@example.net")?), (0, 1));
    Ok(())
}
