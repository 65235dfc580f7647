//! When a message may be answered, and what becomes of the answer.

use mailwright_tests::error::Result;
use mailwright_tests::message::header;
use mailwright_tests::worker_world::{PLAIN_SENDER, SENDER};

use crate::world::{ADDRESS, Contract, assert_thrown};

#[test]
fn an_answer_needs_all_its_conditions() -> Result<()> {
    let Some(world) = Contract::start()? else { return Ok(()) };
    for (case, words) in [
        ("reply-elsewhere", "ann@example.net"),
        ("reply-as-another", "info@other.test"),
        ("reply-forged", "ceo@bank.example"),
        ("reply-to-nothing", "In-Reply-To"),
        ("reply-to-another", "In-Reply-To"),
        ("reply-no-message", "EmailMessage"),
        ("reply-garbage", ""),
    ] {
        let said = world.said(case)?;
        assert!(said["message"].is_string(), "{case}: {said}");
        assert_thrown(&said, words);
    }
    assert_thrown(&world.said_to("reply", PLAIN_SENDER, "")?, "DMARC");
    assert_thrown(&world.said_to("reply", SENDER, "Auto-Submitted: auto-replied\r\n")?, "sent by a program");
    assert_thrown(&world.said_to("reply", SENDER, "List-Id: <list.example>\r\n")?, "sent by a program");
    let many: String = (0..101).map(|at| format!(" <{at}@good.example>\r\n")).collect();
    assert_thrown(&world.said_to("reply", SENDER, &format!("References:{many}"))?, "101");
    assert_eq!(world.passed_on()?.len(), 0, "none of them was sent");
    Ok(())
}

#[test]
fn an_answer_goes_to_the_sender_once_as_part_of_the_thread() -> Result<()> {
    let Some(world) = Contract::start()? else { return Ok(()) };
    let said = world.said_to("reply-twice", SENDER, "References: <root@good.example>\r\n")?;
    assert!(said["first"].get("message").is_none(), "{said}");
    assert_thrown(&said["second"], "once");
    let mail = world.arrived(SENDER, "First")?;
    assert!(!mail.mail_from.contains("bob@good.example"), "{}", mail.mail_from);
    assert!(header(&mail.message, "From").is_some_and(|from| from.contains(ADDRESS)));
    let references = header(&mail.message, "References").unwrap_or_default();
    let answered = header(&mail.message, "In-Reply-To").unwrap_or_default();
    assert!(references.contains("<root@good.example>") && references.contains(&answered), "{references}");
    assert_eq!(header(&mail.message, "Auto-Submitted").as_deref(), Some("auto-replied"));
    assert!(header(&mail.message, "DKIM-Signature").is_some_and(|line| line.contains("d=example.com")));

    let said = world.said("reply-stream")?;
    assert!(said.get("message").is_none(), "{said}");
    let mail = world.arrived(SENDER, "Streamed")?.message;
    mailwright_tests::mailbox::assert_wire_form(&mail);
    assert_eq!(world.count_for(SENDER)?, 2);
    Ok(())
}
