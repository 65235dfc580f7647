//! AUTH, REQUIRETLS, and what a submission session is without them.

use super::*;
use crate::{class::TransportSecurity, message::ReceivedWith};

/// `\0user\0secret` in base64.
const PLAIN: &str = "AHVzZXIAc2VjcmV0";
const DENIED: &str = "535 5.7.8 who are you\r\n";

fn submission() -> ServerConfig {
    ServerConfig {
        starttls: StartTls::Offered,
        auth: Auth::Required,
        require_tls: RequireTls::Offered,
        ..config()
    }
}

/// Lets in whoever knows the secret.
fn judge(step: &Step) -> Answer {
    match step {
        Step::Authenticate(credentials) if credentials.secret.reveal() != "secret" => {
            let code = SmtpCode::new(535).unwrap();
            Answer::Refuse(Reply::new(code, Some(EnhancedCode::new(5, 7, 8)), "who are you"))
        }
        _ => Answer::Accept,
    }
}

/// A session under TLS from the first octet, in one read.
fn secured(input: &str) -> Transcript {
    let mut session = ServerSession::new(Arc::new(submission()));
    session.tls_established();
    go_on(session, [input.as_bytes()], judge)
}

/// A session in plain text that must go on in it.
fn in_the_clear(input: &str) -> Transcript {
    converse(&submission(), [input.as_bytes()], judge)
}

#[test]
fn offers_auth_and_requiretls_only_under_tls() {
    let plain = in_the_clear("EHLO c.example\r\n").replies;
    assert!(
        plain.contains("STARTTLS") && !plain.contains("AUTH") && !plain.contains("REQUIRETLS"),
        "{plain}"
    );
    let tls = secured("EHLO c.example\r\n").replies;
    assert!(tls.ends_with("250-AUTH PLAIN LOGIN\r\n250 REQUIRETLS\r\n"), "{tls}");
    let mut session = ServerSession::new(Arc::new(submission()));
    session.allow_plain_auth();
    let loopback = go_on(session, [&b"EHLO c.example\r\n"[..]], judge).replies;
    assert!(loopback.ends_with("250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n"), "{loopback}");
}

#[test]
fn logs_in_by_every_road() {
    let roads = [
        format!("AUTH PLAIN {PLAIN}\r\n"),
        format!("auth plain\r\n{PLAIN}\r\n"),
        "AUTH LOGIN\r\ndXNlcg==\r\nc2VjcmV0\r\n".to_owned(),
        "AUTH LOGIN dXNlcg==\r\nc2VjcmV0\r\n".to_owned(),
    ];
    for road in roads {
        let transcript = secured(&format!("EHLO c.example\r\n{road}MAIL FROM:<a@b.example>\r\n"));
        assert!(
            transcript.replies.ends_with("235 2.7.0 Authentication succeeded\r\n250 2.1.0 Ok\r\n"),
            "{road}"
        );
        let Some(Step::Authenticate(credentials)) = transcript.steps.first() else { panic!("{road}") };
        assert_eq!((credentials.identity.as_str(), credentials.secret.reveal()), ("user", "secret"));
    }
    let asked = secured("EHLO c.example\r\nAUTH LOGIN\r\ndXNlcg==\r\n").replies;
    assert!(asked.ends_with("334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n"), "{asked}");
    let empty = secured("EHLO c.example\r\nAUTH PLAIN\r\n").replies;
    assert!(empty.ends_with("334 \r\n"), "{empty}");
}

#[test]
fn refuses_mail_without_a_login() {
    let tls = secured("EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n");
    assert!(tls.replies.contains("530 5.7.0 Authentication required\r\n503"), "{}", tls.replies);
    let plain = in_the_clear("EHLO c.example\r\nMAIL FROM:<a@b.example>\r\n").replies;
    assert!(plain.ends_with("530 5.7.0 Start TLS and log in first\r\n"), "{plain}");
    let wrong = secured("EHLO c.example\r\nAUTH PLAIN AHVzZXIAeA==\r\nMAIL FROM:<a@b.example>\r\n").replies;
    assert!(wrong.ends_with(&format!("{DENIED}530 5.7.0 Authentication required\r\n")), "{wrong}");
}

#[test]
fn says_what_is_wrong_with_an_auth() {
    let long = format!("AUTH PLAIN\r\n{}\r\n", "A".repeat(12_289));
    let longest = format!("AUTH PLAIN\r\n{}\r\n", "A".repeat(12_288));
    let in_transaction = format!("AUTH PLAIN {PLAIN}\r\nMAIL FROM:<>\r\nAUTH PLAIN {PLAIN}\r\n");
    let twice = format!("AUTH PLAIN {PLAIN}\r\nAUTH PLAIN {PLAIN}\r\n");
    let cases = [
        ("AUTH CRAM-MD5\r\n", "504 5.5.4"),
        ("AUTH\r\n", "501 5.5.4"),
        ("AUTH PLAIN\r\n*\r\n", "501 5.7.0"),
        ("AUTH LOGIN dXNlcg==\r\n*\r\n", "501 5.7.0"),
        ("AUTH PLAIN *\r\n", "501 5.5.2"),
        ("AUTH PLAIN =\r\n", "501 5.5.2"),
        ("AUTH PLAIN not-base64\r\n", "501 5.5.2"),
        ("AUTH PLAIN\r\nAHVz\nZXIA\r\n", "501 5.5.2"),
        ("AUTH PLAIN b3RoZXIAdXNlcgBzZWNyZXQ=\r\n", "535 5.7.8"),
        (&long, "500 5.5.6"),
        (&longest, "501 5.5.2"),
        (&in_transaction, "503 5.5.1"),
        (&twice, "503 5.5.1"),
    ];
    for (input, reply) in cases {
        let replies = secured(&format!("EHLO c.example\r\n{input}")).replies;
        let last = replies.lines().last().unwrap();
        assert!(last.starts_with(reply), "{input:.40}: {last}");
    }
    for ungreeted in [format!("AUTH PLAIN {PLAIN}\r\n"), format!("HELO c.example\r\nAUTH PLAIN {PLAIN}\r\n")]
    {
        assert_eq!(secured(&ungreeted).codes().last(), Some(&"503"), "{ungreeted}");
    }
}

