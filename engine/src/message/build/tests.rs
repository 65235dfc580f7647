//! Built messages, read back.

use super::*;
use crate::message::{Field, fields, split_header};
use proptest::prelude::*;

fn context() -> BuildContext<'static> {
    BuildContext { date: UnixMillis::new(1_795_255_445_123), message_id: "id@example.org", boundary_seed: 7 }
}

fn mailbox(text: &str) -> Mailbox {
    Mailbox::parse(text).unwrap()
}

fn request() -> SendRequest {
    SendRequest {
        from: mailbox("Ann <ann@example.org>"),
        to: vec![mailbox("bob@example.net")],
        cc: Vec::new(),
        bcc: vec![mailbox("hidden@example.net")],
        reply_to: None,
        subject: "Hello".to_owned(),
        html: None,
        text: Some("Hi Bob".to_owned()),
        headers: Vec::new(),
        attachments: Vec::new(),
    }
}

fn file(name: &str, kind: &str, content: &[u8]) -> Attachment {
    Attachment {
        content: content.to_vec(),
        filename: name.to_owned(),
        content_type: kind.to_owned(),
        disposition: Disposition::Attachment,
    }
}

fn inline(id: &str) -> Attachment {
    let disposition = Disposition::Inline { content_id: id.to_owned() };
    Attachment { disposition, ..file("logo.png", "image/png", &[0x89, b'P', 0, 255]) }
}

fn built(change: impl FnOnce(&mut SendRequest)) -> String {
    let mut request = request();
    change(&mut request);
    assert_eq!(request.validate(), Ok(()));
    String::from_utf8(build(&request, &context())).unwrap()
}

/// The value of the first field of that name, unfolded.
fn field(message: &str, name: &str) -> String {
    let (header, _) = split_header(message.as_bytes());
    fields(header).find(|field| field.is(name)).map(|field| field.unfolded()).unwrap()
}

/// The Content-Type of every part in order, without parameters.
fn structure(message: &str) -> Vec<&str> {
    let types = message.lines().filter_map(|line| line.strip_prefix("Content-Type: "));
    types.map(|value| value.split(';').next().unwrap()).collect()
}

fn assert_wire_ready(message: &[u8]) {
    assert!(message.ends_with(b"\r\n"));
    assert_eq!(&*to_crlf(message), message, "a bare CR or LF");
    assert_eq!(memchr::memchr(0, message), None);
    assert_eq!(find_long_line(message), None);
}

#[test]
fn builds_a_plain_message_byte_for_byte() {
    let message = built(|r| {
        r.headers = vec![("x-tag".to_owned(), "1".to_owned()), ("list-ID".to_owned(), "<l.x>".to_owned())];
    });
    let expected = "Date: Sat, 21 Nov 2026 10:04:05 +0000\r\n\
        Message-ID: <id@example.org>\r\n\
        From: \"Ann\" <ann@example.org>\r\n\
        To: <bob@example.net>\r\n\
        Subject: Hello\r\n\
        x-tag: 1\r\n\
        List-Id: <l.x>\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=\"utf-8\"\r\n\
        Content-Transfer-Encoding: 7bit\r\n\
        \r\n\
        Hi Bob\r\n";
    assert_eq!(message, expected);
}

#[test]
fn keeps_hidden_recipients_hidden() {
    assert!(!built(|_| {}).contains("hidden"));
    let alone = built(|r| r.to.clear());
    assert_eq!(field(&alone, "To"), "undisclosed-recipients:;");
    assert!(!alone.contains("hidden"));
}

#[test]
fn orders_its_header_fields() {
    let message = built(|r| {
        r.cc = vec![mailbox("c@example.net")];
        r.reply_to = Some(mailbox("r@example.net"));
        r.headers = vec![("References".to_owned(), "<a@b>".to_owned())];
    });
    let (header, _) = split_header(message.as_bytes());
    let names: Vec<_> = fields(header).map(|f| String::from_utf8_lossy(f.name()).into_owned()).collect();
    let expected = "Date Message-ID From To Cc Reply-To Subject References MIME-Version \
        Content-Type Content-Transfer-Encoding";
    assert_eq!(names.join(" "), expected);
}

