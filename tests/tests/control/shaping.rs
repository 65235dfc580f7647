//! Traffic shaping explained, replayed and reloaded.

use std::fs;
use std::path::PathBuf;

use mailwright_tests::control;
use mailwright_tests::error::{Context, Result};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::free_address;
use mailwright_tests::wait;
use serde_json::{Value, json};

use crate::world::{DEFERS, LIMIT, World};

fn file(world: &World, text: &str) -> Result<PathBuf> {
    let file = world.files.path().join("other.toml");
    fs::write(&file, text).context("write a shaping file")?;
    Ok(file)
}

#[test]
fn shaping_is_explained_with_the_layer_that_decided() -> Result<()> {
    let mut world = World::shaped(free_address()?, "connections = 7")?;
    let decided = |explanation: &Value, key: &str| -> Value {
        let values = explanation["values"].as_array().cloned().unwrap_or_default();
        let found = values.iter().find(|value| value["key"] == key).cloned().unwrap_or_default();
        json!([found["value"], found["layer"]])
    };
    let explained = world.get("shaping/explain?domain=a.example")?;
    assert_eq!(decided(&explained, "connections"), json!(["7", "default"]));
    assert_eq!(explained["mx_hosts"], json!(["127.0.0.1"]));
    let text = world.text(&["shaping", "explain", "a.example"])?;
    assert!(text.contains("hosts     127.0.0.1"), "{text}");

    let other = file(&world, "[site.\"127.0.0.1\"]\nconnections = 3\n")?;
    let other = other.display().to_string();
    let with_file = ["shaping", "explain", "a.example", "--file", &other];
    assert_eq!(decided(&world.json(&with_file)?, "connections"), json!(["3", "site.\"127.0.0.1\""]));
    // Without a server: what is built in, and a file without its hosts.
    world.server.stop()?;
    let built_in = world.json(&["shaping", "explain", "gmail.com"])?;
    assert_eq!(built_in["provider"], "google");
    assert_eq!(decided(&world.json(&with_file)?, "connections")[1], "built-in");
    Ok(())
}

#[test]
fn a_reload_takes_a_good_file_and_refuses_a_bad_one_whole() -> Result<()> {
    let world = World::shaped(free_address()?, "connections = 7")?;
    let connections = || -> Result<Value> {
        let explained = world.get("shaping/explain?domain=a.example")?;
        let values = explained["values"].as_array().cloned().unwrap_or_default();
        Ok(values.iter().find(|value| value["key"] == "connections").cloned().unwrap_or_default()["value"]
            .clone())
    };
    let shaping = world.files.path().join("shaping.toml");
    fs::write(&shaping, "[default]\nconnections = 9\n").context("write")?;
    world.text(&["shaping", "reload"])?;
    assert_eq!(connections()?, "9");
    fs::write(&shaping, "[default]\nmessage_rate = \"1/h\"\nconections = 11\n").context("write")?;
    let refused = world.call("POST", "shaping/reload", &json!({}))?;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("line 3") && refused.text.contains("conections"), "{}", refused.text);
    assert_eq!(connections()?, "9");
    Ok(())
}

#[test]
fn a_replay_tells_what_a_rule_would_have_done() -> Result<()> {
    let sandbox = Sandbox::with(&[DEFERS])?;
    let mut world = World::to(sandbox.address)?;
    for number in 0..3 {
        world.send(&format!("{number}@a.example"))?;
    }
    world.wait_until_deferred(3)?;
    let rule = "[[default.rules]]\nname = \"full-stop\"\ncodes = [451]\ncount = 2\nwithin = \"1h\"\naction = \"suspend-site\"\nhold = \"1h\"\n";
    // The log is written a moment after what it tells.
    let report = wait::until("three attempts in the log", LIMIT, || {
        let answer = world.call("POST", "shaping/replay", &json!({"shaping": rule, "since": "1h"}))?.result();
        Ok((answer["sites"][0]["attempts"] == 3).then_some(answer))
    })?;
    assert_eq!(report["fired"][0]["rule"], "full-stop");
    assert_eq!(
        (&report["sites"][0]["site"], &report["sites"][0]["spared"]),
        (&json!("127.0.0.1"), &json!(1))
    );
    world.server.stop()?;
    let other = file(&world, rule)?.display().to_string();
    let text = world.text(&["shaping", "replay", &other, "--since", "1h"])?;
    assert!(text.starts_with("attempts 3, sites 1, held back 0, rules fired 1"), "{text}");
    let bad = file(&world, "[default]\nconections = 1\n")?.display().to_string();
    let refused = control::run(world.state(), &["shaping", "replay", &bad])?;
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("line 2"), "{refused:?}");
    Ok(())
}
