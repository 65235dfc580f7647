//! What the tables show: rows, in the order and under the filter that somebody chose.

use super::{Model, pane::Pane, trouble};
use crate::commands::{
    table::{age, or_dash, until},
    top::text::count,
};
use mailwright_api::delivery::model::{DomainGroup, SiteGroup, SourceGroup};
use mailwright_engine::time::UnixMillis;
use std::cmp::Reverse;

/// How much a row should worry its reader; told by a sign as well as by colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// All is well.
    Calm,
    /// It waits for something, as it should.
    Waiting,
    /// Something is wrong.
    Wrong,
}

impl Level {
    /// How bad it is that mail waits for this reason.
    pub(crate) fn of(reason: &str) -> Self {
        match reason {
            "in_flight" | "turn" | "" => Self::Calm,
            "retry" | "schedule" | "rate" | "concurrency" => Self::Waiting,
            _ => Self::Wrong,
        }
    }

    /// Its sign.
    pub(crate) const fn sign(self) -> &'static str {
        match self {
            Self::Calm => " ",
            Self::Waiting => "~",
            Self::Wrong => "!",
        }
    }
}

/// What a row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    Domain(String),
    Site(String),
    Source(String),
    /// A suspension, by its scope.
    Suspension(String),
    /// A message that failed, by its id and place in the list.
    Message(String),
    /// A state of affairs.
    Condition(String),
}

impl Key {
    /// Its scope, as suspensions name it; `None` for what cannot be suspended.
    pub(crate) fn scope(&self) -> Option<String> {
        match self {
            Self::Domain(name) => Some(format!("domain:{name}")),
            Self::Site(name) => Some(format!("site:{name}")),
            Self::Source(name) => Some(format!("source:{name}")),
            Self::Suspension(scope) => Some(scope.clone()),
            Self::Message(_) | Self::Condition(_) => None,
        }
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        let (Self::Domain(name)
        | Self::Site(name)
        | Self::Source(name)
        | Self::Suspension(name)
        | Self::Message(name)
        | Self::Condition(name)) = self;
        name
    }
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) key: Key,
    pub(crate) level: Level,
    /// One for each column.
    pub(crate) cells: Vec<String>,
}

/// The rows of a pane that have `filter` in one of their cells, in this order (one of [`Pane::orders`]).
pub(crate) fn rows(model: &Model, pane: Pane, order: usize, filter: &str) -> Vec<Row> {
    let order = pane.orders().get(order).copied().unwrap_or_default();
    let rows = match (pane, &model.lists) {
        (Pane::Trouble, _) => trouble::rows(model),
        (_, None) => Vec::new(),
        (Pane::Domains, Some(lists)) => domains(model, lists.queue.domains.clone(), order),
        (Pane::Sites, Some(lists)) => sites(lists.queue.sites.clone(), order),
        (Pane::Sources, Some(lists)) => sources(lists.queue.sources.clone(), order),
    };
    let wanted = filter.to_lowercase();
    let is_wanted = |row: &Row| row.cells.iter().any(|cell| cell.to_lowercase().contains(&wanted));
    rows.into_iter().filter(|row| wanted.is_empty() || is_wanted(row)).collect()
}

fn domains(model: &Model, mut domains: Vec<DomainGroup>, order: &str) -> Vec<Row> {
    match order {
        "oldest" => domains.sort_by_key(|domain| (domain.sums.oldest.is_none(), domain.sums.oldest)),
        "held by" => domains.sort_by_key(|domain| Reverse((Level::of(&domain.reason), domain.sums.entries))),
        "name" => domains.sort_by(|one, other| one.name.cmp(&other.name)),
        _ => domains.sort_by_key(|domain| Reverse(domain.sums.entries)),
    }
    let now = model.time();
    let taken = |site: &str| {
        let sites = model.lists.iter().flat_map(|lists| &lists.queue.sites);
        sites.filter(|group| !site.is_empty() && group.name == site).map(taken).sum::<u64>()
    };
    let row = |domain: DomainGroup| domain_row(&domain, taken(&domain.site), now);
    domains.into_iter().map(row).collect()
}

fn domain_row(domain: &DomainGroup, taken: u64, now: UnixMillis) -> Row {
    Row {
        key: Key::Domain(domain.name.clone()),
        level: Level::of(&domain.reason),
        cells: vec![
            domain.name.clone(),
            count(domain.sums.entries as f64),
            count(domain.sums.due as f64),
            age(domain.sums.oldest, now),
            count(taken as f64),
            domain.reason.replace('_', " "),
            until(domain.until, now),
            domain.detail.clone(),
        ],
    }
}

/// Messages that a site took in the last minute.
fn taken(site: &SiteGroup) -> u64 {
    site.sources.iter().map(|source| u64::from(source.taken_per_minute)).sum()
}

fn sites(mut sites: Vec<SiteGroup>, order: &str) -> Vec<Row> {
    match order {
        "connections" => sites.sort_by_key(|site| Reverse(site.connections)),
        "a minute" => sites.sort_by_key(|site| Reverse(taken(site))),
        "held by" => sites.sort_by_key(|site| Reverse((site_level(site), site.sums.entries))),
        "name" => sites.sort_by(|one, other| one.name.cmp(&other.name)),
        _ => sites.sort_by_key(|site| Reverse(site.sums.entries)),
    }
    sites.iter().map(site_row).collect()
}

/// Why a site does no more now.
fn site_hold(site: &SiteGroup) -> (&str, &str) {
    let hold = site.sources.iter().find_map(|source| source.hold.as_ref());
    hold.map_or(("", ""), |hold| (&hold.reason, &hold.detail))
}

fn site_level(site: &SiteGroup) -> Level {
    let is_wrong = site.sources.iter().any(|source| source.dead_until.is_some() || !source.rules.is_empty());
    if is_wrong { Level::Wrong } else { Level::of(site_hold(site).0) }
}

fn site_row(site: &SiteGroup) -> Row {
    let allowed: u32 = site.sources.iter().map(|source| source.allowed).sum();
    let connections = match site.sources.is_empty() {
        true => site.connections.to_string(),
        false => format!("{}/{allowed}", site.connections),
    };
    let (reason, detail) = site_hold(site);
    Row {
        key: Key::Site(site.name.clone()),
        level: site_level(site),
        cells: vec![
            if site.name.is_empty() { "(not known now)".to_owned() } else { site.name.clone() },
            or_dash(&site.provider),
            count(site.sums.entries as f64),
            connections,
            count(taken(site) as f64),
            or_dash(reason),
            detail.to_owned(),
        ],
    }
}

fn sources(mut sources: Vec<SourceGroup>, order: &str) -> Vec<Row> {
    match order {
        "ready" => sources.sort_by_key(|source| Reverse(source.ready)),
        "connections" => sources.sort_by_key(|source| Reverse(source.connections)),
        _ => {}
    }
    let row = |source: SourceGroup| Row {
        key: Key::Source(source.name.clone()),
        level: if source.usable { Level::Calm } else { Level::Wrong },
        cells: vec![
            source.name,
            count(source.ready as f64),
            source.connections.to_string(),
            source.left_today.map_or("no limit".to_owned(), |left| left.to_string()),
            if source.usable { "usable" } else { "not usable" }.to_owned(),
            if source.addresses.is_empty() { "any".to_owned() } else { source.addresses.join(", ") },
        ],
    };
    sources.into_iter().map(row).collect()
}