#[test]
fn nests_parts_as_deep_as_needed() {
    let html = |r: &mut SendRequest| r.html = Some("<p>Hi</p>".to_owned());
    let (plain, rich) = ("text/plain", "text/html");
    let (mixed, alternative, related) = ("multipart/mixed", "multipart/alternative", "multipart/related");
    let pdf = || file("a.pdf", "application/pdf", b"%PDF");
    assert_eq!(structure(&built(html)), [alternative, plain, rich]);
    let only_html = built(|r| (html(r), r.text = None).0);
    assert_eq!(structure(&only_html), [rich]);
    let picture = built(|r| (html(r), r.text = None, r.attachments = vec![inline("logo")]).0);
    assert_eq!(structure(&picture), [related, rich, "image/png"]);
    let all = built(|r| (html(r), r.attachments = vec![pdf(), inline("logo")]).0);
    assert_eq!(structure(&all), [mixed, alternative, plain, related, rich, "image/png", "application/pdf"]);
    let no_html = built(|r| r.attachments = vec![inline("logo")]);
    assert_eq!(structure(&no_html), [mixed, plain, "image/png"]);
}

#[test]
fn refers_to_inline_files_by_content_id() {
    let message = built(|r| {
        r.html = Some("<img src=\"cid:logo\">".to_owned());
        r.attachments = vec![inline("logo")];
    });
    assert!(message.contains("Content-ID: <logo>\r\n"), "{message}");
    assert!(message.contains("Content-Disposition: inline; filename=\"logo.png\"\r\n"), "{message}");
    assert!(message.contains("type=\"text/html\""), "{message}");
}

#[test]
fn encodes_names_beyond_ascii() {
    let message = built(|r| {
        r.from = mailbox("Änne <anne@bücher.example>");
        r.subject = "Grüße".to_owned();
        r.headers = vec![("X-Note".to_owned(), "später".to_owned())];
        r.attachments = vec![file("Übersicht.pdf", "application/pdf", b"%PDF")];
    });
    assert!(message.is_ascii());
    assert!(field(&message, "From").starts_with("=?utf-8?"), "{message}");
    assert!(field(&message, "From").ends_with("<anne@xn--bcher-kva.example>"), "{message}");
    assert_eq!(field(&message, "Subject"), "=?utf-8?B?R3LDvMOfZQ==?=");
    assert_eq!(field(&message, "X-Note"), "=?utf-8?Q?sp=C3=A4ter?=");
    assert!(message.contains("filename*=UTF-8''%C3%9Cbersicht.pdf"), "{message}");
}

#[test]
fn writes_utf8_local_parts_as_they_are() {
    let message = built(|r| r.to = vec![mailbox("почта@example.net")]);
    assert_eq!(field(&message, "To"), "<почта@example.net>");
}

#[test]
fn folds_long_ascii_values_without_encoding_them() {
    let value = "<0123456789012345678901234567@example.org> ".repeat(20).trim().to_owned();
    let message = built(|r| r.headers = vec![("References".to_owned(), value.clone())]);
    assert_eq!(field(&message, "References"), value);
    assert!(message.lines().all(|line| line.len() <= 78), "{message}");
}

#[test]
fn keeps_unfoldable_values_within_a_line() {
    let message = built(|r| r.headers = vec![("X-Json".to_owned(), "j".repeat(2048))]);
    assert_wire_ready(message.as_bytes());
    assert!(field(&message, "X-Json").starts_with("=?"), "{message}");
}

#[test]
fn bodies_have_whole_line_ends_and_no_raw_control_characters() {
    for body in ["a\nb\rc\r\nd", "a\0b", "a\u{1b}[0mb", "\r", "\u{7f}", "ü\r\rü", &"x".repeat(5000), "end \n"]
    {
        assert_wire_ready(built(|r| r.text = Some(body.to_owned())).as_bytes());
    }
}

