//! Connections that end before their time.

use super::*;
use crate::smtp::reply::ReplyError;

/// A whole delivery to two recipients command by command, and in a pipeline; the second is refused.
const STEPS: [&[&str]; 2] = [
    &["220 hi\n", EHLO, "250 ok\n", "250 ok\n", "550 5.1.1 no\n", "354 go\n", "250 ok\n"],
    &["220 hi\n", EHLO_PIPELINING, "250 ok\n", "250 ok\n", "550 5.1.1 no\n", "354 go\n", "250 ok\n"],
];
/// Phases of the replies of [`STEPS`].
const PHASES: [Phase; 7] =
    [Phase::Greeting, Phase::Ehlo, Phase::Mail, Phase::Rcpt, Phase::Rcpt, Phase::Data, Phase::Dot];

/// The session whose reply at `step` is `instead`, for both ways of sending.
fn fail_at(step: usize, instead: &str) -> Vec<Story> {
    STEPS.iter().map(|steps| play(&[to(2)], &[&steps[..step], &[instead]].concat())).collect()
}

/// What is known of the two recipients when the connection ends at `step` of [`STEPS`].
fn expected_outcomes(step: usize) -> &'static str {
    if step < 5 { "SS" } else { "SH" }
}

#[test]
fn defers_on_421_after_every_command() {
    for (step, phase) in PHASES.into_iter().enumerate() {
        for story in fail_at(step, "421 4.3.2 shutting down\n") {
            let CloseReason::Failed(failure @ Failure::Refused { phase: at, .. }) = &story.close else {
                panic!("{story:?}");
            };
            assert_eq!((*at, failure.verdict().outcome), (phase, Outcome::Soft));
            if step < 2 {
                assert!(story.results.is_empty());
            } else {
                assert_eq!(
                    (story.outcomes().as_str(), story.attempts()[0]),
                    (expected_outcomes(step), Attempt::Counted)
                );
            }
            assert!(!story.written.contains("QUIT"));
        }
    }
}

#[test]
fn defers_on_every_loss_and_knows_which_are_in_doubt() {
    for (step, phase) in PHASES.into_iter().enumerate() {
        for (word, loss) in [("!eof", Loss::Eof), ("!timeout", Loss::TimedOut)] {
            for story in fail_at(step, word) {
                assert_eq!(story.close, CloseReason::Failed(Failure::Lost { phase, loss: loss.clone() }));
                if step >= 2 {
                    let attempt = if phase == Phase::Dot { Attempt::InDoubt } else { Attempt::Counted };
                    assert_eq!(
                        (story.outcomes().as_str(), story.attempts()[0]),
                        (expected_outcomes(step), attempt)
                    );
                }
            }
        }
    }
}

#[test]
fn what_is_no_reply_closes_the_connection_and_defers() {
    let long = format!("250 {}\n", "x".repeat(100_000));
    let many = "250-x\n".repeat(200_000);
    let garbage = ["hello\n", "250-a\n251 b\n", &long, &many];
    for (step, phase) in PHASES.into_iter().enumerate() {
        for story in garbage.iter().flat_map(|instead| fail_at(step, instead)) {
            let CloseReason::Failed(Failure::Protocol { phase: at, .. }) = story.close else {
                panic!("{story:?}");
            };
            assert_eq!(at, phase);
            if step >= 2 {
                let attempt = if phase == Phase::Dot { Attempt::InDoubt } else { Attempt::Counted };
                assert_eq!(
                    (story.outcomes().as_str(), story.attempts()[0]),
                    (expected_outcomes(step), attempt)
                );
            }
        }
    }
}

#[test]
fn a_hundred_kilobytes_without_a_line_end_are_not_gathered() {
    let mut session = ClientSession::new(Arc::new(config()));
    session.receive(b"220-");
    for _ in 0..100 {
        session.receive(&[b'x'; 1_024]);
    }
    let expected = Failure::Protocol { phase: Phase::Greeting, error: ReplyError::LineTooLong };
    assert_eq!(session.poll(&mut Vec::new()), Action::Closed(CloseReason::Failed(expected)));
}

#[test]
fn a_long_but_lawful_reply_is_taken() {
    let lines = format!("250-{}\n", "x".repeat(1_000)).repeat(60);
    let script =
        ["220 hi\n", EHLO, "250 ok\n", "250 ok\n", "354 go\n", &format!("{lines}250 queued\n"), "221 bye\n"];
    assert_eq!(play(&[to(1)], &script).outcomes(), "D");
}

