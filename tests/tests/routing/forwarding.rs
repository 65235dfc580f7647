//! What goes on, and how.

use mailwright_tests::error::Result;
use mailwright_tests::message::header;

use crate::world::{GOOD, World, message};

#[test]
fn mail_goes_where_the_rule_of_its_address_says_under_a_sender_of_ours() -> Result<()> {
    let Some(world) = World::start()? else { return Ok(()) };
    world.forward("info@example.com", &["ann@box.example"])?;
    let (from, sent) = (format!("bob@{GOOD}"), message(&format!("bob@{GOOD}")));
    let reply = world.bring(&from, "INFO@example.com", &sent)?;
    assert_eq!((reply.code, reply.lines[0].contains("passed on as")), (250, true), "{reply:?}");
    let mail = world.arrived("ann@box.example")?;
    assert!(
        mail.mail_from.starts_with("<SRS0=") || mail.mail_from.starts_with("SRS0="),
        "{}",
        mail.mail_from
    );
    assert!(mail.mail_from.contains("=good.example=bob@example.com"), "{}", mail.mail_from);
    // Every octet that came is there, at the end.
    assert!(mail.message.ends_with(&sent), "{}", String::from_utf8_lossy(&mail.message));
    let results = header(&mail.message, "Authentication-Results").unwrap_or_default();
    assert!(results.contains("spf=pass") && results.contains("dkim=none"), "{results}");
    let arc = header(&mail.message, "ARC-Seal").unwrap_or_default();
    assert!(arc.contains("i=1") && arc.contains("cv=none") && arc.contains("d=example.com"), "{arc}");
    let line = world.logged("to=info@example.com", "forwarded")?;
    assert_eq!((&line["spf"], &line["destination"]), (&"pass".into(), &"ann@box.example".into()), "{line}");
    Ok(())
}

#[test]
fn results_that_the_sender_made_up_are_gone_and_those_of_others_stay() -> Result<()> {
    let Some(world) = World::start()? else { return Ok(()) };
    world.forward("info@example.com", &["ann@box.example"])?;
    let name = world.client()?.command("EHLO me")?.lines[0].split(' ').next().unwrap_or_default().to_owned();
    let forged = format!(
        "Authentication-Results: {name}; dmarc=pass\r\nAuthentication-Results: other.example; spf=fail\r\n"
    );
    let sent = [forged.as_bytes(), &message("bob@good.example")].concat();
    assert_eq!(world.bring("bob@good.example", "info@example.com", &sent)?.code, 250);
    let mail = world.arrived("ann@box.example")?;
    let text = String::from_utf8_lossy(&mail.message).into_owned();
    assert!(!text.contains(&format!("{name}; dmarc=pass")), "{text}");
    assert!(text.contains("other.example; spf=fail"), "{text}");
    Ok(())
}

#[test]
fn one_message_for_several_addresses_reaches_each_destination_once() -> Result<()> {
    let Some(world) = World::start()? else { return Ok(()) };
    world.forward("a@example.com", &["one@box.example", "two@box.example"])?;
    world.forward("b@example.com", &["two@box.example"])?;
    world.rule("c@example.com", &serde_json::json!([{ "type": "drop" }]))?;
    let mut client = world.client()?;
    client.command("MAIL FROM:<bob@good.example>")?;
    for address in ["a@example.com", "b@example.com", "c@example.com"] {
        assert_eq!(client.command(&format!("RCPT TO:<{address}>"))?.code, 250);
    }
    assert_eq!(client.command("DATA")?.code, 354);
    let sent = String::from_utf8_lossy(&message("bob@good.example")).replace("\r\n..", "\r\n...");
    assert_eq!(client.command(&format!("{sent}."))?.code, 250);
    world.arrived("one@box.example")?;
    world.arrived("two@box.example")?;
    assert_eq!(world.deliveries()?, ["one@box.example", "two@box.example"]);
    world.logged("to=c@example.com", "dropped")?;
    Ok(())
}

#[test]
fn what_is_to_be_thrown_away_is_taken_and_goes_nowhere() -> Result<()> {
    let Some(world) = World::start()? else { return Ok(()) };
    world.rule("void@example.com", &serde_json::json!([{ "type": "drop" }]))?;
    let reply = world.bring("bob@good.example", "void@example.com", &message("bob@good.example"))?;
    assert_eq!(reply.code, 250, "{reply:?}");
    world.logged("to=void@example.com", "dropped")?;
    assert!(world.deliveries()?.is_empty());
    Ok(())
}

#[test]
fn whoever_runs_the_server_gets_mail_for_postmaster_where_no_rule_does() -> Result<()> {
    let postmaster = |config: &mut mailwright_tests::server::Config| {
        config.more = config.more.replace("[routing]\n", "[routing]\npostmaster = \"ops@box.example\"\n");
    };
    let Some(world) = World::to("", postmaster)? else { return Ok(()) };
    world.forward("abuse@example.com", &["ann@box.example"])?;
    for address in ["Postmaster@example.com", "abuse@example.com"] {
        assert_eq!(world.bring("bob@good.example", address, &message("bob@good.example"))?.code, 250);
    }
    world.arrived("ops@box.example")?;
    world.arrived("ann@box.example")?;
    assert_eq!(world.deliveries()?, ["ann@box.example", "ops@box.example"]);
    Ok(())
}
