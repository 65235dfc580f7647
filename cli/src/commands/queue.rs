//! `mailwright queue`

use super::{
    CommandError, say, say_json,
    table::{age, or_dash, table, until},
};
use crate::control_client::{ControlClient, Place, escaped, with_query};
use mailwright_actors::clock;
use mailwright_api::delivery::model::{
    DomainGroup, EntryDetail, EntryRow, Group, MessageReport, QueueSummary, SiteGroup, SourceGroup, Sums,
};
use mailwright_engine::time::UnixMillis;
use serde_json::{Map, Value};

/// What to show: without a command sums by domain, site, source and tenant.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    filter: SummaryFilter,
    /// Rows of each table
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
struct SummaryFilter {
    /// Only mail to this domain
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// Only mail of this tenant (an account's id)
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Only mail that asks for this pool of sources
    #[arg(long, value_name = "POOL")]
    pool: Option<String>,
}

impl SummaryFilter {
    /// As fields of a query.
    fn fields(&self) -> Vec<(&'static str, Option<&str>)> {
        let Self { domain, tenant, pool } = self;
        vec![("domain", domain.as_deref()), ("tenant", tenant.as_deref()), ("pool", pool.as_deref())]
    }
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List entries: one for each message and destination domain
    List(List),
    /// Show one message: what holds it, its next attempt, and everything that happened to it
    Show {
        /// Its id, as logs and the list have it
        id: String,
    },
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    filter: SummaryFilter,
    /// Only messages whose id begins so
    #[arg(long, value_name = "PREFIX")]
    id: Option<String>,
    /// Most entries to list, at most 1000
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Go on where an earlier list ended: the cursor that it printed
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// Asks the server and prints.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    let client = args.place.client()?;
    match &args.command {
        None => summary(&client, args),
        Some(Command::List(asked)) => list(&client, asked, args.place.json),
        Some(Command::Show { id }) => show(&client, id, args.place.json),
    }
}

fn summary(client: &ControlClient, args: &Args) -> Result<(), CommandError> {
    let limit = args.limit.to_string();
    let mut fields = args.filter.fields();
    fields.push(("limit", Some(limit.as_str())));
    let answer: Value = client.get(&with_query("delivery/queue", &fields))?;
    if args.place.json {
        return say_json(&answer);
    }
    let summary: QueueSummary = serde_json::from_value(answer)?;
    Ok(say(&summary_text(&summary, clock::now()))?)
}

fn summary_text(summary: &QueueSummary, now: UnixMillis) -> String {
    let QueueSummary { totals, domain_count, domains, sites, sources, tenants } = summary;
    let Sums { entries, due, oldest, .. } = totals;
    let oldest = oldest.map(|oldest| format!(", oldest {}", age(Some(oldest), now))).unwrap_or_default();
    let mut parts = vec![format!("{entries} entries to {domain_count} domains, {due} due{oldest}")];
    if *entries > 0 {
        let domains_shown = domains.len();
        let more = domain_count.saturating_sub(domains_shown);
        let more = if more > 0 { format!("\nand {more} more") } else { String::new() };
        let head = ["DOMAIN", "ENTRIES", "DUE", "OLDEST", "NEXT", "HELD BY"];
        parts.push(table(head, domains.iter().map(|domain| domain_row(domain, now))) + &more);
        parts.push(table(
            ["SITE", "ENTRIES", "DUE", "OLDEST", "PROVIDER", "CONNECTIONS", "HELD BY"],
            sites.iter().map(|site| site_row(site, now)),
        ));
        parts.push(tenants_table(tenants, now));
    }
    let head = ["SOURCE", "READY", "CONNECTIONS", "LEFT TODAY", "STATE", "ADDRESSES"];
    parts.push(table(head, sources.iter().map(source_row)));
    parts.join("\n\n")
}

fn domain_row(domain: &DomainGroup, now: UnixMillis) -> [String; 6] {
    let [entries, due, oldest] = sums_cells(&domain.sums, now);
    let next = until(domain.sums.next_due, now);
    [domain.name.clone(), entries, due, oldest, next, domain.reason.clone()]
}

fn tenants_table(tenants: &[Group], now: UnixMillis) -> String {
    let row = |Group { name, sums }: &Group| {
        let [entries, due, oldest] = sums_cells(sums, now);
        [or_dash(name), entries, due, oldest, until(sums.next_due, now)]
    };
    table(["TENANT", "ENTRIES", "DUE", "OLDEST", "NEXT"], tenants.iter().map(row))
}

fn sums_cells(sums: &Sums, now: UnixMillis) -> [String; 3] {
    [sums.entries.to_string(), sums.due.to_string(), age(sums.oldest, now)]
}

