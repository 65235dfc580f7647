//! Delivery reports that we write: made of the words of strangers, they are whole messages all the same, and say
//! of every recipient what we said.
//!
//! Pieces: the original message, the receiver's reply, its name, ENVID, ORCPT, the recipient.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailwright_engine::{
    address::{Domain, EmailAddress},
    dsn::{
        Action, EnvelopeId, OriginalRecipient, RemoteMta, Report, ReportKind, ReportedRecipient, Ret,
        read_report,
    },
    id::QueueId,
    message::{fields, split_header},
    smtp::{
        reply::ReplyParser,
        verdict::{Phase, Verdict, judge},
    },
    time::UnixMillis,
};
use mailwright_fuzz::{Knobs, assert_smtp_form, pieces};

/// The fields that the header of a report has, and no other.
const HEADER: [&str; 10] = [
    "Date",
    "Message-ID",
    "From",
    "To",
    "Subject",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
];
const NOW: UnixMillis = UnixMillis::new(1_795_255_445_123);

fuzz_target!(|data: &[u8]| {
    let Some((knobs, rest)) = Knobs::take(data) else { return };
    let mut rest = pieces(rest);
    let mut next = || rest.next().unwrap_or_default();
    let (original, reply, host) = (next(), next(), String::from_utf8_lossy(next()));
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let (envid, orcpt) = (EnvelopeId::parse(&text(next())), OriginalRecipient::parse(&text(next())));
    let Ok(address) = EmailAddress::parse(&text(next())) else { return };
    let verdict = verdict(reply);
    let recipient = ReportedRecipient {
        address: &address,
        orcpt: orcpt.as_ref(),
        kind: kind(knobs),
        verdict: &verdict,
        remote: knobs.is_on(2).then_some(RemoteMta { host: &host, ip: None }),
        last_attempt: knobs.is_on(3).then_some(NOW),
    };
    check(&recipient, envid.as_ref(), original, knobs);
});

fn kind(knobs: Knobs) -> ReportKind {
    match knobs.choice(0) {
        0 => ReportKind::Delayed { will_retry_until: NOW },
        1 => ReportKind::Relayed,
        _ => ReportKind::Failed,
    }
}

/// What the receiver's words mean, if they are a reply; else a verdict that quotes them.
fn verdict(words: &[u8]) -> Verdict {
    let mut parser = ReplyParser::default();
    parser.feed(words);
    match parser.next_reply() {
        Ok(Some(reply)) => judge(Phase::Rcpt, &reply),
        Ok(None) => Verdict::tls_failed(&String::from_utf8_lossy(words)),
        Err(error) => Verdict::protocol_error(Phase::Dot, &error),
    }
}

fn check(recipient: &ReportedRecipient<'_>, envid: Option<&EnvelopeId>, original: &[u8], knobs: Knobs) {
    let (mta, daemon) = (Domain::parse("mx.example"), EmailAddress::parse("mailer-daemon@mx.example"));
    let (mta, daemon) = (mta.expect("a domain"), daemon.expect("an address"));
    let report = Report {
        reporting_mta: &mta,
        from: &daemon,
        to: recipient.address,
        envid,
        ret: [None, Some(Ret::Full), Some(Ret::Headers), None][usize::from(knobs.choice(4))],
        original_id: QueueId::from_raw(1),
        arrival: NOW,
        recipients: std::slice::from_ref(recipient),
        original,
        id: QueueId::from_raw(2),
        date: NOW,
    };
    let mail = report.write();
    assert_smtp_form(&mail.content);
    check_header(&mail.content);
    check_status(&mail.content, recipient, envid);
}

fn check_header(content: &[u8]) {
    let (header, _) = split_header(content);
    for field in fields(header) {
        let known = HEADER.iter().any(|name| field.is(name)) || field.is("Content-Transfer-Encoding");
        assert!(known, "a field from elsewhere: {}", field.raw().escape_ascii());
    }
}

fn check_status(content: &[u8], recipient: &ReportedRecipient<'_>, envid: Option<&EnvelopeId>) {
    let status = read_report(content).expect("we read what we write");
    let [read] = status.recipients.as_slice() else { panic!("one recipient became {:?}", status.recipients) };
    let action = match recipient.kind {
        ReportKind::Failed => Action::Failed,
        ReportKind::Delayed { .. } => Action::Delayed,
        ReportKind::Relayed => Action::Relayed,
    };
    assert_eq!(read.action, action);
    assert_eq!(read.final_recipient.text, recipient.address.as_str());
    assert!(read.status.is_some());
    assert_eq!(status.envid.is_some(), envid.is_some());
}
