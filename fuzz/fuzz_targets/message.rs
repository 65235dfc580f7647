//! Messages that come ready-made: fields are found without loss, and what is taken has SMTP's form, one author,
//! and stays as it is when it is checked again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailwright_engine::{
    id::QueueId,
    message::{
        RawDefaults, RawMessage, ReceivedHeader, ReceivedWith, author, check_raw, fields, is_8bit,
        split_header,
    },
    time::UnixMillis,
};
use mailwright_fuzz::{assert_printable, assert_smtp_form};

const NOW: UnixMillis = UnixMillis::new(1_795_255_445_123);

fuzz_target!(|data: &[u8]| {
    check_fields(data);
    check_trace(&String::from_utf8_lossy(data));
    let defaults = RawDefaults { date: NOW, message_id: "1@mx.example" };
    match check_raw(data, &defaults) {
        Ok(message) => {
            check_message(&message);
            assert_eq!(check_raw(message.content(), &defaults).as_ref(), Ok(&message), "checked again");
        }
        Err(error) => assert_printable(&error.to_string()),
    }
});

fn check_fields(data: &[u8]) {
    let (header, body) = split_header(data);
    assert!(header.len() + body.len() <= data.len());
    assert!(data.starts_with(header) && data.ends_with(body));
    let raw: Vec<u8> = fields(header).flat_map(|field| field.raw()).copied().collect();
    assert_eq!(raw, header);
    for field in fields(header) {
        assert!(!field.unfolded().contains(['\r', '\n']));
        assert!(field.raw().starts_with(field.name()) && field.raw().ends_with(field.value()));
    }
}

/// Whatever a client calls itself, the trace field is one field of three lines.
fn check_trace(helo: &str) {
    let (with, id) = (ReceivedWith::Esmtp, QueueId::from_raw(1));
    let received =
        ReceivedHeader { helo, peer: None, by: "mx.example", with, tls: None, id, date: NOW }.to_string();
    assert_smtp_form(received.as_bytes());
    assert_eq!(received.matches("\r\n").count(), 3);
    assert_eq!(fields(received.as_bytes()).count(), 1);
}

fn check_message(message: &RawMessage) {
    let content = message.content();
    assert_smtp_form(content);
    assert!(content.ends_with(b"\r\n"));
    assert_eq!(message.is_8bit(), is_8bit(content));
    let (header, _) = split_header(content);
    assert_eq!(message.has_utf8_header(), is_8bit(header));
    assert_eq!(author(header).as_ref(), Some(message.from()));
    let count = |name| fields(header).filter(|field| field.is(name)).count();
    assert_eq!([count("From"), count("Date"), count("Message-ID")], [1, 1, 1]);
    assert!(count("MIME-Version") >= 1);
    assert_eq!([count("Bcc"), count("Resent-Bcc"), count("Return-Path")], [0, 0, 0]);
}
