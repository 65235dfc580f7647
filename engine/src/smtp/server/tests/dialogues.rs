//! Commands, their order and their replies.

use super::*;
use crate::{
    address::{EmailAddress, ReversePath},
    class::TransportSecurity,
    dsn::{DsnRequest, EnvelopeId, Notify, RecipientDsn, Ret},
    envelope::{BodyType, SmtpUtf8},
};

fn refusing(refused: fn(&Step) -> bool, input: &str) -> Transcript {
    converse(&config(), [input.as_bytes()], |step| match refused(step) {
        true => Answer::Refuse(reply(SmtpCode::LOCAL_ERROR, 4, "not now")),
        false => Answer::Accept,
    })
}

#[test]
fn greets_with_its_name() {
    let mut out = Vec::new();
    ServerSession::new(Arc::new(config())).greeting(&mut out);
    assert_eq!(out, b"220 mx.example ESMTP mailwright\r\n");
}

#[test]
fn lists_its_extensions() {
    let offered = ServerConfig { starttls: StartTls::Offered, dsn: Dsn::Offered, ..config() };
    let transcript = converse(&offered, [&b"EHLO c.example\r\n"[..]], |_| Answer::Accept);
    let expected = "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n\
                    250-CHUNKING\r\n250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n250 STARTTLS\r\n";
    assert_eq!(transcript.replies, expected);
    let bare = accepted("EHLO c.example\r\n").replies;
    assert!(bare.ends_with("250 ENHANCEDSTATUSCODES\r\n"), "{bare}");
    assert_eq!(accepted("HELO c.example\r\n").replies, "250 mx.example\r\n");
}

#[test]
fn takes_two_pipelined_messages_in_one_read() {
    let message = "MAIL FROM:<> SIZE=10 BODY=8BITMIME\r\nRCPT TO:<c@d.example>\r\nRCPT TO:<postmaster>\r\n\
                   DATA\r\nSubject: x\r\n\r\n..\r\n.\r\n";
    let transcript = accepted(&format!("EHLO c.example\r\n{message}{message}QUIT\r\n"));
    let codes = ["250", "250", "250", "250", "354", "250", "250", "250", "250", "354", "250", "221"];
    assert_eq!(transcript.codes(), codes);
    assert!(transcript.is_closed());
    let expected = ReceivedMessage {
        helo: "c.example".to_owned(),
        esmtp: true,
        tls: false,
        authenticated: false,
        reverse_path: ReversePath::Null,
        recipients: ["c@d.example", "postmaster@mx.example"]
            .map(|a| EmailAddress::parse(a).unwrap())
            .to_vec(),
        recipients_dsn: vec![RecipientDsn::default(); 2],
        body_type: BodyType::EightBitMime,
        smtputf8: SmtpUtf8::NotNeeded,
        declared_size: Some(10),
        dsn: DsnRequest::default(),
        security: TransportSecurity::ByPolicy,
        content: b"Subject: x\r\n\r\n.\r\n".to_vec(),
    };
    assert_eq!(transcript.messages(), [&expected, &expected]);
}

#[test]
fn says_what_is_out_of_order() {
    let cases = [
        ("MAIL FROM:<a@b.example>\r\n", "503"),
        ("RCPT TO:<c@d.example>\r\n", "503"),
        ("DATA\r\n", "503"),
        ("EHLO c.example\r\nRCPT TO:<c@d.example>\r\n", "503"),
        ("EHLO c.example\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\n", "503"),
        ("EHLO c.example\r\nMAIL FROM:<>\r\nDATA\r\n", "554"),
        ("EHLO c.example\r\nMAIL FROM:<>\r\nRSET\r\nRCPT TO:<c@d.example>\r\n", "503"),
        ("EHLO c.example\r\nMAIL FROM:<>\r\nEHLO c.example\r\nRCPT TO:<c@d.example>\r\n", "503"),
    ];
    for (input, code) in cases {
        assert_eq!(accepted(input).codes().last(), Some(&code), "{input:?}");
    }
}

