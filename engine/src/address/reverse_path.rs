//! The sender of an envelope.

use super::{AddressError, EmailAddress, text_serde::serde_as_text};
use std::fmt;

/// Where bounces go: an address, or nowhere for bounces themselves (RFC 5321 section 4.5.5).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReversePath {
    /// `<>`: this message is a notification and must not cause another.
    Null,
    /// The address that hears of failures.
    Address(EmailAddress),
}

impl ReversePath {
    /// Reads a path without its angle brackets; the empty text is the null path.
    ///
    /// # Errors
    /// [`AddressError`] as for [`EmailAddress::parse`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() { Ok(Self::Null) } else { EmailAddress::parse(text).map(Self::Address) }
    }

    /// The path without angle brackets; empty for the null path.
    pub fn as_str(&self) -> &str {
        self.address().map_or("", EmailAddress::as_str)
    }

    /// The address, unless the path is null.
    pub fn address(&self) -> Option<&EmailAddress> {
        match self {
            Self::Null => None,
            Self::Address(address) => Some(address),
        }
    }
}

impl From<EmailAddress> for ReversePath {
    fn from(address: EmailAddress) -> Self {
        Self::Address(address)
    }
}

impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.as_str())
    }
}

serde_as_text!(ReversePath);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_an_smtp_path() {
        assert_eq!(ReversePath::Null.to_string(), "<>");
        assert_eq!(ReversePath::parse("a@Example.org").unwrap().to_string(), "<a@example.org>");
    }

    #[test]
    fn reads_nothing_as_the_null_path() {
        assert_eq!("".parse(), Ok(ReversePath::Null));
        assert!(ReversePath::parse(" ").is_err());
    }
}
