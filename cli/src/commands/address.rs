//! `mailwright address`

use super::{
    CommandError,
    account::{meant, word},
    say, say_json,
    table::table,
};
use crate::control_client::{ControlClient, Place, escaped};
use serde_json::{Value, json};

/// What to do with destination addresses.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The account, by its id; may be left out if there is one only
    #[arg(long, value_name = "ID", global = true)]
    account: Option<String>,
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List destination addresses, and whose owners have agreed
    List,
    /// Add an address: its owner is sent a link to agree by; once more for one that is there and did not agree
    Add {
        /// The address
        email: String,
    },
    /// Say that the owner of an address has agreed
    Verify {
        /// The address or its id
        address: String,
    },
    /// Remove an address, and disable the rules that forward to it
    Remove {
        /// The address or its id
        address: String,
    },
}

/// Does it.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    let Args { account, place, action } = args;
    let client = place.client()?;
    let account = meant(&client, account.as_deref())?;
    let path = format!("accounts/{}/email/routing/addresses", escaped(&account));
    match action {
        Action::List => list(place, &client.list(&path)?),
        Action::Add { email } => tell(place, &client.post(&path, &json!({ "email": email }))?, "added"),
        Action::Verify { address } => {
            let body = json!({ "status": "verified" });
            tell(place, &client.patch(&one(&client, &path, address)?, &body)?, "verified")
        }
        Action::Remove { address } => tell(place, &client.delete(&one(&client, &path, address)?)?, "removed"),
    }
}

/// The path of the address with this text or id.
fn one(client: &ControlClient, path: &str, address: &str) -> Result<String, CommandError> {
    let known = client.list(path)?;
    let is_meant = |known: &&Value| {
        known["id"] == address
            || known["email"].as_str().is_some_and(|email| email.eq_ignore_ascii_case(address))
    };
    let none = || CommandError::Invalid(format!("there is no destination address {address}"));
    let found = known.iter().find(is_meant).ok_or_else(none)?;
    Ok(format!("{path}/{}", escaped(&word(found, "id"))))
}

fn list(place: &Place, addresses: &[Value]) -> Result<(), CommandError> {
    if place.json {
        return say_json(&addresses.into());
    }
    let row = |address: &Value| ["id", "email", "verified", "created"].map(|field| word(address, field));
    Ok(say(&table(["ID", "ADDRESS", "VERIFIED", "MADE"], addresses.iter().map(row)))?)
}

fn tell(place: &Place, address: &Value, done: &str) -> Result<(), CommandError> {
    if place.json {
        return say_json(address);
    }
    Ok(say(&format!("{done}: {} ({})", word(address, "email"), word(address, "id")))?)
}
