//! Who a notice is about, and the lines that say why.

use super::super::{
    evidence::Evidence,
    text::{addresses, first_address},
};
use crate::address::EmailAddress;
use std::collections::HashSet;

/// Most recipients read from prose.
const MAX_RECIPIENTS: usize = 100;
/// Most lines of a notice that are looked at.
const MAX_LINES: usize = 1_000;
/// Most octets of the reason for one recipient.
const MAX_REASON: usize = 4 * 1024;

/// A recipient and the words about it.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) recipient: Option<String>,
    /// The list or alias it stands behind: `(expanded from <list@example.org>)`, `(generated from …)`.
    pub(super) original: Option<String>,
    /// What stands after the address, up to an empty line; may be empty.
    pub(super) reason: String,
}

/// How an address stands in a line, the best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// Within a sentence.
    Sentence,
    /// After a word that announces a recipient.
    Labelled,
    /// At the beginning of the line.
    Head,
}

struct Hit {
    line: usize,
    /// Where in the line the address ends.
    end: usize,
    place: Place,
    address: EmailAddress,
}

/// The recipients of a notice: those that its header names, else those at the beginning of lines, else those after
/// a label, else those in sentences. Never empty; one without a name if nobody is named.
pub(super) fn find(notice: &str, evidence: &Evidence) -> Vec<Found> {
    let lines: Vec<_> = notice.lines().take(MAX_LINES).collect();
    let mut hits = hits(&lines, evidence);
    if !evidence.failed_recipients.is_empty() {
        let named: HashSet<_> = evidence.failed_recipients.iter().collect();
        hits.retain(|hit| named.contains(&hit.address));
    }
    let best = hits.iter().map(|hit| hit.place).max();
    hits.retain(|hit| Some(hit.place) == best);
    let starts: HashSet<usize> = hits.iter().map(|hit| hit.line).collect();
    let mut seen = HashSet::new();
    let mut found: Vec<_> = hits
        .iter()
        .filter(|hit| seen.insert(hit.address.clone()))
        .take(MAX_RECIPIENTS)
        .map(|hit| described(hit, &lines, &starts))
        .collect();
    let unseen = evidence.failed_recipients.iter().filter(|address| !seen.contains(*address));
    found.extend(unseen.map(|address| Found { recipient: Some(address.to_string()), ..Found::default() }));
    if found.is_empty() {
        found.push(Found::default());
    }
    found
}

fn hits(lines: &[&str], evidence: &Evidence) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let lower = line.to_ascii_lowercase();
        if hits.len() > 2 * MAX_RECIPIENTS {
            break;
        }
        if is_about_others(&lower) {
            continue;
        }
        let in_line = addresses(line).filter(|(_, address)| !is_known(address, evidence));
        hits.extend(in_line.take(MAX_RECIPIENTS).map(|(at, address)| Hit {
            line: number,
            end: at + address.as_str().len(),
            place: place(lower.get(..at).unwrap_or_default()),
            address,
        }));
    }
    hits
}

/// Lines whose addresses are not recipients': the sender's, or where to ask for help.
fn is_about_others(lower: &str) -> bool {
    const HEADS: [&str; 14] = [
        "from:",
        "sender:",
        "return-path:",
        "reply-to:",
        "message-id:",
        "subject:",
        "cc:",
        "in-reply-to:",
        "references:",
        "von:",
        "de :",
        "de:",
        "от:",
        "发件人",
    ];
    const WORDS: [&str; 14] = [
        "mail from",
        "contact",
        "http://",
        "https://",
        "please send mail to",
        "message identifier",
        "message-id",
        "message id",
        "mts-id",
        "mailto:",
        "sent by <",
        "your message from",
        "postmaster@",
        "wenden sie sich",
    ];
    let start = lower.trim_start_matches(|c: char| c.is_whitespace() || c == '>');
    HEADS.iter().any(|head| start.starts_with(head)) || WORDS.iter().any(|word| lower.contains(word))
}

/// Whether it is the machine's or ours.
fn is_known(address: &EmailAddress, evidence: &Evidence) -> bool {
    let local = address.local().to_ascii_lowercase();
    evidence.correspondents.contains(address) || local == "mailer-daemon" || local == "postmaster"
}

/// How what stands before an address puts it.
fn place(before: &str) -> Place {
    const LABELS: [&str; 17] = [
        "recipient",
        "recipients",
        "address",
        "addressed to",
        "rcpt to",
        "unknown user",
        "allowed size",
        "invalid final delivery userid",
        "deliver message to",
        "failed to deliver to",
        "your message to",
        "empfänger",
        "destinataire",
        "destinatario",
        "收件人",
        "宛先",
        "получатель",
    ];
    let bare = before.trim_end_matches(|c: char| c.is_whitespace() || "<\"':：(".contains(c));
    if bare.trim_start_matches(|c: char| c.is_whitespace() || "*>-•\"'<".contains(c)).is_empty() {
        Place::Head
    } else if LABELS.iter().any(|label| bare.ends_with(label)) {
        Place::Labelled
    } else {
        Place::Sentence
    }
}

/// The recipient of a hit with the rest of its line and the lines after it, up to an empty one or the next hit.
fn described(hit: &Hit, lines: &[&str], starts: &HashSet<usize>) -> Found {
    let rest = lines.get(hit.line).and_then(|line| line.get(hit.end..)).unwrap_or_default();
    let mut reason =
        rest.trim_start_matches(|c: char| c.is_whitespace() || ">\"':;,.)".contains(c)).to_owned();
    let after = lines.iter().enumerate().skip(hit.line + 1);
    for (number, line) in after {
        if line.trim().is_empty() || starts.contains(&number) || reason.len() > MAX_REASON {
            break;
        }
        reason.push(' ');
        reason.push_str(line.trim());
    }
    let behind =
        ["(expanded from", "(generated from", "(ultimately generated from"].iter().find_map(|words| {
            reason.split_once(words).and_then(|(_, rest)| first_address(rest.split(')').next()?))
        });
    Found {
        recipient: Some(hit.address.to_string()),
        original: behind.map(|address| address.to_string()),
        reason,
    }
}
