use super::*;
use crate::{
    address::EmailAddress,
    shaping::{TlsDemand, TlsMinimum},
    time::UnixMillis,
    tls::dane::{DaneLookup, RawTlsa},
    tls::mta_sts::{StsFetchError, StsPolicyError},
};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::io::Read;

fn domain() -> Domain {
    Domain::parse("company-y.example").unwrap()
}

fn sts(mode: &str) -> StsPolicy {
    let file = format!("version: STSv1\nmode: {mode}\nmx: *.mail.company-y.example\nmax_age: 86400");
    StsPolicy::parse(file.as_bytes()).unwrap()
}

fn head() -> ReportHead {
    let range = DateRange {
        start: UnixMillis::from_date("2016-04-01").unwrap(),
        end: UnixMillis::new(UnixMillis::from_date("2016-04-02").unwrap().as_millis() - 1),
    };
    ReportHead {
        organization: "Company-X".into(),
        contact: EmailAddress::parse("sts-reporting@company-x.example").unwrap(),
        id: "5065427c-23d3-47ca-b6e0-946ea0e8c4be".into(),
        range,
    }
}

fn failure(n: usize) -> FailureDetail {
    FailureDetail::new(FailureKind::ValidationFailure).because(&format!("reason {n}"))
}

fn json_of(builder: TlsReportBuilder) -> Value {
    serde_json::from_slice(&builder.finish(head()).to_json().unwrap()).unwrap()
}

/// The report of RFC 8460 appendix B, without the one field that we never write (a URI for more information).
#[test]
fn writes_the_example_of_the_rfc() {
    let policy = SessionPolicy::sts(&domain(), &sts("testing"));
    let mut builder = TlsReportBuilder::new(domain());
    for _ in 0..5_326 {
        builder.succeeded(&policy);
    }
    let expired = FailureDetail::new(FailureKind::CertificateExpired)
        .from_ip("2001:db8:abcd:0012::1".parse().unwrap())
        .to_host("mx1.mail.company-y.example", None);
    let no_tls = FailureDetail::new(FailureKind::StarttlsNotSupported)
        .from_ip("2001:db8:abcd:0013::1".parse().unwrap())
        .to_host("mx2.mail.company-y.example", "203.0.113.56".parse().ok());
    let strange = FailureDetail::new(FailureKind::ValidationFailure)
        .from_ip("198.51.100.62".parse().unwrap())
        .to_host("mx-backup.mail.company-y.example", "203.0.113.58".parse().ok())
        .greeted_as("mx.company-y.example")
        .because("X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED");
    for (detail, count) in [(expired, 100), (no_tls, 200), (strange, 3)] {
        for _ in 0..count {
            builder.failed(&policy, detail.clone());
        }
    }
    let expected = json!({
        "organization-name": "Company-X",
        "date-range": {
            "start-datetime": "2016-04-01T00:00:00Z",
            "end-datetime": "2016-04-01T23:59:59Z"
        },
        "contact-info": "sts-reporting@company-x.example",
        "report-id": "5065427c-23d3-47ca-b6e0-946ea0e8c4be",
        "policies": [{
            "policy": {
                "policy-type": "sts",
                "policy-string": [
                    "version: STSv1", "mode: testing", "mx: *.mail.company-y.example", "max_age: 86400"
                ],
                "policy-domain": "company-y.example",
                "mx-host": ["*.mail.company-y.example"]
            },
            "summary": { "total-successful-session-count": 5326, "total-failure-session-count": 303 },
            "failure-details": [{
                "result-type": "certificate-expired",
                "sending-mta-ip": "2001:db8:abcd:12::1",
                "receiving-mx-hostname": "mx1.mail.company-y.example",
                "failed-session-count": 100
            }, {
                "result-type": "starttls-not-supported",
                "sending-mta-ip": "2001:db8:abcd:13::1",
                "receiving-mx-hostname": "mx2.mail.company-y.example",
                "receiving-ip": "203.0.113.56",
                "failed-session-count": 200
            }, {
                "result-type": "validation-failure",
                "sending-mta-ip": "198.51.100.62",
                "receiving-ip": "203.0.113.58",
                "receiving-mx-hostname": "mx-backup.mail.company-y.example",
                "receiving-mx-helo": "mx.company-y.example",
                "failed-session-count": 3,
                "failure-reason-code": "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"
            }]
        }]
    });
    assert_eq!(json_of(builder), expected);
}

