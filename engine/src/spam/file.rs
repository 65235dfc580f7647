//! The rule file: its form, and its way to [`SpamRules`].

mod entry;

use super::{
    Score, SpamRules,
    condition::Condition,
    mail::Target,
    rules::{Label, Rule, UriList},
};
use crate::address::Domain;
use entry::{ListEntry, RuleEntry};
use regex::{RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, HashMap},
    net::Ipv4Addr,
    ops::{Range, RangeInclusive},
};
use toml::Spanned;

/// Most bytes that the automaton of the patterns for one target may take.
const MAX_AUTOMATON: usize = 32 << 20;
/// Most block lists: each is asked about every domain.
const MAX_LISTS: usize = 10;
/// Longest description, in characters.
const MAX_DESCRIPTION: usize = 60;

/// Why a rule file was refused. Nothing of such a file is used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {reason}", if rule.is_empty() { String::new() } else { format!(", rule {rule}") })]
pub struct SpamRulesError {
    /// Line of the file, from 1.
    pub line: usize,
    /// The name of the rule or list; empty where the file cannot be read so far.
    pub rule: String,
    /// What is wrong there and what to write instead.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    spam_at: Spanned<f64>,
    #[serde(default)]
    uri_list: Vec<Spanned<ListEntry>>,
    #[serde(default)]
    rule: Vec<Spanned<RuleEntry>>,
}

/// Reads and checks a rule file.
pub(super) fn parse(text: &str) -> Result<SpamRules, SpamRulesError> {
    let source = Source(text);
    let file: File = toml::from_str(text).map_err(|error| {
        source.fault(&error.span().unwrap_or_default(), "", error.message().replace('\n', " "))
    })?;
    let mut compiler = Compiler { source, ..Compiler::default() };
    let spam_at = compiler.score(&file.spam_at, "", "spam_at")?;
    for list in file.uri_list {
        compiler.add_list(list)?;
    }
    for rule in file.rule {
        compiler.add_rule(rule)?;
    }
    compiler.finish(spam_at)
}

/// The text of the file, to name lines of it.
#[derive(Clone, Copy, Default)]
struct Source<'a>(&'a str);

impl Source<'_> {
    fn fault(self, at: &Range<usize>, rule: &str, reason: impl Into<String>) -> SpamRulesError {
        let before = self.0.get(..at.start).unwrap_or(self.0);
        SpamRulesError {
            line: before.matches('\n').count() + 1,
            rule: rule.to_owned(),
            reason: reason.into(),
        }
    }
}

/// A pattern, where it stands in the file, and whose it is.
struct Pattern {
    text: Spanned<String>,
    rule: String,
}

#[derive(Default)]
struct Compiler<'a> {
    source: Source<'a>,
    lists: Vec<UriList>,
    rules: Vec<Rule>,
    targets: Vec<(Target, Vec<Pattern>)>,
    places: BTreeMap<Target, usize>,
    /// Places of lists and rules by name.
    names: HashMap<String, usize>,
}

