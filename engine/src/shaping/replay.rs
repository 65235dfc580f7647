//! Yesterday's attempts under another shaping file: what would have been different.
//!
//! Only what can be known is computed. The receivers' answers are taken as they were: nobody knows what they
//! would have said to slower mail. So the report says which rules would have fired, what a message rate would
//! have held back, and which attempts fell into a suspension. It leaves out concurrency and connection rates,
//! of which attempts say nothing, and the slowing that rules other than suspensions bring.

#[cfg(test)]
mod tests;

use super::{
    explain::write_table,
    provider::ProviderName,
    resolve::{Effective, Shaping, SiteFacts, normalised},
    rule::{Rule, RuleAction},
};
use crate::{
    address::Domain,
    classify::{BounceClass, BounceRules, Judged},
    smtp::{
        reply::Reply,
        verdict::{Phase, judge},
    },
    time::UnixMillis,
};
use humantime_serde::re::humantime::format_duration;
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    sync::LazyLock,
    time::Duration,
};

/// Most rules that the text of a report lists one by one.
const MAX_LISTED: usize = 50;

/// One attempt that was made: a transaction, by its last word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastAttempt {
    /// When.
    pub at: UnixMillis,
    /// To which domain.
    pub domain: Domain,
    /// Its mail exchangers at that time; empty where nobody knows any more.
    pub mx_hosts: Vec<String>,
    /// From which source.
    pub source: Option<String>,
    /// What the receiver said; `None` for a connection that failed.
    pub reply: Option<Reply>,
    /// Whether the message was taken.
    pub delivered: bool,
}

/// A rule that would have fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FiredRule {
    /// Its name.
    pub rule: String,
    /// What it does.
    pub action: String,
    /// The site: its hosts, or the domain.
    pub site: String,
    /// The source of the mail; empty where none was named.
    pub source: String,
    /// When.
    pub at: UnixMillis,
    /// Until when it would have held.
    pub until: UnixMillis,
}

/// What would have become of the mail from one source to one site.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReplayedSite {
    /// Attempts that were made.
    pub attempts: u64,
    /// Of them, those that delivered.
    pub delivered: u64,
    /// Attempts that the message rate would have held back.
    pub held_back: u64,
    /// The longest time that one of them would have waited; written as `2m 30s`.
    #[serde(with = "humantime_serde")]
    pub longest_delay: Duration,
    /// Attempts within a suspension that had been refused: spared.
    pub spared: u64,
    /// Attempts within a suspension that had delivered: they would have come later.
    pub postponed: u64,
}

/// What a shaping file would have changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReplayReport {
    /// Every rule that would have fired, in order of time.
    pub fired: Vec<FiredRule>,
    /// By provider, site and source.
    #[serde(serialize_with = "sites_as_list")]
    pub sites: BTreeMap<SiteLabel, ReplayedSite>,
}

/// A site and a source in a report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SiteLabel {
    /// Whose site it is.
    pub provider: ProviderName,
    /// The hosts joined by commas, or the domain where it is treated apart or its hosts are not known.
    pub site: String,
    /// The source; empty where none was named.
    pub source: String,
}

impl Shaping {
    /// Replays `attempts`, which have to be in order of time, under this shaping.
    pub fn replay(&self, attempts: impl IntoIterator<Item = PastAttempt>) -> ReplayReport {
        let mut replay = Replay { shaping: self, lanes: HashMap::new(), suspended: HashMap::new() };
        let mut report = ReplayReport::default();
        for attempt in attempts {
            replay.attempt(&attempt, &mut report);
        }
        for lane in replay.lanes.into_values() {
            report.sites.insert(lane.label, lane.result);
        }
        report
    }
}

/// The state between attempts.
struct Replay<'s> {
    shaping: &'s Shaping,
    /// By site and source.
    lanes: HashMap<(String, String), Lane>,
    /// Until when a source is suspended at a provider.
    suspended: HashMap<(ProviderName, String), UnixMillis>,
}

