//! Rules on replies, as a file writes them.

use super::{
    entry::Entry,
    value::{count, duration, found, fraction, rate, text},
};
use crate::{
    classify::BounceClass,
    shaping::{
        error::Problems,
        layer::NotedRule,
        limits::Rate,
        rule::{ReplyMatch, Rule, RuleAction},
    },
};
use std::{collections::BTreeSet, time::Duration};
use toml::de::DeValue;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);
/// Longest hold: who wants mail to stop for longer than a week suspends it by hand.
const WEEK: Duration = Duration::from_secs(7 * 86_400);
/// In how long a rule counts that does not say so; it matters only to rules that count beyond one.
const WITHIN: Duration = Duration::from_secs(60);
/// The compiled size of a pattern, in octets.
const MAX_PATTERN: usize = 256 * 1024;

/// The parts of a rule as they are found.
#[derive(Default)]
struct Parts {
    name: Option<String>,
    when: ReplyMatch,
    count: Option<u32>,
    within: Option<Duration>,
    action: Option<RuleAction>,
    hold: Option<Duration>,
    note: Option<String>,
}

/// Reads the list of rules; `names` holds those of the whole file.
pub(super) fn read(
    list: &Entry<'_, '_>,
    names: &mut BTreeSet<String>,
    problems: &mut Problems<'_>,
) -> Vec<NotedRule> {
    let mut rules = Vec::new();
    for element in list.list(problems) {
        let mut parts = Parts::default();
        for entry in element.table(problems) {
            parts.read(&entry, names, problems);
        }
        rules.extend(parts.finish(&element, problems));
    }
    rules
}

impl Parts {
    fn read(&mut self, entry: &Entry<'_, '_>, names: &mut BTreeSet<String>, problems: &mut Problems<'_>) {
        match entry.name {
            "name" => self.name = entry.read(problems, |value| rule_name(value, names)),
            "codes" => self.when.codes = read_list(entry, problems, reply_code),
            "enhanced" => self.when.enhanced = read_list(entry, problems, enhanced_code),
            "pattern" => self.when.pattern = entry.read(problems, pattern),
            "classes" => self.when.classes = read_list(entry, problems, bounce_class),
            "count" => self.count = entry.read(problems, |value| count(value, 1, 1_000_000)),
            "within" => self.within = entry.read(problems, |value| duration(value, SECOND, DAY)),
            "action" => self.action = entry.read(problems, action),
            "hold" => self.hold = entry.read(problems, |value| duration(value, SECOND, WEEK)),
            "note" => self.note = entry.read(problems, text).map(str::to_owned),
            _ => entry.refuse(
                problems,
                "there is no such key here; a rule has name, codes, enhanced, pattern, classes, count, within, \
                 action, hold and note",
            ),
        }
    }

    /// The rule, if nothing is missing; what is there but wrong was noted before.
    fn finish(self, element: &Entry<'_, '_>, problems: &mut Problems<'_>) -> Option<NotedRule> {
        let written = match element.value() {
            DeValue::Table(table) => table,
            _ => return None,
        };
        let missing: Vec<_> =
            ["name", "action", "hold"].into_iter().filter(|key| !written.contains_key(*key)).collect();
        if !missing.is_empty() {
            element.refuse(problems, format!("this rule has no {}: add it", missing.join(", no ")));
        }
        let count = self.count.unwrap_or(1);
        if count > 1 && !written.contains_key("within") {
            element.refuse(problems, "a rule that counts needs `within`: in how long?");
        }
        let rule = Rule {
            name: self.name?,
            when: self.when,
            count,
            within: self.within.unwrap_or(WITHIN),
            action: self.action?,
            hold: self.hold?,
        };
        Some(NotedRule { rule, note: self.note })
    }
}

