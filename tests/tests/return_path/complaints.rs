//! Complaints, to the envelope sender and to the address that the message names.

use mailwright_tests::error::Result;
use mailwright_tests::message::header;
use serde_json::json;

use crate::world::{RETURN_PATH, World, complaint, queue_id};

#[test]
fn a_complaint_suppresses_for_good_and_is_told() -> Result<()> {
    let world = World::start()?;
    let mail = world.send(&["cross@example.net"], &json!({ "campaign": "spring" }))?;
    let address = header(&mail.message, "CFBL-Address").unwrap_or_default();
    assert_eq!(address, format!("fbl@{RETURN_PATH}; report=arf"));
    let account = world.installation.account.account_id.clone();
    assert_eq!(header(&mail.message, "Feedback-ID"), Some(format!("spring:{account}:api:mailwright")));
    assert_eq!(header(&mail.message, "TLS-Report-Domain").as_deref(), Some("example.com"));
    assert_eq!(header(&mail.message, "TLS-Report-Submitter").as_deref(), Some("mx.example.com"));

    // The report names nobody: the id in the header that came back does.
    world.tell(&format!("fbl@{RETURN_PATH}"), &complaint(&mail))?;
    let row = world.until_suppressed("cross@example.net")?;
    assert_eq!((&row["reason"], &row["read_only"]), (&json!("complaint"), &json!(true)), "{row}");
    let events = world.events(queue_id(&mail), "complaint")?;
    assert_eq!(events.first().map(|event| event["feedback"].clone()), Some(json!("abuse")), "{events:?}");
    let shown = world.until_shown(queue_id(&mail), |recipient| recipient["complained_at"].is_string())?;
    assert_eq!(shown["status"], "delivered", "{shown}");
    Ok(())
}

#[test]
fn a_complaint_with_an_id_that_was_made_up_is_counted_and_does_nothing() -> Result<()> {
    let world = World::start()?;
    let mail = world.send(&["kind@example.net"], &json!({}))?;
    let id = header(&mail.message, "CFBL-Feedback-ID").unwrap_or_default();
    let (rest, _) = id.rsplit_once(':').unwrap_or_default();
    let forged =
        String::from_utf8_lossy(&complaint(&mail)).replace(&id, &format!("{rest}:{}", "a".repeat(16)));
    world.tell(&format!("fbl@{RETURN_PATH}"), forged.as_bytes())?;
    assert_eq!((world.counted("complaint", "forged")?, world.suppressed()?.len()), (1, 0));

    // "No spam after all" blames nobody.
    let taken_back = String::from_utf8_lossy(&complaint(&mail)).replace(": abuse", ": not-spam");
    world.tell(&mail.mail_from, taken_back.as_bytes())?;
    assert_eq!((world.counted("complaint", "ignored")?, world.suppressed()?.len()), (1, 0));
    Ok(())
}
