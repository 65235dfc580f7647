//! Bounds and rules; the shapes of reports are in `tests/return_path.rs`.

use super::*;
use crate::{
    classify::BounceClass,
    dsn::Action,
    smtp::verdict::{Fault, Outcome},
};
use proptest::prelude::*;
use std::sync::LazyLock;

static RULES: LazyLock<BounceRules> = LazyLock::new(BounceRules::builtin);

/// A report about `ann@example.org` with these fields about her, a notice, and what makes it a bounce.
fn dsn(fields: &str, notice: &str) -> String {
    format!(
        "From: mailer-daemon@mx.example\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\n{notice}\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n\
         Final-Recipient: rfc822; ann@example.org\r\n{fields}\r\n--b--\r\n"
    )
}

fn only(message: &str) -> RecipientReport {
    match classify(message.as_bytes(), &RULES) {
        Inbound::Report(mut report) if report.recipients.len() == 1 => report.recipients.remove(0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_at_all_is_nothing() {
    for message in [&b""[..], b"\r\n", b"\0", b"\xff\xfe", b"Subject: hello\r\n\r\nHi\r\n"] {
        assert_eq!(classify(message, &RULES), Inbound::Other, "{message:?}");
    }
}

#[test]
fn the_receivers_own_words_count_for_more_than_the_reporters_status() {
    let cases = [
        // A code of the receiver's beats the reporter's.
        ("Status: 5.1.1", "550 5.7.1 Rejected as spam", "5.7.1", BounceClass::SpamContent),
        // Its words do, where it gave no enhanced code and the status blames the address.
        ("Status: 5.1.1", "554 Your IP is listed in zen.spamhaus.org", "5.7.1", BounceClass::Blocklisted),
        // A vague one is no better than none.
        ("Status: 5.0.0", "550 5.0.0 mailbox unavailable: user unknown", "5.1.1", BounceClass::NoSuchMailbox),
        ("Status: 5.1.1", "550 5.0.0 no", "5.1.1", BounceClass::NoSuchMailbox),
        // A temporary refusal that was given up says little about the address.
        ("Status: 5.4.7", "451 4.3.0 try again later", "4.3.0", BounceClass::Connection),
    ];
    for (status, words, expected, class) in cases {
        let read = only(&dsn(&format!("Action: failed\r\n{status}\r\nDiagnostic-Code: smtp; {words}"), ""));
        let failure = read.failure.clone().unwrap();
        assert_eq!(
            (read.status.to_string().as_str(), failure.class),
            (expected, class),
            "{words}: {failure:?}"
        );
        assert_eq!(read.is_hard_bounce(), expected.starts_with('5'), "{words}");
    }
}

#[test]
fn only_what_failed_is_a_bounce() {
    for (action, bounce, failed) in [
        ("failed", true, true),
        ("delayed", false, true),
        ("relayed", false, false),
        ("delivered", false, false),
        ("expanded", false, false),
    ] {
        let read = only(&dsn(&format!("Action: {action}\r\nStatus: 5.1.1"), ""));
        assert_eq!((read.is_bounce(), read.is_hard_bounce()), (bounce, bounce), "{action}");
        assert_eq!(read.failure.is_some(), failed, "{action}");
        if read.action == Action::Delayed {
            assert_eq!(read.failure.map(|failure| failure.outcome), Some(Outcome::Soft));
        }
    }
}

#[test]
fn a_refusal_without_a_reason_blames_nobody() {
    let read = only(&dsn("Action: failed\r\nStatus: 5.0.0", "Something went wrong."));
    let failure = read.failure.unwrap();
    assert_eq!(
        (failure.class, failure.fault, &*failure.rule),
        (BounceClass::Other, Fault::Unknown, "report/no-reason")
    );
}

#[test]
fn values_are_bounded_and_printable() {
    let long = "x".repeat(100_000);
    let fields = format!(
        "Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 \x1b[31m{long}\r\nRemote-MTA: dns; {long}"
    );
    let read = only(&dsn(&fields, ""));
    for text in [read.diagnostic.unwrap(), read.remote_mta.unwrap()] {
        assert!(text.chars().count() <= 1_000 && !text.contains(char::is_control));
    }
}

#[test]
fn numbers_of_recipients_are_bounded() {
    let group = "Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n";
    let Inbound::Report(report) =
        classify(dsn(&format!("Action: failed\r\n\r\n{}", group.repeat(5_000)), "").as_bytes(), &RULES)
    else {
        panic!("no report")
    };
    assert_eq!(report.recipients.len(), 1_000);
    let lines: String = (0..5_000).map(|n| format!("<{n}@b.example>: unknown user\r\n\r\n")).collect();
    let prose =
        format!("From: mailer-daemon@mx.example\r\n\r\nThis is the qmail-send program\r\n\r\n{lines}");
    let Inbound::Report(report) = classify(prose.as_bytes(), &RULES) else { panic!("no report") };
    assert_eq!(report.recipients.len(), 100);
}

#[test]
fn our_own_addresses_are_never_the_recipient() {
    let message = "From: mailer-daemon@mx.example\r\nTo: b-1@return.example\r\nSubject: failure notice\r\n\r\n\
        Message from b-1@return.example by mailer-daemon@mx.example failed permanently.\r\n";
    assert_eq!(only(message).recipient, None);
}

/// Whatever is repeated, this ends (how soon, the measuring test in `tests/return_path.rs` says).
#[test]
fn repetition_does_no_harm() {
    let head = "From: mailer-daemon@mx.example\r\nSubject: undeliverable\r\n";
    let pieces = [
        "@",
        "a@b.example ",
        "<",
        "<p",
        "--b\r\n",
        "550 ",
        "5.1.1-",
        "Final-Recipient: ",
        "\r\n\r\n",
        "=?",
        "(",
        "\"",
        "&lt;",
        "X: y\r\n",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
        "\u{3042}",
    ];
    for kind in ["text/plain", "text/html", "multipart/report; boundary=b", "message/delivery-status"] {
        for piece in pieces {
            let body = piece.repeat(MAX_READ / 4 / piece.len());
            classify(format!("{head}Content-Type: {kind}\r\n\r\n{body}").as_bytes(), &RULES);
            classify(format!("{head}Content-Type: {kind}\r\nX: {body}").as_bytes(), &RULES);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn anything_can_be_classified(lines in prop::collection::vec(prop::sample::select(vec![
        "From: MAILER-DAEMON@mx.example", "Subject: failure notice", "Auto-Submitted: auto-replied", "Return-Path: <>",
        "Content-Type: multipart/report; boundary=b", "Content-Type: message/delivery-status", "--b", "--b--", "",
        "Content-Type: message/feedback-report", "Feedback-Type: abuse", "Original-Rcpt-To: <a@b.example>",
        "Content-Type: message/rfc822", "Message-ID: <1@b.example>", "X-Failed-Recipients: a@b.example",
        "Final-Recipient: rfc822; a@b.example", "Action: failed", "Action: delayed", "Status: 5.1.1", "Status: 4.x",
        "Diagnostic-Code: smtp; 550-5.1.1 no", "This is the qmail-send program", "<a@b.example>:", "user unknown",
        "Content-Type: text/html; charset=gbk", "<p>a@b.example", "550", "--- Below this line is a copy of the message.",
        "has not yet been delivered"]), 0..40), crlf: bool) {
        let message = lines.join(if crlf { "\r\n" } else { "\n" });
        if let Inbound::Report(report) = classify(message.as_bytes(), &RULES) {
            prop_assert!(!report.recipients.is_empty());
            for recipient in report.recipients {
                let Some(failure) = recipient.failure else { continue };
                let class = if failure.outcome == Outcome::Hard { 5 } else { 4 };
                prop_assert_eq!(recipient.status.class(), class);
            }
        }
    }
}
