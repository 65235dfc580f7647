//! `wrangler.toml`, `wrangler.jsonc` and `wrangler.json`: what a folder says of its Worker.

use super::{ProjectError, jsonc};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The names that the file may have; of several the first is meant.
const NAMES: [&str; 3] = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];
/// What there is not here, by the key of the file.
const MISSING: [(&str, &str); 18] = [
    ("ai", "Workers AI"),
    ("assets", "static assets"),
    ("browser", "browser rendering"),
    ("containers", "containers"),
    ("d1_databases", "D1"),
    ("dispatch_namespaces", "Workers for Platforms"),
    ("durable_objects", "Durable Objects"),
    ("hyperdrive", "Hyperdrive"),
    ("images", "Images"),
    ("mtls_certificates", "client certificates"),
    ("pipelines", "Pipelines"),
    ("r2_buckets", "R2"),
    ("secrets_store_secrets", "the secrets store"),
    ("services", "bindings to other Workers"),
    ("site", "Workers Sites"),
    ("unsafe", "unsafe bindings"),
    ("vectorize", "Vectorize"),
    ("workflows", "Workflows"),
];

/// What is understood of the file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct WranglerFile {
    pub(super) name: Option<String>,
    pub(super) main: Option<PathBuf>,
    pub(super) compatibility_date: Option<String>,
    pub(super) compatibility_flags: Vec<String>,
    pub(super) vars: Map<String, Value>,
    pub(super) kv_namespaces: Vec<Kv>,
    pub(super) queues: Queues,
    pub(super) send_email: Vec<Map<String, Value>>,
    pub(super) analytics_engine_datasets: Vec<Analytics>,
    pub(super) version_metadata: Option<VersionMetadata>,
    pub(super) limits: Option<Value>,
    pub(super) workers_dev: Option<bool>,
    triggers: Triggers,
    build: Build,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Kv {
    pub(super) binding: String,
    pub(super) id: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Queues {
    pub(super) producers: Vec<Producer>,
    pub(super) consumers: Vec<Consumer>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Producer {
    pub(super) binding: String,
    pub(super) queue: String,
    pub(super) delivery_delay: Option<u32>,
}

/// How messages of a queue come to the Worker.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Consumer {
    pub(super) queue: String,
    max_batch_size: Option<u32>,
    /// Seconds.
    max_batch_timeout: Option<u32>,
    max_retries: Option<u32>,
    max_concurrency: Option<u32>,
    /// Seconds.
    retry_delay: Option<u32>,
    pub(super) dead_letter_queue: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Analytics {
    pub(super) binding: String,
    pub(super) dataset: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct VersionMetadata {
    pub(super) binding: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Triggers {
    crons: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Build {
    command: Option<String>,
}

impl Consumer {
    /// What the API is told of it.
    pub(super) fn body(&self, script: &str) -> Value {
        let mut settings = json!({
            "batch_size": self.max_batch_size,
            "max_wait_time_ms": self.max_batch_timeout.map(|seconds| u64::from(seconds) * 1_000),
            "max_retries": self.max_retries,
            "max_concurrency": self.max_concurrency,
            "retry_delay": self.retry_delay,
        });
        let mut body = json!({ "type": "worker", "script_name": script });
        settings
            .as_object_mut()
            .into_iter()
            .for_each(|settings| settings.retain(|_, value| !value.is_null()));
        body["settings"] = settings;
        if let Some(queue) = &self.dead_letter_queue {
            body["dead_letter_queue"] = queue.as_str().into();
        }
        body
    }
}

impl WranglerFile {
    /// What a file would say that names the main module only.
    pub(super) fn of_main(main: Option<PathBuf>) -> Self {
        Self { main, ..Self::default() }
    }

    /// The folder's file, if it has one.
    pub(super) fn find(folder: &Path) -> Option<PathBuf> {
        NAMES.iter().map(|name| folder.join(name)).find(|file| file.is_file())
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It is not understood, or asks for what there is not.
    pub(super) fn read(path: &Path) -> Result<Self, ProjectError> {
        let text = fs::read_to_string(path).map_err(ProjectError::unreadable(path))?;
        let wrong = |reason: String| ProjectError::Config { path: path.to_path_buf(), reason };
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        let read: Self = if is_toml {
            toml::from_str(&text).map_err(|error| wrong(error.to_string()))?
        } else {
            serde_json::from_str(&jsonc::plain(&text)).map_err(|error| wrong(error.to_string()))?
        };
        read.refused().map_or(Ok(read), |reason| Err(wrong(reason)))
    }

    /// Why this Worker cannot run here as it is, if it cannot.
    fn refused(&self) -> Option<String> {
        let is_asked = |value: &Value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::Array(list) => !list.is_empty(),
            Value::Object(fields) => {
                fields.values().any(|value| !value.as_array().is_some_and(Vec::is_empty))
            }
            _ => true,
        };
        let missing = MISSING.iter().find(|(key, _)| self.others.get(*key).is_some_and(is_asked));
        if let Some((key, what)) = missing {
            return Some(format!(
                "{key}: there is no {what} here; there are variables, secrets, KV, queues, send_email and Analytics Engine"
            ));
        }
        if !self.triggers.crons.is_empty() {
            return Some(
                "triggers.crons: Workers are not called by the clock here; mail, HTTP and queues call them"
                    .to_owned(),
            );
        }
        self.build.command.as_ref().map(|command| {
            format!("build.command: run `{command}`, then name what it makes with --main, or deploy with `npx wrangler deploy`")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<WranglerFile, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        assert_eq!(WranglerFile::find(dir.path()).as_deref(), Some(path.as_path()));
        WranglerFile::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn all_three_forms_say_the_same() {
        let toml = "name = \"a\"\nmain = \"src/index.ts\"\n[[kv_namespaces]]\nbinding = \"EMAILS\"\nid = \"1\"\n\
                    [[queues.consumers]]\nqueue = \"q\"\nmax_batch_timeout = 5\n[vars]\nX = { y = [1] }\n";
        let jsonc = r#"{ // a comment
            "$schema": "node_modules/wrangler/config-schema.json", "name": "a", "main": "src/index.ts", "r2_buckets": [],
            "kv_namespaces": [{ "binding": "EMAILS", "id": "1" }],
            "queues": { "consumers": [{ "queue": "q", "max_batch_timeout": 5 }] }, "vars": { "X": { "y": [1] } }, }"#;
        for read in [read("wrangler.toml", toml), read("wrangler.jsonc", jsonc)] {
            let read = read.unwrap();
            assert_eq!(
                (read.name.as_deref(), read.main.as_deref()),
                (Some("a"), Some(Path::new("src/index.ts")))
            );
            assert_eq!(read.kv_namespaces[0].id.as_deref(), Some("1"));
            assert_eq!(read.vars["X"], json!({ "y": [1] }));
            let body =
                json!({ "type": "worker", "script_name": "a", "settings": { "max_wait_time_ms": 5_000 } });
            assert_eq!(read.queues.consumers[0].body("a"), body);
        }
    }

    #[test]
    fn what_there_is_not_is_refused_by_its_key() {
        for (text, key) in [
            ("[ai]\nbinding = \"AI\"", "ai: "),
            ("[[d1_databases]]\nbinding = \"DB\"", "d1_databases: "),
            ("[[durable_objects.bindings]]\nname = \"X\"", "durable_objects: "),
            ("[triggers]\ncrons = [\"* * * * *\"]", "triggers.crons: "),
            ("[build]\ncommand = \"make\"", "build.command: run `make`"),
            ("kv_namespaces = 1", "kv_namespaces"),
        ] {
            let error = read("wrangler.toml", text).unwrap_err();
            assert!(error.contains(key), "{error}");
        }
        assert!(read("wrangler.toml", "[durable_objects]\nbindings = []\n[triggers]\ncrons = []").is_ok());
    }
}
