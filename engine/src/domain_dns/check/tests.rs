//! Whole domains over a made-up DNS.

use super::*;
use crate::domain_dns::{
    answers::{Answer, Question},
    record::tests::{ED25519, RSA, domain},
    spf::tree_tests::World,
};

const POLICY: &str = "v=DMARC1; p=reject; rua=mailto:d@example.com";

/// Everything as it should be, with `spf` at the return path.
fn world_with(spf: &str) -> World {
    World::default()
        .mx("cf-bounce.example.com", &["mx1.mail.test", "mx2.mail.test"])
        .addresses("mx1.mail.test", &["192.0.2.1"])
        .addresses("mx2.mail.test", &["192.0.2.2"])
        .txt("cf-bounce.example.com", &["other", spf])
        .txt("_spf.mail.test", &["v=spf1 ip4:192.0.2.0/24 -all"])
        .txt("r1._domainkey.example.com", &[RSA])
        .txt("e1._domainkey.example.com", &[ED25519])
        .txt("_dmarc.example.com", &[POLICY])
}

fn good() -> World {
    world_with("v=spf1 include:_spf.mail.test ~all")
}

fn look(world: &World, name: &str, addresses: &[&str]) -> DomainReport {
    let addresses: Vec<IpAddr> = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
    world.judge(|lookups| check_domain(&domain(name), &addresses, lookups))
}

fn states(report: &DomainReport) -> Vec<RecordState> {
    report.records.iter().map(|status| status.state).collect()
}

fn codes(report: &DomainReport) -> Vec<Code> {
    report.findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn a_domain_with_all_its_records_is_ready() {
    for addresses in [&[][..], &["192.0.2.77"]] {
        let report = look(&good(), "example.com", addresses);
        assert_eq!(codes(&report), []);
        assert_eq!(report.state, DomainState::Ready);
        assert_eq!(states(&report), [RecordState::Locked; 6]);
    }
    let wildcard = look(&good(), "*.example.com", &[]);
    assert_eq!((wildcard.state, wildcard.domain.as_str()), (DomainState::Ready, "*.example.com"));
}

#[test]
fn a_new_domain_is_unconfigured_whatever_stands_above_it() {
    for world in [World::default(), World::default().txt("_dmarc.example.com", &[POLICY])] {
        let report = look(&world, "example.com", &[]);
        assert_eq!(report.state, DomainState::Unconfigured);
        assert!(states(&report)[..5].iter().all(|state| *state == RecordState::NotFound));
    }
}

#[test]
fn spf_has_to_let_us_send() {
    let cases: [(&str, &[&str], bool); 8] = [
        ("v=spf1 ip4:192.0.2.0/24 -all", &["192.0.2.77"], true),
        ("v=spf1 ip4:192.0.2.0/24 -all", &["192.0.2.77", "2001:db8::1"], false),
        ("v=spf1 ip4:192.0.2.0/24 -all", &[], false),
        ("v=spf1 redirect=_spf.mail.test", &[], true),
        ("v=spf1 ~include:_spf.mail.test -all", &[], false),
        ("v=spf1 include:_spf.mail.test -all", &["198.51.100.1"], false),
        ("v=spf1 -all include:_spf.mail.test", &[], false),
        ("v=spf1 ?all", &["192.0.2.77"], false),
    ];
    for (spf, addresses, expected) in cases {
        let report = look(&world_with(spf), "example.com", addresses);
        assert_eq!(!codes(&report).contains(&Code::SpfNotAuthorized), expected, "{spf} {addresses:?}");
        let state = if expected { DomainState::Ready } else { DomainState::Misconfigured };
        assert_eq!(report.state, state, "{spf} {addresses:?}");
    }
}

#[test]
fn bad_habits_of_spf_are_told() {
    let has = |spf: &str, code| {
        let report = look(&world_with(spf), "example.com", &[]);
        assert!(codes(&report).contains(&code), "{spf}: {:?}", report.findings);
    };
    has("v=spf1 include:_spf.mail.test +all", Code::SpfAllowsAll);
    has("v=spf1 include:_spf.mail.test all", Code::SpfAllowsAll);
    has("v=spf1 include:_spf.mail.test", Code::SpfOpenEnd);
    has("v=spf1 include:_spf.mail.test ptr ~all", Code::SpfUsesPtr);
    has("v=spf1 include:_spf.mail.test ~all mx", Code::SpfIgnoredTerms);
    has("v=spf1 incldue:_spf.mail.test ~all", Code::InvalidMechanism);
}

#[test]
fn a_record_in_the_wrong_place_is_a_conflict() {
    let two = world_with("v=spf1 include:_spf.mail.test ~all");
    let two = two.txt("cf-bounce.example.com", &["v=spf1 -all", "v=spf1 include:_spf.mail.test ~all"]);
    let two =
        two.txt("r1._domainkey.example.com", &[ED25519]).mx("cf-bounce.example.com", &["mx.other.test"]);
    let report = look(&two, "example.com", &[]);
    use RecordState::{Conflict, Locked};
    assert_eq!(states(&report), [Conflict, Conflict, Conflict, Conflict, Locked, Locked]);
    assert_eq!(report.state, DomainState::Misconfigured);
    let found = |at: usize| report.records[at].found.iter().map(String::as_str).collect::<Vec<_>>();
    assert!(matches!(found(0)[..], [host] if host.ends_with(" mx.other.test")), "{:?}", found(0));
    assert!(found(2).contains(&"v=spf1 -all"), "{:?}", found(2));
}

#[test]
fn an_over_long_spf_tree_spoils_the_record_above() {
    let names: Vec<_> = (0..12).map(|n| format!("a:h{n}.test")).collect();
    let world = good().txt("_spf.mail.test", &[&format!("v=spf1 ip4:192.0.2.0/24 {} -all", names.join(" "))]);
    let report = look(&world, "example.com", &[]);
    assert!(codes(&report).contains(&Code::MaxLookups));
    assert_eq!((report.state, states(&report)[2]), (DomainState::Misconfigured, RecordState::Conflict));
}

#[test]
fn no_answer_leaves_it_open() {
    for name in ["cf-bounce.example.com", "_spf.mail.test", "r1._domainkey.example.com"] {
        let world = good().answer(Question::Txt(name.into()), Answer::Failed("SERVFAIL".into()));
        assert_eq!(look(&world, "example.com", &["192.0.2.77"]).state, DomainState::Unknown, "{name}");
    }
}

#[test]
fn the_report_is_json_with_the_names_of_the_api() {
    let world = good().txt("r1._domainkey.example.com", &["v=DKIM1; p="]);
    let json = serde_json::to_value(look(&world, "example.com", &[])).unwrap();
    assert_eq!(json["state"], "misconfigured");
    assert_eq!(json["records"][3]["state"], "conflict");
    assert_eq!(json["records"][3]["type"], "TXT");
    assert_eq!(json["findings"][0]["code"], "dkim_revoked");
    assert_eq!(json["findings"][0]["severity"], "error");
    assert_eq!(json["dkim"][0]["state"], "revoked");
    assert_eq!(json["dmarc"]["policy"], "reject");
}
