//! STARTTLS.

use super::*;
use crate::smtp::client::ClientTls;

const EHLO_TLS: &str = "250-mx\n250-PIPELINING\n250 STARTTLS\n";

#[test]
fn starts_tls_where_offered_and_greets_again() {
    let script = [
        "220 hi\n",
        EHLO_TLS,
        "220 go\n",
        "250 mx\n",
        "250 ok\n",
        "250 ok\n",
        "354 go\n",
        "250 ok\n",
        "221 bye\n",
    ];
    let story = play(&[to(1)], &script);
    assert!(story.written.starts_with("EHLO me.example\nSTARTTLS\n<tls>\nEHLO me.example\nMAIL FROM"));
    assert_eq!(story.outcomes(), "D");
}

#[test]
fn does_not_start_tls_twice() {
    let story = play(&[], &["220 hi\n", EHLO_TLS, "220 go\n", EHLO_TLS, "221 bye\n"]);
    assert_eq!(story.written, "EHLO me.example\nSTARTTLS\n<tls>\nEHLO me.example\nQUIT\n");
}

#[test]
fn can_be_told_to_stay_in_plain_text() {
    let config = ClientConfig { tls: ClientTls::Never, ..config() };
    let story = play_in(config, &[], &["220 hi\n", EHLO_TLS, "221 bye\n"], usize::MAX);
    assert_eq!(story.written, "EHLO me.example\nQUIT\n");
}

#[test]
fn forgets_what_was_learned_in_plain_text() {
    let mut session = ClientSession::new(Arc::new(config()));
    session.receive(b"220 hi\r\n");
    session.receive(b"250-mx\r\n250-PIPELINING\r\n250-SIZE 5\r\n250 STARTTLS\r\n");
    session.receive(b"220 go\r\n");
    session.tls_established();
    assert_eq!(*session.capabilities(), Capabilities::default());
    session.receive(b"502 only HELO here\r\n");
    session.receive(b"250 mx\r\n");
    assert_eq!(session.poll(&mut Vec::new()), Action::Ready);
    assert_eq!(*session.capabilities(), Capabilities::default());
}

#[test]
fn drops_replies_injected_before_the_handshake() {
    let injected: [&[u8]; 2] = [b"220 go\r\n250-evil\r\n250 PIPELINING\r\n", b"220 go\r\n250-ev"];
    for bytes in injected {
        let mut session = ClientSession::new(Arc::new(config()));
        session.receive(b"220 hi\r\n");
        session.receive(b"250-mx\r\n250 STARTTLS\r\n");
        session.receive(bytes);
        session.receive(b"250 more\r\n250 half");
        assert_eq!(session.poll(&mut Vec::new()), Action::StartTls);
        session.tls_established();
        let mut out = Vec::new();
        assert!(matches!(session.poll(&mut out), Action::Read(wait) if wait.phase == Phase::Ehlo));
        assert_eq!(out, b"EHLO me.example\r\n");
        session.receive(b"250 mx\r\n");
        assert_eq!(session.poll(&mut out), Action::Ready);
        assert!(!session.capabilities().offers(Extension::Pipelining));
    }
}

#[test]
fn a_refusal_allows_another_connection_in_plain_text() {
    for reply in ["454 not now\n", "501 no\n"] {
        let story = play(&[to(1)], &["220 hi\n", EHLO_TLS, reply, "221 bye\n"]);
        let CloseReason::Failed(failure @ Failure::StartTlsRefused(_)) = &story.close else {
            panic!("{story:?}");
        };
        assert!(failure.is_about_tls());
        assert_eq!(failure.verdict().outcome, Outcome::Soft);
        assert!(story.results.is_empty());
        assert!(story.written.ends_with("STARTTLS\nQUIT\n"));
    }
}

#[test]
fn a_failed_or_broken_handshake_allows_another_connection_in_plain_text() {
    let ends: [fn(&mut ClientSession); 2] =
        [|session| session.tls_failed("bad record".to_owned()), |session| session.lost(Loss::Eof)];
    for end in ends {
        let mut session = ClientSession::new(Arc::new(config()));
        session.receive(b"220 hi\r\n");
        session.receive(b"250-mx\r\n250 STARTTLS\r\n");
        session.receive(b"220 go\r\n");
        end(&mut session);
        let Action::Closed(CloseReason::Failed(failure)) = session.poll(&mut Vec::new()) else {
            panic!("still open");
        };
        assert!(failure.is_about_tls());
        assert_eq!((failure.verdict().outcome, failure.verdict().phase), (Outcome::Soft, Phase::Tls));
    }
}

#[test]
fn a_loss_elsewhere_is_no_reason_for_plain_text() {
    let story = play(&[to(1)], &["220 hi\n", EHLO_TLS, "220 go\n", "!eof"]);
    assert!(matches!(story.close, CloseReason::Failed(failure) if !failure.is_about_tls()));
}

#[test]
fn required_tls_that_is_not_offered_ends_the_session_before_any_message() {
    for hello in ["250 mx\n", "500 what\n"] {
        let config = ClientConfig { tls: ClientTls::Required, ..config() };
        let mut session = ClientSession::new(Arc::new(config));
        session.receive(b"220 hi\r\n");
        session.receive(hello.replace('\n', "\r\n").as_bytes());
        session.receive(b"250 mx\r\n"); // to HELO, or to QUIT
        session.receive(b"221 bye\r\n");
        let action = session.poll(&mut Vec::new());
        let Action::Closed(CloseReason::Failed(failure)) = action else { panic!("{action:?}") };
        assert!(failure.is_about_tls());
        assert_eq!(failure.verdict().status.to_string(), "4.7.4");
    }
}

#[test]
fn requiretls_goes_with_mail_and_only_to_servers_that_promise_it() {
    let message = || Transaction { security: TransportSecurity::Required, ..to(1) };
    let story = play(
        &[message()],
        &["220 hi\n", "250-mx\n250 REQUIRETLS\n", "250 ok\n", "250 ok\n", "354 go\n", "250 ok\n"],
    );
    assert!(story.written.contains("> REQUIRETLS\n"), "{}", story.written);
    let story = play(&[message()], &["220 hi\n", "250 mx\n"]);
    assert_eq!(story.results[0].verdicts[0].1.status.to_string(), "5.7.30");
    assert!(!story.written.contains("MAIL"));
}
