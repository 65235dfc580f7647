//! A server under an operator's hands.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use mailwright_tests::control;
use mailwright_tests::error::{Context, Result};
use mailwright_tests::http::{self, Api};
use mailwright_tests::message::SENDER;
use mailwright_tests::metrics::{DEFERRED, QUEUED};
use mailwright_tests::server::{Config, Installation, Server};
use mailwright_tests::wait;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The longest that anything here may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A receiver that defers everything: what is sent waits for an hour.
pub(crate) const DEFERS: &str = "defer:share=100%";

/// A server whose mail waits where the test wants it to.
pub(crate) struct World {
    pub(crate) installation: Installation,
    pub(crate) server: Server,
    pub(crate) files: TempDir,
}

impl World {
    /// Sends all mail to `next_hop`, and again after an hour what was deferred.
    pub(crate) fn to(next_hop: SocketAddr) -> Result<Self> {
        Self::with(Config::to(next_hop), "")
    }

    /// Does so with limits for all destinations, as a shaping file has them below `[default]`.
    pub(crate) fn shaped(next_hop: SocketAddr, limits: &str) -> Result<Self> {
        Self::with(Config::to(next_hop), limits)
    }

    pub(crate) fn with(config: Config, limits: &str) -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let shaping = files.path().join("shaping.toml");
        fs::write(&shaping, format!("[default]\n{limits}\n")).context("write the shaping file")?;
        let delivery = format!("{}\nshaping = {:?}", config.delivery, shaping.display().to_string());
        let retry = if limits.contains("breaker") { "200ms" } else { "1h" };
        let config =
            Config { delivery, retry_first: retry.into(), retry_max_interval: retry.into(), ..config };
        let installation = Installation::new(&config)?;
        let server = installation.start()?;
        Ok(Self { installation, server, files })
    }

    pub(crate) fn restart(&mut self) -> Result<()> {
        let ended = self.server.stop()?;
        assert!(ended.success(), "{ended}\n{}", self.server.process.log_text());
        self.server = self.installation.start()?;
        Ok(())
    }

    pub(crate) fn state(&self) -> &Path {
        self.installation.state()
    }

    pub(crate) fn api(&self) -> Api {
        self.installation.api(&self.server)
    }

    /// The answer to a request of the delivery API.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Result<http::Answer> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.api().request(method, &format!("/client/v4/delivery/{path}"), &body, &[])
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        Ok(self.call("GET", path, &Value::Null)?.result())
    }

    /// Has a message accepted.
    pub(crate) fn send(&self, to: &str) -> Result<()> {
        let request = json!({"from": SENDER, "to": to, "subject": "Control", "text": "the secret content"});
        let answer = self.api().submit(&request)?;
        assert_eq!(answer.status, 200, "{}", answer.text);
        Ok(())
    }

    pub(crate) fn text(&self, args: &[&str]) -> Result<String> {
        control::text(self.state(), args)
    }

    pub(crate) fn json(&self, args: &[&str]) -> Result<Value> {
        control::json(self.state(), args)
    }

    /// The ids of what waits, oldest first.
    pub(crate) fn ids(&self) -> Result<Vec<String>> {
        let list = self.json(&["queue", "list"])?;
        let rows = list["result"].as_array().cloned().unwrap_or_default();
        Ok(rows.iter().filter_map(|row| Some(row["id"].as_str()?.to_owned())).collect())
    }

    pub(crate) fn wait_for_ids(&self, count: usize) -> Result<Vec<String>> {
        wait::until(&format!("{count} messages in the queue"), LIMIT, || {
            Ok(Some(self.ids()?).filter(|ids| ids.len() == count))
        })
    }

    /// Waits until a message is held by `reason`, and returns in what words.
    pub(crate) fn wait_until_held_by(&self, id: &str, reason: &str) -> Result<String> {
        wait::until(&format!("message {id} to be held by {reason}"), LIMIT, || {
            let why = self.get(&format!("queue/messages/{id}/why"))?;
            let found = (why[0]["reason"] == reason).then(|| why[0]["detail"].as_str().map(str::to_owned));
            Ok(found.flatten())
        })
    }

    pub(crate) fn wait_until_deferred(&self, count: u64) -> Result<()> {
        wait::until(&format!("{count} deferred messages"), LIMIT, || {
            let metrics = self.server.metrics()?;
            Ok((metrics.get(DEFERRED) == count && metrics.get(QUEUED) == count).then_some(()))
        })
    }
}
