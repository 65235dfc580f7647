//! Whole reports.

use super::*;
use crate::{
    dsn::{Action, read_report},
    smtp::{
        reply::{EnhancedCode, Reply, SmtpCode},
        verdict::{Outcome, Phase, judge},
    },
};
use proptest::prelude::*;

const NOW: UnixMillis = UnixMillis::new(1_795_255_445_123);
const ORIGINAL: &[u8] = b"Message-ID: <1@b.example>\r\nSubject: hello\r\n\r\nIt is me.\r\n";

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn refused(text: &str) -> Verdict {
    let status = EnhancedCode::new(5, 1, 1);
    judge(Phase::Rcpt, &Reply::new(SmtpCode::MAILBOX_UNAVAILABLE, Some(status), text))
}

/// What reports in these tests have in common; the tests change what they are about.
struct Original {
    to: EmailAddress,
    envid: Option<EnvelopeId>,
    ret: Option<Ret>,
    content: Vec<u8>,
}

impl Default for Original {
    fn default() -> Self {
        Self { to: address("ann@b.example"), envid: None, ret: None, content: ORIGINAL.to_vec() }
    }
}

impl Original {
    fn report(&self, recipients: &[ReportedRecipient<'_>]) -> ReportMail {
        let report = Report {
            reporting_mta: &Domain::parse("mail.example.org").unwrap(),
            from: &address("MAILER-DAEMON@mail.example.org"),
            to: &self.to,
            envid: self.envid.as_ref(),
            ret: self.ret,
            original_id: QueueId::from_raw(0x1f),
            arrival: UnixMillis::new(NOW.as_millis() - 60_000),
            recipients,
            original: &self.content,
            id: QueueId::from_raw(0x2f),
            date: NOW,
        };
        report.write()
    }
}

fn report(recipients: &[ReportedRecipient<'_>]) -> ReportMail {
    Original::default().report(recipients)
}

fn text(mail: ReportMail) -> String {
    String::from_utf8(mail.content).unwrap()
}

fn recipient<'a>(address: &'a EmailAddress, kind: ReportKind, verdict: &'a Verdict) -> ReportedRecipient<'a> {
    ReportedRecipient { address, orcpt: None, kind, verdict, remote: None, last_attempt: Some(NOW) }
}

const REMOTE: RemoteMta<'static> =
    RemoteMta { host: "mx.c.example", ip: Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1))) };

/// In the shape of the examples in RFC 3464 section 9.
const FAILED: &str = r#"Date: Sat, 21 Nov 2026 10:04:05 +0000
Message-ID: <0000000000002f@mail.example.org>
From: Mail Delivery System <MAILER-DAEMON@mail.example.org>
To: <ann@b.example>
Subject: Your message could not be delivered
In-Reply-To: <1@b.example>
References: <1@b.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="BOUNDARY"

--BOUNDARY
Content-Type: text/plain; charset=us-ascii
Content-Description: Notification
Content-Transfer-Encoding: 7bit

This is the mail system at mail.example.org.

Your message could not be delivered to the following recipients. It will
not be tried again.

  bob@c.example
  (you wrote to b+x@d.example)
    Why: There is no such mailbox, says the receiving server.
    mx.c.example (192.0.2.1) said:
      550 5.1.1 no such user here
    What you can do: Look for a mistake in the part before the @, or ask
    the recipient for the right address.

A report for programs and what came back of your message are attached. If
you ask the postmaster of mail.example.org, name the id 0000000000001f.

--BOUNDARY
Content-Type: message/delivery-status
Content-Description: Delivery report
Content-Transfer-Encoding: 7bit

Original-Envelope-Id: QQ+1
Reporting-MTA: dns; mail.example.org
Arrival-Date: Sat, 21 Nov 2026 10:03:05 +0000
X-Mailwright-Queue-ID: 0000000000001f

Original-Recipient: rfc822; b+x@d.example
Final-Recipient: rfc822; bob@c.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.c.example
Diagnostic-Code: smtp; 550 5.1.1 no such user here
Last-Attempt-Date: Sat, 21 Nov 2026 10:04:05 +0000

