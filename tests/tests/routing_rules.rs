//! Rules of routing: by the SDK, by commands, over a restart; what makes no sense or is another's is refused.

use serde_json::{Value, json};

use mailwright_tests::control;
use mailwright_tests::error::Result;
use mailwright_tests::http::{Account, Api};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::python;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server};

const MORE: &str = "[routing]\nverification_from = \"verify@example.com\"\n";

struct Scene {
    api: Api,
    server: Server,
    installation: Installation,
    _sandbox: Sandbox,
}

impl Scene {
    fn new() -> Result<Self> {
        let sandbox = Sandbox::start()?;
        let installation = Installation::new(&Config { more: MORE.into(), ..Config::to(sandbox.address) })?;
        let server = installation.start()?;
        let api = installation.api(&server);
        Ok(Self { api, server, installation, _sandbox: sandbox })
    }

    fn command(&self, args: &[&str]) -> Result<Value> {
        control::json(self.installation.state(), args)
    }

    /// What `mailwright route list` says of each address: what is done, and whether it is now.
    fn listed(&self) -> Result<Vec<String>> {
        let table = control::text(self.installation.state(), &["route", "list"])?;
        let line = |line: &str| line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ");
        Ok(table.lines().skip(1).map(line).collect())
    }

    fn rules(&self, rest: &str) -> String {
        format!("/client/v4/zones/{}/email/routing/rules{rest}", self.api.account.zone_id)
    }

    fn get(&self, path: &str) -> Result<Value> {
        Ok(self.api.request("GET", path, "", &[])?.result())
    }
}

fn id_of(object: &Value) -> &str {
    object["id"].as_str().unwrap_or_default()
}

#[test]
fn every_call_of_the_sdk_for_rules() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let scene = Scene::new()?;
    let Account { account_id, zone_id, token } = scene.api.account.clone();
    let said = python::run("sdk_routing.py", [scene.api.base_url(), token, account_id, zone_id.clone()])?;
    let catch_all = json!([{ "type": "all" }]);
    assert_eq!(
        (&said["before"]["enabled"], &said["before"]["matchers"]),
        (&json!(false), &catch_all),
        "{said}"
    );
    assert_eq!(said["before"]["actions"][0]["type"], "drop");
    let first = &said["first"];
    assert_eq!(
        (&first["name"], &first["priority"], &first["source"]),
        (&json!("First"), &json!(10.0), &json!("api"))
    );
    assert_eq!(
        first["matchers"],
        json!([{ "type": "literal", "field": "to", "value": "first@example.com" }])
    );
    assert_eq!(first["actions"], json!([{ "type": "forward", "value": ["ann@example.net"] }]));
    assert_eq!((&first["enabled"], &first["tag"]), (&json!(true), &first["id"]));
    assert_eq!((&said["waits"], &said["got"]["active"]), (&json!(false), &json!(true)));
    assert_eq!((&said["second"]["source"], &said["second"]["enabled"]), (&json!("wrangler"), &json!(false)));
    assert_eq!((&said["updated"]["id"], &said["updated"]["enabled"]), (&said["second"]["id"], &json!(true)));
    assert_eq!((&said["set"], &said["set"]["id"]), (&said["catch_all"], &said["before"]["id"]));
    assert_eq!(said["all"], json!(["first@example.com", "2nd@example.com", "third@example.com", null]));
    assert_eq!(said["of_account"][0]["zone"], json!({ "name": "example.com", "tag": zone_id }));
    assert_eq!((said["of_account"].as_array().map(Vec::len), &said["of_zone"]), (Some(4), &json!(4)));
    assert_eq!((&said["deleted"]["name"], &said["missing"]["status"]), (&json!(""), &json!(404)));
    assert_eq!(said["stranger"], json!({ "status": 400, "field": "actions[0].value" }));
    assert_eq!(said["elsewhere"], json!({ "status": 400, "field": "matchers[0].value" }));
    assert_eq!(said["all_of_them"], json!({ "status": 400, "field": "matchers[0].type" }));
    assert_eq!(said["enabled"], json!(["2nd@example.com"]));
    assert_eq!(said["disabled"], json!(["first@example.com", null]));
    Ok(())
}

