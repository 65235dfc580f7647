//! Samples that answer whoever writes.

use mailwright_tests::error::Result;
use mailwright_tests::message::header;
use mailwright_tests::worker::Bundles;
use mailwright_tests::worker_world::{SENDER, WorkerWorld, letter};

use crate::{bring, brought};

#[test]
fn the_first_worker_of_the_tutorial_answers_and_forwards() -> Result<()> {
    let Some(world) = WorkerWorld::start(&["yourdomain.com"], "")? else { return Ok(()) };
    let bundles =
        Bundles::of(&[("email-processor", &["email-processor.ts"]), ("overview", &["overview.ts"])])?;
    world.destinations(&["your-team@company.com", "team@yourdomain.com"])?;
    world.deploy_in("yourdomain.com", &bundles.worker("email-processor")?)?;
    let to = "support@yourdomain.com";
    let sent = letter(SENDER, to, "Where is it?", "");
    let reply = world.bring(SENDER, to, &sent)?;
    assert_eq!(reply.code, 250, "{reply:?}");
    world.arrived("your-team@company.com", "Where is it?")?;
    // The subject is encoded: "We received your message".
    let answer = world.arrived(SENDER, "=?utf-8?B?V2UgcmVjZWl2ZWQgeW91ciBtZXNzYWdl?=")?.message;
    assert_eq!(header(&answer, "In-Reply-To"), header(&sent, "Message-ID"));
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert!(text.contains("Your ticket number is 123") && text.contains("<strong>123</strong>"), "{text}");
    assert!(header(&answer, "From").is_some_and(|from| from.contains("support@yourdomain.com")), "{text}");
    mailwright_tests::mailbox::assert_wire_form(&answer);
    brought(&world, "other@yourdomain.com", "Hello")?;
    world.arrived("your-team@company.com", "Hello")?;
    assert_eq!(world.count_for(SENDER)?, 1, "only mail for support is answered");

    world.deploy_in("yourdomain.com", &bundles.worker("overview")?.with_email())?;
    brought(&world, to, "Overview")?;
    world.arrived("team@yourdomain.com", "Overview")?;
    world.arrived(SENDER, "We received your message")?;
    Ok(())
}

#[test]
fn automatic_answers_are_sent_to_people_and_not_to_programs() -> Result<()> {
    let Some(world) = WorkerWorld::start(&["simple.test", "smart.test"], "")? else { return Ok(()) };
    let bundles = Bundles::of(&[("simple", &["reply-simple.ts"]), ("smart", &["reply-smart.ts"])])?;
    world.destinations(&["team@company.com"])?;
    for name in ["simple", "smart"] {
        world.deploy_in(&format!("{name}.test"), &bundles.worker(name)?.with_email())?;
    }
    for (to, subject, says) in [
        ("any@simple.test", "one", "Thank you for your message. We have received your email"),
        ("support@smart.test", "two", "Expected response time: 2-4 hours"),
        ("sales@smart.test", "three", "A sales representative will contact you"),
        ("any@smart.test", "four", "We will respond within 2 business days"),
    ] {
        brought(&world, to, subject)?;
        world.arrived("team@company.com", subject)?;
        let answer = world.arrived(SENDER, &format!("Re: {subject}"))?.message;
        let text = String::from_utf8_lossy(&answer).replace("=\r\n", "");
        assert!(
            text.contains(says) && header(&answer, "From").is_some_and(|from| from.contains(to)),
            "{text}"
        );
    }
    let answers = world.count_for(SENDER)?;
    bring(&world, "any@smart.test", "An automated message")?;
    world.arrived("team@company.com", "An automated message")?;
    let robot = "noreply@good.example";
    assert_eq!(world.bring(robot, "any@smart.test", &letter(robot, "any@smart.test", "six", ""))?.code, 250);
    world.arrived("team@company.com", "six")?;
    assert_eq!((world.count_for(SENDER)?, world.count_for(robot)?), (answers, 0));
    Ok(())
}
