use super::*;
use crate::shaping::ShapingProblem;
use proptest::prelude::*;

fn problems(text: &str) -> Vec<ShapingProblem> {
    parse(text).unwrap_err().problems().to_vec()
}

/// A file with one rule of this text in addition to a name, an action and a hold.
fn rule(text: &str) -> String {
    format!("[[default.rules]]\nname = \"a\"\nhold = \"1m\"\naction = \"suspend-site\"\n{text}\n")
}

#[test]
fn every_mistake_is_told_with_line_key_and_reason() {
    let cases = [
        ("[default]\nconnections = 0", 2, "default.connections", "from 1 to 10000, not 0"),
        ("[default]\nconnections = 20000", 2, "default.connections", "from 1 to 10000, not 20000"),
        ("[default]\nconnections = \"5\"", 2, "default.connections", "whole number"),
        ("[default]\nconnections = -5", 2, "default.connections", "not -5"),
        ("[default]\nconnection = 5", 2, "default.connection", "no such key here"),
        (
            "[default]\ninitial_connections = 9\nconnections = 3",
            2,
            "default.initial_connections",
            "more than connections, 3",
        ),
        ("[default]\nadaptive = \"yes\"", 2, "default.adaptive", "true or false"),
        ("[default]\nmessage_rate = \"10\"", 2, "default.message_rate", "as \"100/min\""),
        ("[default]\nmessage_rate = \"10/2d\"", 2, "default.message_rate", "at most a day"),
        ("[default]\nconnect_timeout = 30", 2, "default.connect_timeout", "from 1s to 1h"),
        ("[default]\nidle_timeout = \"1day\"", 2, "default.idle_timeout", "not \"1day\""),
        ("[default]\ntls = \"maybe\"", 2, "default.tls", "\"verified\""),
        ("[default]\ntls_minimum = 1.2", 2, "default.tls_minimum", "\"1.3\""),
        ("[default]\nrecipients_per_transaction = 70000", 2, "default.recipients_per_transaction", "10000"),
        ("[default]\ntimeouts = \"5m\"", 2, "default.timeouts", "a table"),
        ("[default.timeouts]\ndot = \"0s\"", 2, "default.timeouts.dot", "from 1s"),
        ("[default.timeouts]\nehlo = \"5s\"", 2, "default.timeouts.ehlo", "hello"),
        ("[default.notes]\nconnection = \"guess\"", 2, "default.notes.connection", "no limit of this name"),
        ("[default.notes]\nconnections = \"\"", 2, "default.notes.connections", "some text"),
        ("[defaults]", 1, "defaults", "no such section"),
        ("default = 5", 1, "default", "a table, not 5"),
        ("[provider.a]\nconnections = 5", 1, "provider.a", "say mx_suffix"),
        ("[provider.A]\ndomains = [\"a.example\"]", 1, "provider.A", "lower-case"),
        ("[provider.other]\ndomains = [\"a.example\"]", 1, "provider.other", "choose another name"),
        ("[provider.a]\nmx_suffix = [\"com\"]", 2, "provider.a.mx_suffix[0]", "top-level domain"),
        ("[provider.a]\nmx_suffix = [\"a b\"]", 2, "provider.a.mx_suffix[0]", ""),
        ("[provider.a]\nmx_suffix = \"a.example\"", 2, "provider.a.mx_suffix", "a list"),
        ("[site.\"a, b c\"]", 1, "site.\"a, b c\"", "joined by commas"),
        ("[site.\"a,b\"]\n[site.\"b,a\"]", 2, "site.\"b,a\"", "already"),
        ("[domain.\"a..b\"]", 1, "domain.\"a..b\"", ""),
        ("[domain.\"a.b\"]\n[domain.\"A.b\"]", 2, "domain.\"A.b\"", "already"),
        ("[domain.\"a.b\"]\nrules = []", 2, "domain.\"a.b\".rules", "no such key"),
        ("[source.\"A B\"]", 1, "source.\"A B\"", "no name"),
        ("[default]\nrules = 5", 2, "default.rules", "a list"),
    ];
    for (text, line, key, reason) in cases {
        let found = problems(text);
        let [problem] = found.as_slice() else { panic!("{text}: {found:?}") };
        assert_eq!((problem.line, problem.key.as_str()), (line, key), "{text}: {problem}");
        assert!(problem.reason.contains(reason), "{text}: {problem}");
    }
}

