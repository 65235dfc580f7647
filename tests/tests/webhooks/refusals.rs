//! Addresses that are not called, and requests that make no sense.

use mailwright_tests::error::Result;
use mailwright_tests::needs::skip_without;
use mailwright_tests::wait;
use serde_json::{Value, json};

use crate::world::{LIMIT, NEEDS, SOON, World};

#[test]
fn an_endpoint_is_not_made_at_an_address_that_only_we_can_reach() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let world = World::start("", "")?;
    for url in [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://LOCALHOST.:8443/x",
        "https://2130706433/",
        "https://[::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/",
        "https://100.64.0.1/",
        "https://192.168.1.1:8443/",
        "https://[fd00::1]/",
        "https://0.0.0.0/",
    ] {
        let refused = world.ask("POST", "", &json!({"url": url}))?;
        assert_eq!((refused.status, refused.error_code()), (400, 10001), "{url}");
        let error = &refused.json()["errors"][0];
        let detail = error["detail"].as_str().unwrap_or_default();
        assert!(error["field"] == "url" && detail.contains("not public"), "{url}: {error}");
    }
    for url in ["http://example.com/", "https://user:password@example.com/", "example.com", "", "https://"] {
        let refused = world.ask("POST", "", &json!({"url": url}))?;
        assert_eq!((refused.status, refused.error_code()), (400, 10001), "{url}");
    }
    assert_eq!(world.ask("GET", "", &Value::Null)?.result(), json!([]));
    Ok(())
}

#[test]
fn a_name_that_leads_to_a_private_address_later_is_not_called() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut world = World::start("", SOON)?;
    let made = world.create(&["message.delivered"])?;
    world.server.stop()?;
    let config = world.installation.configuration()?.replace("private_hosts = true", "private_hosts = false");
    world.installation.configure(&config)?;
    world.server = world.installation.start()?;
    world.send(0..1)?;
    let attempts = wait::until("an attempt", LIMIT, || {
        Ok(Some(world.attempts(&made)?).filter(|attempts| !attempts.is_empty()))
    })?;
    let why = attempts[0]["error"].as_str().unwrap_or_default();
    assert!(attempts[0]["status"].is_null() && why.contains("no public address"), "{attempts:?}");
    assert_eq!(world.receiver.calls(), []);
    Ok(())
}

#[test]
fn senseless_requests_are_refused_by_field() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut world = World::start("", SOON)?;
    let url = world.url();
    let made = world.create(&[])?;
    let id = made["id"].as_str().unwrap_or_default();
    let cases = [
        ("POST", String::new(), json!({"url": url, "events": ["message.opened"]}), "events[0]"),
        ("POST", String::new(), json!({"url": url, "name": "x".repeat(101)}), "name"),
        ("PATCH", format!("/{id}"), json!({"url": "https://user@example.com/"}), "url"),
        ("POST", format!("/{id}/rotate-secret"), json!({"overlap": "31d"}), "overlap"),
    ];
    for (method, path, body, field) in cases {
        let refused = world.ask(method, &path, &body)?;
        assert_eq!((refused.status, refused.error_code()), (400, 10001), "{body}");
        assert_eq!(refused.json()["errors"][0]["field"], field, "{body}");
    }
    for body in [json!({}), json!({"url": 5}), json!({"url": url, "secret": "x"}), json!([])] {
        assert_eq!(world.ask("POST", "", &body)?.status, 400, "{body}");
    }
    assert_eq!(world.ask("PUT", "", &json!({}))?.status, 405);
    assert_eq!(world.ask("GET", "/0123", &Value::Null)?.status, 404);
    for _ in 1..20 {
        world.create(&[])?;
    }
    let refused = world.ask("POST", "", &json!({"url": url}))?;
    let detail = refused.json()["errors"][0]["detail"].to_string();
    assert!(refused.status == 400 && detail.contains("20 webhooks"), "{detail}");
    Ok(())
}

#[test]
fn a_stranger_is_told_nothing() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut world = World::start("", SOON)?;
    world.create(&[])?;
    let mut api = world.api();
    let path = api.sending_path("webhooks");
    let elsewhere = path.replace(&api.account.account_id, "0123456789abcdef0123456789abcdef");
    assert!([403, 404].contains(&api.request("GET", &elsewhere, "", &[])?.status));
    api.account.token = "x".repeat(40);
    assert_eq!(api.request("GET", &path, "", &[])?.status, 401);
    Ok(())
}
