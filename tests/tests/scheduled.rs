//! Messages that are to go later: they wait, can be put off and cancelled, and outlive kills.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use mailwright_tests::calendar::ahead;
use mailwright_tests::control;
use mailwright_tests::error::Result;
use mailwright_tests::http::{Answer, Api};
use mailwright_tests::metrics::{QUEUED, until_queue_has};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Dev, Installation};
use mailwright_tests::wait;

const LIMIT: Duration = Duration::from_secs(30);

fn message(to: &[&str], send_at: &str) -> Value {
    json!({ "from": "a@example.com", "to": to, "subject": "later", "text": "hello", "send_at": send_at })
}

fn scheduled(api: &Api, body: &Value) -> Result<String> {
    let result = api.send(body)?.result();
    assert_eq!(result["queued"], body["to"], "{result}");
    assert!(result["scheduled_for"].is_string() && result["scheduled_id"].is_string(), "{result}");
    Ok(result["scheduled_id"].as_str().unwrap_or_default().to_owned())
}

fn ask(api: &Api, method: &str, id: &str, body: &str) -> Result<Answer> {
    api.request(method, &api.sending_path(&format!("scheduled/{id}")), body, &[])
}

fn list(api: &Api, query: &str) -> Result<Value> {
    Ok(api.request("GET", &api.sending_path(&format!("scheduled{query}")), "", &[])?.json())
}

#[test]
fn a_message_waits_for_its_time_and_carries_it_as_its_date() -> Result<()> {
    let dev = Dev::start()?;
    scheduled(&dev.api, &message(&["b@example.net"], &ahead(3)))?;
    // What is over is now.
    let now = dev.api.send(&message(&["now@example.net"], "2020-01-01T00:00:00+01:00"))?.result();
    assert_eq!(now["delivered"], json!(["now@example.net"]), "{now}");
    assert_eq!(now.get("scheduled_for"), None);
    assert_eq!(dev.mailbox.list()?.len(), 1);
    let began = SystemTime::now();
    let mail = dev.mailbox.wait_for("b@example.net")?;
    assert!(began.elapsed().is_ok_and(|waited| waited < Duration::from_secs(20)));
    let text = String::from_utf8_lossy(&mail.message);
    assert_eq!(text.matches("\nDate: ").count(), 1, "{text}");
    Ok(())
}

