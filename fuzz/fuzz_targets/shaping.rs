//! Shaping files: read whole or refused with every mistake, and whatever is read resolves to sound limits.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailwright_engine::{
    address::Domain,
    classify::BounceClass,
    shaping::{Effective, Shaping, ShapingError, SiteFacts},
    smtp::reply::{Reply, SmtpCode},
};
use std::sync::LazyLock;

static DOMAINS: LazyLock<Vec<Domain>> = LazyLock::new(|| {
    ["gmail.com", "a.example"].iter().map(|name| Domain::parse(name).expect("a domain")).collect()
});
/// Sets of hosts: none, one, one of a provider's, several.
static HOSTS: LazyLock<[Vec<String>; 4]> = LazyLock::new(|| {
    [&[][..], &["mx.example"], &["aspmx.l.google.com."], &["b.mx.example", "a.mx.example"]]
        .map(|hosts| hosts.iter().map(|&host| host.to_owned()).collect())
});

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Shaping::parse(text) {
        Ok(shaping) => resolve(&shaping),
        Err(error) => check_error(&error, text),
    }
});

fn resolve(shaping: &Shaping) {
    for domain in DOMAINS.iter() {
        for mx_hosts in HOSTS.iter() {
            let facts = SiteFacts { domain: Some(domain), mx_hosts, source: Some("a") };
            check(&shaping.resolve(&facts));
        }
    }
}

fn check(effective: &Effective) {
    let limits = &effective.limits;
    assert!((1..=limits.connections).contains(&limits.initial_connections), "{limits:?}");
    assert!(limits.messages_per_connection >= 1 && limits.recipients_per_transaction >= 1, "{limits:?}");
    assert!(limits.breaker_failures >= 1 && !limits.connect_timeout.is_zero(), "{limits:?}");
    for rate in [limits.connection_rate, limits.message_rate].into_iter().flatten() {
        assert!(rate.count >= 1 && !rate.per.is_zero());
        assert_eq!(rate.to_string().parse(), Ok(rate));
    }
    let reply = Reply::new(SmtpCode::SHUTTING_DOWN, None, "Too many connections from 192.0.2.1, try later");
    for rule in effective.rules.iter() {
        assert!(rule.count >= 1 && !rule.name.is_empty() && !rule.to_string().is_empty());
        for class in BounceClass::ALL.map(Some).into_iter().chain([None]) {
            let _ = rule.when.matches(&reply, class);
        }
    }
}

/// Every mistake has its place in the text, and they come in the order of the lines.
fn check_error(error: &ShapingError, text: &str) {
    let lines = text.split('\n').count();
    let places: Vec<_> = error.problems().iter().map(|problem| problem.line).collect();
    assert!(!places.is_empty() && places.is_sorted());
    assert!(places.iter().all(|line| (1..=lines).contains(line)), "{error}");
    assert!(error.problems().iter().all(|problem| problem.column >= 1 && !problem.reason.is_empty()));
}
