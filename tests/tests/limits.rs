//! How much accounts may send: told at every door, true to the second, and exact however the server ended.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};

use mailwright_tests::control;
use mailwright_tests::error::{Error, Result};
use mailwright_tests::http::{self, Account, Answer, Api};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server, free_address};
use mailwright_tests::smtp::{Reply, SmtpClient};
use mailwright_tests::wait;

const SUBMISSION: &str = "[submission]\nlisten = [\"127.0.0.1:0\"]\nallow_plain_auth_on_loopback = true\n";

struct Scene {
    api: Api,
    server: Server,
    installation: Installation,
    _sandbox: Sandbox,
}

impl Scene {
    fn new(more: &str) -> Result<Self> {
        let sandbox = Sandbox::start()?;
        let more = format!("{SUBMISSION}{more}");
        let installation = Installation::new(&Config { more, ..Config::to(sandbox.address) })?;
        let server = installation.start()?;
        let api = installation.api(&server);
        Ok(Self { api, server, installation, _sandbox: sandbox })
    }

    fn set(&self, limits: &Value) -> Result<Value> {
        Ok(put(&self.api, limits)?.result())
    }

    /// The sending domain example.com.
    fn tag(&self) -> Result<String> {
        Ok(shown(&self.api)?["domains"][0]["tag"].as_str().unwrap_or_default().to_owned())
    }

    /// A client with a token of the account's own.
    fn with_token(&self, permission: usize) -> Result<(Api, String)> {
        let resource = format!("com.cloudflare.api.account.{}", self.api.account.account_id);
        let policy = json!({
            "effect": "allow", "resources": { resource: "*" },
            "permission_groups": [{ "id": format!("{permission:032x}") }],
        });
        let body = json!({ "name": "test", "policies": [policy] }).to_string();
        let token = self.api.post("/client/v4/user/tokens", &body, &[])?.result();
        let text = |key: &str| token[key].as_str().unwrap_or_default().to_owned();
        let account = Account { token: text("value"), ..self.api.account.clone() };
        Ok((Api::new(self.server.http, account), text("id")))
    }

    /// A submission client that has logged in.
    fn client(&self) -> Result<SmtpClient> {
        let address = self.server.submission.ok_or_else(|| Error::unexpected("find submission", ""))?;
        let mut client = SmtpClient::connect_and_greet(address)?;
        let login = BASE64.encode(format!("\0me\0{}", self.api.account.token).as_bytes());
        assert_eq!(client.command(&format!("AUTH PLAIN {login}"))?.code, 235);
        Ok(client)
    }
}

/// Permissions by their places in the list of groups.
const SEND: usize = 1;
const ANALYTICS_READ: usize = 6;
const ADMIN: usize = 7;

fn shown(api: &Api) -> Result<Value> {
    Ok(api.request("GET", &api.sending_path("limits"), "", &[])?.result())
}

fn put(api: &Api, limits: &Value) -> Result<Answer> {
    api.request("PUT", &api.sending_path("limits"), &limits.to_string(), &[])
}

fn message(to: &[&str]) -> Value {
    json!({ "from": "a@example.com", "to": to, "subject": "hello", "text": "hello" })
}

fn send(api: &Api, to: &[&str]) -> Result<Answer> {
    api.submit(&message(to))
}

/// Asserts that an answer refuses for a limit, and returns after how many seconds to try again.
fn assert_limited(answer: &Answer, reason: &str, scope: &str, window: &str) -> u64 {
    assert_eq!((answer.status, answer.error_code()), (429, 10004), "{}", answer.text);
    let error = &answer.json()["errors"][0];
    assert_eq!(error["reason"], reason, "{error}");
    assert_eq!(error["limit"], json!({ "scope": scope, "window": window }), "{error}");
    let chain = error["error_chain"][0]["message"].as_str().unwrap_or_default();
    assert!(chain.starts_with(reason) && chain.contains("try again at"), "{error}");
    assert_eq!(error["retry_after"].as_u64(), answer.retry_after, "{error}");
    answer.retry_after.unwrap_or_else(|| panic!("no Retry-After in {answer:?}"))
}

