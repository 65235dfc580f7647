//! Many clients change one thing at once: the last write holds, each is on record, and none is answered with a fault.

use std::collections::BTreeSet;
use std::thread;

use serde_json::{Value, json};

use mailwright_tests::error::Result;
use mailwright_tests::http::{Answer, Api};

use crate::world::World;

const CLIENTS: usize = 8;
const EDITS: usize = 12;

/// Has many clients do something at once, each `EDITS` times, and returns all answers.
fn at_once(api: &Api, what: impl Fn(&Api, usize) -> Result<Answer> + Sync) -> Result<Vec<Answer>> {
    let answers: Vec<Result<Vec<Answer>>> = thread::scope(|scope| {
        let client = |client: usize| {
            let (api, what) = (api.clone(), &what);
            scope.spawn(move || (0..EDITS).map(|edit| what(&api, client * EDITS + edit)).collect())
        };
        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        clients.into_iter().filter_map(|client| client.join().ok()).collect()
    });
    let answers = answers.into_iter().collect::<Result<Vec<_>>>()?.concat();
    assert_eq!(answers.len(), CLIENTS * EDITS);
    Ok(answers)
}

/// What is on record of an object, the oldest first.
fn on_record(api: &Api, account: &str, kind: &str, id: &str) -> Result<Vec<Value>> {
    let query = format!("resource.type={kind}&resource.id={id}&per_page=1000");
    let path = format!("/client/v4/accounts/{account}/audit_logs?{query}");
    let mut records = api.request("GET", &path, "", &[])?.result().as_array().cloned().unwrap_or_default();
    records.reverse();
    Ok(records)
}

/// Checks that each record begins where the one before it ended, and returns how the last left things.
fn unbroken(records: &[Value]) -> Value {
    for pair in records.windows(2) {
        assert_eq!(pair[0]["newValueJson"], pair[1]["oldValueJson"]);
    }
    records.last().map(|record| record["newValueJson"].clone()).unwrap_or_default()
}

#[test]
fn of_many_names_for_an_account_the_last_holds_and_all_are_on_record() -> Result<()> {
    let world = World::new()?;
    let account = world.make("accounts", &json!({ "name": "first" }))?;
    let account = account.as_str().unwrap_or_default();
    let path = format!("/client/v4/accounts/{account}");
    let rename = |api: &Api, at: usize| {
        api.request("PUT", &path, &json!({ "name": format!("name {at}") }).to_string(), &[])
    };
    for (answer, at) in at_once(&world.api, rename)?.iter().zip(0..) {
        assert_eq!(answer.result()["name"], format!("name {at}"));
    }
    let records = on_record(&world.api, account, "account", account)?;
    assert_eq!(records.len(), 1 + CLIENTS * EDITS);
    let last = unbroken(&records);
    let held = world.api.request("GET", &path, "", &[])?.result();
    assert_eq!(last["name"], held["name"]);
    let names: BTreeSet<_> =
        records.iter().map(|record| record["newValueJson"]["name"].to_string()).collect();
    assert_eq!(names.len(), records.len());
    Ok(())
}

#[test]
fn edits_of_different_fields_of_a_domain_do_not_undo_each_other() -> Result<()> {
    let world = World::new()?;
    let (account, zone) = (&world.api.account.account_id, &world.api.account.zone_id);
    let path = format!("/client/v4/zones/{zone}/email/sending/subdomains");
    let tag = world.make(path.trim_start_matches("/client/v4/"), &json!({ "name": "races.example.com" }))?;
    let tag = tag.as_str().unwrap_or_default();
    let path = format!("{path}/{tag}");
    let edit = |api: &Api, at: usize| {
        let field = if at.is_multiple_of(2) { "drop_suppressed_recipients" } else { "preview_enabled" };
        api.request("PATCH", &path, &json!({ field: true }).to_string(), &[])
    };
    for answer in at_once(&world.api, edit)? {
        answer.result();
    }
    let held = world.api.request("GET", &path, "", &[])?.result();
    assert_eq!((&held["drop_suppressed_recipients"], &held["preview_enabled"]), (&json!(true), &json!(true)));
    unbroken(&on_record(&world.api, account, "sending_domain", tag)?);
    Ok(())
}

#[test]
fn of_many_who_make_a_zone_one_does_and_of_many_who_remove_it_one_does() -> Result<()> {
    let world = World::new()?;
    let account = &world.api.account.account_id;
    let body = json!({ "name": "race.example", "account": { "id": account } }).to_string();
    let made = at_once(&world.api, |api, _| api.post("/client/v4/zones", &body, &[]))?;
    let (made, taken): (Vec<_>, Vec<_>) = made.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(made.len(), 1);
    assert!(taken.iter().all(|answer| answer.status == 400 && answer.error_code() == 1061));
    let zone = made[0].result()["id"].as_str().unwrap_or_default().to_owned();
    let path = format!("/client/v4/zones/{zone}");
    let removed = at_once(&world.api, |api, _| api.request("DELETE", &path, "", &[]))?;
    let (removed, gone): (Vec<_>, Vec<_>) = removed.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(removed.len(), 1);
    assert!(gone.iter().all(|answer| answer.status == 404));
    assert_eq!(on_record(&world.api, account, "zone", &zone)?.len(), 2);
    Ok(())
}

#[test]
fn who_edits_what_another_removes_is_told_that_it_is_gone() -> Result<()> {
    let world = World::new()?;
    let account = &world.api.account.account_id;
    let sending = format!("/client/v4/accounts/{account}/email/sending");
    let webhook = json!({ "url": format!("https://{}/", world.server.http) });
    for (kind, new, edit) in [
        ("suppressions", json!({ "email": "race@example.org" }), json!({ "note": "n" })),
        ("webhooks", webhook, json!({ "name": "n" })),
    ] {
        let made = world.api.post(&format!("{sending}/{kind}"), &new.to_string(), &[])?.result();
        let path = format!("{sending}/{kind}/{}", made["id"].as_str().unwrap_or_default());
        let answers = at_once(&world.api, |api, at| match at {
            20 => api.request("DELETE", &path, "", &[]),
            _ => api.request("PATCH", &path, &edit.to_string(), &[]),
        })?;
        assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 404)), "{kind}");
        assert_eq!(world.api.request("GET", &path, "", &[])?.status, 404, "{kind}");
    }
    Ok(())
}