#[test]
fn answers_the_small_commands() {
    let transcript = accepted("NOOP\r\nVRFY x\r\nHELP\r\nEXPN x\r\nSTARTTLS\r\nWHAT\r\nRSET\r\n");
    assert_eq!(transcript.codes(), ["250", "252", "214", "502", "502", "500", "250"]);
}

#[test]
fn passes_on_the_callers_replies() {
    let transcript =
        converse(&config(), [format!("{ENVELOPE}DATA\r\n.\r\n").as_bytes()], |step| match step {
            Step::Rcpt(..) => Answer::AcceptWith(reply(SmtpCode::OK, 2, "welcome")),
            Step::Message(_) => Answer::AcceptWith(reply(SmtpCode::OK, 2, "queued as 7")),
            _ => Answer::Accept,
        });
    assert!(transcript.replies.contains("250 2.0.0 welcome\r\n354 "), "{}", transcript.replies);
    assert!(transcript.replies.ends_with("250 2.0.0 queued as 7\r\n"), "{}", transcript.replies);
}

#[test]
fn goes_on_after_a_refusal_of_the_caller() {
    let sender = refusing(|s| matches!(s, Step::Mail(_)), &format!("{ENVELOPE}DATA\r\nMAIL FROM:<>\r\n"));
    assert_eq!(sender.codes(), ["250", "451", "503", "503", "451"]);
    let recipient = refusing(|s| matches!(s, Step::Rcpt(..)), &format!("{ENVELOPE}DATA\r\nNOOP\r\n"));
    assert_eq!(recipient.codes(), ["250", "250", "451", "554", "250"]);
    let data = refusing(|s| *s == Step::Data, &format!("{ENVELOPE}DATA\r\nMAIL FROM:<>\r\n"));
    assert_eq!(data.codes(), ["250", "250", "250", "451", "250"]);
    let message =
        refusing(|s| matches!(s, Step::Message(_)), &format!("{ENVELOPE}DATA\r\n.\r\nMAIL FROM:<>\r\n"));
    assert_eq!(message.codes(), ["250", "250", "250", "354", "451", "250"]);
}

#[test]
fn closes_when_the_caller_disconnects() {
    let bye = || reply(SmtpCode::SHUTTING_DOWN, 4, "bye");
    let transcript = converse(&config(), [ENVELOPE.as_bytes()], |step| match step {
        Step::Rcpt(..) => Answer::Disconnect(bye()),
        _ => Answer::Accept,
    });
    assert!(transcript.replies.ends_with("421 4.0.0 bye\r\n") && transcript.is_closed());

    let mut session = ServerSession::new(Arc::new(config()));
    let mut out = Vec::new();
    session.disconnect(&bye(), &mut out);
    assert_eq!(session.receive(&mut &b"NOOP\r\n"[..], &mut out), Step::Close);
    assert_eq!(out, b"421 4.0.0 bye\r\n");
}

#[test]
fn asks_nothing_more_while_a_question_is_open() {
    let mut session = ServerSession::new(Arc::new(config()));
    let mut out = Vec::new();
    let mut input = &b"EHLO c.example\r\nMAIL FROM:<>\r\nNOOP\r\n"[..];
    assert!(matches!(session.receive(&mut input, &mut out), Step::Mail(_)));
    assert_eq!((input, session.phase()), (&b"NOOP\r\n"[..], ServerPhase::Deciding));
    assert_eq!(session.receive(&mut input, &mut out), Step::NeedInput);
    assert_eq!(input, b"NOOP\r\n");
    session.answer(Answer::Accept, &mut out);
    session.answer(Answer::Accept, &mut out);
    assert_eq!(session.receive(&mut input, &mut out), Step::NeedInput);
    assert!(out.ends_with(b"250 2.1.0 Ok\r\n250 2.0.0 Ok\r\n"));
}

