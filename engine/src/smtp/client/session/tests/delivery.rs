//! Sessions in which the connection holds.

use super::*;
use crate::{
    dsn::{DsnDuty, EnvelopeId, Notify, OriginalRecipient, RecipientDsn, Ret},
    smtp::client::Chunking,
};

const ENVELOPE: &str = "MAIL FROM:<from@a.example>\nRCPT TO:<r0@b.example>\nRCPT TO:<r1@b.example>\n";

#[test]
fn delivers_command_by_command_without_pipelining() {
    let script =
        ["220 hi\n", EHLO, "250 ok\n", "250 ok\n", "251 ok\n", "354 go\n", "250 2.0.0 queued\n", "221 bye\n"];
    let story = play(&[to(2)], &script);
    assert_eq!(story.transaction_bytes(), format!("{ENVELOPE}DATA\n<dot>\nQUIT\n"));
    assert_eq!((story.outcomes().as_str(), story.close), ("DD", CloseReason::Quit));
}

#[test]
fn sends_each_command_only_after_the_reply_to_the_one_before() {
    let mut session = ClientSession::new(Arc::new(config()));
    let mut step = |said: &[u8]| {
        session.receive(said);
        let mut out = Vec::new();
        if session.poll(&mut out) == Action::Ready {
            session.begin(to(2)).unwrap();
            session.poll(&mut out);
        }
        String::from_utf8(out).unwrap()
    };
    assert_eq!(step(b""), "");
    assert_eq!(step(b"220 hi\r\n"), "EHLO me.example\r\n");
    assert_eq!(step(b"250 mx\r\n"), "MAIL FROM:<from@a.example>\r\n");
    assert_eq!(step(b"250-"), "");
    assert_eq!(step(b"ok\r\n250 ok\r\n"), "RCPT TO:<r0@b.example>\r\n");
    assert_eq!(step(b"250 ok\r\n"), "RCPT TO:<r1@b.example>\r\n");
    assert_eq!(step(b"250 ok\r\n"), "DATA\r\n");
    assert_eq!(step(b"354 go\r\n"), "");
}

#[test]
fn pipelines_the_whole_envelope_in_one_write() {
    let mut session = ClientSession::new(Arc::new(config()));
    session.receive(b"220 hi\r\n");
    session.receive(b"250-mx\r\n250 PIPELINING\r\n");
    session.poll(&mut Vec::new());
    session.begin(to(2)).unwrap();
    let mut out = Vec::new();
    assert!(matches!(session.poll(&mut out), Action::Read(wait) if wait.phase == Phase::Mail));
    assert_eq!(String::from_utf8(out).unwrap().replace('\r', ""), format!("{ENVELOPE}DATA\n"));
}

