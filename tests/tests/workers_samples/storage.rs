//! Samples that keep mail and work on it later.

use mailwright_tests::error::{Error, Result};
use mailwright_tests::wait;
use mailwright_tests::worker::Bundles;
use mailwright_tests::worker_world::{LIMIT, SENDER, WorkerWorld};
use serde_json::{Value, json};

use crate::brought;

/// The one value of a namespace, with its key.
fn only(world: &WorkerWorld, namespace: &str) -> Result<(String, Value)> {
    let keys = world.keys(namespace)?;
    let [key] = keys.as_slice() else {
        return Err(Error::unexpected("one key", format!("{keys:?}")));
    };
    Ok((key.clone(), world.stored(namespace, key)?))
}

#[test]
fn mail_is_kept_and_becomes_a_ticket() -> Result<()> {
    let Some(world) = WorkerWorld::start(&["company.com", "kept.test"], "")? else { return Ok(()) };
    let bundles = Bundles::of(&[("store-kv", &["store-kv.ts"])])?;
    let (emails, tickets) = (world.namespace("emails")?, world.namespace("tickets")?);
    world.destinations(&["support-team@company.com", "general@company.com"])?;
    let worker = bundles.worker("store-kv")?.with_email();
    world.deploy_in("kept.test", &worker.with_kv("EMAILS", &emails).with_kv("SUPPORT_TICKETS", &tickets))?;

    brought(&world, "support@kept.test", "It does not work")?;
    let (id, kept) = only(&world, &emails)?;
    assert_eq!((&kept["id"], &kept["from"], &kept["processed"]), (&json!(id), &json!(SENDER), &json!(false)));
    let raw = kept["rawContent"].as_str().unwrap_or_default();
    assert!(
        raw.contains("Subject: It does not work\r\n") && raw.ends_with("\r\n\r\nHello there.\r\n"),
        "{kept}"
    );
    assert_eq!(kept["size"], raw.len(), "{kept}");
    let (ticket_id, ticket) = only(&world, &tickets)?;
    assert_eq!((&ticket["emailId"], &ticket["status"]), (&json!(id), &json!("open")), "{ticket}");
    let answer = world.arrived(SENDER, &format!("Support Ticket Created: {ticket_id}"))?;
    assert!(String::from_utf8_lossy(&answer.message).contains("Original subject: It does not work"));
    world.arrived("support-team@company.com", "It does not work")?;

    brought(&world, "any@kept.test", "something else")?;
    world.arrived("general@company.com", "something else")?;
    assert_eq!((world.keys(&emails)?.len(), world.keys(&tickets)?.len()), (2, 1));
    Ok(())
}

#[test]
fn mail_is_put_on_a_queue_and_worked_on_by_its_consumer() -> Result<()> {
    let Some(world) = WorkerWorld::start(&["company.com", "queued.test"], "")? else { return Ok(()) };
    let bundles = Bundles::of(&[("queued", &["queue-processing.ts"])])?;
    let [storage, tickets, leads] =
        [world.namespace("storage")?, world.namespace("tickets")?, world.namespace("leads")?];
    let worker = bundles
        .worker("queued")?
        .with_email()
        .with_kv("EMAIL_STORAGE", &storage)
        .with_kv("SUPPORT_TICKETS", &tickets)
        .with_kv("SALES_LEADS", &leads);
    let queue = json!({ "type": "queue", "name": "EMAIL_QUEUE", "queue_name": "emails" });
    let analytics = json!({ "type": "analytics_engine", "name": "EMAIL_ANALYTICS", "dataset": "emails" });
    let emails = world.queue("emails")?;
    world.deploy_in("queued.test", &worker.with(queue).with(analytics))?;
    world.consume(&emails, "queued", &json!({ "batch_size": 10, "max_wait_time_ms": 100 }), None)?;

    // What is urgent does not wait on the queue.
    for (to, subject, answered) in [
        ("support@queued.test", "urgent one", "Support Ticket Created: TICKET-"),
        ("sales@queued.test", "urgent two", "Re: urgent two"),
        ("billing@queued.test", "urgent three", "Re: urgent three"),
        ("any@queued.test", "urgent four", "Re: urgent four"),
    ] {
        brought(&world, to, subject)?;
        world.arrived(SENDER, &format!("Re: {subject}"))?;
        world.arrived(SENDER, answered)?;
    }
    wait::until("the end of the work", LIMIT, || {
        let mut done = 0;
        for key in world.keys(&storage)? {
            let kept = world.stored(&storage, &key)?;
            done += usize::from(kept["processed"] == true && kept["status"] == "completed");
        }
        Ok((done == 4).then_some(()))
    })?;
    let (ticket_id, ticket) = only(&world, &tickets)?;
    assert_eq!((&ticket["id"], &ticket["priority"]), (&json!(ticket_id), &json!("urgent")), "{ticket}");
    assert_eq!(only(&world, &leads)?.1["contact"], SENDER);
    // Each answered at once and, but for what is a ticket, under the same subject by the consumer.
    assert_eq!(world.count_for(SENDER)?, 8);
    Ok(())
}
