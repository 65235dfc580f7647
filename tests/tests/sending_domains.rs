//! A sending domain from its first record to its last: published at a name server by dynamic update, found, verified,
//! given new keys, and taken down again.

use std::fs;

use serde_json::{Value, json};

use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::http::Api;
use mailwright_tests::knot::{KEY, Knot};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server, mailwright};
use mailwright_tests::zone::Zone;

/// What is in the DNS before: our own hosts, and nothing about the domain.
const RECORDS: &str = "mx.mail A 192.0.2.1\n_spf.mail TXT \"v=spf1 ip4:192.0.2.1 ~all\"";

struct Scene {
    api: Api,
    zone_id: String,
    /// Where sending domains of the zone are.
    domains: String,
    _server: Server,
    installation: Installation,
    _sandbox: Sandbox,
    _knot: Knot,
    files: tempfile::TempDir,
}

impl Scene {
    /// A server whose resolver and name server is Knot, with the zone shop.example.
    fn new(records: &str) -> Result<Self> {
        let (sandbox, knot) = (Sandbox::start()?, Knot::start(&Zone::new("example", records))?);
        let files = tempfile::tempdir().context("make a folder")?;
        let key = files.path().join("tsig.key");
        fs::write(&key, &knot.secret).context("write the key")?;
        let address = knot.address;
        let more = format!(
            "[dns]\nservers = [\"{address}\"]\n[sending]\nmx = [\"mx.mail.example\"]\n\
             spf_include = \"_spf.mail.example\"\n[[sending.dns_updates]]\nzone = \"example\"\n\
             server = \"{address}\"\nkey_name = \"{KEY}\"\nkey_file = {key:?}\n"
        );
        let installation = Installation::new(&Config { more, ..Config::to(sandbox.address) })?;
        let server = installation.start()?;
        let api = installation.api(&server);
        let body = json!({ "name": "shop.example", "account": { "id": api.account.account_id } });
        let zone = call(&api, "POST", "zones", &body)?;
        let zone_id = zone["id"].as_str().unwrap_or_default().to_owned();
        let domains = format!("zones/{zone_id}/email/sending/subdomains");
        Ok(Self {
            api,
            zone_id,
            domains,
            _server: server,
            installation,
            _sandbox: sandbox,
            _knot: knot,
            files,
        })
    }

    fn make(&self, name: &str) -> Result<String> {
        let domain = call(&self.api, "POST", &self.domains, &json!({ "name": name }))?;
        Ok(format!("{}/{}", self.domains, domain["tag"].as_str().unwrap_or_default()))
    }

    fn send(&self, from: &str) -> Result<Value> {
        let message = json!({ "from": from, "to": "a@example.net", "subject": "hello", "text": "hello" });
        Ok(self.api.send(&message)?.json())
    }
}

fn call(api: &Api, method: &str, path: &str, body: &Value) -> Result<Value> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    Ok(api.request(method, &format!("/client/v4/{path}"), &body, &[])?.result())
}

/// The stages of a domain's keys, in the order of the keys.
fn stages(domain: &Value) -> Vec<&str> {
    domain["dkim_keys"].as_array().into_iter().flatten().filter_map(|key| key["stage"].as_str()).collect()
}

fn states(records: &Value) -> Vec<&str> {
    records.as_array().into_iter().flatten().filter_map(|record| record["state"].as_str()).collect()
}

#[test]
fn a_domain_is_published_found_verified_and_sends() -> Result<()> {
    if skip_without(&[Need::Knot]) {
        return Ok(());
    }
    let scene = Scene::new(RECORDS)?;
    let domain = scene.make("shop.example")?;
    let reason = |answer: &Value| answer["errors"][0]["reason"].clone();
    assert_eq!(reason(&scene.send("a@shop.example")?), "E_SENDER_NOT_VERIFIED");
    let missing = call(&scene.api, "POST", &format!("{domain}/check"), &Value::Null)?;
    assert_eq!((&missing["report"]["state"], &missing["verified"]), (&json!("unconfigured"), &Value::Null));
    let findings = missing["report"]["findings"].as_array().cloned().unwrap_or_default();
    assert!(!findings.is_empty() && findings.iter().all(|one| one["message"].is_string()), "{missing}");

    let done = call(&scene.api, "POST", &format!("{domain}/dns"), &Value::Null)?;
    assert_eq!(done["changes"].as_array().map(Vec::len), Some(5), "{done}");
    let found = call(&scene.api, "POST", &format!("{domain}/check"), &Value::Null)?;
    assert_eq!(found["report"]["state"], "ready", "{found}");
    assert!(found["verified"].is_string());
    assert_eq!(scene.send("a@shop.example")?["success"], true);

    let records = call(&scene.api, "GET", &format!("zones/{}/dns_records", scene.zone_id), &Value::Null)?;
    assert_eq!(states(&records), ["locked"; 5], "{records}");
    let listed = call(&scene.api, "GET", &format!("{domain}/dns"), &Value::Null)?;
    assert_eq!(listed.as_array().map(Vec::len), Some(5));
    let path = format!("/client/v4/{domain}/dns?format=bind");
    let zone_file = scene.api.request("GET", &path, "", &[])?;
    assert_eq!((zone_file.status, zone_file.content_type.as_str()), (200, "text/plain"));
    assert!(zone_file.text.contains("cf-bounce.shop.example."), "{}", zone_file.text);
    Ok(())
}

