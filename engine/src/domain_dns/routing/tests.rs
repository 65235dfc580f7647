//! Routing zones over a made-up DNS.

use super::*;
use crate::{
    domain_dns::{
        answers::{Answer, Question},
        check::DomainState,
        description::{DEFAULT_TTL, DkimRole},
        finding::{Code, Severity},
        record::tests::{ED25519, RSA},
        spf::tree_tests::World,
        state::RecordState,
    },
    tls::{StsMode, mta_sts::MxPattern},
};
use std::time::Duration;

const SPF: &str = "v=spf1 include:_spf.mail.test ~all";
const POLICY: &str = "v=DMARC1; p=reject; rua=mailto:d@example.com";

fn domain(name: &str) -> Domain {
    Domain::parse(name).unwrap()
}

/// `example.com` without MTA-STS.
fn plain_zone() -> RoutingZone {
    RoutingZone {
        zone: domain("example.com"),
        names: vec![domain("example.com")],
        mx: vec![domain("mx1.mail.test"), domain("mx2.mail.test")],
        spf: Some(SpfAuthority::Include("_spf.mail.test".into())),
        keys: vec![DomainKey::new("r1", Some(RSA.to_owned()), DkimRole::Signing).unwrap()],
        mta_sts: None,
        tls_reports: None,
        ttl: DEFAULT_TTL,
    }
}

pub(in crate::domain_dns) fn zone_with_policy() -> RoutingZone {
    let plain = plain_zone();
    let mx = plain.mx.iter().map(MxPattern::from);
    let policy = StsPolicy::new(StsMode::Enforce, mx, Duration::from_secs(86_400)).unwrap();
    RoutingZone {
        mta_sts: Some(PolicyWish { policy, host: domain("policies.mail.test") }),
        tls_reports: Some(EmailAddress::parse("tls@example.com").unwrap()),
        ..plain
    }
}

fn hosts() -> World {
    World::default()
        .addresses("mx1.mail.test", &["192.0.2.1"])
        .addresses("mx2.mail.test", &["192.0.2.2"])
        .addresses("policies.mail.test", &["192.0.2.3"])
        .txt("_spf.mail.test", &["v=spf1 ip4:192.0.2.0/24 -all"])
}

/// Everything as it should be.
fn good() -> World {
    let announced = zone_with_policy().mta_sts.unwrap().policy.record().to_string();
    let alias = Answer::Names(vec!["Policies.mail.test.".into()]);
    hosts()
        .mx("example.com", &["mx1.mail.test", "MX2.mail.test"])
        .txt("example.com", &["other", SPF])
        .txt("r1._domainkey.example.com", &[RSA])
        .txt("_dmarc.example.com", &[POLICY])
        .txt("_mta-sts.example.com", &[&announced])
        .answer(Question::Alias("mta-sts.example.com".into()), alias)
        .txt("_smtp._tls.example.com", &["v=TLSRPTv1; rua=mailto:tls@example.com"])
}

fn look(world: &World, zone: &RoutingZone) -> RoutingReport {
    world.judge(|lookups| check_routing(zone, &[], lookups))
}

fn states(report: &RoutingReport) -> Vec<RecordState> {
    report.records.iter().map(|status| status.state).collect()
}

fn codes(report: &RoutingReport) -> Vec<(Code, Severity)> {
    report.findings.iter().map(|finding| (finding.code, finding.severity)).collect()
}

#[test]
fn lists_what_the_reference_lists_and_the_policy() {
    let rows = |zone: &RoutingZone| {
        let records = routing_records(zone).into_iter();
        records.map(|r| (r.kind.as_str(), r.name, r.content, r.priority)).collect::<Vec<_>>()
    };
    let row =
        |kind, name: &str, content: &str, priority| (kind, name.to_owned(), content.to_owned(), priority);
    let key = row("TXT", "r1._domainkey.example.com", RSA, None);
    let of = |name: &str| {
        [
            row("MX", name, "mx1.mail.test", Some(10)),
            row("MX", name, "mx2.mail.test", Some(20)),
            row("TXT", name, SPF, None),
        ]
    };
    let two = RoutingZone { names: vec![domain("example.com"), domain("news.example.com")], ..plain_zone() };
    let expected = [&of("example.com")[..], &of("news.example.com"), std::slice::from_ref(&key)].concat();
    assert_eq!(rows(&two), expected);
    let id = zone_with_policy().mta_sts.unwrap().policy.record().id().to_owned();
    let policy = [
        row("TXT", "_mta-sts.example.com", &format!("v=STSv1; id={id};"), None),
        row("CNAME", "mta-sts.example.com", "policies.mail.test", None),
        row("TXT", "_smtp._tls.example.com", "v=TLSRPTv1; rua=mailto:tls@example.com;", None),
    ];
    assert_eq!(rows(&zone_with_policy()), [&of("example.com")[..], &policy, &[key]].concat());
}

