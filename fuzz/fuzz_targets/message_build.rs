//! Messages given by their parts: no part can add a field, end the header, or break SMTP's form.
//!
//! Pieces: subject, text, HTML, display name, name and value of a header, and name, type, content id and content
//! of a file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailwright_engine::{
    address::{EmailAddress, Mailbox},
    message::{Attachment, BuildContext, Disposition, SendRequest, build, fields, split_header},
    time::UnixMillis,
};
use mailwright_fuzz::{Knobs, assert_printable, assert_smtp_form, pieces};

/// The fields that every message has.
const ALWAYS: [&str; 7] = ["Date", "Message-ID", "From", "To", "Subject", "MIME-Version", "Content-Type"];

fuzz_target!(|data: &[u8]| {
    let Some((knobs, rest)) = Knobs::take(data) else { return };
    let Some(request) = request(knobs, rest) else { return };
    match request.validate() {
        Ok(()) => check(&request),
        Err(error) => assert_printable(&error.to_string()),
    }
});

/// 0: there is HTML, 1: a header, 2: a file, 3: it belongs to the HTML.
fn request(knobs: Knobs, rest: &[u8]) -> Option<SendRequest> {
    let mut rest = pieces(rest);
    let mut next = || String::from_utf8_lossy(rest.next().unwrap_or_default()).into_owned();
    let (subject, text, html, name) = (next(), next(), next(), next());
    let header = (next(), next());
    let (filename, content_type, content_id, content) = (next(), next(), next(), next());
    let disposition =
        if knobs.is_on(3) { Disposition::Inline { content_id } } else { Disposition::Attachment };
    let file = Attachment { content: content.into_bytes(), filename, content_type, disposition };
    let address = EmailAddress::parse("ann@a.example").expect("an address");
    Some(SendRequest {
        from: Mailbox::new(Some(&name), address.clone()).ok()?,
        to: vec![address.into()],
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        subject,
        html: knobs.is_on(0).then_some(html),
        text: Some(text),
        headers: if knobs.is_on(1) { vec![header] } else { Vec::new() },
        attachments: if knobs.is_on(2) { vec![file] } else { Vec::new() },
    })
}

fn check(request: &SendRequest) {
    let context = BuildContext {
        date: UnixMillis::new(1_795_255_445_123),
        message_id: "1@mx.example",
        boundary_seed: 7,
    };
    let message = build(request, &context);
    assert_eq!(message, build(request, &context));
    assert_smtp_form(&message);
    assert!(message.is_ascii() && message.ends_with(b"\r\n"));
    let (header, body) = split_header(&message);
    assert!(!body.is_empty());
    let mut expected: Vec<&str> = ALWAYS.to_vec();
    expected.extend(request.headers.iter().map(|(name, _)| name.as_str()));
    for field in fields(header).filter(|field| !field.is("Content-Transfer-Encoding")) {
        let known = expected.iter().position(|name| field.is(name));
        let known = known.unwrap_or_else(|| panic!("a field from elsewhere: {}", field.raw().escape_ascii()));
        expected.swap_remove(known);
    }
    assert!(expected.is_empty(), "missing: {expected:?}");
}
