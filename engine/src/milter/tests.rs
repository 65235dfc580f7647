//! Sessions with filters that answer by script.

use super::*;
use crate::smtp::reply::{Reply, ReplyClass};

const CONTENT: &[u8] = b"Subject: Hi\r\n there\r\nTo:b@b.test\r\n\r\nbody\r\n";
/// What rspamd 3 answers to the offer: nothing is answered before the end.
const RSPAMD: u32 = 0xf_f080;

fn message<'m>(recipients: &'m [String], content: &'m [u8]) -> Message<'m> {
    Message {
        hostname: "mx.test",
        id: "q1",
        client_name: "",
        client: "[2001:db8::1]:2525".parse().unwrap(),
        tls: Some(("TLSv1.3", "AES")),
        helo: "c.test",
        sender: "a@a.test",
        recipients,
        content,
    }
}

fn options(version: u32, steps: u32) -> Packet {
    Packet { kind: b'O', data: [version, 0x1ff, steps].map(u32::to_be_bytes).concat() }
}

fn say(kind: u8, data: &[u8]) -> Packet {
    Packet { kind, data: data.to_vec() }
}

/// Runs a session against answers in their order; gives the packets that were written, and how it ended.
fn run(session: &mut Session<'_>, answers: &[Packet]) -> (Vec<Packet>, Result<Verdict, MilterError>) {
    let (mut written, mut reader) = (Vec::new(), PacketReader::default());
    let mut answers = answers.iter();
    loop {
        match session.next_step() {
            Next::Write(octets) => {
                reader.push(&octets);
                while let Some(packet) = reader.next_packet().unwrap() {
                    written.push(packet);
                }
            }
            Next::Read => {
                let answer = answers.next().expect("no more is read than is said");
                if let Err(error) = session.heard(answer) {
                    return (written, Err(error));
                }
            }
            Next::Done(verdict) => return (written, Ok(verdict)),
        }
    }
}

fn kinds(packets: &[Packet]) -> String {
    packets.iter().map(|packet| char::from(packet.kind)).collect()
}

fn recipients() -> Vec<String> {
    vec!["b@b.test".to_owned(), "c@c.test".to_owned()]
}

/// How a session ends whose answers after the options are these.
fn ended(steps: u32, answers: &[Packet]) -> Result<Verdict, MilterError> {
    let recipients = recipients();
    let mut session = Session::new(message(&recipients, CONTENT), None);
    run(&mut session, &[&[options(6, steps)], answers].concat()).1
}

#[test]
fn a_message_is_shown_step_by_step() {
    let recipients = recipients();
    let mut session = Session::new(message(&recipients, CONTENT), None);
    let answers = [vec![options(6, 0)], vec![say(b'c', b""); 11]].concat();
    let (written, verdict) = run(&mut session, &answers);
    assert_eq!(verdict, Ok(Verdict::Passed(Passed::default())));
    assert_eq!(kinds(&written), "ODCDHDMDRDRTLLNBDE");
    let data: Vec<_> = written.iter().map(|packet| packet.data.as_slice()).collect();
    assert_eq!(data[2], b"unknown\x006\x09\xddIPv6:2001:db8::1\0");
    assert_eq!(data[3], b"H{tls_version}\0TLSv1.3\0{cipher}\0AES\0");
    assert_eq!((data[4], data[6], data[8]), (&b"c.test\0"[..], &b"<a@a.test>\0"[..], &b"<b@b.test>\0"[..]));
    assert_eq!((data[12], data[13]), (&b"Subject\0Hi\n there\0"[..], &b"To\0b@b.test\0"[..]));
    assert_eq!(data[15], b"body\r\n");
    assert_eq!(session.farewell(), b"\0\0\0\x01K");
    let again = Session::new(message(&recipients, CONTENT), session.reusable()).next_step();
    assert!(matches!(again, Next::Write(octets) if octets[4] == b'D'), "options are agreed on once");
}

#[test]
fn what_needs_no_answer_is_written_at_once() {
    let recipients = recipients();
    let mut session = Session::new(message(&recipients, CONTENT), None);
    let (written, verdict) = run(&mut session, &[options(6, RSPAMD | 0x10_0000), say(b'c', b"")]);
    assert_eq!(verdict, Ok(Verdict::Passed(Passed::default())));
    assert_eq!(kinds(&written), "ODCDHDMDRDRTLLNBDE");
    assert_eq!(written[12].data, b"Subject\0 Hi\n there\0");
}

#[test]
fn steps_are_left_out_where_that_was_agreed() {
    let recipients = recipients();
    for (version, steps, expected) in
        [(6, 0x27f, "ODE"), (2, 0x1f, "OLLNDE"), (2, 0x7f, "ODE"), (6, 0x5f, "OTLLDE")]
    {
        let mut session = Session::new(message(&recipients, CONTENT), None);
        let answers = [vec![options(version, steps)], vec![say(b'c', b""); 9]].concat();
        assert_eq!(kinds(&run(&mut session, &answers).0), expected);
        assert_eq!(session.reusable().is_some(), version == 6);
    }
}

