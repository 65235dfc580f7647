//! Classification of failures: what a reply is about, whether it is final, and whose fault it is.
//!
//! [`judge`](crate::smtp::verdict::judge()) reads the first digit of a reply; receivers say more than that.
//! [`BounceRules`], a file (`config/bounce-rules.toml`, built in, or the operator's own), maps replies to a
//! [`BounceClass`], and where a receiver is known to say one thing and mean another, to another outcome or
//! fault. Codes come first, because the standards define them; the wording decides where the code does not
//! tell, and overrules a clear code only where the rule states why.

mod class;
mod file;
mod judged;
mod own;
mod retry_after;
mod rules;
mod when;

pub use class::BounceClass;
pub use file::BounceRulesError;
pub use judged::Judged;
pub use rules::BounceRules;

use crate::smtp::{
    reply::EnhancedCode,
    verdict::{Fault, Outcome, Phase, Verdict},
};
use std::time::Duration;

/// What a failed attempt was about, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classification {
    /// What it was about.
    pub class: BounceClass,
    /// Soft or hard, as the rules see it; can differ from what the first digit of the reply says.
    pub outcome: Outcome,
    /// Whose fault it was, as the rules see it.
    pub fault: Fault,
    /// The rule that decided, for logs: `gmail/unusual-rate`, `codes/x.1.1`, `own/4.4.1`. As many as there
    /// are rules.
    pub rule: String,
    /// How long the receiver asked us to stay away, when it said so and the failure is soft; above zero and
    /// at most [`LONGEST_RETRY_AFTER`].
    pub retry_after: Option<Duration>,
}

/// A day; a reply that asks for more is not heeded to the letter.
pub const LONGEST_RETRY_AFTER: Duration = retry_after::LONGEST;

impl Classification {
    /// Puts outcome and fault into `verdict`, and makes its status agree with the outcome, so that a report
    /// never says 5 of what is tried again. The status of an expired message (phase queue) stays.
    pub fn apply_to(&self, verdict: &mut Verdict) {
        verdict.outcome = self.outcome;
        verdict.fault = self.fault;
        if verdict.phase != Phase::Queue {
            let class = match self.outcome {
                Outcome::Delivered => 2,
                Outcome::Soft => 4,
                Outcome::Hard => 5,
            };
            verdict.status = EnhancedCode::new(class, verdict.status.subject(), verdict.status.detail());
        }
    }
}

#[cfg(test)]
mod tests;
