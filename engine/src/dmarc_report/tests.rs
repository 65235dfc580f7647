use super::{
    model::{
        ActionDisposition, DKIMAuthResult, DkimResult, DmarcResult, PolicyPublished, Record, SPFAuthResult,
        SPFDomainScope, SpfResult,
    },
    *,
};
use crate::{
    address::{Domain, EmailAddress},
    authentication::{self as found, Author, Cause, Decision, IprevResult, Judgement, MethodResult},
    domain_dns::DmarcPolicy,
    report_in::{self, ReportReceived},
    smtp::reply::EnhancedCode,
    time::UnixMillis,
};
use proptest::prelude::*;

fn domain(name: &str) -> Domain {
    Domain::parse(name).unwrap()
}

fn head() -> ReportHead {
    ReportHead {
        organization: "Müller&Söhne Mail".to_owned(),
        email: EmailAddress::parse("dmarc@mail.example.org").unwrap(),
        contact: Some("https://mail.example.org/dmarc?a=1&b=2".to_owned()),
        id: "1795219200000.example.net@mail.example.org".to_owned(),
        begin: UnixMillis::new(1_795_219_200_000),
        end: UnixMillis::new(1_795_305_599_000),
    }
}

fn judged(ip: &str, signer: &str, passes: bool) -> JudgedMail {
    let result = if passes { DmarcResult::Pass } else { DmarcResult::Fail };
    let record = Record::new()
        .with_source_ip(ip.parse().unwrap())
        .with_count(77)
        .with_header_from("Example.NET")
        .with_envelope_from("bounce.example.net")
        .with_envelope_to("ann@customer.example")
        .with_action_disposition(ActionDisposition::Unspecified)
        .with_dmarc_dkim_result(result)
        .with_dmarc_spf_result(DmarcResult::Fail)
        .with_dkim_auth_result(
            DKIMAuthResult::new().with_domain(signer).with_selector("s1").with_result(if passes {
                DkimResult::Pass
            } else {
                DkimResult::Fail
            }),
        )
        .with_spf_auth_result(
            SPFAuthResult::new()
                .with_domain("bounce.example.net")
                .with_scope(SPFDomainScope::MailFrom)
                .with_result(SpfResult::None),
        );
    JudgedMail::new(UnixMillis::new(1), domain("example.net"), PolicyPublished::default(), record)
}

fn report(kinds: Vec<(String, u64)>) -> AggregateReport {
    let policy = judged("192.0.2.1", "example.net", true).policy();
    AggregateReport::new(domain("example.net"), head(), &policy, kinds)
}

fn mail(report: &AggregateReport) -> Vec<u8> {
    let mail = AggregateMail {
        from: &EmailAddress::parse("dmarc@mail.example.org").unwrap(),
        to: &EmailAddress::parse("reports@example.net").unwrap(),
        submitter: &domain("mail.example.org"),
        date: UnixMillis::new(1_795_310_000_000),
        message_id: "1@mail.example.org",
        boundary_seed: 7,
    };
    mail.build(report, report.to_gzip().unwrap())
}

/// What was found about mail of example.net that a mailer sent, by this record.
fn judgement(record: &str, passes: bool, applied: DmarcPolicy) -> Judgement {
    let result = if passes { MethodResult::Pass } else { MethodResult::Fail };
    Judgement {
        iprev: IprevResult { result: MethodResult::None, address: [192, 0, 2, 1].into(), name: None },
        helo_spf: found::SpfResult { identity: "mx.mailer.test".into(), ..found::SpfResult::default() },
        spf: found::SpfResult {
            result: MethodResult::Pass,
            domain: "mailer.test".into(),
            identity: String::new(),
        },
        dkim: vec![found::DkimResult {
            result,
            domain: "example.net".into(),
            selector: "s1".into(),
            ..found::DkimResult::default()
        }],
        dmarc: found::DmarcResult {
            result,
            domain: Some(domain("news.example.net")),
            policy_domain: Some("example.net".into()),
            record: Some(record.into()),
            published: DmarcPolicy::Reject,
            applied,
            dkim_aligned: passes,
            spf_aligned: false,
        },
        arc: found::ArcResult::default(),
        author: Author::Domain(domain("news.example.net")),
    }
}

const RECORD: &str = "v=DMARC1; p=reject; sp=quarantine; adkim=s; rua=mailto:d@example.net";

fn told(judgement: &Judgement, decision: &Decision) -> String {
    let mail = JudgedMail::of(UnixMillis::new(1), judgement, decision).unwrap();
    assert_eq!(mail.domain(), &domain("example.net"));
    AggregateReport::new(domain("example.net"), head(), &mail.policy(), [(mail.kind(), 1)]).to_xml()
}

#[test]
fn what_was_found_and_done_is_told() {
    let reject =
        Decision::Reject { cause: Cause::Dmarc, status: EnhancedCode::new(5, 7, 1), text: String::new() };
    let distrust = Decision::Quarantine { reason: String::new() };
    let (pass, fail) =
        (|record| judgement(record, true, DmarcPolicy::None), |applied| judgement(RECORD, false, applied));
    let xml = told(&pass(RECORD), &Decision::Take);
    for part in [
        "<p>reject</p>",
        "<sp>quarantine</sp>",
        "<adkim>s</adkim>",
        "<source_ip>192.0.2.1</source_ip>",
        "<disposition>pass</disposition>",
        "<header_from>news.example.net</header_from>",
        "<envelope_from>mx.mailer.test</envelope_from>",
        "<selector>s1</selector>",
    ] {
        assert!(xml.contains(part), "{part} in {xml}");
    }
    for (decision, applied, disposition, reason) in [
        (&reject, DmarcPolicy::Reject, "reject", None),
        (&reject, DmarcPolicy::None, "reject", Some("local_policy")),
        (&distrust, DmarcPolicy::Quarantine, "quarantine", None),
        (&Decision::Take, DmarcPolicy::None, "none", None),
        (&Decision::Take, DmarcPolicy::Reject, "none", Some("trusted_forwarder")),
    ] {
        let xml = told(&fail(applied), decision);
        assert!(xml.contains(&format!("<disposition>{disposition}</disposition>")), "{xml}");
        assert_eq!(xml.contains("<reason>"), reason.is_some(), "{xml}");
        assert!(reason.is_none_or(|reason| xml.contains(&format!("<type>{reason}</type>"))), "{xml}");
    }
}

