//! The tool that people know, wrangler, and the published SDK upload Workers and look after them with nothing but the base
//! URL changed.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use mailwright_tests::error::{Error, Result};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::process::Process;
use mailwright_tests::python;
use mailwright_tests::server::Dev;
use mailwright_tests::wait::until;
use mailwright_tests::workerd;
use mailwright_tests::wrangler::Wrangler;

/// The longest that anything here may take.
const LIMIT: Duration = Duration::from_secs(30);

const CODE: &str = "export default {
    async email(message, env) { console.log('got', message.to); message.setReject('not here'); },
    async queue(batch) {},
};";

/// What the tool prints as JSON.
fn parsed(said: &str) -> Value {
    serde_json::from_str(said).unwrap_or_else(|error| panic!("{error} in {said}"))
}

/// The path of an account's object.
fn path(dev: &Dev, rest: &str) -> String {
    format!("/client/v4/accounts/{}/{rest}", dev.api.account.account_id)
}

fn get(dev: &Dev, rest: &str) -> Result<Value> {
    Ok(dev.api.request("GET", &path(dev, rest), "", &[])?.result())
}

/// The names of the secrets and variables that the version in force has.
fn bindings(dev: &Dev) -> Result<Vec<String>> {
    let settings = get(dev, "workers/scripts/mail/settings")?;
    let bindings = settings["bindings"].as_array().into_iter().flatten();
    Ok(bindings.filter_map(|binding| binding["name"].as_str()).map(ToOwned::to_owned).collect())
}

