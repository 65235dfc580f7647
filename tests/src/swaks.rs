//! swaks, a client for SMTP that others wrote, which shows every line of its session.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::error::{Context, Result};
use crate::fetched;

/// Where Debian has the interpreter.
pub(crate) const PERL: &str = "/usr/bin/perl";

/// Beneath the folder of fetched programs.
pub(crate) const SWAKS: &str = "usr/bin/swaks";

/// Runs it to its end and returns what it said, and whether the server took everything.
///
/// # Errors
/// [`crate::Error::Io`] if it cannot be started.
pub fn swaks<'a>(args: impl IntoIterator<Item = &'a str>) -> Result<(bool, String)> {
    let mut command = Command::new(PERL);
    command.arg(fetched::folder().join(SWAKS)).args(args).env("PERL5LIB", libraries()?);
    let output = command.output().context("run swaks")?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

/// Returns the fetched libraries of Perl for `PERL5LIB`: `usr/lib/ARCHITECTURE/perl5/VERSION`.
///
/// # Errors
/// [`crate::Error::Io`] if their folder cannot be read.
pub fn libraries() -> Result<OsString> {
    let mut found = Vec::new();
    for architecture in entries(&fetched::folder().join("usr/lib"))? {
        let versions = architecture.join("perl5");
        if versions.is_dir() {
            found.extend(entries(&versions)?);
        }
    }
    Ok(env::join_paths(found).unwrap_or_default())
}

fn entries(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let what = || format!("list {}", folder.display());
    let entries = fs::read_dir(folder).context(what())?;
    entries.map(|entry| entry.map(|entry| entry.path()).context(what())).collect()
}
