//! What a filter says: read however it is cut, ended in bounded steps, and nothing of it breaks out of a field or a reply.
//!
//! The first octet says how the rest, the filter's octets, is cut.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailwright_engine::{
    message::{fields, split_header},
    milter::{Message, Next, PacketReader, Session, Verdict, apply},
};
use mailwright_fuzz::assert_printable;

const CONTENT: &[u8] = b"Subject: Hi\r\n there\r\nTo: b@b.test\r\n\r\nbody\r\n";

fuzz_target!(|data: &[u8]| {
    let Some((&cut, octets)) = data.split_first() else { return };
    let recipients = ["b@b.test".to_owned()];
    let message = Message {
        hostname: "mx.test",
        id: "q1",
        client_name: "",
        client: ([192, 0, 2, 1], 25).into(),
        tls: None,
        helo: "c.test",
        sender: "a@a.test",
        recipients: &recipients,
        content: CONTENT,
    };
    let whole = run(Session::new(message, None), octets, octets.len().max(1));
    assert_eq!(run(Session::new(message, None), octets, usize::from(cut).max(1)), whole);
    match whole {
        Some(Verdict::Passed(passed)) => {
            let changed = apply(CONTENT, &passed.edits);
            let (header, body) = split_header(&changed);
            assert_eq!(body, b"body\r\n");
            assert!(fields(header).count() <= 2 + passed.edits.len());
            assert!(fields(header).all(|field| !field.name().is_empty()), "{changed:?}");
            passed.quarantine.iter().for_each(|reason| assert_printable(reason));
        }
        Some(Verdict::Refused(reply)) => assert!(matches!(reply.code().as_u16() / 100, 4 | 5)),
        Some(Verdict::Discarded) | None => {}
    }
});

/// The verdict of a filter that says `octets`, in pieces of `cut`; `None` if it says nonsense or too little.
fn run(mut session: Session<'_>, octets: &[u8], cut: usize) -> Option<Verdict> {
    let (mut reader, mut pieces) = (PacketReader::default(), octets.chunks(cut));
    loop {
        match session.next_step() {
            Next::Write(octets) => assert!(octets.len() < 1 << 20),
            Next::Read => {
                let packet = loop {
                    match reader.next_packet().ok()? {
                        Some(packet) => break packet,
                        None => reader.push(pieces.next()?),
                    }
                };
                session.heard(&packet).ok()?;
            }
            Next::Done(verdict) => return Some(verdict),
        }
    }
}
