//! BDAT (RFC 3030).

use super::*;

#[test]
fn joins_chunks_as_they_are() {
    let transcript =
        accepted(&format!("{ENVELOPE}BDAT 6\r\n.\r\nab\rBDAT 6\r\n\n.\r\n..BDAT 0 LAST\r\nNOOP\r\n"));
    assert_eq!(transcript.codes(), ["250", "250", "250", "250", "250", "250", "250"]);
    assert_eq!(transcript.contents(), [b".\r\nab\r\n.\r\n.."]);
    assert!(transcript.replies.contains("250 2.0.0 6 octets received\r\n"));
}

#[test]
fn refuses_a_chunk_with_a_bare_line_break_and_those_behind_it() {
    let transcript = accepted(&format!("{ENVELOPE}BDAT 3\r\na\rbBDAT 4 LAST\r\nRSETNOOP\r\n"));
    assert_eq!(transcript.codes(), ["250", "250", "250", "554", "503", "250"]);
    let open = accepted(&format!("{ENVELOPE}BDAT 2\r\na\rBDAT 0 LAST\r\nNOOP\r\n"));
    assert_eq!(open.codes(), ["250", "250", "250", "250", "554", "250"]);
}

#[test]
fn takes_a_message_in_one_chunk() {
    let transcript = accepted(&format!("{ENVELOPE}BDAT 6 LAST\r\nQUIT\r\nQUIT\r\n"));
    assert_eq!(transcript.contents(), [b"QUIT\r\n"]);
    assert_eq!(transcript.codes(), ["250", "250", "250", "250", "221"]);
}

#[test]
fn asks_for_room_once_a_message() {
    let transcript = accepted(&format!("{ENVELOPE}BDAT 1\r\naBDAT 1\r\nbBDAT 1 LAST\r\nc"));
    assert_eq!(transcript.steps.iter().filter(|step| **step == Step::Data).count(), 1);
    assert_eq!(transcript.contents(), [b"abc"]);
}

#[test]
fn does_not_mix_with_data_and_other_commands_of_the_transaction() {
    let transcript = accepted(&format!(
        "{ENVELOPE}BDAT 1\r\naDATA\r\nRCPT TO:<e@f.example>\r\nMAIL FROM:<>\r\nBDAT 0 LAST\r\n"
    ));
    assert_eq!(transcript.codes(), ["250", "250", "250", "250", "503", "503", "503", "250"]);
    assert_eq!(transcript.contents(), [b"a"]);
}

#[test]
fn starts_afresh_after_rset_between_chunks() {
    let transcript = accepted(&format!("{ENVELOPE}BDAT 1\r\naRSET\r\n{ENVELOPE}BDAT 1 LAST\r\nb"));
    assert_eq!(transcript.contents(), [b"b"]);
}

#[test]
fn consumes_chunks_it_refuses() {
    let no_envelope = accepted("EHLO c.example\r\nBDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n");
    assert_eq!(no_envelope.codes(), ["250", "503", "503", "250"]);
    let no_recipient = accepted("EHLO c.example\r\nMAIL FROM:<>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n");
    assert_eq!(no_recipient.codes(), ["250", "250", "554", "250"]);
    let input = format!("{ENVELOPE}BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nMAIL FROM:<>\r\n");
    let no_room = converse(&config(), [input.as_bytes()], |step| match step {
        Step::Data => Answer::Refuse(reply(SmtpCode::INSUFFICIENT_STORAGE, 4, "disk full")),
        _ => Answer::Accept,
    });
    assert_eq!(no_room.codes(), ["250", "250", "250", "452", "503", "250"]);
}

#[test]
fn swallows_a_message_over_the_limit() {
    let (a, b) = ("x".repeat(999), "y".repeat(2));
    let sum = accepted(&format!("{ENVELOPE}BDAT 999\r\n{a}BDAT 2\r\n{b}BDAT 0 LAST\r\nNOOP\r\n"));
    assert_eq!(sum.codes(), ["250", "250", "250", "250", "552", "503", "250"]);
    let huge = accepted(&format!("{ENVELOPE}BDAT 18446744073709551615 LAST\r\n{a}{b}NOOP\r\n"));
    assert_eq!(huge.codes(), ["250", "250", "250"]);
}

#[test]
fn does_not_count_chunks_behind_a_failed_one_as_errors() {
    let few = ServerConfig { max_errors: 2, ..config() };
    let input = format!("{}NOOP\r\n", "BDAT 1\r\na".repeat(9));
    assert_eq!(converse(&few, [input.as_bytes()], |_| Answer::Accept).codes().last(), Some(&"250"));
}

#[test]
fn closes_when_a_chunk_cannot_be_told_from_commands() {
    let transcript = accepted(&format!("{ENVELOPE}BDAT six\r\nRSET\r\n"));
    assert_eq!(transcript.codes(), ["250", "250", "250", "501"]);
    assert!(transcript.is_closed());
}
