//! What is wrong now, and what failed last.

use super::{
    Lists, Model,
    rows::{Key, Level, Row},
};
use crate::commands::{
    table::{age, short, until},
    top::text::{count, octets, rate, seconds},
};
use mailwright_actors::control::Reason;
use mailwright_api::delivery::model::{DomainGroup, Moment, SiteGroup, SuspensionRow};
use serde::Deserialize;
use std::time::Duration;

/// An age of the oldest message that is worth a look: the alert's.
const OLD: f64 = 2.0 * 86_400.0;
/// A share of recipients given up that is worth a look, of at least so many in a minute: the alert's.
const MANY_BOUNCES: (f64, f64) = (0.05, 20.0);
/// A time of syncs that is slow: the alert's.
const SLOW_SYNC: f64 = 0.1;

/// Most domains that are told of: the first pane has all.
const HELD_SHOWN: usize = 20;

/// Something that went wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Failure {
    /// The message.
    pub(crate) id: String,
    pub(crate) at: Moment,
    /// Which kind of event told it.
    pub(crate) event: String,
    /// What happened, in a sentence.
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) recipients: Vec<String>,
    /// `deferred` or `bounced`, of attempts.
    #[serde(default)]
    pub(crate) verdict: String,
}

impl Failure {
    /// The domain of its first recipient.
    pub(crate) fn domain(&self) -> &str {
        let first = self.recipients.first().and_then(|address| address.rsplit_once('@'));
        first.map_or("", |(_, domain)| domain)
    }
}

/// States of affairs first, then what failed, the newest first.
pub(super) fn rows(model: &Model) -> Vec<Row> {
    let mut rows = conditions(model);
    let now = model.time();
    let failures = model.failures.iter().map(|failure| {
        let is_for_good = failure.verdict != "deferred";
        let what = if failure.verdict.is_empty() { &failure.event } else { &failure.verdict };
        Row {
            key: Key::Message(failure.id.clone()),
            level: if is_for_good { Level::Wrong } else { Level::Waiting },
            cells: vec![
                age(Some(failure.at), now),
                what.replace('_', " "),
                failure.recipients.first().cloned().unwrap_or_default(),
                failure.text.clone(),
            ],
        }
    });
    rows.extend(failures);
    rows
}

/// What is wrong now.
pub(crate) fn conditions(model: &Model) -> Vec<Row> {
    let mut rows = Vec::new();
    let checks = model.ready.iter().flat_map(|ready| &ready.checks).filter(|check| !check.ok);
    rows.extend(checks.map(|check| condition("not ready", &check.name, &check.text)));
    rows.extend(meters(model));
    let Some(lists) = &model.lists else { return rows };
    rows.extend(lists.suspensions.iter().map(|suspension| suspension_row(model, suspension)));
    let unusable = lists.queue.sources.iter().filter(|source| !source.usable);
    rows.extend(unusable.map(|source| {
        let why = "It is suspended, or what its warm-up allows today is spent.";
        Row { key: Key::Source(source.name.clone()), ..condition("source", &source.name, why) }
    }));
    rows.extend(lists.queue.sites.iter().flat_map(|site| site_rows(model, site)));
    rows.extend(held_domains(lists));
    rows
}

fn condition(what: &str, place: &str, detail: &str) -> Row {
    Row {
        key: Key::Condition(format!("{what} {place}")),
        level: Level::Wrong,
        cells: ["now", what, place, detail].map(str::to_owned).to_vec(),
    }
}

/// What the meters say.
fn meters(model: &Model) -> Vec<Row> {
    let history = &model.history;
    let mut rows = Vec::new();
    let refused = history.rise(|numbers| numbers.refused);
    if refused > 0.0 {
        let why =
            format!("{} messages were refused in a minute for want of room or strength.", count(refused));
        rows.push(condition("refused", "intake", &why));
    }
    let (bounced, delivered) = (history.rise(|n| n.bounced), history.rise(|n| n.delivered));
    let settled = bounced + delivered;
    if settled >= MANY_BOUNCES.1 && bounced / settled > MANY_BOUNCES.0 {
        let why = format!(
            "{:.0} % of the last minute's {} recipients bounced.",
            bounced / settled * 100.0,
            count(settled)
        );
        rows.push(condition("bounces", "delivery", &why));
    }
    let oldest = history.last().map_or(0.0, |numbers| numbers.oldest);
    if oldest > OLD {
        let why = format!("The oldest message has waited for {}.", short(Duration::from_secs_f64(oldest)));
        rows.push(condition("old mail", "queue", &why));
    }
    if let Some(slow) = history.quantile(0.99, |numbers| &numbers.sync).filter(|slow| *slow > SLOW_SYNC) {
        let free = history.last().map_or(0.0, |numbers| numbers.disk_free);
        let why = format!(
            "One sync of the journal in a hundred takes {} or longer; {} of the disk are free.",
            seconds(slow),
            octets(free)
        );
        rows.push(condition("slow disk", "journal", &why));
    }
    let lost = history.rise(|numbers| numbers.events_lost);
    if lost > 0.0 {
        let why = format!("{} events a second are lost: the event log does not keep up.", rate(lost / 60.0));
        rows.push(condition("events lost", "event log", &why));
    }
    rows
}

fn suspension_row(model: &Model, suspension: &SuspensionRow) -> Row {
    let SuspensionRow { scope, until: end, reason, by, created } = suspension;
    let now = model.time();
    let end = match end {
        Some(_) => format!("ends {}", until(*end, now)),
        None => "until somebody resumes it".to_owned(),
    };
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    Row {
        key: Key::Suspension(scope.clone()),
        level: Level::Wrong,
        cells: vec![
            age(Some(*created), now),
            "suspended".to_owned(),
            scope.clone(),
            format!("by {by}, {end}{reason}"),
        ],
    }
}

/// The domains with most mail that cannot go, and not because somebody said so.
fn held_domains(lists: &Lists) -> impl Iterator<Item = Row> {
    let is_held = |domain: &&DomainGroup| {
        Level::of(&domain.reason) == Level::Wrong && domain.reason != Reason::Suspension.as_str()
    };
    lists.queue.domains.iter().filter(is_held).take(HELD_SHOWN).map(|domain| Row {
        key: Key::Domain(domain.name.clone()),
        ..condition(&domain.reason, &domain.name, &domain.detail)
    })
}

/// What the engine does by itself at a site.
fn site_rows(model: &Model, site: &SiteGroup) -> Vec<Row> {
    let now = model.time();
    let row = |what: &str, detail: String| Row {
        key: Key::Site(site.name.clone()),
        ..condition(what, &site.name, &detail)
    };
    let mut rows = Vec::new();
    for source in &site.sources {
        if source.dead_until.is_some() {
            let again = until(source.dead_until, now);
            let why =
                format!("from {}: counts as dead after failed connections, tried {again}", source.source);
            rows.push(row("dead", why));
        }
        rows.extend(source.rules.iter().map(|rule| {
            let end = until(Some(rule.until), now);
            row("rule", format!("from {}: {} {}, ends or eases {end}", source.source, rule.rule, rule.does))
        }));
    }
    rows
}
