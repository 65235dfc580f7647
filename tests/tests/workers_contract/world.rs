//! The Worker under test with all that it may use.

use std::ops::Deref;

use mailwright_tests::error::Result;
use mailwright_tests::smtp::Reply;
use mailwright_tests::worker::Worker;
use mailwright_tests::worker_world::{SENDER, WorkerWorld, letter};
use serde_json::{Value, json};

/// Where mail for it goes.
pub(crate) const ADDRESS: &str = "case@example.com";

pub(crate) struct Contract {
    world: WorkerWorld,
    results: String,
}

impl Deref for Contract {
    type Target = WorkerWorld;

    fn deref(&self) -> &WorkerWorld {
        &self.world
    }
}

impl Contract {
    pub(crate) fn start() -> Result<Option<Self>> {
        let Some(world) = WorkerWorld::start(&["other.test"], "")? else { return Ok(None) };
        world.destinations(&["team@box.example", "other@box.example", "later@box.example"])?;
        let (results, kv) = (world.namespace("results")?, world.namespace("kv")?);
        let (work, dead) = (world.queue("work")?, world.queue("dead")?);
        let restricted = |name: &str, rules: &Value| {
            let mut binding = rules.clone();
            binding["type"] = json!("send_email");
            binding["name"] = json!(name);
            binding
        };
        let worker = Worker::of_file("contract", "contract.mjs")?
            .with_email()
            .with_kv("RESULTS", &results)
            .with_kv("KV", &kv)
            .with(json!({ "type": "queue", "name": "QUEUE", "queue_name": "work" }))
            .with(json!({ "type": "analytics_engine", "name": "POINTS", "dataset": "points" }))
            .with(restricted("FROM_SHOP", &json!({ "allowed_sender_addresses": ["shop@example.com"] })))
            .with(restricted("TO_ANN", &json!({ "destination_address": "ann@example.net" })))
            .with(restricted(
                "TO_FRIENDS",
                &json!({ "allowed_destination_addresses": ["ann@example.net", "ben@example.net"] }),
            ));
        world.deploy_in("example.com", &worker)?;
        let at_once = json!({ "batch_size": 10, "max_wait_time_ms": 100, "max_retries": 1 });
        world.consume(&dead, "contract", &at_once, None)?;
        world.consume(&work, "contract", &at_once, Some("dead"))?;
        Ok(Some(Self { world, results }))
    }

    /// Has the Worker do what `case` says, with a message of this sender and these fields.
    pub(crate) fn bring_case(&self, case: &str, from: &str, fields: &str) -> Result<Reply> {
        let fields = format!("X-Case: {case}\r\n{fields}");
        self.bring(from, ADDRESS, &letter(from, ADDRESS, case, &fields))
    }

    /// The same with a message of the usual sender that must be taken, and what came of it.
    pub(crate) fn said(&self, case: &str) -> Result<Value> {
        self.said_to(case, SENDER, "")
    }

    pub(crate) fn said_to(&self, case: &str, from: &str, fields: &str) -> Result<Value> {
        let reply = self.bring_case(case, from, fields)?;
        assert_eq!(reply.code, 250, "{case}: {reply:?}\n{}", self.server.process.log_text());
        self.result(case)
    }

    /// What the Worker has kept.
    pub(crate) fn result(&self, key: &str) -> Result<Value> {
        self.stored(&self.results, key)
    }
}

/// Asserts that something was thrown, with these words in its message.
pub(crate) fn assert_thrown(said: &Value, words: &str) {
    let message = said["message"].as_str().unwrap_or_default();
    assert!(message.to_lowercase().contains(&words.to_lowercase()), "{words:?}: {said}");
}
