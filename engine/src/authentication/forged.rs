//! Taking out results that others wrote in our name (RFC 8601 section 5).

use crate::message::{Field, fields};
use std::borrow::Cow;

/// The header section without `Authentication-Results` fields that claim to be of `authserv_id`, or of nobody that can be
/// read. Every other octet stays as it is, so that signatures hold.
///
/// The id is compared without regard to case, with or without quotes, comments, version and final dot; the name may
/// have white space before its colon, which old mail has (RFC 5322 section 4.5) and some readers allow.
pub fn without_results<'h>(header: &'h [u8], authserv_id: &str) -> Cow<'h, [u8]> {
    let forged = |field: &Field<'_>| claims(field, authserv_id);
    if !fields(header).any(|field| forged(&field)) {
        return Cow::Borrowed(header);
    }
    let kept = fields(header).filter(|field| !forged(field)).flat_map(|field| field.raw().iter().copied());
    Cow::Owned(kept.collect())
}

fn claims(field: &Field<'_>, authserv_id: &str) -> bool {
    if !field.name().trim_ascii_end().eq_ignore_ascii_case(b"Authentication-Results") {
        return false;
    }
    let bare = |name: &[u8]| name.strip_suffix(b".").unwrap_or(name).to_ascii_lowercase();
    first_word(field.value()).is_none_or(|id| bare(&id) == bare(authserv_id.as_bytes()))
}

/// The first word of a structured value; `None` when there is none.
fn first_word(value: &[u8]) -> Option<Vec<u8>> {
    let rest = after_comments(value)?;
    let word = match rest.strip_prefix(b"\"") {
        Some(quoted) => unquoted(quoted)?,
        None => {
            rest.iter().copied().take_while(|b| !b.is_ascii_whitespace() && !b"(;\"".contains(b)).collect()
        }
    };
    (!word.is_empty()).then_some(word)
}

/// What follows white space and comments (RFC 5322 section 3.2.2); `None` when a comment does not end.
fn after_comments(value: &[u8]) -> Option<&[u8]> {
    let (mut depth, mut escaped) = (0_usize, false);
    for (at, byte) in value.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if depth > 0 => escaped = true,
            b'(' => depth += 1,
            b')' if depth > 0 => depth -= 1,
            _ if depth > 0 || byte.is_ascii_whitespace() => {}
            _ => return value.get(at..),
        }
    }
    None
}

/// What stands before the closing quote, without its backslashes and line ends; `None` without one.
fn unquoted(quoted: &[u8]) -> Option<Vec<u8>> {
    let mut word = Vec::new();
    let mut escaped = false;
    for byte in quoted {
        match byte {
            _ if escaped => {
                word.push(*byte);
                escaped = false;
            }
            b'\\' => escaped = true,
            b'"' => return Some(word),
            b'\r' | b'\n' => {}
            _ => word.push(*byte),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whatever_claims_to_be_ours_goes() {
        let forged = [
            "Authentication-Results: mx.example.org; spf=pass",
            "authentication-results:MX.Example.ORG;dkim=pass",
            "Authentication-Results : mx.example.org; spf=pass",
            "Authentication-Results\t:\r\n\tmx.example.org;\r\n\tspf=pass",
            "Authentication-Results: (a (nested) \\) comment) mx.example.org 1; spf=pass",
            "Authentication-Results: \"mx.example.org\"; spf=pass",
            "Authentication-Results: \"mx\\.example.org\"; spf=pass",
            "Authentication-Results: mx.example.org.; spf=pass",
            "Authentication-Results: mx.example.org",
            "Authentication-Results: mx.example.org(x); spf=pass",
            // Nobody's: some readers would believe it.
            "Authentication-Results: ; spf=pass",
            "Authentication-Results:",
            "Authentication-Results: (mx.example.org; spf=pass",
        ];
        for field in forged {
            let header = format!("From: a@example.com\r\n{field}\r\nTo: b@example.org\r\n");
            let kept = without_results(header.as_bytes(), "mx.example.org");
            assert_eq!(&*kept, b"From: a@example.com\r\nTo: b@example.org\r\n", "{field:?}");
        }
    }

    #[test]
    fn what_others_found_stays() {
        let header = b"Authentication-Results: mx.example.net; spf=pass\r\n\
            Authentication-Results: amx.example.org; x=mx.example.org\r\n\
            ARC-Authentication-Results: i=1; mx.example.org; spf=pass\r\n\
            X-Authentication-Results: mx.example.org\r\n";
        assert!(matches!(without_results(header, "mx.example.org"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn nothing_else_changes(before in "([A-Z]: [a-z \\\\(\"]{0,9}\r\n){0,3}", after in "([A-Z]: \\PC{0,9}\r\n( x\r\n)?){0,3}") {
            let header = format!("{before}Authentication-Results: us; spf=pass\r\n\tdkim=pass\r\n{after}");
            let kept = without_results(header.as_bytes(), "us");
            let expected = format!("{before}{after}");
            prop_assert_eq!(&*kept, expected.as_bytes());
        }

        #[test]
        fn nothing_of_ours_is_left(header in "(Authentication-Results|X)( ?: ?)(us|\"us\"|\\(|\\)|;|\\\\| |\"|\r\n ){0,6}\r\n") {
            let once = without_results(header.as_bytes(), "us").into_owned();
            prop_assert_eq!(&*without_results(&once, "us"), &*once);
        }
    }
}