#[test]
fn commands_may_be_long_again_only_in_an_exchange() {
    let noop = format!("NOOP {}\r\n", "x".repeat(3_000));
    let replies = secured(&format!("EHLO c.example\r\nAUTH PLAIN\r\n*\r\n{noop}")).replies;
    assert!(replies.ends_with("cancelled\r\n500 5.5.2 Line too long\r\n"), "{replies}");
}

#[test]
fn a_password_in_plain_text_is_not_even_looked_at() {
    let transcript = in_the_clear(&format!("EHLO c.example\r\nAUTH PLAIN {PLAIN}\r\n"));
    assert!(transcript.replies.contains("538 5.7.11 "), "{}", transcript.replies);
    assert!(transcript.steps.is_empty());
    let relay = converse(&config(), [&b"EHLO c.example\r\nAUTH PLAIN AHUAcA==\r\n"[..]], judge);
    assert_eq!(relay.codes(), ["250", "502"]);
}

#[test]
fn what_is_pipelined_behind_a_login_is_answered_in_order() {
    let input =
        format!("EHLO c.example\r\nAUTH PLAIN {PLAIN}\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nQUIT\r\n");
    assert_eq!(secured(&input).codes(), ["250", "235", "250", "250", "221"]);
    // A command where a response is expected is one, and a wrong one.
    let swallowed = secured("EHLO c.example\r\nAUTH PLAIN\r\nMAIL FROM:<>\r\nNOOP\r\n");
    assert_eq!(swallowed.codes(), ["250", "334", "501", "250"]);
}

#[test]
fn starttls_takes_a_login_away() {
    let login = format!("EHLO c.example\r\nAUTH PLAIN {PLAIN}\r\n");
    let mut session = ServerSession::new(Arc::new(submission()));
    session.allow_plain_auth();
    let injected = format!("{login}STARTTLS\r\nMAIL FROM:<evil@b.example>\r\n");
    let secure = format!("EHLO c.example\r\nMAIL FROM:<>\r\nAUTH PLAIN {PLAIN}\r\nMAIL FROM:<>\r\n");
    let transcript = go_on(session, [injected.as_bytes(), secure.as_bytes()], judge);
    assert_eq!(transcript.codes(), ["250", "235", "220", "250", "530", "235", "250"]);
}

#[test]
fn an_auth_before_starttls_cannot_be_finished_after_it() {
    // The attacker's AUTH waits for a response; the victim's first line must not become it (RFC 3207 section 4.2).
    let mut session = ServerSession::new(Arc::new(submission()));
    session.allow_plain_auth();
    let injected = b"EHLO evil.example\r\nSTARTTLS\r\nAUTH LOGIN ZXZpbA==\r\n".as_slice();
    let transcript = go_on(session, [injected, b"EHLO c.example\r\nNOOP\r\n"], judge);
    assert_eq!(transcript.codes(), ["250", "220", "250", "250"]);
    assert_eq!(transcript.steps, [Step::StartTls]);
}

#[test]
fn hands_out_messages_with_how_they_came() {
    let input = format!(
        "EHLO c.example\r\nAUTH PLAIN {PLAIN}\r\nMAIL FROM:<a@b.example> REQUIRETLS AUTH=<>\r\n\
         RCPT TO:<c@d.example>\r\nDATA\r\n.\r\n"
    );
    let transcript = secured(&input);
    let message = transcript.messages()[0];
    assert_eq!((message.protocol(), message.security), (ReceivedWith::Esmtpsa, TransportSecurity::Required));
    let plain = accepted(&format!("{ENVELOPE}DATA\r\n.\r\n"));
    assert_eq!(plain.messages()[0].protocol(), ReceivedWith::Esmtp);
}

#[test]
fn requiretls_is_unknown_in_plain_text() {
    let mut session = ServerSession::new(Arc::new(submission()));
    session.allow_plain_auth();
    let input = format!("EHLO c.example\r\nAUTH PLAIN {PLAIN}\r\nMAIL FROM:<a@b.example> REQUIRETLS\r\n");
    assert_eq!(go_on(session, [input.as_bytes()], judge).codes(), ["250", "235", "555"]);
}

#[test]
fn tells_its_phase_while_it_logs_a_client_in() {
    let mut session = ServerSession::new(Arc::new(submission()));
    session.tls_established();
    let mut out = Vec::new();
    session.receive(&mut &b"EHLO c.example\r\nAUTH PLAIN\r\n"[..], &mut out);
    assert_eq!(session.phase(), ServerPhase::Login);
    let step = session.receive(&mut &b"AHVzZXIAc2VjcmV0\r\n"[..], &mut out);
    assert!(matches!(step, Step::Authenticate(_)));
    assert_eq!(session.phase(), ServerPhase::Deciding);
    session.answer(Answer::Accept, &mut out);
    assert_eq!(session.phase(), ServerPhase::Ready);
}
