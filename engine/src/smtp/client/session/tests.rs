//! Sessions with a scripted server: what the client writes, what it makes of the replies.

mod delivery;
mod failures;
mod properties;
mod reuse;
mod tls;

use super::*;
use crate::{
    address::{EmailAddress, ReversePath},
    class::TransportSecurity,
    dsn::DsnRequest,
    envelope::{BodyType, SmtpUtf8},
    smtp::verdict::{Outcome, Verdict},
};

/// An EHLO reply without extensions.
const EHLO: &str = "250 mx.example\n";
/// An EHLO reply that offers PIPELINING.
const EHLO_PIPELINING: &str = "250-mx.example\n250 PIPELINING\n";

/// What a session came to.
#[derive(Debug, PartialEq, Eq)]
struct Story {
    /// Everything the client wrote, without CR, with `<dot>`, `<bdat>` and `<tls>` where the driver acted.
    written: String,
    results: Vec<TransactionResult>,
    close: CloseReason,
}

impl Story {
    /// The outcomes of the first transaction, a letter a recipient: Delivered, Soft, Hard.
    fn outcomes(&self) -> String {
        outcomes(&self.results[0])
    }

    fn attempts(&self) -> Vec<Attempt> {
        self.results.iter().map(|result| result.attempt).collect()
    }

    /// What was written after the greeting commands.
    fn transaction_bytes(&self) -> &str {
        self.written.split_once("EHLO me.example\n").unwrap().1
    }
}

fn outcomes(result: &TransactionResult) -> String {
    let letter = |(index, verdict): (usize, &(usize, Verdict))| {
        assert_eq!(index, verdict.0, "one verdict for each recipient, in order");
        match verdict.1.outcome {
            Outcome::Delivered => 'D',
            Outcome::Soft => 'S',
            Outcome::Hard => 'H',
        }
    };
    result.verdicts.iter().enumerate().map(letter).collect()
}

/// Plays a session: each element of `script` is what the server says when the client reads; `!eof` and
/// `!timeout` end it. The client sends `transactions` and then quits; a script that is out of words is an
/// end of file. `piece` is the size of the server's packets.
fn play_in(config: ClientConfig, transactions: &[Transaction], script: &[&str], piece: usize) -> Story {
    let mut session = ClientSession::new(Arc::new(config));
    let (mut written, mut results) = (Vec::new(), Vec::new());
    let mut transactions = transactions.iter().cloned();
    let wire = |said: &&str| said.replace('\n', "\r\n").into_bytes();
    let packets: Vec<Vec<u8>> = script
        .iter()
        .map(wire)
        .flat_map(|said| said.chunks(piece).map(<[u8]>::to_vec).collect::<Vec<_>>())
        .collect();
    let mut packets = packets.into_iter();
    loop {
        match session.poll(&mut written) {
            Action::Read(_) => match packets.next().as_deref() {
                None | Some(b"!eof") => session.lost(Loss::Eof),
                Some(b"!timeout") => session.lost(Loss::TimedOut),
                Some(packet) => session.receive(packet),
            },
            Action::Ready => match transactions.next() {
                Some(transaction) => session.begin(transaction).unwrap(),
                None => session.quit(),
            },
            Action::StartTls => {
                written.extend_from_slice(b"<tls>\n");
                session.tls_established();
            }
            Action::WriteBody(framing) => {
                written.extend_from_slice(if framing == Framing::Dot { b"<dot>\n" } else { b"<bdat>\n" });
                session.body_sent();
            }
            Action::Finished(result) => results.push(*result),
            Action::Closed(close) => {
                let written = String::from_utf8(written).unwrap().replace('\r', "");
                return Story { written, results, close };
            }
        }
    }
}

fn play(transactions: &[Transaction], script: &[&str]) -> Story {
    play_in(config(), transactions, script, usize::MAX)
}

fn config() -> ClientConfig {
    ClientConfig::new("me.example")
}

fn transaction(recipients: &[&str]) -> Transaction {
    Transaction {
        reverse_path: ReversePath::parse("from@a.example").unwrap(),
        recipients: recipients.iter().map(|text| EmailAddress::parse(text).unwrap()).collect(),
        size: 1_000,
        body_type: BodyType::SevenBit,
        smtputf8: SmtpUtf8::NotNeeded,
        security: TransportSecurity::ByPolicy,
        dsn: DsnRequest::default(),
        recipients_dsn: Vec::new(),
    }
}

/// A transaction for this many recipients.
fn to(count: usize) -> Transaction {
    let recipients: Vec<String> = (0..count).map(|number| format!("r{number}@b.example")).collect();
    transaction(&recipients.iter().map(String::as_str).collect::<Vec<_>>())
}
