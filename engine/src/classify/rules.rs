//! The compiled rules and how they are applied.
//!
//! One pass of a [`RegexSet`] over the text finds every pattern of the file at once, so the cost hardly
//! depends on the number of rules; the codes are compared in order.

use super::{BounceClass, BounceRulesError, Classification, file, own, retry_after::retry_after, when::When};
use crate::smtp::{
    reply::{Reply, ReplyClass},
    verdict::{Fault, MAX_KEPT_REPLY, Outcome, Phase, Verdict, judge},
};
use regex::bytes::RegexSet;

/// The rules that ship with the program.
const BUILTIN: &str = include_str!("../../../config/bounce-rules.toml");

/// What a rule decides.
#[derive(Debug, Clone)]
pub(super) struct Decision {
    /// As [`Classification::rule`].
    pub(super) name: String,
    pub(super) class: BounceClass,
    /// `None`: as the reply's first digit says, with the exceptions of `judge`.
    pub(super) outcome: Option<Outcome>,
    /// `None`: as the codes say.
    pub(super) fault: Option<Fault>,
}

/// Whether a code tells by itself what a reply is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clarity {
    /// It does.
    Clear,
    /// It is used for several things; the wording decides.
    Unclear,
}

/// Whether a wording rule is heard when the code is clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Only when the code is unclear.
    UnclearCodes,
    /// Always; the file states why.
    EveryCode,
}

/// A rule on codes alone.
#[derive(Debug)]
pub(super) struct CodeRule {
    pub(super) when: When,
    pub(super) decision: Decision,
    pub(super) clarity: Clarity,
}

/// A rule on the text; its pattern stands in the set at its own place among the rules.
#[derive(Debug)]
pub(super) struct WordingRule {
    pub(super) when: When,
    pub(super) decision: Decision,
    pub(super) reach: Reach,
    /// Place in the set of the pattern by which the provider is known, if the rule demands one.
    pub(super) marker: Option<usize>,
}

/// A rule file, ready for use. Compiling one takes milliseconds: it is done once, and the rules are shared.
#[derive(Debug)]
pub struct BounceRules {
    pub(super) codes: Vec<CodeRule>,
    pub(super) wording: Vec<WordingRule>,
    /// The patterns of `wording` in their order, then the markers.
    pub(super) patterns: RegexSet,
}

/// Outcome and fault as the codes alone give them.
#[derive(Debug, Clone, Copy)]
struct Judged {
    outcome: Outcome,
    fault: Fault,
}

impl BounceRules {
    /// The rules that ship with the program, `config/bounce-rules.toml`.
    pub fn builtin() -> Self {
        match Self::parse(BUILTIN) {
            Ok(rules) => rules,
            // The file is part of the program, and a test parses it.
            Err(error) => unreachable!("config/bounce-rules.toml: {error}"),
        }
    }

    /// Reads a rule file; it takes the place of the built-in rules.
    ///
    /// # Errors
    /// The first fault of the file, with its line; nothing of the file is used then.
    pub fn parse(text: &str) -> Result<Self, BounceRulesError> {
        file::parse(text)
    }

    /// What `reply`, received in `phase`, is about. Looks at the first [`MAX_KEPT_REPLY`] bytes of its text.
    ///
    /// A delivery is [`BounceClass::Other`] with [`Outcome::Delivered`]; a positive reply out of place is
    /// [`BounceClass::Protocol`].
    pub fn classify(&self, phase: Phase, reply: &Reply) -> Classification {
        let verdict = judge(phase, reply);
        self.weigh(phase, reply, Judged { outcome: verdict.outcome, fault: verdict.fault })
    }

    /// What `verdict` is about: by its reply and phase as [`classify`](Self::classify) does, else by its
    /// status.
    ///
    /// An expired message stays hard whatever its last reply says. Without such a reply it is
    /// [`BounceClass::Other`]: the class of its last failure is the one to report.
    pub fn classify_verdict(&self, verdict: &Verdict) -> Classification {
        let judged = Judged { outcome: verdict.outcome, fault: verdict.fault };
        match &verdict.reply {
            Some(reply) if verdict.phase == Phase::Queue => {
                let last = self.weigh(verdict.phase, reply, judged);
                Classification { outcome: verdict.outcome, fault: verdict.fault, retry_after: None, ..last }
            }
            Some(reply) => self.weigh(verdict.phase, reply, judged),
            None => judged.to(own::class_of(verdict), format!("own/{}", verdict.status)),
        }
    }

