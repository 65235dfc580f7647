//! What holds for every dialogue, sensible or not.

use super::*;
use proptest::prelude::*;

/// Pieces of dialogues: whole exchanges, halves of them, and what does harm.
const PIECES: &[&str] = &[
    "EHLO c.example\r\n",
    "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n",
    "EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n",
    "MAIL FROM:<a@b.example> SIZE=20 BODY=8BITMIME\r\n",
    "MAIL FROM:<é@b.example> SMTPUTF8\r\n",
    "RCPT TO:<c@d.example>\r\n",
    "RCPT TO:<postmaster>\r\n",
    "DATA\r\n",
    "Subject: x\r\n\r\n..dot\r\nend",
    "\r\n.\r\n",
    ".\r\n",
    "\n.\n",
    "\r\n.\r",
    "\r",
    "\n",
    ".",
    "\0",
    "BDAT 4\r\nab\r\n",
    "BDAT 3\r\nab\r",
    "BDAT 1 LAST\r\n\n",
    "BDAT 0 LAST\r\n",
    "BDAT 40\r\nNOOP\r\n",
    "BDAT x\r\n",
    "RSET\r\n",
    "NOOP\r\nNOOP\nNOOP\r\n",
    "NOOP 0123456789012345678901234567890123456789012345678901234567890123456789\r\n",
    "0123456789012345678901234567890123456789",
    "QUIT\r\n",
    "STARTTLS\r\n",
    "AUTH PLAIN AHUAcA==\r\n",
    "AUTH LOGIN\r\n",
    "dXNlcg==\r\n",
    "*\r\n",
    "AHUAcA==AHUAcA==AHUAcA==AHUAcA==AHUAcA==AHUAcA==AHUAcA==AHUAcA==AHUAcA==\r\n",
    "GET / HTTP/1.1\r\n",
];

/// Exchanges that come to a message if nothing goes wrong around them.
const MESSAGES: &[&str] = &[
    "RSET\r\nEHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n..\r\n\r\nx\r\n.\r\n",
    "RSET\r\nHELO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nBDAT 3\r\nab\rBDAT 2 LAST\r\n\nc",
];

/// Small limits, so that dialogues run into them.
fn tight() -> ServerConfig {
    ServerConfig { max_message_size: 60, max_recipients: 2, max_line: 64, max_errors: 6, ..config() }
}

/// Refuses every `period`-th question and accepts the others.
fn picky(period: usize) -> impl FnMut(&Step) -> Answer {
    let mut asked = 0;
    move |_| {
        asked += 1;
        if asked % period == 0 {
            Answer::Refuse(reply(SmtpCode::LOCAL_ERROR, 4, "not now"))
        } else {
            Answer::Accept
        }
    }
}

/// `input` cut into reads of the given sizes, over and over.
fn cut<'a>(input: &'a [u8], sizes: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = input;
    sizes.iter().cycle().map_while(move |size| {
        let (head, tail) = rest.split_at((*size).min(rest.len()));
        rest = tail;
        (!head.is_empty()).then_some(head)
    })
}

fn dialogue() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![9 => proptest::sample::select(PIECES), 2 => proptest::sample::select(MESSAGES)];
    let pieces = proptest::collection::vec(piece, 0..24);
    pieces.prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn the_network_cannot_change_a_dialogue_by_cutting_it(
        input in dialogue(),
        sizes in proptest::collection::vec(1..40_usize, 1..6),
        period in 2..9_usize,
    ) {
        let whole = converse(&tight(), [&input[..]], picky(period));
        prop_assert_eq!(&converse(&tight(), input.chunks(1), picky(period)), &whole);
        prop_assert_eq!(&converse(&tight(), cut(&input, &sizes), picky(period)), &whole);
    }

    #[test]
    fn nor_one_in_which_the_client_logs_in(
        input in dialogue(),
        sizes in proptest::collection::vec(1..40_usize, 1..6),
        period in 2..9_usize,
    ) {
        let login = || {
            let mut session = ServerSession::new(Arc::new(ServerConfig { auth: Auth::Required, ..tight() }));
            session.allow_plain_auth();
            session
        };
        let whole = go_on(login(), [&input[..]], picky(period));
        prop_assert_eq!(&go_on(login(), input.chunks(1), picky(period)), &whole);
        prop_assert_eq!(&go_on(login(), cut(&input, &sizes), picky(period)), &whole);
        let first_mail = whole.steps.iter().position(|step| matches!(step, Step::Mail(_)));
        let first_login = whole.steps.iter().position(|step| matches!(step, Step::Authenticate(_)));
        prop_assert!(first_mail.is_none() || first_login < first_mail && first_login.is_some());
    }

    #[test]
    fn messages_handed_out_are_within_their_limits(input in dialogue(), period in 2..9_usize) {
        for message in converse(&tight(), [&input[..]], picky(period)).messages() {
            prop_assert!((1..=2).contains(&message.recipients.len()));
            prop_assert!(message.content.len() <= 60);
            let text = String::from_utf8_lossy(&message.content).replace("\r\n", "");
            prop_assert!(!text.contains(['\r', '\n', '\0']));
        }
    }

    #[test]
    fn any_octets_get_well_formed_replies(input in proptest::collection::vec(any::<u8>(), 0..300)) {
        for line in converse(&tight(), [&input[..]], picky(3)).replies.split_inclusive("\r\n") {
            prop_assert!(line.ends_with("\r\n") && line[..3].parse().is_ok_and(|c| SmtpCode::new(c).is_some()));
        }
    }
}