#[test]
fn nothing_is_told_to_who_does_not_ask_or_before_it_is_decided() {
    let of =
        |judgement: &Judgement, decision: &Decision| JudgedMail::of(UnixMillis::new(1), judgement, decision);
    assert_eq!(of(&judgement("v=DMARC1; p=reject", true, DmarcPolicy::None), &Decision::Take), None);
    let later = Decision::Defer { status: EnhancedCode::new(4, 7, 1), text: String::new() };
    assert_eq!(of(&judgement(RECORD, false, DmarcPolicy::None), &later), None);
}

#[test]
fn messages_that_a_report_does_not_tell_apart_are_of_one_kind() {
    let one = judged("192.0.2.1", "example.net", true);
    assert_eq!(one.kind(), judged("::ffff:192.0.2.1", "EXAMPLE.net", true).kind());
    assert_ne!(one.kind(), judged("192.0.2.2", "example.net", true).kind());
    assert_ne!(one.kind(), judged("192.0.2.1", "example.net", false).kind());
    assert!(!one.kind().contains("customer"), "recipients are told nobody");
}

#[test]
fn the_document_is_as_the_rfc_orders_it() {
    let xml = report(vec![(judged("192.0.2.1", "example.net", true).kind(), 3)]).to_xml();
    let order = [
        "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>",
        "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">",
        "<version>1.0</version>",
        "<report_metadata>",
        "<org_name>Müller&amp;Söhne Mail</org_name>",
        "<email>dmarc@mail.example.org</email>",
        "<extra_contact_info>https://mail.example.org/dmarc?a=1&amp;b=2</extra_contact_info>",
        "<report_id>1795219200000.example.net@mail.example.org</report_id>",
        "<begin>1795219200</begin>",
        "<end>1795305599</end>",
        "<policy_published>",
        "<domain>example.net</domain>",
        "<p>none</p>",
        "<record>",
        "<source_ip>192.0.2.1</source_ip>",
        "<count>3</count>",
        "<disposition>none</disposition>",
        "<dkim>pass</dkim>",
        "<spf>fail</spf>",
        "<envelope_from>bounce.example.net</envelope_from>",
        "<header_from>example.net</header_from>",
        "<selector>s1</selector>",
        "<scope>mfrom</scope>",
        "</feedback>",
    ];
    let mut rest = xml.as_str();
    for part in order {
        let (_, after) =
            rest.split_once(part).unwrap_or_else(|| panic!("{part} is not in its place in\n{xml}"));
        rest = after;
    }
    assert!(!xml.contains("envelope_to"));
}

#[test]
fn the_mail_is_named_as_the_rfc_says() {
    let mail = String::from_utf8(mail(&report(Vec::new()))).unwrap();
    let unfolded = mail.replace("\r\n ", " ").replace("\r\n\t", " ").replace("  ", " ");
    for expected in [
        "From: <dmarc@mail.example.org>\r\n",
        "To: <reports@example.net>\r\n",
        "Subject: Report Domain: example.net Submitter: mail.example.org \
         Report-ID: <1795219200000.example.net@mail.example.org>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Content-Type: application/gzip",
        "filename=\"mail.example.org!example.net!1795219200!1795305599.xml.gz\"",
    ] {
        assert!(unfolded.contains(expected), "{expected} in\n{mail}");
    }
    assert!(
        mail.is_ascii() && mail.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n']))
    );
}

#[test]
fn what_strangers_wrote_cannot_break_the_document() {
    let hostile = "x\u{0}\u{8}]]></domain><record>&\u{ffff}";
    let kind = judged("192.0.2.1", hostile, true).kind();
    let xml = report(vec![(kind, 1), ("no record".to_owned(), 5)]).to_xml();
    assert_eq!(xml.matches("<record>").count(), 1, "{xml}");
    assert!(!xml.contains(['\u{0}', '\u{8}', '\u{ffff}']));
}

proptest! {
    #[test]
    fn what_we_write_we_read(
        rows in proptest::collection::vec((any::<[u8; 4]>(), any::<bool>(), "[a-z&<>'\"\\PC]{1,12}", 1u64..100_000), 1..30)
    ) {
        let kinds: Vec<_> = rows
            .iter()
            .map(|([a, b, c, d], passes, signer, count)| {
                (judged(&format!("{a}.{b}.{c}.{d}"), signer, *passes).kind(), *count)
            })
            .collect();
        let Ok(ReportReceived::Dmarc(read)) = report_in::read(&mail(&report(kinds))) else {
            return Err(TestCaseError::fail("not read"));
        };
        prop_assert_eq!(read.domain.as_str(), "example.net");
        prop_assert_eq!(&read.organization, "Müller&Söhne Mail");
        prop_assert_eq!(read.total(), rows.iter().map(|row| row.3).sum::<u64>());
        prop_assert_eq!(read.aligned(), rows.iter().filter(|row| row.1).map(|row| row.3).sum::<u64>());
    }
}
