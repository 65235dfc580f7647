//! What the fuzz targets share: ways for octets to arrive, and what holds for everything we write.
//!
//! A target reads its input as a peer or an operator would send it, so that seeds are plain text. Two things are
//! added where a target needs them, both printable or rare so that seeds stay legible:
//!
//! - the first octet is a set of [`Knobs`];
//! - [`SEPARATOR`] stands between pieces that come one after the other.

use std::fmt::Debug;

/// Stands between pieces of an input; ASCII's record separator, which nothing in mail means anything by.
pub const SEPARATOR: u8 = 0x1e;

/// Eight switches, the first octet of an input.
#[derive(Debug, Clone, Copy)]
pub struct Knobs(u8);

impl Knobs {
    /// Takes the knobs off the front of an input; `None` for an empty one.
    pub fn take(data: &[u8]) -> Option<(Self, &[u8])> {
        let (&first, rest) = data.split_first()?;
        Some((Self(first), rest))
    }

    /// Whether the switch with this number, from 0 to 7, is on.
    pub fn is_on(self, number: u8) -> bool {
        self.0 >> number & 1 == 1
    }

    /// The two switches from this number on, as a number from 0 to 3.
    pub fn choice(self, number: u8) -> u8 {
        self.0 >> number & 0b11
    }
}

/// The pieces of an input.
pub fn pieces(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    data.split(|&octet| octet == SEPARATOR)
}

/// How a network delivers octets.
#[derive(Debug, Clone, Copy)]
pub enum Network {
    /// All at once.
    Whole,
    /// One by one.
    Single,
    /// Cut anywhere. The cuts depend on the octets alone, so that an input that fails fails again.
    Cut,
}

impl Network {
    /// The reads in which it delivers these octets.
    pub fn reads(self, data: &[u8]) -> Vec<&[u8]> {
        match self {
            Self::Whole => vec![data],
            Self::Single => data.chunks(1).collect(),
            Self::Cut => cut(data),
        }
    }
}

/// Demands that what `run` makes of an input is the same over every network, and returns it.
pub fn same_over_every_network<T: Debug + PartialEq>(run: impl Fn(Network) -> T) -> T {
    let whole = run(Network::Whole);
    for network in [Network::Single, Network::Cut] {
        assert_eq!(run(network), whole, "the octets came by {network:?}");
    }
    whole
}

/// Cuts octets into reads of 1 to 32.
fn cut(data: &[u8]) -> Vec<&[u8]> {
    // FNV-1a, then a step of a linear congruential generator for each cut.
    let hash = |hash: u64, octet: &u8| (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3);
    let mut dice = data.iter().fold(0xcbf2_9ce4_8422_2325, hash);
    let (mut reads, mut rest) = (Vec::new(), data);
    while !rest.is_empty() {
        let size = (dice >> 59) as usize + 1;
        let (read, later) = rest.split_at(size.min(rest.len()));
        reads.push(read);
        rest = later;
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    }
    reads
}

/// Demands what SMTP does of a message (RFC 5321 section 2.3.8, RFC 5322 sections 2.1.1 and 4): CR and LF only
/// together, no NUL, no line above 998 octets.
pub fn assert_smtp_form(message: &[u8]) {
    assert_clean(message);
    for line in message.split(|&octet| octet == b'\n') {
        assert!(line.len() <= 999, "a line of {} octets: {}", line.len(), line.escape_ascii());
    }
}

/// Demands that CR and LF stand only together and that there is no NUL.
pub fn assert_clean(content: &[u8]) {
    let lines: Vec<_> = content.split(|&octet| octet == b'\n').collect();
    for (number, line) in lines.iter().enumerate() {
        let text = match line.strip_suffix(b"\r") {
            Some(text) if number + 1 < lines.len() => text,
            _ => {
                assert!(number + 1 == lines.len(), "a bare LF: {}", content.escape_ascii());
                line
            }
        };
        assert!(!text.contains(&b'\r') && !text.contains(&0), "a bare CR or NUL: {}", content.escape_ascii());
    }
}

/// Demands that a text can stand in a log or a header field: no control character.
pub fn assert_printable(text: &str) {
    assert!(!text.contains(char::is_control), "a control character: {text:?}");
}
