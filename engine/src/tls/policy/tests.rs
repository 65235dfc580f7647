use super::*;
use crate::tls::dane::{DaneLookup, RawTlsa};

const HOST: &str = "mx.example";
const DEMANDS: [TlsDemand; 4] =
    [TlsDemand::Never, TlsDemand::Opportunistic, TlsDemand::Required, TlsDemand::Verified];
const MESSAGES: [TransportSecurity; 3] =
    [TransportSecurity::ByPolicy, TransportSecurity::Required, TransportSecurity::NotRequired];
const TRUSTS: [MxTrust; 2] = [MxTrust::Secure, MxTrust::Insecure];

fn sts(mode: &str, mx: &str) -> Option<StsPolicy> {
    let file = format!("version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: 60");
    Some(StsPolicy::parse(file.as_bytes()).unwrap())
}

/// No policy, and each mode with the host and without it.
fn policies() -> Vec<Option<StsPolicy>> {
    let all = ["enforce", "testing", "none"].map(|mode| [sts(mode, HOST), sts(mode, "other.example")]);
    [None].into_iter().chain(all.into_iter().flatten()).collect()
}

fn authenticate() -> DaneDecision {
    let record = RawTlsa { usage: 3, selector: 1, matching: 1, data: vec![0; 32] };
    DaneDecision::from(DaneLookup::Secure(vec![record]))
}

fn lookups() -> [DaneDecision; 4] {
    [DaneDecision::NotUsed, DaneDecision::Encrypt, authenticate(), DaneDecision::Defer("SERVFAIL".into())]
}

fn policy(demand: TlsDemand, sts: Option<StsPolicy>, mx: MxTrust) -> TlsPolicy {
    TlsPolicy { demand, minimum: TlsMinimum::Tls13, sts, mx }
}

/// Every combination of what may be asked, with what comes of it.
fn every_case() -> impl Iterator<Item = (TlsPolicy, DaneDecision, TransportSecurity, Answer)> {
    let policies: Vec<_> = DEMANDS
        .iter()
        .flat_map(|&demand| policies().into_iter().map(move |sts| (demand, sts)))
        .flat_map(|(demand, sts)| TRUSTS.map(|mx| policy(demand, sts.clone(), mx)))
        .collect();
    policies.into_iter().flat_map(|policy| {
        MESSAGES.into_iter().flat_map(move |message| {
            let policy = policy.clone();
            lookups().into_iter().map(move |dane| {
                let answer = policy.for_host(HOST, &dane, message);
                (policy.clone(), dane, message, answer)
            })
        })
    })
}

type Answer = Result<TlsRequirement, HostRefusal>;

/// One word for an answer: level and reason, or the refusal.
fn word(answer: &Answer) -> String {
    let requirement = match answer {
        Ok(requirement) => requirement,
        Err(HostRefusal::NotInStsPolicy(_)) => return "unlisted".into(),
        Err(HostRefusal::TlsaLookup { .. }) => return "tlsa".into(),
        Err(HostRefusal::HostNotProven(_)) => return "unproven".into(),
        Err(HostRefusal::TlsForbidden(_)) => return "forbidden".into(),
    };
    let level = match requirement.level {
        TlsLevel::Never => "never",
        TlsLevel::Opportunistic => "may",
        TlsLevel::Encrypted => "encrypt",
        TlsLevel::Authenticated(Authentication::WebPki) => "webpki",
        TlsLevel::Authenticated(Authentication::Dane) => "dane",
    };
    format!("{level}/{}", requirement.why.as_str())
}

/// Asserts the answers for DANE not used, unusable, usable and unknown.
fn assert_row(policy: &TlsPolicy, message: TransportSecurity, expected: [&str; 4]) {
    let found = lookups().map(|dane| word(&policy.for_host(HOST, &dane, message)));
    assert_eq!(found, expected, "{policy:?} {message:?}");
}

#[test]
fn without_an_enforced_policy_configuration_and_dane_decide() {
    let rows = [
        (TlsDemand::Never, ["never/configuration"; 4]),
        (TlsDemand::Opportunistic, ["may/configuration", "encrypt/dane", "dane/dane", "tlsa"]),
        (TlsDemand::Required, ["encrypt/configuration", "encrypt/dane", "dane/dane", "tlsa"]),
        (TlsDemand::Verified, ["webpki/configuration", "webpki/configuration", "dane/dane", "tlsa"]),
    ];
    let not_enforced = || policies().into_iter().filter(|sts| !enforces(sts.as_ref()));
    for (demand, expected) in rows {
        for sts in not_enforced() {
            for mx in TRUSTS {
                assert_row(&policy(demand, sts.clone(), mx), TransportSecurity::ByPolicy, expected);
            }
        }
    }
}

