//! Counting one domain's sessions.

use super::{
    SessionPolicy,
    document::{PolicyResult, ReportHead, TlsReport},
    failure::{FailureDetail, FailureKind},
};
use crate::address::Domain;
use serde::{Deserialize, Serialize};

/// Most policies of a domain that are told apart in one report. A domain has one or two, a provider with many
/// hosts as many as these; sessions under further ones are counted together by kind.
pub const MAX_POLICIES: usize = 24;
/// Most kinds of failure that are told apart under one policy; further ones are counted together.
pub const MAX_FAILURE_KINDS: usize = 100;
/// What stands for the failures beyond them.
const REST: &str = "other failures, too many to be listed one by one";

/// The sessions of one domain in the time of one report. Bounded in size, whatever happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsReportBuilder {
    domain: Domain,
    tallies: Vec<Tally>,
}

/// The sessions under one policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Tally {
    policy: SessionPolicy,
    successes: u64,
    failures: Vec<(FailureDetail, u64)>,
}

impl TlsReportBuilder {
    /// Begins to count.
    pub fn new(domain: Domain) -> Self {
        Self { domain, tallies: Vec::new() }
    }

    /// Whose sessions are counted.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Whether nothing was counted: then no report is due.
    pub fn is_empty(&self) -> bool {
        self.tallies.is_empty()
    }

    /// Counts a session whose TLS came up to `policy`.
    pub fn succeeded(&mut self, policy: &SessionPolicy) {
        let tally = self.tally(policy);
        tally.successes = tally.successes.saturating_add(1);
    }

    /// Counts a session whose TLS did not, or a policy that could not be found out.
    pub fn failed(&mut self, policy: &SessionPolicy, detail: FailureDetail) {
        let failures = &mut self.tally(policy).failures;
        let known = failures.iter().position(|(known, _)| *known == detail);
        let detail = if known.is_none() && failures.len() >= MAX_FAILURE_KINDS { rest() } else { detail };
        match failures.iter_mut().find(|(known, _)| *known == detail) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => failures.push((detail, 1)),
        }
    }

    /// The report about what was counted.
    pub fn finish(self, head: ReportHead) -> TlsReport {
        let results = self.tallies.into_iter();
        let results = results.map(|tally| PolicyResult::new(tally.policy, tally.successes, tally.failures));
        TlsReport::new(head, results.collect(), self.domain)
    }

    /// The tally of a policy: its own, or when there are too many that of its kind.
    fn tally(&mut self, policy: &SessionPolicy) -> &mut Tally {
        let at = match self.position(policy) {
            Some(at) => at,
            None if self.tallies.len() < MAX_POLICIES => self.begin(policy.clone()),
            None => {
                let shared = SessionPolicy::of_kind(policy.kind(), self.domain.as_str());
                self.position(&shared).unwrap_or_else(|| self.begin(shared))
            }
        };
        // In range: the position was found or made just now.
        &mut self.tallies[at]
    }

    fn position(&self, policy: &SessionPolicy) -> Option<usize> {
        self.tallies.iter().position(|tally| tally.policy == *policy)
    }

    /// The position of a new tally.
    fn begin(&mut self, policy: SessionPolicy) -> usize {
        self.tallies.push(Tally { policy, successes: 0, failures: Vec::new() });
        self.tallies.len() - 1
    }
}

fn rest() -> FailureDetail {
    FailureDetail::new(FailureKind::ValidationFailure).because(REST)
}
