//! The rule file: its form, and its way to [`BounceRules`].

use super::{
    BounceClass, BounceRules,
    rules::{Clarity, CodeRule, Decision, Reach, WordingRule},
    when::{EnhancedPattern, Stage, When},
};
use crate::smtp::verdict::{Fault, Outcome};
use regex::bytes::{RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};
use toml::Spanned;

/// Most bytes that the automaton of all patterns may take.
const MAX_AUTOMATON: usize = 32 << 20;

/// Why a rule file was refused. Nothing of such a file is used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bounce rules, line {line}: {reason}")]
pub struct BounceRulesError {
    /// Line of the file, from 1.
    pub line: usize,
    /// What is wrong there and what to write instead.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    class: BTreeMap<BounceClass, Spanned<ClassEntry>>,
    #[serde(default)]
    codes: Vec<Spanned<CodeEntry>>,
    #[serde(default)]
    wording: Vec<Spanned<Group>>,
}

/// What holds for every rule of a class that says nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassEntry {
    fault: Option<FaultName>,
    kind: Option<Kind>,
    why: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeEntry {
    #[serde(default)]
    code: Vec<u16>,
    #[serde(default)]
    enhanced: Vec<EnhancedPattern>,
    #[serde(default)]
    stage: Vec<Stage>,
    class: BounceClass,
    fault: Option<FaultName>,
    kind: Option<Kind>,
    why: Option<String>,
    unclear: Option<String>,
}

/// The wording rules of one provider or one kind of software.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    provider: String,
    marker: Option<Spanned<String>>,
    rules: Vec<Spanned<WordingEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WordingEntry {
    name: String,
    #[serde(rename = "match")]
    pattern: Spanned<String>,
    #[serde(default)]
    code: Vec<u16>,
    #[serde(default)]
    enhanced: Vec<EnhancedPattern>,
    #[serde(default)]
    stage: Vec<Stage>,
    class: BounceClass,
    fault: Option<FaultName>,
    kind: Option<Kind>,
    why: Option<String>,
    over: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Soft,
    Hard,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FaultName {
    Recipient,
    Message,
    Sender,
    Remote,
    Us,
    Network,
    Unknown,
}

impl From<Kind> for Outcome {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Soft => Self::Soft,
            Kind::Hard => Self::Hard,
        }
    }
}

impl From<FaultName> for Fault {
    fn from(name: FaultName) -> Self {
        match name {
            FaultName::Recipient => Self::Recipient,
            FaultName::Message => Self::Message,
            FaultName::Sender => Self::Sender,
            FaultName::Remote => Self::Remote,
            FaultName::Us => Self::Us,
            FaultName::Network => Self::Network,
            FaultName::Unknown => Self::Unknown,
        }
    }
}

/// Reads and checks a rule file.
pub(super) fn parse(text: &str) -> Result<BounceRules, BounceRulesError> {
    let file: File = toml::from_str(text).map_err(|error| {
        Source(text).fault(&error.span().unwrap_or_default(), error.message().replace('\n', " "))
    })?;
    let mut compiler = Compiler { source: Source(text), ..Compiler::default() };
    compiler.add_classes(file.class)?;
    for rule in file.codes {
        compiler.add_code(rule)?;
    }
    for group in file.wording {
        compiler.add_group(group)?;
    }
    compiler.finish()
}

/// The text of the file, to name lines of it.
#[derive(Clone, Copy, Default)]
struct Source<'a>(&'a str);

impl Source<'_> {
    fn fault(self, at: &Range<usize>, reason: impl Into<String>) -> BounceRulesError {
        let before = self.0.get(..at.start).unwrap_or(self.0);
        BounceRulesError { line: before.matches('\n').count() + 1, reason: reason.into() }
    }
}

/// A pattern and where it stands in the file.
struct Pattern {
    text: String,
    span: Range<usize>,
}

impl From<Spanned<String>> for Pattern {
    fn from(text: Spanned<String>) -> Self {
        Self { span: text.span(), text: text.into_inner() }
    }
}

/// What the rules of a class share.
#[derive(Clone, Copy, Default)]
struct ClassDefaults {
    outcome: Option<Outcome>,
    fault: Option<Fault>,
}

#[derive(Default)]
struct Compiler<'a> {
    source: Source<'a>,
    classes: BTreeMap<BounceClass, ClassDefaults>,
    codes: Vec<CodeRule>,
    wording: Vec<WordingRule>,
    patterns: Vec<Pattern>,
    /// The markers; a rule's `marker` counts from their beginning until `finish` knows where that is.
    markers: Vec<Pattern>,
    names: BTreeSet<String>,
}

