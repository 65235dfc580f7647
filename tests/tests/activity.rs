//! The activity log: what became of each message and recipient, found, told and heard live, by those who may.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use mailwright_tests::control;
use mailwright_tests::error::{Context, Result};
use mailwright_tests::event_stream::EventStream;
use mailwright_tests::http::{Account, Answer, Api};
use mailwright_tests::process::Process;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server, mailwright};
use mailwright_tests::wait;

/// The longest that anything here may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A server whose mail to later.example is put off, to never.example refused, and taken everywhere else.
struct Scene {
    installation: Installation,
    server: Server,
    api: Api,
    _sandbox: Sandbox,
}

impl Scene {
    fn new() -> Result<Self> {
        let sandbox = Sandbox::with(&["", "defer:100%", "reject:100%"])?;
        let [takes, defers, rejects] = sandbox.addresses[..] else { panic!("{:?}", sandbox.addresses) };
        let route =
            |domain: &str, to| format!("[[delivery.routes]]\ndomain = \"{domain}\"\nnext_hop = \"{to}\"\n");
        let more = route("later.example", defers) + &route("never.example", rejects);
        // Put off once, and then not again before the scenario is over.
        let config =
            Config { more, retry_first: "1h".into(), retry_max_interval: "1h".into(), ..Config::to(takes) };
        let installation = Installation::new(&config)?;
        let server = installation.start()?;
        let api = installation.api(&server);
        Ok(Self { installation, server, api, _sandbox: sandbox })
    }

    fn start_again(&mut self) -> Result<()> {
        self.server = self.installation.start()?;
        self.api = self.installation.api(&self.server);
        Ok(())
    }

    /// Sends a message and returns its Message-ID.
    fn send(&self, to: &[&str], more: &Value) -> Result<String> {
        let mut message =
            json!({"from": "Shop <a@example.com>", "to": to, "subject": "Hello", "text": "Dear you"});
        for (field, value) in more.as_object().into_iter().flatten() {
            message[field] = value.clone();
        }
        let sent = self.api.send(&message)?.result();
        Ok(sent["message_id"].as_str().unwrap_or_default().to_owned())
    }

    fn get(&self, path: &str) -> Result<Answer> {
        get(&self.api, path)
    }

    /// The lines that a query finds, once there are so many and `settled` is content with them.
    fn lines(&self, query: &str, count: usize) -> Result<Vec<Value>> {
        wait::until(&format!("{count} lines of {query:?}"), LIMIT, || {
            let lines = rows(&self.get(query)?);
            Ok((lines.len() == count).then_some(lines))
        })
    }

    fn operate(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Ok(self.api.request(method, &format!("/client/v4/{path}"), &body, &[])?.result())
    }

    /// A client with a token for this permission and resource.
    fn with_token(&self, permission: &str, resource: &str) -> Result<Api> {
        let groups = self.operate("GET", "user/tokens/permission_groups", &Value::Null)?;
        let group = groups.as_array().into_iter().flatten().find(|group| group["name"] == permission);
        let id = &group.unwrap_or_else(|| panic!("no {permission} in {groups}"))["id"];
        let resources = json!({ format!("com.cloudflare.api.account.{resource}"): "*" });
        let policy = json!({"effect": "allow", "permission_groups": [{"id": id}], "resources": resources});
        let token = self.operate("POST", "user/tokens", &json!({"name": "test", "policies": [policy]}))?;
        let token = token["value"].as_str().unwrap_or_default().to_owned();
        Ok(Api::new(self.server.http, Account { token, ..self.api.account.clone() }))
    }

    fn stream(&self, query: &str, last: Option<&str>) -> Result<EventStream> {
        let path = self.api.sending_path(&format!("messages/stream{query}"));
        EventStream::open(self.server.http, &self.api.account.token, &path, last)
    }
}

fn get(api: &Api, path: &str) -> Result<Answer> {
    api.request("GET", &api.sending_path(&format!("messages{path}")), "", &[])
}

fn rows(answer: &Answer) -> Vec<Value> {
    answer.result().as_array().cloned().unwrap_or_default()
}

fn of<'a>(lines: &'a [Value], field: &str) -> Vec<&'a str> {
    lines.iter().map(|line| line[field].as_str().unwrap_or_default()).collect()
}

const THREE: [&str; 3] = ["ann@taken.example", "bob@later.example", "cat@never.example"];