#[test]
fn a_zone_with_all_its_records_is_ready() {
    for (zone, records) in [(plain_zone(), 4), (zone_with_policy(), 7)] {
        let report = look(&good(), &zone);
        assert_eq!(codes(&report), []);
        assert_eq!((report.state, states(&report)), (DomainState::Ready, vec![RecordState::Locked; records]));
        assert_eq!(report.names[0].spf_lookups, 1);
    }
}

#[test]
fn a_new_zone_is_unconfigured_whatever_policy_its_owner_has() {
    for world in [hosts(), hosts().txt("_dmarc.example.com", &[POLICY])] {
        let report = look(&world, &zone_with_policy());
        assert_eq!(report.state, DomainState::Unconfigured);
        assert!(states(&report).iter().all(|state| *state == RecordState::NotFound), "{report:?}");
    }
}

#[test]
fn what_keeps_mail_from_being_routed_is_told() {
    use RecordState::{Conflict, Locked, NotFound};
    let foreign = good().mx("example.com", &["mx.other.test"]).addresses("mx.other.test", &["192.0.2.9"]);
    let beside = good()
        .mx("example.com", &["mx1.mail.test", "mx.other.test"])
        .addresses("mx.other.test", &["192.0.2.9"]);
    let two = good().txt("example.com", &[SPF, "v=spf1 -all"]);
    let without_us = good().txt("example.com", &["v=spf1 include:_spf.google.com -all"]);
    let names: Vec<_> = (0..12).map(|n| format!("a:h{n}.test")).collect();
    let long =
        good().txt("example.com", &[&format!("v=spf1 include:_spf.mail.test {} -all", names.join(" "))]);
    let key = good().txt("r1._domainkey.example.com", &[ED25519]);
    let cases = [
        (foreign, Code::MxConflict, [Conflict, Conflict, Locked, Locked]),
        (beside, Code::MxConflict, [Locked, Conflict, Locked, Locked]),
        (good().mx("example.com", &[]), Code::MxNotFound, [NotFound, NotFound, Locked, Locked]),
        (two, Code::MultipleSpf, [Locked, Locked, Conflict, Locked]),
        (without_us, Code::SpfNotAuthorized, [Locked, Locked, Conflict, Locked]),
        (long, Code::MaxLookups, [Locked, Locked, Conflict, Locked]),
        (key, Code::DkimMismatch, [Locked, Locked, Locked, Conflict]),
    ];
    for (world, code, expected) in cases {
        let report = look(&world, &plain_zone());
        assert!(codes(&report).contains(&(code, Severity::Error)), "{code}: {:?}", report.findings);
        assert_eq!(
            (report.state, states(&report)),
            (DomainState::Misconfigured, expected.to_vec()),
            "{code}"
        );
    }
}

#[test]
fn the_advice_for_spf_is_one_record_of_both() {
    let world = good().txt("example.com", &["v=spf1 include:_spf.google.com -all"]);
    let world = world.txt("_spf.google.com", &["v=spf1 ip4:198.51.100.0/24 ~all"]);
    let report = look(&world, &plain_zone());
    let merged = "\"v=spf1 include:_spf.mail.test include:_spf.google.com -all\"";
    assert!(report.findings.iter().any(|finding| finding.message.contains(merged)), "{:?}", report.findings);
}

