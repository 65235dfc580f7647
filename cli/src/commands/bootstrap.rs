//! `mailwright bootstrap`

use super::{CommandError, say, set_up};
use mailwright_storage::{StateDir, control::Control};
use std::path::PathBuf;

/// What to set up.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// State folder; made if missing. No other process may be using it
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Domain to send from
    #[arg(long, value_name = "DOMAIN")]
    zone: String,
}

/// Prints account, zone and token as JSON; the token is shown this once.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    let state = StateDir::open(&args.state)?;
    let control = Control::open(&state.control_dir())?;
    let credentials = set_up(&state, &control, &args.zone)?;
    say(&serde_json::to_string_pretty(&credentials)?)?;
    Ok(())
}