    fn weigh(&self, phase: Phase, reply: &Reply, judged: Judged) -> Classification {
        match reply.class() {
            ReplyClass::Success if judged.outcome == Outcome::Delivered => {
                judged.to(BounceClass::Other, "codes/delivered")
            }
            ReplyClass::Success | ReplyClass::Intermediate => {
                judged.to(BounceClass::Protocol, "codes/out-of-place")
            }
            ReplyClass::Transient | ReplyClass::Permanent => self.apply_rules(phase, reply, judged),
        }
    }

    /// Codes first, then the wording where it is heard.
    fn apply_rules(&self, phase: Phase, reply: &Reply, judged: Judged) -> Classification {
        let text = Text::of(reply);
        let by_code = self.codes.iter().find(|rule| rule.when.fits(phase, reply));
        let clarity = by_code.map_or(Clarity::Unclear, |rule| rule.clarity);
        let by_wording = self.heard(clarity, phase, reply, &text);
        let decision = by_wording.or(by_code.map(|rule| &rule.decision));
        let Some(decision) = decision else { return judged.to(BounceClass::Other, "codes/none") };
        let outcome = decision.outcome.unwrap_or(judged.outcome);
        Classification {
            class: decision.class,
            outcome,
            fault: decision.fault.unwrap_or_else(|| judged.fault_for(decision.class)),
            rule: decision.name.clone(),
            retry_after: if outcome == Outcome::Soft { retry_after(&text.0) } else { None },
        }
    }

    /// The first wording rule that fits and is heard beside a code of this clarity.
    fn heard(&self, clarity: Clarity, phase: Phase, reply: &Reply, text: &Text) -> Option<&Decision> {
        let found = self.patterns.matches(text.0.as_bytes());
        let mut rules = found.iter().map_while(|place| self.wording.get(place));
        let rule = rules.find(|rule| {
            (clarity == Clarity::Unclear || rule.reach == Reach::EveryCode)
                && rule.marker.is_none_or(|marker| found.matched(marker))
                && rule.when.fits(phase, reply)
        });
        rule.map(|rule| &rule.decision)
    }
}

impl Judged {
    /// The fault that the codes tell, unless that is the recipient and the class knows better: a 550 to RCPT
    /// blames the address, which must not be suppressed for a blocklist's sake.
    fn fault_for(self, class: BounceClass) -> Fault {
        match self.fault {
            Fault::Recipient if !class.is_about_address() => Fault::Unknown,
            fault => fault,
        }
    }

    fn to(self, class: BounceClass, rule: impl Into<String>) -> Classification {
        let Self { outcome, fault } = self;
        Classification { class, outcome, fault, rule: rule.into(), retry_after: None }
    }
}

/// The text of a reply as patterns see it: bounded, lines joined, white space folded to one space, and without
/// mail addresses, since `<spam@example.com>` is a name and no verdict.
struct Text(String);

impl Text {
    fn of(reply: &Reply) -> Self {
        let mut text = String::new();
        let mut room = MAX_KEPT_REPLY;
        for line in reply.lines() {
            // As `Reply::shortened` cuts, so that a stored reply is judged as the whole one was.
            let kept = line.get(..line.floor_char_boundary(room)).unwrap_or_default();
            kept.split_ascii_whitespace().for_each(|word| push_word(&mut text, word));
            room = room.saturating_sub(line.len() + 1);
        }
        Self(text)
    }
}

/// Appends a word after a space, mail addresses in it reduced to their `@`.
fn push_word(text: &mut String, word: &str) {
    let in_address = |c: char| c.is_ascii_alphanumeric() || "._-+=%".contains(c);
    if !text.is_empty() {
        text.push(' ');
    }
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('@') {
        text.push_str(before.trim_end_matches(in_address));
        text.push('@');
        rest = after.trim_start_matches(in_address);
    }
    text.push_str(rest);
}
