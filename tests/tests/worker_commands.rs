//! Workers by command line: from a file to code that decides about mail, back a version, and gone; and `dev --worker`, which
//! deploys what is saved.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use mailwright_tests::control;
use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::http::{self, Api};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Dev, Installation, Server, mailwright};
use mailwright_tests::wait::until;
use mailwright_tests::workerd;

/// The longest that anything here may take.
const LIMIT: Duration = Duration::from_secs(30);

/// A server that runs Workers, and a folder for their code.
struct Scene {
    api: Api,
    installation: Installation,
    files: TempDir,
    _server: Server,
    _sandbox: Sandbox,
}

impl Scene {
    fn new() -> Result<Self> {
        let sandbox = Sandbox::start()?;
        let more = format!(
            "[sending]\nverify = false\n[routing]\nlocal_handler = true\nrequire_authentication = false\n\
             [workers]\nruntime = {:?}\n",
            workerd::binary()
        );
        let installation = Installation::new(&Config { more, ..Config::to(sandbox.address) })?;
        let server = installation.start()?;
        let api = installation.api(&server);
        let enable = format!("/client/v4/zones/{}/email/routing/enable", api.account.zone_id);
        api.post(&enable, "{}", &[])?.result();
        let files = tempfile::tempdir().context("make a folder")?;
        Ok(Self { api, installation, files, _server: server, _sandbox: sandbox })
    }

    fn run(&self, args: &[&str]) -> Result<String> {
        control::text(self.installation.state(), args)
    }

    fn json(&self, args: &[&str]) -> Result<Value> {
        control::json(self.installation.state(), args)
    }

    /// Runs a command that reads `input`.
    fn feed(&self, args: &[&str], input: &str) -> Result<()> {
        let mut command = mailwright();
        command.args(args).arg("--state").arg(self.installation.state());
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().context("start mailwright")?;
        child
            .stdin
            .take()
            .map(|mut stdin| stdin.write_all(input.as_bytes()))
            .transpose()
            .context("feed it")?;
        let ended = child.wait().context("wait for mailwright")?;
        if ended.success() { Ok(()) } else { Err(Error::unexpected(format!("{args:?}"), ended.to_string())) }
    }

    /// What mail for `hello@example.com` is answered with.
    fn reply(&self) -> Result<String> {
        let answer = handed(&self.api)?;
        Ok(answer["reply"].as_str().unwrap_or_default().to_owned())
    }

    /// Waits until mail is answered so: a version goes on until the next one serves.
    fn replies(&self, expected: &str) -> Result<()> {
        until(&format!("{expected:?}"), LIMIT, || Ok(self.reply()?.contains(expected).then_some(())))
    }
}

/// Hands a message to routing, and returns what it says.
fn handed(api: &Api) -> Result<Value> {
    let path = "/cdn-cgi/handler/email?from=sender@example.org&to=hello@example.com";
    let mail =
        "From: sender@example.org\r\nSubject: Hello\r\nMessage-ID: <1@example.org>\r\n\r\nAnybody there?\r\n";
    Ok(api.post(path, mail, &[])?.json()["result"].clone())
}

/// A Worker that refuses everything with `word` and what its variable and its secret are.
fn refusing(word: &str) -> String {
    format!(
        "import {{ shown }} from \"./shown.js\";\nexport default {{ async email(message, env) {{\n\
         console.log(\"asked\", {{ to: message.to }});\n\
         message.setReject(`{word} ${{shown(env.GREETING)}} ${{shown(env.KEY)}}`);\n}} }};\n"
    )
}

fn write(folder: &Path, name: &str, content: &str) -> Result<()> {
    fs::write(folder.join(name), content).context(name)
}

#[test]
fn a_worker_is_deployed_heard_rolled_back_and_removed() -> Result<()> {
    if skip_without(&[Need::Workerd]) {
        return Ok(());
    }
    let scene = Scene::new()?;
    let folder = scene.files.path();
    let found = mailwright()
        .args(["worker", "setup", "--check", "--config"])
        .arg(scene.installation.state().with_file_name("mailwright.toml"))
        .output()
        .context("run worker setup")?;
    let said = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(found.status.success() && said.contains(&*workerd::binary().to_string_lossy()), "{found:?}");

    write(folder, "shown.js", "export const shown = (value) => value ?? \"nothing\";\n")?;
    write(folder, "sorter.js", &refusing("first"))?;
    let file = folder.join("sorter.js");
    let file = file.to_str().unwrap_or_default();
    scene.run(&["worker", "deploy", file, "--var", "GREETING=hello"])?;
    scene.run(&["route", "add", "hello@example.com", "--worker", "sorter"])?;
    scene.replies("first hello nothing")?;

    scene.feed(&["worker", "secret", "put", "sorter", "KEY"], "s3cret\n")?;
    scene.replies("first hello s3cret")?;
    assert_eq!(scene.run(&["worker", "secret", "list", "sorter"])?.trim(), "KEY");
    let shown = scene.run(&["worker", "show", "sorter"])?;
    assert!(shown.contains("GREETING") && shown.contains("hello") && !shown.contains("s3cret"), "{shown}");

    write(folder, "sorter.js", &refusing("second"))?;
    scene.run(&["worker", "deploy", file])?;
    // A secret stays, a variable that is not named any more goes.
    scene.replies("second nothing s3cret")?;
    scene.run(&["worker", "rollback", "sorter"])?;
    scene.replies("first hello s3cret")?;

    hears_what_is_said(&scene)?;
    scene.run(&["worker", "secret", "delete", "sorter", "KEY"])?;
    scene.replies("first hello nothing")?;
    let listed = scene.json(&["worker", "list"])?;
    assert_eq!((listed[0]["id"].as_str(), listed.as_array().map(Vec::len)), (Some("sorter"), Some(1)));
    scene.run(&["worker", "delete", "sorter"])?;
    assert_eq!(scene.json(&["worker", "list"])?.as_array().map(Vec::len), Some(0));
    scene.replies("451 4.3.5 ")
}

