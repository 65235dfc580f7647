//! Several transactions on one connection.

use super::*;

/// Replies to a greeting and one delivered message, one by one.
const FIRST: [&str; 6] = ["220 hi\n", EHLO, "250 ok\n", "250 ok\n", "354 go\n", "250 ok\n"];
/// Replies to one delivered message and QUIT.
const LAST: [&str; 5] = ["250 ok\n", "250 ok\n", "354 go\n", "250 ok\n", "221 bye\n"];

#[test]
fn needs_no_rset_after_a_finished_message() {
    for reply in ["250 ok\n", "554 no\n", "451 later\n"] {
        let script = [&FIRST[..5], &[reply], &LAST].concat();
        let story = play(&[to(1), to(1)], &script);
        assert!(!story.written.contains("RSET"));
        assert_eq!(outcomes(&story.results[1]), "D");
    }
}

#[test]
fn resets_after_an_abandoned_transaction() {
    // All recipients refused, and DATA refused: MAIL was accepted and is still open.
    let abandoned: [&[&str]; 2] = [&["250 ok\n", "550 no\n"], &["250 ok\n", "250 ok\n", "451 no\n"]];
    for replies in abandoned {
        let script = [&FIRST[..2], replies, &["250 reset\n"], &LAST].concat();
        let story = play(&[to(1), to(1)], &script);
        assert!(story.written.contains("RSET\nMAIL FROM"), "{}", story.written);
        assert_eq!(story.written.matches("RSET").count(), 1);
        assert_eq!(outcomes(&story.results[1]), "D");
    }
}

#[test]
fn needs_no_rset_after_a_refused_mail() {
    let story = play(&[to(1), to(1)], &[&FIRST[..2], &["451 later\n"], &LAST].concat());
    assert!(!story.written.contains("RSET"));
    assert_eq!(outcomes(&story.results[1]), "D");
}

#[test]
fn an_own_verdict_between_does_not_lose_the_reset() {
    let unsendable = Transaction { smtputf8: SmtpUtf8::Needed, ..to(1) };
    let script = [&FIRST[..2], &["250 ok\n", "550 no\n", "250 reset\n"], &LAST].concat();
    let story = play(&[to(1), unsendable, to(1)], &script);
    assert!(story.written.contains("RCPT TO:<r0@b.example>\nRSET\nMAIL FROM"), "{}", story.written);
    assert_eq!(story.results.iter().map(outcomes).collect::<String>(), "HHD");
}

#[test]
fn an_own_verdict_needs_no_reset() {
    let unsendable = Transaction { smtputf8: SmtpUtf8::Needed, ..to(1) };
    let story = play(&[to(1), unsendable], &[&FIRST[..2], &["250 ok\n", "550 no\n", "221 bye\n"]].concat());
    assert!(!story.written.contains("RSET"), "{}", story.written);
}

#[test]
fn a_failure_before_the_first_reply_on_a_used_connection_counts_no_attempt() {
    for failure in ["421 bye\n", "!eof", "!timeout", "503 sequence\n", "garbage\n", "354 what\n"] {
        let story = play(&[to(1), to(2)], &[&FIRST[..], &[failure]].concat());
        assert_eq!(story.attempts(), [Attempt::Counted, Attempt::NotAttempted], "{failure}");
        assert_eq!(outcomes(&story.results[1]), "SS", "{failure}");
        assert!(matches!(story.close, CloseReason::Failed(_)));
    }
}

#[test]
fn a_failed_rset_counts_no_attempt() {
    for failure in ["421 bye\n", "!eof", "503 what\n", "550 no\n", "garbage\n"] {
        let script = [&FIRST[..2], &["250 ok\n", "550 no\n", failure]].concat();
        let story = play(&[to(1), to(1)], &script);
        assert_eq!(story.attempts(), [Attempt::Counted, Attempt::NotAttempted], "{failure}");
        assert_eq!(outcomes(&story.results[1]), "S", "{failure}");
        assert!(matches!(story.close, CloseReason::Failed(_)));
    }
}

#[test]
fn a_failure_on_a_fresh_connection_counts() {
    for failure in ["421 bye\n", "!eof"] {
        let story = play(&[to(1)], &[&FIRST[..2], &[failure]].concat());
        assert_eq!((story.outcomes().as_str(), story.attempts()[0]), ("S", Attempt::Counted));
    }
}

#[test]
fn a_failure_after_the_first_reply_counts_even_on_a_used_connection() {
    for failure in ["421 bye\n", "!eof"] {
        let story = play(&[to(1), to(1)], &[&FIRST[..], &["250 ok\n", failure]].concat());
        assert_eq!(story.attempts(), [Attempt::Counted, Attempt::Counted], "{failure}");
    }
}

#[test]
fn a_refused_mail_on_a_used_connection_is_about_the_message() {
    let story = play(&[to(1), to(1)], &[&FIRST[..], &["550 5.1.8 no\n", "221 bye\n"]].concat());
    assert_eq!((outcomes(&story.results[1]).as_str(), story.attempts()[1]), ("H", Attempt::Counted));
}

#[test]
fn an_idle_connection_that_says_421_is_closed() {
    for said in [&b"421 idle\r\n"[..], b"250 what\r\n", b"?\r\n"] {
        let mut session = ClientSession::new(Arc::new(config()));
        session.receive(b"220 hi\r\n250 mx\r\n");
        assert_eq!(session.poll(&mut Vec::new()), Action::Ready);
        session.receive(said);
        assert!(matches!(session.poll(&mut Vec::new()), Action::Closed(CloseReason::Failed(_))));
        assert_eq!(session.begin(to(1)), Err(Box::new(to(1))));
    }
}
