//! `ForwardableEmailMessage`, but for its answers.

use std::time::Instant;

use mailwright_tests::error::Result;
use mailwright_tests::message::header;
use mailwright_tests::worker_world::{SENDER, SILENT_SENDER, letter};
use serde_json::json;

use crate::world::{ADDRESS, Contract, assert_thrown};

#[test]
fn a_worker_is_told_all_there_is_of_a_message() -> Result<()> {
    let Some(world) = Contract::start()? else { return Ok(()) };
    let fields = "X-Several: one\r\nX-Several: two\r\nX-Folded: a\r\n  b\r\nX-Unicode: Gr\u{fc}\u{df}e\r\nX(odd): x\r\n";
    let facts = world.said_to("facts", SENDER, fields)?;
    assert_eq!((&facts["from"], &facts["to"]), (&json!(SENDER), &json!(ADDRESS)), "{facts}");
    assert_eq!((&facts["subject"], &facts["several"]), (&json!("facts"), &json!("one, two")), "{facts}");
    assert_eq!((&facts["isHeaders"], &facts["canBeForwarded"]), (&json!(true), &json!(true)), "{facts}");
    let folded = facts["folded"].as_str().unwrap_or_default();
    assert!(folded.starts_with('a') && folded.ends_with('b') && !folded.contains('\n'), "{facts}");
    assert_eq!(facts["unicode"], "Gr\u{fc}\u{df}e", "{facts}");
    assert_eq!(facts["rawSize"], facts["length"], "{facts}");
    let head = facts["head"].as_str().unwrap_or_default();
    assert!(
        head.contains("\r\nX-Several: one\r\nX-Several: two\r\n") && head.contains("X(odd): x"),
        "{facts}"
    );

    assert_eq!(world.said("readonly")?, true);
    let twice = world.said("raw-twice")?;
    assert!(twice["first"].as_u64().is_some_and(|octets| octets > 100), "{twice}");
    assert_eq!(twice["second"]["name"], "TypeError", "{twice}");
    assert_eq!(world.said("raw-in-pieces")?["isBytes"], true);
    world.said("raw-unread")?;
    world.arrived("team@box.example", "raw-unread")?;
    let of_nobody = letter(SENDER, ADDRESS, "of nobody", "X-Case: facts\r\n");
    assert_eq!(world.bring("", ADDRESS, &of_nobody)?.code, 250);

    // A message of some size comes whole.
    let long = format!("X-Case: raw-in-pieces\r\nX-Long: {}\r\n", "a".repeat(500));
    let mut mail = letter(SENDER, ADDRESS, "long", &long);
    mail.extend("sixteen octets.\r\n".repeat(200_000).into_bytes());
    assert_eq!(world.bring(SENDER, ADDRESS, &mail)?.code, 250);
    let octets = world.result("raw-in-pieces")?["octets"].as_u64().unwrap_or_default();
    assert!(usize::try_from(octets).is_ok_and(|octets| octets >= mail.len()), "{octets} of {}", mail.len());
    Ok(())
}

#[test]
fn a_message_is_refused_in_the_session_with_the_words_of_the_worker() -> Result<()> {
    let Some(world) = Contract::start()? else { return Ok(()) };
    let refused = world.bring_case("reject", SENDER, "")?;
    let said = refused.lines.join("\n");
    assert!(refused.code / 100 == 5 && refused.lines.len() == 1 && said.starts_with("5."), "{refused:?}");
    assert!(said.contains("no") && said.contains("thank") && said.is_ascii(), "{refused:?}");
    let refused = world.bring_case("reject-long", SENDER, "")?;
    let longest = refused.lines.iter().map(String::len).max().unwrap_or_default();
    // RFC 5321 section 4.5.3.1.5.
    assert!(refused.code / 100 == 5 && longest <= 506 && refused.lines.len() <= 10, "{refused:?}");
    let reply = world.bring_case("reject-and-forward", SENDER, "")?;
    assert!(reply.code / 100 == 5 && reply.lines[0].contains("changed my mind"), "{reply:?}");
    // What is refused goes nowhere, not even where it was sent before.
    world.said("raw-unread")?;
    world.arrived("team@box.example", "raw-unread")?;
    assert_eq!(world.count_for("team@box.example")?, 1);
    Ok(())
}

#[test]
fn a_message_goes_on_to_those_who_have_agreed() -> Result<()> {
    let Some(world) = Contract::start()? else { return Ok(()) };
    assert_thrown(&world.said("unverified")?, "stranger@elsewhere.example");
    let nonsense = world.said("forward-nonsense")?;
    for said in nonsense.as_array().into_iter().flatten() {
        assert!(said["message"].is_string(), "{nonsense}");
    }
    let fields = world.said("forward-fields")?;
    for name in ["Subject", "Bcc", "DKIM-Signature", "Return-Path"] {
        assert_thrown(&fields[name], "X-");
    }
    world.said("forward-with-fields")?;
    let mail = world.arrived("team@box.example", "forward-with-fields")?.message;
    assert_eq!(header(&mail, "X-One").as_deref(), Some("1"));
    assert_eq!(header(&mail, "X-Two").as_deref(), Some("a, b"));
    world.said("forward-twice")?;
    world.arrived("other@box.example", "forward-twice")?;
    world.arrived("team@box.example", "forward-twice")?;
    world.said("forward-later")?;
    world.arrived("later@box.example", "forward-later")?;
    world.said("forward-unawaited")?;
    world.arrived("team@box.example", "forward-unawaited")?;
    // To each once: twice is one message, and nothing else went to the team.
    assert_eq!(world.count_for("team@box.example")?, 3);

    let began = Instant::now();
    world.said("wait-until")?;
    assert!(began.elapsed().as_millis() >= 300, "the sender waits for what the Worker has left to do");
    assert_eq!(world.result("waited")?, true);
    Ok(())
}

#[test]
fn what_ends_badly_has_not_happened() -> Result<()> {
    let Some(world) = Contract::start()? else { return Ok(()) };
    for (case, words) in [("throws", "boom from the Worker"), ("throws-nothing", ""), ("no such case", "")] {
        let reply = world.bring_case(case, SENDER, "")?;
        assert!(reply.code == 451 && reply.lines[0].starts_with("4."), "{case}: {reply:?}");
        // Why is the owner's business and not the sender's.
        assert!(words.is_empty() || !reply.lines.concat().contains(words), "{case}: {reply:?}");
    }
    world.said("keep")?;
    let late = world.said("use-earlier")?;
    for action in ["forward", "reject", "reply"] {
        assert!(late[action]["message"].is_string(), "what is over is over: {late}");
    }
    world.until_mentioned(ADDRESS, "boom from the Worker")?;
    assert_eq!(world.passed_on()?.len(), 0, "nothing was forwarded, nobody answered");
    Ok(())
}

#[test]
fn mail_that_nobody_answers_for_is_seen_and_stays_here() -> Result<()> {
    let Some(world) = Contract::start()? else { return Ok(()) };
    let facts = world.said_to("facts", SILENT_SENDER, "")?;
    assert_eq!(facts["canBeForwarded"], false, "{facts}");
    let reply = world.bring_case("raw-unread", SILENT_SENDER, "")?;
    assert_eq!(reply.code, 451, "forward() throws, nobody catches it: {reply:?}");
    assert_eq!(world.passed_on()?.len(), 0);
    Ok(())
}
