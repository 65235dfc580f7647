//! `mailwright shaping`

use super::{CommandError, say, say_json};
use crate::control_client::{ControlClient, Place, with_query};
use humantime_serde::re::humantime;
use mailwright_actors::{clock, control::past_attempts, shaping::ShapingBook};
use mailwright_engine::{
    address::Domain,
    shaping::{Explanation, Shaping, SiteFacts},
    time::UnixMillis,
};
use mailwright_storage::{StateDir, events::EventReader};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// What to ask of traffic shaping.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show how a domain's mail is treated, and which section of the file decided each value. With a running server its
    /// mail exchangers are looked up; without one only what the file says of the domain itself is known
    Explain(Explain),
    /// Try a shaping file on the attempts of the event log: which rules would have fired, what would have been held
    /// back. Nothing changes, and no server need run
    Replay(Replay),
    /// Have the server read its shaping file again; a file with a mistake is refused and the old one stays
    Reload,
}

#[derive(Debug, clap::Args)]
struct Explain {
    /// The domain that mail goes to
    #[arg(value_parser = domain)]
    domain: Domain,
    /// The source that it leaves from
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// A shaping file to explain instead of the one in force
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Replay {
    /// The shaping file to try
    file: PathBuf,
    /// How far back to go
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = humantime::parse_duration)]
    since: Duration,
}

fn domain(text: &str) -> Result<Domain, String> {
    Domain::parse(text).map_err(|error| error.to_string())
}

/// Asks and prints.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    match &args.command {
        Command::Explain(asked) => explain(asked, &args.place),
        Command::Replay(asked) => replay(asked, &args.place),
        Command::Reload => {
            let _: Value = args.place.client()?.post("delivery/shaping/reload", &json!({}))?;
            Ok(say("the shaping file was read again and is in force")?)
        }
    }
}

fn explain(asked: &Explain, place: &Place) -> Result<(), CommandError> {
    let client = place.client()?;
    match &asked.file {
        None => match explained_by_server(asked, place, &client) {
            Err(CommandError::Client(error)) if error.is_no_server() => {
                without_server(asked, place, &place.config()?.shaping()?)
            }
            done => done,
        },
        Some(file) => {
            let book = ShapingBook::open(file.clone()).map_err(CommandError::Invalid)?;
            match client.get::<Value>(&explain_path(asked)) {
                Ok(in_force) => {
                    let hosts = in_force.get("mx_hosts").cloned().unwrap_or_default();
                    tell(&explained(asked, &book, &serde_json::from_value::<Vec<String>>(hosts)?), place)
                }
                Err(error) if error.is_no_server() => without_server(asked, place, &book),
                Err(error) => Err(error.into()),
            }
        }
    }
}

fn explained_by_server(asked: &Explain, place: &Place, client: &ControlClient) -> Result<(), CommandError> {
    let path = explain_path(asked);
    if place.json {
        return say_json(&client.get::<Value>(&path)?);
    }
    Ok(say(client.text(&path)?.trim_end())?)
}

fn explain_path(asked: &Explain) -> String {
    let fields = [("domain", Some(asked.domain.as_str())), ("source", asked.source.as_deref())];
    with_query("delivery/shaping/explain", &fields)
}

fn without_server(asked: &Explain, place: &Place, book: &ShapingBook) -> Result<(), CommandError> {
    super::say_hint("no server answers: the domain's mail exchangers are not looked up");
    tell(&explained(asked, book, &[]), place)
}

fn explained(asked: &Explain, book: &ShapingBook, hosts: &[String]) -> Explanation {
    let source = asked.source.as_deref();
    book.explain(&SiteFacts { domain: Some(&asked.domain), mx_hosts: hosts, source })
}

fn tell(explanation: &Explanation, place: &Place) -> Result<(), CommandError> {
    if place.json {
        return say_json(&serde_json::to_value(explanation)?);
    }
    Ok(say(explanation.to_string().trim_end())?)
}

fn replay(asked: &Replay, place: &Place) -> Result<(), CommandError> {
    let shaping = read(&asked.file)?;
    let folder = StateDir::events_in(&place.config()?.state);
    if !folder.is_dir() {
        let why = format!("there is no event log in {}: is this the state folder?", folder.display());
        return Err(CommandError::Invalid(why));
    }
    let now = clock::now();
    let back = u64::try_from(asked.since.as_millis()).unwrap_or(u64::MAX);
    let from = UnixMillis::new(now.as_millis().saturating_sub(back));
    let report = shaping.replay(past_attempts(&EventReader::new(&folder), from, now)?);
    if place.json {
        return say_json(&serde_json::to_value(&report)?);
    }
    Ok(say(report.to_string().trim_end())?)
}

fn read(file: &Path) -> Result<Shaping, CommandError> {
    let failed = |why: String| CommandError::Invalid(format!("shaping {}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    Shaping::parse(&text).map_err(|error| failed(error.to_string()))
}
