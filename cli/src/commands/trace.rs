//! `mailwright trace`

use super::{CommandError, say};
use crate::control_client::{Place, with_query};
use serde::Deserialize;

/// What to watch.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The domain that mail goes to
    domain: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Deserialize)]
struct Line {
    connection: String,
    speaker: Speaker,
    text: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Speaker {
    Us,
    Peer,
    Note,
}

/// Prints what is said until the server stops or somebody presses Ctrl-C.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    let path = with_query("delivery/trace", &[("domain", Some(&args.domain))]);
    args.place.client()?.lines(&path, |line| {
        if line.is_empty() {
            return Ok(());
        }
        if args.place.json {
            return Ok(say(&String::from_utf8_lossy(line))?);
        }
        let Line { connection, speaker, text } = serde_json::from_slice(line)?;
        let arrow = match speaker {
            Speaker::Us => "C:",
            Speaker::Peer => "S:",
            Speaker::Note => "--",
        };
        Ok(say(&format!("{connection} {arrow} {text}"))?)
    })
}
