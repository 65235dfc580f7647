//! What the log says of mail from the world, to whom, and where.

use mailwright_tests::control;
use mailwright_tests::error::{Error, Result};
use mailwright_tests::event_stream::EventStream;
use mailwright_tests::http::{Account, Api};
use mailwright_tests::wait;
use serde_json::{Value, json};

use crate::world::{LIMIT, World, message};

/// Brings a message that is forwarded, one that is dropped and one that is refused.
fn three(world: &World) -> Result<()> {
    world.forward("info@example.com", &["ann@box.example"])?;
    world.rule("void@example.com", &json!([{ "type": "drop" }]))?;
    let bring = |from: &str, to: &str| world.bring(from, to, &message(from));
    assert_eq!(bring("bob@good.example", "info@example.com")?.code, 250);
    assert_eq!(bring("bob@good.example", "void@example.com")?.code, 250);
    assert_eq!(bring("eve@strict.example", "info@example.com")?.code, 550);
    Ok(())
}

fn get(api: &Api, path: &str) -> Result<Vec<Value>> {
    let answer = api.request("GET", &format!("/client/v4/{path}"), "", &[])?;
    Ok(answer.result().as_array().cloned().unwrap_or_default())
}

/// The lines that a query finds, once there are so many that are settled.
fn lines(api: &Api, path: &str, count: usize) -> Result<Vec<Value>> {
    wait::until(&format!("{count} lines of {path:?}"), LIMIT, || {
        let lines = get(api, path)?;
        Ok((lines.len() == count && lines.iter().all(|line| line["status"] != "sent")).then_some(lines))
    })
}

fn of<'a>(lines: &'a [Value], field: &str) -> Vec<&'a str> {
    lines.iter().map(|line| line[field].as_str().unwrap_or_default()).collect()
}

/// A client with a token that reads what `resource` has.
fn reader(world: &World, resource: &str) -> Result<Api> {
    let api = world.api();
    let groups = get(&api, "user/tokens/permission_groups")?;
    let found = groups.iter().find(|group| group["name"] == "analytics_read");
    let id = &found.ok_or_else(|| Error::unexpected("find the permission", format!("{groups:?}")))?["id"];
    let resources = json!({ format!("com.cloudflare.api.account.{resource}"): "*" });
    let policy = json!({"effect": "allow", "permission_groups": [{"id": id}], "resources": resources});
    let token = json!({"name": "test", "policies": [policy]}).to_string();
    let token = api.post("/client/v4/user/tokens", &token, &[])?.result();
    let token = token["value"].as_str().unwrap_or_default().to_owned();
    Ok(Api::new(world.server.http, Account { token, ..api.account }))
}