#[test]
fn bodies_come_in_chunks_until_enough_was_seen() {
    let content = [&b"A: 1\r\n\r\n"[..], &vec![b'x'; 200_000]].concat();
    let only_body = 0x2ef | 0x40;
    let sizes = |answers: &[Packet]| {
        let mut session = Session::new(message(&[], &content), None);
        let (written, verdict) = run(&mut session, &[&[options(6, only_body & !0x10)], answers].concat());
        assert!(verdict.is_ok());
        written
            .iter()
            .filter(|packet| packet.kind == b'B')
            .map(|packet| packet.data.len())
            .collect::<Vec<_>>()
    };
    assert_eq!(sizes(&vec![say(b'c', b""); 5]), [65_535, 65_535, 65_535, 3_395]);
    assert_eq!(sizes(&[say(b'c', b""), say(b's', b""), say(b'c', b"")]), [65_535, 65_535]);
}

#[test]
fn changes_come_before_the_last_answer() {
    let answers = [
        say(b'p', b""),
        say(b'h', b"X-Spam\0Yes\0"),
        say(b'i', b"\0\0\0\0X-Top\0 1\0"),
        say(b'm', b"\0\0\0\x01Subject\0\0"),
        say(b'q', b"odd\r\n\0"),
        say(b'b', b"new body"),
        say(b'+', b"<x@x.test>\0"),
        say(b'a', b""),
    ];
    let Ok(Verdict::Passed(passed)) = ended(RSPAMD, &answers) else { panic!("it passes") };
    assert_eq!(apply(CONTENT, &passed.edits), b"X-Top: 1\r\nTo:b@b.test\r\nX-Spam: Yes\r\n\r\nbody\r\n");
    assert_eq!(passed.quarantine.as_deref(), Some("odd"));
    assert_eq!(passed.not_done.into_iter().collect::<Vec<_>>(), ["add_recipient", "body"]);
}

#[test]
fn refusals_end_the_way_at_any_step() {
    let refused = |packet: &Packet| match ended(0, std::slice::from_ref(packet)) {
        Ok(Verdict::Refused(reply)) => reply,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&say(b'r', b"")).class(), ReplyClass::Permanent);
    assert_eq!(refused(&say(b't', b"")).class(), ReplyClass::Transient);
    assert_eq!(refused(&say(b'4', b"")).code().as_u16(), 421);
    let own = |text: &str| {
        let mut wire = Vec::new();
        Reply::write_to(&refused(&say(b'y', text.as_bytes())), &mut wire);
        String::from_utf8(wire).unwrap()
    };
    assert_eq!(own("554 5.7.1 Gtube pattern\0"), "554 5.7.1 Gtube pattern\r\n");
    assert_eq!(own("451 later\0"), "451 later\r\n");
    assert_eq!(own("550-5.7.1 one\r\n550 5.7.1 two\0"), "550-5.7.1 one\r\n550 5.7.1 two\r\n");
    assert_eq!(own("550 4.7.1 bell\x07\0"), "550 bell\r\n");
    assert_eq!(ended(0, &[say(b'd', b"")]), Ok(Verdict::Discarded));
    assert_eq!(ended(0, &[say(b'a', b"")]), Ok(Verdict::Passed(Passed::default())));
}

#[test]
fn nonsense_is_told_with_its_place() {
    let told = |answers: &[Packet]| ended(0, answers).unwrap_err().to_string();
    assert_eq!(told(&[say(b'Z', b"")]), "it answered 'Z' in the step connect, which says nothing there");
    assert!(told(&[say(b'h', b"X\0y\0")]).contains("'h' in the step connect"));
    assert!(told(&[say(b's', b"")]).contains("'s' in the step connect"));
    assert!(told(&[say(b'y', b"250 ok\0")]).contains("'y'"));
    assert!(told(&[options(6, 0)]).contains("'O'"));
    let recipients = recipients();
    for (answer, expected) in [
        (options(1, 0), "version 1"),
        (options(7, 0), "version 7"),
        (options(6, 0x800), "steps 0x800"),
        (say(b'c', b""), "'c' in the step options"),
        (say(b'O', b"\0\0"), "'O' in the step options"),
    ] {
        let mut session = Session::new(message(&recipients, CONTENT), None);
        let error = run(&mut session, &[answer]).1.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(session.reusable(), None);
    }
}

#[test]
fn changes_are_bounded() {
    let mut answers = vec![say(b'h', b"X\0y\0"); 300];
    answers.push(say(b'c', b""));
    let Ok(Verdict::Passed(passed)) = ended(RSPAMD, &answers) else { panic!("it passes") };
    assert_eq!((passed.edits.len(), passed.not_done.contains("edits")), (200, true));
    let huge = [b"X\0".as_slice(), &vec![b'y'; 200_000]].concat();
    let folded: Vec<u8> = huge.chunks(900).flat_map(|line| [line, b"\n"].concat()).collect();
    let answers = [say(b'h', &folded), say(b'h', &folded), say(b'c', b"")];
    let Ok(Verdict::Passed(passed)) = ended(RSPAMD, &answers) else { panic!("it passes") };
    assert_eq!(passed.edits.len(), 1);
}
