//! SMTP smuggling: no ending but CRLF.CRLF may end a message.
//!
//! The forms, and who took them for an end of data: LF.LF and LF.CRLF (CVE-2023-51764 Postfix, -51765 Sendmail, -51766
//! Exim), CRLF.LF and CR.CR (CVE-2024-27305 aiosmtpd, CVE-2024-27938 Postal), CR.CRLF and CRLF.CR (the paper "SMTP
//! Smuggling", 2023), a NUL before or behind the dot (gateways that drop it), doubled CRs (gateways that drop one). Here
//! each refuses the message as a whole, after its true end, by DATA and by BDAT alike; none gets as far as being sent on.

use super::*;

/// Ends that some server somewhere took for the end of a message.
const FALSE_ENDS: [&str; 18] = [
    "\n\r.\r\n",
    "\r\n\r.\r\n",
    "\r\n.\n\r\n",
    "\r.\n.\r\n",
    "\n.\n",
    "\r.\r",
    "\r\n.\r",
    "\r\n.\n",
    "\n.\r\n",
    "\r.\r\n",
    "\n.\r",
    "\r.\n",
    "\r\r\n.\r\r\n",
    "\n\n.\r\n",
    "\r\n.\r\r\n",
    "\r\n\0.\r\n",
    "\r\n.\0\r\n",
    "\0\r\n.\0\r\n",
];

const SMUGGLED: &str = "MAIL FROM:<evil@b.example>\r\nRCPT TO:<victim@d.example>\r\nDATA\r\nevil";

#[test]
fn no_false_end_lets_a_second_message_in() {
    for end in FALSE_ENDS {
        let input = format!("{ENVELOPE}DATA\r\nSubject: x\r\n\r\nbody{end}{SMUGGLED}\r\n.\r\nQUIT\r\n");
        let transcript = accepted(&input);
        assert_eq!(transcript.codes(), ["250", "250", "250", "354", "554", "221"], "{end:?}");
        assert!(transcript.messages().is_empty(), "{end:?}");
    }
}

#[test]
fn no_false_end_is_an_end_at_the_beginning_of_the_content() {
    for end in [".\n", ".\r", "\n.\n", ".\r\r\n", "\r.\r\n"] {
        let transcript = accepted(&format!("{ENVELOPE}DATA\r\n{end}{SMUGGLED}\r\n.\r\nQUIT\r\n"));
        assert_eq!(transcript.codes(), ["250", "250", "250", "354", "554", "221"], "{end:?}");
    }
}

#[test]
fn false_ends_are_none_wherever_the_network_cuts() {
    for end in FALSE_ENDS {
        let input = format!("{ENVELOPE}DATA\r\nSubject: x\r\n\r\nbody{end}{SMUGGLED}\r\n.\r\nQUIT\r\n");
        for cut in 0..=input.len() {
            let (head, tail) = input.as_bytes().split_at(cut);
            let transcript = converse(&config(), [head, tail], |_| Answer::Accept);
            assert_eq!(
                transcript.codes(),
                ["250", "250", "250", "354", "554", "221"],
                "{end:?} cut at {cut}"
            );
        }
    }
}

#[test]
fn false_ends_in_a_header_are_none_either() {
    for end in FALSE_ENDS {
        let header = format!("Subject: x{end}{SMUGGLED}\r\n\r\nbody\r\n");
        let transcript = accepted(&format!("{ENVELOPE}DATA\r\n{header}.\r\nQUIT\r\n"));
        assert_eq!(transcript.codes(), ["250", "250", "250", "354", "554", "221"], "{end:?}");
    }
}

#[test]
fn an_end_split_over_chunks_is_content() {
    let chunks = "BDAT 6\r\nbody\r\nBDAT 1\r\n.BDAT 8 LAST\r\n\r\nRSET\r\nQUIT\r\n";
    let transcript = accepted(&format!("{ENVELOPE}{chunks}"));
    assert_eq!(transcript.codes(), ["250", "250", "250", "250", "250", "250", "221"]);
    assert_eq!(transcript.contents(), [b"body\r\n.\r\nRSET\r\n"]);
}

#[test]
fn names_the_reason() {
    let bare = accepted(&format!("{ENVELOPE}DATA\r\na\nb\r\n.\r\n")).replies;
    assert!(bare.contains("\r\n554 5.6.0 Message holds a bare CR or LF"), "{bare}");
    assert!(bare.contains("smuggling"), "{bare}");
    let nul = accepted(&format!("{ENVELOPE}DATA\r\na\0b\r\n.\r\n")).replies;
    assert!(nul.contains("\r\n554 5.6.0 Message holds a NUL"), "{nul}");
}

#[test]
fn refuses_false_ends_in_chunks_because_they_may_leave_us_by_data() {
    for end in FALSE_ENDS {
        let content = format!("body{end}{SMUGGLED}\r\n");
        let transcript = accepted(&format!("{ENVELOPE}BDAT {} LAST\r\n{content}QUIT\r\n", content.len()));
        assert_eq!(transcript.codes(), ["250", "250", "250", "554", "221"], "{end:?}");
    }
}

#[test]
fn no_false_end_ends_a_command() {
    let cases = ["NOOP\nQUIT\r\n", "NOOP\rQUIT\r\n", "NOOP\r\r\n", "NOOP\n\r\n", "EHLO a\nMAIL FROM:<>\r\n"];
    for input in cases {
        let transcript = accepted(input);
        assert_eq!(transcript.codes(), ["500"], "{input:?}");
        assert!(!transcript.is_closed(), "{input:?}");
    }
}
