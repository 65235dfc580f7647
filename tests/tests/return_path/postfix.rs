//! A server that others wrote takes a message and bounces it a moment later.

use mailwright_tests::error::{Error, Result};
use mailwright_tests::message::SENDER;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::postfix::Postfix;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Installation, free_address};
use serde_json::json;

use crate::world::{World, config};

#[test]
fn what_postfix_takes_and_then_bounces_is_a_late_bounce() -> Result<()> {
    if skip_without(&[Need::Postfix]) {
        return Ok(());
    }
    let address = free_address()?;
    let installation = Installation::new(&config(address))?;
    let server = installation.start()?;
    let inbound = server.inbound.ok_or_else(|| Error::unexpected("find inbound", "it is off"))?;
    let _postfix = Postfix::bouncing(address, inbound)?;
    let world = World { server, installation, sandbox: Sandbox::start()? };
    let message = json!({ "from": SENDER, "to": "gone@example.net", "subject": "hello", "text": "hello" });
    let sent = world.api().post(
        &world.api().sending_path("send"),
        &message.to_string(),
        &[("prefer", "wait=20")],
    )?;
    assert_eq!(sent.result()["delivered"], json!(["gone@example.net"]), "{}", sent.text);
    let row = world.until_suppressed("gone@example.net")?;
    assert_eq!(row["reason"], "hard_bounce");
    assert!(row["note"].as_str().is_some_and(|note| note.contains("mailbox is gone")), "{row}");
    assert_eq!(world.counted("bounce", "applied")?, 1);
    Ok(())
}