#[test]
fn every_scope_has_its_limit_and_says_which_it_is() -> Result<()> {
    let scene = Scene::new("")?;
    let (other, token) = scene.with_token(SEND)?;
    for (limits, api, to, scope) in [
        (json!({ "account": { "day": 2 } }), &scene.api, "b@example.net", "account"),
        (json!({ "domains": { scene.tag()?: { "day": 4 } } }), &scene.api, "b@example.net", "domain"),
        (json!({ "tokens": { token: { "day": 2 } } }), &other, "b@example.net", "token"),
        (json!({ "recipient": { "day": 2 } }), &scene.api, "X@example.net", "recipient"),
    ] {
        scene.set(&limits)?;
        for _ in 0..2 {
            send(api, &[to])?.result();
        }
        let wait = assert_limited(&send(api, &[to])?, "E_DAILY_LIMIT_EXCEEDED", scope, "day");
        assert!((1..=86_400).contains(&wait), "{wait}");
        let at_a_time = scene.api.send_raw("a@example.com", &[to], "From: a@example.com\r\n\r\nhello\r\n")?;
        assert_eq!(at_a_time.status, if scope == "token" { 200 } else { 429 }, "{scope}");
        if scope == "account" {
            let usage = shown(&scene.api)?["account"]["day"].clone();
            assert_eq!((&usage["limit"], &usage["used"]), (&json!(2), &json!(2)), "{usage}");
            assert!(usage["free_at"].as_str().is_some_and(|at| at.ends_with("T00:00:00.000Z")), "{usage}");
        }
    }
    // An address that differs in case is the same, another is not.
    assert_eq!(send(&scene.api, &["x@EXAMPLE.net"])?.status, 429);
    send(&scene.api, &["y@example.net"])?.result();
    scene.set(&json!({}))?;
    send(&scene.api, &["x@example.net"])?.result();
    let metrics = http::get(scene.server.http, "/metrics")?.text;
    for scope in ["account", "domain", "token", "recipient"] {
        let series = format!("mailwright_limits_refused_total{{scope=\"{scope}\",window=\"day\"}} ");
        let told = metrics.lines().find_map(|line| line.strip_prefix(&series));
        assert!(told.is_some_and(|count| count != "0"), "{series}{told:?}");
    }
    Ok(())
}

#[test]
fn who_comes_back_after_retry_after_is_served() -> Result<()> {
    let scene = Scene::new("[limits]\naccount = { second = 2 }\n")?;
    let path = scene.api.sending_path("send/batch");
    let three = json!({ "messages": vec![message(&["b@example.net"]); 3] }).to_string();
    for _ in 0..2 {
        let batch = scene.api.post(&path, &three, &[])?.result();
        assert_eq!((&batch["accepted"], &batch["refused"]), (&json!(2), &json!(1)), "{batch}");
        let error = &batch["messages"][2]["errors"][0];
        assert_eq!((&error["reason"], &error["code"]), (&json!("E_RATE_LIMIT_EXCEEDED"), &json!(10004)));
        let wait = error["retry_after"].as_u64().unwrap_or_default();
        assert!((1..=2).contains(&wait), "{error}");
        thread::sleep(Duration::from_secs(wait));
    }
    // What can never fit is not told to wait.
    let answer = send(&scene.api, &["a@example.net", "b@example.net", "c@example.net"])?;
    let error = answer.json()["errors"][0].clone();
    assert_eq!((answer.status, &error["reason"]), (400, &json!("E_TOO_MANY_RECIPIENTS")), "{error}");
    Ok(())
}

#[test]
fn a_preflight_says_so_and_counts_nothing() -> Result<()> {
    let scene = Scene::new("")?;
    scene.set(&json!({ "account": { "hour": 1 } }))?;
    let path = scene.api.sending_path("send/preflight");
    let preflight =
        || Ok::<_, Error>(scene.api.post(&path, &message(&["b@example.net"]).to_string(), &[])?.result());
    for _ in 0..3 {
        assert_eq!(preflight()?["acceptable"], true);
    }
    send(&scene.api, &["b@example.net"])?.result();
    let report = preflight()?;
    assert_eq!(report["acceptable"], false, "{report}");
    assert_eq!(report["errors"][0]["reason"], "E_RATE_LIMIT_EXCEEDED");
    assert_eq!(shown(&scene.api)?["account"]["hour"]["used"], 1);
    Ok(())
}

