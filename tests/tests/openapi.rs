//! The description of the API is valid OpenAPI, and a program that knows nothing else finds nothing wrong: schemathesis
//! makes good and bad requests of it and holds every answer against it.

use std::env;
use std::fs;

use serde_json::{Value, json};

use mailwright_tests::error::{Context, Result};
use mailwright_tests::http::{Account, Api};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::python;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server, run_to_end};

const ACCOUNT: &str = "com.cloudflare.api.account.";

/// A server with one of everything that the API has.
struct World {
    installation: Installation,
    server: Server,
    api: Api,
    _sandbox: Sandbox,
}

impl World {
    fn new() -> Result<Self> {
        let sandbox = Sandbox::start()?;
        let config = Config {
            more: "[webhooks]\nprivate_hosts = true\ntimeout = \"2s\"\n".into(),
            log_level: "error".into(),
            ..Config::to(sandbox.address)
        };
        let installation = Installation::new(&config)?;
        let server = installation.start()?;
        let api = installation.api(&server);
        Ok(Self { installation, server, api, _sandbox: sandbox })
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        Ok(self.api.post(&format!("/client/v4/{path}"), &body.to_string(), &[])?.result())
    }

    /// Makes an object and returns its id.
    fn make(&self, path: &str, body: &Value) -> Result<Value> {
        let made = self.post(path, body)?;
        Ok(made.get("id").or_else(|| made.get("tag")).cloned().unwrap_or_default())
    }

    /// The policy of a token that has these permissions.
    fn policy(&self, permissions: &[&str], resource: &str) -> Result<Value> {
        let path = "/client/v4/user/tokens/permission_groups";
        let groups = self.api.request("GET", path, "", &[])?.result();
        let groups = groups.as_array().into_iter().flatten();
        let groups: Vec<_> = groups
            .filter(|group| permissions.iter().any(|name| group["name"] == *name))
            .map(|group| json!({ "id": group["id"] }))
            .collect();
        let resource = format!("{ACCOUNT}{resource}");
        Ok(json!({ "effect": "allow", "permission_groups": groups, "resources": { resource: "*" } }))
    }

    /// Makes one object of each kind, named after `name`, and returns the ids by path parameter.
    fn objects(&self, name: &str) -> Result<Value> {
        let Account { account_id, zone_id, .. } = &self.api.account;
        let sending = format!("accounts/{account_id}/email/sending");
        let policy = self.policy(&["send"], account_id)?;
        let account = json!({ "id": account_id });
        // Nobody there speaks TLS: calls fail, and at once.
        let webhook = json!({ "url": format!("https://{}/{name}", self.server.http) });
        Ok(json!({
            "account_id": self.make("accounts", &json!({ "name": name }))?,
            "zone_id": self.make("zones", &json!({ "name": format!("{name}.example"), "account": account }))?,
            "tag": self.make(
                &format!("zones/{zone_id}/email/sending/subdomains"),
                &json!({ "name": format!("{name}.example.com") }),
            )?,
            "token_id": self.make("user/tokens", &json!({ "name": name, "policies": [policy] }))?,
            "webhook_id": self.make(&format!("{sending}/webhooks"), &webhook)?,
            "suppression_id": self.make(
                &format!("{sending}/suppressions"),
                &json!({ "email": format!("{name}@example.org") }),
            )?,
        }))
    }

    /// What `api_hooks.py` reads: objects that stay and objects that may go.
    fn told(&self) -> Result<Value> {
        let Account { account_id, zone_id, .. } = &self.api.account;
        let mut objects = self.objects("stays")?;
        (objects["account_id"], objects["zone_id"]) = (json!(account_id), json!(zone_id));
        let message = json!({ "from": "a@example.com", "to": "b@example.net", "subject": "s", "text": "t" });
        let sent = self.api.send(&message)?.result();
        let id = sent["message_id"].as_str().and_then(|id| id.split('.').next());
        objects["id"] = id.into();
        let spare = self.objects("goes")?;
        let spares = spare.as_object().into_iter().flatten();
        let spares: Value = spares.map(|(name, id)| (name.clone(), json!([id]))).collect();
        Ok(json!({
            "objects": objects, "spares": spares, "sender": "a@example.com",
            "policy": self.policy(&["send"], account_id)?, "foreign": false,
        }))
    }

    /// Has schemathesis try every route with `token`.
    fn try_all(&self, token: &str, told: &Value) -> Result<()> {
        let file = self.installation.state().join("world.json");
        fs::write(&file, told.to_string()).context("write what is told")?;
        let examples = if env::var_os("MAILWRIGHT_LONG").is_some() { "300" } else { "8" };
        let seed = env::var("MAILWRIGHT_SEED").unwrap_or_else(|_| "5".to_owned());
        println!("MAILWRIGHT_SEED={seed}");
        let base = format!("http://{}", self.server.http);
        let file = file.to_string_lossy().into_owned();
        let said = python::run("check_api.py", [&base, token, &file, examples, &seed])?;
        assert_eq!(said["failed"], false, "{}", said["said"].as_str().unwrap_or_default());
        println!("{}", said["said"].as_str().unwrap_or_default());
        Ok(())
    }
}

#[test]
fn every_answer_to_an_operator_is_as_described() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let world = World::new()?;
    let told = world.told()?;
    world.try_all(&world.api.account.token, &told)
}

#[test]
fn every_answer_to_the_holder_of_a_zone_is_as_described_and_tells_nothing_of_others() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let world = World::new()?;
    let mut told = world.told()?;
    told["foreign"] = json!(true);
    let other = world.make("accounts", &json!({ "name": "other" }))?;
    let zone = json!({ "name": "other.example", "account": { "id": other } });
    let zone = world.make("zones", &zone)?;
    let all = ["send", "suppression_read", "suppression_edit", "analytics_read", "admin"];
    let policy = world.policy(&all, &format!("zone.{}", zone.as_str().unwrap_or_default()))?;
    let token = world.post("user/tokens", &json!({ "name": "limited", "policies": [policy] }))?;
    world.try_all(token["value"].as_str().unwrap_or_default(), &told)
}

#[test]
fn the_description_needs_no_token_and_is_what_the_command_line_prints() -> Result<()> {
    let world = World::new()?;
    let served = mailwright_tests::http::get(world.server.http, "/client/v4/openapi.json")?;
    assert_eq!((served.status, served.content_type.as_str()), (200, "application/json"));
    let printed = run_to_end(["openapi"])?;
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap_or_default();
    assert_eq!((served.json()["openapi"].as_str(), &served.json()), (Some("3.1.0"), &printed));
    Ok(())
}
