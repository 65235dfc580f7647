//! Rules, ready for use.

use super::{
    Hit, Score, SpamMail, SpamRulesError, SpamVerdict,
    condition::Condition,
    file,
    mail::{Read, Target},
};
use regex::RegexSet;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    ops::RangeInclusive,
};

/// The rules that ship with the program.
const BUILTIN: &str = include_str!("../../../config/spam-rules.toml");

/// A rule file, ready for use. Compiling one takes milliseconds: it is done once, and the rules are shared.
#[derive(Debug)]
pub struct SpamRules {
    pub(super) spam_at: Score,
    pub(super) lists: Vec<UriList>,
    pub(super) rules: Vec<Rule>,
    /// What is looked at, and all patterns for it in one automaton.
    pub(super) targets: Vec<(Target, RegexSet)>,
}

/// What a rule adds, and what it is called.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub(super) name: String,
    pub(super) points: Score,
    pub(super) description: String,
}

/// A rule: all of its conditions have to hold.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) label: Label,
    pub(super) conditions: Vec<Condition>,
}

/// A block list of domains, in DNS (RFC 5782 section 2.3).
#[derive(Debug)]
pub(super) struct UriList {
    pub(super) label: Label,
    pub(super) zone: String,
    /// The answers that count; empty for any that means "listed".
    pub(super) answers: Vec<RangeInclusive<Ipv4Addr>>,
}

impl UriList {
    fn counts(&self, answer: Ipv4Addr) -> bool {
        if self.answers.is_empty() {
            // By common usage 127.255.255/24 is an error of who asks, and RFC 5782 section 5 has no list use 127.0.0.1.
            let [first, second, third, _] = answer.octets();
            return first == 127 && (second, third) != (255, 255) && answer != Ipv4Addr::LOCALHOST;
        }
        self.answers.iter().any(|range| range.contains(&answer))
    }
}

/// What URI block lists answered, by the name asked for. A name that is not here is not listed.
pub type UriAnswers = BTreeMap<String, Vec<Ipv4Addr>>;

/// What the message alone tells, and what is still to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Whether the conditions of each rule hold that do not depend on lists or other rules.
    alone: Vec<bool>,
    /// The domains that the message has links to.
    domains: Vec<String>,
    questions: BTreeSet<String>,
}

impl Looked {
    /// The names whose IPv4 addresses are to be looked up. At most 20 for each list of the file.
    pub fn questions(&self) -> impl Iterator<Item = &str> {
        self.questions.iter().map(String::as_str)
    }
}

impl SpamRules {
    /// The rules that ship with the program, `config/spam-rules.toml`.
    pub fn builtin() -> Self {
        match Self::parse(BUILTIN) {
            Ok(rules) => rules,
            // The file is part of the program, and a test parses it.
            Err(error) => unreachable!("config/spam-rules.toml: {error}"),
        }
    }

    /// Reads a rule file; it takes the place of the built-in rules.
    ///
    /// # Errors
    /// The first fault of the file, with its line and rule; nothing of the file is used then.
    pub fn parse(text: &str) -> Result<Self, SpamRulesError> {
        file::parse(text)
    }

    /// How many rules and lists there are.
    pub fn count(&self) -> usize {
        self.rules.len() + self.lists.len()
    }

    /// Judges what the message alone tells. Takes time in proportion to its length, of which the text and the raw
    /// message count up to 256 KiB each.
    pub fn look(&self, mail: &SpamMail<'_>) -> Looked {
        let read = Read::of(mail);
        let matched: Vec<Vec<usize>> =
            self.targets.iter().map(|(target, set)| fitting(&read, target, set)).collect();
        let holds =
            |rule: &Rule| rule.conditions.iter().all(|condition| condition.holds_alone(&read, &matched));
        let alone = self.rules.iter().map(holds).collect();
        let domains = if self.lists.is_empty() { Vec::new() } else { read.domains().to_vec() };
        let names =
            self.lists.iter().flat_map(|list| domains.iter().map(|domain| question(domain, &list.zone)));
        let questions = names.collect();
        Looked { alone, domains, questions }
    }

    /// The verdict, with what URI block lists answered.
    pub fn decide(&self, looked: &Looked, answers: &UriAnswers) -> SpamVerdict {
        let listed = |list: &UriList| {
            let asked = looked.domains.iter().filter_map(|domain| answers.get(&question(domain, &list.zone)));
            asked.flatten().any(|answer| list.counts(*answer))
        };
        let mut fits: Vec<bool> = self.lists.iter().map(listed).collect();
        for (rule, alone) in self.rules.iter().zip(&looked.alone) {
            let holds = *alone && rule.conditions.iter().all(|condition| condition.holds_with(&fits));
            fits.push(holds);
        }
        let labels =
            self.lists.iter().map(|list| &list.label).chain(self.rules.iter().map(|rule| &rule.label));
        let hits = labels.zip(fits).filter(|(label, fits)| *fits && label.points != Score::default());
        let mut hits: Vec<_> = hits.map(|(label, _)| label.hit()).collect();
        hits.sort_by_key(|hit| std::cmp::Reverse(hit.points.weight()));
        SpamVerdict { score: hits.iter().map(|hit| hit.points).sum(), spam_at: self.spam_at, hits }
    }
}

impl Label {
    fn hit(&self) -> Hit {
        let Self { name, points, description } = self.clone();
        Hit { name, points, description }
    }
}

/// The patterns that fit one of the target's values, by their places.
fn fitting(read: &Read<'_>, target: &Target, set: &RegexSet) -> Vec<usize> {
    let mut found = BTreeSet::new();
    read.each(target, |value| found.extend(set.matches(value)));
    found.into_iter().collect()
}

fn question(domain: &str, zone: &str) -> String {
    format!("{domain}.{zone}")
}