/// The mail from one source to one site.
struct Lane {
    label: SiteLabel,
    effective: Effective,
    /// When the last messages left, as far as the rate looks back.
    left: VecDeque<UnixMillis>,
    suspended_until: UnixMillis,
    /// One for each rule.
    counters: Vec<Counter>,
    result: ReplayedSite,
}

/// What one rule has counted.
#[derive(Debug, Clone, Default)]
struct Counter {
    seen: VecDeque<UnixMillis>,
    holds_until: UnixMillis,
}

impl Replay<'_> {
    fn attempt(&mut self, attempt: &PastAttempt, report: &mut ReplayReport) {
        let site = site_of(self.shaping, attempt);
        let source = attempt.source.clone().unwrap_or_default();
        let key = (site, source);
        let shaping = self.shaping;
        let lane = self.lanes.entry(key).or_insert_with_key(|key| Lane::new(shaping, attempt, key));
        lane.result.attempts += 1;
        lane.result.delivered += u64::from(attempt.delivered);
        let provider = (lane.label.provider.clone(), lane.label.source.clone());
        let source_until = self.suspended.get(&provider).copied().unwrap_or_default();
        if attempt.at < source_until.max(lane.suspended_until) {
            let which = if attempt.delivered { &mut lane.result.postponed } else { &mut lane.result.spared };
            *which += 1;
            return;
        }
        lane.pace(attempt.at);
        for fired in lane.judge(attempt) {
            if fired.by == RuleAction::SuspendSource {
                self.suspended.insert(provider.clone(), fired.event.until);
            }
            report.fired.push(fired.event);
        }
    }
}

/// A rule that fired, with what it does.
struct Fired {
    by: RuleAction,
    event: FiredRule,
}

impl Lane {
    fn new(shaping: &Shaping, attempt: &PastAttempt, (site, source): &(String, String)) -> Self {
        let effective = shaping.resolve(&SiteFacts {
            domain: Some(&attempt.domain),
            mx_hosts: &attempt.mx_hosts,
            source: attempt.source.as_deref(),
        });
        let provider = effective.provider.clone();
        Self {
            label: SiteLabel { provider, site: site.clone(), source: source.clone() },
            counters: vec![Counter::default(); effective.rules.len()],
            effective,
            left: VecDeque::new(),
            suspended_until: UnixMillis::default(),
            result: ReplayedSite::default(),
        }
    }

    /// Lets the message of an attempt leave as soon as the message rate allows, in order.
    fn pace(&mut self, at: UnixMillis) {
        let Some(rate) = self.effective.limits.message_rate else { return };
        let count = usize::try_from(rate.count).unwrap_or(usize::MAX);
        let before = self.left.back().copied().unwrap_or_default();
        let full = self.left.len().checked_sub(count).and_then(|first| self.left.get(first));
        let room = full.map(|first| first.saturating_add(rate.per)).unwrap_or_default();
        let leaves = at.max(before).max(room);
        if leaves > at {
            self.result.held_back += 1;
            self.result.longest_delay = self.result.longest_delay.max(leaves.since(at));
        }
        self.left.push_back(leaves);
        if self.left.len() > count {
            self.left.pop_front();
        }
    }

    /// The rules that fire on the answer to an attempt.
    fn judge(&mut self, attempt: &PastAttempt) -> Vec<Fired> {
        let Some(reply) = &attempt.reply else { return Vec::new() };
        let class = class_of(reply);
        let mut fired = Vec::new();
        for (rule, counter) in self.effective.rules.iter().zip(&mut self.counters) {
            if !rule.when.matches(reply, class) || !counter.count(rule, attempt.at) {
                continue;
            }
            if rule.action == RuleAction::SuspendSite {
                self.suspended_until = self.suspended_until.max(counter.holds_until);
            }
            let event = FiredRule {
                rule: rule.name.clone(),
                action: rule.action.to_string(),
                site: self.label.site.clone(),
                source: self.label.source.clone(),
                at: attempt.at,
                until: counter.holds_until,
            };
            fired.push(Fired { by: rule.action.clone(), event });
        }
        fired
    }
}

