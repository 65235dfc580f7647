//! `mailwright worker setup`

use super::super::{CommandError, say, say_hint, say_json};
use crate::{control_client::Place, worker::RUNTIME_VERSION};
use mailwright_workers::{RuntimeFound, WorkersSettings, find};
use serde_json::json;
use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::Path,
    process::Command,
};

/// Whether to look only.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Look only, and install nothing; exit 1 if there is none
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    place: Place,
}

/// Finds workerd, or installs it, and says where it is.
pub(super) fn run(args: &Args) -> Result<(), CommandError> {
    let config = args.place.config()?;
    let settings = config.workers(&config.state)?;
    let found = match find(&settings) {
        Ok(found) => found,
        Err(missing) if args.check || settings.binary.is_some() => {
            return Err(CommandError::Invalid(missing.to_string()));
        }
        Err(_) => install(&config.state, &settings)?,
    };
    let RuntimeFound { path, version } = found;
    if args.place.json {
        return say_json(&json!({ "path": path, "version": version }));
    }
    Ok(say(&format!("workerd {version} at {}", path.display()))?)
}

/// Installs workerd with npm into the state folder.
fn install(state: &Path, settings: &WorkersSettings) -> Result<RuntimeFound, CommandError> {
    let folder = settings.state.join("runtime");
    make(state, &folder)?;
    let package = format!("workerd@{RUNTIME_VERSION}");
    say_hint(&format!("installing {package} into {} with npm", folder.display()));
    let mut npm = Command::new("npm");
    npm.arg("install").arg("--prefix").arg(&folder).arg(&package);
    // The package's script would only try what it has brought.
    npm.args(["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    let done = npm.output().map_err(|error| without_npm(&error))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        return Err(CommandError::Invalid(format!("npm could not install {package}:\n{}", said.trim())));
    }
    find(settings).map_err(|missing| CommandError::Invalid(missing.to_string()))
}

/// Makes the folder, for whom the state folder belongs to.
fn make(state: &Path, folder: &Path) -> Result<(), CommandError> {
    let there = fs::metadata(state).map_err(|error| {
        let state = state.display();
        CommandError::Invalid(format!(
            "state folder {state}: {error}; start the server once, or name another with --state"
        ))
    })?;
    let own = rustix::process::geteuid().as_raw();
    if there.uid() != own {
        let (state, owner) = (state.display(), there.uid());
        return Err(CommandError::Invalid(format!(
            "the state folder {state} belongs to another user: run this as that user, `sudo -u '#{owner}' mailwright worker setup …`"
        )));
    }
    Ok(DirBuilder::new().recursive(true).mode(0o700).create(folder)?)
}

fn without_npm(error: &io::Error) -> CommandError {
    let what = match error.kind() {
        io::ErrorKind::NotFound => "there is no npm here".to_owned(),
        _ => format!("npm cannot be run: {error}"),
    };
    CommandError::Invalid(format!(
        "{what}. Install Node.js (Debian: apt-get install npm), or get the package workerd {RUNTIME_VERSION} by other means and name its \
         program in the configuration: [workers] runtime"
    ))
}
