//! The commands for operators (`mailwright queue`, `suspend`, ...), run on a server's state folder.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::error::{Context, Error, Result};
use crate::server::mailwright;

/// Runs a command on the server of `state` to its end, whatever that is.
///
/// # Errors
/// [`Error::Io`] if it cannot be started.
pub fn run(state: &Path, args: &[&str]) -> Result<Output> {
    let mut command = mailwright();
    command.args(args).arg("--state").arg(state);
    command.output().context(format!("run mailwright {args:?}"))
}

/// Runs a command that must succeed and returns what it printed.
///
/// # Errors
/// [`Error::Unexpected`] with what it said if it does not.
pub fn text(state: &Path, args: &[&str]) -> Result<String> {
    let output = run(state, args)?;
    if !output.status.success() {
        return Err(Error::unexpected(format!("mailwright {args:?}"), format!("{output:?}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Does the same with `--json` and reads it.
///
/// # Errors
/// [`Error::Unexpected`] if it fails or prints anything but JSON.
pub fn json(state: &Path, args: &[&str]) -> Result<Value> {
    let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    let printed = text(state, &args)?;
    let unexpected = |error| Error::unexpected(format!("mailwright {args:?}"), format!("{error}: {printed}"));
    serde_json::from_str(&printed).map_err(unexpected)
}
