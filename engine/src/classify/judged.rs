//! A verdict with what the bounce rules make of it.

use super::{BounceClass, BounceRules};
use crate::smtp::verdict::{Outcome, Verdict};
use std::time::Duration;

/// A verdict, classified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The verdict, with outcome, fault and status as the rules see them.
    pub verdict: Verdict,
    /// What the failure was about; `None` for what was delivered.
    pub class: Option<BounceClass>,
    /// How long the receiver asked us to stay away, if it said so.
    pub retry_after: Option<Duration>,
}

impl Judged {
    /// `verdict` as `rules` see it.
    pub fn new(mut verdict: Verdict, rules: &BounceRules) -> Self {
        if verdict.outcome == Outcome::Delivered {
            return Self { verdict, class: None, retry_after: None };
        }
        let classification = rules.classify_verdict(&verdict);
        classification.apply_to(&mut verdict);
        let retry_after = classification.retry_after;
        Self { verdict, class: Some(classification.class), retry_after }
    }

    /// The name of the class; empty for what was delivered.
    pub fn class_name(&self) -> &'static str {
        self.class.map_or("", BounceClass::as_str)
    }
}