#[test]
fn each_name_is_judged_by_itself() {
    let zone = RoutingZone { names: vec![domain("example.com"), domain("news.example.com")], ..plain_zone() };
    let report = look(&good(), &zone);
    use RecordState::{Locked, NotFound};
    assert_eq!(states(&report), [Locked, Locked, Locked, NotFound, NotFound, NotFound, Locked]);
    assert_eq!(report.state, DomainState::Misconfigured);
    let told: Vec<_> = report.findings.iter().map(|finding| (finding.code, finding.name.as_str())).collect();
    let name = "news.example.com";
    assert_eq!(told, [(Code::MxNotFound, name), (Code::SpfNotFound, name)]);
}

#[test]
fn the_policy_of_mta_sts_is_looked_for_where_senders_do() {
    let alias = || Question::Alias("mta-sts.example.com".into());
    let elsewhere = || good().answer(alias(), Answer::Names(vec!["policies.other.test".into()]));
    let nowhere = good().answer(alias(), Answer::None);
    let by_address = |ip| good().answer(alias(), Answer::None).addresses("mta-sts.example.com", &[ip]);
    let old = good().txt("_mta-sts.example.com", &["v=STSv1; id=1"]);
    let bad = good().txt("_mta-sts.example.com", &["v=STSv1;"]);
    use RecordState::{Conflict, Locked, NotFound};
    let cases = [
        (elsewhere(), Some(Code::MtaStsInvalid), [Locked, Conflict]),
        (nowhere, Some(Code::MtaStsInvalid), [Locked, NotFound]),
        (by_address("192.0.2.9"), Some(Code::MtaStsInvalid), [Locked, Conflict]),
        (by_address("192.0.2.3"), None, [Locked, Locked]),
        (old, Some(Code::MtaStsMismatch), [Conflict, Locked]),
        (bad, Some(Code::MtaStsInvalid), [Conflict, Locked]),
    ];
    for (world, code, expected) in cases {
        let report = look(&world, &zone_with_policy());
        let expected_codes: Vec<_> = code.into_iter().map(|code| (code, Severity::Error)).collect();
        assert_eq!(codes(&report), expected_codes);
        assert_eq!(states(&report)[3..5], expected, "{code:?}");
    }
    // Without the record nobody looks, and mail comes in as it did.
    let silent = elsewhere().txt("_mta-sts.example.com", &[]);
    let report = look(&silent, &zone_with_policy());
    assert_eq!(codes(&report), [(Code::MtaStsNotEnforced, Severity::Warning)]);
    assert_eq!((report.state, states(&report)[3]), (DomainState::Ready, NotFound));
}

#[test]
fn reports_and_policies_are_the_owners_to_say() {
    let world = good()
        .txt("_smtp._tls.example.com", &["v=TLSRPTv1; rua=https://reports.test/"])
        .txt("_dmarc.example.com", &["v=DMARC1; p=none; rua=mailto:d@example.com"]);
    let report = look(&world, &zone_with_policy());
    assert_eq!(codes(&report), [(Code::DmarcMonitorOnly, Severity::Note)]);
    let broken = good().txt("_dmarc.example.com", &["v=DMARC1; p=what"]);
    let report = look(&broken, &zone_with_policy());
    assert_eq!(codes(&report), [(Code::InvalidDmarc, Severity::Error)]);
    assert_eq!(report.state, DomainState::Ready, "advice does not stop what comes in");
}

#[test]
fn no_answer_leaves_it_open() {
    let failed = || Answer::Failed("SERVFAIL".into());
    for question in [
        Question::Mx("example.com".into()),
        Question::Txt("example.com".into()),
        Question::Txt("r1._domainkey.example.com".into()),
    ] {
        let report = look(&good().answer(question.clone(), failed()), &plain_zone());
        assert_eq!(report.state, DomainState::Unknown, "{question:?}");
    }
}

#[test]
fn the_word_says_what_there_is_and_whether_it_is_locked() {
    use DomainState::{Misconfigured, Ready, Unconfigured, Unknown};
    let words = |state| [true, false].map(|locked| serde_json::json!(RoutingStatus::of(state, locked)));
    assert_eq!(words(Ready), ["ready", "unlocked"]);
    assert_eq!(words(Unconfigured), ["unconfigured", "unconfigured"]);
    for state in [Misconfigured, Unknown] {
        assert_eq!(words(state), ["misconfigured/locked", "misconfigured"]);
    }
}