#[test]
fn what_is_scheduled_is_listed_shown_and_told_to_operators() -> Result<()> {
    let dev = Dev::start()?;
    let at = ahead(3_600);
    let id = scheduled(&dev.api, &message(&["b@example.net", "c@example.org"], &at))?;
    for to in ["d@example.net", "e@example.net"] {
        scheduled(&dev.api, &message(&[to], &at))?;
    }
    let shown = ask(&dev.api, "GET", &id, "")?.result();
    assert_eq!(shown["recipients"], json!(["b@example.net", "c@example.org"]), "{shown}");
    assert_eq!((&shown["subject"], &shown["from"]), (&json!("later"), &json!("a@example.com")));
    assert_eq!(shown["scheduled_for"], json!(at.replace('Z', ".000Z")));

    let (mut cursor, mut found) = (String::new(), Vec::new());
    loop {
        let page = list(&dev.api, &format!("?per_page=2{cursor}"))?;
        found.extend(page["result"].as_array().cloned().unwrap_or_default());
        match page["result_info"]["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[0], shown);

    let queue = control::text(dev.state(), &["queue", "list"])?;
    assert_eq!(queue.matches("scheduled").count(), 4, "{queue}");
    let why = control::text(dev.state(), &["queue", "show", &id])?;
    assert!(why.contains("schedule: its sender asked"), "{why}");
    Ok(())
}

#[test]
fn what_makes_no_sense_is_refused() -> Result<()> {
    let dev = Dev::start()?;
    for send_at in ["tomorrow", "2026-13-21", "9999-12-31T23:59:59Z", "", &ahead(31 * 86_400)] {
        let refused = dev.api.send(&message(&["b@example.net"], send_at))?;
        assert_eq!((refused.status, refused.error_code()), (400, 10001), "{send_at}");
        assert_eq!(refused.json()["errors"][0]["field"], "send_at");
    }
    let id = scheduled(&dev.api, &message(&["b@example.net"], &ahead(3_600)))?;
    for body in
        ["{}", r#"{"send_at": null}"#, r#"{"send_at": "2020-01-01T00:00:00Z"}"#, r#"{"send_at": 7}"#, "x"]
    {
        assert_eq!(ask(&dev.api, "PATCH", &id, body)?.status, 400, "{body}");
    }
    for nobody in ["00000000000001", "x", "%00", "../send"] {
        for method in ["GET", "DELETE"] {
            let status = ask(&dev.api, method, nobody, "")?.status;
            assert_eq!(status, 404, "{method} {nobody}");
        }
    }
    assert_eq!(list(&dev.api, "?cursor=no!")?["errors"][0]["code"], 10001);
    assert_eq!(list(&dev.api, "?per_page=101")?["errors"][0]["code"], 10001);
    Ok(())
}

#[test]
fn a_message_is_cancelled_for_good_and_only_before_its_time() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let installation = Installation::new(&Config::to(sandbox.address))?;
    let mut server = installation.start()?;
    let api = installation.api(&server);
    let id = scheduled(&api, &message(&["b@example.net", "c@example.org"], &ahead(3_600)))?;
    assert_eq!(ask(&api, "DELETE", &id, "")?.result()["id"], json!(id));
    assert_eq!(ask(&api, "DELETE", &id, "")?.status, 404);
    let soon = scheduled(&api, &message(&["d@example.net"], &ahead(4)))?;
    let late = ask(&api, "DELETE", &soon, "")?;
    assert_eq!((late.status, late.error_code()), (409, 10410));
    assert_eq!(ask(&api, "PATCH", &soon, &json!({ "send_at": ahead(60) }).to_string())?.status, 409);
    server.process.kill()?;
    let server = installation.start()?;
    sandbox.mailbox.wait_for("d@example.net")?;
    until_queue_has(server.http, 0, LIMIT)?;
    assert_eq!(sandbox.mailbox.deliveries()?, ["d@example.net"]);
    Ok(())
}

#[test]
fn a_message_gets_another_time_and_goes_once_across_kills() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let installation = Installation::new(&Config::to(sandbox.address))?;
    let mut server = installation.start()?;
    let api = installation.api(&server);
    let id = scheduled(&api, &message(&["b@example.net", "c@example.org"], &ahead(3_600)))?;
    for seconds in [7_200, 60] {
        let at = ahead(seconds);
        let changed = ask(&api, "PATCH", &id, &json!({ "send_at": at }).to_string())?.result();
        assert_eq!(
            (&changed["id"], &changed["scheduled_for"]),
            (&json!(id), &json!(at.replace('Z', ".000Z")))
        );
        assert_eq!(changed["recipients"], json!(["b@example.net", "c@example.org"]));
    }
    assert_eq!(server.metrics()?.get(QUEUED), 2);
    server.process.kill()?;
    // The journal alone must tell it too.
    std::fs::remove_dir_all(installation.state().join("queue")).expect("the queue's folder");
    let server = installation.start()?;
    let api = installation.api(&server);
    assert_eq!(until_queue_has(server.http, 2, LIMIT)?.get(QUEUED), 2);
    let at = ahead(7);
    ask(&api, "PATCH", &id, &json!({ "send_at": at }).to_string())?.result();
    until_queue_has(server.http, 0, LIMIT)?;
    let mut delivered = sandbox.mailbox.deliveries()?;
    delivered.sort_unstable();
    assert_eq!(delivered, ["b@example.net", "c@example.org"]);
    let mail = sandbox.mailbox.wait_for("b@example.net")?;
    let text = String::from_utf8_lossy(&mail.message).into_owned();
    let clock =
        at.split_once('T').map(|(_, clock)| clock.trim_end_matches('Z').to_owned()).unwrap_or_default();
    let date = text.lines().find(|line| line.starts_with("Date: ")).unwrap_or_default();
    assert!(date.contains(&clock), "{date} is not {at}");
    // One signature for each key, and one trace.
    assert_eq!(text.matches("DKIM-Signature:").count(), 2, "{text}");
    assert_eq!(text.matches("Received:").count(), 1, "{text}");
    Ok(())
}

#[test]
fn of_changes_that_meet_each_is_whole() -> Result<()> {
    let dev = Dev::start()?;
    let id = scheduled(&dev.api, &message(&["b@example.net"], &ahead(3_600)))?;
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let (api, id) = (&dev.api, &id);
        let change = |n: u64| {
            let body = json!({ "send_at": ahead(3_600 + n) }).to_string();
            move || if n == 3 { ask(api, "DELETE", id, "") } else { ask(api, "PATCH", id, &body) }
        };
        let threads: Vec<_> = (0..8).map(|n| scope.spawn(change(n))).collect();
        threads.into_iter().map(|thread| Ok(thread.join().expect("no panic")?.status)).collect::<Result<_>>()
    })?;
    assert!(statuses.iter().all(|status| [200, 404].contains(status)), "{statuses:?}");
    wait::until("an empty queue", LIMIT, || Ok((dev.server.metrics()?.get(QUEUED) == 0).then_some(())))?;
    assert_eq!(list(&dev.api, "")?["result"], json!([]));
    Ok(())
}

#[test]
fn other_accounts_and_other_zones_do_not_see_it() -> Result<()> {
    let dev = Dev::start()?;
    let id = scheduled(&dev.api, &message(&["b@example.net"], &ahead(3_600)))?;
    let made = dev.api.post("/client/v4/accounts", r#"{"name": "other"}"#, &[])?.result();
    let mut other = dev.api.clone();
    other.account.account_id = made["id"].as_str().expect("an id").to_owned();
    for method in ["GET", "DELETE"] {
        assert_eq!(ask(&other, method, &id, "")?.status, 404);
    }
    assert_eq!(list(&other, "")?["result"], json!([]));
    assert_eq!(ask(&dev.api, "DELETE", &id, "")?.status, 200);
    Ok(())
}
