//! Addresses with display names.

use super::{AddressError, AddressProblem, EmailAddress, Expected, quoted};
use std::{fmt, str::FromStr};

/// Longest display name in characters; keeps a name without spaces well inside a header line.
const MAX_NAME: usize = 256;

/// An address and the name shown with it (RFC 5322 section 3.4), such as `"Doe, Ann" <ann@example.org>`.
///
/// A name holds no control characters, so it cannot break out of a header field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mailbox {
    name: Option<String>,
    address: EmailAddress,
}

impl Mailbox {
    /// Joins an address and a display name; white space around the name is dropped, and an empty name
    /// is none.
    ///
    /// # Errors
    /// [`AddressError`] for a name with control characters or more than 256 characters.
    pub fn new(name: Option<&str>, address: EmailAddress) -> Result<Self, AddressError> {
        let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else {
            return Ok(Self { name: None, address });
        };
        check_name(name).map_err(|problem| AddressError::new(Expected::Mailbox, name, problem))?;
        Ok(Self { name: Some(name.to_owned()), address })
    }

    /// Reads `a@b`, `<a@b>`, `Name <a@b>` or `"Name, X" <a@b>`; spaces and tabs around it are dropped.
    ///
    /// # Errors
    /// [`AddressError`] with the first thing wrong, the address's or the name's.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (name, address) = Self::split(text)?;
        Self::new(Some(&name), address)
    }

    /// Reads the forms of [`Mailbox::parse`] but leaves the name unchecked (empty when there is none),
    /// for header fields, whose names are still encoded.
    pub(crate) fn split(text: &str) -> Result<(String, EmailAddress), AddressError> {
        let text = text.trim_matches([' ', '\t']);
        let fail = |problem| AddressError::new(Expected::Mailbox, text, problem);
        let (name, angle) = read_phrase(text).map_err(fail)?;
        let Some(angle) = angle else {
            return Ok((String::new(), EmailAddress::parse(text)?));
        };
        let address = angle.strip_suffix('>').ok_or_else(|| fail(AddressProblem::UnclosedAngle))?;
        Ok((name, EmailAddress::parse(address)?))
    }

    /// The display name without quotes, if there is one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address.
    pub fn address(&self) -> &EmailAddress {
        &self.address
    }
}

impl From<EmailAddress> for Mailbox {
    fn from(address: EmailAddress) -> Self {
        Self { name: None, address }
    }
}

impl FromStr for Mailbox {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Mailbox {
    /// The form that [`Mailbox::parse`] reads; not encoded for a header field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} <{}>", quoted::write(name), self.address),
            None => self.address.fmt(f),
        }
    }
}

/// Splits at the first `<` outside quotes: the words before it without their quotes, and what follows.
fn read_phrase(text: &str) -> Result<(String, Option<&str>), AddressProblem> {
    let mut name = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            '<' => return Ok((name, Some(after))),
            '"' => {
                let before = text.chars().count() - rest.chars().count();
                let (content, tail) = quoted::read(rest, before)?;
                name.push_str(&content);
                rest = tail;
            }
            _ => {
                name.push(c);
                rest = after;
            }
        }
    }
    Ok((name, None))
}

fn check_name(name: &str) -> Result<(), AddressProblem> {
    if let Some((index, found)) = name.chars().enumerate().find(|(_, c)| c.is_control()) {
        return Err(AddressProblem::Character { at: index + 1, found });
    }
    match name.chars().count() {
        chars if chars > MAX_NAME => Err(AddressProblem::NameTooLong { chars }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(text: &str) -> (Option<String>, String) {
        let mailbox = Mailbox::parse(text).unwrap();
        (mailbox.name().map(str::to_owned), mailbox.address().to_string())
    }

    #[test]
    fn reads_every_form() {
        let cases = [
            ("ann@example.org", None, "ann@example.org"),
            (" <ann@example.org>\t", None, "ann@example.org"),
            ("Ann <ann@example.org>", Some("Ann"), "ann@example.org"),
            ("Ann<ann@example.org>", Some("Ann"), "ann@example.org"),
            ("\"Doe, Ann\" <ann@example.org>", Some("Doe, Ann"), "ann@example.org"),
            ("\"<x@y>\" <ann@example.org>", Some("<x@y>"), "ann@example.org"),
            ("Ann \"AD\" Doe <ann@example.org>", Some("Ann AD Doe"), "ann@example.org"),
            ("\"\" <ann@example.org>", None, "ann@example.org"),
            ("\"a <b\"@example.org", None, "\"a <b\"@example.org"),
            ("Änne <\"a>b\"@example.org>", Some("Änne"), "\"a>b\"@example.org"),
        ];
        for (text, name, address) in cases {
            assert_eq!(parts(text), (name.map(str::to_owned), address.to_owned()), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_mailbox() {
        let long = format!("{} <a@example.org>", "n".repeat(257));
        let cases = [
            ("Ann <a@example.org", AddressProblem::UnclosedAngle),
            ("Ann <a@example.org> x", AddressProblem::UnclosedAngle),
            ("Ann \"x <a@example.org>", AddressProblem::UnclosedQuote { at: 5 }),
            ("Ann\r\nBcc: x <a@example.org>", AddressProblem::Character { at: 4, found: '\r' }),
            ("Ann\0 <a@example.org>", AddressProblem::Character { at: 4, found: '\0' }),
            ("a@example.org\r\n", AddressProblem::Character { at: 12, found: '\r' }),
            ("a@example.org, b@example.org", AddressProblem::Character { at: 12, found: ',' }),
            ("A <a@example.org>, B <b@example.org>", AddressProblem::Character { at: 12, found: '>' }),
            (&long, AddressProblem::NameTooLong { chars: 257 }),
        ];
        for (text, expected) in cases {
            assert_eq!(Mailbox::parse(text).unwrap_err().problem(), &expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_it_prints(name in "\\PC{0,30}") {
            let address = EmailAddress::parse("\"a <b\"@example.org").unwrap();
            let mailbox = Mailbox::new(Some(&name), address).unwrap();
            prop_assert_eq!(Mailbox::parse(&mailbox.to_string()), Ok(mailbox));
        }
    }
}
