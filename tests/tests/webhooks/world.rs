//! A server whose mail goes to a sandbox and whose events go to a receiver.

use std::time::Duration;

use mailwright_tests::certificate::{Authority, Certificate};
use mailwright_tests::error::{Context, Result};
use mailwright_tests::http::{Answer, Api};
use mailwright_tests::message::Token;
use mailwright_tests::needs::Need;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server};
use mailwright_tests::wait;
use mailwright_tests::webhook_receiver::WebhookReceiver;
use serde_json::{Value, json};
use tempfile::TempDir;

/// What every scenario here needs.
pub(crate) const NEEDS: &[Need] = &[Need::Python, Need::Openssl];

/// The longest that anything here may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Keys under which what fails is tried again soon, at hosts of this machine.
pub(crate) const SOON: &str =
    "private_hosts = true\nretry_first = \"200ms\"\nretry_max_interval = \"400ms\"\ntimeout = \"20s\"\n";

pub(crate) struct World {
    pub(crate) installation: Installation,
    pub(crate) server: Server,
    pub(crate) receiver: WebhookReceiver,
    _sandbox: Sandbox,
    _files: TempDir,
}

impl World {
    /// Mail to a sandbox of this personality, with these keys of `[webhooks]`.
    pub(crate) fn start(personality: &str, webhooks: &str) -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let authority = Authority::new(files.path())?;
        let certificate = Certificate::signed_by(files.path(), "localhost", &authority)?;
        let receiver = WebhookReceiver::start(&certificate)?;
        let sandbox = Sandbox::with(&[personality])?;
        let config = Config::to(sandbox.address);
        let tls = format!("{}\nauthorities = {:?}\n", config.tls, authority.certificate);
        let more = format!("[webhooks]\n{webhooks}");
        let installation = Installation::new(&Config { tls, more, ..config })?;
        let server = installation.start()?;
        Ok(Self { installation, server, receiver, _sandbox: sandbox, _files: files })
    }

    pub(crate) fn api(&self) -> Api {
        self.installation.api(&self.server)
    }

    /// Where the receiver is.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/hooks", self.receiver.port)
    }

    /// Asks for something below the account's webhooks.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Answer> {
        let api = self.api();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        api.request(method, &api.sending_path(&format!("webhooks{path}")), &body, &[])
    }

    /// Makes an endpoint of the receiver, which knows its secret from then on. Returns what was answered.
    pub(crate) fn create(&mut self, events: &[&str]) -> Result<Value> {
        let body = json!({"url": self.url(), "name": "test", "events": events});
        let made = self.ask("POST", "", &body)?.result();
        self.receiver.know(&[made["secret"].as_str().unwrap_or_default()]);
        self.receiver.answer(200, &[])?;
        Ok(made)
    }

    /// The endpoint as it stands.
    pub(crate) fn endpoint(&self, made: &Value) -> Result<Value> {
        Ok(self.ask("GET", &path(made, ""), &Value::Null)?.result())
    }

    pub(crate) fn attempts(&self, made: &Value) -> Result<Vec<Value>> {
        let attempts = self.ask("GET", &path(made, "/attempts"), &Value::Null)?.result();
        Ok(attempts.as_array().cloned().unwrap_or_default())
    }

    /// Hands in messages number `numbers`.
    pub(crate) fn send(&self, numbers: std::ops::Range<usize>) -> Result<()> {
        let api = self.api();
        for number in numbers {
            assert_eq!(api.submit(&Token::new("hook", number).request("text"))?.status, 200);
        }
        Ok(())
    }

    /// Waits until the receiver has taken as many events of a type, and returns all that it has taken.
    pub(crate) fn wait_for(&self, kind: &str, count: usize) -> Result<Vec<Value>> {
        wait::until(&format!("{count} × {kind}"), LIMIT, || {
            let events = self.receiver.events();
            let found = events.iter().filter(|event| event["type"] == kind).count();
            Ok((found >= count).then_some(events))
        })
    }
}

/// The path of an endpoint, and of what can be done with it.
pub(crate) fn path(made: &Value, more: &str) -> String {
    format!("/{}{more}", made["id"].as_str().unwrap_or_default())
}
