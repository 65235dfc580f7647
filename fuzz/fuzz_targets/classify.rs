//! Replies of strangers under the built-in bounce rules: one class, a bounded wait, and a status that agrees.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailwright_engine::{
    classify::{BounceRules, Classification, LONGEST_RETRY_AFTER},
    smtp::{
        reply::{Reply, ReplyClass, ReplyParser},
        verdict::{Fault, Outcome, Phase, judge},
    },
};
use mailwright_fuzz::assert_printable;
use std::sync::LazyLock;

static RULES: LazyLock<BounceRules> = LazyLock::new(BounceRules::builtin);

/// One phase of each kind that rules tell apart.
const PHASES: [Phase; 4] = [Phase::Greeting, Phase::Mail, Phase::Rcpt, Phase::Dot];

fuzz_target!(|data: &[u8]| {
    let mut parser = ReplyParser::default();
    parser.feed(data);
    // Replies do not know of each other, so a second one finds nothing that it would not find alone.
    if let Ok(Some(reply)) = parser.next_reply() {
        PHASES.iter().for_each(|phase| check(*phase, &reply));
    }
});

fn check(phase: Phase, reply: &Reply) {
    let found = RULES.classify(phase, reply);
    assert_printable(&found.rule);
    assert!((1..=100).contains(&found.rule.len()));
    let delivered = phase == Phase::Dot && reply.class() == ReplyClass::Success;
    assert_eq!(found.outcome == Outcome::Delivered, delivered);
    assert_eq!(found.fault == Fault::None, delivered);
    if let Some(wait) = found.retry_after {
        assert!(found.outcome == Outcome::Soft && !wait.is_zero() && wait <= LONGEST_RETRY_AFTER);
    }
    check_verdict(phase, reply, &found);
}

/// A verdict says what the classification says.
fn check_verdict(phase: Phase, reply: &Reply, found: &Classification) {
    let mut verdict = judge(phase, reply);
    assert_eq!(&RULES.classify_verdict(&verdict), found);
    found.apply_to(&mut verdict);
    let class = match verdict.outcome {
        Outcome::Delivered => 2,
        Outcome::Soft => 4,
        Outcome::Hard => 5,
    };
    assert_eq!((verdict.status.class(), verdict.outcome, verdict.fault), (class, found.outcome, found.fault));
    assert_printable(&verdict.to_string());
}
