//! A zone that comes to take mail from the world: enabled by clients that others wrote, its records published at a name
//! server by dynamic update and found there, looked after while they are locked, and taken out again.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use mailwright_tests::error::{Context, Result};
use mailwright_tests::http::Api;
use mailwright_tests::knot::{KEY, Knot};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server};
use mailwright_tests::wait::until;
use mailwright_tests::zone::Zone;
use mailwright_tests::{control, javascript, python};

/// What is in the DNS before: our own hosts, what shop.example has for itself, and a zone whose mail goes elsewhere.
const RECORDS: &str = "mx.mail A 192.0.2.1
policies.mail A 192.0.2.2
_spf.mail TXT \"v=spf1 ip4:192.0.2.1 ~all\"
shop TXT \"v=spf1 ip4:198.51.100.0/24 -all\"
shop TXT \"some-site-verification=1\"
taken MX 10 mx.elsewhere
mx.elsewhere A 192.0.2.9";

struct Scene {
    api: Api,
    server: Server,
    installation: Installation,
    _sandbox: Sandbox,
    _knot: Knot,
    _files: tempfile::TempDir,
}

impl Scene {
    /// A server whose resolver and name server is Knot; `routing` is what stands in its section of that name.
    fn new(routing: &str) -> Result<Self> {
        let (sandbox, knot) = (Sandbox::start()?, Knot::start(&Zone::new("example", RECORDS))?);
        let files = tempfile::tempdir().context("make a folder")?;
        let key = files.path().join("tsig.key");
        fs::write(&key, &knot.secret).context("write the key")?;
        let address = knot.address;
        let more = format!(
            "[dns]\nservers = [\"{address}\"]\n[sending]\nmx = [\"mx.mail.example\"]\n\
             spf_include = \"_spf.mail.example\"\n[[sending.dns_updates]]\nzone = \"example\"\n\
             server = \"{address}\"\nkey_name = \"{KEY}\"\nkey_file = {key:?}\n[routing]\n{routing}\n"
        );
        let installation = Installation::new(&Config { more, ..Config::to(sandbox.address) })?;
        let server = installation.start()?;
        let api = installation.api(&server);
        Ok(Self { api, server, installation, _sandbox: sandbox, _knot: knot, _files: files })
    }

    fn zone(&self, name: &str) -> Result<String> {
        let body = json!({ "name": name, "account": { "id": self.api.account.account_id } });
        let zone = self.call("POST", "zones", &body)?;
        Ok(zone["id"].as_str().unwrap_or_default().to_owned())
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Ok(self.api.request(method, &format!("/client/v4/{path}"), &body, &[])?.result())
    }

    /// Calls a route of the routing of `zone`.
    fn routing(&self, method: &str, zone: &str, route: &str, body: &Value) -> Result<Value> {
        self.call(method, &format!("zones/{zone}/email/routing{route}"), body)
    }

    /// What the DNS now has at `name`, by a look at what it should have.
    fn faults(&self, zone: &str, name: &str) -> Result<Vec<String>> {
        let found = self.routing("GET", zone, &format!("/dns?subdomain={name}"), &Value::Null)?;
        let errors = found["errors"].as_array().cloned().unwrap_or_default();
        Ok(errors.iter().filter_map(|error| error["code"].as_str().map(str::to_owned)).collect())
    }
}

fn rows(records: &Value) -> Vec<(&str, &str, &str)> {
    let records = records.as_array().into_iter().flatten();
    records
        .map(|record| {
            let of = |field: &str| record[field].as_str().unwrap_or_default();
            (of("type"), of("name"), of("content"))
        })
        .collect()
}

#[test]
fn the_python_sdk_has_a_zone_take_mail_and_no_more() -> Result<()> {
    if skip_without(&[Need::Python, Need::Knot]) {
        return Ok(());
    }
    let policy = "mta_sts = \"enforce\"\nmta_sts_host = \"policies.mail.example\"\n\
                  tls_reports = \"tls@mail.example\"";
    let scene = Scene::new(policy)?;
    let zone = scene.zone("shop.example")?;
    let account = &scene.api.account;
    let below = "news.shop.example";
    let said = python::run("sdk_routing_settings.py", [&scene.api.base_url(), &account.token, &zone, below])?;
    let words = |step: &str| (said[step]["enabled"] == true, said[step]["status"].clone());
    assert_eq!(words("new"), (false, json!("unconfigured")), "{said:#}");
    assert_eq!(words("updated"), (false, json!("unconfigured")), "enabled has no effect there");
    assert_eq!(said["edited"]["skip_wizard"], true);
    assert_eq!(said["updated"]["support_subaddress"], true);
    for step in ["enabled", "below", "locked"] {
        assert_eq!(words(step), (true, json!("ready")), "{step}: {said:#}");
    }
    for step in ["unlocked", "unlocked_again"] {
        assert_eq!(words(step), (true, json!("unlocked")), "{step}");
    }
    for step in ["deleted", "disabled"] {
        assert_eq!(words(step), (false, json!("unconfigured")), "{step}");
    }
    let published = rows(&said["published"]);
    assert_eq!(published[0], ("MX", "shop.example", "mx.mail.example"));
    assert_eq!(published[1], ("TXT", "shop.example", "v=spf1 include:_spf.mail.example ~all"));
    assert_eq!(published[3], ("CNAME", "mta-sts.shop.example", "policies.mail.example"));
    assert_eq!(published[4].1, "_smtp._tls.shop.example");
    assert!(published[5].1.ends_with("._domainkey.shop.example"), "{published:?}");
    assert_eq!(said["needed"].as_array().map(Vec::len), Some(5), "all but the key, which is made later");
    let both = rows(&said["both"]);
    assert_eq!(both.iter().filter(|(_, name, _)| name.ends_with(below)).count(), 5, "{both:?}");
    // Everything is as it was before.
    let faults = scene.faults(&zone, "shop.example")?;
    assert_eq!(
        faults,
        [
            "mx.missing",
            "spf.conflict",
            "mta_sts.missing",
            "mta_sts.missing",
            "tls_rpt.missing",
            "dkim.missing"
        ]
    );
    Ok(())
}

