//! Addresses: `local-part@domain`.

use super::{AddressError, AddressProblem, Domain, Expected, quoted, text_serde::serde_as_text};
use std::{borrow::Cow, fmt, sync::Arc};

/// Longest local part in octets (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL: usize = 64;
/// Longest address in octets: a path of 256 (RFC 5321 section 4.5.3.1.3) less its angle brackets.
const MAX_ADDRESS: usize = 254;

/// A mailbox as SMTP names it: `local-part@domain` (RFC 5321 section 4.1.2, RFC 6531 section 3.3).
///
/// The local part keeps its case and is quoted only when it needs to be: `"ann"@example.org` is read as
/// `ann@example.org`. No control character ever passes. Clones share their text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress {
    text: Arc<str>,
    /// Length of the local part within `text`, in octets.
    local_len: usize,
    domain: Domain,
}

impl EmailAddress {
    /// Reads an address without angle brackets, white space or display name.
    ///
    /// # Errors
    /// [`AddressError`] with the first thing wrong; a fault of the domain is reported as the domain's.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let fail = |problem| AddressError::new(Expected::EmailAddress, text, problem);
        let (local, domain) = split(text).map_err(fail)?;
        let domain = Domain::parse(domain)?;
        if local.len() > MAX_LOCAL {
            return Err(fail(AddressProblem::LocalPartTooLong { octets: local.len() }));
        }
        let octets = local.len() + 1 + domain.as_str().len();
        if octets > MAX_ADDRESS {
            return Err(fail(AddressProblem::TooLong { octets }));
        }
        Ok(Self { text: format!("{local}@{domain}").into(), local_len: local.len(), domain })
    }

    /// The part before the `@`, quoted where it needs to be.
    pub fn local(&self) -> &str {
        self.text.get(..self.local_len).unwrap_or_default()
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The whole address in its normal form.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether only a server with SMTPUTF8 can take this address (RFC 6531): its local part is not
    /// ASCII. (Domains never ask for it, since they are held as A-labels.)
    pub fn needs_smtputf8(&self) -> bool {
        !self.local().is_ascii()
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

serde_as_text!(EmailAddress);

/// The local part in its shortest form, and the domain as written.
fn split(text: &str) -> Result<(Cow<'_, str>, &str), AddressProblem> {
    if text.is_empty() {
        return Err(AddressProblem::Empty);
    }
    if text.starts_with('"') {
        return split_quoted(text);
    }
    let (local, domain) = text.split_once('@').ok_or(AddressProblem::MissingAt)?;
    check_dot_atom(local)?;
    Ok((local.into(), domain))
}

fn split_quoted(text: &str) -> Result<(Cow<'_, str>, &str), AddressProblem> {
    let (content, rest) = quoted::read(text, 0)?;
    let domain = match rest.strip_prefix('@') {
        Some(domain) => domain,
        None => {
            let at = text.chars().count() - rest.chars().count() + 1;
            let unexpected = |found| AddressProblem::Character { at, found };
            return Err(rest.chars().next().map_or(AddressProblem::MissingAt, unexpected));
        }
    };
    let bare = check_dot_atom(&content).is_ok();
    Ok((if bare { content } else { quoted::write(&content) }.into(), domain))
}

/// Checks `Dot-string` of RFC 5321 section 4.1.2 with the UTF-8 of RFC 6531 section 3.3.
fn check_dot_atom(local: &str) -> Result<(), AddressProblem> {
    if local.is_empty() {
        return Err(AddressProblem::EmptyLocalPart);
    }
    let mut previous = '.';
    for (index, found) in local.chars().enumerate() {
        if found == '.' && previous == '.' {
            return Err(AddressProblem::Dot { at: index + 1 });
        }
        if found != '.' && !is_atext(found) {
            return Err(AddressProblem::Character { at: index + 1, found });
        }
        previous = found;
    }
    if previous == '.' {
        return Err(AddressProblem::Dot { at: local.chars().count() });
    }
    Ok(())
}

/// `atext` of RFC 5322 section 3.2.3, and any printable character beyond ASCII (RFC 6532 section 3.2).
fn is_atext(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
    } else {
        !c.is_control() && !c.is_whitespace()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn brings_addresses_to_one_form() {
        let cases = [
            ("Ann@Example.ORG", "Ann@example.org"),
            ("a.b+c@example.org", "a.b+c@example.org"),
            ("\"ann\"@example.org", "ann@example.org"),
            ("\"a\\nn\"@example.org", "ann@example.org"),
            ("\"a b\"@example.org", "\"a b\"@example.org"),
            ("\"a..b\"@example.org", "\"a..b\"@example.org"),
            ("\"\\a@\\\"\\\\\"@example.org", "\"a@\\\"\\\\\"@example.org"),
            ("\"\"@example.org", "\"\"@example.org"),
            ("o'brien@bücher.example", "o'brien@xn--bcher-kva.example"),
            ("пример@example.org", "пример@example.org"),
            ("postmaster@[192.0.2.1]", "postmaster@[192.0.2.1]"),
        ];
        for (text, expected) in cases {
            assert_eq!(EmailAddress::parse(text).unwrap().as_str(), expected, "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_an_address() {
        let long_local = format!("{}@example.org", "a".repeat(65));
        let long_path = format!("{}@{}.example.org", "a".repeat(60), vec!["b".repeat(60); 3].join("."));
        let cases = [
            ("", AddressProblem::Empty),
            ("ann", AddressProblem::MissingAt),
            ("@example.org", AddressProblem::EmptyLocalPart),
            ("a b@example.org", AddressProblem::Character { at: 2, found: ' ' }),
            (" a@example.org", AddressProblem::Character { at: 1, found: ' ' }),
            ("<a@example.org>", AddressProblem::Character { at: 1, found: '<' }),
            ("a\r\nRCPT TO:<x@example.org", AddressProblem::Character { at: 2, found: '\r' }),
            ("a\0@example.org", AddressProblem::Character { at: 2, found: '\0' }),
            ("a\u{85}@example.org", AddressProblem::Character { at: 2, found: '\u{85}' }),
            (".a@example.org", AddressProblem::Dot { at: 1 }),
            ("a..b@example.org", AddressProblem::Dot { at: 3 }),
            ("ab.@example.org", AddressProblem::Dot { at: 3 }),
            ("\"a@example.org", AddressProblem::UnclosedQuote { at: 1 }),
            ("\"a\rb\"@example.org", AddressProblem::Character { at: 3, found: '\r' }),
            ("\"a\"b@example.org", AddressProblem::Character { at: 4, found: 'b' }),
            ("\"a\"", AddressProblem::MissingAt),
            ("a@b@example.org", AddressProblem::Character { at: 2, found: '@' }),
            ("a@", AddressProblem::Empty),
            (&long_local, AddressProblem::LocalPartTooLong { octets: 65 }),
            (&long_path, AddressProblem::TooLong { octets: 255 }),
        ];
        for (text, expected) in cases {
            assert_eq!(EmailAddress::parse(text).unwrap_err().problem(), &expected, "{text}");
        }
    }

    #[test]
    fn gives_its_parts() {
        let address = EmailAddress::parse("\"a @b\"@Example.org").unwrap();
        assert_eq!(address.local(), "\"a @b\"");
        assert_eq!(address.domain().as_str(), "example.org");
    }

    #[test]
    fn asks_for_smtputf8_only_for_its_local_part() {
        assert!(EmailAddress::parse("dömi@example.org").unwrap().needs_smtputf8());
        assert!(!EmailAddress::parse("domi@bücher.example").unwrap().needs_smtputf8());
    }

    #[test]
    fn an_error_repeats_little_and_no_control_characters() {
        let error = EmailAddress::parse(&format!("\r\n{}@x", "a".repeat(500))).unwrap_err().to_string();
        assert!(error.contains("\\r\\n"), "{error}");
        assert!(error.len() < 180 && !error.contains('\n'), "{error}");
        assert_eq!(
            EmailAddress::parse("a b@x").unwrap_err().to_string(),
            "\"a b@x\" is not an email address: character 2 (' ') is not allowed there"
        );
    }

    proptest! {
        #[test]
        fn whatever_parses_is_its_own_normal_form(text in "(\"\\PC{0,12}\"|\\PC{1,12})@[a-z.]{1,12}") {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert!(!address.as_str().chars().any(char::is_control));
                prop_assert_eq!(EmailAddress::parse(address.as_str()).unwrap(), address);
            }
        }

        #[test]
        fn any_printable_local_part_survives_quoting(local in "[ -~äж]{0,30}") {
            let address = EmailAddress::parse(&format!("{}@example.org", quoted::write(&local))).unwrap();
            let content = match quoted::read(address.local(), 0) {
                Ok((content, "")) if address.local().starts_with('"') => content,
                _ => address.local().to_owned(),
            };
            prop_assert_eq!(content, local);
        }
    }
}