fn read_list<T>(
    list: &Entry<'_, '_>,
    problems: &mut Problems<'_>,
    read: impl Fn(&DeValue<'_>) -> Result<T, String>,
) -> Vec<T> {
    let elements = list.list(problems);
    if elements.is_empty() && list.value().is_array() {
        list.refuse(problems, "this list is empty: leave the key out to let every reply fit");
    }
    elements.iter().filter_map(|element| element.read(problems, &read)).collect()
}

fn rule_name(value: &DeValue<'_>, names: &mut BTreeSet<String>) -> Result<String, String> {
    let name = text(value)?;
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    if name.len() > 64 || !name.bytes().all(fits) {
        let reason = "a rule's name has at most 64 lower-case letters, digits, dots, hyphens and underscores";
        return Err(reason.to_owned());
    }
    if !names.insert(name.to_owned()) {
        return Err(format!("another rule is called {name:?}: events would not tell them apart"));
    }
    Ok(name.to_owned())
}

/// The first digits of a code of refusal, as a number or a string.
fn reply_code(value: &DeValue<'_>) -> Result<String, String> {
    let code = match value {
        DeValue::Integer(number) => Some(number.as_str()),
        other => other.as_str(),
    };
    let fits = |code: &&str| {
        code.len() <= 3 && code.starts_with(['4', '5']) && code.bytes().all(|b| b.is_ascii_digit())
    };
    code.filter(fits).map(str::to_owned).ok_or_else(|| {
        format!("write the first digits of a code from 400 to 599, as 421 or 45, not {}", found(value))
    })
}

/// The first numbers of an enhanced code of refusal.
fn enhanced_code(value: &DeValue<'_>) -> Result<String, String> {
    let fits = |code: &&str| {
        let mut numbers = code.split('.');
        matches!(numbers.next(), Some("4" | "5"))
            && code.split('.').count() <= 3
            && numbers.all(|n| (1..=3).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()))
    };
    value.as_str().filter(fits).map(str::to_owned).ok_or_else(|| {
        format!("write the beginning of an enhanced code, as \"4.7\" or \"5.7.1\", not {}", found(value))
    })
}

fn pattern(value: &DeValue<'_>) -> Result<regex::Regex, String> {
    let pattern = text(value)?;
    regex::RegexBuilder::new(pattern)
        .case_insensitive(true)
        .size_limit(MAX_PATTERN)
        .build()
        .map_err(|error| format!("this is no regular expression: {}", error.to_string().replace('\n', " ")))
}

fn bounce_class(value: &DeValue<'_>) -> Result<BounceClass, String> {
    let known = BounceClass::ALL.into_iter().find(|class| value.as_str() == Some(class.as_str()));
    known.ok_or_else(|| {
        let names = BounceClass::ALL.map(BounceClass::as_str).join(", ");
        format!("write one of the classes {names}, not {}", found(value))
    })
}

fn action(value: &DeValue<'_>) -> Result<RuleAction, String> {
    let wanted = || {
        format!(
            "write \"suspend-site\", \"suspend-tenant\", \"suspend-source\", {{ limit-message-rate = \"10/min\" }}, \
             {{ slow-down = 0.5 }}, {{ back-off = 0.5 }} or {{ limit-connections = 2 }}, not {}",
            found(value)
        )
    };
    match value {
        DeValue::String(name) => match name.as_ref() {
            "suspend-site" => Ok(RuleAction::SuspendSite),
            "suspend-tenant" => Ok(RuleAction::SuspendTenant),
            "suspend-source" => Ok(RuleAction::SuspendSource),
            _ => Err(wanted()),
        },
        DeValue::Table(table) if table.len() == 1 => {
            let (name, value) = table.iter().next().ok_or_else(wanted)?;
            match name.get_ref().as_ref() {
                "limit-message-rate" => limited_rate(value.get_ref()).map(RuleAction::LimitMessageRate),
                "slow-down" => fraction(value.get_ref()).map(RuleAction::SlowDown),
                "back-off" => fraction(value.get_ref()).map(RuleAction::BackOff),
                "limit-connections" => count(value.get_ref(), 1, 10_000).map(RuleAction::LimitConnections),
                _ => Err(wanted()),
            }
        }
        _ => Err(wanted()),
    }
}

fn limited_rate(value: &DeValue<'_>) -> Result<Rate, String> {
    rate(value)?.ok_or_else(|| "a rule cannot lift a rate: write one, as \"10/min\"".to_owned())
}
