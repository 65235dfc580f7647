//! Domains and address literals.

use super::{AddressError, AddressProblem, Expected, text_serde::serde_as_text};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use std::{
    borrow::Borrow,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

/// Longest domain in characters: 255 octets on the wire of the DNS (RFC 1035 section 2.3.4).
const MAX_DOMAIN: usize = 253;
/// Longest label in octets (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;
/// Longest text handed to UTS 46, in octets; U-labels take up to four times the room of their characters.
const MAX_INPUT: usize = 4 * MAX_DOMAIN;

/// The part of an address after the `@`: a DNS name or an address literal (RFC 5321 section 4.1.2).
///
/// Names are held as lower-case A-labels without a trailing dot, so equal domains compare equal however
/// they were written. Labels are letters, digits and hyphens; an underscore is refused. Clones share
/// their text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(Arc<str>);

impl Domain {
    /// Reads a name (A- or U-labels, any case, trailing dot allowed) or a literal such as
    /// `[192.0.2.1]` or `[IPv6:2001:db8::1]`.
    ///
    /// # Errors
    /// [`AddressError`] with the first thing wrong: a bad character, an empty or long label (63), a long
    /// name (253), a numeric last label, an invalid IDN or literal.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let normal = match text.strip_prefix('[') {
            Some(rest) => normalise_literal(rest),
            None => normalise_name(text),
        };
        normal.map(|name| Self(name.into())).map_err(|p| AddressError::new(Expected::Domain, text, p))
    }

    /// The normal form: lower-case A-labels, or the literal with its brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of a literal; `None` for a name.
    pub fn literal(&self) -> Option<IpAddr> {
        parse_literal(self.0.strip_prefix('[')?.strip_suffix(']')?)
    }

    /// The names above this one, the nearest first: `b.example` and `example` for `a.b.example`; none for a literal.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        let name = if self.literal().is_some() { "" } else { &*self.0 };
        std::iter::successors(above(name), |name| above(name))
    }

    /// Whether this name lies below `parent`: true for `mail.example.org` under `example.org`, false
    /// for `example.org` itself, for `badexample.org` and for literals.
    pub fn is_subdomain_of(&self, parent: &Self) -> bool {
        self.0.strip_suffix(&*parent.0).is_some_and(|head| head.ends_with('.'))
    }
}

/// For look-ups by a name that is known to be of the normal form.
impl Borrow<str> for Domain {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(Domain);

/// The name without its first label.
fn above(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, parent)| parent)
}

fn normalise_literal(after_bracket: &str) -> Result<String, AddressProblem> {
    let address = after_bracket.strip_suffix(']').and_then(parse_literal);
    match address.ok_or(AddressProblem::InvalidLiteral)? {
        IpAddr::V4(ip) => Ok(format!("[{ip}]")),
        IpAddr::V6(ip) => Ok(format!("[IPv6:{ip}]")),
    }
}

fn parse_literal(text: &str) -> Option<IpAddr> {
    match text.split_at_checked(5) {
        Some((tag, ip)) if tag.eq_ignore_ascii_case("IPv6:") => ip.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

fn normalise_name(text: &str) -> Result<String, AddressProblem> {
    if text.len() > MAX_INPUT {
        return Err(AddressProblem::DomainTooLong { octets: text.len() });
    }
    check_ascii(text)?;
    let mut name = to_ascii(text)?;
    if name.ends_with('.') {
        name.pop();
    }
    check_labels(&name)?;
    Ok(name)
}

/// Refuses ASCII characters outside letters, digits, hyphen and dot, saying where they stand.
fn check_ascii(text: &str) -> Result<(), AddressProblem> {
    let allowed = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    match text.chars().enumerate().find(|(_, c)| !allowed(*c)) {
        Some((index, found)) => Err(AddressProblem::Character { at: index + 1, found }),
        None => Ok(()),
    }
}

/// Maps to lower-case A-labels; existing A-labels are checked too, lest two of them mean one name.
fn to_ascii(text: &str) -> Result<String, AddressProblem> {
    let lower = text.to_ascii_lowercase();
    if lower.is_ascii() && !lower.contains("xn--") {
        return Ok(lower);
    }
    Uts46::new()
        .to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow, DnsLength::Ignore)
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| AddressProblem::InvalidIdn)
}

