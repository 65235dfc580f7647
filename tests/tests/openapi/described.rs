//! The description is valid OpenAPI, and a program that knows nothing else finds nothing wrong: schemathesis makes good
//! and bad requests of it and holds every answer against it.

use std::fs;

use serde_json::{Value, json};

use mailwright_tests::error::{Context, Result};
use mailwright_tests::http::get;
use mailwright_tests::needs::{Need, long, seed, skip_without};
use mailwright_tests::python;
use mailwright_tests::server::run_to_end;

use crate::world::World;

/// Has schemathesis try every route with `token`.
fn try_all(world: &World, token: &str, told: &Value) -> Result<()> {
    let file = world.installation.state().join("world.json");
    fs::write(&file, told.to_string()).context("write what is told")?;
    // The short form tries the same each time; the long one finds what that does not.
    let (examples, seed) = if long() { ("200", seed() % (1 << 32)) } else { ("8", 5) };
    let base = format!("http://{}", world.server.http);
    let file = file.to_string_lossy().into_owned();
    let said = python::run("check_api.py", [&base, token, &file, examples, &seed.to_string()])?;
    assert_eq!(said["failed"], false, "seed {seed}\n{}", said["said"].as_str().unwrap_or_default());
    Ok(())
}

#[test]
fn every_answer_to_an_operator_is_as_described() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let world = World::new()?;
    let told = world.told()?;
    try_all(&world, &world.api.account.token, &told)
}

#[test]
fn every_answer_to_the_holder_of_a_zone_is_as_described_and_tells_nothing_of_others() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let world = World::new()?;
    let mut told = world.told()?;
    told["foreign"] = json!(true);
    let other = world.make("accounts", &json!({ "name": "other" }))?;
    let zone = json!({ "name": "other.example", "account": { "id": other } });
    let zone = world.make("zones", &zone)?;
    let all = ["send", "suppression_read", "suppression_edit", "analytics_read", "admin"];
    let policy = world.policy(&all, &format!("zone.{}", zone.as_str().unwrap_or_default()))?;
    let token = world.post("user/tokens", &json!({ "name": "limited", "policies": [policy] }))?;
    try_all(&world, token["value"].as_str().unwrap_or_default(), &told)
}

#[test]
fn the_description_needs_no_token_and_is_what_the_command_line_prints() -> Result<()> {
    let world = World::new()?;
    let served = get(world.server.http, "/client/v4/openapi.json")?;
    assert_eq!((served.status, served.content_type.as_str()), (200, "application/json"));
    let printed = run_to_end(["openapi"])?;
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap_or_default();
    assert_eq!((served.json()["openapi"].as_str(), &served.json()), (Some("3.1.0"), &printed));
    Ok(())
}