#[test]
fn submission_defers_the_recipients_that_do_not_fit() -> Result<()> {
    let scene = Scene::new("")?;
    scene.set(&json!({ "account": { "day": 2 } }))?;
    let mut client = scene.client()?;
    assert_eq!(client.command("MAIL FROM:<a@example.com>")?.code, 250);
    for to in ["a@example.net", "b@example.net"] {
        assert_eq!(client.command(&format!("RCPT TO:<{to}>"))?.code, 250);
    }
    // Three are more than there will ever be room for in one message.
    let never = client.command("RCPT TO:<c@example.net>")?;
    assert_eq!((never.code, said(&never, "4.5.3"), said(&never, "split it")), (452, true, true), "{never:?}");
    assert_eq!(client.command("DATA")?.code, 354);
    assert_eq!(client.command("From: a@example.com\r\n\r\nhello\r\n.")?.code, 250);
    assert_eq!(client.command("MAIL FROM:<a@example.com>")?.code, 250);
    let later = client.command("RCPT TO:<c@example.net>")?;
    assert_eq!(
        (later.code, said(&later, "4.7.1"), said(&later, "try again at")),
        (451, true, true),
        "{later:?}"
    );
    assert_limited(&send(&scene.api, &["c@example.net"])?, "E_DAILY_LIMIT_EXCEEDED", "account", "day");
    Ok(())
}

fn said(reply: &Reply, words: &str) -> bool {
    format!("{reply:?}").contains(words)
}

#[test]
fn a_new_account_rises_and_its_operator_can_end_that() -> Result<()> {
    let scene = Scene::new("[limits]\nramp = [1, 5]\n")?;
    send(&scene.api, &["b@example.net"])?.result();
    let refused = send(&scene.api, &["b@example.net"])?;
    assert_limited(&refused, "E_DAILY_LIMIT_EXCEEDED", "account", "day");
    assert!(refused.text.contains("which is new"), "{}", refused.text);
    let ramp = shown(&scene.api)?["ramp"].clone();
    assert_eq!(ramp, json!({ "quotas": [1, 5], "days_before": 0, "today": 1 }));
    let (state, id) = (scene.installation.state(), scene.api.account.account_id.as_str());
    control::text(state, &["account", "limits", id, "--ramp", "3"])?;
    send(&scene.api, &["b@example.net", "c@example.net"])?.result();
    assert_eq!(send(&scene.api, &["b@example.net"])?.status, 429);
    control::text(state, &["account", "limits", id, "--ramp", "none"])?;
    send(&scene.api, &["b@example.net"])?.result();
    Ok(())
}

#[test]
fn operators_set_limits_on_the_command_line_and_it_is_on_record() -> Result<()> {
    let scene = Scene::new("[limits]\naccount = { hour = 7 }\n")?;
    let (state, id) = (scene.installation.state(), scene.api.account.account_id.as_str());
    let set = |args: &[&str]| control::json(state, &[&["account", "limits", id], args].concat());
    set(&["--day", "10"])?;
    set(&["--for", "recipient", "--hour", "3"])?;
    set(&["--domain", "example.com", "--second", "4"])?;
    let limits = set(&["--day", "11"])?;
    let windows = |one: &Value| ["second", "hour", "day"].map(|window| one[window]["limit"].clone());
    assert_eq!(windows(&limits["account"]), [Value::Null, json!(7), json!(11)], "{limits}");
    assert_eq!(windows(&limits["domains"][0]), [json!(4), Value::Null, Value::Null]);
    assert_eq!(limits["recipient"]["hour"], 3);
    let limits = set(&["--hour", "0", "--day", "default"])?;
    assert_eq!(windows(&limits["account"]), [Value::Null, Value::Null, Value::Null]);
    let text = control::text(state, &["account", "limits", id])?;
    assert!(text.contains("each address") && text.contains("domain example.com"), "{text}");
    let refused = control::run(state, &["account", "limits", id, "--domain", "no.example", "--day", "1"])?;
    assert!(!refused.status.success());

    let path = format!("/client/v4/accounts/{id}/audit_logs");
    let records = scene.api.request("GET", &path, "", &[])?.result();
    let newest = &records[0];
    assert!(records.to_string().contains("limits") && newest.to_string().contains("uid"), "{newest}");
    Ok(())
}

