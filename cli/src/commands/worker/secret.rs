//! `mailwright worker secret`

use super::{
    super::{CommandError, account::word, say, say_hint, say_json},
    Which,
};
use crate::control_client::escaped;
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Read};

/// What to do with the secrets of a Worker.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Give a Worker a secret; its value is read from standard input, so that no list of processes shows it
    Put {
        #[command(flatten)]
        which: Which,
        /// What it is called in env
        key: String,
    },
    /// List the names of a Worker's secrets
    List {
        #[command(flatten)]
        which: Which,
    },
    /// Take a secret away
    Delete {
        #[command(flatten)]
        which: Which,
        /// What it is called in env
        key: String,
    },
}

/// Does it. Each change is a new version, which takes what comes from now on.
pub(super) fn run(args: &Args) -> Result<(), CommandError> {
    match &args.action {
        Action::Put { which, key } => put(which, key),
        Action::List { which } => list(which),
        Action::Delete { which, key } => {
            let (client, path) = which.script()?;
            let _: Value = client.delete(&format!("{path}/secrets/{}", escaped(key)))?;
            if which.of.place.json {
                say_json(&Value::Null)
            } else {
                Ok(say(&format!("removed: secret {key}"))?)
            }
        }
    }
}

fn put(which: &Which, key: &str) -> Result<(), CommandError> {
    let (client, path) = which.script()?;
    let body = json!({ "type": "secret_text", "name": key, "text": value()? });
    let secret: Value = client.put(&format!("{path}/secrets"), &body)?;
    if which.of.place.json {
        say_json(&secret)
    } else {
        Ok(say(&format!("set: secret {}", word(&secret, "name")))?)
    }
}

/// The value, without the end of the line that it was typed or piped as.
fn value() -> Result<String, CommandError> {
    let mut input = io::stdin();
    let mut text = String::new();
    if input.is_terminal() {
        say_hint("type the value, then Enter (it is shown as you type; a pipe hides it)");
        input.read_line(&mut text)?;
    } else {
        input.read_to_string(&mut text)?;
    }
    let value = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if value.is_empty() {
        return Err(CommandError::Invalid(
            "standard input is empty: pipe the secret's value into this".to_owned(),
        ));
    }
    Ok(value.to_owned())
}

fn list(which: &Which) -> Result<(), CommandError> {
    let (client, path) = which.script()?;
    let secrets: Value = client.get(&format!("{path}/secrets"))?;
    if which.of.place.json {
        return say_json(&secrets);
    }
    let names: Vec<_> = secrets.as_array().into_iter().flatten().map(|secret| word(secret, "name")).collect();
    Ok(say(&names.join("\n"))?)
}
