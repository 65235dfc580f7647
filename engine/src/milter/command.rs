//! What a mail server says to a filter. Names are those of the protocol's header file, `mfdef.h`.

use super::packet::write;
use std::net::IpAddr;

/// The version that is spoken.
pub(super) const VERSION: u32 = 6;

/// What a filter may do to a message: all of it is offered, since the library of filters ends where one wants more
/// than it is offered, and filters state what they might want. What is really done, [`session`](super::session) says.
pub(super) const ACTIONS: u32 = 0x1ff;

/// Steps that a filter may leave out (`SMFIP_NO*`).
pub(super) mod left_out {
    pub(in super::super) const CONNECT: u32 = 0x1;
    pub(in super::super) const HELO: u32 = 0x2;
    pub(in super::super) const MAIL: u32 = 0x4;
    pub(in super::super) const RCPT: u32 = 0x8;
    pub(in super::super) const BODY: u32 = 0x10;
    pub(in super::super) const HEADERS: u32 = 0x20;
    pub(in super::super) const END_OF_HEADERS: u32 = 0x40;
    pub(in super::super) const UNKNOWN: u32 = 0x100;
    pub(in super::super) const DATA: u32 = 0x200;
}

/// Steps that a filter may leave unanswered (`SMFIP_NR_*`).
pub(super) mod unanswered {
    pub(in super::super) const HEADERS: u32 = 0x80;
    pub(in super::super) const CONNECT: u32 = 0x1000;
    pub(in super::super) const HELO: u32 = 0x2000;
    pub(in super::super) const MAIL: u32 = 0x4000;
    pub(in super::super) const RCPT: u32 = 0x8000;
    pub(in super::super) const DATA: u32 = 0x1_0000;
    pub(in super::super) const UNKNOWN: u32 = 0x2_0000;
    pub(in super::super) const END_OF_HEADERS: u32 = 0x4_0000;
    pub(in super::super) const BODY: u32 = 0x8_0000;
}

/// A filter may say that it has seen enough of the body (`SMFIP_SKIP`).
pub(super) const SKIP: u32 = 0x400;
/// Values keep the space after the colon (`SMFIP_HDR_LEADSPC`).
pub(super) const LEADING_SPACE: u32 = 0x10_0000;

/// All of these. Unknown commands are never shown; filters may say what they like about them.
pub(super) const STEPS: u32 = left_out::CONNECT
    | left_out::HELO
    | left_out::MAIL
    | left_out::RCPT
    | left_out::BODY
    | left_out::HEADERS
    | left_out::END_OF_HEADERS
    | left_out::DATA
    | left_out::UNKNOWN
    | unanswered::HEADERS
    | unanswered::CONNECT
    | unanswered::HELO
    | unanswered::MAIL
    | unanswered::RCPT
    | unanswered::DATA
    | unanswered::UNKNOWN
    | unanswered::END_OF_HEADERS
    | unanswered::BODY
    | SKIP
    | LEADING_SPACE;

/// `SMFIC_OPTNEG`.
pub(super) fn negotiate(out: &mut Vec<u8>) {
    let words = [VERSION, ACTIONS, STEPS].map(u32::to_be_bytes);
    write(b'O', &[words.as_flattened()], out);
}

/// `SMFIC_MACRO`: what the names of Sendmail's macros stand for in the step `of`.
pub(super) fn macros(of: u8, known: &[(&str, &str)], out: &mut Vec<u8>) {
    let mut data = vec![of];
    for (name, value) in known {
        terminated(name, &mut data);
        terminated(value, &mut data);
    }
    write(b'D', &[&data], out);
}

/// `SMFIC_CONNECT`.
pub(super) fn connect(name: &str, address: IpAddr, port: u16, out: &mut Vec<u8>) {
    let mut data = Vec::new();
    let shown = match address {
        IpAddr::V4(_) => address.to_string(),
        // As Sendmail writes it, since filters take the prefix off.
        IpAddr::V6(_) => format!("IPv6:{address}"),
    };
    terminated(if name.is_empty() { "unknown" } else { name }, &mut data);
    data.push(if address.is_ipv4() { b'4' } else { b'6' });
    data.extend_from_slice(&port.to_be_bytes());
    terminated(&shown, &mut data);
    write(b'C', &[&data], out);
}

/// A command of one word: `SMFIC_HELO`, and with angle brackets `SMFIC_MAIL` and `SMFIC_RCPT`.
pub(super) fn word(kind: u8, word: &str, out: &mut Vec<u8>) {
    let mut data = Vec::new();
    terminated(word, &mut data);
    write(kind, &[&data], out);
}

/// `SMFIC_HEADER`.
pub(super) fn header(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    write(b'L', &[&without_nul(name), b"\0", &without_nul(value), b"\0"], out);
}

/// A command without anything more: `SMFIC_DATA`, `SMFIC_EOH`, `SMFIC_BODYEOB`, `SMFIC_QUIT_NC`.
pub(super) fn bare(kind: u8, out: &mut Vec<u8>) {
    write(kind, &[], out);
}

/// `SMFIC_BODY`.
pub(super) fn body(chunk: &[u8], out: &mut Vec<u8>) {
    write(b'B', &[chunk], out);
}

/// NUL ends a string in this protocol.
fn without_nul(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|octet| *octet != 0).collect()
}

fn terminated(text: &str, data: &mut Vec<u8>) {
    data.extend(without_nul(text.as_bytes()));
    data.push(0);
}
