//! Reports as servers write them, good and bad.

use super::*;
use proptest::prelude::*;

fn typed(kind: &str, text: &str) -> TypedText {
    TypedText { kind: kind.to_owned(), text: text.to_owned() }
}

/// After the example of RFC 3464 section 9.2, with a folded and a commented field.
const STATUS: &str = "Reporting-MTA: dns; cs.utk.edu\r\nOriginal-Envelope-Id: 000001\r\n\r\n\
    Original-Recipient: rfc822;arathib@vnet.ibm.com\r\nFinal-Recipient: rfc822;arathib@vnet.ibm.com\r\n\
    Action: failed\r\nStatus: 5.0.0 (permanent failure)\r\nDiagnostic-Code: smtp;\r\n  550 'arathib@vnet.IBM.COM'\
    \r\n\tis not a registered gateway user\r\nRemote-MTA: dns; vnet.ibm.com\r\n\r\n\
    Final-Recipient: rfc822; johnh@hpnjld.njd.hp.com\r\nAction: delayed\r\nStatus: 4.0.0\r\n";

#[test]
fn reads_a_status_part() {
    let status = read_delivery_status(STATUS.as_bytes()).unwrap();
    assert_eq!(status.reporting_mta, Some(typed("dns", "cs.utk.edu")));
    assert_eq!(status.envid.as_deref(), Some("000001"));
    let failed = RecipientStatus {
        original: Some(typed("rfc822", "arathib@vnet.ibm.com")),
        final_recipient: typed("rfc822", "arathib@vnet.ibm.com"),
        action: Action::Failed,
        status: Some(EnhancedCode::new(5, 0, 0)),
        diagnostic: Some(typed("smtp", "550 'arathib@vnet.IBM.COM' is not a registered gateway user")),
        remote_mta: Some(typed("dns", "vnet.ibm.com")),
    };
    let delayed = RecipientStatus {
        original: None,
        final_recipient: typed("rfc822", "johnh@hpnjld.njd.hp.com"),
        action: Action::Delayed,
        status: Some(EnhancedCode::new(4, 0, 0)),
        diagnostic: None,
        remote_mta: None,
    };
    assert_eq!(status.recipients, [failed, delayed]);
}

#[test]
fn line_ends_and_empty_lines_do_not_matter() {
    let expected = read_delivery_status(STATUS.as_bytes());
    let variants = [
        STATUS.replace("\r\n", "\n"),
        STATUS.replace("\r\n\r\n", "\r\n \t\r\n\r\n"),
        format!("\r\n{}", STATUS.trim_end()),
    ];
    for variant in variants {
        assert_eq!(read_delivery_status(variant.as_bytes()), expected, "{variant:?}");
    }
}

#[test]
fn reads_odd_recipients() {
    let read = |lines: &str| {
        let status = read_delivery_status(lines.as_bytes()).unwrap();
        let first = status.recipients.into_iter().next().unwrap();
        (first.final_recipient, first.status)
    };
    let cases = [
        ("Final-Recipient: RFC822; <a@b.example>\nAction: FAILED\n", typed("rfc822", "a@b.example"), None),
        (
            "final-recipient: a@b.example\naction: failed (gone)\nStatus: bad\n",
            typed("", "a@b.example"),
            None,
        ),
        (
            "Final-Recipient: utf-8; \\x{E9}@b.example\nAction: relayed\nStatus: 2.1.5\n",
            typed("utf-8", "é@b.example"),
            Some(EnhancedCode::new(2, 1, 5)),
        ),
        ("Final-Recipient: utf-8; é@b.example\nAction: expanded\n", typed("utf-8", "é@b.example"), None),
    ];
    for (lines, address, status) in cases {
        assert_eq!(read(lines), (address, status), "{lines}");
    }
}

#[test]
fn says_why_it_is_no_report() {
    for nothing in ["", "Reporting-MTA: dns; a\r\n", "Final-Recipient: rfc822; a@b\r\nAction: bored\r\n"] {
        assert_eq!(read_delivery_status(nothing.as_bytes()), Err(ReadReportError::NoRecipient), "{nothing}");
    }
    let octets = MAX_STATUS + 1;
    assert_eq!(read_delivery_status(&vec![b'a'; octets]), Err(ReadReportError::TooLarge { octets }));
    for message in ["", "Subject: hello\r\n\r\nAction: failed\r\n"] {
        assert_eq!(read_report(message.as_bytes()), Err(ReadReportError::NotAReport), "{message}");
    }
}

#[test]
fn finds_the_status_part_and_undoes_its_encoding() {
    let report = |subtype: &str, encoding: &str, status: &str| {
        format!(
            "Subject: x\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\nsorry\r\n--b\r\nContent-Type: message/{subtype}\r\n\
             Content-Transfer-Encoding: {encoding}\r\n\r\n{status}\r\n--b--\r\n"
        )
    };
    let base64 = data_encoding::BASE64.encode(STATUS.as_bytes());
    let expected = read_delivery_status(STATUS.as_bytes());
    assert_eq!(read_report(report("delivery-status", "7bit", STATUS).as_bytes()), expected);
    assert_eq!(read_report(report("Global-Delivery-Status", "base64", &base64).as_bytes()), expected);
}

#[test]
fn what_comes_back_of_the_original_is_not_taken_for_the_report() {
    let inner = format!("Content-Type: message/delivery-status\r\n\r\n{STATUS}");
    let forwarded = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b--\r\n"
    );
    assert_eq!(read_report(forwarded.as_bytes()), Err(ReadReportError::NotAReport));
}

#[test]
fn everything_is_bounded() {
    let long = format!("Final-Recipient: rfc822; {}\nAction: failed\n\n", "a".repeat(5_000));
    let status = read_delivery_status(long.repeat(80).as_bytes()).unwrap();
    assert_eq!(status.recipients.len(), 80);
    assert!(status.recipients.iter().all(|r| r.final_recipient.text.len() <= MAX_VALUE));
    let many = "Final-Recipient: rfc822; a@b\nAction: failed\n\n".repeat(2_000);
    assert_eq!(read_delivery_status(many.as_bytes()).unwrap().recipients.len(), MAX_RECIPIENTS);
}

proptest! {
    #[test]
    fn nothing_read_holds_a_control_character(
        lines in proptest::collection::vec(
            "(Final-Recipient|Action|Status|Diagnostic-Code|Reporting-MTA)?:? ?(rfc822;|utf-8;|failed)?[\\PC\\x00-\\x1f]{0,20}",
            0..12,
        ),
        end in "\r?\n"
    ) {
        if let Ok(status) = read_delivery_status(lines.join(&end).as_bytes()) {
            for recipient in status.recipients {
                let RecipientStatus { final_recipient, diagnostic, .. } = recipient;
                for text in [Some(final_recipient), diagnostic, status.reporting_mta.clone()].into_iter().flatten() {
                    prop_assert!(!text.text.contains(char::is_control) && !text.kind.contains(char::is_control));
                }
            }
        }
    }

    #[test]
    fn any_octets_are_read_without_harm(octets: Vec<u8>) {
        let _ = read_report(&octets);
        let _ = read_delivery_status(&octets);
    }
}

/// Messages within messages, as many as fit, must not use up the stack.
#[test]
fn deep_nesting_does_no_harm() {
    let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(100_000);
    let digest = "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n".repeat(50_000);
    for message in [nested, digest] {
        assert_eq!(read_report(message.as_bytes()), Err(ReadReportError::NotAReport));
    }
}
