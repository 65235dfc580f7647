//! What a zone publishes about its mail, as clients see it: its records by their purpose, what is wrong with where reports
//! go, and the tree of its SPF record.

use serde_json::{Value, json};

use mailwright_tests::error::Result;
use mailwright_tests::http::{Answer, Api};
use mailwright_tests::knot::Knot;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::python;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Dev, Installation, Server};
use mailwright_tests::zone::Zone;

/// A zone that is well but for where its reports go, and one that delegates its policy.
const RECORDS: &str = "shop TXT \"v=spf1 include:_spf.mail.example a:nothing.example bogus -all\"
shop TXT \"another text\"
_spf.mail TXT \"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all\"
_dmarc.shop TXT \"v=DMARC1; p=none; rua=mailto:reports@mail.example\"
default._bimi.shop TXT \"v=BIMI1; l=https://shop.example/logo.svg\"
_dmarc.bare CNAME policy.mail
policy.mail TXT \"v=DMARC1; p=none; rua=mailto:reports@bare.example\"
_dmarc.lost CNAME nothing.mail";

struct Scene {
    api: Api,
    _server: Server,
    _installation: Installation,
    _sandbox: Sandbox,
    _knot: Knot,
}

impl Scene {
    fn new() -> Result<Self> {
        let (sandbox, knot) = (Sandbox::start()?, Knot::start(&Zone::new("example", RECORDS))?);
        let more = format!("[dns]\nservers = [\"{}\"]\n", knot.address);
        let installation = Installation::new(&Config { more, ..Config::to(sandbox.address) })?;
        let server = installation.start()?;
        let api = installation.api(&server);
        Ok(Self { api, _server: server, _installation: installation, _sandbox: sandbox, _knot: knot })
    }

    fn zone(&self, name: &str) -> Result<String> {
        let body = json!({ "name": name, "account": { "id": self.api.account.account_id } });
        let zone = self.api.post("/client/v4/zones", &body.to_string(), &[])?.result();
        Ok(zone["id"].as_str().unwrap_or_default().to_owned())
    }

    fn ask(&self, method: &str, zone: &str, path: &str, body: &str) -> Result<Answer> {
        self.api.request(method, &format!("/client/v4/zones/{zone}/email/auth/{path}"), body, &[])
    }

    fn reports(&self, name: &str) -> Result<Value> {
        Ok(self.ask("GET", &self.zone(name)?, "dmarc-reports", "")?.result())
    }
}

#[test]
fn the_python_sdk_reads_what_a_zone_publishes() -> Result<()> {
    if skip_without(&[Need::Python, Need::Knot]) {
        return Ok(());
    }
    let scene = Scene::new()?;
    let (zone, account) = (scene.zone("shop.example")?, &scene.api.account);
    let said = python::run(
        "sdk_email_auth.py",
        [&scene.api.base_url(), &account.token, &account.account_id, &zone, "reports"],
    )?;
    let before = &said["before"];
    assert_eq!((&before["zone_id"], &before["enabled"]), (&json!(zone), &json!(false)), "{before}");
    assert_eq!(before["status"], "unauthorized-reporting-domain");
    let records = &before["records"];
    let content = |list: &str| records[list][0]["content"].as_str().unwrap_or_default().to_owned();
    assert!(content("spf_records").starts_with("v=spf1 include:"), "{records}");
    assert!(content("dmarc_records").starts_with("v=DMARC1"), "{records}");
    assert!(content("bimi_records").starts_with("v=BIMI1"), "{records}");
    assert_eq!(records["spf_records"].as_array().map(Vec::len), Some(1));
    let source = &before["approved_sources"][0];
    assert_eq!(source["domain"], "_spf.mail.example");
    assert_eq!(source["ips"], json!(["192.0.2.0/24", "2001:db8::/32"]));

    let after = &said["after"];
    assert_eq!((&after["enabled"], &after["skip_wizard"]), (&json!(true), &json!(true)));
    assert_eq!(after["rua_prefix"].as_str().map(str::len), Some(32));
    assert_eq!(after["created"], after["created_at"]);

    let tree = &said["tree"];
    assert_eq!((&tree["domain"], &tree["total_lookups"]), (&json!("shop.example"), &json!(2)), "{tree}");
    assert_eq!(tree["components"][0]["inspection"]["components"][0]["type"], "ip4");
    assert_eq!(tree["errors"][0]["code"], "invalid_mechanism");
    assert_eq!(tree["errors"][0]["details"], "bogus");
    Ok(())
}

