//! `mailwright bootstrap`

use super::{CommandError, say, set_up};
use mailwright_engine::class::Priority;
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
    /// Priority of the mail that the token sends, unless a message says otherwise: high, normal or bulk
    #[arg(long, value_name = "PRIORITY", default_value_t)]
    priority: Priority,
}

/// Prints account, zone and token as JSON; the token is shown this once.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    let state = StateDir::open(&args.state)?;
    let control = Control::open(&state.control_dir())?;
    let credentials = set_up(&state, &control, &args.zone, args.priority)?;
    say(&serde_json::to_string_pretty(&credentials)?)?;
    Ok(())
}