--BOUNDARY
Content-Type: text/rfc822-headers
Content-Description: Header of the message
Content-Transfer-Encoding: 7bit

Message-ID: <1@b.example>
Subject: hello

--BOUNDARY--
"#;

#[test]
fn a_failure_looks_like_the_examples_of_the_rfc() {
    let (bob, verdict) = (address("bob@c.example"), refused("no such\nuser here"));
    let orcpt = OriginalRecipient::parse("rfc822;b+2Bx@d.example").unwrap();
    let failed = ReportedRecipient {
        orcpt: Some(&orcpt),
        remote: Some(REMOTE),
        ..recipient(&bob, ReportKind::Failed, &verdict)
    };
    let original = Original { envid: EnvelopeId::parse("QQ+2B1"), ..Original::default() };
    let mail = original.report(&[failed]);
    assert_eq!((mail.body, mail.smtputf8), (BodyType::SevenBit, SmtpUtf8::NotNeeded));
    let text = text(mail);
    let (_, boundary) = text.split_once("boundary=\"").unwrap();
    let (boundary, _) = boundary.split_once('"').unwrap();
    assert_eq!(text.replace(boundary, "BOUNDARY").replace("\r\n", "\n"), FAILED);
}

#[test]
fn a_delay_says_until_when_and_that_nothing_need_be_done() {
    let bob = address("bob@c.example");
    let verdict = Verdict::connect_failure("connection refused");
    let kind =
        ReportKind::Delayed { will_retry_until: NOW.saturating_add(std::time::Duration::from_secs(3600)) };
    let text = text(report(&[recipient(&bob, kind, &verdict)]));
    for expected in [
        "Subject: Your message is delayed\r\n",
        "need not send it again",
        "    In detail: cannot connect: connection refused\r\n",
        "    It will be tried until Sat, 21 Nov 2026 11:04:05 +0000.\r\n",
        "Action: delayed\r\nStatus: 4.4.1\r\n\
         Diagnostic-Code: x-mailwright; cannot connect: connection refused\r\n",
        "Will-Retry-Until: Sat, 21 Nov 2026 11:04:05 +0000\r\n",
    ] {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
    assert!(!text.contains("What you can do") && !text.contains("Remote-MTA"), "{text}");
}

#[test]
fn an_expired_message_is_explained_by_its_last_failure() {
    let bob = address("bob@c.example");
    let verdict = Verdict::expired(&Verdict::lost(Phase::Dot, &crate::smtp::verdict::Loss::TimedOut));
    let text = text(report(&[recipient(&bob, ReportKind::Failed, &verdict)]));
    assert!(
        text.contains("Why: The time for delivery is over. The last time: The receiving server"),
        "{text}"
    );
    assert!(text.contains("Action: failed\r\nStatus: 4.4.7\r\n"), "{text}");
}

#[test]
fn one_report_tells_of_recipients_with_different_fates() {
    let (bob, cleo) = (address("bob@c.example"), address("cleo@c.example"));
    let bad = refused("no");
    let good = judge(Phase::Dot, &Reply::new(SmtpCode::OK, Some(EnhancedCode::new(2, 6, 0)), "queued"));
    assert_eq!(good.outcome, Outcome::Delivered);
    let relayed = recipient(&cleo, ReportKind::Relayed, &good);
    let mail = report(&[relayed, recipient(&bob, ReportKind::Failed, &bad)]);
    let actions: Vec<_> = read_report(&mail.content).unwrap().recipients.iter().map(|r| r.action).collect();
    assert_eq!(actions, [Action::Relayed, Action::Failed]);
    assert!(text(mail).contains("Subject: Your message could not be delivered\r\n"));
    let alone = text(report(&[relayed]));
    assert!(alone.contains("Subject: Your message was handed on\r\n"));
    assert!(alone.contains("Action: relayed\r\nStatus: 2.6.0\r\n") && !alone.contains("Why:"), "{alone}");
}

#[test]
fn returns_the_whole_message_only_for_failures_and_only_when_asked_and_small() {
    let (bob, verdict) = (address("bob@c.example"), refused("no"));
    let delayed = ReportKind::Delayed { will_retry_until: NOW };
    let large = [ORIGINAL, &vec![b'a'; MAX_RETURNED]].concat();
    let cases = [
        (ReportKind::Failed, Some(Ret::Full), ORIGINAL.to_vec(), "message/rfc822"),
        (ReportKind::Failed, Some(Ret::Headers), ORIGINAL.to_vec(), "text/rfc822-headers"),
        (ReportKind::Failed, None, ORIGINAL.to_vec(), "text/rfc822-headers"),
        (ReportKind::Failed, Some(Ret::Full), large, "text/rfc822-headers"),
        (delayed, Some(Ret::Full), ORIGINAL.to_vec(), "text/rfc822-headers"),
    ];
    for (kind, ret, content, media_type) in cases {
        let original = Original { ret, content, ..Original::default() };
        let text = text(original.report(&[recipient(&bob, kind, &verdict)]));
        assert!(text.contains(&format!("Content-Type: {media_type}\r\n")), "{kind:?} {ret:?}");
        assert_eq!(text.contains("It is me."), media_type == "message/rfc822");
    }
}

#[test]
fn header_fields_in_utf8_come_back_as_what_they_are() {
    let (bob, verdict) = (address("bob@c.example"), refused("no"));
    let content = "Message-ID: <é@b.example>\r\nSubject: é\r\n\r\nbody\r\n".as_bytes().to_vec();
    let full = |ret| {
        let original = Original { ret, content: content.clone(), ..Original::default() };
        original.report(&[recipient(&bob, ReportKind::Failed, &verdict)])
    };
    let mail = full(None);
    // The content is 8-bit, the addresses on its way are not.
    assert_eq!((mail.body, mail.smtputf8), (BodyType::EightBitMime, SmtpUtf8::NotNeeded));
    let text = text(mail);
    assert!(text.contains("Content-Type: message/global-headers\r\n"), "{text}");
    assert!(!text.contains("In-Reply-To"), "an id that is no id is not repeated: {text}");
    let whole = String::from_utf8(full(Some(Ret::Full)).content).unwrap();
    assert!(whole.contains("Content-Type: message/global\r\n"), "{whole}");
}

#[test]
fn addresses_in_utf8_are_escaped_unless_the_sender_has_one() {
    let (bob, verdict) = (address("bé@c.example"), refused("nö"));
    let recipients = [recipient(&bob, ReportKind::Failed, &verdict)];
    let plain = report(&recipients);
    assert_eq!(plain.smtputf8, SmtpUtf8::NotNeeded);
    let plain = text(plain);
    assert!(plain.contains("Final-Recipient: utf-8; b\\x{E9}@c.example\r\n"), "{plain}");
    assert!(plain.contains("Diagnostic-Code: smtp; 550 5.1.1 n\\x{F6}\r\n"), "{plain}");
    assert!(plain.contains("text/plain; charset=utf-8"), "{plain}");
    let mail = Original { to: address("é@b.example"), ..Original::default() }.report(&recipients);
    assert_eq!((mail.body, mail.smtputf8), (BodyType::EightBitMime, SmtpUtf8::Needed));
    let text = text(mail);
    assert!(text.contains("report-type=global-delivery-status;"), "{text}");
    assert!(text.contains("Content-Type: message/global-delivery-status\r\n"), "{text}");
    assert!(text.contains("Final-Recipient: utf-8; bé@c.example\r\n"), "{text}");
    assert!(text.contains("Diagnostic-Code: smtp; 550 5.1.1 nö\r\n"), "{text}");
}

#[test]
fn the_original_cannot_end_its_part() {
    let (bob, verdict) = (address("bob@c.example"), refused("no"));
    let recipients = [recipient(&bob, ReportKind::Failed, &verdict)];
    let guessed = format!("=_{:016x}", spread(0x2f));
    assert!(text(report(&recipients)).contains(&guessed), "the test knows the boundary");
    let content = format!("Subject: x\r\n--{guessed}--: x\r\n\r\n").into_bytes();
    let text = text(Original { content, ..Original::default() }.report(&recipients));
    assert_eq!(text.matches(&guessed).count(), 1);
    assert_eq!(text.matches(&format!("=_{:016x}", spread(0x30))).count(), 5);
}

proptest! {
    // Without angle brackets, for the reader takes those off that some servers put around an address.
    #[test]
    fn what_we_write_we_read(
        local in "[a-zé][a-z+é]{0,20}", orcpt in "(rfc822;[!-*.-;?-~]{1,60}|utf-8;[é!-*.-;?-~]{1,60})",
        words in "\\PC{0,300}", envid in "[!-*.-<>-~]{1,60}", to in "[a-zé]{1,8}"
    ) {
        let bob = address(&format!("{local}@c.example"));
        let orcpt = OriginalRecipient::parse(&orcpt);
        let verdict = refused(&words);
        let failed = ReportedRecipient {
            orcpt: orcpt.as_ref(),
            remote: Some(REMOTE),
            ..recipient(&bob, ReportKind::Failed, &verdict)
        };
        let original = Original {
            to: address(&format!("{to}@b.example")),
            envid: EnvelopeId::parse(&envid),
            ret: Some(Ret::Full),
            ..Original::default()
        };
        let mail = original.report(&[failed]);
        let read = read_report(&mail.content).unwrap();
        prop_assert_eq!(read.envid.as_deref(), original.envid.as_ref().map(EnvelopeId::as_str));
        let got = &read.recipients[0];
        prop_assert_eq!(got.final_recipient.text.as_str(), bob.as_str());
        let first = got.original.as_ref().map(|first| first.text.as_str());
        prop_assert_eq!(first, orcpt.as_ref().map(OriginalRecipient::address));
        prop_assert_eq!((got.action, got.status), (Action::Failed, Some(verdict.status)));
        if words.is_ascii() || mail.smtputf8 == SmtpUtf8::Needed {
            let solid = |text: &str| text.split_whitespace().collect::<String>();
            let said = verdict.reply.as_ref().map(|reply| solid(&reply.to_string()));
            prop_assert_eq!(got.diagnostic.as_ref().map(|diagnostic| solid(&diagnostic.text)), said);
        }
    }

    #[test]
    fn hostile_text_makes_no_field_and_no_line_of_its_own(
        words in "[\\x00-\\x7fé]{0,400}", host in "[\\x00-\\x7fé]{0,300}", content in "[\\x00-\\x7fé:]{0,400}"
    ) {
        let bob = address("bob@c.example");
        let verdict = refused(&words);
        let remote = RemoteMta { host: &host, ip: None };
        let failed = ReportedRecipient { remote: Some(remote), ..recipient(&bob, ReportKind::Failed, &verdict) };
        let original = Original { content: content.into_bytes(), ret: Some(Ret::Full), ..Original::default() };
        let text = text(original.report(&[failed]));
        prop_assert!(!text.contains('\0') && !text.replace("\r\n", "").contains(['\r', '\n']));
        prop_assert!(text.split("\r\n").all(|line| line.len() <= 998));
        let (header, _) = text.split_once("\r\n\r\n").unwrap();
        prop_assert!((9..=12).contains(&header.replace("\r\n\t", "").split("\r\n").count()), "{}", header);
        let (_, status) = text.split_once("Content-Description: Delivery report").unwrap();
        let (_, status) = status.split_once("Final-Recipient:").unwrap();
        let (status, _) = status.split_once("\r\n\r\n").unwrap();
        let names: Vec<_> = status.split("\r\n").skip(1).filter(|line| !line.starts_with(' ')).collect();
        prop_assert_eq!(names.len(), 5, "{}", status);
    }
}
