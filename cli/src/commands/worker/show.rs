//! `mailwright worker list` and `show`

use super::{
    super::{
        CommandError,
        account::word,
        say, say_json,
        table::{or_dash, table},
    },
    Of, Which,
};
use serde_json::{Value, json};

/// Prints all Workers of an account.
pub(super) fn list(of: &Of) -> Result<(), CommandError> {
    let (client, account) = of.account()?;
    let scripts: Value = client.get(&format!("{account}/workers/scripts"))?;
    if of.place.json {
        return say_json(&scripts);
    }
    let row = |script: &Value| {
        [
            word(script, "id"),
            or_dash(&words(&script["handlers"])),
            word(script, "created_on"),
            word(script, "modified_on"),
        ]
    };
    let rows = scripts.as_array().into_iter().flatten().map(row);
    Ok(say(&table(["NAME", "HANDLES", "MADE", "CHANGED"], rows))?)
}

/// Prints what a Worker is bound to, and its versions.
pub(super) fn show(which: &Which) -> Result<(), CommandError> {
    let (client, path) = which.script()?;
    let deployments: Value = client.get(&format!("{path}/deployments"))?;
    let settings: Value = client.get(&format!("{path}/settings"))?;
    let versions: Value = client.get(&format!("{path}/versions"))?;
    if which.of.place.json {
        let deployments = &deployments["deployments"];
        let whole =
            json!({ "settings": settings, "versions": versions["items"], "deployments": deployments });
        return say_json(&whole);
    }
    say(&format!("compatibility: {}", compatibility(&settings)))?;
    let bindings = settings["bindings"].as_array().into_iter().flatten();
    let bindings: Vec<_> = bindings.map(binding).collect();
    if !bindings.is_empty() {
        say(&format!("\n{}", table(["BINDING", "KIND", "IS"], bindings)))?;
    }
    let now = word(&deployments["deployments"][0]["versions"][0], "version_id");
    let versions = versions["items"].as_array().into_iter().flatten().map(|version| row(version, &now));
    Ok(say(&format!("\n{}", table(["VERSION", "NUMBER", "MADE", "BY", "STATE"], versions)))?)
}

fn compatibility(settings: &Value) -> String {
    let date = word(settings, "compatibility_date");
    match words(&settings["compatibility_flags"]).as_str() {
        "" => date,
        flags => format!("{date} {flags}"),
    }
}

/// What stands at a name in `env`.
fn binding(binding: &Value) -> [String; 3] {
    let fields = ["text", "json", "namespace_id", "queue_name", "dataset", "destination_address"];
    let is = fields.iter().find(|field| !binding[**field].is_null()).map(|field| word(binding, field));
    [word(binding, "name"), word(binding, "type"), or_dash(&is.unwrap_or_default())]
}

fn row(version: &Value, now: &str) -> [String; 5] {
    let (id, metadata) = (word(version, "id"), &version["metadata"]);
    let state = if id == now { "deployed" } else { "-" };
    let by = ["author_email", "source"].map(|field| word(metadata, field));
    let by = by.into_iter().find(|by| !by.is_empty() && by != "-").unwrap_or_default();
    [id, word(version, "number"), word(metadata, "created_on"), or_dash(&by), state.to_owned()]
}

fn words(list: &Value) -> String {
    let words = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_by_its_name_alone() {
        let row = binding(&json!({ "name": "KEY", "type": "secret_text" }));
        assert_eq!(row, ["KEY", "secret_text", "-"]);
        assert_eq!(binding(&json!({ "name": "A", "type": "plain_text", "text": "b" }))[2], "b");
    }
}