#[test]
fn counts_every_failure_and_lists_a_bounded_number() {
    let policy = SessionPolicy::none(&domain());
    let mut builder = TlsReportBuilder::new(domain());
    for n in 0..MAX_FAILURE_KINDS + 50 {
        builder.failed(&policy, failure(n));
        builder.failed(&policy, failure(0));
    }
    let result = &json_of(builder)["policies"][0];
    let details = result["failure-details"].as_array().unwrap();
    assert_eq!(details.len(), MAX_FAILURE_KINDS + 1);
    assert_eq!(details[0]["failed-session-count"], MAX_FAILURE_KINDS + 51);
    assert_eq!(details[MAX_FAILURE_KINDS]["failed-session-count"], 50);
    assert_eq!(result["summary"]["total-failure-session-count"], 2 * (MAX_FAILURE_KINDS + 50));
}

#[test]
fn counts_every_session_and_tells_a_bounded_number_of_policies_apart() {
    let mut builder = TlsReportBuilder::new(domain());
    for n in 0..MAX_POLICIES + 10 {
        builder.succeeded(&SessionPolicy::tlsa(&format!("mx{n}.example"), &[]));
        builder.succeeded(&SessionPolicy::sts(&domain(), &sts("enforce")));
    }
    let report = json_of(builder);
    let policies = report["policies"].as_array().unwrap();
    assert_eq!(policies.len(), MAX_POLICIES + 1);
    let count = |policy: &Value| policy["summary"]["total-successful-session-count"].as_u64().unwrap();
    assert_eq!(policies.iter().map(count).sum::<u64>(), 2 * (MAX_POLICIES as u64 + 10));
    assert_eq!(
        policies[MAX_POLICIES]["policy"],
        json!({
            "policy-type": "tlsa", "policy-domain": "company-y.example"
        })
    );
    assert_eq!(count(&policies[MAX_POLICIES]), 11);
}

#[test]
fn repeats_a_bounded_part_of_a_policy() {
    let mx = "mx: a.example\n".repeat(400);
    let long = StsPolicy::parse(format!("version: STSv1\nmode: none\nmax_age: 1\n{mx}").as_bytes()).unwrap();
    let policy = SessionPolicy::sts(&domain(), &long);
    assert_eq!((policy.lines.len(), policy.mx.len()), (MAX_LINES, MAX_LINES));
    let key = RawTlsa { usage: 3, selector: 0, matching: 0, data: vec![0; 60_000] };
    let tlsa = SessionPolicy::tlsa("mx.example", &[TlsaRecord::new(key).unwrap()]);
    assert_eq!(tlsa.lines[0].len(), MAX_LINE);
    let chatty = FailureDetail::new(FailureKind::DaneRequired).because(&"\r\n".repeat(9_000));
    let reason = chatty.failure_reason_code.unwrap();
    assert!(reason.chars().count() <= 255 && !reason.contains(char::is_control));
}

#[test]
fn every_kind_of_failure_has_its_registered_name() {
    let kinds = [
        (FailureKind::StarttlsNotSupported, "starttls-not-supported"),
        (FailureKind::CertificateHostMismatch, "certificate-host-mismatch"),
        (FailureKind::CertificateExpired, "certificate-expired"),
        (FailureKind::CertificateNotTrusted, "certificate-not-trusted"),
        (FailureKind::ValidationFailure, "validation-failure"),
        (FailureKind::TlsaInvalid, "tlsa-invalid"),
        (FailureKind::DnssecInvalid, "dnssec-invalid"),
        (FailureKind::DaneRequired, "dane-required"),
        (FailureKind::StsPolicyFetchError, "sts-policy-fetch-error"),
        (FailureKind::StsPolicyInvalid, "sts-policy-invalid"),
        (FailureKind::StsWebpkiInvalid, "sts-webpki-invalid"),
    ];
    for (kind, name) in kinds {
        assert_eq!(serde_json::to_value(kind).unwrap(), name);
    }
}

