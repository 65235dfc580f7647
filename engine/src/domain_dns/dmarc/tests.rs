//! Policies over a made-up DNS.

use super::*;
use crate::domain_dns::{
    answers::{Answer, Question},
    finding::Severity,
    spf::tree_tests::World,
};
use mail_auth::{common::parse::TxtRecordParser, dmarc::Dmarc};
use proptest::prelude::*;

struct Case<'a> {
    name: &'a str,
    return_path: &'a str,
    has_dkim: bool,
    has_spf: bool,
}

const USUAL: Case<'_> = Case {
    name: "mail.example.com",
    return_path: "cf-bounce.mail.example.com",
    has_dkim: true,
    has_spf: true,
};

fn look(world: &World, case: &Case<'_>) -> (DmarcFacts, Vec<(Code, Severity)>) {
    let is_wildcard = case.name.starts_with("*.");
    let domain = Domain::parse(case.name.trim_start_matches("*.")).unwrap();
    let return_path = Domain::parse(case.return_path).unwrap();
    let (has_dkim, has_spf) = (case.has_dkim, case.has_spf);
    let (facts, findings) = world.judge(|lookups| {
        let mut findings = Vec::new();
        let sender = Sender { domain: &domain, is_wildcard, return_path: &return_path, has_dkim, has_spf };
        (check(&sender, lookups, &mut findings), findings)
    });
    (facts, findings.into_iter().map(|finding| (finding.code, finding.severity)).collect())
}

fn at(name: &str, texts: &[&str]) -> World {
    World::default().txt(&format!("_dmarc.{name}"), texts)
}

#[test]
fn a_good_policy_is_good() {
    let world = at("mail.example.com", &["v=DMARC1; p=reject; rua=mailto:d@example.com"])
        .txt("_dmarc.example.com", &["v=DMARC1; p=none"]);
    let (facts, found) = look(&world, &USUAL);
    assert_eq!(found, []);
    assert_eq!((facts.dkim_aligned, facts.spf_aligned), (true, true));
    assert_eq!(
        (facts.policy, facts.name.as_deref()),
        (Some(DmarcPolicy::Reject), Some("_dmarc.mail.example.com"))
    );
    assert_eq!(facts.organizational_domain.as_deref(), Some("example.com"));
}

#[test]
fn the_policy_above_holds_where_there_is_none() {
    let world = at("example.com", &["v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@example.com"]);
    let (facts, found) = look(&world, &USUAL);
    assert_eq!(
        (facts.policy, found),
        (Some(DmarcPolicy::Quarantine), vec![(Code::MissingDmarc, Severity::Note)])
    );
}

#[test]
fn missing_several_broken_and_dangling_records_are_told_apart() {
    let missing = look(&World::default(), &USUAL).1;
    assert_eq!(missing, [(Code::MissingDmarc, Severity::Warning)]);
    let several = look(&at("mail.example.com", &["v=DMARC1; p=none", "v=DMARC1; p=reject"]), &USUAL).1;
    assert_eq!(several, [(Code::MultipleDmarc, Severity::Error)]);
    for broken in [
        "v=DMARC1; p=refuse",
        "v=DMARC1",
        "v=DMARC1; p=none; adkim=x",
        "v=DMARC1; p=none; none",
        "v=DMARC1; p=none; rua=d@example.com",
    ] {
        let found = look(&at("mail.example.com", &[broken]), &USUAL).1;
        assert_eq!(found, [(Code::InvalidDmarc, Severity::Error)], "{broken}");
    }
    let alias = Question::Alias("_dmarc.mail.example.com".into());
    let dangling = World::default().answer(alias, Answer::Names(vec!["gone.test".into()]));
    assert_eq!(look(&dangling, &USUAL).1, [(Code::CnameOnDmarc, Severity::Warning)]);
    let down =
        World::default().answer(Question::Txt("_dmarc.mail.example.com".into()), Answer::Failed("x".into()));
    assert_eq!(look(&down, &USUAL).1, [(Code::LookupFailed, Severity::Warning)]);
}

