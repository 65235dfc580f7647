//! Everything about a row, as lines of text.

use super::{
    model::{
        Model,
        pane::{Column, Pane},
        rows::{Key, rows},
    },
    text::{plain, plain_answer},
};
use crate::{
    commands::{
        queue::message_text,
        table::{age, or_dash, table, until},
    },
    control_client::{ControlClient, ControlClientError, escaped, with_query},
};
use mailwright_api::delivery::model::{DomainGroup, EntryRow, MessageReport, SiteGroup, SiteSource};
use mailwright_engine::time::UnixMillis;
use serde_json::Value;

/// Failures of a domain that are shown.
const FAILURES: usize = 5;
/// Entries of a domain that are shown.
const ENTRIES: &str = "50";

/// What is known about a row without asking.
pub(super) fn known(model: &Model, key: &Key) -> Vec<String> {
    let Some(lists) = &model.lists else { return Vec::new() };
    let now = model.time();
    let site = |name: &str| lists.queue.sites.iter().find(|site| site.name == name);
    match key {
        Key::Domain(name) => {
            let Some(domain) = lists.queue.domains.iter().find(|domain| domain.name == *name) else {
                return vec!["No mail waits for it.".to_owned()];
            };
            let site = site(&domain.site).map(|site| site_lines(site, now)).unwrap_or_default();
            let failures = failures(model, name);
            domain_lines(domain, now).into_iter().chain(site).chain(failures).collect()
        }
        Key::Site(name) => {
            let domains = lists.queue.domains.iter().filter(|domain| domain.site == *name);
            let row = |domain: &DomainGroup| {
                [
                    domain.name.clone(),
                    domain.sums.entries.to_string(),
                    domain.reason.clone(),
                    domain.detail.clone(),
                ]
            };
            let served = table(["DOMAIN", "WAITING", "HELD BY", "WHY"], domains.map(row));
            let lines = site(name).map(|site| site_lines(site, now)).unwrap_or_default();
            lines.into_iter().chain([String::new()]).chain(served.lines().map(str::to_owned)).collect()
        }
        _ => of_row(model, key),
    }
}

/// What failed last of the mail to a domain.
fn failures(model: &Model, domain: &str) -> Vec<String> {
    let failed = model.failures.iter().filter(|failure| failure.domain() == domain).take(FAILURES);
    failed.map(|failure| format!("{}  {}", failure.at, failure.text)).collect()
}

/// The cells of the row itself.
fn of_row(model: &Model, key: &Key) -> Vec<String> {
    let panes = [Pane::Sources, Pane::Trouble];
    let found = panes.into_iter().find_map(|pane| {
        let row = rows(model, pane, 0, "").into_iter().find(|row| row.key == *key)?;
        Some((pane, row))
    });
    let Some((pane, row)) = found else { return vec!["It is over.".to_owned()] };
    let line = |(column, cell): (&Column, String)| format!("{:12} {cell}", column.name.to_lowercase());
    pane.columns().iter().zip(row.cells).map(line).collect()
}

fn domain_lines(domain: &DomainGroup, now: UnixMillis) -> Vec<String> {
    let DomainGroup { sums, site, in_flight, reason, detail, until: end, .. } = domain;
    let oldest = age(sums.oldest, now);
    vec![
        format!("waiting      {}, {} due, {in_flight} in flight, oldest {oldest}", sums.entries, sums.due),
        format!("held by      {}: {detail}", reason.replace('_', " ")),
        format!("goes on      {}", until(*end, now)),
        format!("site         {}", or_dash(site)),
    ]
}

fn site_lines(site: &SiteGroup, now: UnixMillis) -> Vec<String> {
    let head = format!("provider     {}", or_dash(&site.provider));
    [head].into_iter().chain(site.sources.iter().flat_map(|source| source_lines(source, now))).collect()
}

fn source_lines(source: &SiteSource, now: UnixMillis) -> Vec<String> {
    let SiteSource { source: name, connections, opening, idle, ready, allowed, cap, .. } = source;
    let (most, taken) = (source.messages_per_connection, source.taken_per_minute);
    let cap = cap.map(|cap| format!(" (it was seen to allow {cap})")).unwrap_or_default();
    let mut lines = vec![
        format!("from {name}"),
        format!(
            "  connections  {connections} of {allowed}{cap}: {opening} being made, {idle} idle; {most} messages each"
        ),
        format!("  messages     {ready} ready, {taken} taken in the last minute"),
    ];
    if source.dead_until.is_some() {
        lines.push(format!("  dead         tried again {}", until(source.dead_until, now)));
    }
    if let Some(hold) = &source.hold {
        lines.push(format!(
            "  held by      {}: {} (ends {})",
            hold.reason,
            hold.detail,
            until(Some(hold.until), now)
        ));
    }
    lines.extend(source.rules.iter().map(|rule| {
        let end = until(Some(rule.until), now);
        format!(
            "  rule         {}: {}, fired {} times, ends or eases {end}",
            rule.rule, rule.does, rule.times
        )
    }));
    lines
}

/// What the server says about a row beside what is known.
pub(super) fn ask(client: &ControlClient, key: &Key, now: UnixMillis) -> Vec<String> {
    let answer = match key {
        Key::Domain(name) => entries(client, name, now),
        Key::Message(id) => message(client, id, now),
        _ => Ok(Vec::new()),
    };
    answer.unwrap_or_else(|error| vec![plain(&error.to_string())])
}

fn entries(client: &ControlClient, domain: &str, now: UnixMillis) -> Result<Vec<String>, ControlClientError> {
    let path = with_query("delivery/queue/entries", &[("domain", Some(domain)), ("per_page", Some(ENTRIES))]);
    let rows: Vec<EntryRow> = serde_json::from_value(plain_answer(client.get::<Value>(&path)?))?;
    let row = |row: EntryRow| {
        let next = until(Some(row.due), now);
        [row.id, age(Some(row.accepted), now), row.attempts.to_string(), next, row.last.unwrap_or_default()]
    };
    let head = ["MESSAGE", "AGE", "ATTEMPTS", "NEXT", "LAST REPLY"];
    Ok(table(head, rows.into_iter().map(row)).lines().map(str::to_owned).collect())
}

fn message(client: &ControlClient, id: &str, now: UnixMillis) -> Result<Vec<String>, ControlClientError> {
    let path = format!("delivery/queue/messages/{}", escaped(id));
    let report: MessageReport = serde_json::from_value(plain_answer(client.get::<Value>(&path)?))?;
    Ok(message_text(&report, now).lines().map(str::to_owned).collect())
}
