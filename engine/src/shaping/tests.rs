mod shipped;

use super::*;
use crate::address::Domain;
use std::{sync::Arc, time::Duration};

fn parse(text: &str) -> Shaping {
    Shaping::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn hosts(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn domain(name: &str) -> Domain {
    Domain::parse(name).unwrap()
}

/// What holds for a domain at these hosts from this source.
fn resolve(shaping: &Shaping, domain_name: &str, mx: &[&str], source: &str) -> Effective {
    let domain = domain(domain_name);
    shaping.resolve(&SiteFacts { domain: Some(&domain), mx_hosts: &hosts(mx), source: Some(source) })
}

fn provider(shaping: &Shaping, mx: &[&str]) -> String {
    resolve(shaping, "example.org", mx, "").provider.to_string()
}

/// Domain, hosts and source; connections, message rate, recipients and TLS.
type Case<'c> = (&'c str, &'c [&'c str], &'c str, u32, &'c str, u16, TlsDemand);

const LAYERS: &str = r#"
[default]
connections = 10
initial_connections = 4
message_rate = "100/min"
idle_timeout = "20s"
timeouts = { dot = "5m", rcpt = "1m" }

[[default.rules]]
name = "general"
action = "suspend-site"
hold = "1h"

[provider.big]
mx_suffix = ["mx.big.example", "big-mail.example"]
domains = ["big.example"]
connections = 3
tls = "required"
timeouts = { rcpt = "2m" }

[[provider.big.rules]]
name = "big-rate"
codes = [421, "45"]
enhanced = ["4.7.28"]
pattern = "too (fast|many)"
count = 3
within = "5m"
action = { limit-message-rate = "10/min" }
hold = "10m"

[site."MX2.Own.Example., mx1.own.example"]
connections = 7

[site."mx1.own.example"]
connections = 6
message_rate = "none"

[domain."Shaped.example"]
recipients_per_transaction = 5
tls = "verified"

[source.cold]
message_rate = "1/h"
adaptive = false
tls_minimum = "1.3"
"#;

#[test]
fn layers_override_each_other_key_by_key() {
    let shaping = parse(LAYERS);
    let own = ["mx1.own.example", "mx2.own.example"];
    let big = ["a.mx.big.example"];
    let cases: &[Case<'_>] = &[
        ("a.example", &["mx.a.example"], "warm", 10, "100/min", 100, TlsDemand::Opportunistic),
        ("a.example", &big, "warm", 3, "100/min", 100, TlsDemand::Required),
        ("a.example", &["mx1.own.example"], "warm", 6, "none", 100, TlsDemand::Opportunistic),
        ("a.example", &own, "warm", 7, "none", 100, TlsDemand::Opportunistic),
        (
            "a.example",
            &["MX2.own.example.", "mx1.OWN.example"],
            "warm",
            7,
            "none",
            100,
            TlsDemand::Opportunistic,
        ),
        ("a.example", &["mx2.own.example"], "warm", 10, "100/min", 100, TlsDemand::Opportunistic),
        ("shaped.example", &big, "warm", 3, "100/min", 5, TlsDemand::Verified),
        ("shaped.example", &big, "cold", 3, "1/h", 5, TlsDemand::Verified),
        ("shaped.example", &[], "cold", 10, "1/h", 5, TlsDemand::Verified),
        ("sub.shaped.example", &[], "", 10, "100/min", 100, TlsDemand::Opportunistic),
    ];
    for &(domain, mx, source, connections, rate, recipients, tls) in cases {
        let Effective { limits, .. } = resolve(&shaping, domain, mx, source);
        let shown = limits.message_rate.map_or_else(|| "none".to_owned(), |rate| rate.to_string());
        let found = (limits.connections, shown.as_str(), limits.recipients_per_transaction, limits.tls);
        assert_eq!(found, (connections, rate, recipients, tls), "{domain} {mx:?} {source}");
    }
}

#[test]
fn a_table_of_timeouts_is_merged_key_by_key_too() {
    let limits = resolve(&parse(LAYERS), "a.example", &["x.mx.big.example"], "cold").limits;
    let minutes = |n: u64| Duration::from_secs(60 * n);
    assert_eq!(
        (limits.timeouts.dot, limits.timeouts.rcpt, limits.timeouts.mail),
        (minutes(5), minutes(2), minutes(5))
    );
    assert_eq!((limits.adaptive, limits.tls_minimum), (Adaptive::Off, TlsMinimum::Tls13));
}

