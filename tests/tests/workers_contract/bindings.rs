//! What else a Worker may use: keys and values, queues, data points.

use mailwright_tests::error::Result;
use mailwright_tests::wait;
use mailwright_tests::worker_world::LIMIT;
use serde_json::json;

use crate::world::{Contract, assert_thrown};

#[test]
fn keys_and_values_are_what_the_runtime_makes_of_them() -> Result<()> {
    let Some(world) = Contract::start()? else { return Ok(()) };
    let said = world.said("kv")?;
    for (name, expected) in [
        ("text", json!("one")),
        ("json", json!({ "a": [1, 2] })),
        ("bytes", json!([0, 255, 1])),
        ("streamed", json!("streamed")),
        ("odd", json!("odd")),
        ("gone", json!(null)),
        ("several", json!([["text", "one"], ["gone", null], ["json", "{\"a\":[1,2]}"]])),
        ("pages", json!([["page:0", "page:1", "page:2"], false, ["page:3", "page:4"], true])),
        ("metadata", json!({ "at": 2 })),
    ] {
        assert_eq!(said[name], expected, "{name} of {said:#}");
    }
    assert_eq!(
        (&said["withMetadata"]["value"], &said["withMetadata"]["metadata"]),
        (&json!("x"), &json!({ "at": 1 }))
    );
    for (case, words) in [
        ("shortTtl", "60"),
        ("longKey", "512"),
        ("emptyKey", "key"),
        ("longMetadata", "1024"),
        ("longValue", "26214400"),
    ] {
        assert_thrown(&said[case], words);
    }
    assert_eq!(world.said("points")?["returned"], true);
    Ok(())
}

#[test]
fn what_is_sent_to_a_queue_comes_to_its_consumer_until_that_has_done_it() -> Result<()> {
    let Some(world) = Contract::start()? else { return Ok(()) };
    assert_thrown(&world.said("queue")?, "128");
    for (key, shown) in [
        ("work:json", json!({ "kind": "json", "nested": [1, { "two": 2 }] })),
        ("work:text", json!("a text")),
        ("work:bytes", json!([1, 2, 3])),
        ("work:v8", json!(0)),
        ("work:batch0", json!({ "kind": "batch", "at": 0 })),
        ("work:batch1", json!({ "kind": "batch", "at": 1 })),
    ] {
        let came = world.result(key).inspect_err(|_| {
            mailwright_tests::needs::tell(&world.server.process.log_text());
        })?;
        assert_eq!((&came["shown"], &came["attempts"]), (&shown, &json!(1)), "{key}");
        assert!(came["id"].as_str().is_some_and(|id| !id.is_empty()), "{key}: {came}");
        assert!(came["at"].as_u64().is_some_and(|at| at > 1_700_000_000_000), "{key}: {came}");
    }
    // Tried again once; then what is hopeless is for the queue of dead letters.
    assert_eq!(world.result("dead:hopeless")?["shown"], json!({ "kind": "hopeless" }));
    for key in ["work:hopeless", "work:retried"] {
        wait::until(&format!("the second attempt of {key}"), LIMIT, || {
            Ok((world.result(key)?["attempts"] == 2).then_some(()))
        })?;
    }
    Ok(())
}
