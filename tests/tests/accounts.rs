//! Accounts, zones, tokens and sending domains, by API and command line: what each token may do, and that nobody
//! learns of another's.

use std::fs;
use std::path::Path;
use std::thread;

use serde_json::{Value, json};

use mailwright_tests::control;
use mailwright_tests::error::{Context, Result};
use mailwright_tests::http::{Account, Answer, Api};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::python;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server, mailwright};

const ACCOUNT: &str = "com.cloudflare.api.account.";

/// A server with an account that may send from example.com, and a client of its operator.
struct Scene {
    installation: Installation,
    server: Server,
    api: Api,
    _sandbox: Sandbox,
}

impl Scene {
    fn new() -> Result<Self> {
        let sandbox = Sandbox::start()?;
        let installation = Installation::new(&Config::to(sandbox.address))?;
        let server = installation.start()?;
        let api = installation.api(&server);
        Ok(Self { installation, server, api, _sandbox: sandbox })
    }

    /// A client with a token that the operator makes.
    fn with_token(&self, permissions: &[&str], resources: &Value) -> Result<Api> {
        let token = self.call("POST", "user/tokens", &token_body(&self.api, permissions, resources)?)?;
        Ok(self.holder_of(&token["value"]))
    }

    fn holder_of(&self, secret: &Value) -> Api {
        let token = secret.as_str().unwrap_or_default().to_owned();
        Api::new(self.server.http, Account { token, ..self.api.account.clone() })
    }

    /// What the operator's call comes to.
    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        Ok(ask(&self.api, method, path, body)?.result())
    }
}

fn ask(api: &Api, method: &str, path: &str, body: &Value) -> Result<Answer> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    api.request(method, &format!("/client/v4/{path}"), &body, &[])
}

fn token_body(api: &Api, permissions: &[&str], resources: &Value) -> Result<Value> {
    let groups = ask(api, "GET", "user/tokens/permission_groups", &Value::Null)?.result();
    let groups = groups.as_array().into_iter().flatten();
    let groups: Vec<_> = groups
        .filter(|group| permissions.iter().any(|name| group["name"] == *name))
        .map(|group| json!({ "id": group["id"] }))
        .collect();
    let policy = json!({ "effect": "allow", "permission_groups": groups, "resources": resources });
    Ok(json!({ "name": "test", "policies": [policy] }))
}

fn account_resource(id: &str) -> Value {
    json!({ format!("{ACCOUNT}{id}"): "*" })
}

fn message(from: &str) -> Value {
    json!({ "from": from, "to": "a@example.net", "subject": "hello", "text": "hello" })
}

#[test]
fn every_call_of_the_sdk_for_zones_accounts_and_sending_domains() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let scene = Scene::new()?;
    let Account { token, account_id, .. } = &scene.api.account;
    let said = python::run("sdk_manage.py", [&scene.api.base_url(), token, account_id])?;
    assert_eq!(said["zone"], "sdk.example");
    assert_eq!(said["zones"], json!(["example.com", "sdk.example"]));
    assert_eq!(said["subdomain"]["name"], "news.sdk.example");
    assert_eq!(said["subdomain"]["return_path_domain"], "cf-bounce.news.sdk.example");
    assert_eq!(said["edited"]["drop_suppressed_recipients"], true);
    assert_eq!(said["listed"], json!(["*.sdk.example", "news.sdk.example"]));
    assert_eq!(said["missing"], json!({ "error": "NotFoundError", "status": 404 }));
    assert_eq!(said["token_works"], true);
    assert_eq!(said["audited"].as_array().map(Vec::is_empty), Some(false));
    Ok(())
}

#[test]
fn a_token_does_what_it_is_for_and_nothing_else() -> Result<()> {
    let scene = Scene::new()?;
    let account = scene.api.account.account_id.clone();
    let sender = scene.with_token(&["send"], &account_resource(&account))?;
    assert_eq!(sender.send(&message("a@example.com"))?.status, 200);
    for (method, path) in [
        ("GET", format!("accounts/{account}/audit_logs")),
        ("PUT", format!("accounts/{account}")),
        ("POST", "accounts".to_owned()),
        ("DELETE", format!("zones/{}", scene.api.account.zone_id)),
        ("POST", format!("zones/{}/email/sending/enable", scene.api.account.zone_id)),
        ("GET", "delivery/queue".to_owned()),
    ] {
        let answer = ask(&sender, method, &path, &json!({ "name": "x" }))?;
        assert_eq!((answer.status, answer.error_code()), (403, 10000), "{method} {path}");
    }
    // Who is no more than an administrator of an account makes no operator, and nobody for another account.
    let admin = scene.with_token(&["admin"], &account_resource(&account))?;
    let operator = token_body(&admin, &["operator"], &account_resource(&account))?;
    assert_eq!(ask(&admin, "POST", "user/tokens", &operator)?.status, 403);
    assert_eq!(ask(&admin, "GET", "delivery/queue", &Value::Null)?.status, 403);
    Ok(())
}