impl Compiler<'_> {
    fn add_list(&mut self, entry: Spanned<ListEntry>) -> Result<(), SpamRulesError> {
        let span = entry.span();
        let ListEntry { name, zone, points, description, answers } = entry.into_inner();
        let fault = |at: &Range<usize>, reason: String| self.source.fault(at, &name, reason);
        if self.lists.len() == MAX_LISTS {
            return Err(fault(&span, format!("there are {MAX_LISTS} lists already, as many as are asked")));
        }
        if Domain::parse(zone.get_ref()).map_or(true, |domain| domain.literal().is_some()) {
            return Err(fault(&zone.span(), format!("`zone` {:?} is no domain name", zone.get_ref())));
        }
        let ranges = answers.iter().map(|answer| {
            range(answer.get_ref()).ok_or_else(|| {
                let shown = answer.get_ref();
                let reason = format!(
                    "`answers` {shown:?} is no answer; write one as \"127.0.1.2\" or \"127.0.1.2-127.0.1.99\""
                );
                fault(&answer.span(), reason)
            })
        });
        let answers = ranges.collect::<Result<_, _>>()?;
        let label = self.label(&span, name, &points, description)?;
        self.lists.push(UriList { label, zone: zone.into_inner().to_ascii_lowercase(), answers });
        Ok(())
    }

    fn add_rule(&mut self, entry: Spanned<RuleEntry>) -> Result<(), SpamRulesError> {
        let span = entry.span();
        let RuleEntry { name, points, description, when } = entry.into_inner();
        let conditions = self.conditions(&span, &name, when)?;
        if conditions.is_empty() {
            let reason = "it has no condition and would fit every message; say what it looks at";
            return Err(self.source.fault(&span, &name, reason));
        }
        let label = self.label(&span, name, &points, description)?;
        self.rules.push(Rule { label, conditions });
        Ok(())
    }

    /// Checks what every rule has, and enters its name.
    fn label(
        &mut self,
        span: &Range<usize>,
        name: String,
        points: &Spanned<f64>,
        description: String,
    ) -> Result<Label, SpamRulesError> {
        if !is_name(&name) {
            let reason = "`name` is no name; write lower-case letters, digits and hyphens, at most 40";
            return Err(self.source.fault(span, &name, reason));
        }
        let points = self.score(points, &name, "points")?;
        let printable = description.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !printable || !(1..=MAX_DESCRIPTION).contains(&description.trim().len()) {
            let reason = format!(
                "`description` stands in a header field; write 1 to {MAX_DESCRIPTION} characters of printable ASCII"
            );
            return Err(self.source.fault(span, &name, reason));
        }
        let place = self.lists.len() + self.rules.len();
        if self.names.insert(name.clone(), place).is_some() {
            return Err(self.source.fault(span, &name, "there is a rule or list of this name already"));
        }
        Ok(Label { name, points, description })
    }

    fn score(&self, points: &Spanned<f64>, rule: &str, key: &str) -> Result<Score, SpamRulesError> {
        Score::new(*points.get_ref()).ok_or_else(|| {
            let reason = format!("`{key}` {} is not from -1000 to 1000", points.get_ref());
            self.source.fault(&points.span(), rule, reason)
        })
    }

    /// Enters a pattern for a target.
    fn pattern(&mut self, rule: &str, target: Target, text: Spanned<String>) -> Condition {
        let next = self.targets.len();
        let place = *self.places.entry(target.clone()).or_insert(next);
        if place == next {
            self.targets.push((target, Vec::new()));
        }
        let patterns = self.targets.get_mut(place).map(|(_, patterns)| {
            patterns.push(Pattern { text, rule: rule.to_owned() });
            patterns.len() - 1
        });
        Condition::Matches { target: place, pattern: patterns.unwrap_or_default() }
    }

    /// The places of the rules and lists of these names.
    fn above(&self, rule: &str, key: &str, names: &[Spanned<String>]) -> Result<Vec<usize>, SpamRulesError> {
        let place = |name: &Spanned<String>| {
            self.names.get(name.get_ref()).copied().ok_or_else(|| {
                let reason = format!(
                    "`{key}` names {:?}, and there is no list, and no rule above, of that name",
                    name.get_ref()
                );
                self.source.fault(&name.span(), rule, reason)
            })
        };
        names.iter().map(place).collect()
    }

    fn finish(self, spam_at: Score) -> Result<SpamRules, SpamRulesError> {
        let compiled =
            self.targets.into_iter().map(|(target, patterns)| Ok((target, compile(self.source, &patterns)?)));
        let targets = compiled.collect::<Result<_, SpamRulesError>>()?;
        Ok(SpamRules { spam_at, lists: self.lists, rules: self.rules, targets })
    }
}

/// The patterns of a target as one automaton; if that fails, the first pattern that is wrong is named.
fn compile(source: Source<'_>, patterns: &[Pattern]) -> Result<RegexSet, SpamRulesError> {
    let mut set = RegexSetBuilder::new(patterns.iter().map(|pattern| pattern.text.get_ref()));
    set.case_insensitive(true).size_limit(MAX_AUTOMATON).dfa_size_limit(MAX_AUTOMATON);
    set.build().map_err(|error| {
        let alone = |pattern: &Pattern| {
            let error = RegexBuilder::new(pattern.text.get_ref()).build().err()?.to_string();
            // The last line says what is wrong, those before draw the pattern.
            let reason = error.lines().last().unwrap_or_default().to_owned();
            Some(source.fault(&pattern.text.span(), &pattern.rule, reason))
        };
        let whole = || source.fault(&(0..0), "", format!("all patterns together: {error}"));
        patterns.iter().find_map(alone).unwrap_or_else(whole)
    })
}

/// One answer of a list, or a range of them.
fn range(text: &str) -> Option<RangeInclusive<Ipv4Addr>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last).then_some(first..=last)
}

/// Whether the text can stand in a header field and a log without quotes.
fn is_name(text: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&text.len()) && text.bytes().all(valid)
}