#[test]
fn rules_are_kept_over_a_restart_and_each_change_is_on_record() -> Result<()> {
    let mut scene = Scene::new()?;
    scene.command(&["address", "add", "ann@example.net"])?;
    let to_ann = ["route", "add", "Sales@eu.example.com", "--forward", "ann@example.net", "--priority", "3"];
    let rule = scene.command(&to_ann)?;
    let off =
        scene.command(&["route", "add", "old@example.com", "--drop", "--disabled", "--name", "no more"])?;
    let gone = scene.command(&["route", "add", "gone@example.com", "--worker", "w"])?;
    scene.command(&["route", "catch-all", "example.com", "--drop"])?;
    scene.command(&["route", "remove", id_of(&gone)])?;
    let said = |sales: &str| {
        let sales = format!("Sales@eu.example.com forward ann@example.net 3 {sales} -");
        [
            sales,
            "old@example.com drop 0 disabled no more".into(),
            "*@example.com drop 2147483647 active -".into(),
        ]
    };
    assert_eq!(scene.listed()?, said("waits for its destination"));
    let verified = scene.command(&["address", "verify", "ANN@example.net"])?;
    assert!(verified["verified"].is_string(), "{verified}");
    assert_eq!(scene.listed()?, said("active"));
    scene.command(&["route", "disable", id_of(&rule)])?;
    scene.command(&["route", "enable", id_of(&rule)])?;
    let before = scene.get(&scene.rules(""))?;

    scene.server.stop()?;
    scene.server = scene.installation.start()?;
    scene.api = scene.installation.api(&scene.server);
    assert_eq!(scene.get(&scene.rules(""))?, before);
    scene.command(&["address", "remove", "ann@example.net"])?;
    assert_eq!(scene.listed()?, said("disabled"));
    let refused = control::run(scene.installation.state(), &["route", "enable", id_of(&rule)])?;
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && why.contains("ann@example.net is not a destination address"),
        "{why}"
    );
    let account = &scene.api.account.account_id;
    let on_record = |id: &str| -> Result<Vec<Value>> {
        let log = scene.get(&format!("/client/v4/accounts/{account}/audit_logs?resource.id={id}"))?;
        Ok(log.as_array().into_iter().flatten().map(|record| record["action"]["type"].clone()).collect())
    };
    assert_eq!(on_record(id_of(&rule))?, ["update", "update", "update", "create"]);
    assert_eq!((on_record(id_of(&off))?.len(), on_record(id_of(&gone))?.len()), (1, 2));
    Ok(())
}

#[test]
fn what_makes_no_sense_is_refused_by_its_field_and_what_is_anothers_is_not_there() -> Result<()> {
    let scene = Scene::new()?;
    let good = json!({
        "matchers": [{ "type": "literal", "field": "to", "value": "a@bücher.example.com" }],
        "actions": [{ "type": "drop" }],
    });
    let made = scene.api.post(&scene.rules(""), &good.to_string(), &[])?.result();
    assert_eq!(made["matchers"][0]["value"], "a@xn--bcher-kva.example.com");
    for (field, key, value) in [
        ("matchers", "matchers", json!([])),
        ("matchers[0].type", "matchers", json!([{ "type": "regex", "value": ".*" }])),
        ("matchers[0].value", "matchers", json!([{ "type": "literal", "value": "grüße@example.com" }])),
        ("matchers[0].value", "matchers", json!([{ "type": "literal", "value": "@example.com" }])),
        ("actions", "actions", json!([])),
        ("actions[0].type", "actions", json!([{ "type": "bounce" }])),
        ("actions[0].value", "actions", json!([{ "type": "forward" }])),
        ("actions[0].value", "actions", json!([{ "type": "forward", "value": ["eve@example.net"] }])),
        ("priority", "priority", json!(-1)),
        ("name", "name", json!("a\nb")),
        ("owner_worker_tag", "source", json!("wrangler")),
    ] {
        let mut body = good.clone();
        body[key] = value;
        for (method, path) in [("POST", scene.rules("")), ("PUT", scene.rules(&format!("/{}", id_of(&made))))]
        {
            let answer = scene.api.request(method, &path, &body.to_string(), &[])?;
            let said = answer.json();
            assert_eq!((answer.status, &said["errors"][0]["field"]), (400, &json!(field)), "{said}");
            let detail = said["errors"][0]["detail"].as_str().unwrap_or_default();
            assert!(detail.ends_with('.') && detail.contains(' '), "{detail}");
        }
    }
    // The catch-all is for all and nothing else is, wherever it is set.
    let catch_all = scene.rules("/catch_all");
    let by_id = scene.rules(&format!("/{}", scene.api.account.zone_id));
    for path in [&catch_all, &by_id] {
        let answer = scene.api.request("PUT", path, &good.to_string(), &[])?;
        assert_eq!(answer.status, 400, "{}", answer.text);
    }
    let other = scene.api.post("/client/v4/accounts", &json!({ "name": "other" }).to_string(), &[])?.result();
    let zone = json!({ "name": "other.example", "account": { "id": other["id"] } });
    let zone = scene.api.post("/client/v4/zones", &zone.to_string(), &[])?.result();
    let foreign = format!("/client/v4/zones/{}/email/routing/rules/{}", id_of(&zone), id_of(&made));
    for method in ["GET", "PUT", "DELETE"] {
        let answer = scene.api.request(method, &foreign, &good.to_string(), &[])?;
        assert_eq!((answer.status, answer.error_code()), (404, 7003), "{method}: {}", answer.text);
    }
    let zones = format!("/client/v4/accounts/{}/email/routing/zones", scene.api.account.account_id);
    assert_eq!(scene.get(&zones)?, json!([]));
    Ok(())
}