impl Compiler<'_> {
    fn add_classes(
        &mut self,
        classes: BTreeMap<BounceClass, Spanned<ClassEntry>>,
    ) -> Result<(), BounceRulesError> {
        for (class, entry) in classes {
            let span = entry.span();
            let ClassEntry { fault, kind, why } = entry.into_inner();
            self.check_reason(&span, kind, why.as_deref())?;
            let defaults = ClassDefaults { outcome: kind.map(Outcome::from), fault: fault.map(Fault::from) };
            self.classes.insert(class, defaults);
        }
        Ok(())
    }

    fn add_code(&mut self, entry: Spanned<CodeEntry>) -> Result<(), BounceRulesError> {
        let span = entry.span();
        let entry = entry.into_inner();
        self.check_codes(&span, &entry.code)?;
        self.check_reason(&span, entry.kind, entry.why.as_deref())?;
        let clarity = if self.has_reason(&span, "unclear", entry.unclear.as_deref())? {
            Clarity::Unclear
        } else {
            Clarity::Clear
        };
        let when = When { stages: entry.stage, codes: entry.code, enhanced: entry.enhanced };
        if when.is_any_code() {
            return Err(self.source.fault(&span, "a rule on codes needs `code` or `enhanced`"));
        }
        let name = self.unique(&span, format!("codes/{when}"))?;
        let decision = self.decision(name, entry.class, entry.kind, entry.fault);
        self.codes.push(CodeRule { when, decision, clarity });
        Ok(())
    }

    fn add_group(&mut self, group: Spanned<Group>) -> Result<(), BounceRulesError> {
        let span = group.span();
        let Group { provider, marker, rules } = group.into_inner();
        if !is_name(&provider) {
            return Err(self.source.fault(&span, format!("`provider` {provider:?} {NAME_FORM}")));
        }
        let marker = marker.map(|marker| {
            self.markers.push(marker.into());
            self.markers.len() - 1
        });
        rules.into_iter().try_for_each(|rule| self.add_wording(&provider, marker, rule))
    }

    fn add_wording(
        &mut self,
        provider: &str,
        marker: Option<usize>,
        entry: Spanned<WordingEntry>,
    ) -> Result<(), BounceRulesError> {
        let span = entry.span();
        let entry = entry.into_inner();
        if !is_name(&entry.name) {
            return Err(self.source.fault(&span, format!("`name` {:?} {NAME_FORM}", entry.name)));
        }
        self.check_codes(&span, &entry.code)?;
        self.check_reason(&span, entry.kind, entry.why.as_deref())?;
        let reach = if self.has_reason(&span, "over", entry.over.as_deref())? {
            Reach::EveryCode
        } else {
            Reach::UnclearCodes
        };
        let when = When { stages: entry.stage, codes: entry.code, enhanced: entry.enhanced };
        if entry.pattern.get_ref().is_empty() {
            return Err(self.source.fault(&span, "`match` is empty; it would fit every reply"));
        }
        let name = self.unique(&span, format!("{provider}/{}", entry.name))?;
        let decision = self.decision(name, entry.class, entry.kind, entry.fault);
        self.patterns.push(entry.pattern.into());
        self.wording.push(WordingRule { when, decision, reach, marker });
        Ok(())
    }

    fn decision(
        &self,
        name: String,
        class: BounceClass,
        kind: Option<Kind>,
        fault: Option<FaultName>,
    ) -> Decision {
        let defaults = self.classes.get(&class).copied().unwrap_or_default();
        Decision {
            name,
            class,
            outcome: kind.map(Outcome::from).or(defaults.outcome),
            fault: fault.map(Fault::from).or(defaults.fault),
        }
    }

    /// A rule that departs from the first digit of the reply says why.
    fn check_reason(
        &self,
        span: &Range<usize>,
        kind: Option<Kind>,
        why: Option<&str>,
    ) -> Result<(), BounceRulesError> {
        let reasoned = self.has_reason(span, "why", why)?;
        if kind.is_some() && !reasoned {
            let reason = "`kind` departs from what the reply's first digit says; add `why` with the reason";
            return Err(self.source.fault(span, reason));
        }
        Ok(())
    }

    /// Whether the key is there; then it must hold words.
    fn has_reason(
        &self,
        span: &Range<usize>,
        key: &str,
        value: Option<&str>,
    ) -> Result<bool, BounceRulesError> {
        if value.is_some_and(|words| words.trim().is_empty()) {
            return Err(self.source.fault(span, format!("`{key}` is empty; it holds the reason, in words")));
        }
        Ok(value.is_some())
    }

    fn check_codes(&self, span: &Range<usize>, codes: &[u16]) -> Result<(), BounceRulesError> {
        match codes.iter().find(|code| !(400..=599).contains(*code)) {
            Some(code) => Err(self.source.fault(span, format!("`code` {code} is not from 400 to 599"))),
            None => Ok(()),
        }
    }

    fn unique(&mut self, span: &Range<usize>, name: String) -> Result<String, BounceRulesError> {
        if !self.names.insert(name.clone()) {
            return Err(self.source.fault(span, format!("there is a rule {name} already")));
        }
        Ok(name)
    }

    fn finish(mut self) -> Result<BounceRules, BounceRulesError> {
        for marker in self.wording.iter_mut().filter_map(|rule| rule.marker.as_mut()) {
            *marker += self.patterns.len();
        }
        self.patterns.append(&mut self.markers);
        let patterns = self.compile()?;
        Ok(BounceRules { codes: self.codes, wording: self.wording, patterns })
    }

    /// All patterns as one automaton; if that fails, the first pattern that is wrong is named.
    fn compile(&self) -> Result<RegexSet, BounceRulesError> {
        let mut set = RegexSetBuilder::new(self.patterns.iter().map(|pattern| &pattern.text));
        // Case and bytes only: replies are ASCII but for literal words, which match as they are.
        set.case_insensitive(true).unicode(false).size_limit(MAX_AUTOMATON).dfa_size_limit(MAX_AUTOMATON);
        set.build().map_err(|error| {
            let alone = |pattern: &Pattern| {
                let error = RegexBuilder::new(&pattern.text).unicode(false).build().err()?.to_string();
                // The last line says what is wrong, those before draw the pattern.
                let reason = error.lines().last().unwrap_or_default().to_owned();
                Some(self.source.fault(&pattern.span, reason))
            };
            let whole = || self.source.fault(&(0..0), format!("all patterns together: {error}"));
            self.patterns.iter().find_map(alone).unwrap_or_else(whole)
        })
    }
}

const NAME_FORM: &str = "is no name; write lower-case letters, digits, dots and hyphens, at most 40";

/// Whether the text can stand in a metric label and a log without quotes.
fn is_name(text: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    (1..=40).contains(&text.len()) && text.bytes().all(valid)
}
