//! `mailwright token`

use super::{
    CommandError,
    account::{meant, word},
    say, say_json,
    table::table,
    zone::zone_id,
};
use crate::control_client::{ControlClient, Place, escaped};
use humantime_serde::re::humantime;
use mailwright_actors::clock;
use mailwright_engine::class::Priority;
use mailwright_storage::control::Permission;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// What to do with tokens.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List tokens, what they are good for and when they were last used
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Make a token; its secret is shown this once
    Create(Create),
    /// Give a token another secret, shown this once; the one before stays good for a while
    Roll {
        /// The token's id
        id: String,
        /// How long the secret before stays good; 0s if it is known to others
        #[arg(long, value_name = "TIME", default_value = "1d", value_parser = humantime::parse_duration)]
        overlap: Duration,
        #[command(flatten)]
        place: Place,
    },
    /// Remove a token: it is good no more
    Delete {
        /// The token's id
        id: String,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, clap::Args)]
struct Create {
    /// Its name, for people
    name: String,
    /// What it is good for: send, suppression_read, suppression_edit, routing_read, routing_edit, analytics_read,
    /// workers_read, workers_edit, admin (all of these), operator (the whole server)
    #[arg(long = "permission", value_name = "PERMISSION", required = true)]
    permissions: Vec<Permission>,
    /// The account, by its id; may be left out if there is one only
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// A zone that it is limited to, by name or id; can be given more than once
    #[arg(long = "zone", value_name = "ZONE")]
    zones: Vec<String>,
    /// How long it is good, as 90d; for ever without it
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expires_in: Option<Duration>,
    /// Priority of the mail it sends, unless a message says otherwise: high, normal or bulk
    #[arg(long, value_name = "PRIORITY", default_value_t)]
    priority: Priority,
    #[command(flatten)]
    place: Place,
}

/// Does it.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    match &args.action {
        Action::List { place } => list(place),
        Action::Create(create) => create.run(),
        Action::Roll { id, overlap, place } => {
            let path = format!("user/tokens/{}/value", escaped(id));
            let overlap = humantime::format_duration(*overlap).to_string();
            let secret: Value = place.client()?.put(&path, &json!({ "overlap": overlap }))?;
            if place.json { say_json(&secret) } else { Ok(say(secret.as_str().unwrap_or_default())?) }
        }
        Action::Delete { id, place } => {
            let token: Value = place.client()?.delete(&format!("user/tokens/{}", escaped(id)))?;
            if place.json {
                say_json(&token)
            } else {
                Ok(say(&format!("removed: token {}", word(&token, "id")))?)
            }
        }
    }
}

impl Create {
    fn run(&self) -> Result<(), CommandError> {
        let client = self.place.client()?;
        let expires = self.expires_in.map(|lasting| clock::now().saturating_add(lasting).to_string());
        let body = json!({
            "name": self.name, "priority": self.priority.to_string(), "expires_on": expires,
            "policies": [{
                "effect": "allow",
                "permission_groups": self.groups(&client)?,
                "resources": self.resources(&client)?,
            }],
        });
        let token: Value = client.post("user/tokens", &body)?;
        if self.place.json {
            return say_json(&token);
        }
        Ok(say(&word(&token, "value"))?)
    }

    /// The permission groups that have the names of the permissions.
    fn groups(&self, client: &ControlClient) -> Result<Vec<Value>, CommandError> {
        let groups: Vec<Value> = client.get("user/tokens/permission_groups")?;
        let is_wanted = |group: &&Value| self.permissions.iter().any(|one| group["name"] == one.as_str());
        Ok(groups.iter().filter(is_wanted).map(|group| json!({ "id": group["id"] })).collect())
    }

    fn resources(&self, client: &ControlClient) -> Result<Map<String, Value>, CommandError> {
        let mut names = Vec::new();
        for zone in &self.zones {
            names.push(format!("com.cloudflare.api.account.zone.{}", zone_id(client, zone)?));
        }
        if names.is_empty() || self.account.is_some() {
            let account = meant(client, self.account.as_deref())?;
            names.push(format!("com.cloudflare.api.account.{account}"));
        }
        Ok(names.into_iter().map(|name| (name, "*".into())).collect())
    }
}

fn list(place: &Place) -> Result<(), CommandError> {
    let tokens = place.client()?.list("user/tokens")?;
    if place.json {
        return say_json(&tokens.into());
    }
    let head = ["ID", "NAME", "GOOD FOR", "STATUS", "LAST USED", "EXPIRES"];
    Ok(say(&table(head, tokens.iter().map(row)))?)
}

fn row(token: &Value) -> [String; 6] {
    let policy = &token["policies"][0];
    let groups = policy["permission_groups"].as_array().into_iter().flatten();
    let mut good_for: Vec<_> = groups.map(|group| word(group, "name")).collect();
    let zones = policy["resources"].as_object().into_iter().flat_map(Map::keys);
    let zones = zones.filter(|name| name.contains(".zone.")).count();
    if zones > 0 {
        good_for.push(format!("({zones} zones)"));
    }
    [
        word(token, "id"),
        word(token, "name"),
        good_for.join(" "),
        word(token, "status"),
        word(token, "last_used_on"),
        word(token, "expires_on"),
    ]
}
