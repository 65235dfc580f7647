//! `mailwright zone`

mod routing;

use super::{
    CommandError,
    account::{meant, word},
    say, say_json,
    table::table,
};
use crate::control_client::{ControlClient, Place, escaped, with_query};
use serde_json::{Value, json};

/// What to do with zones.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List zones
    List {
        /// Those of this account only
        #[arg(long, value_name = "ID")]
        account: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Make a domain a zone of an account
    Create {
        /// The domain
        name: String,
        /// The account, by its id; may be left out if there is one only
        #[arg(long, value_name = "ID")]
        account: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Remove a zone and what is set up in it: nothing is sent from it any more
    Delete {
        /// The domain or the zone's id
        zone: String,
        #[command(flatten)]
        place: Place,
    },
    /// Have a zone take mail from the world, or no more, and see whether the DNS leads it here
    Routing(routing::Args),
}

/// Does it.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    match &args.action {
        Action::List { account, place } => list(place, account.as_deref()),
        Action::Create { name, account, place } => {
            let client = place.client()?;
            let account = meant(&client, account.as_deref())?;
            let zone: Value = client.post("zones", &json!({ "name": name, "account": { "id": account } }))?;
            tell(place, &zone, "made")
        }
        Action::Delete { zone, place } => {
            let client = place.client()?;
            let id = zone_id(&client, zone)?;
            let zone: Value = client.delete(&format!("zones/{}", escaped(&id)))?;
            tell(place, &zone, "removed")
        }
        Action::Routing(args) => routing::run(args),
    }
}

fn list(place: &Place, account: Option<&str>) -> Result<(), CommandError> {
    let zones = place.client()?.list(&with_query("zones", &[("account.id", account)]))?;
    if place.json {
        return say_json(&zones.into());
    }
    let row = |zone: &Value| {
        [word(zone, "id"), word(zone, "name"), word(&zone["account"], "name"), word(zone, "created_on")]
    };
    Ok(say(&table(["ID", "NAME", "ACCOUNT", "MADE"], zones.iter().map(row)))?)
}

fn tell(place: &Place, zone: &Value, done: &str) -> Result<(), CommandError> {
    if place.json { say_json(zone) } else { Ok(say(&format!("{done}: zone {}", word(zone, "id")))?) }
}

/// The id of the zone with this name or id.
pub(super) fn zone_id(client: &ControlClient, zone: &str) -> Result<String, CommandError> {
    let named = client.list(&with_query("zones", &[("name", Some(zone))]))?;
    Ok(named.first().map_or_else(|| zone.to_owned(), |found| word(found, "id")))
}
