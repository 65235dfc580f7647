//! Why a text is not an address.

use std::fmt;

/// Longest excerpt of a refused text that an error repeats, in characters after escaping.
const EXCERPT_CHARS: usize = 80;

/// A text that was refused, and the reason.
///
/// `Display` is one sentence that names the place; it repeats at most 80 characters of the text, with
/// control characters escaped, so that it can go into logs and API answers as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{excerpt}\" is not {expected}: {problem}")]
pub struct AddressError {
    expected: Expected,
    excerpt: String,
    problem: AddressProblem,
}

impl AddressError {
    pub(super) fn new(expected: Expected, text: &str, problem: AddressProblem) -> Self {
        Self { expected, excerpt: text.escape_debug().take(EXCERPT_CHARS).collect(), problem }
    }

    /// What the text was read as.
    pub fn expected(&self) -> Expected {
        self.expected
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &AddressProblem {
        &self.problem
    }
}

/// What a refused text should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A domain or an address literal.
    Domain,
    /// `local-part@domain`.
    EmailAddress,
    /// An address with an optional display name.
    Mailbox,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Domain => "a domain",
            Self::EmailAddress => "an email address",
            Self::Mailbox => "an address with a display name",
        })
    }
}

/// What is wrong with a text; `at` counts characters from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressProblem {
    /// There is no text.
    #[error("it is empty")]
    Empty,
    /// There is no `@` after the local part.
    #[error("the @ is missing")]
    MissingAt,
    /// Nothing stands before the `@`.
    #[error("there is nothing before the @")]
    EmptyLocalPart,
    /// The local part exceeds 64 octets (RFC 5321 section 4.5.3.1.1).
    #[error("the part before the @ is {octets} octets long, the limit is 64")]
    LocalPartTooLong {
        /// Its length.
        octets: usize,
    },
    /// The address exceeds 254 octets (RFC 5321 section 4.5.3.1.3 without the angle brackets).
    #[error("it is {octets} octets long, the limit is 254")]
    TooLong {
        /// Its length.
        octets: usize,
    },
    /// A character that may not stand at its place.
    #[error("character {at} ({found:?}) is not allowed there")]
    Character {
        /// Where it stands.
        at: usize,
        /// The character.
        found: char,
    },
    /// A dot at an end of the local part or next to another dot.
    #[error("the dot at character {at} has nothing on one side")]
    Dot {
        /// Where the dot stands.
        at: usize,
    },
    /// A quoted string that does not end.
    #[error("the quotation mark at character {at} is never closed")]
    UnclosedQuote {
        /// Where the string begins.
        at: usize,
    },
    /// A domain longer than 253 characters, which is 255 octets in the DNS (RFC 1035 section 2.3.4).
    #[error("it is {octets} octets long, the limit is 253")]
    DomainTooLong {
        /// Its length.
        octets: usize,
    },
    /// Two dots in a row, or a dot at the start.
    #[error("label {label} is empty")]
    EmptyLabel {
        /// Which label, from 1 on the left.
        label: usize,
    },
    /// A label longer than 63 octets (RFC 1035 section 2.3.4).
    #[error("label {label} is {octets} octets long, the limit is 63")]
    LabelTooLong {
        /// Which label, from 1 on the left.
        label: usize,
        /// Its length.
        octets: usize,
    },
    /// A label that begins or ends with a hyphen.
    #[error("label {label} begins or ends with a hyphen")]
    LabelHyphen {
        /// Which label, from 1 on the left.
        label: usize,
    },
    /// A last label of digits alone: an IP address without brackets, which no DNS name can be.
    #[error("its last label is a number; an IP address is written in brackets")]
    NumericTopLabel,
    /// A name that UTS 46 does not map to A-labels.
    #[error("it is not a valid internationalised domain name")]
    InvalidIdn,
    /// Brackets without a valid IP address in them (RFC 5321 section 4.1.3).
    #[error("the brackets hold no valid IP address ([192.0.2.1] or [IPv6:2001:db8::1])")]
    InvalidLiteral,
    /// The closing angle bracket is missing or not the last character.
    #[error("the address in angle brackets does not end with >")]
    UnclosedAngle,
    /// A display name longer than 256 characters.
    #[error("the display name is {chars} characters long, the limit is 256")]
    NameTooLong {
        /// Its length.
        chars: usize,
    },
}
