//! How values travel in the parameters and fields of delivery reports: xtext (RFC 3461 section 4) and the
//! escapes of `utf-8` addresses (RFC 6533 section 3).

use std::fmt::Write;

/// Encodes printable ASCII and spaces as xtext: the space, `+` and `=` become `+` and two digits.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'!'..=b'~' if !matches!(octet, b'+' | b'=') => encoded.push(char::from(octet)),
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(encoded, "+{octet:02X}");
            }
        }
    }
    encoded
}

/// Decodes xtext, which must stand for one or more printable ASCII characters or spaces: the result is
/// written into reports, where a control character would be an injection.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut decoded = String::with_capacity(text.len());
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        let octet = match octet {
            b'+' => hex(octets.next()?)? << 4 | hex(octets.next()?)?,
            b'=' => return None,
            b'!'..=b'~' => octet,
            _ => return None,
        };
        if !matches!(octet, b' '..=b'~') {
            return None;
        }
        decoded.push(char::from(octet));
    }
    (!decoded.is_empty()).then_some(decoded)
}

/// The value of an upper-case hexadecimal digit; xtext has no lower-case ones.
fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Writes an address in the form that passes everywhere (`utf-8-addr-xtext`): whatever is not plain ASCII
/// becomes `\x{…}`.
pub(super) fn escape(address: &str) -> String {
    let mut escaped = String::with_capacity(address.len());
    for c in address.chars() {
        if matches!(c, '!'..='~') && !matches!(c, '\\' | '+' | '=') {
            escaped.push(c);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "\\x{{{:X}}}", u32::from(c));
        }
    }
    escaped
}

/// Reads an address in any form of RFC 6533 section 3, escaped or as it is: not empty, no control
/// characters, escaped or not.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut address = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x{") {
        let (digits, tail) = after.split_once('}')?;
        address.push_str(before);
        address.push(code_point(digits)?);
        rest = tail;
    }
    address.push_str(rest);
    (!address.is_empty() && !address.contains(char::is_control)).then_some(address)
}

fn code_point(digits: &str) -> Option<char> {
    let hex = (1..=6).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if hex { u32::from_str_radix(digits, 16).ok().and_then(char::from_u32) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decodes_xtext_and_lets_no_control_character_through() {
        assert_eq!(decode("a+2Bb+20c").as_deref(), Some("a+b c"));
        for bad in ["", "a=b", "a+2b", "a+", "a+2", "a+0D+0A", "a b", "a\u{e9}", "+C3+A9"] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn escapes_what_is_not_plain_ascii() {
        assert_eq!(escape("é+a@b.example"), "\\x{E9}\\x{2B}a@b.example");
        assert_eq!(unescape("\\x{e9}+a@b.example").as_deref(), Some("é+a@b.example"));
        let bad =
            ["", "\\x{}", "\\x{d}", "\\x{D800}", "\\x{110000}", "\\x{0000041}", "\\x{41", "\\x{+4}", "a\r"];
        for bad in bad {
            assert_eq!(unescape(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_the_xtext_it_writes(text in "[ -~]{1,60}") {
            let encoded = encode(&text);
            prop_assert!(encoded.bytes().all(|octet| matches!(octet, b'!'..=b'~') && octet != b'='));
            prop_assert_eq!(decode(&encoded), Some(text));
        }

        #[test]
        fn reads_back_the_escapes_it_writes(text in "\\PC{1,60}") {
            let escaped = escape(&text);
            prop_assert!(escaped.bytes().all(|octet| matches!(octet, b'!'..=b'~')));
            prop_assert_eq!(unescape(&escaped), Some(text));
        }

        #[test]
        fn decoding_anything_gives_no_control_character(text in "[\\x00-\\x7f\\PC]{0,40}") {
            for decoded in [decode(&text), unescape(&text)].into_iter().flatten() {
                prop_assert!(!decoded.contains(char::is_control));
            }
        }
    }
}
