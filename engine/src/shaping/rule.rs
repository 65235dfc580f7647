//! Rules on replies: what a site says, how often, and what is done about it.

use super::limits::Rate;
use crate::smtp::{reply::Reply, verdict::Verdict};
use std::time::Duration;

/// Which replies a rule counts. Every condition that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct ReplyMatch {
    /// Codes by their first digits: `[421, 45]` matches 421 and 450 to 459. Empty: any 4xx or 5xx.
    pub codes: Vec<String>,
    /// Enhanced codes by their beginning: `["4.7"]` matches 4.7.0 and 4.7.28. Empty: any or none.
    pub enhanced: Vec<String>,
    /// The reply's text, case-insensitive unless the pattern says otherwise.
    pub pattern: Option<regex::Regex>,
}

impl ReplyMatch {
    /// Whether `reply` is of this kind.
    pub fn matches(&self, reply: &Reply) -> bool {
        let code = reply.code().to_string();
        let enhanced = reply.enhanced().map(|enhanced| enhanced.to_string()).unwrap_or_default();
        let code_fits = match self.codes.as_slice() {
            [] => code.starts_with(['4', '5']),
            codes => codes.iter().any(|prefix| code.starts_with(prefix.as_str())),
        };
        code_fits
            && (self.enhanced.is_empty() || self.enhanced.iter().any(|prefix| begins(&enhanced, prefix)))
            && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(&reply.lines().join(" ")))
    }

    /// Whether the verdict carries a reply of this kind.
    pub fn matches_verdict(&self, verdict: &Verdict) -> bool {
        verdict.reply.as_ref().is_some_and(|reply| self.matches(reply))
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
    /// At most so many connections, recovering one by one.
    LimitConnections(u32),
    /// No connection to this site from this source.
    SuspendSite,
    /// Nothing of the tenant whose message it was to this site.
    SuspendTenant,
    /// Nothing from this source to the provider's sites.
    SuspendSource,
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
