//! Samples that forward and refuse mail.

use mailwright_tests::error::Result;
use mailwright_tests::message::header;
use mailwright_tests::worker::Bundles;
use mailwright_tests::worker_world::{SENDER, WorkerWorld, letter};

use crate::{assert_refused, bring, brought};

const ZONES: &[&str] = &[
    "handler.test",
    "read.test",
    "simple.test",
    "conditional.test",
    "multiple.test",
    "headers.test",
    "routing.test",
    "errors.test",
    "reject.test",
    "content.test",
    "blog.test",
    "spam.test",
];

fn bundles() -> Result<Bundles> {
    Bundles::of(&[
        ("handler", &["handler.ts"]),
        ("properties", &["properties.ts"]),
        ("reading", &["reading.ts"]),
        ("parsing", &["parsing.ts"]),
        ("local-log", &["local-log.ts"]),
        ("simple", &["forward-simple.ts"]),
        ("conditional", &["forward-conditional.ts"]),
        ("multiple", &["forward-multiple.ts"]),
        ("headers", &["forward-headers.ts"]),
        ("routing", &["routing-worker.js"]),
        ("errors", &["error-handling.ts"]),
        ("reject", &["reject-simple.ts"]),
        ("content", &["reject-content.ts"]),
        ("blog", &["blog-reject.js"]),
        ("spam", &["spam-filter.ts"]),
    ])
}

#[test]
fn mail_goes_where_their_code_says() -> Result<()> {
    let Some(world) = WorkerWorld::start(ZONES, "")? else { return Ok(()) };
    let bundles = bundles()?;
    falls_back_when_something_fails(&world, &bundles)?;
    world.destinations(&[
        "destination@example.com",
        "team@company.com",
        "support-team@company.com",
        "sales-team@company.com",
        "urgent@company.com",
        "security@company.com",
        "ciso@company.com",
        "processed@company.com",
        "inbox@company.com",
    ])?;
    for zone in ["handler", "simple", "conditional", "multiple", "headers", "routing"] {
        world.deploy_in(&format!("{zone}.test"), &bundles.worker(zone)?)?;
    }
    for (to, subject, destination) in [
        ("any@handler.test", "handler", "destination@example.com"),
        ("any@simple.test", "simple", "team@company.com"),
        ("support@conditional.test", "one", "support-team@company.com"),
        ("sales@conditional.test", "two", "sales-team@company.com"),
        ("any@conditional.test", "an URGENT one", "urgent@company.com"),
        ("any@conditional.test", "four", "general@company.com"),
        ("any@multiple.test", "five", "general@company.com"),
        ("support@routing.test", "six", "support-team@company.com"),
        ("any@routing.test", "seven", "general@company.com"),
    ] {
        brought(&world, to, subject)?;
        let mail = world.arrived(destination, subject)?;
        assert_eq!(mail.recipients, [destination], "{subject}");
        assert!(mail.message.ends_with(b"Hello there.\r\n"), "{subject}");
    }
    brought(&world, "any@multiple.test", "Security of all")?;
    for destination in ["security@company.com", "admin@company.com", "ciso@company.com"] {
        world.arrived(destination, "Security of all")?;
    }
    brought(&world, "any@headers.test", "with fields")?;
    let mail = world.arrived("processed@company.com", "with fields")?.message;
    for (name, value) in [
        ("X-Processed-By", "Email-Worker"),
        ("X-Original-Recipient", "any@headers.test"),
        ("X-Spam-Score", "0.1"),
    ] {
        assert_eq!(header(&mail, name).as_deref(), Some(value), "{}", String::from_utf8_lossy(&mail));
    }
    assert!(header(&mail, "X-Processing-Time").is_some_and(|time| time.ends_with('Z')));
    Ok(())
}

