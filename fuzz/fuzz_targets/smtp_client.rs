//! The SMTP client session against any server: it comes to an end, every recipient gets one verdict, and nothing
//! counts as delivered, or as in doubt, that was not sent.
//!
//! The first octet holds the knobs of [`Driver::new`]. The server says one piece at each read; pieces end at
//! [`SEPARATOR`](mailwright_fuzz::SEPARATOR).

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    class::TransportSecurity,
    dsn::{DsnRequest, EnvelopeId, Notify, OriginalRecipient, RecipientDsn, Ret},
    envelope::{BodyType, SmtpUtf8},
    smtp::{
        client::{
            Action, Attempt, Chunking, ClientConfig, ClientSession, ClientTls, CloseReason, Loss,
            Transaction, TransactionResult,
        },
        verdict::{Outcome, Phase},
    },
};
use mailwright_fuzz::{Knobs, Network, assert_clean, assert_printable, pieces, same_over_every_network};
use std::{collections::VecDeque, sync::Arc};

/// What a line of the client may begin with.
const COMMANDS: [&str; 10] = [
    "EHLO ",
    "HELO ",
    "STARTTLS\r",
    "MAIL FROM:<",
    "RCPT TO:<",
    "DATA\r",
    "BDAT ",
    "RSET\r",
    "QUIT\r",
    ".\r",
];

fuzz_target!(|data: &[u8]| {
    let Some((knobs, rest)) = Knobs::take(data) else { return };
    let driver = Driver::new(knobs);
    driver.check(&same_over_every_network(|network| driver.play(rest, network)));
});

/// Whoever owns the connection, and what is to be sent over it.
struct Driver {
    config: ClientConfig,
    transactions: Vec<Transaction>,
    handshake_fails: bool,
    loss: Loss,
    reads_early: bool,
}

/// What a session came to.
#[derive(Debug, PartialEq, Eq)]
struct Story {
    written: Vec<u8>,
    /// How much was written before TLS was established.
    plain: Option<usize>,
    /// How many transactions the session took.
    begun: usize,
    /// Each result, and whether the whole content had gone out before it.
    results: Vec<(TransactionResult, bool)>,
    close: CloseReason,
}

impl Driver {
    /// 0 and 1: no TLS, TLS if offered, TLS required, TLS if offered with a handshake that fails. 2: no BDAT.
    /// 3: the second message needs SMTPUTF8, or else REQUIRETLS. 4 and 5: how many recipients. 6: the connection
    /// ends by a time-out. 7: the driver reads before it has written the content.
    fn new(knobs: Knobs) -> Self {
        let mut config = ClientConfig::new("me.example");
        config.tls = match knobs.choice(0) {
            0 => ClientTls::Never,
            2 => ClientTls::Required,
            _ => ClientTls::Opportunistic,
        };
        if knobs.is_on(2) {
            config.chunking = Chunking::Never;
        }
        let recipients = [1, 2, 5, 201][usize::from(knobs.choice(4))];
        let mut second = transaction(2);
        match knobs.is_on(3) {
            true => second.smtputf8 = SmtpUtf8::Needed,
            false => second.security = TransportSecurity::Required,
        }
        Self {
            config,
            transactions: vec![transaction(recipients), second, transaction(1)],
            handshake_fails: knobs.choice(0) == 3,
            loss: if knobs.is_on(6) { Loss::TimedOut } else { Loss::Eof },
            reads_early: knobs.is_on(7),
        }
    }

