//! Bounce rule files: read whole or refused with the line, and whatever is read classifies every reply.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailwright_engine::{
    classify::BounceRules,
    smtp::{
        reply::{EnhancedCode, Reply, SmtpCode},
        verdict::{Outcome, Phase},
    },
};
use std::sync::LazyLock;

static REPLIES: LazyLock<[Reply; 3]> = LazyLock::new(|| {
    [
        Reply::new(SmtpCode::MAILBOX_UNAVAILABLE, Some(EnhancedCode::new(5, 1, 1)), "User unknown"),
        Reply::new(SmtpCode::LOCAL_ERROR, None, "Greylisted, please try again in 300 seconds"),
        Reply::new(
            SmtpCode::TRANSACTION_FAILED,
            Some(EnhancedCode::new(5, 7, 1)),
            "Message\nlooks like spam",
        ),
    ]
});

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match BounceRules::parse(text) {
        Ok(rules) => REPLIES.iter().for_each(|reply| classify(&rules, reply)),
        Err(error) => {
            assert!((1..=text.split('\n').count()).contains(&error.line), "{error}");
            assert!(!error.reason.is_empty());
        }
    }
});

fn classify(rules: &BounceRules, reply: &Reply) {
    for phase in [Phase::Greeting, Phase::Mail, Phase::Rcpt, Phase::Dot] {
        let found = rules.classify(phase, reply);
        assert_ne!(found.outcome, Outcome::Delivered, "a refusal is no delivery");
        assert!(!found.rule.is_empty());
        assert_eq!(found, rules.classify(phase, reply));
    }
}