#[test]
fn nobody_learns_of_another_account() -> Result<()> {
    let scene = Scene::new()?;
    let Account { account_id: own, zone_id, .. } = scene.api.account.clone();
    let other = scene.call("POST", "accounts", &json!({ "name": "other" }))?;
    let other = other["id"].as_str().unwrap_or_default().to_owned();
    let stranger = scene.with_token(&["admin"], &account_resource(&other))?;
    let tokens = scene.call("GET", "user/tokens", &Value::Null)?;
    let known_token = tokens[0]["id"].as_str().unwrap_or_default();
    let nobody = "0123456789abcdef0123456789abcdef";
    for (there, nowhere) in [
        (format!("accounts/{own}"), format!("accounts/{nobody}")),
        (format!("accounts/{own}/audit_logs"), format!("accounts/{nobody}/audit_logs")),
        (format!("accounts/{own}/email/sending/zones"), format!("accounts/{nobody}/email/sending/zones")),
        (format!("zones/{zone_id}"), format!("zones/{nobody}")),
        (format!("zones/{zone_id}/email/sending"), format!("zones/{nobody}/email/sending")),
        (format!("user/tokens/{known_token}"), format!("user/tokens/{nobody}")),
    ] {
        let (found, not_found) =
            (ask(&stranger, "GET", &there, &Value::Null)?, ask(&stranger, "GET", &nowhere, &Value::Null)?);
        assert_eq!((found.status, &found.text), (404, &not_found.text), "{there}");
    }
    assert_eq!(stranger.send(&message("a@example.com"))?.status, 404);
    for list in ["zones", "user/tokens?per_page=1000"] {
        let text = ask(&stranger, "GET", list, &Value::Null)?.text;
        assert!(!text.contains(&own) && !text.contains(&zone_id), "{list}: {text}");
    }
    let for_others = |id: &str| token_body(&stranger, &["send"], &account_resource(id));
    let (known, unknown) = (for_others(&own)?, for_others(nobody)?);
    for body in [known, unknown] {
        let refused = ask(&stranger, "POST", "user/tokens", &body)?;
        assert_eq!((refused.status, refused.error_code()), (400, 10001), "{}", refused.text);
    }
    // A domain below that of another is not to be had either.
    let below = json!({ "name": "mail.example.com", "account": { "id": other } });
    let refused = ask(&stranger, "POST", "zones", &below)?;
    assert_eq!((refused.status, refused.error_code()), (400, 1061));
    Ok(())
}

#[test]
fn a_token_of_one_zone_sees_and_sends_for_that_zone() -> Result<()> {
    let scene = Scene::new()?;
    let account = scene.api.account.account_id.clone();
    let zone =
        scene.call("POST", "zones", &json!({ "name": "other.example", "account": { "id": account } }))?;
    let id = zone["id"].as_str().unwrap_or_default();
    let resources = json!({ format!("{ACCOUNT}zone.{id}"): "*" });
    let limited = scene.with_token(&["send", "admin"], &resources)?;
    let zones = ask(&limited, "GET", "zones", &Value::Null)?.result();
    let names: Vec<_> = zones.as_array().into_iter().flatten().map(|zone| &zone["name"]).collect();
    assert_eq!(names, ["other.example"]);
    assert_eq!(
        ask(&limited, "GET", &format!("zones/{}", scene.api.account.zone_id), &Value::Null)?.status,
        404
    );
    assert_eq!(ask(&limited, "GET", &format!("accounts/{account}/audit_logs"), &Value::Null)?.status, 403);
    let elsewhere = limited.send(&message("a@example.com"))?;
    assert_eq!((elsewhere.status, elsewhere.error_code()), (403, 10203));
    assert_eq!(elsewhere.json()["errors"][0]["reason"], "E_SENDER_DOMAIN_NOT_AVAILABLE");
    // What nothing has verified sends nothing.
    let enabled = ask(&limited, "POST", &format!("zones/{id}/email/sending/enable"), &Value::Null)?.result();
    assert_eq!((&enabled["enabled"], &enabled["status"]), (&json!(true), &json!("misconfigured")));
    let unverified = limited.send(&message("a@other.example"))?;
    assert_eq!(unverified.json()["errors"][0]["reason"], "E_SENDER_NOT_VERIFIED");
    Ok(())
}