impl Counter {
    /// Counts one reply; whether the rule fires. One that holds does not fire again until it ends.
    fn count(&mut self, rule: &Rule, at: UnixMillis) -> bool {
        if at < self.holds_until {
            return false;
        }
        self.seen.push_back(at);
        while self.seen.front().is_some_and(|first| at.since(*first) > rule.within) {
            self.seen.pop_front();
        }
        if self.seen.len() < usize::try_from(rule.count).unwrap_or(usize::MAX) {
            return false;
        }
        self.seen.clear();
        self.holds_until = at.saturating_add(rule.hold);
        true
    }
}

/// What the bounce rules that ship with the program take a reply for.
fn class_of(reply: &Reply) -> Option<BounceClass> {
    static RULES: LazyLock<BounceRules> = LazyLock::new(BounceRules::builtin);
    Judged::new(judge(Phase::Dot, reply), &RULES).class
}

/// What mail is grouped by: the set of hosts, or the domain where that is treated apart or nothing else is known.
fn site_of(shaping: &Shaping, attempt: &PastAttempt) -> String {
    let hosts = normalised(&attempt.mx_hosts).join(",");
    if hosts.is_empty() || shaping.has_domain(&attempt.domain) {
        return attempt.domain.to_string();
    }
    hosts
}

fn sites_as_list<S: serde::Serializer>(
    sites: &BTreeMap<SiteLabel, ReplayedSite>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Row<'r> {
        #[serde(flatten)]
        label: &'r SiteLabel,
        #[serde(flatten)]
        result: &'r ReplayedSite,
    }
    serializer.collect_seq(sites.iter().map(|(label, result)| Row { label, result }))
}

impl fmt::Display for ReplayReport {
    /// Sites with a difference, then rules that fired, for a person at a terminal; with a final line end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attempts: u64 = self.sites.values().map(|site| site.attempts).sum();
        let held: u64 = self.sites.values().map(|site| site.held_back).sum();
        let (sites, fired) = (self.sites.len(), self.fired.len());
        writeln!(f, "attempts {attempts}, sites {sites}, held back {held}, rules fired {fired}")?;
        writeln!(
            f,
            "The answers are taken as they were; concurrency and connection rates are not replayed."
        )?;
        let rows: Vec<_> = self.sites.iter().filter_map(|(label, site)| site_row(label, site)).collect();
        if !rows.is_empty() {
            writeln!(f)?;
            let head =
                ["PROVIDER", "SITE", "SOURCE", "ATTEMPTS", "HELD BACK", "LONGEST", "SPARED", "POSTPONED"];
            write_table(f, std::iter::once(head.map(str::to_owned)).chain(rows).collect())?;
        }
        if fired > 0 {
            writeln!(f)?;
            let head = ["AT", "RULE", "SITE", "SOURCE", "ACTION", "UNTIL"].map(str::to_owned);
            let rows = self.fired.iter().take(MAX_LISTED).map(|fired| {
                let FiredRule { rule, action, site, source, at, until } = fired.clone();
                [at.to_string(), rule, site, source, action, until.to_string()]
            });
            write_table(f, std::iter::once(head).chain(rows).collect())?;
        }
        match fired.saturating_sub(MAX_LISTED) {
            0 => Ok(()),
            more => writeln!(f, "and {more} more"),
        }
    }
}

/// The row of a site; `None` if nothing would have been different there.
fn site_row(label: &SiteLabel, site: &ReplayedSite) -> Option<[String; 8]> {
    if site.held_back + site.spared + site.postponed == 0 {
        return None;
    }
    Some([
        label.provider.to_string(),
        label.site.clone(),
        label.source.clone(),
        site.attempts.to_string(),
        site.held_back.to_string(),
        format_duration(site.longest_delay).to_string(),
        site.spared.to_string(),
        site.postponed.to_string(),
    ])
}
