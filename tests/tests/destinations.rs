//! Destination addresses: their owners are asked, and accounts that are held to it write to nobody else.

use data_encoding::BASE64;
use serde_json::{Value, json};

use mailwright_tests::control;
use mailwright_tests::error::{Error, Result};
use mailwright_tests::http::{self, Account, Answer, Api};
use mailwright_tests::mailbox::Received;
use mailwright_tests::message::header;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::python;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server};
use mailwright_tests::smtp::SmtpClient;

const MORE: &str = "[submission]\nlisten = [\"127.0.0.1:0\"]\nallow_plain_auth_on_loopback = true\n\
                    [routing]\nverification_from = \"verify@example.com\"\n";
const ADMIN: usize = 7;
const SEND: usize = 1;

struct Scene {
    api: Api,
    server: Server,
    installation: Installation,
    sandbox: Sandbox,
}

impl Scene {
    fn new() -> Result<Self> {
        let sandbox = Sandbox::start()?;
        let installation = Installation::new(&Config { more: MORE.into(), ..Config::to(sandbox.address) })?;
        let server = installation.start()?;
        let api = installation.api(&server);
        Ok(Self { api, server, installation, sandbox })
    }

    /// A client with a token of the account's own.
    fn with_token(&self, permission: usize) -> Result<Api> {
        let resource = format!("com.cloudflare.api.account.{}", self.api.account.account_id);
        let policy = json!({
            "effect": "allow", "resources": { resource: "*" },
            "permission_groups": [{ "id": format!("{permission:032x}") }],
        });
        let body = json!({ "name": "test", "policies": [policy] }).to_string();
        let token = self.api.post("/client/v4/user/tokens", &body, &[])?.result();
        let token = token["value"].as_str().unwrap_or_default().to_owned();
        Ok(Api::new(self.server.http, Account { token, ..self.api.account.clone() }))
    }

    fn hold_to_verified(&self) -> Result<()> {
        let id = self.api.account.account_id.as_str();
        let only = ["account", "limits", id, "--verified-recipients-only", "true"];
        let text = control::text(self.installation.state(), &only)?;
        assert!(text.contains("verified addresses and domains only"), "{text}");
        Ok(())
    }

    /// The path of the link in the mail to `recipient`.
    fn link(&self, recipient: &str) -> Result<String> {
        let mail: Received = self.sandbox.mailbox.wait_for(recipient)?;
        assert_eq!(header(&mail.message, "From").as_deref(), Some("<verify@example.com>"));
        assert_eq!(header(&mail.message, "Auto-Submitted").as_deref(), Some("auto-generated"));
        assert!(header(&mail.message, "DKIM-Signature").is_some());
        link_in(&mail, self.server.http)
    }
}

fn link_in(mail: &Received, http: std::net::SocketAddr) -> Result<String> {
    let text = String::from_utf8_lossy(&mail.message).replace("=\r\n", "");
    let found = text.split(&format!("http://{http}")).nth(1).and_then(|rest| rest.split_whitespace().next());
    found.map(ToOwned::to_owned).ok_or_else(|| Error::unexpected("find the link", text.clone()))
}

fn addresses(api: &Api, rest: &str) -> String {
    format!("/client/v4/accounts/{}/email/routing/addresses{rest}", api.account.account_id)
}

fn create(api: &Api, email: &str) -> Result<Answer> {
    api.post(&addresses(api, ""), &json!({ "email": email }).to_string(), &[])
}

fn get(api: &Api, id: &Value) -> Result<Value> {
    let path = addresses(api, &format!("/{}", id.as_str().unwrap_or_default()));
    Ok(api.request("GET", &path, "", &[])?.result())
}

fn send(api: &Api, to: &[&str]) -> Result<Answer> {
    api.send(&json!({ "from": "a@example.com", "to": to, "subject": "hello", "text": "hello" }))
}

#[test]
fn every_call_of_the_sdk_for_destination_addresses() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let scene = Scene::new()?;
    let args = [scene.api.base_url(), scene.api.account.token.clone(), scene.api.account.account_id.clone()];
    let report = python::run("sdk_addresses.py", &args)?;
    assert_eq!(report["created"]["email"], "a@example.net", "{report}");
    assert_eq!(
        (&report["created"]["verified"], &report["created"]["id"]),
        (&Value::Null, &report["created"]["tag"])
    );
    assert_eq!(report["got"]["email"], "b@example.net");
    assert!(report["edited"]["verified"].is_string(), "{report}");
    assert_eq!(report["all"], json!(["a@example.net", "b@example.net", "c@example.net"]));
    assert_eq!(report["newest_first"], json!(["c@example.net", "b@example.net", "a@example.net"]));
    assert_eq!(report["verified"], json!(["a@example.net"]));
    assert_eq!(report["unverified"], json!(["b@example.net", "c@example.net"]));
    assert_eq!((&report["deleted"]["email"], &report["missing"]), (&json!("c@example.net"), &json!(404)));
    assert_eq!(report["left"], json!(["a@example.net", "b@example.net"]));
    Ok(())
}