#[test]
fn the_doctor_knows_from_the_server_what_should_be_there() -> Result<()> {
    if skip_without(&[Need::Knot]) {
        return Ok(());
    }
    let scene = Scene::new(RECORDS)?;
    let domain = scene.make("shop.example")?;
    let config = scene.files.path().join("mailwright.toml");
    fs::write(&config, scene.installation.configuration()?).context("write the configuration")?;
    let doctor = || -> Result<Value> {
        let mut command = mailwright();
        command.args(["doctor", "shop.example", "--no-block-lists", "--json", "--config"]).arg(&config);
        let output =
            command.arg("--state").arg(scene.installation.state()).output().context("run the doctor")?;
        serde_json::from_slice(&output.stdout)
            .map_err(|error| Error::unexpected("the doctor's JSON", format!("{error}: {output:?}")))
    };
    let codes = |report: &Value| {
        let findings = report["findings"].as_array().cloned().unwrap_or_default();
        let errors = findings.into_iter().filter(|finding| finding["severity"] == "error");
        errors.filter_map(|finding| finding["code"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let before = doctor()?;
    assert_eq!(before["sending"]["state"], "unconfigured", "{before:#}");
    assert_eq!(codes(&before).iter().filter(|code| *code == "dkim_not_found").count(), 2, "{before:#}");
    call(&scene.api, "POST", &format!("{domain}/dns"), &Value::Null)?;
    let after = doctor()?;
    assert_eq!(after["sending"]["state"], "ready", "{after:#}");
    Ok(())
}

#[test]
fn new_keys_sign_once_they_are_published_and_the_old_stay_for_a_while() -> Result<()> {
    if skip_without(&[Need::Knot]) {
        return Ok(());
    }
    let scene = Scene::new(RECORDS)?;
    let domain = scene.make("news.shop.example")?;
    call(&scene.api, "POST", &format!("{domain}/dns"), &Value::Null)?;
    call(&scene.api, "POST", &format!("{domain}/check"), &Value::Null)?;
    let rotated = call(&scene.api, "POST", &format!("{domain}/rotate"), &Value::Null)?;
    assert_eq!(stages(&rotated), ["signing", "signing", "waiting", "waiting"]);
    call(&scene.api, "POST", &format!("{domain}/check"), &Value::Null)?;
    let waiting = call(&scene.api, "GET", &domain, &Value::Null)?;
    assert_eq!(stages(&waiting), stages(&rotated), "nobody can find the new ones yet");
    assert_eq!(scene.send("a@news.shop.example")?["success"], true);

    let done = call(&scene.api, "POST", &format!("{domain}/dns"), &Value::Null)?;
    assert_eq!(done["changes"].as_array().map(Vec::len), Some(2), "{done}");
    call(&scene.api, "POST", &format!("{domain}/check"), &Value::Null)?;
    let changed = call(&scene.api, "GET", &domain, &Value::Null)?;
    assert_eq!(stages(&changed), ["retiring", "retiring", "signing", "signing"]);
    assert_ne!(changed["dkim_selector"], rotated["dkim_selector"]);
    assert_eq!(scene.send("a@news.shop.example")?["success"], true);
    Ok(())
}

#[test]
fn a_domain_that_goes_takes_its_records_along_if_told_to() -> Result<()> {
    if skip_without(&[Need::Knot]) {
        return Ok(());
    }
    let scene = Scene::new(RECORDS)?;
    let domain = scene.make("*.shop.example")?;
    call(&scene.api, "POST", &format!("{domain}/dns"), &Value::Null)?;
    call(&scene.api, "POST", &format!("{domain}/check"), &Value::Null)?;
    assert_eq!(scene.send("a@anything.shop.example")?["success"], true);
    call(&scene.api, "DELETE", &format!("{domain}?dns=remove"), &Value::Null)?;
    let refused = scene.send("a@anything.shop.example")?;
    assert_eq!(refused["errors"][0]["reason"], "E_SENDER_DOMAIN_NOT_AVAILABLE");
    // Set up again, it finds nothing of what was there.
    let again = scene.make("*.shop.example")?;
    let report = call(&scene.api, "POST", &format!("{again}/check"), &Value::Null)?;
    assert_eq!(report["report"]["state"], "unconfigured", "{report}");
    Ok(())
}

#[test]
fn what_others_have_published_is_left_alone() -> Result<()> {
    if skip_without(&[Need::Knot]) {
        return Ok(());
    }
    let theirs =
        format!("{RECORDS}\ncf-bounce.shop TXT \"v=spf1 -all\"\n_dmarc.shop TXT \"v=DMARC1; p=reject\"");
    let scene = Scene::new(&theirs)?;
    let domain = scene.make("shop.example")?;
    let path = format!("/client/v4/{domain}/dns");
    let refused = scene.api.request("POST", &path, "{}", &[])?;
    let said = refused.json()["errors"][0]["detail"].as_str().unwrap_or_default().to_owned();
    assert!(refused.status == 400 && said.contains("cf-bounce.shop.example TXT"), "{said}");
    let done = call(&scene.api, "POST", &format!("{domain}/dns"), &json!({ "replace": true }))?;
    assert_eq!(done["kept"][0]["content"], "v=DMARC1; p=reject", "{done}");
    Ok(())
}
