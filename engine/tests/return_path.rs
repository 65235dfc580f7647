//! What arrives at a return path, in the shapes that are met in the world.
//!
//! `return_path/NAME.eml` is a message and `return_path/NAME.txt` what is to be made of it. The messages are
//! written after the shapes of real ones; addresses and hosts are examples. Run with `UPDATE_EXPECTED=1` to write
//! the expectations anew, and read them before you keep them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must fail")]

use mailwright_engine::{
    classify::BounceRules,
    dsn::Action,
    return_path::inbound::{
        BounceReport, Complaint, Inbound, OriginalMessage, RecipientReport, ReportForm, classify,
    },
    smtp::verdict::Outcome,
};
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

/// Fewest shapes there must be, lest they be lost unseen.
const FEWEST: usize = 60;

/// The messages, in the order of their names.
fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/return_path");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut messages: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|kind| kind == "eml")).collect();
    messages.sort();
    messages
}

/// A message with the line ends it has on the wire.
fn on_the_wire(content: &[u8]) -> Vec<u8> {
    let lines = content.split_inclusive(|&octet| octet == b'\n');
    lines
        .flat_map(|line| line.strip_suffix(b"\n").map_or(line.to_vec(), |text| [text, b"\r\n"].concat()))
        .collect()
}

fn shown(inbound: &Inbound) -> String {
    match inbound {
        Inbound::Report(report) => shown_report(report),
        Inbound::Complaint(complaint) => shown_complaint(complaint),
        Inbound::AutoReply(kind) => format!("auto-reply {kind:?}\n"),
        Inbound::Challenge => "challenge\n".to_owned(),
        Inbound::Statistics(kind) => format!("statistics {kind:?}\n"),
        Inbound::Other => "other\n".to_owned(),
    }
}

fn shown_report(report: &BounceReport) -> String {
    let form = match report.form {
        ReportForm::Dsn => "dsn",
        ReportForm::Prose(style) => style,
    };
    let mut text = format!("report {form}\n");
    push(&mut text, "reporting-mta", report.reporting_mta.as_deref());
    push(&mut text, "envid", report.envid.as_deref());
    push_original(&mut text, &report.original);
    report.recipients.iter().for_each(|recipient| push_recipient(&mut text, recipient));
    text
}

/// `ann@example.org failed 5.1.1 no_such_mailbox hard`, then what else is known of the recipient.
fn push_recipient(text: &mut String, recipient: &RecipientReport) {
    let address = recipient.recipient.as_deref().unwrap_or("-");
    let action = match recipient.action {
        Action::Failed => "failed",
        Action::Delayed => "delayed",
        Action::Delivered => "delivered",
        Action::Relayed => "relayed",
        Action::Expanded => "expanded",
    };
    let class = match &recipient.failure {
        Some(failure) if failure.outcome == Outcome::Hard => format!("{} hard", failure.class),
        Some(failure) => format!("{} soft", failure.class),
        None => "-".to_owned(),
    };
    let _ = writeln!(text, "{address} {action} {} {class}", recipient.status);
    push(text, "  original", recipient.original.as_deref());
    push(text, "  remote-mta", recipient.remote_mta.as_deref());
}

fn shown_complaint(complaint: &Complaint) -> String {
    let mut text = format!("complaint {:?}\n", complaint.feedback_type);
    push(&mut text, "mail-from", complaint.mail_from.as_deref());
    push(&mut text, "source-ip", complaint.source_ip.map(|ip| ip.to_string()).as_deref());
    if complaint.incidents != 1 {
        push(&mut text, "incidents", Some(&complaint.incidents.to_string()));
    }
    push_original(&mut text, &complaint.original);
    complaint.recipients.iter().for_each(|recipient| push(&mut text, "recipient", Some(recipient)));
    text
}

fn push_original(text: &mut String, original: &OriginalMessage) {
    push(text, "message-id", original.message_id.as_deref());
    push(text, "complaint-id", original.complaint_id.as_deref());
    push(text, "return-path", original.return_path.as_deref());
    push(text, "to", original.to.as_deref());
}

fn push(text: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        let _ = writeln!(text, "{name}: {value}");
    }
}

#[test]
fn every_shape_is_understood() {
    let rules = BounceRules::builtin();
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let (messages, mut wrong) = (corpus(), Vec::new());
    assert!(messages.len() >= FEWEST, "only {} messages", messages.len());
    for path in messages {
        let content = fs::read(&path).unwrap();
        let read = classify(&on_the_wire(&content), &rules);
        let (name, expected) =
            (path.file_stem().unwrap().to_string_lossy().into_owned(), path.with_extension("txt"));
        assert_eq!(classify(&content, &rules), read, "{name}: line ends must not matter");
        if update {
            fs::write(&expected, shown(&read)).unwrap();
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        if shown(&read) != expected {
            wrong.push(format!("{name}\n--- expected\n{expected}--- read\n{}", shown(&read)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Auto-replies and the like must never look like a bounce, whatever is cut off them on the way.
#[test]
fn what_is_cut_off_is_never_a_worse_message() {
    let rules = BounceRules::builtin();
    for path in corpus() {
        let content = on_the_wire(&fs::read(&path).unwrap());
        let whole = classify(&content, &rules);
        let header = content.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
        for end in (header..content.len()).step_by(97) {
            let cut = classify(&content[..end], &rules);
            let turned = matches!(cut, Inbound::Report(_))
                && matches!(whole, Inbound::AutoReply(_) | Inbound::Challenge);
            assert!(!turned, "{} cut at {end} is taken for a bounce", path.display());
        }
    }
}

/// How long it takes: not asserted, for the report of a long run.
#[test]
#[ignore = "measures; run in release mode with --nocapture"]
fn figures() {
    let rules = BounceRules::builtin();
    let messages: Vec<_> = corpus().iter().map(|path| on_the_wire(&fs::read(path).unwrap())).collect();
    let rounds = 20;
    let start = Instant::now();
    for message in messages.iter().cycle().take(rounds * messages.len()) {
        std::hint::black_box(classify(message, &rules));
    }
    let count = u32::try_from(rounds * messages.len()).unwrap();
    println!("{:?} a message of the corpus", start.elapsed() / count);
    let head = "From: mailer-daemon@mx.example\r\nSubject: undeliverable\r\nContent-Type: ";
    let group = "Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\nDiagnostic-Code: smtp; 550 no such user\r\n\r\n";
    for (kind, piece) in [
        ("text/plain", "<a@b.example>: unknown user\r\n\r\n"),
        ("text/html", "<p>a@b.example"),
        ("text/plain", "@"),
        ("message/delivery-status", group),
        ("multipart/mixed; boundary=b", "--b\r\n"),
    ] {
        let body = piece.repeat(1024 * 1024 / piece.len());
        let message = format!("{head}{kind}\r\n\r\n{body}");
        let start = Instant::now();
        std::hint::black_box(classify(message.as_bytes(), &rules));
        println!("{:?} for 1 MiB of {piece:?} as {kind}", start.elapsed());
    }
}