#[test]
fn only_operators_set_limits_and_accounts_see_their_own() -> Result<()> {
    let scene = Scene::new("")?;
    let (admin, _) = scene.with_token(ADMIN)?;
    let (reader, _) = scene.with_token(ANALYTICS_READ)?;
    let (sender, _) = scene.with_token(SEND)?;
    assert_eq!(put(&admin, &json!({ "account": { "day": 9 } }))?.status, 403);
    assert_eq!(shown(&reader)?["tokens"].as_array().map(Vec::len), Some(1));
    assert_eq!(shown(&admin)?["tokens"].as_array().map(Vec::len), Some(4));
    assert_eq!(sender.request("GET", &sender.sending_path("limits"), "", &[])?.status, 403);
    let other = scene.api.post("/client/v4/accounts", &json!({ "name": "other" }).to_string(), &[])?.result();
    let path =
        format!("/client/v4/accounts/{}/email/sending/limits", other["id"].as_str().unwrap_or_default());
    assert_eq!(admin.request("GET", &path, "", &[])?.status, 404);
    assert_eq!(admin.request("PUT", &path, "{}", &[])?.status, 404);
    for (body, status) in [
        (json!({ "account": { "minute": 1 } }), 400),
        (json!({ "account": { "day": -1 } }), 400),
        (json!({ "account": { "day": 1e30 } }), 400),
        (json!({ "account": 7 }), 400),
        (json!({ "ramp": [5, 0] }), 400),
        (json!({ "ramp": vec![1; 400] }), 400),
        (json!({ "daily": 7 }), 400),
        (json!([]), 400),
        (json!({ "domains": { "f".repeat(32): {} } }), 404),
        (json!({ "tokens": { "../x": { "day": 1 } } }), 404),
    ] {
        let answer = put(&scene.api, &body)?;
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        answer.error_code();
    }
    scene.set(&json!({ "account": { "day": u64::MAX } }))?;
    send(&scene.api, &["b@example.net"])?.result();
    Ok(())
}

/// Sends until there is no answer; how many messages were acknowledged.
fn send_until_killed(api: &Api, most: u64) -> u64 {
    (0..most).take_while(|_| send(api, &["b@example.net"]).is_ok_and(|answer| answer.status == 200)).count()
        as u64
}

/// What is counted of today, and how many messages are in the queue.
fn counted_and_queued(api: &Api) -> Result<(u64, u64)> {
    let queue = api.request("GET", "/client/v4/delivery/queue", "", &[])?.result();
    let queued = queue["totals"]["entries"].as_u64().unwrap_or_default();
    Ok((shown(api)?["account"]["day"]["used"].as_u64().unwrap_or_default(), queued))
}

#[test]
fn a_quota_is_exact_however_the_server_is_killed() -> Result<()> {
    const MOST: u64 = 100_000;
    // Nobody takes the mail: what was accepted can be counted in the queue.
    let nowhere: SocketAddr = free_address()?;
    let config = Config { retry_first: "1h".into(), retry_max_interval: "1h".into(), ..Config::to(nowhere) };
    let installation = Installation::new(&config)?;
    let mut acknowledged = 0;
    for moment in
        ["after-append:9", "after-sync:9", "before-counts:3", "before-checkpoint:3", "after-checkpoint:3"]
    {
        let mut server = installation.start_with(|command| {
            command.env("MAILWRIGHT_KILL_AT", moment);
        })?;
        acknowledged += send_until_killed(&installation.api(&server), MOST);
        wait::until("the end of the server", Duration::from_secs(20), || server.process.ended())?;
        let server = installation.start()?;
        let (counted, queued) = counted_and_queued(&installation.api(&server))?;
        assert_eq!(counted, queued, "after {moment}");
        assert!((acknowledged..=acknowledged + 1).contains(&queued), "{moment}: {acknowledged} {queued}");
        acknowledged = queued;
    }
    let mut server = installation.start()?;
    let api = installation.api(&server);
    let quota = acknowledged + 5;
    put(&api, &json!({ "account": { "day": quota } }))?.result();
    assert_eq!(send_until_killed(&api, 3), 3);
    assert!(server.stop()?.success());
    drop(server);
    let server = installation.start()?;
    let api = installation.api(&server);
    assert_eq!(send_until_killed(&api, MOST), 2);
    assert_limited(&send(&api, &["b@example.net"])?, "E_DAILY_LIMIT_EXCEEDED", "account", "day");
    assert_eq!(counted_and_queued(&api)?, (quota, quota));
    Ok(())
}