    /// Lets the session read what the server says, as the network delivers it.
    fn play(&self, said: &[u8], network: Network) -> Story {
        let mut session = ClientSession::new(Arc::new(self.config.clone()));
        let mut said: VecDeque<_> = pieces(said).map(|piece| network.reads(piece)).collect();
        let mut waiting = self.transactions.iter().cloned();
        let (mut written, mut plain, mut results, mut sent) = (Vec::new(), None, Vec::new(), false);
        // A read for each piece, and besides it a transaction's own steps: begin, content, result.
        let enough = said.len() + 4 * self.transactions.len() + 8;
        for _ in 0..enough {
            match session.poll(&mut written) {
                Action::Read(_) => match said.pop_front() {
                    Some(reads) => reads.iter().for_each(|read| session.receive(read)),
                    None => session.lost(self.loss.clone()),
                },
                Action::StartTls if self.handshake_fails => session.tls_failed("bad record".to_owned()),
                Action::StartTls => {
                    plain = Some(written.len());
                    session.tls_established();
                }
                Action::Ready => match waiting.next() {
                    Some(transaction) => {
                        sent = false;
                        session.begin(transaction).expect("the session said that it was ready");
                    }
                    None => session.quit(),
                },
                Action::WriteBody(_) => {
                    if self.reads_early {
                        said.pop_front().unwrap_or_default().iter().for_each(|read| session.receive(read));
                    }
                    // A refusal that came meanwhile has ended the transaction.
                    sent = session.wait().phase == Phase::Body;
                    session.body_sent();
                }
                Action::Finished(result) => results.push((*result, sent)),
                Action::Closed(close) => {
                    let begun = self.transactions.len() - waiting.len();
                    return Story { written, plain, begun, results, close };
                }
            }
        }
        panic!("no end after {enough} actions");
    }

    fn check(&self, story: &Story) {
        check_written(&story.written);
        self.check_tls(story);
        assert_eq!(story.results.len(), story.begun, "one end for each transaction");
        if story.close == CloseReason::Quit {
            assert_eq!(story.begun, self.transactions.len(), "QUIT with work left");
        }
        for ((result, sent), transaction) in story.results.iter().zip(&self.transactions) {
            check_result(result, *sent, transaction.recipients.len());
        }
    }

    /// Where TLS is required, nothing of a message is said before it.
    fn check_tls(&self, story: &Story) {
        let mail = story.written.windows(5).position(|window| window == b"MAIL ");
        if let (ClientTls::Required, Some(mail)) = (self.config.tls, mail) {
            assert!(story.plain.is_some_and(|plain| mail >= plain), "MAIL in plain text");
        }
    }
}

/// One verdict for each recipient, in order, and no more claimed than was sent.
fn check_result(result: &TransactionResult, sent: bool, recipients: usize) {
    assert!(result.verdicts.iter().map(|(index, _)| *index).eq(0..recipients), "{:?}", result.verdicts);
    assert!(sent || result.attempt != Attempt::InDoubt, "in doubt about what was not sent");
    for (_, verdict) in &result.verdicts {
        let (outcome, attempt) = (verdict.outcome, result.attempt);
        assert!(
            outcome != Outcome::Delivered || (sent && attempt == Attempt::Counted),
            "delivered: {attempt:?}"
        );
        assert!(outcome != Outcome::Hard || attempt != Attempt::NotAttempted, "bounced without an attempt");
        assert_printable(&verdict.to_string());
    }
}

/// Nothing goes out but commands: no octet of the server's comes back to it.
fn check_written(written: &[u8]) {
    assert_clean(written);
    for line in written.split_inclusive(|&octet| octet == b'\n') {
        let known = COMMANDS.iter().any(|command| line.starts_with(command.as_bytes()));
        assert!(known && line.ends_with(b"\r\n"), "not a command: {}", line.escape_ascii());
    }
}

fn transaction(recipients: usize) -> Transaction {
    let address = |number| EmailAddress::parse(&format!("r{number}@b.example")).expect("an address");
    let dsn = RecipientDsn {
        notify: Notify::parse("SUCCESS,FAILURE"),
        orcpt: OriginalRecipient::parse("rfc822;a+2Bb@c.example"),
    };
    Transaction {
        reverse_path: ReversePath::Address(address(0)),
        recipients: (0..recipients).map(address).collect(),
        size: 1_000,
        body_type: BodyType::EightBitMime,
        smtputf8: SmtpUtf8::NotNeeded,
        security: TransportSecurity::ByPolicy,
        dsn: DsnRequest { ret: Some(Ret::Headers), envid: EnvelopeId::parse("id+2B1") },
        recipients_dsn: vec![dsn],
    }
}
