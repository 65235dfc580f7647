//! `mailwright worker deploy`, `rollback` and `delete`

use super::{
    super::{CommandError, account::word, say, say_json},
    Of, Which,
};
use crate::worker::{self, Given, Missing, Project};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What to upload.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A folder with a wrangler.jsonc, wrangler.json or wrangler.toml, or a file of JavaScript
    #[arg(value_name = "DIR|FILE")]
    path: PathBuf,
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    of: Of,
}

/// Which version to go back to.
#[derive(Debug, clap::Args)]
pub(super) struct Rollback {
    /// The Worker's name
    name: mailwright_engine::worker::ScriptName,
    /// The id of the version; `mailwright worker show` lists them
    version: Option<String>,
    #[command(flatten)]
    of: Of,
}

/// Uploads and deploys.
pub(super) fn run(args: &Args) -> Result<(), CommandError> {
    let project = Project::read(&args.path, &args.given)?;
    let client = args.of.place.client()?;
    let account = super::meant(&client, args.of.account.as_deref())?;
    let done = worker::deploy(&client, &account, &project, Missing::Refused)?;
    if args.of.place.json {
        return say_json(&done.answer);
    }
    let worker::Deployed { version, modules, octets, .. } = done;
    let (kib, name) = (octets.div_ceil(1024), &project.name);
    let modules = if modules == 1 { "1 module".to_owned() } else { format!("{modules} modules") };
    say(&format!("deployed: {name}, version {version} ({modules}, {kib} KiB)"))?;
    Ok(say(&format!("hand it mail: `mailwright route add ADDRESS --worker {name}`"))?)
}

/// Deploys an earlier version.
pub(super) fn roll_back(args: &Rollback) -> Result<(), CommandError> {
    let (client, account) = args.of.account()?;
    let path = format!("{account}/workers/scripts/{}/deployments", args.name);
    let version = match &args.version {
        Some(version) => version.clone(),
        None => before(&client.get(&path)?)?,
    };
    let body =
        json!({ "strategy": "percentage", "versions": [{ "version_id": version, "percentage": 100 }] });
    let deployment: Value = client.post(&path, &body)?;
    if args.of.place.json {
        return say_json(&deployment);
    }
    Ok(say(&format!("deployed: {}, version {version}", args.name))?)
}

/// The version that was deployed before the one that is now.
fn before(deployments: &Value) -> Result<String, CommandError> {
    let deployments = deployments["deployments"].as_array().into_iter().flatten();
    let mut versions = deployments.map(|deployment| word(&deployment["versions"][0], "version_id"));
    let now = versions.next();
    let none = || CommandError::Invalid("no other version was ever deployed; name one".to_owned());
    versions.find(|version| Some(version) != now.as_ref()).ok_or_else(none)
}

/// Removes a Worker.
pub(super) fn delete(which: &Which) -> Result<(), CommandError> {
    let (client, path) = which.script()?;
    let removed: Value = client.delete(&path)?;
    if which.of.place.json {
        return say_json(&removed);
    }
    Ok(say(&format!("removed: {}", which.name))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_before_is_the_last_that_differs() {
        let of = |versions: &[&str]| {
            let one = |version: &&str| json!({ "versions": [{ "version_id": version, "percentage": 100 }] });
            before(&json!({ "deployments": versions.iter().map(one).collect::<Vec<_>>() }))
        };
        assert_eq!(of(&["c", "c", "b", "a"]).unwrap(), "b");
        assert!(of(&["a", "a"]).is_err() && of(&[]).is_err());
    }
}