#[test]
fn a_token_is_rolled_without_an_outage_and_ends_when_it_is_removed() -> Result<()> {
    let scene = Scene::new()?;
    let account = scene.api.account.account_id.clone();
    let body = token_body(&scene.api, &["send"], &account_resource(&account))?;
    let token = scene.call("POST", "user/tokens", &body)?;
    let (id, first) = (token["id"].as_str().unwrap_or_default(), scene.holder_of(&token["value"]));
    let second = scene.call("PUT", &format!("user/tokens/{id}/value"), &Value::Null)?;
    let second = scene.holder_of(&second);
    for holder in [&first, &second] {
        assert_eq!(holder.send(&message("a@example.com"))?.status, 200);
    }
    let third = scene.call("PUT", &format!("user/tokens/{id}/value"), &json!({ "overlap": "0s" }))?;
    for holder in [&first, &second] {
        assert_eq!(holder.send(&message("a@example.com"))?.status, 401);
    }
    let third = scene.holder_of(&third);
    assert_eq!(third.send(&message("a@example.com"))?.status, 200);
    let shown = scene.call("GET", &format!("user/tokens/{id}"), &Value::Null)?;
    assert!(shown["last_used_on"].is_string() && shown.get("value").is_none(), "{shown}");
    scene.call("DELETE", &format!("user/tokens/{id}"), &Value::Null)?;
    assert_eq!(third.send(&message("a@example.com"))?.status, 401);
    Ok(())
}

#[test]
fn of_many_who_onboard_a_domain_at_once_all_get_the_same() -> Result<()> {
    let scene = Scene::new()?;
    let path = format!("zones/{}/email/sending/subdomains", scene.api.account.zone_id);
    let answers: Vec<_> = thread::scope(|scope| {
        let tries: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| ask(&scene.api, "POST", &path, &json!({ "name": "n.example.com" }))))
            .collect();
        tries.into_iter().filter_map(|one| one.join().ok()).collect()
    });
    let mut made = 0;
    for answer in answers {
        let answer = answer?;
        assert!(answer.status == 200 || answer.error_code() == 1061, "{}", answer.text);
        made += u32::from(answer.status == 200);
    }
    assert!(made >= 1);
    let listed = scene.call("GET", &path, &Value::Null)?;
    let named = listed.as_array().into_iter().flatten().filter(|one| one["name"] == "n.example.com");
    assert_eq!(named.count(), 1);
    Ok(())
}

#[test]
fn nonsense_gets_an_answer_that_says_what_is_wrong() -> Result<()> {
    let scene = Scene::new()?;
    let Account { account_id, zone_id, .. } = scene.api.account.clone();
    let subdomains = format!("zones/{zone_id}/email/sending/subdomains");
    let cases = [
        ("POST", "accounts".to_owned(), json!({ "name": "" })),
        ("POST", "accounts".to_owned(), json!({ "name": 7 })),
        ("POST", "accounts".to_owned(), json!([])),
        ("POST", "zones".to_owned(), json!({ "name": "a b", "account": { "id": account_id } })),
        ("POST", "zones".to_owned(), json!({ "name": "[192.0.2.1]", "account": { "id": account_id } })),
        ("POST", "zones".to_owned(), json!({ "name": "example.com" })),
        ("POST", subdomains.clone(), json!({})),
        ("POST", subdomains.clone(), json!({ "name": "example.org" })),
        ("POST", subdomains.clone(), json!({ "name": "a.*.example.com" })),
        ("POST", subdomains, json!({ "name": "x".repeat(300) })),
        ("POST", "user/tokens".to_owned(), json!({ "name": "t", "policies": [] })),
        ("POST", "user/tokens".to_owned(), json!({ "name": "t", "policies": [{ "effect": "deny" }] })),
        ("GET", "zones?page=0".to_owned(), Value::Null),
        ("GET", "zones?per_page=99999999999999999999".to_owned(), Value::Null),
        ("GET", "zones?page=18446744073709551615&per_page=0".to_owned(), Value::Null),
        ("GET", format!("accounts/{account_id}/audit_logs?since=yesterday"), Value::Null),
    ];
    for (method, path, body) in cases {
        let answer = ask(&scene.api, method, &path, &body)?;
        assert_eq!(answer.status, 400, "{method} {path} {body}: {}", answer.text);
        let error = &answer.json()["errors"][0];
        assert!(error["detail"].as_str().is_some_and(|text| text.ends_with('.')), "{path} {body}: {error}");
    }
    let beyond = ask(&scene.api, "GET", "zones?page=18446744073709551615&per_page=1000", &Value::Null)?;
    assert_eq!(beyond.result(), json!([]));
    let strange = ask(&scene.api, "GET", "zones/%ff%00", &Value::Null)?;
    assert_eq!((strange.status, strange.error_code()), (404, 7003));
    Ok(())
}

