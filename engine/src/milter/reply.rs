//! What a filter says.

use super::{Packet, edit::HeaderEdit};
use crate::smtp::reply::{EnhancedCode, Reply as SmtpReply, ReplyClass, SmtpCode};

/// Longest text that is kept of a reply, in octets.
const MAX_TEXT: usize = 1_000;

/// A packet of a filter, read. Names are those of `mfapi.h`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// `SMFIC_OPTNEG`: version, actions, steps.
    Options(u32, u32, u32),
    Continue,
    Accept,
    Reject,
    TempFail,
    Discard,
    /// `SMFIR_REPLYCODE`: a refusal in the filter's own words.
    Code(SmtpReply),
    /// `SMFIR_CONN_FAIL`, `SMFIR_SHUTDOWN`: the client is to be turned away for now.
    TurnAway,
    /// It works on; wait longer.
    Progress,
    /// It has seen enough of the body.
    Skip,
    Edit(HeaderEdit),
    Quarantine(String),
    /// A change that is not done, and what it would be.
    NotDone(&'static str),
}

impl Reply {
    /// Reads a packet; `None` for what no filter says.
    pub(super) fn read(packet: &Packet) -> Option<Self> {
        let data = packet.data.as_slice();
        Some(match packet.kind {
            b'O' => options(data)?,
            b'c' => Self::Continue,
            b'a' => Self::Accept,
            b'r' => Self::Reject,
            b't' => Self::TempFail,
            b'd' => Self::Discard,
            b'y' => Self::Code(code(data)?),
            b'f' | b'4' => Self::TurnAway,
            b'p' => Self::Progress,
            b's' => Self::Skip,
            b'h' => {
                let [name, value] = strings(data)?;
                Self::Edit(HeaderEdit::add(&name, &value)?)
            }
            b'i' => {
                let (index, rest) = numbered(data)?;
                let [name, value] = strings(rest)?;
                Self::Edit(HeaderEdit::insert(index, &name, &value)?)
            }
            b'm' => {
                let (index, rest) = numbered(data)?;
                let [name, value] = strings(rest)?;
                Self::Edit(HeaderEdit::change(index, &name, &value)?)
            }
            b'q' => {
                let [reason] = strings(data)?;
                Self::Quarantine(reason.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect())
            }
            b'b' => Self::NotDone("body"),
            b'+' | b'2' => Self::NotDone("add_recipient"),
            b'-' => Self::NotDone("remove_recipient"),
            b'e' => Self::NotDone("sender"),
            b'l' => Self::NotDone("macros"),
            _ => return None,
        })
    }
}

fn options(data: &[u8]) -> Option<Reply> {
    let (version, rest) = numbered(data)?;
    let (actions, rest) = numbered(rest)?;
    let (steps, _) = numbered(rest)?;
    Some(Reply::Options(version, actions, steps))
}

/// The four octets of a number, and the rest.
fn numbered(data: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = data.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

/// Strings that end in NUL; the last may lack it.
fn strings<const N: usize>(data: &[u8]) -> Option<[String; N]> {
    let mut pieces = data.split(|octet| *octet == 0);
    let read: Option<Vec<String>> =
        (0..N).map(|_| pieces.next().map(|piece| String::from_utf8_lossy(piece).into_owned())).collect();
    read?.try_into().ok()
}

/// `550 5.7.1 text`, perhaps in several lines, each with the code (`smfi_setmlreply`).
fn code(data: &[u8]) -> Option<SmtpReply> {
    let [text] = strings(data)?;
    let mut lines = text.lines();
    let (code, enhanced, first) = code_line(lines.next()?)?;
    // Only refusals make sense here; the library of filters takes no others.
    if !matches!(code.class(), ReplyClass::Transient | ReplyClass::Permanent) {
        return None;
    }
    let mut said = first.to_owned();
    for line in lines {
        said.push('\n');
        said.push_str(code_line(line).map_or(line, |(_, _, text)| text));
    }
    let printable: String = said.chars().filter(|c| *c == '\n' || matches!(c, ' '..='~')).collect();
    let enhanced = enhanced.filter(|enhanced| enhanced.agrees_with(code));
    Some(SmtpReply::new(code, enhanced, printable).shortened(MAX_TEXT))
}

/// Code, enhanced code and text of a line.
fn code_line(line: &str) -> Option<(SmtpCode, Option<EnhancedCode>, &str)> {
    let code = SmtpCode::new(line.get(..3)?.parse().ok()?)?;
    let rest = line.get(3..)?.trim_start_matches([' ', '-']);
    let (first, after) = rest.split_once(' ').unwrap_or((rest, ""));
    match first.parse() {
        Ok(enhanced) => Some((code, Some(enhanced), after)),
        Err(_) => Some((code, None, rest)),
    }
}
