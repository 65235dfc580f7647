//! Rules on replies: what a site says, how often, and what is done about it.

use super::limits::Rate;
use crate::{
    classify::{BounceClass, Judged},
    smtp::reply::Reply,
};
use humantime_serde::re::humantime::format_duration;
use std::{fmt, time::Duration};

/// Which replies a rule counts. Every condition that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct ReplyMatch {
    /// Codes by their first digits: `[421, 45]` matches 421 and 450 to 459. Empty: any 4xx or 5xx.
    pub codes: Vec<String>,
    /// Enhanced codes by their beginning: `["4.7"]` matches 4.7.0 and 4.7.28. Empty: any or none.
    pub enhanced: Vec<String>,
    /// The reply's text, case-insensitive unless the pattern says otherwise.
    pub pattern: Option<regex::Regex>,
    /// What the bounce rules take the reply for. Empty: anything.
    pub classes: Vec<BounceClass>,
}

impl ReplyMatch {
    /// Whether `reply`, which the bounce rules take for `class`, is of this kind.
    pub fn matches(&self, reply: &Reply, class: Option<BounceClass>) -> bool {
        let code = reply.code().to_string();
        let enhanced = reply.enhanced().map(|enhanced| enhanced.to_string()).unwrap_or_default();
        let code_fits = match self.codes.as_slice() {
            [] => code.starts_with(['4', '5']),
            codes => codes.iter().any(|prefix| code.starts_with(prefix.as_str())),
        };
        let class_fits = self.classes.is_empty() || class.is_some_and(|class| self.classes.contains(&class));
        code_fits
            && class_fits
            && (self.enhanced.is_empty() || self.enhanced.iter().any(|prefix| begins(&enhanced, prefix)))
            && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(&reply.lines().join(" ")))
    }

    /// Whether a verdict carries a reply of this kind.
    pub fn matches_judged(&self, judged: &Judged) -> bool {
        judged.verdict.reply.as_ref().is_some_and(|reply| self.matches(reply, judged.class))
    }
}

impl fmt::Display for ReplyMatch {
    /// The conditions in one line: `421, 45x; 4.7.28; "rate limit"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.codes.is_empty() {
            parts.push(self.codes.iter().map(|code| format!("{code:x<3}")).collect::<Vec<_>>().join(", "));
        }
        if !self.enhanced.is_empty() {
            parts.push(self.enhanced.join(", "));
        }
        parts.extend(self.pattern.as_ref().map(|pattern| format!("\"{pattern}\"")));
        if !self.classes.is_empty() {
            parts.push(self.classes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "));
        }
        if parts.is_empty() { f.write_str("any 4xx or 5xx") } else { f.write_str(&parts.join("; ")) }
    }
}

/// Whether the dotted `code` begins with the whole numbers of `prefix`: 4.7.2 does not begin 4.7.28.
fn begins(code: &str, prefix: &str) -> bool {
    code.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || prefix.ends_with('.'))
}

/// What a rule does once it has counted enough.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleAction {
    /// No more than so many transactions in a time, recovering step by step.
    LimitMessageRate(Rate),
    /// Message and connection rates (or, without any, concurrency) cut to this part; above 0, below 1.
    SlowDown(f64),
    /// Nothing for a while that doubles each time it was too short, then one message, then this part of what the
    /// site took, recovering step by step; above 0, below 1. Counts only what is said about us: a mailbox that
    /// gets too much, and a connection too many beside others that work, are no reason to leave the site alone.
    BackOff(f64),
    /// At most so many connections, recovering one by one.
    LimitConnections(u32),
    /// No connection to this site from this source.
    SuspendSite,
    /// Nothing of the tenant whose message it was to this site.
    SuspendTenant,
    /// Nothing from this source to the provider's sites.
    SuspendSource,
}

impl fmt::Display for RuleAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LimitMessageRate(rate) => write!(f, "limit messages to {rate}"),
            Self::SlowDown(factor) => write!(f, "slow down to {:.0} %", factor * 100.0),
            Self::BackOff(factor) => write!(f, "back off, then go on at {:.0} %", factor * 100.0),
            Self::LimitConnections(most) => write!(f, "limit connections to {most}"),
            Self::SuspendSite => f.write_str("suspend the site"),
            Self::SuspendTenant => f.write_str("suspend the tenant at the site"),
            Self::SuspendSource => f.write_str("suspend the source at the provider"),
        }
    }
}

/// A rule on replies.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What events and `shaping explain` call it; unique in a file.
    pub name: String,
    /// Which replies count.
    pub when: ReplyMatch,
    /// How many of them must come; at least 1.
    pub count: u32,
    /// In how long.
    pub within: Duration,
    /// What is done then.
    pub action: RuleAction,
    /// How long it holds before recovery begins (or, for a suspension, before it ends).
    pub hold: Duration,
}

impl fmt::Display for Rule {
    /// The rule in one line: what replies, how many in how long, what then, how long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { when, count, action, .. } = self;
        let (within, hold) = (format_duration(self.within), format_duration(self.hold));
        write!(f, "{when}: {count} in {within}: {action} for {hold}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::reply::SmtpCode;

    fn reply(code: u16, enhanced: &str, text: &str) -> Reply {
        Reply::new(SmtpCode::new(code).unwrap(), enhanced.parse().ok(), text)
    }

    #[test]
    fn every_condition_that_is_given_must_hold() {
        let when = ReplyMatch {
            codes: vec!["421".to_owned(), "45".to_owned()],
            enhanced: vec!["4.7.28".to_owned()],
            pattern: regex::Regex::new("(?i)unusual rate").ok(),
            classes: vec![BounceClass::RateLimited],
        };
        let class = Some(BounceClass::RateLimited);
        let cases = [
            (reply(421, "4.7.28", "Unusual RATE of mail"), true),
            (reply(450, "4.7.28", "an unusual rate\nof mail"), true),
            (reply(550, "4.7.28", "unusual rate"), false),
            (reply(421, "4.7.2", "unusual rate"), false),
            (reply(421, "", "unusual rate"), false),
            (reply(421, "4.7.28", "too fast"), false),
        ];
        for (reply, expected) in cases {
            assert_eq!(when.matches(&reply, class), expected, "{reply}");
            assert!(
                !when.matches(&reply, Some(BounceClass::Policy)) && !when.matches(&reply, None),
                "{reply}"
            );
        }
        assert_eq!(when.to_string(), "421, 45x; 4.7.28; \"(?i)unusual rate\"; rate_limited");
    }

    #[test]
    fn a_rule_without_conditions_counts_refusals_only() {
        let any = ReplyMatch::default();
        assert!(any.matches(&reply(450, "", "later"), None) && any.matches(&reply(550, "", "no"), None));
        assert!(!any.matches(&reply(250, "2.0.0", "ok"), None));
    }

    #[test]
    fn enhanced_codes_fit_by_whole_numbers() {
        for (prefix, expected) in
            [("4.7", true), ("4.7.28", true), ("4.7.2", false), ("4.", true), ("4.7.", true)]
        {
            assert_eq!(begins("4.7.28", prefix), expected, "{prefix}");
        }
    }
}