#[test]
fn merged_limits_agree_with_each_other() {
    let limits = resolve(&parse(LAYERS), "a.example", &["x.mx.big.example"], "").limits;
    assert_eq!((limits.initial_connections, limits.connections), (3, 3));
    assert_eq!(
        (limits.idle_timeout, limits.timeouts.idle),
        (Duration::from_secs(20), Duration::from_secs(20))
    );
}

#[test]
fn an_empty_file_leaves_the_limits_that_suit_everybody() {
    let effective = resolve(&parse(""), "a.example", &["mx.a.example"], "");
    assert_eq!(*effective.limits, Limits::default());
    assert_eq!((effective.rules.len(), effective.provider), (0, ProviderName::other()));
}

#[test]
fn a_provider_is_known_by_whole_labels_of_all_its_hosts() {
    let shaping = parse(LAYERS);
    let cases: &[(&[&str], &str)] = &[
        (&["mx.big.example"], "big"),
        (&["A.MX.Big.Example."], "big"),
        (&["a.b.mx.big.example", "x.big-mail.example"], "big"),
        (&["notbig-mail.example"], "other"),
        (&["big-mail.example.evil.test"], "other"),
        (&["big.example"], "other"),
        (&["a.mx.big.example", "backup.own.example"], "other"),
        (&["[192.0.2.1]"], "other"),
        (&[], "other"),
    ];
    for (mx, expected) in cases {
        assert_eq!(provider(&shaping, mx), *expected, "{mx:?}");
    }
}

#[test]
fn a_provider_is_known_by_its_domains_whatever_the_hosts() {
    let shaping = parse(LAYERS);
    assert_eq!(resolve(&shaping, "big.example", &[], "").provider.as_str(), "big");
    assert_eq!(resolve(&shaping, "big.example", &["127.0.0.1:2525"], "").provider.as_str(), "big");
    assert_eq!(resolve(&shaping, "sub.big.example", &[], "").provider.as_str(), "other");
}

#[test]
fn the_longest_suffix_decides_between_providers() {
    let shaping = parse(
        "[provider.wide]\nmx_suffix = [\"example.net\"]\n[provider.narrow]\nmx_suffix = [\"olc.example.net\"]\n",
    );
    assert_eq!(provider(&shaping, &["a.olc.example.net"]), "narrow");
    assert_eq!(provider(&shaping, &["a.mail.example.net"]), "wide");
    assert_eq!(provider(&shaping, &["a.olc.example.net", "a.mail.example.net"]), "other");
}

#[test]
fn the_rules_of_the_provider_come_before_the_general_ones() {
    let shaping = parse(LAYERS);
    let names = |mx: &[&str]| -> Vec<String> {
        resolve(&shaping, "a.example", mx, "").rules.iter().map(|rule| rule.name.clone()).collect()
    };
    assert_eq!(names(&["a.mx.big.example"]), ["big-rate", "general"]);
    assert_eq!(names(&["mx.a.example"]), ["general"]);
}

#[test]
fn a_rule_is_read_with_all_its_parts() {
    let rules = resolve(&parse(LAYERS), "big.example", &[], "").rules;
    assert_eq!(
        rules[0].to_string(),
        "421, 45x; 4.7.28; \"too (fast|many)\": 3 in 5m: limit messages to 10/min for 10m"
    );
    assert_eq!(rules[1].to_string(), "any 4xx or 5xx: 1 in 1m: suspend the site for 1h");
    assert!(rules[0].when.pattern.as_ref().unwrap().is_match("Too MANY messages"));
}

#[test]
fn sites_of_a_provider_share_their_rules() {
    let shaping = parse(LAYERS);
    let one = resolve(&shaping, "a.example", &["a.mx.big.example"], "").rules;
    let other = resolve(&shaping, "b.example", &["b.mx.big.example"], "").rules;
    assert!(Arc::ptr_eq(&one, &other));
}

#[test]
fn knows_the_domains_that_have_a_section() {
    let shaping = parse(LAYERS);
    assert!(shaping.has_domain(&domain("shaped.example")));
    assert!(!shaping.has_domain(&domain("big.example")) && !shaping.has_domain(&domain("a.shaped.example")));
}
