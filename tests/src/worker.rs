//! Workers as they are uploaded: code, and what it may use.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::error::{Context, Error, Result};
use crate::javascript;

/// Parts of the form are told apart by this; no code has it.
const BOUNDARY: &str = "----a-part-of-a-Worker";

/// The newest date that the runtime of the tests knows.
const COMPATIBILITY_DATE: &str = "2026-04-17";

/// A Worker: its main module, and maybe others.
#[derive(Clone, Debug)]
pub struct Worker {
    name: String,
    code: String,
    modules: Vec<(String, String, Vec<u8>)>,
    bindings: Vec<Value>,
    limits: Option<Value>,
}

impl Worker {
    /// A Worker of this code.
    #[must_use]
    pub fn new(name: &str, code: impl Into<String>) -> Self {
        let (name, code) = (name.into(), code.into());
        Self { name, code, modules: Vec::new(), bindings: Vec::new(), limits: None }
    }

    /// A Worker of a file of `tests/workers/`, as it is.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read.
    pub fn of_file(name: &str, file: &str) -> Result<Self> {
        let path = folder().join(file);
        Ok(Self::new(name, fs::read_to_string(&path).context(path.display().to_string())?))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds a module of this media type, which the code can import.
    #[must_use]
    pub fn with_module(mut self, name: &str, media_type: &str, content: &[u8]) -> Self {
        self.modules.push((name.into(), media_type.into(), content.into()));
        self
    }

    /// Gives it something to use.
    #[must_use]
    pub fn with(mut self, binding: Value) -> Self {
        self.bindings.push(binding);
        self
    }

    /// Lets it send mail by `env.EMAIL`.
    #[must_use]
    pub fn with_email(self) -> Self {
        self.with(json!({ "type": "send_email", "name": "EMAIL" }))
    }

    /// Lets it use a namespace of keys and values.
    #[must_use]
    pub fn with_kv(self, name: &str, id: &str) -> Self {
        self.with(json!({ "type": "kv_namespace", "name": name, "namespace_id": id }))
    }

    /// Lets it read a text.
    #[must_use]
    pub fn with_text(self, name: &str, text: &str) -> Self {
        self.with(json!({ "type": "plain_text", "name": name, "text": text }))
    }

    /// Limits its processor time for an event.
    #[must_use]
    pub fn with_cpu_limit(mut self, milliseconds: u32) -> Self {
        self.limits = Some(json!({ "cpu_ms": milliseconds }));
        self
    }

    /// The media type and the body that upload it, as `wrangler deploy` writes them.
    #[must_use]
    pub fn form(&self) -> (String, Vec<u8>) {
        let mut metadata = json!({
            "main_module": "index.js", "bindings": self.bindings,
            "compatibility_date": COMPATIBILITY_DATE, "compatibility_flags": ["nodejs_compat"],
        });
        if let Some(limits) = &self.limits {
            metadata["limits"] = limits.clone();
        }
        let mut body = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{metadata}\r\n"
        )
        .into_bytes();
        let main = (
            "index.js".to_owned(),
            "application/javascript+module".to_owned(),
            self.code.clone().into_bytes(),
        );
        for (name, media_type, content) in [main].iter().chain(&self.modules) {
            let head = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\
                 Content-Type: {media_type}\r\n\r\n"
            );
            body.extend([head.as_bytes(), content, b"\r\n"].concat());
        }
        body.extend(format!("--{BOUNDARY}--\r\n").into_bytes());
        (format!("multipart/form-data; boundary={BOUNDARY}"), body)
    }
}

/// Code that is bundled, all of it at once, as `wrangler deploy` bundles it.
#[derive(Debug)]
pub struct Bundles(Value);

impl Bundles {
    /// Bundles files of `tests/workers/samples/`, each a name and what it is made of. One whose name begins with `=` is a
    /// piece of a `fetch()` handler, which gets the rest.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with what the bundler says.
    pub fn of(samples: &[(&str, &[&str])]) -> Result<Self> {
        let jobs: Vec<_> = samples
            .iter()
            .map(|(name, files)| {
                let paths: Vec<_> = files.iter().map(|file| folder().join("samples").join(file)).collect();
                json!({ "name": name.trim_start_matches('='), "files": paths, "wrap": name.starts_with('=') })
            })
            .collect();
        javascript::run("bundle.mjs", [json!(jobs).to_string()]).map(Self)
    }

    /// A Worker of that name, of the sample of that name.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if nothing of that name was bundled.
    pub fn worker(&self, name: &str) -> Result<Worker> {
        let none = || Error::unexpected("find a bundle", format!("there is no {name:?}"));
        self.0[name].as_str().map(|code| Worker::new(name, code)).ok_or_else(none)
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("workers")
}
