//! What the rules must hold to, whatever their content.

use super::*;
use crate::smtp::{
    reply::{Reply, ReplyError, ReplyParser},
    verdict::{Loss, judge},
};
use proptest::prelude::*;
use std::sync::LazyLock;

static RULES: LazyLock<BounceRules> = LazyLock::new(BounceRules::builtin);

/// A reply from its text on the wire, `550 5.1.1 text`.
fn reply(text: &str) -> Reply {
    let mut parser = ReplyParser::default();
    parser.feed(format!("{text}\r\n").as_bytes());
    parser.next_reply().unwrap().unwrap()
}

/// Rules from a file with the given wording rules, and 5.1.1 as a clear and 5.7.1 as an unclear code.
fn with_wording(wording: &str) -> Result<BounceRules, BounceRulesError> {
    BounceRules::parse(&format!(
        r#"codes = [
  {{ enhanced = ["5.1.1"], class = "no_such_mailbox", fault = "recipient" }},
  {{ enhanced = ["x.7.1"], class = "policy", unclear = "for all" }},
]
[[wording]]
provider = "p"
marker = 'acme'
rules = [
{wording}
]"#
    ))
}

fn class(rules: &BounceRules, text: &str) -> (BounceClass, String) {
    let found = rules.classify(Phase::Rcpt, &reply(text));
    (found.class, found.rule)
}