#[test]
fn limits_recipients_and_keeps_those_it_has() {
    let more = "RCPT TO:<e@f.example>\r\n".repeat(3);
    let transcript = accepted(&format!("{ENVELOPE}{more}DATA\r\n.\r\n"));
    assert_eq!(transcript.codes(), ["250", "250", "250", "250", "250", "452", "354", "250"]);
    assert_eq!(transcript.messages()[0].recipients.len(), 3);
}

#[test]
fn refuses_a_declared_size_over_the_limit() {
    let transcript = accepted("EHLO c.example\r\nMAIL FROM:<> SIZE=1001\r\nMAIL FROM:<> SIZE=1000\r\n");
    assert_eq!(transcript.codes(), ["250", "552", "250"]);
}

#[test]
fn swallows_an_oversized_message_to_its_end() {
    let line = format!("{}\r\n", "x".repeat(98));
    let fits = accepted(&format!("{ENVELOPE}DATA\r\n{}.\r\nNOOP\r\n", line.repeat(10)));
    assert_eq!(fits.codes(), ["250", "250", "250", "354", "250", "250"]);
    let over = accepted(&format!("{ENVELOPE}DATA\r\n{}\r\n.\r\nMAIL FROM:<>\r\n", line.repeat(10)));
    assert_eq!(over.codes(), ["250", "250", "250", "354", "552", "250"]);
    assert!(over.messages().is_empty());
}

#[test]
fn wants_smtputf8_in_the_same_transaction_for_utf8_recipients() {
    let mail = "EHLO c.example\r\nMAIL FROM:<a@b.example> SMTPUTF8\r\n";
    let utf8 = accepted(&format!("{mail}RCPT TO:<é@d.example>\r\nDATA\r\n.\r\n"));
    assert_eq!(utf8.codes(), ["250", "250", "250", "354", "250"]);
    assert_eq!(utf8.messages()[0].smtputf8, SmtpUtf8::Needed);
    let lost = accepted(&format!("{mail}RSET\r\nMAIL FROM:<>\r\nRCPT TO:<é@d.example>\r\n"));
    assert!(lost.replies.ends_with("553 5.6.7 Non-ASCII address without SMTPUTF8\r\n"));
}

#[test]
fn hands_on_dsn_parameters_when_offered() {
    let offered = ServerConfig { dsn: Dsn::Offered, ..config() };
    let input = "EHLO c.example\r\nMAIL FROM:<> RET=HDRS ENVID=x\r\nRCPT TO:<c@d.example> NOTIFY=NEVER\r\n\
                 DATA\r\n.\r\n";
    let transcript = converse(&offered, [input.as_bytes()], |_| Answer::Accept);
    let message = transcript.messages()[0];
    assert_eq!(message.dsn, DsnRequest { ret: Some(Ret::Headers), envid: EnvelopeId::parse("x") });
    assert_eq!(message.recipients_dsn, [RecipientDsn { notify: Some(Notify::NEVER), orcpt: None }]);
    assert_eq!(accepted(input).codes(), ["250", "555", "555", "503", "500"]);
}

#[test]
fn closes_after_too_many_errors_but_forgives_with_a_message() {
    let few = ServerConfig { max_errors: 3, ..config() };
    let bad = "WHAT\r\nWHAT\r\n";
    let transcript = converse(&few, [format!("{bad}WHAT\r\nNOOP\r\n").as_bytes()], |_| Answer::Accept);
    assert_eq!(transcript.codes(), ["500", "500", "421"]);
    assert!(transcript.is_closed());
    let message = format!("{bad}{ENVELOPE}DATA\r\n.\r\n{bad}NOOP\r\n");
    let forgiven = converse(&few, [message.as_bytes()], |_| Answer::Accept);
    assert_eq!(forgiven.codes().last(), Some(&"250"));
}

