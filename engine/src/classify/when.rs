//! The conditions of a rule: where in the session, which codes.

use crate::smtp::{
    reply::{EnhancedCode, Reply},
    verdict::Phase,
};
use serde::Deserialize;
use std::{fmt, ops::RangeInclusive};

/// Where in a session a reply came, as coarse as rules need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    /// Before any transaction: greeting, EHLO, STARTTLS, RSET.
    Session,
    /// In answer to MAIL.
    Mail,
    /// In answer to RCPT.
    Rcpt,
    /// In answer to DATA, the content or its end.
    Content,
}

impl Stage {
    /// The stage of a phase; `None` outside a session.
    fn of(phase: Phase) -> Option<Self> {
        match phase {
            Phase::Mail => Some(Self::Mail),
            Phase::Rcpt => Some(Self::Rcpt),
            Phase::Data | Phase::Body | Phase::Dot => Some(Self::Content),
            phase if phase.precedes_transaction() => Some(Self::Session),
            _ => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Content => "content",
        }
    }
}

/// One enhanced code or a range of them, as rules write it: `5.1.1`, `x.1.1` (4 or 5), `x.7.600-699`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct EnhancedPattern {
    /// 4 or 5; `None` for either.
    class: Option<u8>,
    subject: u16,
    details: RangeInclusive<u16>,
    /// As it was written.
    text: String,
}

impl EnhancedPattern {
    fn fits(&self, code: EnhancedCode) -> bool {
        self.class.is_none_or(|class| class == code.class())
            && self.subject == code.subject()
            && self.details.contains(&code.detail())
    }

    fn parse(text: &str) -> Option<Self> {
        let (class, rest) = text.split_once('.')?;
        let (subject, details) = rest.split_once('.')?;
        let (first, last) = details.split_once('-').unwrap_or((details, details));
        let class = match class {
            "x" => None,
            "4" => Some(4),
            "5" => Some(5),
            _ => return None,
        };
        let (first, last) = (number(first)?, number(last)?);
        (first <= last).then_some(())?;
        Some(Self { class, subject: number(subject)?, details: first..=last, text: text.to_owned() })
    }
}

/// A number of one to three digits.
fn number(text: &str) -> Option<u16> {
    let digits = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

impl TryFrom<String> for EnhancedPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or_else(|| {
            format!("{text:?} is no enhanced code; write one like \"5.1.1\", \"x.1.1\" or \"x.7.600-699\"")
        })
    }
}

/// Which replies a rule is about. Every list that is not empty must hold the reply's.
#[derive(Debug, Clone, Default)]
pub(super) struct When {
    pub(super) stages: Vec<Stage>,
    pub(super) codes: Vec<u16>,
    pub(super) enhanced: Vec<EnhancedPattern>,
}

impl When {
    pub(super) fn fits(&self, phase: Phase, reply: &Reply) -> bool {
        let stage = || Stage::of(phase).is_some_and(|stage| self.stages.contains(&stage));
        let enhanced =
            || reply.enhanced().is_some_and(|code| self.enhanced.iter().any(|pattern| pattern.fits(code)));
        (self.codes.is_empty() || self.codes.contains(&reply.code().as_u16()))
            && (self.enhanced.is_empty() || enhanced())
            && (self.stages.is_empty() || stage())
    }

    /// Whether nothing is asked of the reply's codes.
    pub(super) fn is_any_code(&self) -> bool {
        self.codes.is_empty() && self.enhanced.is_empty()
    }
}

impl fmt::Display for When {
    /// `x.1.1,x.1.3`, `550 at rcpt`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes = self.codes.iter().map(u16::to_string);
        let all: Vec<_> = codes.chain(self.enhanced.iter().map(|pattern| pattern.text.clone())).collect();
        f.write_str(&all.join(","))?;
        for (number, stage) in self.stages.iter().enumerate() {
            write!(f, "{}{}", if number == 0 { " at " } else { "," }, stage.as_str())?;
        }
        Ok(())
    }
}
