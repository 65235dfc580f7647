//! `mailwright account limits`

use super::{CommandError, account::word, say, say_json, table::table};
use crate::control_client::{Place, escaped};
use serde_json::{Value, json};

/// What "as the server's configuration says" is called.
const DEFAULT: &str = "default";

/// Which limits, and what they are to be.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The account's id
    id: String,
    /// What --second, --hour and --day are about: all of the account, each of its domains, each address that it
    /// sends to, or each of its tokens
    #[arg(long = "for", value_name = "WHAT", default_value = "account", value_parser = ["account", "domain", "recipient", "token"])]
    scope: String,
    /// They are about this sending domain alone, by name or tag
    #[arg(long, value_name = "DOMAIN", conflicts_with_all = ["scope", "token"])]
    domain: Option<String>,
    /// They are about this token alone, by its id
    #[arg(long, value_name = "ID", conflicts_with = "scope")]
    token: Option<String>,
    /// Most recipients in any second; 0 for no limit, "default" for what the configuration says
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    second: Option<Value>,
    /// Most recipients in any hour
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    hour: Option<Value>,
    /// Most recipients in a day of UTC
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    day: Option<Value>,
    /// Quotas of the first days on which it sends, as 200,500,1000; "none" ends the ramp, "default" is what the
    /// configuration says
    #[arg(long, value_name = "QUOTAS", value_parser = quotas)]
    ramp: Option<Value>,
    /// Whether it may send to its own verified addresses and domains only
    #[arg(long, value_name = "BOOL")]
    verified_recipients_only: Option<bool>,
    #[command(flatten)]
    place: Place,
}

fn number(text: &str) -> Result<Value, String> {
    if text == DEFAULT {
        return Ok(Value::Null);
    }
    text.parse::<u64>().map(Value::from).map_err(|_| format!("{text:?} is no number, nor {DEFAULT:?}"))
}

fn quotas(text: &str) -> Result<Value, String> {
    match text {
        DEFAULT => Ok(Value::Null),
        "none" => Ok(json!([])),
        quotas => quotas.split(',').map(|quota| number(quota.trim())).collect(),
    }
}

/// Does it.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    let client = args.place.client()?;
    let path = format!("accounts/{}/email/sending/limits", escaped(&args.id));
    let mut limits: Value = client.get(&path)?;
    if args.changes_something() {
        let wanted = args.wanted(&limits)?;
        limits = client.put(&path, &wanted)?;
    }
    if args.place.json { say_json(&limits) } else { show(&limits) }
}

impl Args {
    fn windows(&self) -> [(&'static str, &Option<Value>); 3] {
        [("second", &self.second), ("hour", &self.hour), ("day", &self.day)]
    }

    fn changes_something(&self) -> bool {
        let windows = self.windows().iter().any(|(_, most)| most.is_some());
        windows || self.ramp.is_some() || self.verified_recipients_only.is_some()
    }

    /// What is to be set, from what `limits` say is.
    fn wanted(&self, limits: &Value) -> Result<Value, CommandError> {
        let mut wanted = limits["set"].clone();
        if wanted.is_null() {
            wanted = json!({});
        }
        let rates = match (&self.domain, &self.token) {
            (Some(domain), _) => &mut wanted["domains"][tag(limits, domain)?],
            (None, Some(token)) => &mut wanted["tokens"][token],
            (None, None) => &mut wanted[&self.scope],
        };
        for (window, most) in self.windows() {
            if let Some(most) = most {
                rates[window] = most.clone();
            }
        }
        if rates.is_null() {
            *rates = json!({});
        }
        if let Some(ramp) = &self.ramp {
            wanted["ramp"] = ramp.clone();
        }
        if let Some(only) = self.verified_recipients_only {
            wanted["verified_recipients_only"] = only.into();
        }
        Ok(wanted)
    }
}

/// The tag of the sending domain with this name or tag.
fn tag(limits: &Value, domain: &str) -> Result<String, CommandError> {
    let domains = limits["domains"].as_array().into_iter().flatten();
    let found = domains.into_iter().find(|known| known["name"] == domain || known["tag"] == domain);
    let missing = || CommandError::Invalid(format!("{domain:?} is no sending domain of this account"));
    found.map(|found| word(found, "tag")).ok_or_else(missing)
}

fn show(limits: &Value) -> Result<(), CommandError> {
    let mut rows = rows("account", &limits["account"]);
    for (kind, name) in [("domains", "name"), ("tokens", "name")] {
        for one in limits[kind].as_array().into_iter().flatten() {
            rows.extend(self::rows(&format!("{} {}", kind.trim_end_matches('s'), word(one, name)), one));
        }
    }
    for window in ["second", "hour", "day"] {
        let most = &limits["recipient"][window];
        if most.as_u64().is_some_and(|most| most > 0) {
            rows.push(["each address".into(), window.into(), "-".into(), most.to_string(), "-".into()]);
        }
    }
    say(&table(["WHAT", "WINDOW", "USED", "LIMIT", "FREE AT"], rows))?;
    if let Some(today) = limits["ramp"]["today"].as_u64() {
        say(&format!(
            "The account is new: {today} recipients today ({} days before).",
            limits["ramp"]["days_before"]
        ))?;
    }
    if limits["verified_recipients_only"] == true {
        say("It may send to its own verified addresses and domains only.")?;
    }
    Ok(())
}

/// The windows that are limited or used.
fn rows(what: &str, usage: &Value) -> Vec<[String; 5]> {
    let mut rows = Vec::new();
    for window in ["second", "hour", "day"] {
        let usage = &usage[window];
        if !usage["limit"].is_null() || usage["used"] != 0 {
            let cells = ["used", "limit", "free_at"].map(|field| word(usage, field));
            let [used, limit, free] = cells;
            rows.push([what.to_owned(), window.to_owned(), used, limit, free]);
        }
    }
    rows
}