#[test]
fn the_javascript_sdk_does_the_same() -> Result<()> {
    if skip_without(&[Need::JavaScript, Need::Knot]) {
        return Ok(());
    }
    let scene = Scene::new("")?;
    let zone = scene.zone("shop.example")?;
    let said = javascript::run(
        "sdk_routing_settings.mjs",
        [&scene.api.base_url(), &scene.api.account.token, &zone],
    )?;
    assert_eq!(
        said,
        json!({
            "get": "unconfigured", "edit": "unconfigured", "update": "unconfigured", "enable": "ready",
            "unlock": "unlocked", "created": "ready", "edited": "unlocked", "types": ["MX", "TXT", "TXT"],
            "deleted": "unconfigured", "disable": "unconfigured",
        })
    );
    Ok(())
}

#[test]
fn what_others_have_in_the_way_is_told_and_replaced_on_demand() -> Result<()> {
    if skip_without(&[Need::Knot]) {
        return Ok(());
    }
    let scene = Scene::new("")?;
    let zone = scene.zone("taken.example")?;
    let refused = scene.api.request(
        "POST",
        &format!("/client/v4/zones/{zone}/email/routing/dns"),
        &json!({ "name": "below.taken.example" }).to_string(),
        &[],
    )?;
    assert_eq!(refused.status, 400, "the zone comes first: {}", refused.text);

    let path = format!("/client/v4/zones/{zone}/email/routing/enable");
    let answer = scene.api.request("POST", &path, "{}", &[])?.json();
    assert_eq!(answer["result"]["status"], "misconfigured/locked", "{answer:#}");
    let told = answer["messages"][0].as_str().unwrap_or_default();
    assert!(told.contains("mx.elsewhere.example"), "{answer:#}");
    assert_eq!(scene.faults(&zone, "taken.example")?[0], "mx.conflict");
    let unlocked = scene.routing("POST", &zone, "/unlock", &json!({}))?;
    assert_eq!(unlocked["status"], "misconfigured");

    let done = scene.routing("POST", &zone, "/dns", &json!({ "replace": true }))?;
    assert_eq!(done["status"], "ready", "{done:#}");
    assert_eq!(scene.faults(&zone, "taken.example")?, Vec::<String>::new());
    let listed = scene.call("GET", &format!("zones/{zone}/dns_records"), &Value::Null)?;
    let listed = listed.as_array().cloned().unwrap_or_default();
    assert!(
        listed.len() == 3 && listed.iter().all(|row| row["service"] == "routing" && row["locked"] == true)
    );

    let shown = control::text(scene.installation.state(), &["zone", "routing", "status", "taken.example"])?;
    assert!(shown.starts_with("taken.example: ready (takes mail, records locked)"), "{shown}");
    control::text(scene.installation.state(), &["zone", "routing", "disable", "taken.example"])?;
    let after = scene.routing("GET", &zone, "", &Value::Null)?;
    assert_eq!((&after["enabled"], &after["status"]), (&json!(false), &json!("unconfigured")));
    Ok(())
}

#[test]
fn locked_records_that_are_missing_are_published_again() -> Result<()> {
    if skip_without(&[Need::Knot]) {
        return Ok(());
    }
    let mut scene = Scene::new("mta_sts = \"none\"")?;
    let zone = scene.zone("shop.example")?;
    let enabled = scene.routing("POST", &zone, "/enable", &json!({}))?;
    assert_eq!(enabled["status"], "ready", "{enabled:#}");
    scene.server.stop()?;
    // From now on the zones have a policy, whose records nobody has published.
    let config = scene.installation.configuration()?;
    let policy = "mta_sts = \"testing\"\nmta_sts_host = \"policies.mail.example\"";
    scene.installation.configure(&config.replace("mta_sts = \"none\"", policy))?;
    scene.server = scene.installation.start()?;
    scene.api = scene.installation.api(&scene.server);
    let states = until("records published again", Duration::from_secs(20), || {
        let looked = scene.routing("POST", &zone, "/check", &Value::Null)?;
        let records = looked["report"]["records"].as_array().cloned().unwrap_or_default();
        let are_there = records.iter().all(|record| record["state"] == "locked");
        Ok(are_there.then_some(records.len()))
    })?;
    assert_eq!(states, 5);
    Ok(())
}