#[test]
fn keeps_every_octet_of_a_text_file() {
    let message = built(|r| r.attachments = vec![file("a.csv", "text/csv; header=present", b"a\nb\xff\r")]);
    assert!(message.contains("Content-Type: text/csv; header=\"present\"\r\n"), "{message}");
    assert!(message.contains("\r\nYQpi/w0="), "{message}");
}

#[test]
fn attached_messages_are_not_encoded() {
    let attach = |content: &[u8]| built(|r| r.attachments = vec![file("m.eml", "message/rfc822", content)]);
    let plain = attach(b"Subject: inner\n\nHi\n");
    assert!(
        plain.contains(
            "7bit\r\nContent-Disposition: attachment; filename=\"m.eml\"\r\n\r\nSubject: inner\r\n\r\nHi\r\n"
        ),
        "{plain}"
    );
    let octets = attach(b"Subject: inner\n\n\xff\n");
    assert!(octets.contains("Content-Type: application/octet-stream\r\n"), "{octets}");
}

#[test]
fn equal_arguments_give_equal_bytes_and_seeds_change_boundaries_alone() {
    let mut request = request();
    request.html = Some("<p>Hi</p>".to_owned());
    let first = build(&request, &context());
    assert_eq!(first, build(&request, &context()));
    let other = build(&request, &BuildContext { boundary_seed: 8, ..context() });
    assert_ne!(first, other);
    assert_eq!(first.len(), other.len());
}

#[test]
fn boundaries_differ_and_are_equally_long() {
    let mut boundaries = Boundaries::new(u64::MAX);
    let (a, b) = (boundaries.next(), boundaries.next());
    assert!(a != b && a.len() == b.len() && a.starts_with("=_"), "{a} {b}");
}

proptest! {
    #[test]
    fn whatever_is_valid_is_ready_for_the_wire(
        name in "\\PC{0,200}",
        subject in "[\t -~äж\u{1f600}]{1,300}",
        value in "[ -~é]{1,2048}",
        text in any::<String>(),
        filename in "\\PC{1,255}",
        content in prop::collection::vec(any::<u8>(), 0..400),
        kind in prop::sample::select(vec!["text/plain", "image/png", "message/rfc822"]),
    ) {
        let mut request = request();
        let parsed = Mailbox::new(Some(&name), request.from.address().clone());
        prop_assume!(parsed.is_ok());
        request.from = parsed.unwrap();
        request.subject = subject;
        request.headers = vec![("X-V".to_owned(), value)];
        request.text = Some(text);
        request.html = Some("<p>".to_owned());
        request.attachments = vec![file(&filename, kind, &content)];
        prop_assume!(request.validate().is_ok());
        let message = build(&request, &context());
        assert_wire_ready(&message);
        prop_assert!(message.is_ascii());
        let (header, _) = split_header(&message);
        prop_assert_eq!(fields(header).filter(|f: &Field<'_>| f.name().is_empty()).count(), 0);
        prop_assert_eq!(fields(header).count(), 8);
    }
}

#[test]
fn added_fields_are_extensions_and_fold_and_encode_as_others_do() {
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let lines = extension_fields(&[
        field("X-Score", "0.1"),
        field("x-reasons", " "),
        field("X-Who", "J\u{f6}rg"),
        field("X-Long", &"word ".repeat(40)),
    ]);
    let lines = lines.unwrap();
    assert!(lines.starts_with("X-Score: 0.1\r\nX-Who: =?utf-8?"), "{lines}");
    assert!(lines.lines().all(|line| line.len() <= 78 && line.is_ascii()), "{lines}");
    for (name, value) in [("Subject", "x"), ("X-A\r\nBcc", "x"), ("X-A", "x\r\nBcc: y"), ("X-A", "\0")] {
        assert!(extension_fields(&[field(name, value)]).is_err(), "{name}: {value}");
    }
}
