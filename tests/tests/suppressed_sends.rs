//! What the suppression list does to sends, and what deliveries do to the list.

use std::time::Duration;

use serde_json::{Value, json};

use mailwright_tests::error::Result;
use mailwright_tests::http::Api;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server};
use mailwright_tests::wait;

/// How long an outcome may take to reach the list.
const LIMIT: Duration = Duration::from_secs(20);

struct Scene {
    api: Api,
    _server: Server,
    _installation: Installation,
    _sandbox: Sandbox,
}

impl Scene {
    /// A server whose mail goes to a sandbox of this kind.
    fn new(personality: &str, more: &str) -> Result<Self> {
        let sandbox = Sandbox::with(&[personality])?;
        let more = more.to_owned();
        let config = Config {
            more,
            retry_max_age: "300ms".into(),
            retry_first: "100ms".into(),
            ..Config::to(sandbox.address)
        };
        let installation = Installation::new(&config)?;
        let server = installation.start()?;
        let api = installation.api(&server);
        Ok(Self { api, _server: server, _installation: installation, _sandbox: sandbox })
    }

    fn send(&self, to: &[&str]) -> Result<Value> {
        let message = json!({ "from": "a@example.com", "to": to, "subject": "hello", "text": "hello" });
        Ok(self.api.send(&message)?.json())
    }

    fn suppress(&self, email: &str) -> Result<()> {
        let path = self.api.sending_path("suppressions");
        self.api.post(&path, &json!({ "email": email }).to_string(), &[])?.result();
        Ok(())
    }

    /// The list, once it has an entry.
    fn listed(&self) -> Result<Value> {
        wait::until("an entry of the list", LIMIT, || {
            let list = self.api.request("GET", &self.api.sending_path("suppressions"), "", &[])?.result();
            Ok(list.as_array().is_some_and(|rows| !rows.is_empty()).then_some(list))
        })
    }

    /// Has suppressed recipients left out, instead of the message being refused.
    fn leave_out(&self) -> Result<()> {
        let path = format!("/client/v4/zones/{}/email/sending/subdomains", self.api.account.zone_id);
        let domains = self.api.request("GET", &path, "", &[])?.result();
        let tag = domains[0]["tag"].as_str().unwrap_or_default();
        let body = json!({ "drop_suppressed_recipients": true }).to_string();
        self.api.request("PATCH", &format!("{path}/{tag}"), &body, &[])?.result();
        Ok(())
    }
}

#[test]
fn a_message_to_a_suppressed_recipient_is_refused_or_goes_to_the_others() -> Result<()> {
    let scene = Scene::new("stall:pause=1ms", "")?;
    scene.suppress("Ann@Example.net")?;
    let refused = scene.send(&["bob@example.net", "ann@example.net"])?;
    let error = &refused["errors"][0];
    assert_eq!(
        (&error["code"], &error["reason"]),
        (&json!(10200), &json!("E_RECIPIENT_SUPPRESSED")),
        "{refused}"
    );
    assert!(error["detail"].as_str().is_some_and(|text| text.contains("ann@example.net")), "{error}");
    assert_eq!(scene.send(&["bob@example.net"])?["success"], true);

    scene.leave_out()?;
    let sent = scene.send(&["bob@example.net", "ann@example.net"])?["result"].clone();
    assert_eq!(sent["delivered"], json!(["bob@example.net"]), "{sent}");
    assert_eq!(sent["suppressed_recipients"], json!(["ann@example.net"]));
    let nobody = scene.send(&["ann@example.net"])?;
    assert_eq!(nobody["errors"][0]["reason"], "E_RECIPIENT_SUPPRESSED");
    Ok(())
}

#[test]
fn an_address_that_does_not_exist_is_suppressed_at_once() -> Result<()> {
    let scene = Scene::new("reject:100%", "")?;
    let sent = scene.send(&["nobody@example.net"])?;
    assert_eq!(sent["result"]["permanent_bounces"], json!(["nobody@example.net"]), "{sent}");
    let row = scene.listed()?[0].clone();
    assert_eq!((&row["email"], &row["reason"]), (&json!("nobody@example.net"), &json!("hard_bounce")));
    assert!(row["note"].as_str().is_some_and(|note| note.contains("550")), "{row}");
    assert_eq!(scene.send(&["nobody@example.net"])?["errors"][0]["reason"], "E_RECIPIENT_SUPPRESSED");
    Ok(())
}

#[test]
fn an_address_that_fails_for_now_too_often_is_suppressed_for_a_time() -> Result<()> {
    let scene = Scene::new("defer:100%", "[suppressions]\nsoft_bounces = 2\nsoft_bounce_for = \"1h\"\n")?;
    for _ in 0..2 {
        assert_eq!(scene.send(&["full@example.net"])?["success"], true);
    }
    let row = scene.listed()?[0].clone();
    assert_eq!((&row["email"], &row["reason"]), (&json!("full@example.net"), &json!("soft_bounce")));
    assert!(row["expires_at"].is_string(), "{row}");
    Ok(())
}

#[test]
fn a_refusal_that_is_about_us_suppresses_nobody() -> Result<()> {
    let scene = Scene::new("421-after:mail", "")?;
    scene.send(&["somebody@example.net"])?;
    wait::until("the end of the message", LIMIT, || {
        let queue = scene.api.request("GET", "/client/v4/delivery/queue", "", &[])?.result();
        Ok((queue["totals"]["entries"] == 0).then_some(()))
    })?;
    // Written by the thread that would have written it of the other.
    let list = scene.api.request("GET", &scene.api.sending_path("suppressions"), "", &[])?.result();
    assert_eq!(list, json!([]));
    Ok(())
}
