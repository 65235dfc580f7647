//! What waits: sums, pages, one message.

use mailwright_tests::error::Result;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::wait;
use serde_json::{Value, json};

use crate::world::{DEFERS, LIMIT, World};

#[test]
fn the_summary_counts_what_waits_by_domain_site_source_and_tenant() -> Result<()> {
    let sandbox = Sandbox::with(&[DEFERS])?;
    let world = World::to(sandbox.address)?;
    for to in ["1@a.example", "2@a.example", "3@a.example", "1@b.example", "2@b.example"] {
        world.send(to)?;
    }
    world.wait_until_deferred(5)?;
    let summary = world.get("queue")?;
    let sums = |group: &Value| (group["name"].as_str().unwrap_or("?").to_owned(), group["entries"].clone());
    assert_eq!((&summary["totals"]["entries"], &summary["totals"]["due"]), (&json!(5), &json!(0)));
    assert_eq!(sums(&summary["domains"][0]), ("a.example".into(), json!(3)));
    assert_eq!(sums(&summary["domains"][1]), ("b.example".into(), json!(2)));
    assert_eq!(sums(&summary["sites"][0]), (sandbox.address.to_string(), json!(5)));
    let (domain, site) = (&summary["domains"][0], &summary["sites"][0]);
    assert_eq!((&domain["reason"], &domain["site"]), (&json!("retry"), &site["name"]), "{domain}");
    assert!(domain["until"].is_string() && domain["in_flight"] == 0, "{domain}");
    assert!(site["sources"][0]["source"] == "default" && site["sources"][0]["allowed"].is_u64(), "{site}");
    let account = &world.installation.account.account_id;
    assert_eq!(sums(&summary["tenants"][0]), (account.clone(), json!(5)));
    assert_eq!(summary["sources"][0]["name"], "default");
    assert_eq!(world.get("sources")?, summary["sources"]);
    assert_eq!(world.get("queue?domain=b.example")?["totals"]["entries"], 2);
    assert_eq!(world.json(&["queue"])?["totals"], summary["totals"]);
    let tables = world.text(&["queue"])?;
    assert!(tables.starts_with("5 entries to 2 domains, 0 due, oldest "), "{tables}");
    for column in ["DOMAIN", "SITE", "SOURCE", "TENANT", "a.example  3 "] {
        assert!(tables.contains(column), "{column}: {tables}");
    }
    Ok(())
}

#[test]
fn the_list_has_pages_and_a_message_has_a_timeline_and_a_reason() -> Result<()> {
    let sandbox = Sandbox::with(&[DEFERS])?;
    let world = World::to(sandbox.address)?;
    for number in 0..5 {
        world.send(&format!("{number}@a.example"))?;
    }
    world.wait_until_deferred(5)?;
    let (mut ids, mut path) = (Vec::new(), "queue/entries?per_page=2".to_owned());
    loop {
        let page = world.call("GET", &path, &Value::Null)?.json();
        ids.extend(page["result"].as_array().into_iter().flatten().map(|row| row["id"].clone()));
        let Some(cursor) = page["result_info"]["cursor"].as_str() else { break };
        path = format!("queue/entries?per_page=2&cursor={cursor}");
    }
    assert_eq!(ids, world.wait_for_ids(5)?);
    let id = ids[0].as_str().unwrap_or_default();
    assert_eq!(world.get(&format!("queue/entries?id={id}"))?[0]["id"], id);

    // Events are written a moment after what they tell.
    let message = wait::until("the timeline", LIMIT, || {
        let message = world.get(&format!("queue/messages/{id}"))?;
        Ok((message["timeline"].as_array().map(Vec::len) == Some(2)).then_some(message))
    })?;
    let events = [&message["timeline"][0], &message["timeline"][1]];
    assert_eq!([&events[0]["event"], &events[1]["event"]], ["accepted", "attempt"]);
    assert_eq!((&events[0]["subject"], &events[1]["outcome"]), (&json!("Control"), &json!("Soft")));
    assert_eq!(message["entries"][0]["why"]["reason"], "retry");
    assert_eq!(message["entries"][0]["due"], events[1]["next_due"]);
    let shown = world.text(&["queue", "show", id])?;
    assert!(shown.contains("held by    retry: attempt 1 failed: 451 4.2.0"), "{shown}");
    let why = world.text(&["why", id])?;
    assert!(why.contains("a.example  retry    in "), "{why}");
    Ok(())
}