#[test]
fn each_message_is_found_by_what_became_of_it_and_has_a_timeline() -> Result<()> {
    let Some(world) = World::start()? else { return Ok(()) };
    let api = world.api();
    let zone = format!("zones/{}/email/routing/messages", api.account.zone_id);
    let account = format!("accounts/{}/email/routing/messages", api.account.account_id);
    let stream = format!("/client/v4/{zone}/stream?status=forwarded&to=info@example.com");
    let stream = EventStream::open(world.server.http, &api.account.token, &stream, None)?;
    three(&world)?;

    let all = lines(&api, &zone, 3)?;
    assert_eq!(of(&all, "status"), ["rejected", "dropped", "forwarded"]);
    assert_eq!(of(&all, "to"), ["info@example.com", "void@example.com", "info@example.com"]);
    assert_eq!(of(&all, "destination"), ["", "", "ann@box.example"]);
    assert_eq!(of(&all, "spf"), ["fail", "pass", "pass"]);
    assert_eq!(
        (lines(&api, &account, 3)?, lines(&api, "delivery/routing/messages", 3)?),
        (all.clone(), all.clone())
    );
    for (query, found) in [
        ("status=forwarded", &all[2]),
        ("to=VOID@example.com", &all[1]),
        ("destination=ann@box.example", &all[2]),
        ("from=eve@strict.example", &all[0]),
        ("envelope_from=eve@strict.example", &all[0]),
        ("sending_domain=strict.example", &all[0]),
        ("dmarc=fail", &all[0]),
        ("spf=pass&to=info@example.com", &all[2]),
        ("reply=strict.example", &all[0]),
    ] {
        assert_eq!(&get(&api, &format!("{zone}?{query}"))?, std::slice::from_ref(found), "{query}");
    }

    let id = all[2]["id"].as_str().unwrap_or_default();
    let told = get(&api, &format!("{account}/{id}/timeline"))?;
    assert_eq!(of(&told, "event"), ["accepted", "attempt"], "{told:?}");
    assert_eq!((&told[0]["to"], &told[1]["status"]), (&json!(["info@example.com"]), &json!("forwarded")));
    assert!(of(&told, "text")[0].contains("[127.0.0.1] (SPF pass, DKIM none"), "{told:?}");
    let report = api.request("GET", &format!("/client/v4/{zone}/{id}"), "", &[])?.result();
    assert_eq!((&report["client_address"], &report["subject"]), (&json!("127.0.0.1"), &all[2]["subject"]));
    let heard = stream.wait_for("what was forwarded", |event| event.data["status"] == "forwarded")?;
    assert_eq!((&heard.data["id"], &heard.data["recipients"]), (&json!(id), &json!(["ann@box.example"])));
    assert_eq!(stream.events().len(), 1, "what became of others is not for this stream");

    let state = world.installation.state();
    let table = control::text(state, &["log", "--routing", "--dmarc", "fail"])?;
    assert!(table.contains("eve@strict.example") && table.contains("spf=fail"), "{table}");
    assert!(!table.contains("bob@good.example"), "{table}");
    let story = control::text(state, &["log", "--routing", id])?;
    assert!(story.contains("ann@box.example: Delivered to"), "{story}");
    Ok(())
}

#[test]
fn it_is_apart_from_what_is_sent_and_nobody_elses() -> Result<()> {
    let Some(world) = World::start()? else { return Ok(()) };
    let api = world.api();
    let (mine, zone) = (&api.account.account_id, &api.account.zone_id);
    three(&world)?;
    let sent = json!({"from": "a@example.com", "to": "ann@box.example", "subject": "s", "text": "t"});
    let sent = api.send(&sent)?.result();
    let message_id = sent["message_id"].as_str().unwrap_or_default();
    let routed = format!("zones/{zone}/email/routing/messages");
    let sending = format!("accounts/{mine}/email/sending/messages");
    let sent = lines(&api, &format!("{sending}?message_id={message_id}"), 1)?;
    let all = lines(&api, &routed, 3)?;
    let sending_ids = get(&api, &sending)?;
    assert!(of(&sending_ids, "id").iter().all(|id| !of(&all, "id").contains(id)), "{sending_ids:?}");

    let body = json!({"name": "other.example", "account": {"id": mine}}).to_string();
    let other_zone = api.post("/client/v4/zones", &body, &[])?.result();
    let other = api.post("/client/v4/accounts", r#"{"name":"other"}"#, &[])?.result();
    let readers = [
        reader(&world, mine)?,
        reader(&world, &format!("zone.{zone}"))?,
        reader(&world, &format!("zone.{}", other_zone["id"].as_str().unwrap_or_default()))?,
        reader(&world, other["id"].as_str().unwrap_or_default())?,
    ];
    let (id, sent_id) = (&of(&all, "id")[2], &of(&sent, "id")[0]);
    for (path, expected) in [
        (routed.clone(), [200, 200, 404, 404]),
        (format!("{routed}/{id}"), [200, 200, 404, 404]),
        (format!("{routed}/{id}/timeline"), [200, 200, 404, 404]),
        (format!("{routed}/{sent_id}"), [404, 404, 404, 404]),
        (format!("accounts/{mine}/email/routing/messages/{id}"), [200, 200, 404, 404]),
        (format!("{sending}/{id}"), [404, 404, 404, 404]),
        (format!("{sending}/{sent_id}"), [200, 200, 404, 404]),
        ("delivery/routing/messages".to_owned(), [403, 403, 403, 403]),
        (format!("{routed}?status=delivered"), [400, 400, 404, 404]),
    ] {
        for (reader, status) in readers.iter().zip(expected) {
            let answer = reader.request("GET", &format!("/client/v4/{path}"), "", &[])?;
            assert_eq!(answer.status, status, "{path}: {}", answer.text);
        }
    }
    Ok(())
}
