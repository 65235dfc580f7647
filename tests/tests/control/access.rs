//! Who may ask, and what is refused in words.

use mailwright_tests::control;
use mailwright_tests::error::Result;
use mailwright_tests::http::{self, Account, Api};
use mailwright_tests::server::free_address;
use serde_json::{Value, json};

use crate::world::World;

#[test]
fn what_is_not_there_and_what_makes_no_sense_is_refused_in_words() -> Result<()> {
    let world = World::to(free_address()?)?;
    let cases = [
        ("GET", "queue/messages/06123456789abc", Value::Null, 404),
        ("GET", "queue/messages/06123456789abc/why", Value::Null, 404),
        ("GET", "queue/messages/x", Value::Null, 400),
        ("GET", "queue/entries?per_page=x", Value::Null, 400),
        ("GET", "queue/entries?cursor=*", Value::Null, 400),
        ("GET", "trace", Value::Null, 400),
        ("GET", "nothing", Value::Null, 404),
        ("PUT", "queue", json!({}), 405),
        ("POST", "queue/cancel", json!({}), 400),
        ("POST", "queue/cancel", json!({"all": true, "domain": "a.example"}), 400),
        ("POST", "queue/retry", json!({"domian": "a.example"}), 400),
        ("POST", "suspensions", json!({"scope": "shop"}), 400),
        ("DELETE", "suspensions?scope=domain:a.example", Value::Null, 404),
        ("POST", "shaping/replay", json!({"shaping": "[default]\nconections = 1"}), 400),
    ];
    for (method, path, body, status) in cases {
        let answer = world.call(method, path, &body)?;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        answer.error_code();
    }
    for (args, code) in [
        (&["why", "06123456789abc"][..], 1),
        (&["resume", "domain:a.example"], 1),
        (&["suspend", "shop"], 2),
        (&["cancel", "--all"], 2),
        (&["retry-now"], 2),
        (&["reroute", "--all"], 2),
    ] {
        let output = control::run(world.state(), args)?;
        assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
        assert!(!output.stderr.is_empty());
    }
    Ok(())
}

#[test]
fn nobody_without_a_token_may_see_or_order_anything() -> Result<()> {
    let world = World::to(free_address()?)?;
    assert_eq!(http::get(world.server.http, "/client/v4/delivery/queue")?.status, 401);
    let stranger = Account { token: "x".repeat(40), ..world.installation.account.clone() };
    let stranger = Api::new(world.server.http, stranger);
    for (method, path) in [
        ("GET", "queue"),
        ("GET", "queue/entries"),
        ("GET", "queue/messages/06123456789abc"),
        ("GET", "queue/messages/06123456789abc/why"),
        ("POST", "queue/retry"),
        ("POST", "queue/cancel"),
        ("POST", "queue/reroute"),
        ("GET", "suspensions"),
        ("POST", "suspensions"),
        ("DELETE", "suspensions?scope=source:default"),
        ("POST", "shaping/reload"),
        ("GET", "shaping/explain?domain=a.example"),
        ("POST", "shaping/replay"),
        ("GET", "sources"),
        ("GET", "trace?domain=a.example"),
    ] {
        let answer = stranger.request(method, &format!("/client/v4/delivery/{path}"), "{}", &[])?;
        assert_eq!((answer.status, answer.error_code()), (401, 10000), "{method} {path}");
    }
    Ok(())
}

#[test]
fn a_killed_server_leaves_nothing_that_keeps_the_next_from_listening() -> Result<()> {
    let mut world = World::to(free_address()?)?;
    world.server.process.kill()?;
    let output = control::run(world.state(), &["queue"])?;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no server answers at"), "{output:?}");
    world.server = world.installation.start()?;
    assert!(world.text(&["queue"])?.starts_with("0 entries"));
    Ok(())
}
