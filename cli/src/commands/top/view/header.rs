//! The figures above the tables.

use super::style::Theme;
use crate::commands::{
    table::short,
    top::{
        model::{Model, numbers::Numbers, rows::Level, trouble},
        text::{bars, count, octets, rate, seconds},
    },
};
use ratatui::text::{Line, Span};
use std::time::{Duration, Instant};

/// Characters of a figure's name.
const NAME: usize = 11;
/// Characters of a rate.
const RATE: usize = 8;

/// How things are with the server, in a few words.
pub(crate) fn state(model: &Model, is_paused: bool, stale: Duration, now: Instant) -> (Level, String) {
    if is_paused {
        return (Level::Waiting, "PAUSED".to_owned());
    }
    if model.lost.is_some() {
        return (Level::Wrong, "reconnecting".to_owned());
    }
    if let Some(silence) = model.silence(now).filter(|silence| *silence > stale) {
        return (Level::Wrong, format!("no answer for {}", short(silence)));
    }
    let is_ready = model.ready.as_ref().is_some_and(|ready| ready.ready);
    match (is_ready, trouble::conditions(model).len()) {
        (false, _) => (Level::Wrong, "NOT READY".to_owned()),
        (true, 0) => (Level::Calm, "ready".to_owned()),
        (true, troubles) => (Level::Waiting, format!("ready, {troubles} in trouble")),
    }
}

/// The first line: what runs, since when, how it is, and when that was.
pub(crate) fn title(model: &Model, state: &(Level, String), theme: Theme, width: usize) -> Line<'static> {
    let version = model.version.as_ref();
    let version = version.map(|version| {
        format!("{} up {}", version.version, short(Duration::from_secs(version.uptime_seconds)))
    });
    let memory = model.history.last().map(|numbers| octets(numbers.memory)).unwrap_or_default();
    let left = format!("mailwright {}  {memory}  ", version.unwrap_or_default());
    let (level, words) = state;
    let time = model.time().to_string();
    let time = time.get(11..19).unwrap_or_default().to_owned() + "Z";
    let words = format!("{}{words}", level.sign().trim());
    let used = left.chars().count() + words.chars().count() + time.chars().count();
    let gap = " ".repeat(width.saturating_sub(used));
    let style = if *level == Level::Calm { theme.well() } else { theme.row(*level) };
    Line::from(vec![Span::raw(left), Span::styled(words, style), Span::raw(gap), Span::raw(time)])
}

/// A figure on the left: how fast it goes, now and in the last minutes.
type Flow = (&'static str, fn(&Numbers) -> f64);

const FLOWS: [Flow; 5] = [
    ("accepted", |numbers| numbers.accepted),
    ("delivered", |numbers| numbers.delivered),
    ("deferred", |numbers| numbers.deferred),
    ("bounced", |numbers| numbers.bounced),
    ("refused", |numbers| numbers.refused),
];

/// The lines below it: flows on the left, what stands on the right.
pub(crate) fn figures(model: &Model, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let left = (width / 2).min(60);
    let bar_width = left.saturating_sub(NAME + RATE + 3);
    let stands = stands(model);
    let line = |((name, counter), (label, text)): (&Flow, (&'static str, String))| {
        let rates = model.history.rates(*counter);
        let now = rates.last().map_or("-".to_owned(), |now| format!("{}/s", rate(*now)));
        Line::from(vec![
            Span::styled(format!("{name:NAME$}"), theme.label()),
            Span::raw(format!("{now:>RATE$} {}  ", bars(&rates, bar_width))),
            Span::styled(format!("{label:NAME$}"), theme.label()),
            Span::raw(text),
        ])
    };
    FLOWS.iter().zip(stands).map(line).collect()
}

fn stands(model: &Model) -> [(&'static str, String); 5] {
    let history = &model.history;
    let Some(numbers) = history.last() else {
        return ["queue", "moving", "domains", "to deliver", "fsync"].map(|name| (name, "-".to_owned()));
    };
    let Numbers {
        entries,
        oldest,
        in_flight,
        connections,
        sessions,
        active,
        waiting,
        resting,
        disk_free,
        ..
    } = numbers;
    let quantile = |part, histogram| history.quantile(part, histogram).map_or("-".to_owned(), seconds);
    let to_deliver = |part| quantile(part, |numbers| &numbers.delivery);
    let oldest = short(Duration::from_secs_f64(oldest.clamp(0.0, 1e9)));
    [
        ("queue", format!("{} waiting, oldest {oldest}", count(*entries))),
        ("moving", format!("{} in flight, {connections} out, {sessions} in", count(*in_flight))),
        ("domains", format!("{active} active, {waiting} in line, {resting} rest")),
        ("to deliver", format!("p50 {} p95 {} p99 {}", to_deliver(0.5), to_deliver(0.95), to_deliver(0.99))),
        ("fsync", format!("p99 {}, {} free", quantile(0.99, |numbers| &numbers.sync), octets(*disk_free))),
    ]
}
