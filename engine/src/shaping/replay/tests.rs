use super::*;
use crate::smtp::reply::SmtpCode;

const FILE: &str = r#"
[provider.big]
domains = ["big.example"]
message_rate = "2/min"
[[provider.big.rules]]
name = "stop"
codes = [421]
count = 2
within = "1m"
action = "suspend-site"
hold = "10m"
[[provider.big.rules]]
name = "leave"
codes = [550]
action = "suspend-source"
hold = "1h"
[domain."apart.example"]
connections = 1
"#;

/// An attempt at this second from a source, answered with this code.
fn attempt(second: u64, domain: &str, source: &str, code: u16) -> PastAttempt {
    PastAttempt {
        at: UnixMillis::new(1_000_000 + second * 1_000),
        domain: Domain::parse(domain).unwrap(),
        mx_hosts: Vec::new(),
        source: Some(source.to_owned()),
        reply: SmtpCode::new(code).map(|code| Reply::new(code, None, "text")),
        delivered: code == 250,
    }
}

fn replay(attempts: Vec<PastAttempt>) -> ReplayReport {
    Shaping::parse(FILE).unwrap().replay(attempts)
}

fn only(report: &ReplayReport) -> ReplayedSite {
    assert_eq!(report.sites.len(), 1, "{report:?}");
    report.sites.values().next().cloned().unwrap()
}

#[test]
fn a_rate_holds_back_what_exceeds_it_in_any_window() {
    let report = replay((0..5).map(|_| attempt(0, "big.example", "s", 250)).collect());
    let site = only(&report);
    assert_eq!((site.attempts, site.delivered, site.held_back), (5, 5, 3));
    assert_eq!(site.longest_delay, Duration::from_secs(120));
    let slow = replay((0..5).map(|n| attempt(n * 30, "big.example", "s", 250)).collect());
    assert_eq!(only(&slow).held_back, 0);
}

#[test]
fn a_rule_fires_at_its_count_within_its_time_and_holds() {
    let report = replay(vec![
        attempt(0, "big.example", "s", 421),
        attempt(100, "big.example", "s", 421),
        attempt(110, "big.example", "s", 421),
        attempt(120, "big.example", "s", 421),
        attempt(130, "big.example", "s", 250),
        attempt(710, "big.example", "s", 250),
    ]);
    let [fired] = report.fired.as_slice() else { panic!("{report:?}") };
    assert_eq!((fired.rule.as_str(), fired.at), ("stop", UnixMillis::new(1_110_000)));
    assert_eq!(fired.until.since(fired.at), Duration::from_secs(600));
    let site = only(&report);
    assert_eq!((site.spared, site.postponed, site.attempts), (1, 1, 6));
}

#[test]
fn replies_too_far_apart_fire_nothing() {
    let report = replay((0..5).map(|n| attempt(n * 61, "big.example", "s", 421)).collect());
    assert_eq!(report.fired, []);
}

#[test]
fn a_suspended_source_is_so_at_all_sites_of_the_provider_and_only_there() {
    let mut elsewhere = attempt(2, "big.example", "s", 250);
    elsewhere.mx_hosts = vec!["mx.elsewhere.example".to_owned()];
    let report = replay(vec![
        attempt(0, "big.example", "s", 550),
        elsewhere,
        attempt(2, "big.example", "t", 250),
        attempt(2, "a.example", "s", 250),
    ]);
    let postponed: Vec<_> = report
        .sites
        .iter()
        .map(|(label, site)| (label.site.as_str(), label.source.as_str(), site.postponed))
        .collect();
    assert_eq!(
        postponed,
        [
            ("big.example", "s", 0),
            ("big.example", "t", 0),
            ("mx.elsewhere.example", "s", 1),
            ("a.example", "s", 0)
        ]
    );
}

#[test]
fn a_domain_with_a_section_is_a_site_of_its_own() {
    let at_hosts = |domain: &str| {
        let mut attempt = attempt(0, domain, "s", 250);
        attempt.mx_hosts = vec!["mx.example".to_owned()];
        attempt
    };
    let report = replay(vec![at_hosts("apart.example"), at_hosts("a.example"), at_hosts("b.example")]);
    let sites: Vec<_> =
        report.sites.iter().map(|(label, site)| (label.site.as_str(), site.attempts)).collect();
    assert_eq!(sites, [("apart.example", 1), ("mx.example", 2)]);
}

#[test]
fn is_a_table_for_people_and_json_for_programs() {
    let attempts = (0..3).map(|_| attempt(0, "big.example", "s", 421)).collect();
    let report = replay(attempts);
    let text = report.to_string();
    assert!(text.starts_with("attempts 3, sites 1, held back 0, rules fired 1\n"), "{text}");
    assert!(
        text.contains("\nbig       big.example  s       3         0          0s       1       0\n"),
        "{text}"
    );
    assert!(
        text.contains("  stop  big.example  s       suspend the site  1970-01-01T00:26:40.000Z\n"),
        "{text}"
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((&json["sites"][0]["provider"], &json["sites"][0]["spared"]), (&"big".into(), &1.into()));
}
