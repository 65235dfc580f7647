//! `mailwright account`

use super::{CommandError, limits, say, say_json, table::table};
use crate::control_client::{ControlClient, Place, escaped};
use serde_json::{Value, json};

/// What to do with accounts.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List accounts
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Make an account
    Create {
        /// Its name, for people
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Give an account another name
    Rename {
        /// The account's id
        id: String,
        /// Its new name
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Show how much an account may send and has sent, or change how much it may
    Limits(limits::Args),
    /// Remove an account without zones, and its tokens
    Delete {
        /// The account's id
        id: String,
        #[command(flatten)]
        place: Place,
    },
}

/// Does it.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    match &args.action {
        Action::List { place } => list(place),
        Action::Create { name, place } => {
            let account: Value = place.client()?.post("accounts", &json!({ "name": name }))?;
            tell(place, &account, "made")
        }
        Action::Rename { id, name, place } => {
            let path = format!("accounts/{}", escaped(id));
            let account: Value = place.client()?.put(&path, &json!({ "name": name }))?;
            tell(place, &account, "renamed")
        }
        Action::Limits(args) => limits::run(args),
        Action::Delete { id, place } => {
            let account: Value = place.client()?.delete(&format!("accounts/{}", escaped(id)))?;
            tell(place, &account, "removed")
        }
    }
}

fn list(place: &Place) -> Result<(), CommandError> {
    let accounts = place.client()?.list("accounts")?;
    if place.json {
        return say_json(&accounts.into());
    }
    let row = |account: &Value| ["id", "name", "created_on"].map(|field| word(account, field));
    Ok(say(&table(["ID", "NAME", "MADE"], accounts.iter().map(row)))?)
}

fn tell(place: &Place, account: &Value, done: &str) -> Result<(), CommandError> {
    if place.json { say_json(account) } else { Ok(say(&format!("{done}: account {}", word(account, "id")))?) }
}

/// A field as text; a dash for what is not there.
pub(crate) fn word(object: &Value, field: &str) -> String {
    match &object[field] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The account that is meant: the one with this id, or the only one there is.
pub(super) fn meant(client: &ControlClient, id: Option<&str>) -> Result<String, CommandError> {
    if let Some(id) = id {
        return Ok(id.to_owned());
    }
    match client.list("accounts")?.as_slice() {
        [only] => Ok(word(only, "id")),
        [] => Err(CommandError::Invalid(
            "there is no account; make one with `mailwright account create`".into(),
        )),
        _ => Err(CommandError::Invalid("there is more than one account; say which with --account ID".into())),
    }
}