#[test]
fn each_recipient_is_found_by_what_became_of_it_and_has_a_timeline() -> Result<()> {
    let scene = Scene::new()?;
    let first = scene.send(&THREE, &json!({"campaign": "spring"}))?;
    scene.send(&["dan@taken.example"], &json!({"subject": "Grüße, Dan"}))?;
    assert_eq!(of(&scene.lines("?recipient=dan@taken.example", 1)?, "subject"), ["Grüße, Dan"]);
    for (query, expected) in [
        ("?status=deliveryFailed", "cat@never.example"),
        ("?state=sent", "bob@later.example"),
        ("?status=delivered&campaign=spring", "ann@taken.example"),
        ("?domain=later.example", "bob@later.example"),
        ("?recipient=CAT@never.example", "cat@never.example"),
        ("?domain=never.example&reply=550", "cat@never.example"),
    ] {
        assert_eq!(of(&scene.lines(query, 1)?, "recipient"), [expected], "{query}");
    }
    let by_id = scene.lines(&format!("?message_id={first}"), 3)?;
    assert_eq!(of(&by_id, "recipient"), [THREE[2], THREE[1], THREE[0]]);
    assert_eq!(of(&by_id, "status"), ["deliveryFailed", "sent", "delivered"]);
    let later = &by_id[1];
    assert!(later["next_attempt_at"].is_string() && later["attempts"] == 1, "{later}");
    let class = later["class"].as_str().unwrap_or_default();
    assert_eq!(scene.lines(&format!("?class={class}&status=sent"), 1)?.len(), 1);
    assert_eq!(scene.lines("?sending_domain=example.com", 4)?.len(), 4);
    assert_eq!(scene.lines("?since=2020-01-01&until=2020-01-02", 0)?.len(), 0);
    let zone = later["zone_id"].as_str().unwrap_or_default();
    assert_eq!(scene.lines(&format!("?zone_id={zone}"), 4)?.len(), 4);
    assert_eq!(scene.lines("?zone_id=of-somebody-else", 0)?.len(), 0);
    assert_eq!(scene.lines("?complained=true", 0)?.len(), 0);
    pages_go_on(&scene)?;

    let id = later["id"].as_str().unwrap_or_default();
    let report = scene.get(&format!("/{id}"))?.result();
    assert_eq!((&report["subject"], &report["recipient_count"]), (&json!("Hello"), &json!(3)), "{report}");
    assert_eq!(report["preview"], Value::Null, "nobody has asked for it");
    let events = rows(&scene.get(&format!("/{id}/timeline"))?);
    assert_eq!(of(&events, "event"), ["accepted", "attempt", "attempt", "attempt"], "{events:?}");
    let put_off = events.iter().find(|event| event["verdict"] == "deferred").cloned().unwrap_or_default();
    assert_eq!(put_off["recipients"], json!(["bob@later.example"]), "{put_off}");
    let reason = put_off["next_attempt_reason"].as_str().unwrap_or_default();
    assert!(reason.contains(class) && put_off["text"].as_str().is_some_and(|text| text.contains(reason)));
    assert_eq!(put_off["next_attempt_at"], later["next_attempt_at"]);
    assert!(put_off["host"].is_string() && put_off["address"] == "127.0.0.1", "{put_off}");
    Ok(())
}

/// Pages of one line each show what one page shows.
fn pages_go_on(scene: &Scene) -> Result<()> {
    let (whole, mut found, mut query) = (scene.lines("", 4)?, Vec::new(), "?per_page=1".to_owned());
    loop {
        let answer = scene.get(&query)?;
        found.extend(rows(&answer));
        let info = answer.json()["result_info"].clone();
        assert!(info["complete_until"].is_string() && info["per_page"] == 1, "{info}");
        let Some(cursor) = info["cursor"].as_str() else { break };
        query = format!("?per_page=1&cursor={cursor}");
    }
    assert_eq!(found, whole);
    Ok(())
}

#[test]
fn what_was_never_sent_is_found_too() -> Result<()> {
    let scene = Scene::new()?;
    let suppressed = json!({"email": "ann@taken.example"}).to_string();
    scene.api.post(&scene.api.sending_path("suppressions"), &suppressed, &[])?.result();
    let message = |from: &str| json!({"from": from, "to": THREE, "subject": "s", "text": "t"});
    assert_eq!(scene.api.send(&message("a@example.com"))?.status, 400);
    assert_eq!(scene.api.send(&message("a@elsewhere.example"))?.status, 403);
    let rejected = scene.lines("?status=rejected", 3)?;
    assert_eq!(of(&rejected, "code"), ["E_RECIPIENT_SUPPRESSED"; 3]);
    let failed = scene.lines("?status=failed", 3)?;
    assert_eq!(of(&failed, "code"), ["E_SENDER_DOMAIN_NOT_AVAILABLE"; 3]);
    assert_eq!(failed[0]["sending_domain"], "elsewhere.example");

    let zone = format!("zones/{}/email/sending/subdomains", scene.api.account.zone_id);
    let tag = scene.operate("GET", &zone, &Value::Null)?[0]["tag"].as_str().unwrap_or_default().to_owned();
    let body = json!({"drop_suppressed_recipients": true, "preview_enabled": true});
    scene.operate("PATCH", &format!("{zone}/{tag}"), &body)?;
    let id = scene.send(&THREE[..2], &json!({}))?;
    let lines = scene.lines(&format!("?message_id={id}"), 2)?;
    assert_eq!(of(&lines, "recipient"), [THREE[0], THREE[1]]);
    assert_eq!(of(&lines, "status"), ["rejected", "sent"]);
    let id = lines[0]["id"].as_str().unwrap_or_default();
    assert_eq!(scene.get(&format!("/{id}"))?.result()["preview"], "Dear you");
    Ok(())
}