#[test]
fn wording_decides_only_where_the_code_is_unclear() {
    let rules = with_wording(r#"{ name = "spam", match = 'spam', class = "spam_content" },"#).unwrap();
    assert_eq!(class(&rules, "550 5.7.1 acme: spam"), (BounceClass::SpamContent, "p/spam".into()));
    assert_eq!(class(&rules, "550 5.1.1 acme: spam"), (BounceClass::NoSuchMailbox, "codes/5.1.1".into()));
    assert_eq!(class(&rules, "550 acme: spam"), (BounceClass::SpamContent, "p/spam".into()));
    assert_eq!(class(&rules, "550 5.7.1 no"), (BounceClass::Policy, "codes/x.7.1".into()));
    assert_eq!(class(&rules, "550 no"), (BounceClass::Other, "codes/none".into()));
}

#[test]
fn wording_wins_over_a_clear_code_with_a_stated_reason() {
    let rule = r#"{ name = "spam", match = 'spam', class = "spam_content", over = "known" },"#;
    let rules = with_wording(rule).unwrap();
    assert_eq!(class(&rules, "550 5.1.1 acme: SPAM"), (BounceClass::SpamContent, "p/spam".into()));
    // Not this provider.
    assert_eq!(class(&rules, "550 5.1.1 spam"), (BounceClass::NoSuchMailbox, "codes/5.1.1".into()));
}

#[test]
fn a_pattern_spans_lines_and_white_space() {
    let rules = with_wording(r#"{ name = "spam", match = 'looks like spam', class = "spam_content" },"#);
    let text = "550-5.7.1 acme: looks  \r\n550 5.7.1 like\tspam";
    assert_eq!(class(&rules.unwrap(), text), (BounceClass::SpamContent, "p/spam".into()));
}

#[test]
fn an_address_in_the_text_is_a_name_and_no_verdict() {
    let rules = with_wording(r#"{ name = "spam", match = 'spam', class = "spam_content" },"#).unwrap();
    for text in ["<spam@acme.example>: no", "acme <a@spam.example>: no", "acme (no-spam@x@spam.y:no)"] {
        assert_eq!(class(&rules, &format!("550 5.7.1 {text}")).0, BounceClass::Policy, "{text}");
    }
    let beside = class(&rules, "550 5.7.1 acme <a@b.example>:spam");
    assert_eq!(beside.0, BounceClass::SpamContent);
}

#[test]
fn the_first_rule_in_the_file_wins_not_the_first_in_the_text() {
    let rules = with_wording(
        r#"{ name = "b", match = 'second', class = "tls" },
        { name = "a", match = 'first', class = "dns" },"#,
    );
    assert_eq!(class(&rules.unwrap(), "550 5.7.1 acme first second"), (BounceClass::Tls, "p/b".into()));
}

#[test]
fn refuses_a_file_whole_with_line_and_reason() {
    let ok = r#"{ name = "ok", match = 'x', class = "tls" },"#;
    let cases = [
        (r#"{ name = "a", match = '(', class = "tls" },"#, "unclosed group"),
        (r#"{ name = "a", match = '', class = "tls" },"#, "`match`"),
        (r#"{ name = "a", class = "tls" },"#, "`match`"),
        (r#"{ name = "A b", match = 'a', class = "tls" },"#, "is no name"),
        (r#"{ name = "ok", match = 'a', class = "tls" },"#, "there is a rule p/ok already"),
        (r#"{ name = "a", match = 'a', class = "tsl" },"#, "unknown variant `tsl`"),
        (r#"{ name = "a", match = 'a', class = "tls", kind = "hard" },"#, "add `why`"),
        (r#"{ name = "a", match = 'a', class = "tls", over = " " },"#, "`over` is empty"),
        (r#"{ name = "a", match = 'a', class = "tls", ovre = "x" },"#, "unknown field `ovre`"),
        (r#"{ name = "a", match = 'a', class = "tls", code = [250] },"#, "250 is not from 400 to 599"),
        (r#"{ name = "a", match = 'a', class = "tls", enhanced = ["2.1.1"] },"#, "is no enhanced code"),
        (r#"{ name = "a", match = 'a', class = "tls", enhanced = ["5.1.9-1"] },"#, "is no enhanced code"),
        (r#"{ name = "a", match = 'a', class = "tls", stage = ["ehlo"] },"#, "unknown variant `ehlo`"),
    ];
    for (rule, reason) in cases {
        let error = with_wording(&format!("{ok}\n{rule}")).unwrap_err();
        assert_eq!(error.line, 10, "{rule}: {error}");
        assert!(error.reason.contains(reason), "{rule}: {error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    let code_rules = [
        (r#"{ class = "tls" }"#, "needs `code` or `enhanced`"),
        (r#"{ code = [550], class = "tls", unclear = "" }"#, "`unclear` is empty"),
        (r#"{ code = [550], class = "tls" }, { code = [550], class = "dns" }"#, "codes/550 already"),
    ];
    for (rule, reason) in code_rules {
        let error = BounceRules::parse(&format!("\ncodes = [{rule}]")).unwrap_err();
        assert_eq!(error.line, 2, "{rule}: {error}");
        assert!(error.reason.contains(reason), "{rule}: {error}");
    }
    let error = BounceRules::parse("[class.tls]\nkind = \"soft\"").unwrap_err();
    assert!(error.reason.contains("add `why`"), "{error}");
}

#[test]
fn kind_and_fault_come_from_the_rule_then_the_class_then_the_codes() {
    let rules = BounceRules::parse(
        r#"codes = [
  { code = [550], class = "rate_limited" },
  { code = [551], class = "rate_limited", kind = "hard", why = "known", fault = "message" },
  { code = [450], class = "rate_limited", kind = "hard", why = "known" },
  { code = [552], class = "tls" },
]
[class.rate_limited]
kind = "soft"
why = "passes"
fault = "us""#,
    )
    .unwrap();
    let cases = [
        ("550 x", Outcome::Soft, Fault::Us),
        ("551 x", Outcome::Hard, Fault::Message),
        ("450 x", Outcome::Hard, Fault::Us),
        ("552 x", Outcome::Hard, Fault::Message),
    ];
    for (text, outcome, fault) in cases {
        let found = rules.classify(Phase::Dot, &reply(text));
        assert_eq!((found.outcome, found.fault), (outcome, fault), "{text}");
    }
}

#[test]
fn tells_when_to_come_back_only_if_it_is_worth_coming_back() {
    let soft = RULES.classify(Phase::Rcpt, &reply("450 4.7.1 Greylisted, try again in 300 seconds"));
    assert_eq!((soft.class, soft.retry_after), (BounceClass::Greylisted, Some(Duration::from_secs(300))));
    let hard = RULES.classify(Phase::Rcpt, &reply("550 5.1.1 No such user, try again in 300 seconds"));
    assert_eq!((hard.class, hard.retry_after), (BounceClass::NoSuchMailbox, None));
}

#[test]
fn verdicts_without_a_reply_have_classes_too() {
    let cases = [
        (Verdict::no_such_domain("x.example"), BounceClass::NoSuchDomain),
        (Verdict::no_mail_host("x.example"), BounceClass::NoSuchDomain),
        (Verdict::null_mx("x.example"), BounceClass::NoSuchDomain),
        (Verdict::mail_loop("x.example"), BounceClass::Dns),
        (Verdict::dns_failure("SERVFAIL"), BounceClass::Dns),
        (Verdict::connect_failure("refused"), BounceClass::Connection),
        (Verdict::lost(Phase::Dot, &Loss::Eof), BounceClass::Connection),
        (Verdict::lost(Phase::StartTls, &Loss::TimedOut), BounceClass::Connection),
        (Verdict::protocol_error(Phase::Mail, &ReplyError::LineTooLong), BounceClass::Protocol),
        (Verdict::tls_failed("no common cipher"), BounceClass::Tls),
        (Verdict::tls_not_offered(), BounceClass::Tls),
        (Verdict::requiretls_not_offered(), BounceClass::Tls),
        (Verdict::smtputf8_not_offered(), BounceClass::Protocol),
        (Verdict::too_large(11, 10), BounceClass::MessageTooBig),
        (Verdict::damaged("checksum"), BounceClass::Other),
        (Verdict::expired(&Verdict::connect_failure("refused")), BounceClass::Other),
    ];
    for (verdict, class) in cases {
        let found = RULES.classify_verdict(&verdict);
        assert_eq!((found.class, found.outcome, found.fault), (class, verdict.outcome, verdict.fault));
        assert_eq!(found.rule, format!("own/{}", verdict.status));
    }
}

#[test]
fn an_expired_message_keeps_the_class_of_its_last_reply_and_stays_hard() {
    let full = judge(Phase::Rcpt, &reply("452 4.2.2 full, try again in 60 seconds"));
    let mut expired = Verdict::expired(&full);
    let found = RULES.classify_verdict(&expired);
    assert_eq!((found.class, found.outcome), (BounceClass::MailboxFull, Outcome::Hard));
    assert_eq!((found.fault, found.retry_after), (Fault::Recipient, None));
    let before = expired.clone();
    found.apply_to(&mut expired);
    assert_eq!(expired, before);
}

#[test]
fn the_status_follows_the_outcome() {
    let rate = "550-5.2.1 The user you are trying to contact is receiving mail at a rate that\r\n\
                550 5.2.1 prevents additional messages from being delivered. gsmtp";
    let mut verdict = judge(Phase::Rcpt, &reply(rate));
    assert_eq!(verdict.outcome, Outcome::Hard);
    let found = RULES.classify_verdict(&verdict);
    found.apply_to(&mut verdict);
    assert_eq!((found.class, verdict.outcome), (BounceClass::RateLimited, Outcome::Soft));
    assert_eq!(verdict.status.to_string(), "4.2.1");
}

#[test]
fn deliveries_and_replies_out_of_place_are_left_alone() {
    let delivered = RULES.classify(Phase::Dot, &reply("250 2.0.0 spam blocked mailbox full"));
    assert_eq!((delivered.class, delivered.outcome), (BounceClass::Other, Outcome::Delivered));
    assert_eq!(delivered.fault, Fault::None);
    let odd = RULES.classify(Phase::Rcpt, &reply("354 user unknown"));
    assert_eq!((odd.class, odd.outcome), (BounceClass::Protocol, Outcome::Soft));
}

#[test]
fn names_are_the_same_in_rules_logs_and_metrics() {
    for class in BounceClass::ALL {
        assert_eq!(serde_json::to_string(&class).unwrap(), format!("\"{class}\""));
    }
    let distinct: std::collections::BTreeSet<_> = BounceClass::ALL.iter().map(|c| c.as_str()).collect();
    assert_eq!(distinct.len(), BounceClass::ALL.len());
}

/// Replies made of words that rules look for, with codes of every kind.
fn any_reply() -> impl Strategy<Value = Reply> {
    let words = "(user|unknown|spam|full|mailbox|rate|limit|greylisted|try|again|in|[0-9]{1,3}|seconds|\
                 blocked|by|tls|gsmtp|\\PC|\n| ){0,40}";
    (400_u16..=599, 0_u16..10, 0_u16..40, any::<bool>(), words).prop_map(
        |(code, subject, detail, enhanced, text)| {
            let class = (code / 100).to_le_bytes()[0];
            let enhanced = enhanced.then(|| EnhancedCode::new(class, subject, detail));
            Reply::new(crate::smtp::reply::SmtpCode::new(code).unwrap(), enhanced, text)
        },
    )
}

fn any_phase() -> impl Strategy<Value = Phase> {
    let phases = [Phase::Greeting, Phase::StartTls, Phase::Mail, Phase::Rcpt, Phase::Data, Phase::Dot];
    prop::sample::select(phases.to_vec())
}

proptest! {
    #[test]
    fn is_deterministic_and_bounded(phase in any_phase(), reply in any_reply()) {
        let found = RULES.classify(phase, &reply);
        prop_assert_eq!(&found, &RULES.classify_verdict(&judge(phase, &reply.clone())));
        prop_assert!(found.outcome != Outcome::Delivered && found.fault != Fault::None);
        prop_assert!(found.retry_after.is_none_or(|wait| !wait.is_zero() && wait <= LONGEST_RETRY_AFTER));
        prop_assert!(found.retry_after.is_none() || found.outcome == Outcome::Soft);
    }

    #[test]
    fn without_rules_it_is_what_the_codes_say(phase in any_phase(), reply in any_reply()) {
        let (found, judged) =
            (BounceRules::parse("").unwrap().classify(phase, &reply), judge(phase, &reply));
        prop_assert_eq!((found.outcome, found.fault), (judged.outcome, judged.fault));
        prop_assert_eq!(found.class, BounceClass::Other);
    }

    #[test]
    fn long_replies_cost_no_more_than_their_beginning(word in "[a-z]{1,20}", times in 1_usize..5_000) {
        let reply = Reply::new(crate::smtp::reply::SmtpCode::TRANSACTION_FAILED, None, vec![word; times].join(" "));
        let kept = reply.clone().shortened(crate::smtp::verdict::MAX_KEPT_REPLY);
        prop_assert_eq!(RULES.classify(Phase::Dot, &reply), RULES.classify(Phase::Dot, &kept));
    }

    #[test]
    fn a_file_never_panics_and_errors_name_a_line_of_it(text in "(codes|\\[|\\]|\\{|\\}|=|\"|'|,|\n|class|tls|name|match|\\(|550|\\PC){0,60}") {
        if let Err(error) = BounceRules::parse(&text) {
            prop_assert!((1..=text.matches('\n').count() + 1).contains(&error.line), "{}", error);
        }
    }
}