/// Nothing can be forwarded, then mail for the administrator, then that of the address.
fn falls_back_when_something_fails(world: &WorkerWorld, bundles: &Bundles) -> Result<()> {
    let log = world.namespace("errors")?;
    world.deploy_in("errors.test", &bundles.worker("errors")?.with_kv("ERROR_LOGS", &log))?;
    assert_refused(&bring(world, "support@errors.test", "first")?, "Internal processing error");
    world.destinations(&["admin@company.com"])?;
    brought(world, "support@errors.test", "second")?;
    world.arrived("admin@company.com", "second")?;
    let keys = world.keys(&log)?;
    assert!(!keys.is_empty() && keys.iter().all(|key| key.starts_with("error-")), "{keys:?}");
    let told = world.stored(&log, &keys[0])?;
    assert!(told["error"].as_str().is_some_and(|text| text.contains("support@company.com")), "{told}");
    assert_eq!((&told["from"], &told["to"]), (&SENDER.into(), &"support@errors.test".into()), "{told}");
    world.destinations(&["support@company.com", "sales@company.com", "general@company.com"])?;
    for (to, destination) in [
        ("support@errors.test", "support@company.com"),
        ("sales@errors.test", "sales@company.com"),
        ("any@errors.test", "general@company.com"),
    ] {
        brought(world, to, "third")?;
        world.arrived(destination, "third")?;
    }
    Ok(())
}

#[test]
fn mail_is_refused_or_only_looked_at_where_their_code_says_so() -> Result<()> {
    let Some(world) = WorkerWorld::start(ZONES, "")? else { return Ok(()) };
    let bundles = bundles()?;
    world.destinations(&["inbox@company.com"])?;
    for zone in ["reject", "content", "blog"] {
        world.deploy_in(&format!("{zone}.test"), &bundles.worker(zone)?)?;
    }
    let analytics =
        serde_json::json!({ "type": "analytics_engine", "name": "EMAIL_ANALYTICS", "dataset": "spam" });
    world.deploy_in("spam.test", &bundles.worker("spam")?.with_email().with(analytics))?;

    let spammer = "ann@spam.com";
    let reply = world.bring(spammer, "any@reject.test", &letter(spammer, "any@reject.test", "hello", ""))?;
    assert_refused(&reply, "Sender domain not allowed");
    brought(&world, "any@reject.test", "honest one")?;
    world.arrived("inbox@company.com", "honest one")?;
    assert_refused(&bring(&world, "any@content.test", "Buy NOW")?, "Message appears to be spam");
    brought(&world, "any@content.test", "honest two")?;
    world.arrived("inbox@company.com", "honest two")?;
    assert_refused(&bring(&world, "any@blog.test", "hello")?, "Address not allowed");

    assert_refused(
        &bring(&world, "any@spam.test", "WINNER of the lottery")?,
        "Message rejected: Spam keyword: winner",
    );
    brought(&world, "any@spam.test", "honest three")?;
    let mail = world.arrived("inbox@company.com", "honest three")?.message;
    assert_eq!(header(&mail, "X-Spam-Score").as_deref(), Some("0"), "{}", String::from_utf8_lossy(&mail));
    assert!(header(&mail, "X-Spam-Check-Time").is_some());
    let trusted = "eve@company.com";
    let reply =
        world.bring(trusted, "any@spam.test", &letter(trusted, "any@spam.test", "You are a winner", ""))?;
    assert_eq!(reply.code, 250, "{reply:?}");
    let mail = world.arrived("inbox@company.com", "You are a winner")?.message;
    assert_eq!(header(&mail, "X-Spam-Reasons").as_deref(), Some("Spam keyword: winner"));

    let before = world.passed_on()?.len();
    for (name, says) in [
        ("properties", "Subject: only looked at"),
        ("reading", "Raw email content:"),
        ("parsing", "Subject: only looked at"),
        ("local-log", "Hello there."),
    ] {
        world.deploy_in("read.test", &bundles.worker(name)?)?;
        brought(&world, &format!("{name}@read.test"), "only looked at")?;
        world.until_mentioned(&format!("{name}@read.test"), says)?;
    }
    assert_eq!(world.passed_on()?.len(), before, "what is only looked at goes nowhere");
    Ok(())
}
