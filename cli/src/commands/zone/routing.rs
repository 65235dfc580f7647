//! `mailwright zone routing`

use super::{
    super::{
        CommandError,
        account::word,
        say, say_json,
        table::{or_dash, table},
    },
    zone_id,
};
use crate::control_client::{Place, escaped};
use serde_json::{Value, json};

/// What to do with a zone's routing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Take mail for a zone, publish its records where a name server takes updates, and lock them
    Enable {
        #[command(flatten)]
        of: Of,
        /// Replace what others have published in the place of our records
        #[arg(long)]
        replace: bool,
    },
    /// Take no more mail for a zone, and take its records out where a name server takes updates
    Disable {
        #[command(flatten)]
        of: Of,
    },
    /// Look after the records of a zone no more, so that they may be changed
    Unlock {
        #[command(flatten)]
        of: Of,
    },
    /// Look at the DNS now, and show what there is and what to mend
    Status {
        /// The domain or the zone's id
        zone: String,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, clap::Args)]
struct Of {
    /// The domain or the zone's id
    zone: String,
    /// A domain below the zone's own, instead of the zone
    #[arg(long, value_name = "DOMAIN")]
    name: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// Does it.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    match &args.action {
        Action::Enable { of, replace } => change(of, "dns", &json!({ "name": of.name, "replace": replace })),
        Action::Disable { of } => change(of, "disable", &json!({ "name": of.name })),
        Action::Unlock { of } => change(of, "unlock", &json!({ "name": of.name })),
        Action::Status { zone, place } => status(place, zone),
    }
}

fn change(of: &Of, route: &str, body: &Value) -> Result<(), CommandError> {
    let client = of.place.client()?;
    let id = zone_id(&client, &of.zone)?;
    let settings: Value = client.post(&format!("zones/{}/email/routing/{route}", escaped(&id)), body)?;
    if of.place.json { say_json(&settings) } else { Ok(say(&summary(&settings))?) }
}

fn status(place: &Place, zone: &str) -> Result<(), CommandError> {
    let client = place.client()?;
    let id = zone_id(&client, zone)?;
    let path = format!("zones/{}/email/routing", escaped(&id));
    let settings: Value = client.get(&path)?;
    if settings["created"].is_null() {
        return if place.json { say_json(&settings) } else { Ok(say(&summary(&settings))?) };
    }
    let check: Value = client.post(&format!("{path}/check"), &json!({}))?;
    // What was found may have changed the word.
    let settings: Value = client.get(&path)?;
    if place.json {
        return say_json(&json!({ "settings": settings, "check": check }));
    }
    Ok(say(&format!("{}\n\n{}", summary(&settings), story(&check["report"])))?)
}

/// A zone's routing in one line.
fn summary(settings: &Value) -> String {
    let says = |field: &str, yes, no| if settings[field] == true { yes } else { no };
    format!(
        "{}: {} ({}, {})",
        word(settings, "name"),
        word(settings, "status"),
        says("enabled", "takes mail", "takes no mail"),
        says("locked", "records locked", "records not locked"),
    )
}

/// The records and where they stand, and what was found.
fn story(report: &Value) -> String {
    let list = |field: &str| report[field].as_array().cloned().unwrap_or_default();
    let row = |record: &Value| {
        let content: String = word(record, "content").chars().take(60).collect();
        let priority = record["priority"].as_u64().map(|priority| format!("{priority} ")).unwrap_or_default();
        [
            or_dash(&word(record, "state")),
            word(record, "type"),
            word(record, "name"),
            format!("{priority}{content}"),
        ]
    };
    let mut story = table(["STATE", "TYPE", "NAME", "CONTENT"], list("records").iter().map(row));
    for finding in list("findings") {
        let (severity, name) = (word(&finding, "severity"), word(&finding, "name"));
        story.push_str(&format!("\n{severity}: {name}: {}", word(&finding, "message")));
    }
    story
}
