//! What a server offers in its reply to EHLO (RFC 5321 section 4.1.1.1).

use crate::smtp::reply::Reply;

/// A service extension the client can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extension {
    /// Several commands in one write (RFC 2920).
    Pipelining,
    /// The SIZE parameter (RFC 1870).
    Size,
    /// 8-bit content (RFC 6152).
    EightBitMime,
    /// UTF-8 in addresses and header fields (RFC 6531).
    SmtpUtf8,
    /// BDAT (RFC 3030).
    Chunking,
    /// TLS (RFC 3207).
    StartTls,
    /// Enhanced status codes (RFC 2034).
    EnhancedStatusCodes,
    /// Delivery status notifications (RFC 3461).
    Dsn,
    /// The promise to pass a message on over TLS only (RFC 8689).
    RequireTls,
}

impl Extension {
    /// Every extension with its EHLO keyword.
    const KEYWORDS: [(&'static str, Self); 9] = [
        ("PIPELINING", Self::Pipelining),
        ("SIZE", Self::Size),
        ("8BITMIME", Self::EightBitMime),
        ("SMTPUTF8", Self::SmtpUtf8),
        ("CHUNKING", Self::Chunking),
        ("STARTTLS", Self::StartTls),
        ("ENHANCEDSTATUSCODES", Self::EnhancedStatusCodes),
        ("DSN", Self::Dsn),
        ("REQUIRETLS", Self::RequireTls),
    ];

    /// The extension of an EHLO keyword, whatever its case.
    fn from_keyword(keyword: &str) -> Option<Self> {
        Self::KEYWORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(keyword)).map(|&(_, known)| known)
    }

    /// The place of the extension in a set of bits.
    const fn bit(self) -> u16 {
        1 << self as u8
    }
}

/// The extensions a server offers; none after HELO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    offered: u16,
    max_size: Option<u64>,
}

impl Capabilities {
    /// Reads a positive reply to EHLO. Unknown keywords and malformed lines are passed over.
    pub(super) fn from_ehlo(reply: &Reply) -> Self {
        let mut capabilities = Self::default();
        // The first line is the server's name.
        for line in reply.lines().iter().skip(1) {
            let mut words = line.split_ascii_whitespace();
            let Some(extension) = words.next().and_then(Extension::from_keyword) else { continue };
            capabilities.offered |= extension.bit();
            if extension == Extension::Size {
                // Zero and no number mean no fixed limit (RFC 1870 section 3).
                let limit = words.next().and_then(|number| number.parse().ok());
                capabilities.max_size = limit.filter(|&limit| limit > 0);
            }
        }
        capabilities
    }

    /// Whether the server offers `extension`.
    pub fn offers(&self, extension: Extension) -> bool {
        self.offered & extension.bit() != 0
    }

    /// The largest message the server takes, in bytes, if it announced a fixed limit.
    pub fn max_size(&self) -> Option<u64> {
        self.max_size
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::reply::SmtpCode;

    fn capabilities(lines: &str) -> Capabilities {
        Capabilities::from_ehlo(&Reply::new(SmtpCode::OK, None, lines))
    }

    #[test]
    fn knows_every_keyword_in_any_case_and_no_other() {
        for (keyword, extension) in Extension::KEYWORDS {
            let found = capabilities(&format!("host\nX-{keyword}\n{}  x y", keyword.to_lowercase()));
            for (_, other) in Extension::KEYWORDS {
                assert_eq!(found.offers(other), other == extension, "{keyword}");
            }
            assert!(!capabilities(&format!("host\nX{keyword}\n\n")).offers(extension));
        }
    }

    #[test]
    fn the_first_line_is_a_name_and_no_keyword() {
        assert_eq!(capabilities("PIPELINING"), Capabilities::default());
    }

    #[test]
    fn a_size_limit_is_a_positive_number() {
        let cases = [
            ("SIZE 1000", Some(1_000)),
            ("SIZE 0", None),
            ("SIZE", None),
            ("SIZE many", None),
            ("SIZE 99999999999999999999999", None),
        ];
        for (line, limit) in cases {
            let found = capabilities(&format!("host\n{line}"));
            assert!(found.offers(Extension::Size), "{line}");
            assert_eq!(found.max_size(), limit, "{line}");
        }
    }
}