#[test]
fn closes_on_http() {
    let transcript = accepted("POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO c.example\r\n");
    assert_eq!(transcript.codes(), ["421"]);
    assert!(transcript.is_closed());
}

#[test]
fn swallows_an_overlong_command_line() {
    let transcript = accepted(&format!("NOOP {}\r\nNOOP\r\n", "x".repeat(2_048)));
    assert_eq!(transcript.replies, "500 5.5.2 Line too long\r\n250 2.0.0 Ok\r\n");
}

#[test]
fn drops_plain_text_pipelined_behind_starttls_and_forgets_the_client() {
    let offered = ServerConfig { starttls: StartTls::Offered, ..config() };
    let injected = format!("{ENVELOPE}STARTTLS\r\nRCPT TO:<evil@d.example>\r\nMAIL");
    let secure = format!("DATA\r\nMAIL FROM:<>\r\n{ENVELOPE}DATA\r\n.\r\nSTARTTLS\r\n");
    let reads = [injected.as_bytes(), secure.as_bytes()];
    let transcript = converse(&offered, reads, |_| Answer::Accept);
    let codes = ["250", "250", "250", "220", "503", "503", "250", "250", "250", "354", "250", "503"];
    assert_eq!(transcript.codes(), codes);
    assert!(transcript.messages()[0].tls);
    assert_eq!(transcript.replies.matches("STARTTLS").count(), 1, "offered again under TLS");
}

#[test]
fn ignores_what_arrives_before_the_handshake_is_done() {
    let offered = ServerConfig { starttls: StartTls::Offered, ..config() };
    let mut session = ServerSession::new(Arc::new(offered));
    let mut out = Vec::new();
    assert_eq!(session.receive(&mut &b"STARTTLS\r\n"[..], &mut out), Step::StartTls);
    assert_eq!(session.phase(), ServerPhase::Handshake);
    assert_eq!(session.receive(&mut &b"NOOP\r\n"[..], &mut out), Step::NeedInput);
    session.tls_established();
    assert_eq!(out, b"220 2.0.0 Ready to start TLS\r\n");
}

#[test]
fn tells_its_phase() {
    let mut session = ServerSession::new(Arc::new(config()));
    let mut out = Vec::new();
    let mut phases = vec![session.phase()];
    for line in ["EHLO c.example", "MAIL FROM:<>", "RCPT TO:<c@d.example>", "DATA", "x", ".", "QUIT"] {
        let read = format!("{line}\r\n");
        let mut read = read.as_bytes();
        let step = session.receive(&mut read, &mut out);
        phases.push(session.phase());
        if step != Step::NeedInput {
            session.answer(Answer::Accept, &mut out);
            assert_eq!(session.receive(&mut read, &mut out) == Step::Close, line == "QUIT");
            phases.push(session.phase());
        }
    }
    use ServerPhase::{Closing, Committing, Content, Deciding, Envelope, Greeting, Ready};
    let expected = [
        Greeting, Ready, Deciding, Envelope, Deciding, Envelope, Deciding, Content, Content, Committing,
        Ready, Closing, Closing,
    ];
    assert_eq!(phases, expected);
}

#[test]
fn own_replies_are_well_formed() {
    let source = include_str!("../replies.rs");
    let replies: Vec<_> = source.split('"').skip(1).step_by(2).collect();
    assert!(replies.len() > 20);
    for reply in replies {
        let text = reply.strip_suffix("\\r\\n").unwrap();
        let (code, rest) = text.split_once(' ').unwrap();
        assert!(SmtpCode::new(code.parse().unwrap()).is_some(), "{reply:?}");
        let enhanced = rest.split(' ').next().unwrap();
        assert!(code == "354" || enhanced.starts_with(&code[..1]), "{reply:?}");
        assert!(text.len() <= 510 && text.is_ascii(), "{reply:?}");
    }
}
