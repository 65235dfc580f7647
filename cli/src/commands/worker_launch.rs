//! `mailwright worker-launch`: what the server calls to start workerd in its sandbox.

use super::CommandError;
use mailwright_workers::launch::launch;
use std::path::PathBuf;

/// What becomes workerd.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The program workerd
    runtime: PathBuf,
    /// The number of the process that asks for it
    parent: u32,
}

/// Becomes workerd; returns only if that is not possible.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    Err(CommandError::Invalid(launch(&args.runtime, args.parent).to_string()))
}