#[test]
fn nothing_is_lost_by_a_kill_or_with_the_index() -> Result<()> {
    let mut scene = Scene::new()?;
    scene.send(&THREE, &json!({}))?;
    let known = scene.lines("", 3)?;
    scene.send(&["dan@taken.example"], &json!({}))?;
    // Written to the event log within 50 ms; the index may or may not have it.
    wait::until("the event in the log", LIMIT, || {
        Ok((scene.server.metrics()?.get("mailwright_events_total") >= 6).then_some(()))
    })?;
    scene.server.process.kill()?;
    scene.start_again()?;
    let after = scene.lines("", 4)?;
    assert_eq!(after[1..], known);
    assert!(scene.server.stop()?.success());
    fs::remove_dir_all(scene.installation.state().join("activity")).context("lose the index")?;
    scene.start_again()?;
    assert_eq!(scene.lines("", 4)?, after);
    Ok(())
}

#[test]
fn each_token_sees_what_it_may() -> Result<()> {
    let scene = Scene::new()?;
    let account = scene.api.account.account_id.clone();
    scene.send(&["ann@taken.example"], &json!({}))?;
    let line = scene.lines("?status=delivered", 1)?.remove(0);
    let paths =
        ["".to_owned(), format!("/{}", text(&line, "id")), format!("/{}/timeline", text(&line, "id"))];

    let zone =
        scene.operate("POST", "zones", &json!({"name": "other.example", "account": {"id": account}}))?;
    let other = scene.operate("POST", "accounts", &json!({"name": "other"}))?;
    let readers = [
        (scene.with_token("analytics_read", &account)?, [200, 200, 200]),
        (
            scene.with_token("analytics_read", &format!("zone.{}", scene.api.account.zone_id))?,
            [200, 200, 200],
        ),
        (scene.with_token("analytics_read", &format!("zone.{}", text(&zone, "id")))?, [200, 404, 404]),
        (scene.with_token("analytics_read", text(&other, "id"))?, [404, 404, 404]),
        (scene.with_token("send", &account)?, [403, 403, 403]),
    ];
    for (number, (reader, expected)) in readers.iter().enumerate() {
        for (path, status) in paths.iter().zip(expected) {
            assert_eq!(get(reader, path)?.status, *status, "reader {number}, {path}");
        }
    }
    let [(_, _), (mine, _), (others, _), ..] = &readers;
    assert_eq!((rows(&get(mine, "")?).len(), rows(&get(others, "")?).len()), (1, 0));
    let all = |api: &Api| api.request("GET", "/client/v4/delivery/messages", "", &[]);
    assert_eq!((all(&scene.api)?.status, all(mine)?.status), (200, 403));
    let unknown = scene.get("/0123456789abcd")?;
    let theirs = get(others, &paths[1])?;
    assert_eq!((unknown.status, &unknown.text), (404, &theirs.text));
    Ok(())
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

#[test]
fn what_makes_no_sense_is_refused_by_field() -> Result<()> {
    let scene = Scene::new()?;
    for (query, field) in [
        ("?status=bounced", "status"),
        ("?domain=a%20b", "domain"),
        ("?sending_domain=%ff", "sending_domain"),
        ("?recipient=ann", "recipient"),
        ("?since=yesterday", "since"),
        ("?until=2026-02-30", "until"),
        ("?class=%00", "class"),
        ("?cursor=AAAA", "cursor"),
        ("?per_page=0", "per_page"),
        ("?per_page=99999999999999999999", ""),
        ("/0123456789abcd/timeline?cursor=x", "cursor"),
        ("/stream?since=2026-11-21", "since"),
    ] {
        let answer = scene.get(query)?;
        assert_eq!((answer.status, answer.error_code()), (400, 10001), "{query}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["field"].as_str().unwrap_or_default(), field, "{query}");
    }
    for path in ["/x", "/../..", "/%ff%00/timeline", "/99999999999999999999"] {
        assert_eq!(scene.get(path)?.status, 404, "{path}");
    }
    let stream = scene.api.sending_path("messages/stream");
    let answer = scene.api.request("GET", &stream, "", &[("last-event-id", "x")])?;
    assert_eq!((answer.status, answer.error_code()), (400, 10001));
    Ok(())
}

#[test]
fn a_stream_tells_what_happens_and_goes_on_where_it_was_left() -> Result<()> {
    let mut scene = Scene::new()?;
    let (all, delivered) =
        (scene.stream("", None)?, scene.stream("?status=delivered&domain=taken.example", None)?);
    let failures = scene.stream("?failures=true", None)?;
    scene.send(&THREE, &json!({}))?;
    let accepted = all.wait_for("an acceptance", |event| event.kind == "accepted")?;
    assert_eq!(accepted.data["recipients"], json!(THREE), "{accepted:?}");
    let failed = all.wait_for("a failure", |event| event.data["status"] == "deliveryFailed")?;
    assert_eq!(failed.data["recipients"], json!([THREE[2]]));
    assert_eq!((&failed.data["from"], &failed.data["id"]), (&json!("a@example.com"), &accepted.data["id"]));
    delivered.wait_for("a delivery", |event| event.data["status"] == "delivered")?;
    all.wait_for("a delay", |event| event.data["verdict"] == "deferred")?;
    all.wait_for("a delivery", |event| event.data["verdict"] == "delivered")?;
    assert_eq!((all.events().len(), delivered.events().len()), (4, 1));
    for verdict in ["bounced", "deferred"] {
        failures.wait_for("a failure", |event| event.data["verdict"] == verdict)?;
    }
    assert_eq!(failures.events().len(), 2, "{:?}", failures.events());
    drop((delivered, failures));

    assert!(scene.server.stop()?.success());
    all.wait_for_end()?;
    scene.start_again()?;
    scene.send(&["dan@taken.example"], &json!({}))?;
    let again = scene.stream("", Some(&accepted.id))?;
    // Nothing twice, nothing left out: the rest of the first message, and all of the second.
    let missed: Vec<_> =
        all.events().into_iter().skip_while(|event| event.id != accepted.id).skip(1).collect();
    let told = wait::until("all that was missed, and a delivery", LIMIT, || {
        Ok(Some(again.events()).filter(|events| events.len() >= missed.len() + 2))
    })?;
    let (old, new) = told.split_at(missed.len());
    assert_eq!(old, missed);
    let mut kinds: Vec<_> = new.iter().map(|event| event.kind.as_str()).collect();
    // Delivery may be faster than the thread that accepted.
    kinds.sort_unstable();
    assert_eq!(kinds, ["accepted", "attempt"]);
    assert!(new.iter().all(|event| event.data["recipients"] == json!(["dan@taken.example"])), "{new:?}");
    Ok(())
}

#[test]
fn an_account_has_ten_streams_at_a_time() -> Result<()> {
    let scene = Scene::new()?;
    let mut streams: Vec<_> = (0..10).map(|_| scene.stream("", None)).collect::<Result<_>>()?;
    let refused = scene.get("/stream")?;
    assert_eq!((refused.status, refused.error_code()), (429, 10004), "{}", refused.text);
    assert!(refused.retry_after.is_some());
    streams.pop();
    wait::until("room for one more", LIMIT, || Ok(scene.stream("", None).ok()))?;
    Ok(())
}

#[test]
fn operators_read_it_in_a_terminal() -> Result<()> {
    let scene = Scene::new()?;
    let state = scene.installation.state();
    let mut command = mailwright();
    command.args(["log", "--follow", "--status", "delivered", "--state"]).arg(state);
    let log = state.join("follow.log");
    let mut follow = Process::start("mailwright log", command, &log)?;
    // What it shows from now on is seen by what is sent until it is seen.
    wait::until("a delivery as it happens", LIMIT, || {
        scene.send(&["ann@taken.example"], &json!({}))?;
        Ok(follow.log_text().contains("ann@taken.example: Delivered to").then_some(()))
    })?;
    scene.send(&THREE, &json!({}))?;
    let line = scene.lines("?status=deliveryFailed", 1)?.remove(0);
    let table = control::text(state, &["log", "--status", "deliveryFailed"])?;
    assert!(table.starts_with("WHEN") && table.contains("cat@never.example"), "{table}");
    assert!(!table.contains("ann@taken.example"), "{table}");
    let found = control::json(state, &["log", "--recipient", "bob@later.example"])?;
    assert_eq!(found[0]["status"], "sent", "{found}");
    let account = scene.api.account.account_id.as_str();
    let story = control::text(state, &["log", text(&line, "id"), "--account", account])?;
    for part in ["Message-ID: ", "Accepted by api", "Refused for good at", "Next attempt at"] {
        assert!(story.contains(part), "{part}:\n{story}");
    }
    let wrong = control::run(state, &["log", "--status", "bounced"])?;
    assert!(
        !wrong.status.success() && String::from_utf8_lossy(&wrong.stderr).contains("status"),
        "{wrong:?}"
    );
    follow.terminate(LIMIT)?;
    Ok(())
}