fn check_labels(name: &str) -> Result<(), AddressProblem> {
    if name.is_empty() {
        return Err(AddressProblem::Empty);
    }
    if name.len() > MAX_DOMAIN {
        return Err(AddressProblem::DomainTooLong { octets: name.len() });
    }
    for (index, label) in name.split('.').enumerate() {
        check_label(index + 1, label)?;
    }
    match name.rsplit('.').next() {
        Some(top) if top.bytes().all(|b| b.is_ascii_digit()) => Err(AddressProblem::NumericTopLabel),
        _ => Ok(()),
    }
}

fn check_label(label: usize, text: &str) -> Result<(), AddressProblem> {
    if text.is_empty() {
        return Err(AddressProblem::EmptyLabel { label });
    }
    if text.len() > MAX_LABEL {
        return Err(AddressProblem::LabelTooLong { label, octets: text.len() });
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err(AddressProblem::LabelHyphen { label });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn problem(text: &str) -> AddressProblem {
        Domain::parse(text).unwrap_err().problem().clone()
    }

    #[test]
    fn brings_names_to_one_form() {
        let cases = [
            ("Example.ORG", "example.org"),
            ("example.org.", "example.org"),
            ("localhost", "localhost"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("straße.de", "xn--strae-oqa.de"),
            ("日本語。jp", "xn--wgv71a119e.jp"),
            ("a--b.example", "a--b.example"),
            ("[192.0.2.1]", "[192.0.2.1]"),
            ("[ipv6:2001:DB8:0::1]", "[IPv6:2001:db8::1]"),
        ];
        for (text, expected) in cases {
            assert_eq!(Domain::parse(text).unwrap().as_str(), expected, "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_name() {
        let long_label = "a".repeat(64);
        let long_name = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(62)].join(".");
        let cases = [
            ("", AddressProblem::Empty),
            (".", AddressProblem::Empty),
            ("a..b", AddressProblem::EmptyLabel { label: 2 }),
            (".a", AddressProblem::EmptyLabel { label: 1 }),
            ("a..", AddressProblem::EmptyLabel { label: 2 }),
            ("exa_mple.org", AddressProblem::Character { at: 4, found: '_' }),
            ("a b", AddressProblem::Character { at: 2, found: ' ' }),
            ("a\r\nb", AddressProblem::Character { at: 2, found: '\r' }),
            ("-a.org", AddressProblem::LabelHyphen { label: 1 }),
            ("a.b-", AddressProblem::LabelHyphen { label: 2 }),
            ("192.0.2.1", AddressProblem::NumericTopLabel),
            ("xn--a.example", AddressProblem::InvalidIdn),
            ("a\u{ff3f}b", AddressProblem::InvalidIdn),
            ("[192.0.2.256]", AddressProblem::InvalidLiteral),
            ("[192.0.2.1", AddressProblem::InvalidLiteral),
            ("[2001:db8::1]", AddressProblem::InvalidLiteral),
            (&long_label, AddressProblem::LabelTooLong { label: 1, octets: 64 }),
            (&long_name, AddressProblem::DomainTooLong { octets: 254 }),
        ];
        for (text, expected) in cases {
            assert_eq!(problem(text), expected, "{text}");
        }
    }

    #[test]
    fn knows_literals_from_names() {
        assert_eq!(Domain::parse("[192.0.2.1]").unwrap().literal(), Some([192, 0, 2, 1].into()));
        assert_eq!(Domain::parse("[IPv6:::1]").unwrap().literal(), Some(Ipv6Addr::LOCALHOST.into()));
        assert_eq!(Domain::parse("example.org").unwrap().literal(), None);
    }

    #[test]
    fn is_below_another_only_at_a_label_boundary() {
        let parent = Domain::parse("example.org").unwrap();
        let below = |name: &str| Domain::parse(name).unwrap().is_subdomain_of(&parent);
        assert!(below("mail.example.org"));
        assert!(below("a.b.example.org"));
        assert!(!below("example.org"));
        assert!(!below("badexample.org"));
        assert!(!below("example.org.evil.test"));
    }

    proptest! {
        #[test]
        fn whatever_parses_is_its_own_normal_form(text in "\\PC{0,40}") {
            if let Ok(domain) = Domain::parse(&text) {
                prop_assert!(domain.as_str().is_ascii());
                prop_assert_eq!(Domain::parse(domain.as_str()).unwrap(), domain);
            }
        }

        #[test]
        fn case_and_trailing_dot_do_not_matter(name in "[a-z][a-z0-9]{0,9}(\\.[a-z]{2,8}){1,3}") {
            let upper = Domain::parse(&format!("{}.", name.to_uppercase())).unwrap();
            prop_assert_eq!(upper.as_str(), name);
        }
    }
}