/// What `try` says of a message to an address: what would become of it, by which rule.
fn tried(scene: &Scene, to: &str) -> Result<Value> {
    let path = format!("/client/v4/zones/{}/email/routing/try", scene.api.account.zone_id);
    let said = scene.api.post(&path, &json!({ "to": to, "from": "ann@example.org" }).to_string(), &[])?;
    let said = said.json();
    Ok(match &said["result"] {
        Value::Null => said["errors"][0]["field"].clone(),
        trial => json!([trial["outcome"], trial["action"]["type"], trial["rule"]["name"], trial["detail"]]),
    })
}

#[test]
fn an_address_can_be_tried_and_nothing_is_sent() -> Result<()> {
    let scene = Scene::new()?;
    let zone = format!("/client/v4/zones/{}/email/routing", scene.api.account.zone_id);
    assert_eq!(tried(&scene, "sales@example.com")?, json!(["refused", null, null, null]), "routing is off");
    scene.api.post(&format!("{zone}/enable"), "{}", &[])?.result();
    scene.api.request("PATCH", &zone, &json!({ "support_subaddress": true }).to_string(), &[])?.result();
    scene.command(&["address", "add", "ann@example.net"])?;
    scene.command(&[
        "route",
        "add",
        "sales@example.com",
        "--forward",
        "ann@example.net",
        "--name",
        "Sales",
    ])?;
    scene.command(&["route", "add", "code@example.com", "--worker", "gone", "--name", "Code"])?;

    // The owner of the destination has not agreed yet.
    assert_eq!(tried(&scene, "sales@example.com")?, json!(["refused", null, "Sales", null]));
    scene.command(&["address", "verify", "ann@example.net"])?;
    assert_eq!(tried(&scene, "SALES@example.com")?, json!(["routed", "forward", "Sales", null]));
    assert_eq!(tried(&scene, "sales+eu@example.com")?, json!(["routed", "forward", "Sales", "eu"]));
    assert_eq!(tried(&scene, "nobody@example.com")?, json!(["refused", null, null, null]));
    assert_eq!(tried(&scene, "code@example.com")?, json!(["refused", null, "Code", null]), "no such Worker");
    scene.command(&["route", "catch-all", "example.com", "--drop"])?;
    assert_eq!(tried(&scene, "nobody@example.com")?[1], "drop");
    for elsewhere in ["ann@example.net", "no address", ""] {
        assert_eq!(tried(&scene, elsewhere)?, "to", "{elsewhere}");
    }

    // What a zone beneath it does with its mail is for those to see who may see that zone.
    let account = json!({ "id": scene.api.account.account_id });
    let beneath = json!({ "name": "own.example.com", "account": account });
    let beneath = scene.api.post("/client/v4/zones", &beneath.to_string(), &[])?.result();
    assert_eq!(tried(&scene, "ann@own.example.com")?[0], "refused");
    scene
        .api
        .post(&format!("/client/v4/zones/{}/email/routing/enable", id_of(&beneath)), "{}", &[])?
        .result();
    assert_eq!(tried(&scene, "ann@own.example.com")?, "to");
    Ok(())
}
