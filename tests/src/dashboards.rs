//! The dashboards that we give operators, as data.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Context, Result};

/// A dashboard.
#[derive(Clone, Debug)]
pub struct Dashboard {
    /// Its file.
    pub file: PathBuf,
    /// What is in it.
    pub content: Value,
}

/// Returns a file or folder of the project.
#[must_use]
pub fn project(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path)
}

/// Reads all of them.
///
/// # Errors
/// [`crate::Error::Io`] if one cannot be read.
///
/// # Panics
/// If one is no JSON.
pub fn all() -> Result<Vec<Dashboard>> {
    let mut dashboards = Vec::new();
    for entry in fs::read_dir(project("config/grafana")).context("list the dashboards")? {
        let file = entry.context("list the dashboards")?.path();
        if file.extension().is_some_and(|extension| extension == "json") {
            let text = fs::read_to_string(&file).context(file.display().to_string())?;
            let content = serde_json::from_str(&text);
            let content = content.unwrap_or_else(|error| panic!("{} is no JSON: {error}", file.display()));
            dashboards.push(Dashboard { file, content });
        }
    }
    Ok(dashboards)
}

/// Returns the list under a key, empty if there is none.
#[must_use]
pub fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// Puts values in the place of the variables of an expression: Grafana's own, which are times, and ours, which are
/// patterns.
#[must_use]
pub fn filled(expression: &str, rate_interval: &str, range: &str) -> String {
    let plain = expression.replace("$__rate_interval", rate_interval).replace("$__range", range);
    ["$instance", "$provider", "$source"].iter().fold(plain, |text, name| text.replace(name, ".*"))
}
