//! What comes back of mail that went on.

use mailwright_tests::error::Result;
use mailwright_tests::mailbox::Received;

use crate::world::{World, message};

const REPORT: &[u8] =
    b"From: MAILER-DAEMON@box.example\r\nSubject: Undelivered Mail\r\n\r\nIt came to nothing.\r\n";

/// The sender under which a message went on.
fn forwarded(world: &World) -> Result<String> {
    world.forward("info@example.com", &["ann@box.example"])?;
    assert_eq!(world.bring("bob@good.example", "info@example.com", &message("bob@good.example"))?.code, 250);
    let Received { mail_from, .. } = world.arrived("ann@box.example")?;
    Ok(mail_from.trim_matches(['<', '>']).to_owned())
}

#[test]
fn a_report_finds_its_way_back_to_who_wrote() -> Result<()> {
    let Some(world) = World::start()? else { return Ok(()) };
    let sender = forwarded(&world)?;
    assert_eq!(world.bring("", &sender, REPORT)?.code, 250);
    let back = world.arrived("bob@good.example")?;
    assert_eq!(back.mail_from.trim_matches(['<', '>']), "", "a report has no sender");
    assert!(back.message.ends_with(REPORT));
    Ok(())
}

#[test]
fn an_address_that_we_did_not_make_or_that_is_no_report_goes_nowhere() -> Result<()> {
    let Some(world) = World::start()? else { return Ok(()) };
    let sender = forwarded(&world)?;
    let forged = sender.replace("=bob@", "=eve@");
    let refused = world.client().and_then(|mut client| {
        client.command("MAIL FROM:<>")?;
        client.command(&format!("RCPT TO:<{forged}>"))
    })?;
    assert!(refused.code == 550 && refused.lines[0].starts_with("5.1.1"), "{refused:?}");
    let refused = world.client().and_then(|mut client| {
        client.command("MAIL FROM:<spammer@good.example>")?;
        client.command(&format!("RCPT TO:<{sender}>"))
    })?;
    assert!(refused.code == 550 && refused.lines[0].starts_with("5.7.1"), "no relay: {refused:?}");
    assert_eq!(world.deliveries()?, ["ann@box.example"]);
    world.until_counted("mailwright_return_path_total{kind=\"srs\",result=\"forged\"}", 1)
}
