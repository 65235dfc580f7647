//! What is made of the content of mail: its score, and what a filter of others says.

use std::fs;

use mailwright_tests::control;
use mailwright_tests::error::{Context, Result};
use mailwright_tests::message::header;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::rspamd::{MARKED, REFUSED, Rspamd};

use crate::world::World;

const FROM: &str = "bob@good.example";

/// A message with these fields besides the usual, and this text.
fn message(fields: &str, text: &str) -> Vec<u8> {
    format!(
        "From: Bob <{FROM}>\r\nTo: you\r\nSubject: Hi\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\
         Message-ID: <1@good.example>\r\n{fields}\r\n{text}\r\n"
    )
    .into_bytes()
}

#[test]
fn mail_is_scored_marked_and_refused_over_the_limit() -> Result<()> {
    let Some(world) = World::start()? else { return Ok(()) };
    world.forward("info@example.com", &["ann@box.example"])?;
    let forged = "X-Spam-Status: No, score=-99\r\nX-Spam-Flag: NO\r\nX-Other: 1\r\n";
    let fee = "I am Barrister Cole. My late client left $18.5 million and you are his next of kin. Keep this secret.";
    let sent = message(forged, fee);
    assert_eq!(world.bring(FROM, "info@example.com", &sent)?.code, 250);
    let mail = world.arrived("ann@box.example")?.message;
    let status = header(&mail, "X-Spam-Status").unwrap_or_default();
    assert!(status.starts_with("Yes, score=") && status.contains("advance-fee"), "{status}");
    let text = String::from_utf8_lossy(&mail).into_owned();
    assert!(!text.contains("score=-99") && !text.contains("X-Spam-Flag"), "{text}");
    assert!(text.contains("X-Other: 1\r\n") && text.ends_with(&format!("{fee}\r\n")), "{text}");
    let refused = world.bring(FROM, "info@example.com", &message("", REFUSED))?;
    let line = refused.lines.join(" ");
    assert_eq!(refused.code, 550, "{line}");
    assert!(line.contains("5.7.1") && line.contains("score 1000.0, limit 15.0"), "{line}");
    // A zone may be stricter, or take everything.
    for (limit, code) in [("2", 550), ("0", 250), ("null", 250)] {
        let body = serde_json::from_str(&format!(r#"{{"spam_limit":{limit}}}"#)).unwrap_or_default();
        assert!(world.zone("PATCH", "", &body)?.result()["spam_limit"].as_f64() == limit.parse().ok());
        assert_eq!(world.bring(FROM, "info@example.com", &sent)?.code, code, "{limit}");
    }
    world.until_counted("mailwright_spam_scored_total{spam=\"yes\"}", 5)?;
    world.until_counted("mailwright_routing_refused_total{reason=\"spam\"}", 2)
}

#[test]
fn the_command_shows_which_rules_fit_and_whose_file_is_wrong() -> Result<()> {
    let folder = tempfile::tempdir().context("make a temporary folder")?;
    let (mail, rules) = (folder.path().join("mail.eml"), folder.path().join("rules.toml"));
    let paths = [&mail, &rules].map(|path| path.display().to_string());
    fs::write(&mail, message("", REFUSED)).context("write a message")?;
    let text = control::text(folder.path(), &["spam", &paths[0]])?;
    assert!(text.contains("+1000.0  gtube") && text.contains("refused, for it is over 15.0"), "{text}");
    let rule =
        "spam_at = 5\n[[rule]]\nname = \"mine\"\npoints = 2\ndescription = \"says gtube\"\nbody = 'gtube'\n";
    fs::write(&rules, rule).context("write rules")?;
    let text = control::text(folder.path(), &["spam", &paths[0], "--rules", &paths[1]])?;
    assert!(text.contains("+2.0  mine") && text.contains("2.0  of 5.0: not marked"), "{text}");
    fs::write(&rules, rule.replace("'gtube'", "'('")).context("write rules")?;
    let error =
        control::text(folder.path(), &["spam", &paths[0], "--rules", &paths[1]]).unwrap_err().to_string();
    assert!(error.contains("line 6, rule mine: error: unclosed group"), "{error}");
    Ok(())
}

#[test]
fn rspamd_refuses_and_marks_mail_and_is_missed_when_it_is_gone() -> Result<()> {
    if skip_without(&[Need::Nsd, Need::Rspamd]) {
        return Ok(());
    }
    let mut rspamd = Rspamd::start()?;
    let filter = format!(
        "[routing.spam]\nrules = \"off\"\n[[routing.milters]]\naddress = \"unix:{}\"\ntimeout = \"10s\"\n",
        rspamd.socket.display()
    );
    let Some(world) = World::to("", |config| config.more.push_str(&filter))? else { return Ok(()) };
    world.forward("info@example.com", &["ann@box.example"])?;
    world.forward("shop@example.com", &["eve@box.example"])?;
    let refused = world.bring(FROM, "info@example.com", &message("", REFUSED))?;
    let line = refused.lines.join(" ");
    assert_eq!(refused.code, 554, "{line}\n{}", rspamd.log_text());
    assert!(line.contains("5.7.1") && line.contains("Gtube"), "{line}");
    for (to, destination, text, marked) in [
        ("info@example.com", "ann@box.example", "nothing odd", None),
        ("shop@example.com", "eve@box.example", MARKED, Some("Yes")),
    ] {
        assert_eq!(world.bring(FROM, to, &message("", text))?.code, 250, "{}", rspamd.log_text());
        let mail = world.arrived(destination)?.message;
        assert_eq!(header(&mail, "X-Spam").as_deref(), marked, "{}", rspamd.log_text());
        assert!(mail.ends_with(format!("\r\n\r\n{text}\r\n").as_bytes()));
    }
    rspamd.end();
    let reply = world.bring(FROM, "info@example.com", &message("", "nothing odd"))?;
    assert_eq!((reply.code, reply.lines[0].contains("4.7.1")), (451, true), "{reply:?}");
    world.until_counted("mailwright_milter_answers_total{answer=\"failed\"}", 1)?;
    world.until_counted("mailwright_milter_answers_total{answer=\"passed\"}", 2)
}
