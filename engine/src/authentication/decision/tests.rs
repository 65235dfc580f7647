use super::*;
use crate::authentication::field::tests::judgement;
use MethodResult::{Fail, None as Nothing, Pass, PermError, SoftFail, TempError};

/// What SPF, each signature by its domain, and DMARC with the policy that is asked for have found, and the decision.
type Case =
    (MethodResult, &'static [(&'static str, MethodResult)], (MethodResult, DmarcPolicy), &'static str);

/// A message with these results, from example.com, which has the policy given.
fn found(spf: MethodResult, dkim: &[(&str, MethodResult)], dmarc: (MethodResult, DmarcPolicy)) -> Judgement {
    let mut judgement = judgement();
    judgement.spf.result = spf;
    let template = judgement.dkim.remove(0);
    judgement.dkim = dkim
        .iter()
        .map(|(domain, result)| super::super::DkimResult {
            domain: (*domain).to_owned(),
            result: *result,
            ..template.clone()
        })
        .collect();
    (judgement.dmarc.result, judgement.dmarc.applied) = dmarc;
    judgement
}

/// The decision in short: its status, or what else it is.
fn short(judgement: &Judgement, policy: &Policy) -> String {
    match decide(judgement, policy) {
        Decision::Take => "take".to_owned(),
        Decision::Quarantine { .. } => "quarantine".to_owned(),
        Decision::Reject { status, text, .. } | Decision::Defer { status, text } => {
            assert!(!text.contains(['\r', '\n']) && text.is_ascii(), "{text}");
            status.to_string()
        }
    }
}

#[test]
fn what_was_found_decides() {
    use DmarcPolicy::{None, Quarantine, Reject};
    const OURS: &str = "example.com";
    let cases: [Case; 14] = [
        (Pass, &[], (Pass, Reject), "take"),
        (Fail, &[(OURS, Pass)], (Pass, Reject), "take"),
        (Fail, &[("other.example", Pass)], (Nothing, None), "take"),
        (Fail, &[("other.example", Pass)], (Fail, None), "take"),
        (Fail, &[("other.example", Pass)], (Fail, Quarantine), "quarantine"),
        (Fail, &[("other.example", Pass)], (Fail, Reject), "5.7.1"),
        (Nothing, &[], (Nothing, None), "5.7.26"),
        (SoftFail, &[(OURS, Fail)], (Fail, Quarantine), "5.7.26"),
        (PermError, &[(OURS, PermError)], (Nothing, None), "5.7.26"),
        // What would decide is not known.
        (TempError, &[(OURS, Fail)], (Nothing, None), "4.7.24"),
        (Fail, &[(OURS, Fail), (OURS, TempError)], (Nothing, None), "4.7.20"),
        (Fail, &[("other.example", Pass)], (TempError, None), "4.7.1"),
        // What is not known does not decide.
        (TempError, &[(OURS, Pass)], (Pass, Reject), "take"),
        (Fail, &[(OURS, Pass)], (TempError, None), "take"),
    ];
    for (spf, dkim, dmarc, expected) in cases {
        let judgement = found(spf, dkim, dmarc);
        assert_eq!(short(&judgement, &Policy::default()), expected, "{spf} {dkim:?} {dmarc:?}");
    }
}

#[test]
fn who_a_message_is_from_must_be_plain() {
    let mut judgement = judgement();
    for author in [Author::Missing, Author::Several] {
        judgement.author = author;
        assert_eq!(short(&judgement, &Policy::default()), "5.7.1");
    }
}

#[test]
fn a_refusal_says_what_failed_and_whose_policy_it_is() {
    let mut judgement = found(Pass, &[("list.example", Fail)], (Fail, DmarcPolicy::Reject));
    judgement.spf.domain = "bounces.list.example".to_owned();
    judgement.dmarc.policy_domain = Some("com".to_owned());
    let Decision::Reject { text, .. } = decide(&judgement, &Policy::default()) else { panic!("taken") };
    assert_eq!(
        text,
        "example.com, by the record of com, asks to refuse mail that fails DMARC, and \
         SPF passed for bounces.list.example only, DKIM of list.example is fail"
    );
}

#[test]
fn policies_can_be_left_alone() {
    let judgement = found(Fail, &[], (Fail, DmarcPolicy::Reject));
    let lax = Policy { honour_dmarc: false, ..Policy::default() };
    assert_eq!(short(&judgement, &lax), "5.7.26");
    assert_eq!(short(&judgement, &Policy { require: Requirement::Nothing, ..lax }), "take");
    assert_eq!(short(&judgement, &Policy { require: Requirement::Nothing, ..Policy::default() }), "5.7.1");
}

#[test]
fn a_chain_counts_where_all_in_it_are_trusted_and_the_first_saw_a_pass() {
    let trusting = Policy {
        trusted_sealers: vec![Domain::parse("a.example").unwrap(), Domain::parse("b.example").unwrap()],
        ..Policy::default()
    };
    let with = |result, sealers: &[&str], first_dmarc| {
        let mut judgement = found(Fail, &[], (Fail, DmarcPolicy::Reject));
        judgement.arc.result = result;
        judgement.arc.sealers = sealers.iter().map(|sealer| (*sealer).to_owned()).collect();
        judgement.arc.first_dmarc = first_dmarc;
        judgement
    };
    assert_eq!(short(&with(Pass, &["a.example", "B.example"], Pass), &trusting), "take");
    for refused in [
        with(Pass, &["a.example", "c.example"], Pass),
        with(Pass, &["a.example"], Fail),
        with(Pass, &["a.example"], Nothing),
        with(Fail, &["a.example"], Pass),
        with(Pass, &[], Pass),
    ] {
        assert_eq!(short(&refused, &trusting), "5.7.1", "{:?}", refused.arc);
    }
    assert_eq!(short(&with(Pass, &["a.example"], Pass), &Policy::default()), "5.7.1");
}