/// `worker logs` ends after one event, and shows what was said meanwhile.
fn hears_what_is_said(scene: &Scene) -> Result<()> {
    let mut logs = mailwright();
    logs.args(["worker", "logs", "sorter", "-n", "1", "--state"]).arg(scene.installation.state());
    let mut logs = logs.stdout(Stdio::piped()).spawn().context("start worker logs")?;
    // It listens some time after its start; until then nobody hears.
    until("the end of worker logs", LIMIT, || {
        scene.reply()?;
        logs.try_wait().context("ask after worker logs")
    })?;
    let said = logs.wait_with_output().context("read worker logs")?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let expected = "sorter: mail from sender@example.org for hello@example.com, ";
    assert!(said.starts_with(expected) && said.contains("  asked {\"to\":\"hello@example.com\"}"), "{said}");
    Ok(())
}

#[test]
fn keys_and_queues_are_looked_after_from_the_command_line() -> Result<()> {
    let scene = Scene::new()?;
    let id = scene.run(&["worker", "kv", "create", "seen"])?;
    scene.feed(&["worker", "kv", "put", "seen", "a/b c"], "value\0")?;
    assert_eq!(scene.run(&["worker", "kv", "keys", id.trim()])?, "a/b c\n");
    assert_eq!(scene.run(&["worker", "kv", "get", "seen", "a/b c"])?, "value\0");
    scene.run(&["worker", "kv", "remove", "seen", "a/b c"])?;
    assert_eq!(scene.run(&["worker", "kv", "keys", "seen", "--prefix", "a"])?, "");
    scene.run(&["worker", "kv", "delete", "seen"])?;
    assert_eq!(scene.json(&["worker", "kv", "list"])?.as_array().map(Vec::len), Some(0));
    scene.run(&["worker", "queue", "create", "jobs"])?;
    assert!(scene.run(&["worker", "queue", "list"])?.contains("jobs"));
    scene.run(&["worker", "queue", "purge", "jobs"])?;
    scene.run(&["worker", "queue", "delete", "jobs"])?;
    let gone = control::run(scene.installation.state(), &["worker", "queue", "purge", "jobs"])?;
    let said = String::from_utf8_lossy(&gone.stderr).into_owned();
    assert!(!gone.status.success() && said.contains("there is no queue jobs"), "{said}");
    Ok(())
}

#[test]
fn dev_deploys_what_is_saved_and_shows_what_is_said() -> Result<()> {
    if skip_without(&[Need::Workerd]) {
        return Ok(());
    }
    let folder = tempfile::tempdir().context("make a folder")?;
    let configuration = r#"{ // a Worker under development
        "name": "sorter", "main": "src/index.js", "compatibility_date": "2026-04-17",
        "kv_namespaces": [{ "binding": "SEEN", "id": "an id of another server" }],
    }"#;
    fs::create_dir(folder.path().join("src")).context("make a folder")?;
    write(folder.path(), "wrangler.jsonc", configuration)?;
    let storing = "export default { async email(message, env) {\n\
                   await env.SEEN.put(\"from\", message.from);\n\
                   console.log(\"seen\", await env.SEEN.get(\"from\"));\n\
                   await message.forward(\"you@example.net\");\n},\n\
                   async fetch(request, env) { return new Response(await env.SEEN.get(\"from\")); } };\n";
    write(folder.path(), "src/index.js", storing)?;
    let dev = Dev::start_with(|command| {
        // The runtime is looked for where it is run, too.
        command.current_dir(workerd::packages()).args(["--fetch", "0", "--worker"]).arg(folder.path());
    })?;
    // Until the Worker is deployed, mail goes where it goes in dev without one.
    let door = dev.server.workers.expect("a door to the Worker");
    until("what the Worker has seen", LIMIT, || {
        handed(&dev.api)?;
        Ok((http::get(door, "/")?.text == "sender@example.org").then_some(()))
    })?;
    let before = dev.mailbox.list()?.len();
    handed(&dev.api)?;
    until("mail that the Worker forwards", LIMIT, || Ok((dev.mailbox.list()?.len() > before).then_some(())))?;
    assert!(dev.mailbox.list()?.iter().all(|mail| mail.recipients == ["you@example.net"]));
    until("what the Worker says at the terminal", LIMIT, || {
        handed(&dev.api)?;
        Ok(dev.server.process.log_text().contains("  seen sender@example.org").then_some(()))
    })?;

    write(
        folder.path(),
        "src/index.js",
        "export default { async email(message) { message.setReject(\"saved\") } }",
    )?;
    until("the refusal of what was saved", LIMIT, || {
        let refused = handed(&dev.api)?["reply"].as_str().is_some_and(|reply| reply.contains("saved"));
        Ok(refused.then_some(()))
    })?;
    // What cannot be deployed is told, and the version before goes on.
    write(folder.path(), "src/index.js", "import \"./nothing.js\"")?;
    dev_says(&dev, "there is no such file")?;
    assert!(handed(&dev.api)?["reply"].as_str().is_some_and(|reply| reply.contains("saved")));
    Ok(())
}

fn dev_says(dev: &Dev, text: &str) -> Result<()> {
    until(&format!("{text:?} at the terminal"), LIMIT, || {
        Ok(dev.server.process.log_text().contains(text).then_some(()))
    })
}
