//! Running the scripts of `tests/python/` in the environment of `tests/requirements.txt`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::error::{Context, Error, Result};

/// Returns the Python interpreter of the project's `.venv`, whether it is there or not.
#[must_use]
pub fn interpreter() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python")
}

/// Returns the command that runs `tests/python/<script>`.
pub(crate) fn command(script: &str) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(script);
    let mut command = Command::new(interpreter());
    command.arg("-B").arg(path);
    command
}

/// Runs `tests/python/<script>` and returns the JSON that it prints.
///
/// # Errors
/// [`Error::Unexpected`] with the script's output if it fails or prints something else.
pub fn run<A: AsRef<OsStr>>(script: &str, args: impl IntoIterator<Item = A>) -> Result<Value> {
    let output = command(script).args(args).output().context(script)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(Error::unexpected(script, format!("{}\n{errors}", output.status)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| {
        Error::unexpected(script, format!("{error} in {}\n{errors}", String::from_utf8_lossy(&output.stdout)))
    })
}
