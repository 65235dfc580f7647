//! What listeners towards the world add: limits told beforehand, explanations, and a look at who does not wait.

use super::*;
use crate::envelope::SmtpUtf8;

fn towards_the_world() -> ServerConfig {
    ServerConfig {
        starttls: StartTls::Offered,
        limits: Limits::Offered,
        utf8_recipients: Utf8Recipients::DomainsOnly,
        help_url: Some("https://mx.example/postmaster#".to_owned()),
        ..config()
    }
}

#[test]
fn tells_its_limits_beforehand() {
    let transcript = converse(&towards_the_world(), [&b"EHLO c.example\r\n"[..]], |_| Answer::Accept);
    assert!(transcript.replies.ends_with("\r\n250 LIMITS RCPTMAX=3\r\n"), "{}", transcript.replies);
}

#[test]
fn every_refusal_says_where_it_is_explained() {
    let input = format!(
        "WHAT\r\nRCPT TO:<a@b.example>\r\n{ENVELOPE}DATA\r\na\nb\r\n.\r\nMAIL FROM:<>\r\nGET / HTTP/1.1\r\n"
    );
    let mut mails = 0;
    let transcript = converse(&towards_the_world(), [input.as_bytes()], |step| {
        mails += usize::from(matches!(step, Step::Mail(_)));
        match mails {
            2 => Answer::Refuse(reply(SmtpCode::LOCAL_ERROR, 4, "not now\nlater")),
            _ => Answer::Accept,
        }
    });
    assert_eq!(transcript.codes(), ["500", "503", "250", "250", "250", "354", "554", "451", "421"]);
    let explained = |line: &&str| line.contains(" https://mx.example/postmaster#");
    let (with, without): (Vec<_>, Vec<_>) = transcript.replies.lines().partition(explained);
    assert!(with.iter().all(|line| line.starts_with(['4', '5'])), "{with:?}");
    let needs_none = |line: &&str| line.starts_with(['2', '3']) || *line == "451-4.0.0 not now";
    assert!(without.iter().all(needs_none), "{without:?}");
    assert!(transcript.replies.contains("451 4.0.0 later https://mx.example/postmaster#4.0.0\r\n"));
    assert!(transcript.replies.ends_with(" https://mx.example/postmaster#4.7.0\r\n"));
}

#[test]
fn takes_recipients_at_international_domains_but_none_before_the_at_sign() {
    let input = "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<info@piñata.example>\r\n\
                 RCPT TO:<piñata@piñata.example>\r\nRSET\r\nMAIL FROM:<piñata@b.example> SMTPUTF8\r\n\
                 RCPT TO:<piñata@d.example>\r\nRCPT TO:<info@d.example>\r\nDATA\r\n.\r\n";
    let transcript = converse(&towards_the_world(), [input.as_bytes()], |_| Answer::Accept);
    assert_eq!(transcript.codes(), ["250", "250", "250", "553", "250", "250", "553", "250", "354", "250"]);
    assert_eq!(transcript.replies.matches("553 5.6.7 ").count(), 2);
    assert_eq!(transcript.messages()[0].smtputf8, SmtpUtf8::Needed);
}

#[test]
fn notices_who_does_not_wait_for_an_answer() {
    const EHLO: &str = "EHLO c.example\r\n";
    const RCPT: &str = "MAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\n";
    let data = format!("{RCPT}DATA\r\n");
    let (chunk, eager) = (format!("{RCPT}BDAT 1 LAST\r\nxQUIT\r\n"), format!("{data}.\r\n"));
    let cases: [(&[&str], bool); 9] = [
        (&[EHLO, &data, "x\r\n.\r\nQUIT\r\n"], false),
        (&[EHLO, &chunk], false),
        (&[EHLO, "RSET\r\nQUIT\r\n"], false),
        (&[EHLO, &eager], true),
        (&["EHLO c.example\r\nMAIL FROM:<>\r\n"], true),
        (&["HELO c.example\r\nMAIL FROM:<>\r\n"], true),
        (&[EHLO, "NOOP\r\nRSET\r\n"], true),
        (&[EHLO, "STARTTLS\r\nEHLO c.example\r\n"], true),
        (&[EHLO, "VRFY x\r\nx"], true),
    ];
    for (reads, is_ahead) in cases {
        assert_eq!(talked_ahead(reads), is_ahead, "{reads:?}");
    }
}

fn talked_ahead(reads: &[&str]) -> bool {
    let mut session = ServerSession::new(Arc::new(towards_the_world()));
    let (mut out, mut was_ahead) = (Vec::new(), false);
    for read in reads {
        let mut read = read.as_bytes();
        loop {
            let step = session.receive(&mut read, &mut out);
            was_ahead |= session.talked_ahead();
            assert!(!session.talked_ahead(), "told twice: {reads:?}");
            match step {
                Step::NeedInput | Step::Close => break,
                Step::StartTls => session.tls_established(),
                _ => session.answer(Answer::Accept, &mut out),
            }
        }
    }
    was_ahead
}

#[test]
fn knows_the_name_that_a_client_gave() {
    let mut session = ServerSession::new(Arc::new(towards_the_world()));
    let mut out = Vec::new();
    assert_eq!(session.hello_name(), None);
    session.receive(&mut &b"EHLO c.example\r\n"[..], &mut out);
    assert_eq!(session.hello_name(), Some("c.example"));
    session.receive(&mut &b"STARTTLS\r\n"[..], &mut out);
    session.tls_established();
    assert_eq!(session.hello_name(), None);
}