fn site_row(site: &SiteGroup, now: UnixMillis) -> [String; 7] {
    let [entries, due, oldest] = sums_cells(&site.sums, now);
    let name = if site.name.is_empty() { "(not known now)".to_owned() } else { site.name.clone() };
    let hold = site.hold.clone().unwrap_or_default();
    [name, entries, due, oldest, or_dash(&site.provider), site.connections.to_string(), hold]
}

fn source_row(source: &SourceGroup) -> [String; 6] {
    [
        source.name.clone(),
        source.ready.to_string(),
        source.connections.to_string(),
        source.left_today.map_or("no limit".to_owned(), |left| left.to_string()),
        if source.usable { "usable" } else { "not usable" }.to_owned(),
        if source.addresses.is_empty() { "any".to_owned() } else { source.addresses.join(", ") },
    ]
}

fn list(client: &ControlClient, asked: &List, json: bool) -> Result<(), CommandError> {
    let limit = asked.limit.to_string();
    let mut fields = asked.filter.fields();
    fields.extend([
        ("id", asked.id.as_deref()),
        ("cursor", asked.cursor.as_deref()),
        ("per_page", Some(limit.as_str())),
    ]);
    let mut envelope = client.envelope(&with_query("delivery/queue/entries", &fields))?;
    if json {
        return say_json(&envelope);
    }
    let rows: Vec<EntryRow> =
        serde_json::from_value(envelope.get_mut("result").map(Value::take).unwrap_or_default())?;
    let now = clock::now();
    let row = |row: EntryRow| {
        let (age, due) = (age(Some(row.accepted), now), until(Some(row.due), now));
        let tenant = row.tenant.unwrap_or_else(|| "-".to_owned());
        let last = if row.scheduled { "scheduled".to_owned() } else { row.last.unwrap_or_default() };
        [row.id, row.domain, tenant, row.priority, age, row.attempts.to_string(), due, last]
    };
    let head = ["ID", "DOMAIN", "TENANT", "PRIORITY", "AGE", "ATTEMPTS", "NEXT", "LAST"];
    say(&table(head, rows.into_iter().map(row)))?;
    if let Some(cursor) = envelope.pointer("/result_info/cursor").and_then(Value::as_str) {
        say(&format!("\nThere may be more: --cursor {cursor}"))?;
    }
    Ok(())
}

fn show(client: &ControlClient, id: &str, json: bool) -> Result<(), CommandError> {
    let answer: Value = client.get(&format!("delivery/queue/messages/{}", escaped(id)))?;
    if json {
        return say_json(&answer);
    }
    let message: MessageReport = serde_json::from_value(answer)?;
    Ok(say(&message_text(&message, clock::now()))?)
}

pub(super) fn message_text(message: &MessageReport, now: UnixMillis) -> String {
    let MessageReport { id, entries, timeline, complete } = message;
    let state = if entries.is_empty() { "not in the queue any more" } else { "in the queue" };
    let mut text = format!("message {id}: {state}\n");
    for entry in entries {
        text.push_str(&entry_text(entry, now));
    }
    text.push('\n');
    let events = timeline.iter().map(|event| [field(event, "at"), field(event, "event"), event_text(event)]);
    text.push_str(&table(["AT", "EVENT", "WHAT"], events));
    if !complete {
        text.push_str("\nand more: the log was not read to its end");
    }
    text
}

fn entry_text(entry: &EntryDetail, now: UnixMillis) -> String {
    let EntryDetail { why, attempts, due, last, site } = entry;
    let (domain, recipients) = (&why.domain, why.recipients);
    let site = site.as_deref().unwrap_or("not known now");
    let last = last.as_ref().map(|last| format!("\n  last       {last}")).unwrap_or_default();
    let next = until(Some(*due), now);
    let go = why.until.map(|then| format!(" (until {then})")).unwrap_or_default();
    format!(
        "\n{domain}\n  waits for  {recipients} of its recipients\n  attempts   {attempts}\n  site       {site}\n  next       {next}\n  held by    {}: {}{go}{last}\n",
        why.reason, why.detail
    )
}

fn field(event: &Map<String, Value>, name: &str) -> String {
    match event.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

/// The fields of an event that say most, in one line.
fn event_text(event: &Map<String, Value>) -> String {
    const TELLING: [&str; 14] = [
        "outcome", "address", "from", "subject", "reply", "class", "mx", "source", "tls", "pool", "action",
        "cause", "reason", "by",
    ];
    let telling = TELLING.iter().filter_map(|name| {
        let value = field(event, name);
        (!value.is_empty()).then(|| format!("{name}={value}"))
    });
    let next = event.get("next_due").and_then(Value::as_str).map(|due| format!("next={due}"));
    telling.chain(next).collect::<Vec<_>>().join("  ")
}