#[test]
fn only_the_button_behind_the_link_verifies_and_only_once() -> Result<()> {
    let scene = Scene::new()?;
    let made = create(&scene.api, "Ann@example.net")?.result();
    assert_eq!(made["verified"], Value::Null);
    let path = scene.link("Ann@example.net")?;
    for _ in 0..2 {
        let page = http::get(scene.server.http, &path)?;
        assert_eq!((page.status, page.content_type.as_str()), (200, "text/html"), "{}", page.text);
        assert!(page.text.contains("Ann@example.net") && page.text.contains("<form method=\"post\">"));
        assert_eq!(get(&scene.api, &made["id"])?["verified"], Value::Null, "a look verified it");
    }
    assert_eq!(http::get(scene.server.http, "/verify/nonsense")?.status, 404);
    let pressed = scene.api.post(&path, "", &[])?;
    assert!(pressed.status == 200 && pressed.text.contains("is verified"), "{}", pressed.text);
    let verified = get(&scene.api, &made["id"])?["verified"].clone();
    assert!(verified.is_string());
    assert_eq!(
        (scene.api.post(&path, "", &[])?.status, http::get(scene.server.http, &path)?.status),
        (404, 404)
    );
    // Verified is verified: nobody is asked twice, and it stays so.
    assert_eq!(create(&scene.api, "ann@example.net")?.result()["verified"], verified);
    let records = format!("/client/v4/accounts/{}/audit_logs", scene.api.account.account_id);
    let records = scene.api.request("GET", &records, "", &[])?.result().to_string();
    assert!(records.contains("destination_address") && !records.contains(&path["/verify/".len()..]));
    Ok(())
}

#[test]
fn a_newer_link_takes_the_place_of_an_older_one_and_nobody_is_flooded() -> Result<()> {
    let scene = Scene::new()?;
    create(&scene.api, "b@example.net")?.result();
    let first = scene.link("b@example.net")?;
    for _ in 0..2 {
        create(&scene.api, "B@example.net")?.result();
    }
    let fourth = create(&scene.api, "b@example.net")?;
    assert_eq!((fourth.status, fourth.error_code()), (429, 10004), "{}", fourth.text);
    assert!(fourth.retry_after.is_some_and(|wait| (1..=3_660).contains(&wait)), "{fourth:?}");
    assert_eq!(scene.api.post(&first, "", &[])?.status, 404);
    Ok(())
}

#[test]
fn an_account_that_is_held_to_it_writes_to_its_own_alone() -> Result<()> {
    let scene = Scene::new()?;
    scene.hold_to_verified()?;
    let refused = send(&scene.api, &["stranger@example.net", "me@example.com"])?;
    let error = refused.json()["errors"][0].clone();
    assert_eq!((refused.status, &error["reason"]), (400, &json!("E_RECIPIENT_NOT_ALLOWED")), "{error}");
    assert!(error["detail"].as_str().is_some_and(|text| text.contains("stranger@example.net")), "{error}");
    // Its own verified domain, and what is below it.
    send(&scene.api, &["me@example.com", "me@below.example.com"])?.result();
    let preflight = json!({ "from": "a@example.com", "to": "x@example.net", "subject": "s", "text": "t" });
    let report =
        scene.api.post(&scene.api.sending_path("send/preflight"), &preflight.to_string(), &[])?.result();
    assert_eq!(report["errors"][0]["reason"], "E_RECIPIENT_NOT_ALLOWED", "{report}");

    let address = scene.server.submission.ok_or_else(|| Error::unexpected("find submission", ""))?;
    let mut client = SmtpClient::connect_and_greet(address)?;
    let login = BASE64.encode(format!("\0me\0{}", scene.api.account.token).as_bytes());
    assert_eq!(client.command(&format!("AUTH PLAIN {login}"))?.code, 235);
    assert_eq!(client.command("MAIL FROM:<a@example.com>")?.code, 250);
    assert_eq!(client.command("RCPT TO:<stranger@example.net>")?.code, 550);
    assert_eq!(client.command("RCPT TO:<me@example.com>")?.code, 250);

    create(&scene.api, "friend@example.net")?.result();
    assert_eq!(send(&scene.api, &["friend@example.net"])?.status, 400, "nobody has agreed yet");
    scene.api.post(&scene.link("friend@example.net")?, "", &[])?;
    send(&scene.api, &["Friend@example.net"])?.result();
    Ok(())
}

#[test]
fn only_operators_say_of_others_that_they_agreed_and_bad_input_is_told() -> Result<()> {
    let scene = Scene::new()?;
    let (admin, sender) = (scene.with_token(ADMIN)?, scene.with_token(SEND)?);
    let made = create(&admin, "c@example.net")?.result();
    let path = addresses(&admin, &format!("/{}", made["id"].as_str().unwrap_or_default()));
    let verify = json!({ "status": "verified" }).to_string();
    assert_eq!(admin.request("PATCH", &path, &verify, &[])?.status, 403);
    assert!(scene.api.request("PATCH", &path, &verify, &[])?.result()["verified"].is_string());
    let unverify = json!({ "status": "unverified" }).to_string();
    assert_eq!(admin.request("PATCH", &path, &unverify, &[])?.result()["verified"], Value::Null);
    assert_eq!(create(&sender, "d@example.net")?.status, 403);
    for body in ["{}", "[]", "{\"email\":\"nobody\"}", "{\"email\":7}", "{\"email\":\"a@b\\r\\nBcc: c@d\"}"] {
        let answer = scene.api.post(&addresses(&scene.api, ""), body, &[])?;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        answer.error_code();
    }
    for query in ["?verified=maybe", "?order=name", "?direction=up", "?page=0", "?per_page=5000"] {
        let answer = scene.api.request("GET", &addresses(&scene.api, query), "", &[])?;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
    }
    let other = scene.api.post("/client/v4/accounts", &json!({ "name": "other" }).to_string(), &[])?.result();
    let other = other["id"].as_str().unwrap_or_default();
    let foreign = path.replace(&admin.account.account_id, other);
    for (api, method, body) in
        [(&admin, "GET", ""), (&scene.api, "DELETE", ""), (&scene.api, "PATCH", &*unverify)]
    {
        let answer = api.request(method, &foreign, body, &[])?;
        assert_eq!(answer.status, 404, "{method}: {}", answer.text);
    }
    Ok(())
}