#[test]
fn a_refused_greeting_is_answered_with_quit() {
    for (reply, outcome) in
        [("554 5.7.1 no\n", Outcome::Soft), ("521 never\n", Outcome::Hard), ("450 later\n", Outcome::Soft)]
    {
        let story = play(&[to(1)], &[reply, "221 bye\n"]);
        let CloseReason::Failed(failure) = &story.close else { panic!("{story:?}") };
        assert_eq!((story.written.as_str(), failure.verdict().outcome), ("QUIT\n", outcome));
    }
}

#[test]
fn a_refused_ehlo_or_helo_closes() {
    let scripts: [(&[&str], Phase); 3] = [
        (&["220 hi\n", "451 later\n"], Phase::Ehlo),
        (&["220 hi\n", "550 no\n", "550 no\n"], Phase::Helo),
        (&["220 hi\n", "550 no\n", "421 bye\n"], Phase::Helo),
    ];
    for (script, phase) in scripts {
        let story = play(&[to(1)], script);
        let CloseReason::Failed(Failure::Refused { phase: at, .. }) = story.close else {
            panic!("{story:?}")
        };
        assert_eq!(at, phase);
    }
}

#[test]
fn replies_out_of_place_close_the_connection_and_defer() {
    let cases = [(2, "354 what\n"), (3, "354 what\n"), (5, "250 what\n"), (6, "354 what\n")];
    for (step, reply) in cases {
        for story in fail_at(step, reply) {
            assert!(matches!(story.close, CloseReason::Failed(Failure::Unexpected { .. })), "{story:?}");
            assert_eq!(story.outcomes(), expected_outcomes(step));
            // The peer has the whole message by the last step, and did not say what became of it.
            assert_eq!(story.attempts()[0] == Attempt::InDoubt, step == 6);
        }
    }
}

/// A session asked to write the content for two recipients, the second refused.
fn session_sending_body() -> ClientSession {
    let mut session = ClientSession::new(Arc::new(config()));
    session.receive(b"220 hi\r\n");
    session.receive(b"250-mx\r\n250 PIPELINING\r\n");
    session.begin(to(2)).unwrap();
    session.receive(b"250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n");
    assert_eq!(session.poll(&mut Vec::new()), Action::WriteBody(Framing::Dot));
    session
}

/// The result and the close that a session has come to.
fn end_of(session: &mut ClientSession) -> (TransactionResult, CloseReason) {
    let mut out = Vec::new();
    match (session.poll(&mut out), session.poll(&mut out)) {
        (Action::Finished(result), Action::Closed(close)) => (*result, close),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refusal_while_the_content_is_sent_ends_the_transaction() {
    for (reply, expected) in
        [(&b"552 5.3.4 too big\r\n"[..], "HH"), (b"452 full\r\n", "SH"), (b"421 bye\r\n", "SH")]
    {
        let mut session = session_sending_body();
        session.receive(reply);
        session.body_sent();
        let (result, close) = end_of(&mut session);
        assert_eq!((outcomes(&result).as_str(), result.attempt), (expected, Attempt::Counted));
        assert!(matches!(close, CloseReason::Failed(Failure::Refused { phase: Phase::Body, .. })));
    }
}

#[test]
fn a_consent_before_the_end_of_the_content_is_not_believed() {
    let mut session = session_sending_body();
    session.receive(b"250 queued\r\n");
    let (result, _) = end_of(&mut session);
    assert_eq!((outcomes(&result).as_str(), result.attempt), ("SH", Attempt::Counted));
}

#[test]
fn a_loss_while_the_content_is_sent_is_not_in_doubt() {
    let mut session = session_sending_body();
    session.lost(Loss::Reset("broken pipe".to_owned()));
    let (result, close) = end_of(&mut session);
    assert_eq!((outcomes(&result).as_str(), result.attempt), ("SH", Attempt::Counted));
    assert!(close.to_string().contains("broken pipe"));
}

#[test]
fn a_loss_after_quit_is_still_our_quit() {
    for end in ["!eof", "500 what\n", "garbage\n"] {
        assert_eq!(play(&[], &["220 hi\n", EHLO, end]).close, CloseReason::Quit);
    }
}

#[test]
fn nothing_is_written_to_a_lost_connection() {
    let mut session = ClientSession::new(Arc::new(config()));
    session.receive(b"220 hi\r\n");
    session.lost(Loss::Eof);
    let mut out = Vec::new();
    assert!(matches!(session.poll(&mut out), Action::Closed(_)));
    assert!(out.is_empty());
}

#[test]
fn the_first_reason_to_close_stays() {
    let mut session = ClientSession::new(Arc::new(config()));
    session.lost(Loss::TimedOut);
    session.lost(Loss::Eof);
    session.receive(b"220 hi\r\n");
    let expected = Failure::Lost { phase: Phase::Greeting, loss: Loss::TimedOut };
    assert_eq!(session.poll(&mut Vec::new()), Action::Closed(CloseReason::Failed(expected)));
}
