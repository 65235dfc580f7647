//! Running the scripts of `tests/js/` with the packages of its `package.json`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::error::{Context, Error, Result};

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("js")
}

/// Returns whether the packages are there, and Node.js that runs them.
#[must_use]
pub(crate) fn is_installed() -> bool {
    ["cloudflare", "wrangler"].iter().all(|name| folder().join("node_modules").join(name).exists())
        && has_node()
}

/// Returns whether there is Node.js.
pub(crate) fn has_node() -> bool {
    Command::new("node").arg("--version").output().is_ok()
}

/// Runs `tests/js/<script>` and returns the JSON that it prints.
///
/// # Errors
/// [`Error::Unexpected`] with the script's output if it fails or prints something else.
pub fn run<A: AsRef<OsStr>>(script: &str, args: impl IntoIterator<Item = A>) -> Result<Value> {
    let output = Command::new("node").arg(folder().join(script)).args(args).output().context(script)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(Error::unexpected(script, format!("{}\n{errors}", output.status)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| {
        Error::unexpected(script, format!("{error} in {}\n{errors}", String::from_utf8_lossy(&output.stdout)))
    })
}
