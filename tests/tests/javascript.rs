//! The published JavaScript SDK works against us by its base URL alone: every method of its email parts.

use serde_json::json;

use mailwright_tests::error::Result;
use mailwright_tests::javascript;
use mailwright_tests::mailbox::Received;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::server::Dev;

#[test]
fn every_method_of_its_email_parts() -> Result<()> {
    if skip_without(&[Need::JavaScript]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let account = &dev.api.account;
    let said = javascript::run(
        "sdk.mjs",
        [&dev.api.base_url(), &account.token, &account.account_id, &account.zone_id],
    )?;
    assert_eq!(said["missed"], json!([]), "{said}");
    assert_eq!(said["known"], 30, "{said}");
    assert_eq!(said["sends"]["delivered"], json!(["js@example.net", "raw@example.net"]));
    assert_eq!(said["sends"]["same"], true);
    assert_eq!(said["sends"]["bad"], json!({ "status": 400, "name": "BadRequestError", "codes": [10001] }));
    assert_eq!(
        said["suppressions"],
        json!({
            "got": "ann@example.org", "note": "by letter", "processed": 1, "invalid": 1,
            "listed": ["ann@example.org", "bob@example.org"],
        })
    );
    assert_eq!(
        said["subdomains"],
        json!({
            "name": "js.example.com", "edited": true, "listed": ["example.com", "js.example.com"],
            "records": ["MX", "TXT"],
        })
    );
    assert_eq!((&said["auth"]["before"], &said["auth"]["after"]), (&json!(false), &json!(true)));
    assert_eq!(said["auth"]["missing"]["status"], 404);
    assert_eq!(
        said["rules"],
        json!({
            "verified": "string", "listed": true, "priority": 3, "action": "drop", "same": true,
            "enabled": true, "ofZone": [true, true], "ofAccount": [true, false],
        })
    );
    let around =
        json!({ "account": true, "zone": true, "memberships": 1, "user": "string", "verified": "active" });
    assert_eq!(said["around"], around);
    // What was asked for twice with one key came once.
    let is_sent = |mail: &Received| mail.recipients != ["rules@example.net"];
    assert_eq!(dev.mailbox.list()?.into_iter().filter(is_sent).count(), 2);
    Ok(())
}