#[test]
fn waits_with_the_time_out_of_the_command_that_is_due() {
    let mut session = ClientSession::new(Arc::new(config()));
    let mut seen = Vec::new();
    let pieces: [&[u8]; 5] =
        [b"220 hi\r\n", b"250-mx\r\n250 PIPELINING\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"];
    for piece in pieces {
        seen.push((session.wait().phase, session.wait().timeout.as_secs()));
        session.receive(piece);
        let _ = session.begin(to(1));
    }
    seen.push((session.wait().phase, session.wait().timeout.as_secs()));
    session.body_sent();
    seen.push((session.wait().phase, session.wait().timeout.as_secs()));
    let expected = [
        (Phase::Greeting, 300),
        (Phase::Ehlo, 300),
        (Phase::Mail, 300),
        (Phase::Rcpt, 300),
        (Phase::Data, 120),
        (Phase::Body, 180),
        (Phase::Dot, 600),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn partial_refusal_delivers_to_the_others() {
    for (ehlo, replies) in [
        (
            EHLO,
            &["250 ok\n", "550 5.1.1 no\n", "250 ok\n", "451 later\n", "354 go\n", "250 ok\n", "221 bye\n"][..],
        ),
        (
            EHLO_PIPELINING,
            &["250 ok\n550 5.1.1 no\n250 ok\n451 later\n354 go\n", "250 ok\n", "221 bye\n"][..],
        ),
    ] {
        let story = play(&[to(3)], &[&["220 hi\n", ehlo][..], replies].concat());
        assert_eq!((story.outcomes().as_str(), story.close), ("HDS", CloseReason::Quit));
    }
}

#[test]
fn a_refused_message_applies_to_the_accepted_recipients_only() {
    let script =
        ["220 hi\n", EHLO_PIPELINING, "250 ok\n450 later\n250 ok\n354 go\n", "554 5.7.1 spam\n", "221 bye\n"];
    let story = play(&[to(2)], &script);
    assert_eq!(story.outcomes(), "SH");
    assert_eq!(story.results[0].verdicts[0].1.phase, Phase::Rcpt);
    assert_eq!(story.results[0].verdicts[1].1.phase, Phase::Dot);
}

#[test]
fn mail_refused_applies_to_all() {
    let refusals = [("451 later", "SS"), ("550 5.1.8 no", "HH")];
    for (reply, outcomes) in refusals {
        let plain = play(&[to(2)], &["220 hi\n", EHLO, &format!("{reply}\n"), "221 bye\n"]);
        assert_eq!(plain.transaction_bytes(), "MAIL FROM:<from@a.example>\nQUIT\n");
        let pipelined = format!("{reply}\n503 no mail\n503 no mail\n503 no rcpt\n");
        let pipelined = play(&[to(2)], &["220 hi\n", EHLO_PIPELINING, &pipelined, "221 bye\n"]);
        for story in [plain, pipelined] {
            assert_eq!((story.outcomes().as_str(), &story.close), (outcomes, &CloseReason::Quit));
            assert!(story.results[0].verdicts.iter().all(|(_, verdict)| verdict.phase == Phase::Mail));
        }
    }
}

#[test]
fn data_refused_applies_to_the_accepted() {
    let script = ["220 hi\n", EHLO_PIPELINING, "250 ok\n550 5.1.1 no\n250 ok\n452 full\n", "221 bye\n"];
    assert_eq!(play(&[to(2)], &script).outcomes(), "HS");
}

#[test]
fn all_refused_and_354_all_the_same_gets_a_lone_dot() {
    for answer in ["250 queued\n", "554 no recipients\n"] {
        let script = ["220 hi\n", EHLO_PIPELINING, "250 ok\n550 no\n550 no\n354 go\n", answer, "221 bye\n"];
        let story = play(&[to(2)], &script);
        assert_eq!(story.transaction_bytes(), format!("{ENVELOPE}DATA\n.\nQUIT\n"));
        assert_eq!((story.outcomes().as_str(), story.close), ("HH", CloseReason::Quit));
    }
}

#[test]
fn all_refused_without_pipelining_sends_no_data() {
    let story = play(&[to(2)], &["220 hi\n", EHLO, "250 ok\n", "550 no\n", "550 no\n", "221 bye\n"]);
    assert_eq!((story.outcomes().as_str(), story.transaction_bytes()), ("HH", &*format!("{ENVELOPE}QUIT\n")));
}

#[test]
fn chunking_sends_bdat_after_the_recipients_are_known() {
    let ehlo = "250-mx\n250-PIPELINING\n250 CHUNKING\n";
    let script = ["220 hi\n", ehlo, "250 ok\n550 no\n250 ok\n", "250 queued\n", "221 bye\n"];
    let story = play(&[to(2)], &script);
    assert_eq!(story.transaction_bytes(), format!("{ENVELOPE}BDAT 1000 LAST\n<bdat>\nQUIT\n"));
    assert_eq!(story.outcomes(), "HD");

    let refused = play(&[to(2)], &["220 hi\n", ehlo, "250 ok\n550 no\n550 no\n", "221 bye\n"]);
    assert_eq!(
        (refused.outcomes().as_str(), refused.transaction_bytes()),
        ("HH", &*format!("{ENVELOPE}QUIT\n"))
    );
}

#[test]
fn chunking_can_be_switched_off() {
    let config = ClientConfig { chunking: Chunking::Never, ..config() };
    let script =
        ["220 hi\n", "250-mx\n250 CHUNKING\n", "250 ok\n", "250 ok\n", "354 go\n", "250 ok\n", "221 bye\n"];
    let story = play_in(config, &[to(1)], &script, usize::MAX);
    assert!(story.written.contains("DATA\n<dot>\n"));
}

#[test]
fn every_set_of_capabilities_gets_the_parameters_it_allows() {
    const KEYWORDS: [&str; 5] = ["PIPELINING", "CHUNKING", "SIZE 5000", "8BITMIME", "SMTPUTF8"];
    let message = Transaction { body_type: BodyType::EightBitMime, smtputf8: SmtpUtf8::Needed, ..to(1) };
    for set in 0_u32..32 {
        let offers = |place: usize| set >> place & 1 == 1;
        let lines = KEYWORDS.iter().enumerate().filter(|&(place, _)| offers(place)).map(|(_, word)| *word);
        let ehlo =
            format!("250-mx\n{}250 END\n", lines.map(|word| format!("250-{word}\n")).collect::<String>());
        let parameter = |place, text| if offers(place) { text } else { "" };
        let mail = format!(
            "MAIL FROM:<from@a.example>{}{} SMTPUTF8\n",
            parameter(2, " SIZE=1000"),
            parameter(3, " BODY=8BITMIME")
        );
        let body = if offers(1) { "BDAT 1000 LAST\n<bdat>\n" } else { "DATA\n<dot>\n" };
        let replies: &[&str] = match (offers(0), offers(1)) {
            (true, true) => &["250 ok\n250 ok\n", "250 queued\n", "221 bye\n"],
            (true, false) => &["250 ok\n250 ok\n354 go\n", "250 queued\n", "221 bye\n"],
            (false, true) => &["250 ok\n", "250 ok\n", "250 queued\n", "221 bye\n"],
            (false, false) => &["250 ok\n", "250 ok\n", "354 go\n", "250 queued\n", "221 bye\n"],
        };
        let script = if offers(4) { replies } else { &["221 bye\n"] };
        let story = play(std::slice::from_ref(&message), &[&["220 hi\n", &ehlo][..], script].concat());
        if offers(4) {
            assert_eq!(
                story.transaction_bytes(),
                format!("{mail}RCPT TO:<r0@b.example>\n{body}QUIT\n"),
                "{ehlo}"
            );
            assert_eq!(story.outcomes(), "D");
        } else {
            assert_eq!((story.outcomes().as_str(), story.transaction_bytes()), ("H", "QUIT\n"), "{ehlo}");
        }
    }
}

#[test]
fn passes_on_what_the_sender_said_about_reports_to_servers_that_offer_dsn() {
    let said = RecipientDsn {
        notify: Notify::parse("SUCCESS,DELAY"),
        orcpt: OriginalRecipient::parse("rfc822;a+2Bb@c.example"),
    };
    let message = Transaction {
        dsn: DsnRequest { ret: Some(Ret::Headers), envid: EnvelopeId::parse("x+3Dy") },
        recipients_dsn: vec![said],
        ..to(2)
    };
    let replies = ["250 ok\n", "250 ok\n", "250 ok\n", "354 go\n", "250 ok\n", "221 bye\n"];
    let told =
        play(std::slice::from_ref(&message), &[&["220 hi\n", "250-mx\n250 DSN\n"][..], &replies].concat());
    let expected = "MAIL FROM:<from@a.example> RET=HDRS ENVID=x+3Dy\n\
                    RCPT TO:<r0@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@c.example\n\
                    RCPT TO:<r1@b.example>\nDATA\n<dot>\nQUIT\n";
    assert_eq!((told.transaction_bytes(), told.results[0].duty), (expected, DsnDuty::PassedOn));
    let untold = play(&[message], &[&["220 hi\n", EHLO][..], &replies].concat());
    assert_eq!(untold.transaction_bytes(), format!("{ENVELOPE}DATA\n<dot>\nQUIT\n"));
    assert_eq!(untold.results[0].duty, DsnDuty::Ours);
}

#[test]
fn a_message_beyond_the_announced_size_is_refused_by_ourselves() {
    for (limit, outcome) in [("999", "H"), ("1000", "D"), ("0", "D")] {
        let ehlo = format!("250-mx\n250 SIZE {limit}\n");
        let replies = ["250 ok\n", "250 ok\n", "354 go\n", "250 ok\n", "221 bye\n"];
        let script = if outcome == "D" { &replies[..] } else { &replies[4..] };
        let story = play(&[to(1)], &[&["220 hi\n", &ehlo][..], script].concat());
        assert_eq!((story.outcomes().as_str(), &story.close), (outcome, &CloseReason::Quit));
        assert_eq!(story.transaction_bytes().contains("MAIL"), outcome == "D");
    }
}

#[test]
fn the_null_sender_has_empty_brackets() {
    let bounce = Transaction { reverse_path: ReversePath::Null, ..to(1) };
    assert_eq!(play(&[bounce], &["220 hi\n", EHLO]).transaction_bytes(), "MAIL FROM:<>\n");
}

#[test]
fn many_recipients_never_fill_the_pipeline_beyond_its_bound() {
    const COUNT: usize = 1_000;
    let mut session = ClientSession::new(Arc::new(config()));
    session.receive(b"220 hi\r\n");
    session.receive(b"250-mx\r\n250 PIPELINING\r\n");
    session.poll(&mut Vec::new());
    session.begin(to(COUNT)).unwrap();
    let (mut sent, mut answered) = (0, 0);
    while let Action::Read(_) = {
        let mut out = Vec::new();
        let action = session.poll(&mut out);
        sent += out.iter().filter(|&&byte| byte == b'\n').count();
        action
    } {
        assert!((1..=crate::smtp::client::MAX_IN_FLIGHT).contains(&(sent - answered)));
        answered += 1;
        session.receive(if answered == COUNT + 2 { b"354 go\r\n" } else { b"250 ok\r\n" });
    }
    assert_eq!((sent, answered), (COUNT + 2, COUNT + 2));
}

#[test]
fn says_helo_to_servers_without_ehlo() {
    let script =
        ["220 hi\n", "502 what\n", "250 mx\n", "250 ok\n", "250 ok\n", "354 go\n", "250 ok\n", "221 bye\n"];
    let message = Transaction { body_type: BodyType::EightBitMime, ..to(1) };
    let story = play(&[message], &script);
    let expected = "HELO me.example\nMAIL FROM:<from@a.example>\nRCPT TO:<r0@b.example>\nDATA\n<dot>\nQUIT\n";
    assert_eq!((story.outcomes().as_str(), story.transaction_bytes()), ("D", expected));
}

#[test]
fn a_transaction_for_nobody_is_over_at_once() {
    let story = play(&[to(0)], &["220 hi\n", EHLO, "221 bye\n"]);
    assert_eq!((story.outcomes().as_str(), story.transaction_bytes()), ("", "QUIT\n"));
}

#[test]
fn only_a_ready_session_begins() {
    let mut session = ClientSession::new(Arc::new(config()));
    assert_eq!(session.begin(to(1)), Err(Box::new(to(1))));
    session.receive(b"220 hi\r\n250 mx\r\n");
    assert_eq!(session.begin(to(0)), Ok(()));
    // The result of the one before was not taken yet.
    assert_eq!(session.begin(to(1)), Err(Box::new(to(1))));
    assert!(matches!(session.poll(&mut Vec::new()), Action::Finished(_)));
    assert_eq!(session.begin(to(1)), Ok(()));
    assert_eq!(session.begin(to(1)), Err(Box::new(to(1))));
}

#[test]
fn poll_hands_bytes_out_once_and_repeats_the_action() {
    let mut session = ClientSession::new(Arc::new(config()));
    session.receive(b"220 hi\r\n");
    let mut out = Vec::new();
    let first = session.poll(&mut out);
    assert_eq!(session.poll(&mut out), first);
    assert_eq!(out, b"EHLO me.example\r\n");
}

#[test]
fn calls_out_of_turn_change_nothing() {
    let mut session = ClientSession::new(Arc::new(config()));
    session.body_sent();
    session.tls_established();
    session.tls_failed("why".to_owned());
    session.quit();
    let mut out = Vec::new();
    assert!(matches!(session.poll(&mut out), Action::Read(wait) if wait.phase == Phase::Greeting));
    assert!(out.is_empty());
}
