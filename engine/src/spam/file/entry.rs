//! The entries of a rule file, and the conditions that they write.

use super::{Compiler, SpamRulesError};
use crate::spam::{
    condition::{Condition, Method},
    mail::Target,
};
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListEntry {
    pub(super) name: String,
    pub(super) zone: Spanned<String>,
    pub(super) points: Spanned<f64>,
    pub(super) description: String,
    #[serde(default)]
    pub(super) answers: Vec<Spanned<String>>,
}

/// A rule, its conditions gathered by kind.
#[derive(Deserialize)]
#[serde(from = "Flat")]
pub(super) struct RuleEntry {
    pub(super) name: String,
    pub(super) points: Spanned<f64>,
    pub(super) description: String,
    pub(super) when: When,
}

/// What a rule asks; everything that is there has to hold.
#[derive(Default)]
pub(super) struct When {
    header: Option<HeaderWhen>,
    patterns: Vec<(Target, Spanned<String>)>,
    results: Vec<(Method, Vec<Spanned<String>>)>,
    sender_differs: bool,
    all: Vec<Spanned<String>>,
    any: Vec<Spanned<String>>,
    none: Vec<Spanned<String>>,
}

/// What is asked of the fields of a name.
struct HeaderWhen {
    name: Spanned<String>,
    matches: Option<Spanned<String>>,
    absent: bool,
    more_than: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Flat {
    name: String,
    points: Spanned<f64>,
    description: String,
    header: Option<Header>,
    subject: Option<Spanned<String>>,
    body: Option<Spanned<String>>,
    html: Option<Spanned<String>>,
    raw: Option<Spanned<String>>,
    uri: Option<Spanned<String>>,
    attachment_name: Option<Spanned<String>>,
    part_type: Option<Spanned<String>>,
    from: Option<Spanned<String>>,
    from_name: Option<Spanned<String>>,
    sender: Option<Spanned<String>>,
    helo: Option<Spanned<String>>,
    client_name: Option<Spanned<String>>,
    client_list: Option<Spanned<String>>,
    #[serde(default)]
    sender_differs: bool,
    #[serde(default)]
    spf: Vec<Spanned<String>>,
    #[serde(default)]
    dkim: Vec<Spanned<String>>,
    #[serde(default)]
    dmarc: Vec<Spanned<String>>,
    #[serde(default)]
    arc: Vec<Spanned<String>>,
    #[serde(default)]
    iprev: Vec<Spanned<String>>,
    #[serde(default)]
    all: Vec<Spanned<String>>,
    #[serde(default)]
    any: Vec<Spanned<String>>,
    #[serde(default)]
    none: Vec<Spanned<String>>,
}

/// `{ name = "Subject", matches = '...' }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    name: Spanned<String>,
    matches: Option<Spanned<String>>,
    #[serde(default)]
    absent: bool,
    more_than: Option<usize>,
}

impl From<Flat> for RuleEntry {
    fn from(flat: Flat) -> Self {
        let patterns = [
            (Target::Subject, flat.subject),
            (Target::Body, flat.body),
            (Target::Html, flat.html),
            (Target::Raw, flat.raw),
            (Target::Uri, flat.uri),
            (Target::AttachmentName, flat.attachment_name),
            (Target::PartType, flat.part_type),
            (Target::From, flat.from),
            (Target::FromName, flat.from_name),
            (Target::Sender, flat.sender),
            (Target::Helo, flat.helo),
            (Target::ClientName, flat.client_name),
            (Target::ClientList, flat.client_list),
        ];
        let results = [
            (Method::Spf, flat.spf),
            (Method::Dkim, flat.dkim),
            (Method::Dmarc, flat.dmarc),
            (Method::Arc, flat.arc),
            (Method::Iprev, flat.iprev),
        ];
        let header = flat.header.map(|Header { name, matches, absent, more_than }| HeaderWhen {
            name,
            matches,
            absent,
            more_than,
        });
        let when = When {
            header,
            patterns: patterns.into_iter().filter_map(|(target, text)| Some((target, text?))).collect(),
            results: results.into_iter().filter(|(_, words)| !words.is_empty()).collect(),
            sender_differs: flat.sender_differs,
            all: flat.all,
            any: flat.any,
            none: flat.none,
        };
        Self { name: flat.name, points: flat.points, description: flat.description, when }
    }
}

impl Compiler<'_> {
    /// The conditions of a rule.
    pub(super) fn conditions(
        &mut self,
        span: &Range<usize>,
        rule: &str,
        when: When,
    ) -> Result<Vec<Condition>, SpamRulesError> {
        let mut conditions = Vec::new();
        if let Some(header) = when.header {
            conditions.push(self.header(span, rule, header)?);
        }
        for (target, text) in when.patterns {
            self.check_pattern(rule, &text)?;
            conditions.push(self.pattern(rule, target, text));
        }
        for (method, words) in when.results {
            conditions.push(self.results(rule, method, words)?);
        }
        if when.sender_differs {
            conditions.push(Condition::SenderDiffers);
        }
        for (key, names, condition) in [
            ("all", when.all, Condition::All as fn(_) -> _),
            ("any", when.any, Condition::Any),
            ("none", when.none, Condition::None),
        ] {
            let places = self.above(rule, key, &names)?;
            if !places.is_empty() {
                conditions.push(condition(places));
            }
        }
        Ok(conditions)
    }

    fn header(
        &mut self,
        span: &Range<usize>,
        rule: &str,
        header: HeaderWhen,
    ) -> Result<Condition, SpamRulesError> {
        let HeaderWhen { name, matches, absent, more_than } = header;
        let field = name.get_ref().to_ascii_lowercase();
        if field.is_empty() || !field.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            let reason = format!("`header` {:?} is no name of a field", name.get_ref());
            return Err(self.source.fault(&name.span(), rule, reason));
        }
        match (matches, absent, more_than) {
            (Some(text), false, None) => {
                self.check_pattern(rule, &text)?;
                Ok(self.pattern(rule, Target::Header(field), text))
            }
            (None, true, None) => Ok(Condition::Absent(field)),
            (None, false, Some(most)) => Ok(Condition::MoreThan(field, most)),
            _ => {
                let reason =
                    "`header` needs one of `matches`, `absent = true` and `more_than`, beside `name`";
                Err(self.source.fault(span, rule, reason))
            }
        }
    }

    fn check_pattern(&self, rule: &str, text: &Spanned<String>) -> Result<(), SpamRulesError> {
        if text.get_ref().is_empty() {
            let reason = "the pattern is empty; it would fit everything";
            return Err(self.source.fault(&text.span(), rule, reason));
        }
        Ok(())
    }

    fn results(
        &self,
        rule: &str,
        method: Method,
        words: Vec<Spanned<String>>,
    ) -> Result<Condition, SpamRulesError> {
        let (key, known) = method.words();
        if let Some(word) = words.iter().find(|word| !known.contains(&word.get_ref().as_str())) {
            let reason =
                format!("`{key}` has no result {:?}; those there are: {}", word.get_ref(), known.join(", "));
            return Err(self.source.fault(&word.span(), rule, reason));
        }
        Ok(Condition::Result(method, words.into_iter().map(Spanned::into_inner).collect()))
    }
}