#[test]
fn a_worker_is_deployed_changed_rolled_back_and_deleted() -> Result<()> {
    if skip_without(&[Need::JavaScript]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let mut config = json!({
        "name": "mail", "main": "mail.js", "compatibility_date": "2026-01-01", "workers_dev": false,
        "vars": { "GREETING": "hello", "LIST": [1, 2] },
        "send_email": [{ "name": "MAIL", "allowed_destination_addresses": ["ann@example.net"] }],
        "version_metadata": { "binding": "VERSION" },
    });
    let tool = Wrangler::new(&dev.api, &config)?;
    tool.write("mail.js", CODE)?;
    let said = tool.run(&["deploy"])?;
    assert!(said.contains("env.GREETING") && said.contains("Uploaded mail"), "{said}");
    assert_eq!(bindings(&dev)?, ["GREETING", "LIST", "MAIL", "VERSION"]);

    tool.run_with(&["secret", "put", "KEY"], "hush")?;
    assert_eq!(parsed(&tool.run(&["secret", "list"])?), json!([{ "name": "KEY", "type": "secret_text" }]));
    config["vars"] = json!({ "GREETING": "good day" });
    tool.write("wrangler.json", &config.to_string())?;
    tool.run(&["deploy"])?;
    // What nobody could upload again stays.
    assert_eq!(bindings(&dev)?, ["GREETING", "MAIL", "VERSION", "KEY"]);

    tool.run(&["versions", "upload", "--message", "to be looked at", "--tag", "try"])?;
    let versions = parsed(&tool.run(&["versions", "list", "--json"])?);
    let numbers: Vec<_> = versions.as_array().into_iter().flatten().map(|one| &one["number"]).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    let newest = &versions[3];
    assert_eq!(newest["annotations"]["workers/message"], "to be looked at");
    let in_force = |dev: &Dev| -> Result<Value> {
        let deployments = get(dev, "workers/scripts/mail/deployments")?;
        Ok(deployments["deployments"][0]["versions"][0]["version_id"].clone())
    };
    assert_eq!(in_force(&dev)?, versions[2]["id"]);
    let newest = newest["id"].as_str().unwrap_or_default();
    tool.run(&["versions", "deploy", &format!("{newest}@100%"), "--yes"])?;
    assert_eq!(in_force(&dev)?, newest);
    let first = versions[0]["id"].as_str().unwrap_or_default();
    tool.run(&["rollback", first, "--yes", "--message", "back to the first"])?;
    assert_eq!((in_force(&dev)?, bindings(&dev)?.contains(&"LIST".to_owned())), (json!(first), true));
    let said = tool.run(&["deployments", "list"])?;
    assert!(said.contains("back to the first") && said.contains(newest), "{said}");

    let record = get(&dev, "audit_logs?per_page=100")?;
    let of_worker = |one: &&Value| one["resource"] == json!({ "type": "worker", "id": "mail" });
    let record: Vec<_> = record.as_array().into_iter().flatten().filter(of_worker).collect();
    // Deployed, a secret, deployed, another version, rolled back; nothing of it says the secret.
    assert_eq!(record.len(), 5, "{record:?}");
    assert_eq!(
        (&record[0]["action"]["type"], &record[4]["action"]["type"]),
        (&json!("update"), &json!("create"))
    );
    assert!(record.iter().all(|one| !one.to_string().contains("hush")), "{record:?}");

    let dev = dev.restart()?;
    assert_eq!(in_force(&dev)?, first);
    let tool = Wrangler::new(&dev.api, &config)?;
    tool.run(&["delete", "--force"])?;
    assert_eq!(get(&dev, "workers/scripts")?, json!([]));
    Ok(())
}

#[test]
fn keys_and_queues_are_made_filled_and_emptied() -> Result<()> {
    if skip_without(&[Need::JavaScript]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let nothing = json!({ "name": "mail" });
    let tool = Wrangler::new(&dev.api, &nothing)?;
    tool.run(&["kv", "namespace", "create", "seen"])?;
    let namespaces = parsed(&tool.run(&["kv", "namespace", "list"])?);
    let id = namespaces[0]["id"].as_str().unwrap_or_default();
    let of = ["--namespace-id", id, "--remote"];
    let key = |args: &[&str]| tool.run(&[&["kv", "key"], args, &of].concat());
    key(&["put", "a/b ü", "value", "--ttl", "3600", "--metadata", "{\"n\":1}"])?;
    assert_eq!(key(&["get", "a/b ü"])?, "value");
    let listed = parsed(&key(&["list", "--prefix", "a/"])?);
    assert_eq!(
        (&listed[0]["name"], &listed[0]["metadata"]),
        (&json!("a/b ü"), &json!({ "n": 1 })),
        "{listed}"
    );
    key(&["delete", "a/b ü"])?;
    assert_eq!(get(&dev, &format!("storage/kv/namespaces/{id}/keys"))?, json!([]));

    tool.run(&["queues", "create", "jobs", "--delivery-delay-secs", "5"])?;
    tool.write("mail.js", CODE)?;
    let config = json!({
        "name": "mail", "main": "mail.js", "compatibility_date": "2026-01-01", "workers_dev": false,
        "kv_namespaces": [{ "binding": "SEEN", "id": id }],
        "queues": {
            "producers": [{ "binding": "JOBS", "queue": "jobs" }],
            "consumers": [{ "queue": "jobs", "max_batch_size": 7, "max_retries": 2, "dead_letter_queue": "dead" }],
        },
    });
    tool.write("wrangler.json", &config.to_string())?;
    tool.run(&["deploy"])?;
    let queues = get(&dev, "queues?name=jobs&name=dead")?;
    let [dead, jobs] = [&queues[0], &queues[1]];
    assert_eq!((&dead["queue_name"], &jobs["settings"]["delivery_delay"]), (&json!("dead"), &json!(5)));
    assert_eq!(jobs["producers"], json!([{ "type": "worker", "script": "mail" }]));
    let consumer = &jobs["consumers"][0];
    assert_eq!((&consumer["script"], &consumer["dead_letter_queue"]), (&json!("mail"), &json!("dead")));
    assert_eq!(
        (&consumer["settings"]["batch_size"], &consumer["settings"]["max_retries"]),
        (&json!(7), &json!(2))
    );
    let said = tool.run(&["queues", "info", "jobs"])?;
    assert!(said.contains("Consumers: worker:mail"), "{said}");
    // A Worker that is gone consumes nothing.
    dev.api.request("DELETE", &path(&dev, "workers/services/mail?force=true"), "", &[])?.result();
    assert_eq!(get(&dev, "queues?name=jobs")?[0]["consumers"], json!([]));
    tool.run(&["queues", "delete", "jobs"])?;
    tool.run(&["kv", "namespace", "delete", "--namespace-id", id, "--skip-confirmation"])?;
    assert_eq!(get(&dev, "storage/kv/namespaces")?, json!([]));
    Ok(())
}

#[test]
fn what_there_is_not_here_is_refused_by_its_name() -> Result<()> {
    if skip_without(&[Need::JavaScript]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let tool = Wrangler::new(
        &dev.api,
        &json!({
            "name": "mail", "main": "mail.js", "compatibility_date": "2026-01-01",
            "services": [{ "binding": "OTHER", "service": "other" }],
        }),
    )?;
    tool.write("mail.js", CODE)?;
    let said = tool.fail(&["deploy"])?;
    assert!(said.contains("OTHER is of the type service") && said.contains("kv_namespace"), "{said}");
    assert_eq!(get(&dev, "workers/scripts")?, json!([]));
    Ok(())
}

#[test]
fn every_call_of_the_sdk_that_there_is() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let account = &dev.api.account;
    let said = python::run("sdk_workers.py", [&dev.api.base_url(), &account.token, &account.account_id])?;
    let workers = &said["workers"];
    assert_eq!(
        (&workers["first"]["id"], &workers["first"]["entry_point"]),
        (&json!("sdk"), &json!("mail.js"))
    );
    assert_eq!(workers["secret"], json!({ "name": "KEY", "type": "secret_text" }));
    assert_eq!((&workers["listed"], &workers["versions"]), (&json!(["sdk"]), &json!(3)));
    assert_eq!(
        (&workers["back"], &workers["bindings"]),
        (&json!(true), &json!([["GREETING", "plain_text"]])),
        "{workers}"
    );
    assert_eq!((&workers["code"], &workers["subdomain"]["enabled"]), (&json!(true), &json!(true)));
    assert_eq!((&workers["account"], &workers["schedules"]), (&json!("sdk-tests"), &json!(0)));
    assert_eq!((&workers["cron"], &workers["d1"]), (&json!([400, 10001]), &json!([400, 10021])));
    assert_eq!((&workers["inherit"], &workers["deleted"]), (&json!([400, 10057]), &json!([404, 10007])));
    assert_eq!(
        said["keys"],
        json!({
            "title": "renamed", "titles": ["renamed"], "taken": [400, 10014], "value": "one",
            "metadata": { "n": 1 }, "written": 3.0,
            "keys": [["many0", { "n": 0 }], ["many1", { "n": 1 }], ["many2", { "n": 2 }]],
            "found": { "values": { "many0": { "value": "x", "metadata": { "n": 0 } }, "none": null } },
            "removed": 1.0, "short": [400, 10001], "gone": [404, 10009], "namespace": [404, 10013],
        })
    );
    let queues = &said["queues"];
    assert_eq!(
        (&queues["settings"]["delivery_delay"], &queues["settings"]["delivery_paused"]),
        (&json!(7.0), &json!(true))
    );
    assert_eq!(
        (&queues["sent"], &queues["waiting"], &queues["purged"]),
        (&json!(1.0), &json!(3.0), &json!(0.0))
    );
    assert_eq!((&queues["names"], &queues["taken"]), (&json!(["sdk-jobs"]), &json!([400, 11009])));
    assert_eq!((&queues["pull"], &queues["stranger"]), (&json!([400, 10001]), &json!([400, 10001])));
    assert_eq!(queues["gone"], json!([404, 11000]));
    Ok(())
}

#[test]
fn a_tail_tells_what_a_worker_says_and_code_that_does_not_start_is_refused() -> Result<()> {
    if skip_without(&[Need::JavaScript, Need::Workerd]) {
        return Ok(());
    }
    // The runtime is found where npm has put it.
    let dev = Dev::start_with(|command| {
        command.current_dir(workerd::packages());
    })?;
    let config = json!({
        "name": "mail", "main": "mail.js", "compatibility_date": "2026-01-01", "workers_dev": false,
    });
    let tool = Wrangler::new(&dev.api, &config)?;
    tool.write("mail.js", CODE)?;
    let said = tool.run(&["deploy"])?;
    assert!(said.contains("Worker Startup Time"), "{said}");
    let catch_all = format!("/client/v4/zones/{}/email/routing/rules/catch_all", dev.api.account.zone_id);
    let rule = |worker: &str| {
        let actions = json!([{ "type": "worker", "value": [worker] }]);
        let rule = json!({ "matchers": [{ "type": "all" }], "actions": actions, "enabled": true });
        Ok::<_, Error>(dev.api.request("PUT", &catch_all, &rule.to_string(), &[])?.json())
    };
    let note = rule("none")?["messages"][0].as_str().unwrap_or_default().to_owned();
    assert!(note.starts_with("The Worker none is not deployed"), "{note}");
    assert_eq!(rule("mail")?["messages"], json!([]));

    let log = dev.state().join("tail.log");
    let command = tool.command(&["tail", "mail", "--format", "json", "--status", "ok"]);
    let mut tail = Process::start("wrangler tail", command, &log)?;
    let handler = "/cdn-cgi/handler/email?from=ann@example.org&to=bob@example.com";
    let mail = "From: ann@example.org\r\nMessage-ID: <1@example.org>\r\n\r\nHello\r\n";
    let told = until("an event in the tail", LIMIT, || {
        // What was handled before the tail listens is not told.
        let handled = dev.api.post(handler, mail, &[])?.json();
        assert_eq!(handled["result"]["outcome"], "refused", "{handled}");
        let said = fs::read_to_string(&log).unwrap_or_default();
        let event = said.split_once('{').map(|(_, rest)| format!("{{{rest}"));
        let mut events =
            serde_json::Deserializer::from_str(event.as_deref().unwrap_or("")).into_iter::<Value>();
        Ok(events.next().and_then(std::result::Result::ok))
    })?;
    let event = &told["event"];
    assert_eq!(
        (&event["mailFrom"], &event["rcptTo"]),
        (&json!("ann@example.org"), &json!("bob@example.com"))
    );
    // With the trace fields that it got here.
    assert!(event["rawSize"].as_u64().is_some_and(|size| size > mail.len() as u64), "{event}");
    assert_eq!((&told["outcome"], &told["scriptName"]), (&json!("ok"), &json!("mail")));
    assert_eq!(
        (&told["logs"][0]["level"], &told["logs"][0]["message"]),
        (&json!("log"), &json!(["got", "bob@example.com"]))
    );
    assert_eq!(get(&dev, "workers/scripts/mail/tails")?.as_array().map(Vec::len), Some(1));
    tail.terminate(LIMIT)?;
    until("the end of the tail", LIMIT, || {
        Ok((get(&dev, "workers/scripts/mail/tails")? == json!([])).then_some(()))
    })?;

    tool.write("mail.js", "export default { async email() {} }; throw new Error('not today');")?;
    let said = tool.fail(&["deploy"])?;
    assert!(said.contains("does not start") && said.contains("not today"), "{said}");
    let versions = get(&dev, "workers/scripts/mail/versions")?;
    assert_eq!(versions["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(dev.api.post(handler, mail, &[])?.json()["result"]["outcome"], "refused");
    Ok(())
}
