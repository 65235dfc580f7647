//! The programs that `tests/fetch-receivers` has unpacked into `target/receivers` without installing them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Error, Result};

/// Where they are.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/receivers");

/// Beneath [`FOLDER`]: the libraries that they need and the machine may not have.
pub(crate) const LIBRARIES: &str = "libraries";

/// Returns the folder that holds them.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(FOLDER)
}

/// Says whether the program `path`, as in `usr/sbin/unbound`, has been fetched.
pub(crate) fn has(path: &str) -> bool {
    Path::new(FOLDER).join(path).exists()
}

/// Returns a command that runs the program `path` with its libraries.
pub(crate) fn command(path: &str) -> Command {
    let mut command = Command::new(Path::new(FOLDER).join(path));
    command.env("LD_LIBRARY_PATH", Path::new(FOLDER).join(LIBRARIES));
    command
}

/// Runs a command to its end and returns what it printed.
///
/// # Errors
/// [`Error::Io`] if it cannot be started, [`Error::Unexpected`] with all it said if it fails.
pub(crate) fn output_of(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().context(format!("run {name}"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(Error::unexpected(name, format!("{}\n{printed}{complaint}", output.status)))
}
