//! What operators see of the engine.

use std::time::Duration;

use mailwright_tests::error::Result;
use mailwright_tests::http::Api;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Dev, Installation};
use mailwright_tests::wait;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(30);

fn get(api: &Api, path: &str) -> Result<Value> {
    Ok(api.request("GET", &format!("/client/v4/delivery/{path}"), "", &[])?.result())
}

#[test]
fn the_server_says_how_it_is_set_up() -> Result<()> {
    let dev = Dev::start()?;
    let server = get(&dev.api, "server")?;
    assert_eq!(
        (&server["mode"], &server["retention_days"], &server["hostname"]),
        (&json!("dev"), &json!(31), &json!("mail.localhost"))
    );
    assert!(server["workers"].is_boolean() && server["verifies_domains"].is_boolean(), "{server}");
    Ok(())
}

#[test]
fn a_site_that_slows_us_down_is_shown_with_what_was_done_and_why() -> Result<()> {
    let sandbox = Sandbox::with(&["421-after:greeting"])?;
    let installation = Installation::new(&Config::to(sandbox.address))?;
    let server = installation.start()?;
    let api = installation.api(&server);
    for number in 0..5 {
        let message = json!({ "from": "a@example.com", "to": format!("u{number}@slow.example"), "subject": "s", "text": "t" });
        assert_eq!(api.submit(&message)?.status, 200);
    }
    let actions = wait::until("an automatic action", LIMIT, || {
        let actions = get(&api, "automatic")?;
        Ok((!actions[0].is_null()).then_some(actions))
    })?;
    let newest = &actions[0];
    for key in ["at", "site", "action", "cause"] {
        assert!(newest[key].as_str().is_some_and(|text| !text.is_empty()), "{key} in {newest}");
    }
    assert_eq!(get(&api, "automatic?limit=1")?.as_array().map(Vec::len), Some(1));
    assert_eq!(get(&api, "automatic?since=2999-01-01T00:00:00Z")?, json!([]));

    let queue = get(&api, "queue")?;
    assert_eq!(
        (&queue["domains"][0]["name"], &queue["domains"][0]["entries"]),
        (&json!("slow.example"), &json!(5))
    );
    for (query, field) in [("limit=0", "limit"), ("limit=9999", "limit"), ("since=then", "since")] {
        let answer = api.request("GET", &format!("/client/v4/delivery/automatic?{query}"), "", &[])?;
        assert_eq!((answer.status, &answer.json()["errors"][0]["field"]), (400, &json!(field)), "{query}");
    }
    Ok(())
}