#[test]
fn strictness_is_weighed_by_what_is_left_to_align() {
    let policy = |tags: &str| {
        at("mail.example.com", &[&format!("v=DMARC1; p=reject; rua=mailto:d@mail.example.com; {tags}")])
            .txt("_dmarc.example.com", &["v=DMARC1; p=none"])
    };
    let wildcard = Case { name: "*.mail.example.com", ..USUAL };
    let no_dkim = Case { has_dkim: false, ..USUAL };
    let nothing = Case { has_dkim: false, has_spf: false, ..USUAL };
    let elsewhere = Case { return_path: "bounces.other.example", ..USUAL };
    let strict = (Code::DmarcStrictAlignment, Severity::Warning);
    let too_strict = (Code::DmarcTooStrict, Severity::Error);
    type Row<'a> = (&'a Case<'a>, &'a str, &'a [(Code, Severity)]);
    let cases: [Row<'_>; 9] = [
        (&USUAL, "adkim=s", &[]),
        (&USUAL, "aspf=s", &[strict]),
        (&USUAL, "aspf=s; adkim=s", &[strict]),
        (&wildcard, "", &[]),
        (&wildcard, "adkim=s", &[strict]),
        (&wildcard, "adkim=s; aspf=s", &[too_strict]),
        (&no_dkim, "aspf=s", &[too_strict]),
        (&nothing, "", &[too_strict]),
        (&elsewhere, "", &[]),
    ];
    for (case, tags, expected) in cases {
        assert_eq!(look(&policy(tags), case).1, expected, "{} {tags}", case.name);
    }
    assert!(!look(&policy(""), &elsewhere).0.spf_aligned);
}

#[test]
fn reports_go_to_who_wants_them() {
    let missing = look(&at("mail.example.com", &["v=DMARC1; p=reject"]), &USUAL).1;
    assert_eq!(missing, [(Code::MissingDmarcRua, Severity::Note)]);
    let outside = || at("mail.example.com", &["v=DMARC1; p=reject; rua=mailto:x@reports.test!10m"]);
    assert_eq!(look(&outside(), &USUAL).1, [(Code::UnauthorizedReportingDomain, Severity::Warning)]);
    let agreed = outside().txt("mail.example.com._report._dmarc.reports.test", &["v=DMARC1;"]);
    assert_eq!(look(&agreed, &USUAL).1, []);
}

#[test]
fn the_walk_up_is_short_and_minds_public_suffixes() {
    assert_eq!(walk("a.b.c"), ["a.b.c", "b.c", "c"]);
    let long = walk("a.b.c.d.e.f.g.h.i.j");
    assert_eq!((long.len(), long[1]), (8, "d.e.f.g.h.i.j"));
    let organizational =
        |world: &World, name: &str| world.judge(|lookups| organizational_domain(name, lookups));
    let suffix = at("co.test", &["v=DMARC1; p=none; psd=y"]);
    assert_eq!(organizational(&suffix, "a.b.co.test"), "b.co.test");
    let apart = at("b.co.test", &["v=DMARC1; p=none; psd=n"]).txt("_dmarc.co.test", &["v=DMARC1; p=none"]);
    assert_eq!(organizational(&apart, "a.b.co.test"), "b.co.test");
    assert_eq!(organizational(&World::default(), "a.b.co.test"), "a.b.co.test");
}

proptest! {
    /// What we take, a receiver's parser takes too, and means the same.
    #[test]
    fn what_is_right_is_right_elsewhere(
        p in "none|quarantine|reject", sp in proptest::option::of("none|quarantine|reject"),
        adkim in proptest::option::of("[rs]"), aspf in proptest::option::of("[rs]"),
        rua in proptest::option::of("mailto:[a-z]{1,8}@[a-z]{1,8}\\.example(,mailto:b@c\\.example)?"),
    ) {
        let mut text = format!("v=DMARC1; p={p}");
        for (tag, value) in [("sp", sp), ("adkim", adkim), ("aspf", aspf), ("rua", rua)] {
            text.extend(value.map(|value| format!(";{tag}={value}")));
        }
        let ours = DmarcRecord::parse(&text).unwrap();
        let theirs = Dmarc::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(ours.reports.len(), theirs.rua.len());
        prop_assert_eq!(ours.dkim == Alignment::Strict, theirs.adkim == mail_auth::dmarc::Alignment::Strict);
        prop_assert_eq!(ours.policy == DmarcPolicy::Reject, theirs.p == mail_auth::dmarc::Policy::Reject);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,100}") {
        let _ = DmarcRecord::parse(&format!("v=DMARC1;{text}"));
    }
}