fn enforces(sts: Option<&StsPolicy>) -> bool {
    sts.is_some_and(|sts| sts.mode() == StsMode::Enforce)
}

#[test]
fn an_enforced_policy_asks_for_a_valid_certificate_of_a_listed_host() {
    let webpki = "webpki/mta-sts";
    for demand in DEMANDS.into_iter().filter(|demand| *demand != TlsDemand::Never) {
        let by_policy = |sts, mx, expected| {
            assert_row(&policy(demand, sts, mx), TransportSecurity::ByPolicy, expected);
        };
        for mx in TRUSTS {
            by_policy(sts("enforce", HOST), mx, [webpki, webpki, "dane/dane", "tlsa"]);
        }
        let other = || sts("enforce", "other.example");
        by_policy(other(), MxTrust::Insecure, ["unlisted", "unlisted", "unlisted", "tlsa"]);
        // Signed MX and TLSA records need no second opinion.
        by_policy(other(), MxTrust::Secure, ["unlisted", "unlisted", "dane/dane", "tlsa"]);
    }
}

#[test]
fn requiretls_wants_an_authenticated_server_at_a_proven_host() {
    let rows = [
        (None, MxTrust::Secure, ["webpki/requiretls", "webpki/requiretls", "dane/requiretls", "tlsa"]),
        (None, MxTrust::Insecure, ["unproven", "unproven", "unproven", "tlsa"]),
        (sts("none", HOST), MxTrust::Insecure, ["unproven", "unproven", "unproven", "tlsa"]),
        (sts("testing", "other.example"), MxTrust::Insecure, ["unproven", "unproven", "unproven", "tlsa"]),
        (
            sts("testing", HOST),
            MxTrust::Insecure,
            ["webpki/requiretls", "webpki/requiretls", "dane/requiretls", "tlsa"],
        ),
        (
            sts("enforce", HOST),
            MxTrust::Insecure,
            ["webpki/requiretls", "webpki/requiretls", "dane/requiretls", "tlsa"],
        ),
        (sts("enforce", "other.example"), MxTrust::Insecure, ["unlisted", "unlisted", "unlisted", "tlsa"]),
        (
            sts("enforce", "other.example"),
            MxTrust::Secure,
            ["unlisted", "unlisted", "dane/requiretls", "tlsa"],
        ),
    ];
    for (sts, mx, expected) in rows {
        for demand in [TlsDemand::Opportunistic, TlsDemand::Required, TlsDemand::Verified] {
            assert_row(&policy(demand, sts.clone(), mx), TransportSecurity::Required, expected);
        }
        assert_row(&policy(TlsDemand::Never, sts, mx), TransportSecurity::Required, ["forbidden"; 4]);
    }
}

#[test]
fn tls_required_no_overlooks_the_recipient_but_not_the_configuration() {
    let rows = [
        (TlsDemand::Never, "never/configuration"),
        (TlsDemand::Opportunistic, "may/tls-not-required"),
        (TlsDemand::Required, "encrypt/configuration"),
        (TlsDemand::Verified, "webpki/configuration"),
    ];
    for (demand, expected) in rows {
        for sts in policies() {
            for mx in TRUSTS {
                assert_row(&policy(demand, sts.clone(), mx), TransportSecurity::NotRequired, [expected; 4]);
            }
        }
    }
}

#[test]
fn a_policy_in_testing_mode_changes_nothing_but_what_is_reported() {
    for (tested, dane, message, answer) in every_case() {
        let mode = tested.sts.as_ref().map(StsPolicy::mode);
        if mode != Some(StsMode::Testing) {
            assert_eq!(answer.ok().and_then(|requirement| requirement.audit), None, "{tested:?}");
            continue;
        }
        if message == TransportSecurity::Required {
            continue;
        }
        let without = TlsPolicy { sts: None, ..tested.clone() }.for_host(HOST, &dane, message);
        let silent = answer.clone().map(|requirement| TlsRequirement { audit: None, ..requirement });
        assert_eq!(silent, without, "{tested:?} {dane:?}");
    }
    let audit = |sts| {
        let tested = policy(TlsDemand::Opportunistic, sts, MxTrust::Insecure);
        tested.for_host(HOST, &DaneDecision::NotUsed, TransportSecurity::ByPolicy).unwrap().audit
    };
    assert_eq!(audit(sts("testing", HOST)), Some(Audit::Certificate));
    assert_eq!(audit(sts("testing", "*.example")), Some(Audit::Certificate));
    assert_eq!(audit(sts("testing", "other.example")), Some(Audit::UnlistedHost));
}