#[test]
fn the_command_line_makes_accounts_zones_and_tokens_and_tells_who_did() -> Result<()> {
    let scene = Scene::new()?;
    let state = scene.installation.state();
    let account = control::json(state, &["account", "create", "shop"])?;
    let id = account["id"].as_str().unwrap_or_default();
    control::text(state, &["zone", "create", "shop.example", "--account", id])?;
    let zones = control::text(state, &["zone", "list", "--account", id])?;
    assert!(zones.contains("shop.example") && !zones.contains("example.com"), "{zones}");
    let ambiguous = control::run(state, &["zone", "create", "x.example"])?;
    let said = String::from_utf8_lossy(&ambiguous.stderr).into_owned();
    assert!(!ambiguous.status.success() && said.contains("--account"), "{said}");
    let arguments = ["token", "create", "app", "--permission", "send", "--zone", "shop.example"];
    let secret = control::text(state, &arguments)?;
    let holder = scene.holder_of(&secret.trim().into());
    assert_eq!(ask(&holder, "GET", "user/tokens/verify", &Value::Null)?.result()["status"], "active");
    let listed = control::text(state, &["token", "list"])?;
    assert!(listed.contains("send (1 zones)"), "{listed}");
    control::text(state, &["zone", "delete", "shop.example"])?;
    let log = control::json(state, &["audit", "--account", id, "--kind", "zone"])?;
    let said: Vec<_> = log.as_array().into_iter().flatten().map(|one| &one["action"]["type"]).collect();
    assert_eq!(said, ["delete", "create"]);
    assert!(log[0]["actor"]["id"].as_str().is_some_and(|id| id.starts_with("uid ")), "{log}");
    Ok(())
}

#[test]
fn the_first_start_makes_a_token_and_shows_it_once() -> Result<()> {
    let folder = tempfile::tempdir().context("make a folder")?;
    let (config, state) = (folder.path().join("mailwright.toml"), folder.path().join("state"));
    let toml =
        "hostname = \"mx.example\"\n[http]\nlisten = \"127.0.0.1:0\"\n[smtp]\nlisten = [\"127.0.0.1:0\"]\n";
    fs::write(&config, toml).context("write the configuration")?;
    let start = |out: &Path| -> Result<Server> {
        let mut command = mailwright();
        command.arg("serve").arg("--config").arg(&config).arg("--state").arg(&state);
        Server::start(command, &state.join("ready.json"), out).map(|(server, _)| server)
    };
    let (first_log, second_log) = (folder.path().join("first.log"), folder.path().join("second.log"));
    let mut server = start(&first_log)?;
    let said = fs::read_to_string(&first_log).unwrap_or_default();
    let secret =
        said.lines().find(|line| line.len() == 40 && line.bytes().all(|b| b.is_ascii_alphanumeric()));
    let secret = secret.unwrap_or_else(|| panic!("no token in {said}")).to_owned();
    let account = Account { account_id: String::new(), zone_id: String::new(), token: secret.clone() };
    let api = Api::new(server.http, account);
    assert_eq!(ask(&api, "GET", "accounts", &Value::Null)?.result().as_array().map(Vec::len), Some(1));
    server.stop()?;
    let mut server = start(&second_log)?;
    let said = fs::read_to_string(&second_log).unwrap_or_default();
    assert!(!said.contains("shown this once") && !said.contains(&secret), "{said}");
    server.stop()?;
    Ok(())
}