#[test]
fn mistakes_in_rules_are_told_too() {
    let cases = [
        ("codes = [200]", "codes[0]", "400 to 599"),
        ("codes = [\"45x\"]", "codes[0]", "not \"45x\""),
        ("codes = []", "codes", "leave the key out"),
        ("enhanced = [\"4.7.x\"]", "enhanced[0]", "4.7"),
        ("enhanced = [\"2.0\"]", "enhanced[0]", "4.7"),
        ("classes = [\"too_much\"]", "classes[0]", "rate_limited"),
        ("classes = []", "classes", "leave the key out"),
        ("pattern = \"(\"", "pattern", "no regular expression"),
        ("count = 3", "", "in how long"),
        ("count = 0\nwithin = \"1m\"", "count", "from 1"),
        ("within = \"2days\"", "within", "from 1s to 1day"),
        ("limit = 3", "limit", "no such key"),
    ];
    for (text, key, reason) in cases {
        let found = problems(&rule(text));
        let [problem] = found.as_slice() else { panic!("{text}: {found:?}") };
        let path = format!("default.rules[0]{}{key}", if key.is_empty() { "" } else { "." });
        assert_eq!(problem.key, path, "{problem}");
        assert!(problem.reason.contains(reason), "{text}: {problem}");
    }
}

#[test]
fn a_rule_says_what_it_lacks() {
    let found = problems("[[default.rules]]\nhold = \"1m\"\n");
    assert!(found[0].reason.contains("no name, no action"), "{found:?}");
    let found = problems(&(rule("") + &rule("")));
    assert!(found[0].reason.contains("another rule"), "{found:?}");
}

#[test]
fn actions_are_words_or_tables_of_one_key() {
    let parsed = |action: &str| {
        let text = format!("[[default.rules]]\nname = \"a\"\nhold = \"1m\"\naction = {action}\n");
        parse(&text).map(|shaping| shaping.default_rules[0].rule.action.to_string())
    };
    let cases = [
        ("\"suspend-tenant\"", "suspend the tenant at the site"),
        ("\"suspend-source\"", "suspend the source at the provider"),
        ("{ limit-message-rate = \"10/min\" }", "limit messages to 10/min"),
        ("{ slow-down = 0.25 }", "slow down to 25 %"),
        ("{ limit-connections = 2 }", "limit connections to 2"),
    ];
    for (action, text) in cases {
        assert_eq!(parsed(action).as_deref(), Ok(text));
    }
    for wrong in [
        "\"suspend\"",
        "5",
        "{}",
        "{ slow-down = 1.0 }",
        "{ slow-down = 0 }",
        "{ slow-down = 0.5, limit-connections = 2 }",
        "{ limit-message-rate = \"none\" }",
        "{ limit-connections = 0 }",
        "{ stop = true }",
    ] {
        assert!(parsed(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn two_providers_cannot_claim_one_suffix() {
    let text = "[provider.a]\nmx_suffix = [\"mx.example\"]\n[provider.b]\nmx_suffix = [\"MX.example\"]\n";
    let found = problems(text);
    assert!(found[0].reason.contains("mx.example is a mx_suffix of provider a too"), "{found:?}");
}

#[test]
fn all_mistakes_are_told_in_the_order_of_their_lines() {
    let found = problems("[source.b]\ntls = 1\n[default]\nconnections = 0\nadaptive = 1\n");
    assert_eq!(found.iter().map(|problem| problem.line).collect::<Vec<_>>(), [2, 4, 5]);
    let text = parse("[source.b]\ntls = 1\n[default]\nconnections = 0\n").unwrap_err().to_string();
    assert!(text.starts_with("line 2, column 7: source.b.tls: write one of"), "{text}");
    assert!(text.contains("\nline 4, column 15: default.connections: write a whole number"), "{text}");
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let found = problems("[default]\nconnections = \n");
    assert_eq!((found[0].line, found[0].key.as_str()), (2, ""));
    let twice = problems("[default]\nconnections = 1\nconnections = 2\n");
    assert_eq!(twice[0].line, 3, "{twice:?}");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(\\[default\\]\n|[a-z\\[\\]{}\"'=., \n0-9é#-]){0,80}") {
        if let Err(error) = parse(&text) {
            prop_assert!(!error.problems().is_empty());
        }
    }
}