#[test]
fn what_is_wrong_with_where_reports_go_has_a_name() -> Result<()> {
    if skip_without(&[Need::Knot]) {
        return Ok(());
    }
    let scene = Scene::new()?;
    let behind = scene.reports("bare.example")?;
    assert_eq!(behind.get("status"), None, "{behind}");
    let alias = &behind["records"]["cname_dmarc_records"][0];
    assert_eq!(alias["content"], "policy.mail.example", "{behind}");
    assert!(alias["resolved"][0].as_str().is_some_and(|text| text.starts_with("v=DMARC1")));
    assert_eq!(behind["records"]["resolved_dmarc_records"][0]["name"], "_dmarc.bare.example");
    assert_eq!(scene.reports("lost.example")?["status"], "cname-on-dmarc-record");
    assert_eq!(scene.reports("empty.example")?["status"], "missing-dmarc-report");
    Ok(())
}

#[test]
fn what_makes_no_sense_is_refused_and_what_was_said_is_kept_and_on_record() -> Result<()> {
    if skip_without(&[Need::Knot]) {
        return Ok(());
    }
    let scene = Scene::new()?;
    let zone = scene.zone("shop.example")?;
    for body in ["{}", r#"{"enabled": 7}"#, r#"{"enabled": null}"#, "[]", "x"] {
        assert_eq!(scene.ask("PATCH", &zone, "dmarc-reports", body)?.status, 400, "{body}");
    }
    let nobody = "0".repeat(32);
    for (path, status) in [("spf/inspect", 400), ("spf/inspect?id=", 404), ("spf/inspect?id=../x", 404)] {
        assert_eq!(scene.ask("GET", &zone, path, "")?.status, status, "{path}");
    }
    for path in ["dmarc-reports", "spf/inspect?id=x"] {
        assert_eq!(scene.ask("GET", &nobody, path, "")?.status, 404, "{path}");
    }
    let first = scene.ask("PATCH", &zone, "dmarc-reports", r#"{"enabled": true}"#)?.result();
    let second = scene.ask("PATCH", &zone, "dmarc-reports", r#"{"skip_wizard": true}"#)?.result();
    assert_eq!((&second["enabled"], &second["rua_prefix"]), (&json!(true), &first["rua_prefix"]));
    let log = format!("/client/v4/accounts/{}/audit_logs", scene.api.account.account_id);
    let log = scene.api.request("GET", &log, "", &[])?.result();
    let kinds: Vec<_> =
        log.as_array().into_iter().flatten().map(|row| row["resource"]["type"].clone()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "dmarc_reports").count(), 2, "{log}");
    Ok(())
}

#[test]
fn the_python_sdk_calls_every_method_of_its_email_parts() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let account = &dev.api.account;
    let said = python::run(
        "sdk_email_auth.py",
        [&dev.api.base_url(), &account.token, &account.account_id, &account.zone_id, "every_method"],
    )?;
    assert_eq!((&said["missed"], &said["known"]), (&json!([]), &json!(17)), "{said}");
    assert_eq!(said["delivered"], json!(["a@example.net", "raw@example.net"]));
    assert_eq!((&said["same"], &said["missing"]), (&json!(true), &json!(404)));
    assert_eq!(said["names"], json!(["example.com", "python.example.com"]));
    assert_eq!(said["records"], json!(["MX", "TXT"]));
    assert_eq!(said["around"], json!(["active", 1, true]));
    Ok(())
}

#[test]
fn the_doctor_tells_what_receivers_see_of_a_sending_domain() -> Result<()> {
    if skip_without(&[Need::Knot]) {
        return Ok(());
    }
    let scene = Scene::new()?;
    let sending = format!("/client/v4/zones/{}/email/sending/subdomains", scene.zone("shop.example")?);
    let tag = scene.api.post(&sending, "{\"name\":\"shop.example\"}", &[])?.result()["tag"].clone();
    let path = format!("{sending}/{}/doctor", tag.as_str().unwrap_or_default());
    let seen = scene.api.request("GET", &path, "", &[])?.result();
    let bimi = &seen["receiving"]["bimi"];
    assert_eq!(bimi["logo"], "https://shop.example/logo.svg", "{seen}");
    assert_eq!((&seen["mx"]["hosts"], &seen["routing"]), (&json!([]), &Value::Null));
    assert_eq!(seen["spf"]["domain"], "cf-bounce.shop.example");
    let found =
        |area: &str| seen["findings"].as_array().is_some_and(|all| all.iter().any(|one| one["area"] == area));
    assert!(found("return_path") && found("dkim"), "{seen}");
    let dmarc = seen["sending"]["records"].as_array().into_iter().flatten();
    let dmarc = dmarc.filter(|record| record["name"] == "_dmarc.shop.example").collect::<Vec<_>>();
    assert!(
        dmarc
            .iter()
            .all(|record| record["found"][0].as_str().is_some_and(|text| text.starts_with("v=DMARC1")))
    );
    assert_eq!(dmarc.len(), 1, "{seen}");
    Ok(())
}
