//! `mailwright suspend`, `resume`, `suspensions`, `retry-now`, `cancel` and `reroute`.

use super::{
    CommandError, say, say_json,
    table::{table, until},
};
use crate::control_client::{Place, with_query};
use humantime_serde::re::humantime;
use mailwright_actors::clock;
use mailwright_api::delivery::model::{OrderResult, SuspensionRow};
use mailwright_storage::control::SuspensionScope;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// What to suspend.
#[derive(Debug, clap::Args)]
pub(crate) struct Suspend {
    /// domain:NAME, site:NAME (as `mailwright queue` calls it), source:NAME or tenant:NAME
    scope: SuspensionScope,
    /// How long, as 2h or 30m; without it until `mailwright resume`
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    lasting: Option<Duration>,
    /// Why, for whoever finds it later
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    place: Place,
}

/// What to resume.
#[derive(Debug, clap::Args)]
pub(crate) struct Resume {
    /// As it was suspended: domain:NAME, site:NAME, source:NAME or tenant:NAME
    scope: SuspensionScope,
    #[command(flatten)]
    place: Place,
}

/// Which server.
#[derive(Debug, clap::Args)]
pub(crate) struct Suspensions {
    #[command(flatten)]
    place: Place,
}

/// Which entries: those that match all that is given.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Which {
    /// Mail to this domain
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// Mail of this tenant (an account's id)
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Mail that asks for this pool of sources
    #[arg(long, value_name = "POOL")]
    pool: Option<String>,
    /// Messages whose id begins so
    #[arg(long, value_name = "PREFIX")]
    id: Option<String>,
    /// Everything in the queue
    #[arg(long, conflicts_with_all = ["domain", "tenant", "pool", "id"])]
    all: bool,
}

/// What to try again.
#[derive(Debug, clap::Args)]
pub(crate) struct RetryNow {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    place: Place,
}

/// What to cancel.
#[derive(Debug, clap::Args)]
pub(crate) struct Cancel {
    #[command(flatten)]
    which: Which,
    /// Yes, end these messages as failed
    #[arg(long, required = true)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

/// What to send another way.
#[derive(Debug, clap::Args)]
pub(crate) struct Reroute {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    to: Destination,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Destination {
    /// Entries leave from this pool of sources
    #[arg(long, value_name = "POOL")]
    to_pool: Option<String>,
    /// Entries leave from the pool that the configuration says
    #[arg(long)]
    to_default_pool: bool,
    /// All mail to --domain goes to this next hop from now on, over restarts
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["all", "tenant", "pool", "id"])]
    via: Option<String>,
    /// Mail to --domain goes where configuration and DNS say again
    #[arg(long, conflicts_with_all = ["all", "tenant", "pool", "id"])]
    via_default: bool,
}

/// Suspends.
pub(crate) fn suspend(args: &Suspend) -> Result<(), CommandError> {
    let mut body = json!({ "scope": args.scope.to_string(), "reason": args.reason });
    if let (Some(lasting), Some(fields)) = (args.lasting, body.as_object_mut()) {
        fields.insert("for".to_owned(), humantime::format_duration(lasting).to_string().into());
    }
    let answer: Value = args.place.client()?.post("delivery/suspensions", &body)?;
    if args.place.json {
        return say_json(&answer);
    }
    let SuspensionRow { scope, until, .. } = serde_json::from_value(answer)?;
    let end = until.map_or("until it is resumed".to_owned(), |until| format!("until {until}"));
    Ok(say(&format!("{scope} is suspended {end}"))?)
}

/// Resumes.
pub(crate) fn resume(args: &Resume) -> Result<(), CommandError> {
    let scope = args.scope.to_string();
    let answer: Value =
        args.place.client()?.delete(&with_query("delivery/suspensions", &[("scope", Some(&scope))]))?;
    if args.place.json {
        return say_json(&answer);
    }
    Ok(say(&format!("{scope} is no longer suspended"))?)
}

/// Lists what is suspended.
pub(crate) fn suspensions(args: &Suspensions) -> Result<(), CommandError> {
    let answer: Value = args.place.client()?.get("delivery/suspensions")?;
    if args.place.json {
        return say_json(&answer);
    }
    let now = clock::now();
    let rows: Vec<SuspensionRow> = serde_json::from_value(answer)?;
    let row = |row: SuspensionRow| [row.scope, until(row.until, now), row.by, row.reason];
    Ok(say(&table(["SCOPE", "ENDS", "BY", "REASON"], rows.into_iter().map(row)))?)
}

/// Tries entries again now.
pub(crate) fn retry_now(args: &RetryNow) -> Result<(), CommandError> {
    order(&args.place, "delivery/queue/retry", &args.which.body(), "to be tried now")
}

/// Cancels entries.
pub(crate) fn cancel(args: &Cancel) -> Result<(), CommandError> {
    order(&args.place, "delivery/queue/cancel", &args.which.body(), "cancelled")
}

/// Sends entries, or a domain's mail, another way.
pub(crate) fn reroute(args: &Reroute) -> Result<(), CommandError> {
    let Destination { to_pool, to_default_pool, via, via_default } = &args.to;
    let mut body = args.which.body();
    if to_pool.is_some() || *to_default_pool {
        body.insert("to_pool".to_owned(), to_pool.clone().into());
        return order(&args.place, "delivery/queue/reroute", &body, "rerouted");
    }
    body.insert("via".to_owned(), via.clone().into());
    let answer: Value = args.place.client()?.post("delivery/queue/reroute", &Value::Object(body))?;
    if args.place.json {
        return say_json(&answer);
    }
    let domain = args.which.domain.as_deref().unwrap_or_default();
    let way = match via {
        Some(via) => format!("to {via}"),
        None if *via_default => "where configuration and DNS say".to_owned(),
        None => String::new(),
    };
    Ok(say(&format!("mail to {domain} goes {way}"))?)
}

fn order(place: &Place, path: &str, body: &Map<String, Value>, done: &str) -> Result<(), CommandError> {
    let answer: Value = place.client()?.post(path, &Value::Object(body.clone()))?;
    if place.json {
        return say_json(&answer);
    }
    let OrderResult { changed, in_flight } = serde_json::from_value(answer)?;
    let busy = if in_flight > 0 { format!("; {in_flight} left alone: in flight") } else { String::new() };
    Ok(say(&format!("{changed} entries {done}{busy}"))?)
}

impl Which {
    /// As the API takes it.
    fn body(&self) -> Map<String, Value> {
        let Self { domain, tenant, pool, id, all } = self;
        let given = [("domain", domain), ("tenant", tenant), ("pool", pool), ("id", id)];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, Value::from(value.clone()?))));
        let all = all.then(|| ("all", Value::from(true)));
        given.chain(all).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
