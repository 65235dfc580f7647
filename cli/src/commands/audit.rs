//! `mailwright audit`

use super::{
    CommandError,
    account::{meant, word},
    say, say_json,
    table::table,
};
use crate::control_client::{Place, escaped, with_query};
use serde_json::Value;

/// Which changes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// To the objects of this account, by its id; may be left out if there is one only
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// From then on: 2026-11-21 or 2026-11-21T10:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before then
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
    /// To objects of this kind: account, zone, token, sending_domain
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// Prints them, newest first.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    let client = args.place.client()?;
    let account = meant(&client, args.account.as_deref())?;
    let path = with_query(
        &format!("accounts/{}/audit_logs", escaped(&account)),
        &[
            ("since", args.since.as_deref()),
            ("before", args.before.as_deref()),
            ("resource.type", args.kind.as_deref()),
        ],
    );
    let records = client.list(&path)?;
    if args.place.json {
        return say_json(&records.into());
    }
    Ok(say(&table(["WHEN", "WHO", "FROM", "WHAT", "OBJECT", "NOW"], records.iter().map(row)))?)
}

fn row(record: &Value) -> [String; 6] {
    let actor = &record["actor"];
    let who = if actor["name"].is_null() { word(actor, "id") } else { word(actor, "name") };
    let (action, resource) = (&record["action"], &record["resource"]);
    [
        word(record, "when"),
        if actor["type"] == "system" { "server".to_owned() } else { who },
        word(actor, "ip"),
        format!("{} {}", word(action, "type"), word(resource, "type")),
        word(resource, "id"),
        word(record, "newValue"),
    ]
}