#[test]
fn what_follows_a_failure_depends_on_who_asked() {
    for (policy, _, message, answer) in every_case() {
        let Ok(requirement) = answer else { continue };
        let expected = match requirement.level {
            _ if message == TransportSecurity::Required => OnFailure::Bounce,
            TlsLevel::Never | TlsLevel::Opportunistic => OnFailure::FallBack,
            _ => OnFailure::Defer,
        };
        assert_eq!(requirement.on_failure(), expected, "{policy:?} {requirement:?}");
    }
}

#[test]
fn a_minimum_binds_where_tls_is_required() {
    for (policy, _, _, answer) in every_case() {
        let Ok(requirement) = answer else { continue };
        let is_optional = matches!(requirement.level, TlsLevel::Never | TlsLevel::Opportunistic);
        let expected = if is_optional { TlsMinimum::Tls12 } else { TlsMinimum::Tls13 };
        assert_eq!(requirement.minimum, expected, "{policy:?}");
    }
}

#[test]
fn mail_is_never_weaker_protected_than_the_configuration_asks() {
    let rank = |level| match level {
        TlsLevel::Never => 0,
        TlsLevel::Opportunistic => 1,
        TlsLevel::Encrypted => 2,
        TlsLevel::Authenticated(_) => 3,
    };
    for (policy, _, _, answer) in every_case() {
        let Ok(requirement) = answer else { continue };
        assert!(rank(requirement.level) >= rank(policy.by_configuration().level), "{policy:?}");
    }
}

#[test]
fn equal_identities_mean_equal_answers() {
    let cases: Vec<_> = every_case().collect();
    for (one, dane, message, answer) in &cases {
        for (other, other_dane, other_message, other_answer) in &cases {
            if dane == other_dane && one.identity(*message) == other.identity(*other_message) {
                assert_eq!(answer, other_answer, "{one:?} {other:?} {message:?} {other_message:?}");
            }
        }
    }
}

#[test]
fn domains_share_connections_unless_their_policies_differ() {
    let identity = |sts, mx| policy(TlsDemand::Opportunistic, sts, mx).identity(TransportSecurity::ByPolicy);
    let plain = identity(None, MxTrust::Insecure);
    assert_eq!(identity(None, MxTrust::Secure), plain);
    assert_eq!(identity(sts("none", HOST), MxTrust::Secure), plain);
    assert_eq!(
        identity(sts("enforce", HOST), MxTrust::Secure),
        identity(sts("enforce", HOST), MxTrust::Secure)
    );
    assert_ne!(identity(sts("enforce", HOST), MxTrust::Secure), plain);
    assert_ne!(
        identity(sts("testing", HOST), MxTrust::Secure),
        identity(sts("enforce", HOST), MxTrust::Secure)
    );
    assert_ne!(
        identity(sts("enforce", HOST), MxTrust::Secure),
        identity(sts("enforce", "*.example"), MxTrust::Secure)
    );
    let not_required =
        |sts| policy(TlsDemand::Opportunistic, sts, MxTrust::Secure).identity(TransportSecurity::NotRequired);
    assert_eq!(not_required(sts("enforce", HOST)), not_required(None));
}

#[test]
fn a_refusal_carries_a_status_that_fits_what_follows() {
    for (_, _, _, answer) in every_case() {
        let Err(refusal) = answer else { continue };
        let (class, condition) = (refusal.status().class(), refusal.status().condition());
        match refusal.on_failure() {
            OnFailure::Bounce => assert_eq!((class, condition), (5, (7, 30)), "{refusal}"),
            OnFailure::Defer => assert_eq!(class, 4, "{refusal}"),
            OnFailure::FallBack => panic!("{refusal}"),
        }
        assert!(refusal.to_string().contains(HOST), "{refusal}");
    }
}