#[test]
fn a_failed_fetch_is_reported_for_what_it_is() {
    let cases = [
        (StsFetchError::Unreachable("x".into()), FailureKind::StsPolicyFetchError),
        (StsFetchError::Status(301), FailureKind::StsPolicyFetchError),
        (StsFetchError::ContentType("x".into()), FailureKind::StsPolicyFetchError),
        (StsFetchError::Certificate("x".into()), FailureKind::StsWebpkiInvalid),
        (StsFetchError::Invalid(StsPolicyError::TooManyMx), FailureKind::StsPolicyInvalid),
    ];
    for (error, expected) in cases {
        assert_eq!(FailureKind::from(&error), expected, "{error}");
    }
}

#[test]
fn a_session_counts_for_every_policy_there_is() {
    let raw = RawTlsa { usage: 3, selector: 1, matching: 1, data: vec![1; 32] };
    let usable = DaneDecision::from(DaneLookup::Secure(vec![raw]));
    let unknown = DaneDecision::Defer("SERVFAIL".into());
    let kinds = |mode: Option<&str>, dane: &DaneDecision| {
        let policy = TlsPolicy {
            sts: mode.map(sts),
            ..TlsPolicy::configured(TlsDemand::default(), TlsMinimum::Tls12)
        };
        let policies = session_policies(&domain(), &policy, "mx.example", dane);
        policies.iter().map(SessionPolicy::kind).collect::<Vec<_>>()
    };
    use PolicyKind::{NoPolicyFound, Sts, Tlsa};
    for mode in [None, Some("none")] {
        assert_eq!(kinds(mode, &DaneDecision::NotUsed), [NoPolicyFound]);
        for dane in [&usable, &DaneDecision::Encrypt, &unknown] {
            assert_eq!(kinds(mode, dane), [Tlsa]);
        }
    }
    for mode in [Some("testing"), Some("enforce")] {
        assert_eq!(kinds(mode, &DaneDecision::NotUsed), [Sts]);
        assert_eq!(kinds(mode, &usable), [Tlsa, Sts]);
    }
    let expected = SessionPolicy {
        lines: vec![format!("3 1 1 {}", "01".repeat(32))],
        ..SessionPolicy::tlsa("mx.example", &[])
    };
    let policy = TlsPolicy::configured(TlsDemand::default(), TlsMinimum::Tls12);
    assert_eq!(session_policies(&domain(), &policy, "mx.example", &usable), [expected]);
}

#[test]
fn counts_survive_being_stored() {
    let mut builder = TlsReportBuilder::new(domain());
    assert!(builder.is_empty());
    builder.succeeded(&SessionPolicy::sts(&domain(), &sts("enforce")));
    builder.failed(&SessionPolicy::none(&domain()), failure(1));
    let stored = serde_json::to_string(&builder).unwrap();
    assert_eq!(serde_json::from_str::<TlsReportBuilder>(&stored).unwrap(), builder);
    assert!(!builder.is_empty());
}

#[test]
fn compressed_it_is_the_same_json() {
    let report = TlsReportBuilder::new(domain()).finish(head());
    let mut json = Vec::new();
    GzDecoder::new(report.to_gzip().unwrap().as_slice()).read_to_end(&mut json).unwrap();
    assert_eq!(json, report.to_json().unwrap());
    let submitter = Domain::parse("mail.company-x.example").unwrap();
    let name = "mail.company-x.example!company-y.example!1459468800!1459555199.json.gz";
    assert_eq!(report.file_name(&submitter), name);
}
