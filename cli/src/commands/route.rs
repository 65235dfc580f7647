//! `mailwright route`

use super::{
    CommandError,
    account::word,
    say, say_json,
    table::{or_dash, table},
    zone::zone_id,
};
use crate::control_client::{ControlClient, Place, escaped};
use mailwright_engine::address::{Domain, EmailAddress};
use serde_json::{Value, json};

/// What to do with rules.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List rules, and which of them take mail now
    List {
        /// Those of this zone only, by its domain or id
        #[arg(long, value_name = "ZONE")]
        zone: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Make a rule for an address
    Add(Add),
    /// Say what becomes of mail to the addresses of a zone that have no rule
    CatchAll {
        /// The domain or the zone's id
        zone: String,
        #[command(flatten)]
        what: What,
        /// Leave it disabled
        #[arg(long)]
        disabled: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Have a rule looked at again
    Enable {
        /// The rule's id
        id: String,
        #[command(flatten)]
        place: Place,
    },
    /// Keep a rule, and do as if it were not there
    Disable {
        /// The rule's id
        id: String,
        #[command(flatten)]
        place: Place,
    },
    /// Remove a rule
    Remove {
        /// The rule's id
        id: String,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, clap::Args)]
struct Add {
    /// The address, in a zone or below it
    address: EmailAddress,
    #[command(flatten)]
    what: What,
    /// Of rules for one address that with the lowest comes first, and of those the newest
    #[arg(long, value_name = "NUMBER", default_value_t)]
    priority: u32,
    /// Its name, for people
    #[arg(long, value_name = "NAME", default_value = "")]
    name: String,
    /// Leave it disabled
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    place: Place,
}

/// What becomes of the mail.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Forward it to this destination address; can be given more than once
    #[arg(long, value_name = "ADDRESS")]
    forward: Vec<String>,
    /// Hand it to this worker
    #[arg(long, value_name = "NAME")]
    worker: Option<String>,
    /// Take it and throw it away
    #[arg(long)]
    drop: bool,
}

impl What {
    fn action(&self) -> Value {
        match &self.worker {
            Some(worker) => json!({ "type": "worker", "value": [worker] }),
            None if self.drop => json!({ "type": "drop" }),
            None => json!({ "type": "forward", "value": self.forward }),
        }
    }
}

/// Does it.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    match &args.action {
        Action::List { zone, place } => list(place, zone.as_deref()),
        Action::Add(add) => add.run(),
        Action::CatchAll { zone, what, disabled, place } => {
            let client = place.client()?;
            let path = rules_of(&zone_id(&client, zone)?, "/catch_all");
            let body =
                json!({ "matchers": [{ "type": "all" }], "actions": [what.action()], "enabled": !disabled });
            tell(place, &client.put(&path, &body)?, "set")
        }
        Action::Enable { id, place } => set_enabled(place, id, true),
        Action::Disable { id, place } => set_enabled(place, id, false),
        Action::Remove { id, place } => {
            let client = place.client()?;
            let path = path_of(&found(&client, id)?);
            tell(place, &client.delete(&path)?, "removed")
        }
    }
}

impl Add {
    fn run(&self) -> Result<(), CommandError> {
        let client = self.place.client()?;
        let zone = zone_of(&client, self.address.domain())?;
        let body = json!({
            "matchers": [{ "type": "literal", "field": "to", "value": self.address }],
            "actions": [self.what.action()],
            "priority": self.priority, "name": self.name, "enabled": !self.disabled,
        });
        tell(&self.place, &client.post(&rules_of(&zone, ""), &body)?, "made")
    }
}

/// The id of the nearest zone that has an address of this domain.
fn zone_of(client: &ControlClient, domain: &Domain) -> Result<String, CommandError> {
    let zones = client.list("zones")?;
    let mut names = std::iter::once(domain.as_str()).chain(domain.parents());
    let found = names.find_map(|name| zones.iter().find(|zone| zone["name"] == name));
    let none =
        || CommandError::Invalid(format!("no zone has {domain}; make one with `mailwright zone create`"));
    found.map(|zone| word(zone, "id")).ok_or_else(none)
}

fn rules_of(zone_id: &str, rest: &str) -> String {
    format!("zones/{}/email/routing/rules{rest}", escaped(zone_id))
}

fn path_of(rule: &Value) -> String {
    rules_of(&word(&rule["zone"], "tag"), &format!("/{}", escaped(&word(rule, "id"))))
}

/// Every rule of every account.
fn all(client: &ControlClient) -> Result<Vec<Value>, CommandError> {
    let mut rules = Vec::new();
    for account in client.list("accounts")? {
        let path = format!("accounts/{}/email/routing/rules", escaped(&word(&account, "id")));
        rules.extend(client.list(&path)?);
    }
    Ok(rules)
}

fn found(client: &ControlClient, id: &str) -> Result<Value, CommandError> {
    let none =
        || CommandError::Invalid(format!("there is no rule {id}; `mailwright route list` tells their ids"));
    all(client)?.into_iter().find(|rule| rule["id"] == id).ok_or_else(none)
}

fn set_enabled(place: &Place, id: &str, enabled: bool) -> Result<(), CommandError> {
    let client = place.client()?;
    let mut rule = found(&client, id)?;
    rule["enabled"] = enabled.into();
    tell(place, &client.put(&path_of(&rule), &rule)?, if enabled { "enabled" } else { "disabled" })
}

fn list(place: &Place, zone: Option<&str>) -> Result<(), CommandError> {
    let client = place.client()?;
    let rules = match zone {
        Some(zone) => client.list(&rules_of(&zone_id(&client, zone)?, ""))?,
        None => all(&client)?,
    };
    if place.json {
        return say_json(&rules.into());
    }
    Ok(say(&table(["ID", "FOR", "ACTION", "PRIORITY", "STATE", "NAME"], rules.iter().map(row)))?)
}

fn row(rule: &Value) -> [String; 6] {
    let matcher = &rule["matchers"][0];
    let address = match matcher["value"].as_str() {
        Some(address) => address.to_owned(),
        None => format!("*@{}", word(&rule["zone"], "name")),
    };
    let state = match (rule["enabled"] == true, rule["active"] == true) {
        (false, _) => "disabled",
        (true, false) => "waits for its destination",
        (true, true) => "active",
    };
    let name = or_dash(&word(rule, "name"));
    [word(rule, "id"), address, shown_action(rule), word(rule, "priority"), state.to_owned(), name]
}

fn shown_action(rule: &Value) -> String {
    let action = &rule["actions"][0];
    let values = action["value"].as_array().into_iter().flatten().filter_map(Value::as_str);
    [word(action, "type")].into_iter().chain(values.map(str::to_owned)).collect::<Vec<_>>().join(" ")
}

fn tell(place: &Place, rule: &Value, done: &str) -> Result<(), CommandError> {
    if place.json {
        return say_json(rule);
    }
    let [id, address, action, _, state, _] = row(rule);
    Ok(say(&format!("{done}: rule {id}: {address}: {action} ({state})"))?)
}
